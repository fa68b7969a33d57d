//! The engine around the store: what is committed is a fact whatever becomes of the bundle, and
//! clerks who decide at the same moment both succeed.

use chrono::DateTime;
use onething_capabilities::Published;
use onething_contract::{Lookup, Office, Verdict};
use onething_engine::{Bundles, Decide, Engine, Error, Folders, HandIn, Submitted};
use onething_runtime::{Limits, Runtime};
use onething_store::{Masters, Store};
use onething_tests::bundles::{bundle, root};
use serde_json::Value;
use std::path::Path;

const NOW: &str = "2025-01-06T09:00:00+08:00";

pub fn now() -> DateTime<chrono::FixedOffset> {
    DateTime::parse_from_rfc3339(NOW).unwrap()
}

pub async fn engine(data: &Path, bundles: Bundles) -> Engine {
    let masters = Masters::open(&data.join("keys/master.toml")).unwrap();
    let store = Store::open(&data.join("onething.db"), &masters)
        .await
        .unwrap();
    let parameters = Published::open(&root().join("parameters")).unwrap();
    let registers = data.join("registers");
    std::fs::create_dir_all(&registers).unwrap();
    for entry in std::fs::read_dir(root().join("fixtures/_sample/registers")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, registers.join(path.file_name().unwrap())).unwrap();
    }
    Engine::new(store, bundles, parameters, Folders::within(data))
}

pub fn deployed() -> Bundles {
    let runtime = Runtime::new(Limits::default(), None).unwrap();
    let mut bundles = Bundles::default();
    assert!(bundles.add(runtime.load(&bundle("retirement")).unwrap()));
    bundles
}

async fn submit(engine: &Engine) -> String {
    let text = std::fs::read_to_string(root().join("fixtures/_sample/retirement.json")).unwrap();
    let mut hand_in: HandIn = serde_json::from_str(&text).unwrap();
    let form = engine
        .prefill(
            "retirement",
            hand_in.filer.clone(),
            hand_in.subject.clone(),
            "331102",
            "试".to_owned(),
            now(),
        )
        .await
        .unwrap();
    for prefilled in form.values {
        if let Some(value) = prefilled.value {
            hand_in.answers[prefilled.element] = serde_json::from_str::<Value>(&value).unwrap();
        }
    }
    match engine
        .submit("retirement", hand_in, "platform", None, now())
        .await
        .unwrap()
    {
        Submitted::Registered { case_id, .. } => case_id,
        Submitted::Refused(assessment) => panic!("{assessment:?}"),
    }
}

async fn approve(engine: &Engine, case: &str, step: &str, function: &str) -> Result<(), Error> {
    let office = Office {
        function: function.to_owned(),
        region: "331102".to_owned(),
    };
    let decide = Decide {
        round: 0,
        task_version: None,
        verdict: Verdict::Approve,
        reasons: Vec::new(),
        opinion: "同意".to_owned(),
        payload: None,
    };
    engine
        .decide(case, step, decide, "hr-021", &office, now())
        .await
        .map(|_| ())
}

const CHECKS: [(&str, &str); 4] = [
    ("personnel-check", "personnel"),
    ("pension-check", "social-insurance"),
    ("fund-check", "housing-fund"),
    ("establishment-check", "establishment"),
];

#[tokio::test]
async fn a_decision_stands_when_its_bundle_is_gone() {
    let data = tempfile::tempdir().unwrap();
    let id = submit(&engine(data.path(), deployed()).await).await;

    let without = engine(data.path(), Bundles::default()).await;
    while without.work(now()).await.unwrap() > 0 {}
    approve(&without, &id, "fund-check", "housing-fund")
        .await
        .unwrap();
    let case = without.case(&id).await.unwrap();
    assert!(
        case.state.standing("fund-check").is_some(),
        "the decision is a fact"
    );
    assert_eq!(
        case.state
            .parked
            .as_ref()
            .map(|parked| parked.fault.as_str()),
        Some("no-bundle")
    );
    assert_eq!(
        without.work(now()).await.unwrap(),
        0,
        "nobody turns in circles over it"
    );

    let back = engine(data.path(), deployed()).await;
    back.resume(&id, "operator", now()).await.unwrap();
    while back.work(now()).await.unwrap() > 0 {}
    let case = back.case(&id).await.unwrap();
    assert!(case.state.parked.is_none());
    assert_eq!(case.state.next_reaction(), None);
}

#[tokio::test]
async fn an_open_case_stays_on_its_bundle_when_a_newer_one_comes() {
    let data = tempfile::tempdir().unwrap();
    let id = submit(&engine(data.path(), deployed()).await).await;

    // The same bundle under the next version: in the manifest only the number differs.
    let (old, new) = (b"\"version\":\"1.0.0\"", b"\"version\":\"1.0.1\"");
    let mut next = bundle("retirement");
    let at = next
        .windows(old.len())
        .position(|bytes| bytes == old)
        .unwrap();
    next[at..at + new.len()].copy_from_slice(new);
    let runtime = Runtime::new(Limits::default(), None).unwrap();
    let next = runtime.load(&next).unwrap();
    let mut both = deployed();
    assert!(both.add(next.clone()));
    assert!(!both.add(next.clone()), "a version is there once");

    let engine = engine(data.path(), both).await;
    assert_eq!(
        engine.bundles().newest("retirement").unwrap().digest(),
        next.digest()
    );
    assert_eq!(
        engine
            .bundles()
            .on("retirement", "2025-01-06")
            .unwrap()
            .digest(),
        next.digest()
    );
    approve(&engine, &id, "fund-check", "housing-fund")
        .await
        .unwrap();
    while engine.work(now()).await.unwrap() > 0 {}
    let case = engine.case(&id).await.unwrap();
    assert_eq!(case.state.version, "1.0.0");
    assert!(case.state.parked.is_none());
    assert_eq!(case.state.next_reaction(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clerks_who_decide_at_the_same_moment_all_succeed_once() {
    let data = tempfile::tempdir().unwrap();
    let engine = engine(data.path(), deployed()).await;
    let id = submit(&engine).await;
    let mut at_once = Vec::new();
    for (step, function) in CHECKS.into_iter().chain(CHECKS) {
        let (engine, id) = (engine.clone(), id.clone());
        at_once.push(tokio::spawn(async move {
            approve(&engine, &id, step, function).await
        }));
    }
    let mut well = 0;
    for one in at_once {
        match one.await.unwrap() {
            Ok(()) => well += 1,
            Err(Error::Refused(refusal)) => assert_eq!(refusal.code, "already-decided"),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(well, 4);
    let case = engine.case(&id).await.unwrap();
    assert_eq!(case.state.status.as_str(), "examination");
    assert_eq!(case.state.next_reaction(), None);
}

#[tokio::test]
async fn the_journal_answers_for_the_world() {
    let data = tempfile::tempdir().unwrap();
    let engine = engine(data.path(), deployed()).await;
    let id = submit(&engine).await;
    let journal = engine.store().journal(&id).await.unwrap();
    let functions: Vec<&str> = journal
        .iter()
        .map(|entry| entry.function.as_str())
        .collect();
    assert_eq!(functions, ["assess", "plan", "respond"]);
    // The lookups of the journal alone give the same outcome again.
    for entry in &journal {
        let body: Value = serde_json::from_slice(&entry.body).unwrap();
        let outcome: onething_runtime::Outcome = serde_json::from_slice(&entry.body).unwrap();
        assert_eq!(
            outcome.journal(entry.event, body["digest"].as_str().unwrap()),
            entry.body
        );
    }
    let assessed: onething_runtime::Outcome = serde_json::from_slice(&journal[0].body).unwrap();
    let asked = |name: &str| {
        assessed.lookups.iter().any(|(lookup, _)| match lookup {
            Lookup::Register { register, .. } => register == name,
            Lookup::Parameter {
                name: parameter, ..
            } => parameter == name,
            Lookup::Family { .. } => false,
        })
    };
    assert!(asked("population") && asked("retirement-age-delay"));
}
