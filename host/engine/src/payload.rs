//! What an approval carries (`decision.payload`) against the JSON Schema of its step, and what is
//! wrong with it in words.

use crate::asked::Decide;
use crate::error::Error;
use chrono::NaiveDate;
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use onething_case::State;
use onething_contract::{Text, Verdict, fen, identifiers};
use serde_json::Value;

/// An approval carries what its step wants.
///
/// # Errors
/// Refused, naming the member.
pub fn check_payload(state: &State, step: &str, asked: &Decide) -> Result<(), Error> {
    let approves = matches!(asked.verdict, Verdict::Approve | Verdict::NoObjection);
    // A step that cannot be decided is refused for that, by the case engine.
    let schema = state
        .step(step)
        .filter(|record| record.is_open())
        .and_then(|record| record.step.payload_schema.as_deref());
    let (true, Some(schema)) = (approves, schema) else {
        return Ok(());
    };
    let schema: Value = serde_json::from_str(schema).map_err(|error| no_schema(&error))?;
    let nothing = Value::Object(serde_json::Map::new());
    let wrong = wrong(&schema, asked.payload.as_ref().unwrap_or(&nothing))?;
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::refused(
        "payload",
        format!(
            "意见所附内容（payload）不符合该环节的要求：{}",
            joined(&wrong, |text| &text.zh, "；")
        ),
        format!(
            "the payload is not what the step wants: {}",
            joined(&wrong, |text| &text.en, "; ")
        ),
    ))
}

/// Everything that is wrong with a payload.
fn wrong(schema: &Value, payload: &Value) -> Result<Vec<Text>, Error> {
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .with_format("citizen-id", identifiers::citizen_id)
        .with_format("uscc", identifiers::uscc)
        .with_format("bank-card", identifiers::bank_card)
        .with_format("money", |text: &str| fen(text).is_some())
        .with_format("month", is_month)
        .build(schema)
        .map_err(|error| no_schema(&error))?;
    Ok(validator
        .iter_errors(payload)
        .map(|error| said(&error))
        .collect())
}

/// `2026-03`.
pub(crate) fn is_month(text: &str) -> bool {
    text.len() == "2026-03".len() && format!("{text}-01").parse::<NaiveDate>().is_ok()
}

fn no_schema(error: &dyn std::error::Error) -> Error {
    Error::refused(
        "payload-schema",
        "该环节对所附内容的要求本身有误，请联系事项开发者",
        format!("the step's own payload schema is not one: {error}"),
    )
}

fn joined(texts: &[Text], language: fn(&Text) -> &String, between: &str) -> String {
    let texts: Vec<&str> = texts.iter().map(|text| language(text).as_str()).collect();
    texts.join(between)
}

/// Where it is and what is wrong with it.
fn said(error: &ValidationError<'_>) -> Text {
    let place = error.instance_path().to_string();
    let (zh, en) = match error.kind() {
        ValidationErrorKind::Required { property } => {
            (format!("缺少 {property}"), format!("{property} is missing"))
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let names = unexpected.join(", ");
            (
                format!("不应有 {names}"),
                format!("{names} does not belong there"),
            )
        }
        ValidationErrorKind::Format { format } => (
            format!("不是有效的{}", format_in_words(format)),
            format!("is not a good {format}"),
        ),
        ValidationErrorKind::Pattern { pattern } => (
            format!("应符合格式 {pattern}"),
            format!("must match {pattern}"),
        ),
        ValidationErrorKind::Enum { options } => (
            format!("应为其中之一：{options}"),
            format!("must be one of {options}"),
        ),
        // Each way to be right, and what it lacks.
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            let ways: Vec<Vec<Text>> = context
                .iter()
                .map(|errors| errors.iter().map(said).collect())
                .collect();
            let zh: Vec<String> = ways
                .iter()
                .map(|way| joined(way, |text| &text.zh, "，"))
                .collect();
            let en: Vec<String> = ways
                .iter()
                .map(|way| joined(way, |text| &text.en, ", "))
                .collect();
            (
                format!("应符合下列之一，现在分别为：{}", zh.join("；或者 ")),
                format!("must be one of several, and is none: {}", en.join("; or ")),
            )
        }
        _ => ("不符合要求".to_owned(), error.to_string()),
    };
    match place.as_str() {
        "" => Text { zh, en },
        place => Text {
            zh: format!("{place} {zh}"),
            en: format!("{place} {en}"),
        },
    }
}

fn format_in_words(format: &str) -> &str {
    match format {
        "citizen-id" => "公民身份号码",
        "uscc" => "统一社会信用代码",
        "bank-card" => "银行卡号",
        "money" => "金额（两位小数）",
        "month" => "年月",
        "date" => "日期",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let of = |format: &str| json!({"properties": {"it": {"type": "string", "format": format}}});
        let uscc = json!({"required": ["code"], "additionalProperties": false, "properties": {
            "code": {"type": "string", "format": "uscc", "pattern": "^91331102"}}});
        let either = json!({"oneOf": [{"required": ["explanation"]}, {"required": ["give_up"]}]});
        for (schema, good, bad, says) in [
            (
                of("citizen-id"),
                "11010519491231002X",
                "36042619910102009X",
                "公民身份号码",
            ),
            (
                of("bank-card"),
                "6228480330000001017",
                "6228480330000001018",
                "银行卡号",
            ),
            (of("money"), "1234.50", "1234.5", "金额"),
            (of("month"), "2026-03", "2026-13", "年月"),
            (of("date"), "2026-02-28", "2026-02-30", "日期"),
        ]
        .map(|(schema, good, bad, says)| (schema, json!({"it": good}), json!({"it": bad}), says))
        .into_iter()
        .chain([
            (
                uscc.clone(),
                json!({"code": "91331102MA2E1KX035"}),
                json!({}),
                "缺少 \"code\"",
            ),
            (
                uscc.clone(),
                json!({"code": "91331102MA2E1KX035"}),
                json!({"code": "91110000600037341N"}),
                "/code 不是有效的统一社会信用代码",
            ),
            (
                uscc,
                json!({"code": "91331102MA2E1KX035"}),
                json!({"code": "91331102MA2E1KX035", "more": 1}),
                "不应有 more",
            ),
            (
                either,
                json!({"give_up": true}),
                json!({}),
                "缺少 \"explanation\"；或者 缺少 \"give_up\"",
            ),
        ]) {
            assert_eq!(wrong(&schema, &good).unwrap(), [], "{good}");
            let told = wrong(&schema, &bad).unwrap();
            assert!(
                told.iter().any(|text| text.zh.contains(says)),
                "{bad}: {told:?}"
            );
        }
    }
}
