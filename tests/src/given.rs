//! A small case to run things on: what the tests and benches of the runtime are given.

use onething_contract::{
    Capacity, CaseView, Channel, Decision, EffectKind, EffectState, Entry, Filer, Found, Lookup,
    Office, ReservationState, ReservationStatus, Subject, SubjectKind, Submission, Text, Verdict,
};
use onething_runtime::{Facts, Inputs};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The subject of the case.
pub const CITIZEN: &str = "331102196501150019";

/// The register `population` knows the subject.
pub fn population() -> BTreeMap<Lookup, Found> {
    BTreeMap::from([(lookup(CITIZEN), found("\"张建国\""))])
}

/// A key of the register `population`.
pub fn lookup(key: &str) -> Lookup {
    Lookup::Register {
        register: "population".to_owned(),
        key: key.to_owned(),
    }
}

/// What that register says, a JSON value.
pub fn found(value: &str) -> Found {
    Found::Entry(Some(Entry {
        value: value.to_owned(),
        as_of: "2025-01-05".to_owned(),
        source: "population".to_owned(),
    }))
}

/// The invocation's inputs, with these facts.
pub fn inputs(facts: impl Facts + 'static) -> Inputs {
    Inputs {
        answers: "{\"AAC002\": \"331102196501150019\"}".into(),
        now: "2025-01-06T09:00:00+08:00".to_owned(),
        ticket_prefix: "r331-7".to_owned(),
        facts: Arc::new(facts),
    }
}

/// The same in two languages.
pub fn text(zh: &str, en: &str) -> Text {
    Text {
        zh: zh.to_owned(),
        en: en.to_owned(),
    }
}

/// By citizen ID.
pub fn person(identifier: &str) -> Subject {
    Subject {
        kind: SubjectKind::Person,
        identifier: identifier.to_owned(),
    }
}

/// The one office of the case.
pub fn office() -> Office {
    Office {
        function: "social-insurance".to_owned(),
        region: "331102".to_owned(),
    }
}

/// Who hands it in.
pub fn filer() -> Filer {
    Filer {
        person: person("331102198411050048"),
        unit: None,
        capacity: Capacity::Applicant,
    }
}

/// What is handed in.
pub fn submission() -> Submission {
    Submission {
        subject: person(CITIZEN),
        filer: filer(),
        parties: Vec::new(),
        region: "331102".to_owned(),
        channel: Channel::Online,
        filed_at: "2025-01-06T09:00:00+08:00".to_owned(),
        round: 0,
        form_digest: String::new(),
        materials: Vec::new(),
    }
}

/// The case with one standing decision, one effect, and what is left of a reservation.
pub fn view() -> CaseView {
    CaseView {
        id: "2025-0001".to_owned(),
        submission: submission(),
        scenario: "ordinary".to_owned(),
        derived: "{}".to_owned(),
        steps: Vec::new(),
        decisions: vec![Decision {
            step: "review".to_owned(),
            round: 0,
            verdict: Verdict::Approve,
            reasons: Vec::new(),
            opinion: "同意".to_owned(),
            by: "hr-021".to_owned(),
            on_behalf_of: None,
            at: "2025-01-06T14:20:00+08:00".to_owned(),
            payload: None,
        }],
        effects: vec![EffectState {
            ticket: "r331-5-1".to_owned(),
            kind: EffectKind::Seal,
            outcome: None,
        }],
        reservations: vec![ReservationState {
            budget: "relief".to_owned(),
            amount: "1500.00".to_owned(),
            status: ReservationStatus::Reserved,
            left: "1200.00".to_owned(),
        }],
    }
}
