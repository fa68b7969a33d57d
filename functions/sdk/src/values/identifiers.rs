//! Identifiers that carry their own proof.

use super::{At, Json, Value};
use chrono::NaiveDate;
use onething_contract::identifiers;

macro_rules! text_identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// As it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

text_identifier!(
    /// A citizen's number (GB 11643-1999): region, birth date, sequence, check character.
    CitizenId
);

impl CitizenId {
    /// The birth date in digits 7 to 14.
    pub fn born(&self) -> Option<NaiveDate> {
        born(&self.0)
    }

    /// The 17th digit is odd.
    pub fn is_male(&self) -> bool {
        self.0
            .as_bytes()
            .get(16)
            .is_some_and(|digit| digit % 2 == 1)
    }
}

impl Value for CitizenId {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        let basis = Some("GB 11643-1999");
        let id = at.text(json)?;
        let (body, check) = (id.get(..17).unwrap_or(""), id.get(17..).unwrap_or(""));
        let shaped = (body.len(), check.len()) == (17, 1)
            && body.bytes().all(|byte| byte.is_ascii_digit())
            && check
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'X');
        if !shaped {
            return at.wrong(
                "citizen-id-form",
                "公民身份号码应为 17 位数字加 1 位校验码（末位可为大写 X）",
                "a citizen ID has 17 digits and a check character (a digit or a capital X)",
                basis,
            );
        }
        if born(id).is_none() {
            return at.wrong(
                "citizen-id-date",
                "公民身份号码第 7–14 位不是有效日期",
                "digits 7 to 14 of the citizen ID are not a date",
                basis,
            );
        }
        if !identifiers::citizen_id(id) {
            return at.wrong(
                "citizen-id-checksum",
                "公民身份号码校验码不符，请核对",
                "the check character of the citizen ID does not match; compare it with the card",
                basis,
            );
        }
        Some(Self(id.to_owned()))
    }
    fn write(&self) -> Json {
        Json::String(self.0.clone())
    }
}

fn born(id: &str) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(
        id.get(6..10)?.parse().ok()?,
        id.get(10..12)?.parse().ok()?,
        id.get(12..14)?.parse().ok()?,
    )
}

text_identifier!(
    /// A unified social credit code (GB 32100-2015).
    Uscc
);

impl Uscc {
    /// The region in places 3 to 8, GB/T 2260.
    pub fn region(&self) -> &str {
        self.0.get(2..8).unwrap_or("")
    }
}

impl Value for Uscc {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        let basis = Some("GB 32100-2015");
        let code = at.text(json)?;
        if !identifiers::uscc_shaped(code) {
            return at.wrong(
                "uscc-form",
                "统一社会信用代码应为 18 位数字和大写字母（不含 I、O、S、V、Z）",
                "a unified social credit code has 18 digits and capital letters (not I, O, S, V, Z)",
                basis,
            );
        }
        if !identifiers::uscc(code) {
            return at.wrong(
                "uscc-checksum",
                "统一社会信用代码校验码不符，请核对",
                "the check character of the unified social credit code does not match",
                basis,
            );
        }
        Some(Self(code.to_owned()))
    }
    fn write(&self) -> Json {
        Json::String(self.0.clone())
    }
}

text_identifier!(
    /// A mobile number, or a landline with its area code.
    Phone
);

impl Value for Phone {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        let phone = at.text(json)?;
        let digits = phone
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-');
        let mobile = phone.len() == 11 && phone.starts_with('1') && !phone.contains('-');
        let landline = phone.starts_with('0')
            && (10..=13).contains(&phone.len())
            && phone.matches('-').count() <= 1;
        if digits && (mobile || landline) {
            return Some(Self(phone.to_owned()));
        }
        at.wrong(
            "phone-form",
            "应为 11 位手机号，或带区号的座机号如 0578-2091234",
            "must be a mobile number of 11 digits or a landline with its area code, 0578-2091234",
            None,
        )
    }
    fn write(&self) -> Json {
        Json::String(self.0.clone())
    }
}

text_identifier!(
    /// A bank account or card, 8 to 32 digits.
    Account
);

impl Account {
    /// The check digit of a card (ISO/IEC 7812-1, Luhn) is right. Accounts of units need not be.
    pub fn is_card(&self) -> bool {
        let digits = self
            .0
            .bytes()
            .rev()
            .map(|byte| u32::from(byte.wrapping_sub(b'0')));
        let sum: u32 = digits
            .enumerate()
            .map(|(index, digit)| match (index % 2, digit * 2) {
                (0, _) => digit,
                (_, double) if double > 9 => double - 9,
                (_, double) => double,
            })
            .sum();
        sum.is_multiple_of(10)
    }
}

impl Value for Account {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        let account = at.text(json)?;
        if (8..=32).contains(&account.len()) && account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self(account.to_owned()));
        }
        at.wrong(
            "account-form",
            "银行账号应为 8 至 32 位数字，不含空格",
            "a bank account has 8 to 32 digits and no spaces",
            None,
        )
    }
    fn write(&self) -> Json {
        Json::String(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes<T: Value>(text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        let mut at = At {
            path: "/x".to_owned(),
            max: None,
            findings: &mut findings,
        };
        assert_eq!(
            T::read(&Json::String(text.to_owned()), &mut at).is_some(),
            at.findings.is_empty()
        );
        findings.into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn citizen_ids() {
        for good in [
            "11010519491231002X",
            "440524188001010014",
            "331102196501150019",
            "331121197506300067",
        ] {
            assert!(codes::<CitizenId>(good).is_empty(), "{good}");
        }
        for (bad, code) in [
            ("36042619910102009X", "citizen-id-checksum"),
            ("11010519491331002X", "citizen-id-date"),
            ("11010519491231002x", "citizen-id-form"),
            ("1101051949123100", "citizen-id-form"),
            ("一二三四五六", "citizen-id-form"),
        ] {
            assert_eq!(codes::<CitizenId>(bad), [code], "{bad}");
        }
    }

    #[test]
    fn social_credit_codes() {
        for good in [
            "91350100M000100Y43",
            "91110000600037341L",
            "1133110000264001XK",
            "1233110000264001XG",
        ] {
            assert!(codes::<Uscc>(good).is_empty(), "{good}");
        }
        assert_eq!(codes::<Uscc>("91110000600037341N"), ["uscc-checksum"]);
        assert_eq!(codes::<Uscc>("9111000060003734IL"), ["uscc-form"]);
        assert_eq!(codes::<Uscc>("莲都区"), ["uscc-form"]);
    }

    #[test]
    fn cards_and_phones() {
        let card = |digits: &str| Account(digits.to_owned()).is_card();
        assert!(card("79927398713"));
        assert!(!card("79927398710"));
        for good in ["13905780001", "0578-2091234", "05782091234"] {
            assert!(codes::<Phone>(good).is_empty(), "{good}");
        }
        for bad in [
            "1390578000",
            "+8613905780001",
            "2091234",
            "0578--091234",
            "１３９０５７８０００１",
        ] {
            assert_eq!(codes::<Phone>(bad), ["phone-form"], "{bad}");
        }
    }
}
