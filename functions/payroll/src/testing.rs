//! What the tests stand on: the parameters as they are published, registers in which nothing is
//! wrong, and a submission in which nothing is.

use crate::Payroll;
use crate::answers::Answers;
use onething_sdk::contract::{
    Assessment, Capacity, CaseView, Channel, Filer, Material, MaterialStatus, Party, Subject,
    SubjectKind, Submission,
};
use onething_sdk::facts::{InForce, World};
use onething_sdk::form::{Form, Json, Reader};
use onething_sdk::serde_json::{self, Map, json};
use onething_sdk::{Facts, NaiveDate};
use std::collections::BTreeMap;
use std::path::Path;

/// 莲都区测绘院, a public institution.
pub const UNIT: &str = "1233110000264001XG";
pub const FILED_ON: &str = "2026-03-02";

/// The published parameters, in Liandu, and the registers.
pub struct Liandu {
    pub without_parameter: &'static str,
    pub registers: BTreeMap<&'static str, Json>,
}

impl Default for Liandu {
    fn default() -> Self {
        let answers = answers();
        let unit = |elements: &[(&str, &str)]| -> Json {
            let field =
                |(field, element): &(&str, &str)| ((*field).to_owned(), answers[*element].clone());
            Json::Object(elements.iter().map(field).collect())
        };
        Self {
            without_parameter: "",
            registers: BTreeMap::from([
                (
                    "user-centre",
                    unit(&[
                        ("unit-code", "BAB010"),
                        ("name", "clerk-name"),
                        ("phone", "clerk-phone"),
                    ]),
                ),
                (
                    "establishment-unit",
                    unit(&[
                        ("name", "unit-name"),
                        ("supervising-unit", "supervising-unit"),
                        ("type", "unit-type"),
                        ("funding-form", "funding-form"),
                        ("posts-approved", "posts-approved"),
                    ]),
                ),
                (
                    "payroll-last",
                    json!({"month": "2026-02", "roster": answers["payroll-roster"]}),
                ),
                (
                    "tax-withholding",
                    json!({"month": "2026-02", "persons": []}),
                ),
            ]),
        }
    }
}

impl World for Liandu {
    fn parameter(&self, name: &str, on: NaiveDate) -> Option<InForce> {
        (name != self.without_parameter)
            .then(|| parameter(name, on))
            .flatten()
    }

    fn entries(&self, register: &str, keys: &[String]) -> Vec<Option<Json>> {
        let entry = |_: &String| self.registers.get(register).cloned();
        keys.iter().map(entry).collect()
    }
}

/// The parameters of `parameters/`, in Liandu.
fn parameter(name: &str, on: NaiveDate) -> Option<InForce> {
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

pub fn facts(world: &Liandu) -> Facts<'_> {
    Facts::new(FILED_ON.parse().unwrap(), world)
}

pub fn answers() -> Json {
    serde_json::from_str(include_str!("testing/answers.json")).unwrap()
}

/// [`answers`] with some of them answered otherwise; `null` leaves one out.
pub fn answers_but(changes: &Json) -> Json {
    let mut json: Map<String, Json> = answers().as_object().unwrap().clone();
    json.extend(changes.as_object().unwrap().clone());
    Json::Object(json)
}

/// [`answers`] with cells of one row answered otherwise; `null` leaves one out.
pub fn row_but(index: usize, changes: &Json) -> Json {
    let mut json = answers();
    let row = json["payroll-roster"][index].as_object_mut().unwrap();
    row.extend(changes.as_object().unwrap().clone());
    json
}

/// The answers as the rules see them, everything computed.
pub fn computed(world: &Liandu, answers: &Json) -> Answers {
    let mut reader = Reader::new(answers.as_object().unwrap());
    let mut answers = Answers::read(&mut reader);
    assert!(reader.findings.is_empty(), "{:?}", reader.findings);
    answers.derive(&facts(world));
    answers
}

pub fn assess(world: &Liandu, answers: &Json) -> Assessment {
    onething_sdk::assess::<Payroll>(&submission(), &answers.to_string(), world)
}

/// The codes of what is found, warnings with a `?`.
pub fn codes(world: &Liandu, answers: &Json) -> Vec<String> {
    use onething_sdk::contract::Severity;
    let findings = assess(world, answers).findings.into_iter();
    findings
        .map(|finding| match finding.severity {
            Severity::Error => finding.code,
            Severity::Warning => format!("{}?", finding.code),
        })
        .collect()
}

pub fn submission() -> Submission {
    let clerk = || Subject {
        kind: SubjectKind::Person,
        identifier: "331102198411050048".to_owned(),
    };
    let unit = || Subject {
        kind: SubjectKind::Organisation,
        identifier: UNIT.to_owned(),
    };
    Submission {
        subject: unit(),
        filer: Filer {
            person: clerk(),
            unit: Some(unit()),
            capacity: Capacity::UnitClerk,
        },
        parties: vec![Party {
            subject: clerk(),
            name: "李敏".to_owned(),
            role: "unit-head".to_owned(),
            signed_at: Some(format!("{FILED_ON}T08:40:00+08:00")),
        }],
        region: "331102".to_owned(),
        channel: Channel::Online,
        filed_at: format!("{FILED_ON}T09:00:00+08:00"),
        round: 0,
        form_digest: String::new(),
        materials: vec![Material {
            code: "change-evidence".to_owned(),
            status: MaterialStatus::Shared("payroll".to_owned()),
        }],
    }
}

pub fn view() -> CaseView {
    CaseView {
        id: "331102-2026-000001".to_owned(),
        submission: submission(),
        scenario: "unchanged".to_owned(),
        derived: "{}".to_owned(),
        steps: Vec::new(),
        decisions: Vec::new(),
        effects: Vec::new(),
        reservations: Vec::new(),
    }
}

/// The answers of a view in a test.
pub fn read(_: &CaseView) -> Answers {
    computed(&Liandu::default(), &answers())
}
