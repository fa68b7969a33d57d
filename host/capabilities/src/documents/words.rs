//! Values in the words that forms are printed in.

use chrono::{DateTime, Datelike, NaiveDate};
use onething_contract::manifest::{Kind, Shape};
use serde_json::Value;

/// A value of a declared type. What does not fit the type is printed as it is: a page hides
/// nothing.
pub(super) fn value(shape: &Shape, value: &Value) -> String {
    match (shape.kind, value) {
        (_, Value::Null) => String::new(),
        (Kind::Bool, Value::Bool(true)) => "是".into(),
        (Kind::Bool, Value::Bool(false)) => "否".into(),
        (Kind::Money, Value::String(yuan)) => format!("{yuan}元"),
        (Kind::Date | Kind::Month, Value::String(_)) => by_its_look(value),
        (Kind::Enum, Value::String(code)) => label(shape, code).to_owned(),
        (Kind::EnumList, Value::Array(codes)) => {
            let labels = codes.iter().map(|code| match code {
                Value::String(code) => label(shape, code).to_owned(),
                other => plain(other),
            });
            labels.collect::<Vec<_>>().join("、")
        }
        (Kind::Signature, Value::Object(signature)) => {
            let member = |name| signature.get(name).map(by_its_look).unwrap_or_default();
            format!("{}（电子签名 {}）", member("name"), member("signed_at"))
        }
        _ => plain(value),
    }
}

/// A value whose type nobody declares: dates and months are recognised.
pub(super) fn by_its_look(value: &Value) -> String {
    let Value::String(text) = value else {
        return match value {
            Value::Bool(true) => "是".into(),
            Value::Bool(false) => "否".into(),
            other => plain(other),
        };
    };
    day(text)
        .or_else(|| {
            DateTime::parse_from_rfc3339(text)
                .ok()
                .map(|at| at.date_naive())
        })
        .map(date)
        .or_else(|| month(text))
        .unwrap_or_else(|| text.clone())
}

/// A point in time, to the minute: `2025年2月1日 09:05`.
pub(super) fn moment(rfc3339: &str) -> String {
    match DateTime::parse_from_rfc3339(rfc3339) {
        Ok(at) => format!("{} {}", date(at.date_naive()), at.format("%H:%M")),
        Err(_) => rfc3339.to_owned(),
    }
}

fn date(day: NaiveDate) -> String {
    format!("{}年{}月{}日", day.year(), day.month(), day.day())
}

fn month(text: &str) -> Option<String> {
    let first = day(&format!("{text}-01"))?;
    Some(format!("{}年{}月", first.year(), first.month()))
}

/// Only as the contract writes dates: `chrono` reads more.
fn day(text: &str) -> Option<NaiveDate> {
    let shape = |(n, byte): (usize, u8)| match n {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    if text.len() == 10 && text.bytes().enumerate().all(shape) {
        text.parse().ok()
    } else {
        None
    }
}

fn label<'s>(shape: &'s Shape, code: &'s str) -> &'s str {
    let value = shape.values.iter().find(|value| value.code == code);
    value.map_or(code, |value| &value.zh)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_type_in_words() {
        let shape = |kind: &str| -> Shape {
            let values = json!([{ "code": "a", "zh": "甲", "en": "A" }, { "code": "b", "zh": "乙", "en": "B" }]);
            serde_json::from_value(json!({ "type": kind, "values": values })).unwrap()
        };
        for (kind, given, expected) in [
            ("text", json!(null), ""),
            ("text", json!("2025-02"), "2025-02"),
            ("text", json!("𠮷㛃·买买提"), "𠮷㛃·买买提"),
            ("int", json!(420), "420"),
            ("decimal", json!("1.0500"), "1.0500"),
            ("money", json!("12345.60"), "12345.60元"),
            ("bool", json!(true), "是"),
            ("bool", json!(false), "否"),
            ("date", json!("2025-02-01"), "2025年2月1日"),
            ("date", json!("2025-02-30"), "2025-02-30"),
            ("month", json!("2025-12"), "2025年12月"),
            ("month", json!("2025-13"), "2025-13"),
            ("enum", json!("a"), "甲"),
            ("enum", json!("z"), "z"),
            ("enum-list", json!(["b", "a", "z"]), "乙、甲、z"),
            ("enum-list", json!([]), ""),
            (
                "account",
                json!("6217000000000000000"),
                "6217000000000000000",
            ),
            (
                "signature",
                json!({ "name": "张三", "signed_at": "2025-02-01T23:30:00+08:00" }),
                "张三（电子签名 2025年2月1日）",
            ),
            ("money", json!({ "odd": 1 }), r#"{"odd":1}"#),
        ] {
            assert_eq!(value(&shape(kind), &given), expected, "{kind} {given}");
        }
    }

    #[test]
    fn untyped_values_by_their_look() {
        for (given, expected) in [
            (json!("2025-02-01"), "2025年2月1日"),
            (json!("2025-02-01T09:05:00+08:00"), "2025年2月1日"),
            (json!("2025-02"), "2025年2月"),
            (json!("丽人社〔2025〕2号"), "丽人社〔2025〕2号"),
            (json!("2025"), "2025"),
            (json!("+025-02-01"), "+025-02-01"),
            (json!("8433.00"), "8433.00"),
            (json!(true), "是"),
            (json!(null), ""),
        ] {
            assert_eq!(by_its_look(&given), expected, "{given}");
        }
        assert_eq!(moment("2025-02-01T09:05:59+08:00"), "2025年2月1日 09:05");
        assert_eq!(moment("lately"), "lately");
    }
}
