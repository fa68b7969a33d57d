//! What the tests stand on: the parameters as they are published, registers in which nothing is
//! wrong, and a submission in which nothing is.

use crate::answers::Answers;
use onething_sdk::contract::{
    Capacity, CaseView, Channel, Filer, Material, MaterialStatus, Party, Subject, SubjectKind,
    Submission,
};
use onething_sdk::facts::{InForce, World};
use onething_sdk::form::{Derived, Form, Json, Reader};
use onething_sdk::serde_json::{self, Map, json};
use onething_sdk::{Facts, NaiveDate};
use std::collections::BTreeMap;
use std::path::Path;

/// Director, manager, legal representative, six tenths of the capital.
pub const CHEN: &str = "331102198604120014";
/// Supervisor, four tenths.
pub const LIN: &str = "331102199008230027";
pub const FILED_ON: &str = "2025-03-03";

/// The published parameters, in Liandu, and some registers.
pub struct Liandu {
    pub without_parameter: &'static str,
    /// By register and key.
    pub registers: BTreeMap<(&'static str, String), Json>,
}

impl Default for Liandu {
    fn default() -> Self {
        let people = [
            (CHEN, "陈明"),
            (LIN, "林小燕"),
            ("33110219920317004X", "周慧"),
            ("331102199511080054", "刘洋"),
        ];
        let entry =
            |(id, name): (&str, &str)| (("population", id.to_owned()), json!({"name": name}));
        Self {
            without_parameter: "",
            registers: people.into_iter().map(entry).collect(),
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
        let entry = |key: &String| {
            let mut entries = self.registers.iter();
            let found = entries.find(|((name, of), _)| *name == register && of == key);
            found.map(|(_, entry)| entry.clone())
        };
        keys.iter().map(entry).collect()
    }
}

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

pub fn person(id: &str) -> Subject {
    Subject {
        kind: SubjectKind::Person,
        identifier: id.to_owned(),
    }
}

/// Not signed yet.
pub fn party(role: &str, id: &str, name: &str) -> Party {
    Party {
        subject: person(id),
        name: name.to_owned(),
        role: role.to_owned(),
        signed_at: None,
    }
}

pub fn submission() -> Submission {
    let material = |code: &str, status| Material {
        code: code.to_owned(),
        status,
    };
    Submission {
        subject: Subject {
            kind: SubjectKind::Provisional,
            identifier: "KB-331102-2025-0001".to_owned(),
        },
        filer: Filer {
            person: person(CHEN),
            unit: None,
            capacity: Capacity::LegalRepresentative,
        },
        parties: vec![
            party("legal-representative", CHEN, "陈明"),
            party("shareholder", CHEN, "陈明"),
            party("shareholder", LIN, "林小燕"),
        ],
        region: "331102".to_owned(),
        channel: Channel::Online,
        filed_at: format!("{FILED_ON}T09:00:00+08:00"),
        round: 0,
        form_digest: String::new(),
        materials: vec![
            material(
                "identity-licences",
                MaterialStatus::Licence(CHEN.to_owned()),
            ),
            material("premises-proof", MaterialStatus::Committed),
        ],
    }
}

/// The answers with some of them answered otherwise; `null` leaves one out. A key that is a JSON
/// Pointer changes what it points to.
pub fn answers_but(changes: &Json) -> Answers {
    derived(changes).0
}

pub fn derived(changes: &Json) -> (Answers, Derived) {
    let mut json: Json = serde_json::from_str(include_str!("testing/answers.json")).unwrap();
    for (key, value) in changes.as_object().unwrap() {
        match json.pointer_mut(key) {
            Some(place) if key.starts_with('/') => *place = value.clone(),
            _ => json[key] = value.clone(),
        }
    }
    let json: Map<String, Json> = json.as_object().unwrap().clone();
    let mut reader = Reader::new(&json);
    let mut answers = Answers::read(&mut reader);
    assert!(reader.findings.is_empty(), "{:?}", reader.findings);
    let world = Liandu::default();
    let derived = answers.derive(&facts(&world));
    (answers, derived)
}

pub fn view() -> CaseView {
    CaseView {
        id: "331102-2025-000001".to_owned(),
        submission: submission(),
        scenario: "limited-company".to_owned(),
        derived: "{}".to_owned(),
        steps: Vec::new(),
        decisions: Vec::new(),
        effects: Vec::new(),
        reservations: Vec::new(),
    }
}
