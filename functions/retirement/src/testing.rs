//! What the tests stand on: the parameters as they are published, and a submission in which nothing
//! is wrong.

use crate::answers::Answers;
use onething_sdk::contract::{
    Capacity, CaseView, Channel, Filer, Material, MaterialStatus, Party, Subject, SubjectKind,
    Submission,
};
use onething_sdk::facts::InForce;
use onething_sdk::form::{Derived, Form, Json, Reader};
use onething_sdk::serde_json::{self, Map, json};
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
    json!({
        "BAB010": "1233110000264001XG", "unit-name": "丽水市莲都区测绘服务中心",
        "supervising-unit": "莲都区自然资源局", "unit-type": "public-one",
        "funding-form": "full", "posts-approved": 42, "posts-filled": 40,
        "pension-unit-no": "3311020001", "fund-unit-no": "02000001",
        "clerk-name": "王艳", "clerk-phone": "0578-2091234",
        "AAC002": MAN, "AAC003": "张建国", "ethnicity": "han", "AAC006": "1965-01-15",
        "native-place": "浙江丽水", "political-status": "party-member", "education": "大学本科",
        "registered-address": "浙江省丽水市", "home-address": "浙江省丽水市",
        "mobile": "13905780001", "emergency-name": "张晓", "emergency-phone": "13905780002",
        "AAC007": "1988-08", "staff-category": "technical", "post-type": "institution",
        "post-since": "2003-07", "post-register-no": "SY0001", "post-title": "高级工程师",
        "rank": "technical-7", "rank-since": "2012-12", "technical-title": "associate-senior",
        "career": [
            {"from": "1988-08", "to": "2003-06", "unit": "测绘队", "post": "技术员", "counts": true},
            {"from": "2003-07", "unit": "测绘服务中心", "post": "高级工程师", "counts": true},
        ],
        "leading-post": false, "retirement-scenario": "statutory",
        "post-pay": "3420.00", "grade-pay": "2868.00", "allowances": "4310.50",
        "rank-2014": "technical-7", "grade-2014": 32, "insured-since": "2014-10",
        "deemed-contribution-months": 314, "paid-months": 124, "average-index": "1.2000",
        "pension-balance": "150000.00", "annuity-balance": "60000.00", "annuity-mode": "monthly",
        "AAE010": "79927398713", "fund-no": "1", "fund-balance": "86543.07", "fund-loan": "0.00",
        "confirmation": {"name": "张建国", "signed_at": "2025-01-06T08:40:00+08:00"},
    })
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
    }
}
