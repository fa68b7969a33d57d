//! The engine around the store: what is committed is a fact whatever becomes of the bundle, and
//! clerks who decide at the same moment both succeed.

use chrono::DateTime;
use onething_capabilities::Published;
use onething_contract::{Finding, Lookup, Office, Severity, Text, Verdict};
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
    let (store, parameters) = parts(data).await;
    Engine::new(store, bundles, parameters, Folders::within(data))
}

/// A host of what is deployed in its store, and nothing else.
pub async fn deployed_in_store(data: &Path) -> Engine {
    let (store, parameters) = parts(data).await;
    let runtime = Runtime::new(Limits::default(), None).unwrap();
    Engine::deployed(store, runtime, parameters, Folders::within(data))
}

async fn parts(data: &Path) -> (Store, Published) {
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
    (store, parameters)
}

pub fn deployed() -> Bundles {
    let runtime = Runtime::new(Limits::default(), None).unwrap();
    let mut bundles = Bundles::default();
    bundles.add(runtime.load(&bundle("retirement")).unwrap());
    bundles
}

pub async fn submit(engine: &Engine) -> String {
    let hand_in = filled(engine).await;
    let submitted = engine.submit("retirement", hand_in, "platform", None, now());
    case_of(submitted.await.unwrap())
}

/// Every office of the first phase says yes.
pub async fn decide_all(engine: &Engine, case: &str) {
    for (step, function) in CHECKS {
        approve(engine, case, step, function).await.unwrap();
    }
}

fn case_of(submitted: Submitted) -> String {
    match submitted {
        Submitted::Registered { case_id, .. } => case_id,
        Submitted::Refused(assessment) => panic!("{assessment:?}"),
    }
}

/// The sample, with what registers know.
async fn filled(engine: &Engine) -> HandIn {
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
    hand_in
}

async fn approve(engine: &Engine, case: &str, step: &str, function: &str) -> Result<(), Error> {
    decide(engine, case, step, function, Verdict::Approve).await
}

async fn decide(
    engine: &Engine,
    case: &str,
    step: &str,
    function: &str,
    verdict: Verdict,
) -> Result<(), Error> {
    let office = Office {
        function: function.to_owned(),
        region: "331102".to_owned(),
    };
    let text = |said: &str| Text {
        zh: said.to_owned(),
        en: said.to_owned(),
    };
    let reason = Finding {
        severity: Severity::Error,
        path: String::new(),
        code: "account-closed".to_owned(),
        message: text("账户已销户"),
        basis: None,
    };
    let decide = Decide {
        round: 0,
        task_version: None,
        reasons: match verdict {
            Verdict::Approve => Vec::new(),
            _ => vec![reason],
        },
        verdict,
        opinion: "已审".to_owned(),
        payload: None,
        on_behalf_of: None,
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
async fn an_appeal_goes_over_the_outcome_under_the_same_version() {
    let data = tempfile::tempdir().unwrap();
    let engine = engine(data.path(), deployed()).await;
    let original = submit(&engine).await;
    let appeal = async |hand_in: HandIn| {
        let appeal = engine.appeal(&original, hand_in, "platform", None, now());
        match appeal.await {
            Ok(submitted) => Ok(case_of(submitted)),
            Err(Error::Refused(refusal)) => Err(refusal.code),
            Err(error) => panic!("{error}"),
        }
    };
    let refused = appeal(filled(&engine).await).await;
    assert_eq!(refused.unwrap_err(), "not-appealable");

    for (step, function) in CHECKS {
        let verdict = match step {
            "fund-check" => Verdict::Reject,
            _ => Verdict::Approve,
        };
        decide(&engine, &original, step, function, verdict)
            .await
            .unwrap();
    }
    let case = engine.case(&original).await.unwrap();
    assert_eq!(case.state.status.as_str(), "not-accepted");

    let mut another = filled(&engine).await;
    another.subject.identifier = "331102196803120022".to_owned();
    another.answers["AAC002"] = another.subject.identifier.clone().into();
    if let Ok(Submitted::Registered { .. }) = engine
        .appeal(&original, another, "platform", None, now())
        .await
    {
        panic!("an appeal is the same subject's");
    }
    let id = appeal(filled(&engine).await).await.unwrap();
    let (original_state, state) = (
        engine.case(&original).await.unwrap().state,
        engine.case(&id).await.unwrap().state,
    );
    assert_eq!(state.appeal_of.as_deref(), Some(original.as_str()));
    assert_eq!(state.digest, original_state.digest);
    assert_eq!(state.legal_date, original_state.legal_date);
    assert_eq!(original_state.appeal.unwrap().case_id, id);
    let again = appeal(filled(&engine).await).await;
    assert_eq!(again.unwrap_err(), "already-appealed");
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
    both.add(next.clone());

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
