//! What an office takes back, and what comes after a case's end, over the API of a running host.

use crate::api::{Answer, Served};
use crate::cli::onething;
use onething_tests::bundles::root;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The steps of the matter `simple`, and whose they are.
const STEPS: [(&str, &str); 6] = [
    ("check", "intake"),
    ("north", "north"),
    ("east", "east"),
    ("south", "south"),
    ("west", "west"),
    ("final", "intake"),
];

/// Its decision takes effect when the south has decided.
const WEST: (&str, &str) = ("west", "west");

/// A host with the matter `simple`, and the path of a case of it.
fn handed_in(data: &std::path::Path) -> (Served, String) {
    let registers = data.join("registers");
    std::fs::create_dir_all(&registers).unwrap();
    let register = "[meta]\ntitle = \"人口库\"\nsource = \"人口库\"\nas-of = 2025-01-05\n";
    std::fs::write(registers.join("simple.toml"), register).unwrap();
    let mut command = onething(data);
    let bundles = root().join("bundles/test");
    command
        .env("RUST_LOG", "warn")
        .arg("--bundles")
        .arg(bundles);
    command.arg("serve");
    let served = Served::spawn(command, BTreeMap::new());
    let case = served.post("platform", "/v1/matters/simple/cases", &hand_in());
    assert_eq!(case.status, 201, "{}", case.text);
    (served, case.location)
}

fn hand_in() -> Value {
    let id = "331102198001010035";
    let person = json!({"kind": "person", "identifier": id});
    json!({
        "subject": person,
        "filer": {"person": person, "unit": null, "capacity": "applicant"},
        "region": "331102",
        "answers": {
            "AAC002": id, "simple-name": "某人", "simple-life": "plain",
            "simple-amount": "1.00", "simple-account": "62220000", "simple-remark": "-",
        },
    })
}

fn decide(served: &Served, case: &str, (step, office): (&str, &str)) -> Answer {
    let body = json!({"round": 0, "verdict": "approve", "opinion": "同意"});
    let path = format!("{case}/steps/{step}/decisions");
    served.post(&format!("{office}-331102"), &path, &body)
}

#[test]
fn an_office_takes_back_what_has_not_taken_effect() {
    let data = tempfile::tempdir().unwrap();
    let (served, case) = handed_in(data.path());
    let reopen = |caller: &str, step: &str, reason: &str| {
        let path = format!("{case}/steps/{step}/reopening");
        served.post(caller, &path, &json!({"reason": reason}))
    };
    decide(&served, &case, STEPS[0]).json();
    reopen("west-331102", "west", "看错了").problem(409, "step-not-decided");
    decide(&served, &case, WEST).json();
    reopen("west-331102", "west", "").problem(422, "text");
    reopen("east-331102", "west", "看错了").problem(403, "wrong-office");
    reopen("platform", "west", "看错了").problem(403, "role-needed");
    reopen("west-331102", "none", "看错了").problem(404, "unknown-step");
    reopen("west-331102", "west", "看错了").json();
    let tasks = served.get("west-331102", "/v1/tasks").json();
    assert_eq!(tasks["tasks"][0]["step"], "west");
    decide(&served, &case, WEST).json();
    // It takes effect with the south's, and then stands.
    decide(&served, &case, ("south", "south")).json();
    reopen("west-331102", "west", "看错了").problem(409, "already-effective");
}

#[test]
fn a_poor_rating_is_mended_and_an_outcome_is_appealed_once() {
    let data = tempfile::tempdir().unwrap();
    let (served, case) = handed_in(data.path());
    let post = |caller: &str, what: &str, body: Value| {
        served.post(caller, &format!("{case}/{what}"), &body)
    };
    let rate = |score: u8| {
        post(
            "platform",
            "rating",
            json!({"score": score, "comment": "等太久"}),
        )
    };
    let repair = |caller: &str| post(caller, "repair", json!({"text": "已电话致歉并说明"}));
    rate(2).problem(409, "not-completed");
    for step in STEPS {
        decide(&served, &case, step).json();
    }
    served.wait(&case, |case| case["status"] == "completed");
    repair("intake-331102").problem(409, "nothing-to-repair");
    rate(6).problem(422, "score-out-of-range");
    post("intake-331102", "rating", json!({"score": 1})).problem(403, "role-needed");
    assert_eq!(rate(2).json()["rating"], 2);
    rate(5).problem(409, "already-rated");
    let tasks = served.get("intake-331102", "/v1/tasks").text;
    assert!(tasks.contains("repair"), "{tasks}");
    repair("north-331102").problem(403, "wrong-office");
    repair("intake-331102").json();
    repair("intake-331102").problem(409, "already-repaired");
    let check = json!({"kept": true});
    post("intake-331102", "commitments/proof/check", check).problem(422, "not-committed");

    let appeal = || post("platform", "appeals", hand_in());
    let appealed = appeal();
    assert_eq!(appealed.status, 201, "{}", appealed.text);
    assert_eq!(appeal().status, 200, "the same key, the same case");
    assert_eq!(appeal().location, appealed.location);
    let (a, b) = (
        served.get("platform", &case),
        served.get("platform", &appealed.location),
    );
    assert_eq!(a.json()["digest"], b.json()["digest"]);
}
