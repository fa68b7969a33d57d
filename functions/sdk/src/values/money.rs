//! Yuan, exact to the cent.

use super::{At, Json, Value};
use rust_decimal::{Decimal, RoundingStrategy};
use std::fmt;

/// An amount in yuan with two decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(Decimal);

impl Money {
    /// Rounded half away from zero to the cent (四舍五入).
    pub fn rounded(amount: Decimal) -> Self {
        let mut cents = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        cents.rescale(2);
        Self(cents)
    }

    /// The exact amount.
    pub fn amount(self) -> Decimal {
        self.0
    }

    /// Reads `1234.50`; two places, no sign but a minus.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, cents) = text.strip_prefix('-').unwrap_or(text).split_once('.')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let shaped =
            (1..=15).contains(&whole.len()) && cents.len() == 2 && digits(whole) && digits(cents);
        shaped.then(|| text.parse().ok().map(Self)).flatten()
    }

    /// The amount in words as receipts want it (人民币大写): `壹仟零贰元伍角整`.
    pub fn in_words(self) -> String {
        let cents = (self.0.abs() * Decimal::ONE_HUNDRED).trunc().to_string();
        let cents: Vec<usize> = cents.bytes().map(|byte| usize::from(byte - b'0')).collect();
        let split = cents.len().saturating_sub(2);
        let (yuan, rest) = cents.split_at(split);
        let (jiao, fen) = match rest {
            [jiao, fen] => (*jiao, *fen),
            [fen] => (0, *fen),
            _ => (0, 0),
        };
        let mut words = String::new();
        if self.0.is_sign_negative() && !self.0.is_zero() {
            words.push('负');
        }
        let has_yuan = yuan.iter().any(|&digit| digit != 0);
        if has_yuan {
            words.push_str(&whole_in_words(yuan));
            words.push('元');
        }
        match (jiao, fen) {
            (0, 0) if has_yuan => words.push('整'),
            (0, 0) => words.push_str("零元整"),
            (jiao, 0) => words.extend([DIGITS[jiao], '角', '整']),
            (0, fen) if has_yuan => words.extend(['零', DIGITS[fen], '分']),
            (0, fen) => words.extend([DIGITS[fen], '分']),
            (jiao, fen) => words.extend([DIGITS[jiao], '角', DIGITS[fen], '分']),
        }
        words
    }
}

const DIGITS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];

/// Groups of four digits, each with its unit; a gap of zeros is said once.
fn whole_in_words(digits: &[usize]) -> String {
    let mut words = String::new();
    let mut gap = false;
    let mut group_said = false;
    for (index, &digit) in digits.iter().enumerate() {
        let place = digits.len() - 1 - index;
        if digit == 0 {
            gap = true;
        } else {
            if gap && !words.is_empty() {
                words.push('零');
            }
            gap = false;
            words.push(DIGITS[digit]);
            words.push_str(["", "拾", "佰", "仟"][place % 4]);
            group_said = true;
        }
        if place.is_multiple_of(4) && group_said {
            words.push_str(["", "万", "亿", "万亿"][(place / 4).min(3)]);
            group_said = false;
        }
    }
    words
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::ops::Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::ops::Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Value for Money {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        match json.as_str().and_then(Self::parse) {
            Some(money) => Some(money),
            None => at.wrong(
                "type",
                "金额应为带引号、两位小数的数，如 \"1234.50\"",
                "must be an amount in quotes with two places, like \"1234.50\"",
                None,
            ),
        }
    }
    fn write(&self) -> Json {
        Json::String(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_words() {
        for (amount, words) in [
            ("0.00", "零元整"),
            ("0.05", "伍分"),
            ("0.50", "伍角整"),
            ("10.00", "壹拾元整"),
            ("1002.50", "壹仟零贰元伍角整"),
            ("107000.53", "壹拾万零柒仟元伍角叁分"),
            ("86543.07", "捌万陆仟伍佰肆拾叁元零柒分"),
            ("100000000.00", "壹亿元整"),
            ("100010000.10", "壹亿零壹万元壹角整"),
            ("-3.20", "负叁元贰角整"),
        ] {
            assert_eq!(Money::parse(amount).unwrap().in_words(), words, "{amount}");
        }
    }

    #[test]
    fn refuses_what_is_not_to_the_cent() {
        for text in [
            "1", "1.5", "1.555", "+1.00", "1,000.00", ".50", "1e3", "", "1.0a",
        ] {
            assert_eq!(Money::parse(text), None, "{text}");
        }
        assert_eq!(Money::rounded("1.005".parse().unwrap()).to_string(), "1.01");
        assert_eq!(Money::rounded(Decimal::ONE).to_string(), "1.00");
    }
}
