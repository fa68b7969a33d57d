//! Bundles that run as function apps: an honest one comes to the same events and journals, and from
//! every bad one the caller gets the bundle's own answer, or hears that nobody answers.

use crate::engine::{decide_all, deployed, engine, now, submit};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use onething_contract::{Filer, Subject, SubjectKind};
use onething_engine::{Apps, AppsConfig, Bundles, Engine, Error, Executor as _, Patience};
use onething_runtime::{Bundle, Limits};
use onething_tests::apps::{FunctionApp, Spoil, changed, said};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Long, where nothing waits for its end.
const LONG: Duration = Duration::from_secs(120);

/// Compiled once.
static BUNDLES: LazyLock<Bundles> = LazyLock::new(deployed);

fn retirement() -> Bundle {
    BUNDLES.newest("retirement").unwrap().clone()
}

fn apps(url: &str, compare_one_in: u64, answer: Duration) -> Arc<Apps> {
    let config = AppsConfig {
        bases: vec![(None, url.to_owned())],
        compare_one_in,
        seed: 1,
        patience: Patience {
            connect: LONG,
            answer,
            invocation: LONG,
            retries: [Duration::from_millis(1); 2],
        },
    };
    Arc::new(Apps::new(config, Limits::default()))
}

async fn host(data: &std::path::Path, apps: &Arc<Apps>) -> Engine {
    engine(data, BUNDLES.clone())
        .await
        .with_executor(apps.clone())
}

async fn prefill(engine: &Engine) -> Result<usize, Error> {
    let person = |identifier: &str| Subject {
        kind: SubjectKind::Person,
        identifier: identifier.to_owned(),
    };
    let text = std::fs::read_to_string(
        onething_tests::bundles::root().join("fixtures/_sample/retirement.json"),
    );
    let sample: Value = serde_json::from_str(&text.unwrap()).unwrap();
    let filer: Filer = serde_json::from_value(sample["filer"].clone()).unwrap();
    let subject = person(sample["subject"]["identifier"].as_str().unwrap());

    let form = engine.prefill(
        "retirement",
        filer,
        subject,
        "331102",
        "试".to_owned(),
        now(),
    );
    let known = form.await?.values;
    Ok(known.iter().filter(|one| one.value.is_some()).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_app_answers_as_the_bundle_and_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    let app = FunctionApp::honest([retirement()]);
    let apps = apps(&app.url, 1, LONG);
    let elsewhere = host(&folder.path().join("a"), &apps).await;
    let here = engine(&folder.path().join("b"), BUNDLES.clone()).await;
    assert_eq!(
        prefill(&elsewhere).await.unwrap(),
        prefill(&here).await.unwrap()
    );
    let mut histories = Vec::new();
    for engine in [&elsewhere, &here] {
        let case = submit(engine).await;
        decide_all(engine, &case).await;
        let journal = engine.store().journal(&case).await.unwrap();
        let journal: Vec<_> = journal.into_iter().map(|entry| entry.body).collect();
        histories.push((engine.case(&case).await.unwrap().events, journal));
    }
    let (events, journal) = &histories[0];
    assert!(events.len() > 10 && journal.len() > 2);
    assert_eq!(histories[0], histories[1]);
    let (answered, run_here) = apps.counts();
    assert!(answered > 5 && run_here == 0, "{answered} {run_here}");
    assert!(app.asked() > 5);
    assert!(apps.quarantined().is_empty());
}

/// What the process counts.
fn counted() -> String {
    let (mut registry, mut text) = (Registry::default(), String::new());
    onething_engine::measures::register(&mut registry);
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}

fn is_counted(outcome: &str) -> bool {
    let label = format!("{{matter=\"retirement\",outcome=\"{outcome}\"}}");
    counted().contains(&format!("function_apps_total{label}"))
}

/// Each by the name of what is wrong with it.
fn bad() -> Vec<(&'static str, Spoil)> {
    let plain = |status: StatusCode, body: &'static str| -> Spoil {
        Box::new(move |_| Some((status, body).into_response()))
    };
    vec![
        (
            "other-digest",
            changed(|answer| answer["digest"] = json!("00")),
        ),
        ("malformed", plain(StatusCode::OK, "<html>welcome</html>")),
        ("malformed", plain(StatusCode::OK, "")),
        (
            "malformed",
            changed(|answer| answer["output"] = json!({"assess": {}})),
        ),
        (
            "malformed",
            changed(|answer| {
                answer["pending"] = json!([]);
                answer["output"] = Value::Null;
            }),
        ),
        ("failed", plain(StatusCode::INTERNAL_SERVER_ERROR, "")),
        ("failed", plain(StatusCode::NOT_FOUND, "no such route")),
        ("failed", plain(StatusCode::FOUND, "")),
        (
            "failed",
            changed(|answer| {
                answer["fault"] = json!({"name": "too-many-host-calls", "message": "?"});
                answer["pending"] = json!([]);
            }),
        ),
        // It is told, and asks the same again, for ever.
        (
            "asks-again",
            changed(|answer| {
                if let Some((first, _)) = answer["lookups"]
                    .as_array()
                    .and_then(|all| all.split_first())
                {
                    answer["pending"] = json!([first[0].clone()]);
                }
            }),
        ),
        (
            "not-granted",
            changed(|answer| {
                answer["pending"] = json!([{"register": {"register": "everybody", "key": "1"}}]);
            }),
        ),
        (
            "not-granted",
            changed(|answer| {
                let effect = json!({"release": {"budget": "relief"}});
                answer["intents"] = json!([{"ticket": "-1", "after": [], "effect": effect}]);
            }),
        ),
        (
            "invents",
            changed(|answer| {
                if answer["pending"] == json!([]) {
                    let entry = json!({"value": "{}", "as_of": "2025-01-06", "source": "?"});
                    answer["lookups"][0][1] = json!({"entry": entry});
                }
            }),
        ),
        (
            "differs",
            changed(|answer| {
                if answer["pending"] == json!([]) {
                    answer["output"]["Ok"] = json!([]);
                }
            }),
        ),
        (
            "too-large",
            Box::new(|answer| {
                let mut text = serde_json::to_string(&answer).unwrap();
                text.push_str(&" ".repeat(120 << 20));
                Some((StatusCode::OK, text).into_response())
            }),
        ),
        // Asks for something new each time: the bundle does not.
        ("failed", {
            let count = std::sync::atomic::AtomicUsize::new(0);
            changed(move |answer| {
                let key = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let lookup = json!({"register": "population", "key": key.to_string()});
                answer["pending"] = json!([{"register": lookup}]);
            })
        }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_app_is_quarantined_by_name_and_its_bundle_answers() {
    let folder = tempfile::tempdir().unwrap();
    let honest = engine(&folder.path().join("honest"), BUNDLES.clone()).await;
    let expected = prefill(&honest).await.unwrap();
    for (number, (reason, spoil)) in bad().into_iter().enumerate() {
        let why = format!("{reason}, number {number}");
        let app = FunctionApp::spoiled([retirement()], spoil);
        let apps = apps(&app.url, 1, LONG);
        let engine = host(&folder.path().join(number.to_string()), &apps).await;
        assert_eq!(prefill(&engine).await.unwrap(), expected, "{why}");
        let quarantined = engine.quarantined_apps();
        assert_eq!(quarantined.len(), 1, "{why}");
        assert_eq!(quarantined[0].reason, reason, "{why}");
        assert_eq!(quarantined[0].function, "prefill", "{why}");
        assert!(is_counted(reason), "{why}: {}", counted());
        let gauge = match reason {
            "other-digest" => 0,
            _ => 1,
        };
        let gauge = format!("function_apps_quarantined{{matter=\"retirement\"}} {gauge}");
        assert!(counted().contains(&gauge), "{why}: {}", counted());

        // It is not asked any more, until somebody lets it.
        let asked = app.asked();
        assert_eq!(prefill(&engine).await.unwrap(), expected, "{why}");
        assert_eq!(app.asked(), asked, "{why}");
        engine.release_app("retirement").unwrap();
        assert!(engine.release_app("retirement").is_err());
        assert_eq!(prefill(&engine).await.unwrap(), expected, "{why}");
        assert!(app.asked() > asked, "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_answers_the_caller_hears_it_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let silent = FunctionApp::spoiled([retirement()], Box::new(|_| None));
    let busy = FunctionApp::spoiled(
        [retirement()],
        Box::new(|_| Some(StatusCode::SERVICE_UNAVAILABLE.into_response())),
    );
    for (url, patience, why) in [
        (&nobody, LONG, "refused"),
        (&silent.url, Duration::from_millis(200), "timeout"),
        (&busy.url, LONG, "overloaded"),
    ] {
        let apps = apps(url, 1, patience);
        let engine = host(&folder.path().join(why), &apps).await;
        match prefill(&engine).await {
            Err(Error::Unavailable(error)) => assert_eq!(error.why, why),
            other => panic!("{why}: {other:?}"),
        }
        assert!(engine.quarantined_apps().is_empty(), "{why}");
        assert!(is_counted(why), "{}", counted());
    }
    assert_eq!(silent.asked(), 1, "who is slow is not asked twice");
    assert_eq!(busy.asked(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_waits_for_its_app() {
    let folder = tempfile::tempdir().unwrap();
    let is_up = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let up = is_up.clone();
    let app = FunctionApp::spoiled(
        [retirement()],
        Box::new(
            move |answer| match up.load(std::sync::atomic::Ordering::Relaxed) {
                true => Some(said(&answer)),
                false => Some(StatusCode::BAD_GATEWAY.into_response()),
            },
        ),
    );
    let apps = apps(&app.url, 0, LONG);
    let engine = host(folder.path(), &apps).await;
    let case = submit(&engine).await;
    is_up.store(false, std::sync::atomic::Ordering::Relaxed);
    // The decisions are facts although the bundle cannot answer them now.
    decide_all(&engine, &case).await;
    let waiting = engine.case(&case).await.unwrap().state;
    assert!(waiting.next_reaction().is_some() && waiting.parked.is_none());
    is_up.store(true, std::sync::atomic::Ordering::Relaxed);
    let answered = engine.react(&case).await.unwrap().state;
    assert!(answered.next_reaction().is_none() && answered.parked.is_none());
    assert_eq!(apps.counts().1, 0);
}
