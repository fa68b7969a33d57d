//! What an export returned, and whether it keeps the contract's promises about JSON.

use crate::Fault;
use onething_contract::{
    Assessment, Decision, Directive, FilledForm, Finding, Offer, Prefilled, Refusal, Step,
};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The result of the export of the same name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "wit/matter.wit documents the exports")]
pub enum Output {
    Prefill(Result<Vec<Prefilled>, Refusal>),
    Assess(Assessment),
    Plan(Vec<Step>),
    Project(Vec<FilledForm>),
    Respond(Vec<Directive>),
    Reach(Vec<Offer>),
    Check(Vec<Finding>),
}

impl Output {
    /// The export's name.
    #[must_use]
    pub fn function(&self) -> &'static str {
        match self {
            Output::Prefill(_) => "prefill",
            Output::Assess(_) => "assess",
            Output::Plan(_) => "plan",
            Output::Project(_) => "project",
            Output::Respond(_) => "respond",
            Output::Reach(_) => "reach",
            Output::Check(_) => "check",
        }
    }

    /// Every `json` of the result is JSON, and an object where the contract says so.
    ///
    /// # Errors
    /// [`Fault::MalformedOutput`] names the first that is not.
    pub fn check(&self) -> Result<(), Fault> {
        match self {
            Output::Prefill(Err(_)) => Ok(()),
            Output::Prefill(Ok(values)) => values
                .iter()
                .filter_map(|prefilled| prefilled.value.as_deref())
                .try_for_each(|value| check_json("prefilled.value", value)),
            Output::Assess(assessment) => check_object("assessment.derived", &assessment.derived),
            Output::Plan(steps) => steps.iter().try_for_each(check_step),
            Output::Project(forms) => forms
                .iter()
                .try_for_each(|form| check_object("filled-form.values", &form.values)),
            Output::Respond(directives) => directives.iter().try_for_each(check_directive),
            Output::Reach(offers) => offers.iter().try_for_each(check_offer),
            Output::Check(_) => Ok(()),
        }
    }
}

fn check_step(step: &Step) -> Result<(), Fault> {
    step.payload_schema
        .iter()
        .try_for_each(|schema| check_json("step.payload-schema", schema))
}

fn check_offer(offer: &Offer) -> Result<(), Fault> {
    let mut answers = offer.answers.iter();
    answers.try_for_each(|answers| check_object("offer.answers", answers))?;
    let mut notices = offer.notices.iter();
    notices.try_for_each(|notice| check_object("message.values", &notice.values))
}

fn check_decision(decision: &Decision) -> Result<(), Fault> {
    decision
        .payload
        .iter()
        .try_for_each(|payload| check_json("decision.payload", payload))
}

fn check_directive(directive: &Directive) -> Result<(), Fault> {
    match directive {
        Directive::Decide(decision) => check_decision(decision),
        Directive::AddStep(step) => check_step(step),
        Directive::Complete(outcome) => check_json("directive.complete", outcome),
        Directive::Other((_, value)) => check_json("directive.other", value),
        Directive::ReopenStep(_)
        | Directive::ReturnForCorrection(_)
        | Directive::Reject(_)
        | Directive::NotCompetent(_) => Ok(()),
    }
}

pub(crate) fn check_object(what: &str, json: &str) -> Result<(), Fault> {
    check_json(what, json)?;
    if json.trim_start().starts_with('{') {
        Ok(())
    } else {
        Err(Fault::MalformedOutput {
            message: format!("{what} is not a JSON object"),
        })
    }
}

pub(crate) fn check_json(what: &str, json: &str) -> Result<(), Fault> {
    match serde_json::from_str(json) {
        Ok(Readable) => Ok(()),
        // The error tells line and column, not the value, which may be personal data.
        Err(error) => Err(Fault::MalformedOutput {
            message: format!("{what} is not JSON: {error}"),
        }),
    }
}

/// JSON that `serde_json` will read into any value: `IgnoredAny` lets pass lone surrogates, numbers
/// out of range and nesting beyond the recursion limit, on which a later reader would fail.
struct Readable;

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadableVisitor)
    }
}

struct ReadableVisitor;

impl<'de> Visitor<'de> for ReadableVisitor {
    type Value = Readable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_str<E>(self, _: &str) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_unit<E>(self) -> Result<Readable, E> {
        Ok(Readable)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Readable, A::Error> {
        while let Some(Readable) = items.next_element()? {}
        Ok(Readable)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Readable, A::Error> {
        while let Some((IgnoredAny, Readable)) = members.next_entry()? {}
        Ok(Readable)
    }
}

#[cfg(test)]
mod tests {
    use super::{check_json, check_object};

    #[test]
    fn json_is_what_a_later_reader_will_read() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        for (json, object, readable) in [
            ("{}", true, true),
            (
                " \n{\"a\": [1, -2, 3.5e2, null, true, \"\\u4e2d\"]}",
                true,
                true,
            ),
            ("[]", false, true),
            ("\"{\"", false, true),
            ("18446744073709551616", false, true),
            (&deep(100), false, true),
            ("", false, false),
            ("{", false, false),
            ("{} {}", false, false),
            ("{\"a\" 1}", false, false),
            ("nul", false, false),
            ("1e999", false, false),
            ("\"\\ud800\"", false, false),
            (&deep(1000), false, false),
        ] {
            assert_eq!(check_json("it", json).is_ok(), readable, "{json}");
            assert_eq!(check_object("it", json).is_ok(), object, "{json}");
            let value = serde_json::from_str::<serde_json::Value>(json);
            assert_eq!(value.is_ok(), readable, "{json}");
        }
    }
}
