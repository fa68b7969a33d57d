//! Decisions and findings in the words of notices and outcomes.

use crate::contract::{Decision, Finding, Refusal, Text};
use crate::values::{Json, text};
use serde_json::json;

/// A value of a notice that differs by language.
pub fn in_both(text: &Text) -> Json {
    json!({"zh": text.zh, "en": text.en})
}

/// What a decision carries; `null` where it carries nothing.
pub fn carried(decision: &Decision) -> Json {
    let payload = decision.payload.as_deref();
    payload
        .and_then(|payload| serde_json::from_str(payload).ok())
        .unwrap_or_default()
}

/// One refusal out of a decision's reasons, or of its opinion where it names none.
pub fn refusal(decision: &Decision) -> Refusal {
    let reasons = &decision.reasons;
    let joined = |language: fn(&Text) -> &str, separator: &str| {
        let messages: Vec<&str> = reasons
            .iter()
            .map(|reason| language(&reason.message))
            .collect();
        messages.join(separator)
    };
    let bases: Vec<&str> = reasons
        .iter()
        .filter_map(|reason| reason.basis.as_deref())
        .collect();
    match reasons.first() {
        Some(first) => Refusal {
            code: first.code.clone(),
            message: text(joined(|text| &text.zh, "；"), joined(|text| &text.en, "; ")),
            basis: (!bases.is_empty()).then(|| bases.join("；")),
        },
        None => Refusal {
            code: "see-opinion".to_owned(),
            message: text(&decision.opinion, &decision.opinion),
            basis: None,
        },
    }
}

/// `1. …；2. …`, each with its law.
pub fn numbered(findings: &[Finding]) -> Json {
    let joined = |language: fn(&Text) -> &str, separator: &str| {
        let lines: Vec<String> = (1..)
            .zip(findings)
            .map(|(number, finding)| {
                let message = language(&finding.message);
                match &finding.basis {
                    Some(basis) => format!("{number}. {message}（{basis}）"),
                    None => format!("{number}. {message}"),
                }
            })
            .collect();
        lines.join(separator)
    };
    in_both(&text(
        joined(|text| &text.zh, "；"),
        joined(|text| &text.en, "; "),
    ))
}
