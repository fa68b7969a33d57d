//! What the tests stand on: the parameters as they are published, and an enterprise that nothing
//! speaks against.

use crate::answers::Answers;
use onething_sdk::contract::{
    Capacity, CaseView, Channel, Filer, Material, MaterialStatus, Party, Subject, SubjectKind,
    Submission,
};
use onething_sdk::facts::{InForce, World};
use onething_sdk::form::{Form, Json, Reader};
use onething_sdk::serde_json::{self, Map, json};
use onething_sdk::{Assessing, Facts, NaiveDate, Submitted};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub const ENTERPRISE: &str = "91331102MA2E0A0F11";
pub const DAY: &str = "2026-04-01";

/// The parameters of `parameters/`, those of a test over them, and registers.
#[derive(Default)]
pub struct Published {
    pub over: BTreeMap<String, Json>,
    pub registers: BTreeMap<(String, String), Json>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../parameters")
}

/// The names of the published policies.
pub fn policies() -> Vec<String> {
    let files = std::fs::read_dir(folder().join("policy")).unwrap();
    let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    let mut names: Vec<String> = files
        .map(|file| format!("policy/{}", stem(file.unwrap().path())))
        .collect();
    names.sort();
    names
}

/// The first value of a published parameter.
pub fn value(name: &str) -> Json {
    period(name, None).unwrap().0
}

fn period(name: &str, on: Option<NaiveDate>) -> Option<(Json, NaiveDate)> {
    let text = std::fs::read_to_string(folder().join(format!("{name}.toml"))).ok()?;
    let file: toml::Table = text.parse().unwrap();
    file["value"].as_array().unwrap().iter().find_map(|period| {
        let day = |name: &str| -> Option<NaiveDate> {
            let day = period.get(name)?.as_datetime().unwrap();
            Some(day.to_string().parse().unwrap())
        };
        let since = day("since").unwrap();
        let holds = |on: NaiveDate| since <= on && day("until").is_none_or(|until| on < until);
        on.is_none_or(holds)
            .then(|| (serde_json::to_value(&period["value"]).unwrap(), since))
    })
}

impl World for Published {
    fn parameter(&self, name: &str, on: NaiveDate) -> Option<InForce> {
        let over = self.over.get(name).map(|value| (value.clone(), on));
        let (value, since) = over.or_else(|| period(name, Some(on)))?;
        Some(InForce {
            value,
            since,
            illustrative: true,
        })
    }

    fn family(&self, name: &str, on: NaiveDate) -> Vec<String> {
        assert_eq!(name, "policy");
        let there = policies().into_iter();
        let there = there.filter(|name| period(name, Some(on)).is_some());
        let mut names: Vec<String> = there.chain(self.over.keys().cloned()).collect();
        names.sort();
        names.dedup();
        names
    }

    fn entries(&self, register: &str, keys: &[String]) -> Vec<Option<Json>> {
        let entry = |key: &String| self.registers.get(&(register.to_owned(), key.clone()));
        keys.iter().map(|key| entry(key).cloned()).collect()
    }
}

pub fn subject() -> Subject {
    Subject {
        kind: SubjectKind::Organisation,
        identifier: ENTERPRISE.to_owned(),
    }
}

pub fn submission() -> Submission {
    let person = Subject {
        kind: SubjectKind::Person,
        identifier: "331102198411050048".to_owned(),
    };
    Submission {
        subject: subject(),
        filer: Filer {
            person: person.clone(),
            unit: Some(subject()),
            capacity: Capacity::LegalRepresentative,
        },
        parties: vec![Party {
            subject: person,
            name: "周敏".to_owned(),
            role: "applicant".to_owned(),
            signed_at: Some(format!("{DAY}T08:40:00+08:00")),
        }],
        region: "331102".to_owned(),
        channel: Channel::Online,
        filed_at: format!("{DAY}T09:00:00+08:00"),
        round: 0,
        form_digest: String::new(),
        materials: Vec::new(),
    }
}

pub fn supplied(code: &str) -> Material {
    Material {
        code: code.to_owned(),
        status: MaterialStatus::Supplied("a".repeat(64)),
    }
}

/// Rows of `policy-facts`.
pub fn rows(items: &[(&str, &str)]) -> Json {
    let row = |(item, value): &(&str, &str)| json!({"item": item, "value": value});
    items.iter().map(row).collect()
}

/// A high-tech enterprise whose research comes to 6,000,000 of 80,000,000 yuan.
pub const HIGH_TECH: &[(&str, &str)] = &[
    ("titles", "高新技术企业,科技型中小企业"),
    ("industry", "C3912"),
    ("scale", "small"),
    ("founded_on", "2016-05-12"),
    ("revenue", "80000000.00"),
    ("rd_spending", "6000000.00"),
    ("staff", "85"),
    ("insured_staff", "82"),
];

/// What the enterprise files for a policy.
pub fn answers(policy: &str, items: &[(&str, &str)], changes: Json) -> Map<String, Json> {
    let mut answers = json!({
        "BAB010": ENTERPRISE,
        "enterprise-name": "丽水云和精密科技有限公司",
        "domicile": "浙江省丽水市莲都区南明山街道石牛路268号",
        "registered-on": "2016-05-12",
        "legal-rep-name": "周敏",
        "enterprise-industry": "C3912",
        "enterprise-scale": "small",
        "credit-status": "normal",
        "policy-contact-name": "叶青",
        "policy-contact-phone": "13905780031",
        "policy-facts": rows(items),
        "policy-code": policy,
        "settlement-bank": "中国农业银行丽水分行",
        "settlement-account": "19840101040012345",
    });
    let answers = answers.as_object_mut().unwrap();
    if let Json::Object(changes) = changes {
        answers.extend(changes);
    }
    answers.clone()
}

pub fn read(json: &Map<String, Json>, facts: &Facts<'_>) -> Answers {
    let mut reader = Reader::new(json);
    let mut answers = Answers::read(&mut reader);
    assert!(reader.findings.is_empty(), "{:?}", reader.findings);
    answers.derive(facts);
    answers
}

/// Assesses in a world, on the day that the submission says.
pub fn assess(world: &Published, submission: &Submission, json: &Map<String, Json>) -> Assessing {
    let day = submission.filed_at[..10].parse().unwrap();
    let facts = Facts::new(day, world);
    let answers = read(json, &facts);
    let mut out = Assessing::default();
    let case = Submitted {
        submission,
        answers: &answers,
        facts: &facts,
        disputed: &[],
        unverified: &[],
    };
    crate::assess::assess(&case, &mut out);
    out
}

pub fn view() -> CaseView {
    CaseView {
        id: "331102-2026-000001".to_owned(),
        submission: submission(),
        scenario: "application".to_owned(),
        derived: "{}".to_owned(),
        steps: Vec::new(),
        decisions: Vec::new(),
        effects: Vec::new(),
        reservations: Vec::new(),
    }
}
