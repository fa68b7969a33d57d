//! Yuan as the contract writes them, and whole fen as the ledger counts them.

/// Digits in front of the point: sums of many such amounts are still exact.
const DIGITS_MAX: usize = 13;

/// An amount as fen, `1234.50` as 123450; `None` for anything but plain digits with two places.
pub fn fen(yuan: &str) -> Option<u64> {
    let (whole, cents) = yuan.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = !whole.is_empty() && (whole == "0" || !whole.starts_with('0'));
    let sized = whole.len() <= DIGITS_MAX && cents.len() == 2;
    if !(plain && sized && digits(whole) && digits(cents)) {
        return None;
    }
    Some(whole.parse::<u64>().ok()? * 100 + cents.parse::<u64>().ok()?)
}

/// Fen as an amount.
pub fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, expected) in [
            ("0.00", Some(0)),
            ("0.01", Some(1)),
            ("1234.50", Some(123_450)),
            ("9999999999999.99", Some(999_999_999_999_999)),
            ("10000000000000.00", None),
            ("1234.5", None),
            ("1234.500", None),
            ("1234", None),
            ("-1.00", None),
            ("+1.00", None),
            ("01.00", None),
            (".50", None),
            ("1,234.50", None),
            ("１.00", None),
            ("", None),
        ] {
            assert_eq!(fen(text), expected, "{text:?}");
            if let Some(fen) = expected {
                assert_eq!(yuan(fen), text);
            }
        }
    }
}
