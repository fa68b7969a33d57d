//! What the tests stand on: the parameters as they are published, and a submission in which nothing
//! is wrong.

use crate::answers::Answers;
use onething_sdk::contract::{
    Capacity, CaseView, Channel, Filer, Material, MaterialStatus, Party, Subject, SubjectKind,
    Submission,
};
use onething_sdk::facts::InForce;
use onething_sdk::form::{Derived, Form, Json, Reader};
use onething_sdk::serde_json::{self, Map};
use onething_sdk::values::{At, Value};
use onething_sdk::{Facts, NaiveDate};
use std::path::Path;

/// A man who retires at 60 years and 1 month, in February 2025.
pub const MAN: &str = "331102196501150019";
pub const WOMAN: &str = "331102197104150028";

/// The parameters of `parameters/`, in Liandu.
pub fn parameter(name: &str, on: NaiveDate) -> Option<InForce> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../parameters")
        .join(format!("{name}.toml"));
    let text = std::fs::read_to_string(path).ok()?;
    let file: toml::Table = text.parse().unwrap();
    file["value"].as_array().unwrap().iter().find_map(|period| {
        let day = |name: &str| -> Option<NaiveDate> {
            period
                .get(name)
                .map(|day| day.as_datetime().unwrap().to_string().parse().unwrap())
        };
        let since = day("since").unwrap();
        let here = period
            .get("region")
            .is_none_or(|region| "331102".starts_with(region.as_str().unwrap()));
        (here && since <= on && day("until").is_none_or(|until| on < until)).then(|| InForce {
            value: serde_json::to_value(&period["value"]).unwrap(),
            since,
            illustrative: period["illustrative"].as_bool().unwrap(),
        })
    })
}

pub fn facts(filed_on: &str) -> Facts<'static> {
    Facts::new(filed_on.parse().unwrap(), &parameter)
}

/// A value of an element, from its JSON.
pub fn value<T: Value>(json: Json) -> T {
    let mut findings = Vec::new();
    let mut at = At {
        path: String::new(),
        max: None,
        findings: &mut findings,
    };
    T::read(&json, &mut at).unwrap_or_else(|| panic!("{json}: {findings:?}"))
}

pub fn person(id: &str) -> Subject {
    Subject {
        kind: SubjectKind::Person,
        identifier: id.to_owned(),
    }
}

pub fn submission() -> Submission {
    let signed = |id: &str, name: &str, role: &str| Party {
        subject: person(id),
        name: name.to_owned(),
        role: role.to_owned(),
        signed_at: Some("2025-01-06T08:40:00+08:00".to_owned()),
    };
    let material = |code: &str, status| Material {
        code: code.to_owned(),
        status,
    };
    Submission {
        subject: person(MAN),
        filer: Filer {
            person: person("331102198411050048"),
            unit: Some(Subject {
                kind: SubjectKind::Organisation,
                identifier: "1233110000264001XG".to_owned(),
            }),
            capacity: Capacity::UnitClerk,
        },
        parties: vec![
            signed(MAN, "张建国", "person"),
            signed(WOMAN, "李敏", "unit-head"),
        ],
        region: "331102".to_owned(),
        channel: Channel::Online,
        filed_at: "2025-01-06T09:00:00+08:00".to_owned(),
        round: 0,
        form_digest: String::new(),
        materials: vec![
            material("identity-licences", MaterialStatus::Licence(MAN.to_owned())),
            material(
                "personnel-archive",
                MaterialStatus::Shared("personnel-archive".to_owned()),
            ),
        ],
    }
}

pub fn answers() -> Json {
    serde_json::from_str(include_str!("testing/answers.json")).unwrap()
}

/// [`answers`] with some of them answered otherwise; `null` leaves one out.
pub fn answers_but(changes: &Json) -> Answers {
    derived(changes).0
}

pub fn derived(changes: &Json) -> (Answers, Derived) {
    let mut json: Map<String, Json> = answers().as_object().unwrap().clone();
    json.extend(changes.as_object().unwrap().clone());
    let mut reader = Reader::new(&json);
    let mut answers = Answers::read(&mut reader);
    assert!(reader.findings.is_empty(), "{:?}", reader.findings);
    let derived = answers.derive(&facts("2025-01-06"));
    (answers, derived)
}

pub fn view() -> CaseView {
    CaseView {
        id: "331102-2025-000001".to_owned(),
        submission: submission(),
        scenario: "statutory".to_owned(),
        derived: "{}".to_owned(),
        steps: Vec::new(),
        decisions: Vec::new(),
        effects: Vec::new(),
        reservations: Vec::new(),
    }
}
