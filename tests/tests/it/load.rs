//! `onething load` as a person uses it: on a host of its own, on one that runs, and on a function app.
//! What is checked is that everything planned was asked and answered, never how fast.

use crate::api::Served;
use crate::cli::{onething, refused};
use axum::response::IntoResponse;
use onething_runtime::{Limits, Runtime};
use onething_tests::apps::{FunctionApp, Spoil, said};
use onething_tests::bundles::bundle;
use quick_xml::events::Event;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

/// What every test runs.
const RUN: [&str; 4] = ["load", "--for", "2s", "--json"];

/// The summary, and whether every request was answered.
fn loaded(data: &Path, rate: &str, more: &[&str]) -> (Value, bool) {
    let output = onething(data)
        .args(RUN)
        .args(["--rate", rate])
        .args(more)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let summary = serde_json::from_slice(&output.stdout);
    let summary = summary.unwrap_or_else(|error| panic!("{error}: {errors}"));
    (summary, output.status.success())
}

/// Everything that was due was sent and answered, by kind as well.
fn check(summary: &Value) {
    let count = |member: &str| summary[member].as_u64().unwrap();
    assert!(count("sent") > 0, "{summary:#}");
    assert_eq!(count("sent") + count("shed"), count("arrivals"));
    assert_eq!(count("done"), count("sent"));
    assert_eq!(summary["errors"], json!({}), "{summary:#}");
    let of_kinds = summary["kinds"].as_object().unwrap().values();
    let sent: u64 = of_kinds.map(|kind| kind["sent"].as_u64().unwrap()).sum();
    assert_eq!(sent, count("sent"));
    let answers = summary["answers"].as_object().unwrap().values();
    let answers: u64 = answers.map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(answers, count("done"));
}

/// Well-formed, with all of its series.
fn check_picture(path: &Path) {
    let svg = std::fs::read_to_string(path).unwrap();
    let mut reader = quick_xml::Reader::from_str(&svg);
    let mut texts = BTreeSet::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Text(text) => {
                texts.insert(text.trim().to_owned());
            }
            Event::Eof => break,
            _ => {}
        }
    }
    for series in ["到达 arrivals", "完成 done", "错误 errors", "p50", "p99"] {
        assert!(texts.contains(series), "{series}: {texts:?}");
    }
}

#[test]
fn a_host_of_its_own_answers_everything() {
    let data = tempfile::tempdir().unwrap();
    let svg = data.path().join("run.svg");
    let more = ["--svg", svg.to_str().unwrap(), "--profile", "month"];
    let (summary, good) = loaded(data.path(), "10", &more);
    assert!(good);
    check(&summary);
    check_picture(&svg);
    // Everything of the host's was elsewhere, and is gone.
    assert!(!data.path().join("onething.db").exists());
}

#[test]
fn a_running_host_answers_everything() {
    let data = tempfile::tempdir().unwrap();
    let told = onething(data.path())
        .args(["load", "--registers-into"])
        .arg(data.path())
        .output()
        .unwrap();
    assert!(told.status.success(), "{told:?}");
    let mut serve = onething(data.path());
    serve.env("RUST_LOG", "error").arg("serve");
    let served = Served::spawn(serve, BTreeMap::new());
    let tokens = served.tokens.iter();
    let tokens: String = tokens
        .map(|(name, token)| format!("{name} {token}\n"))
        .collect();
    let file = data.path().join("tokens");
    std::fs::write(&file, tokens).unwrap();
    let at = ["--server", &served.url, "--token-file"];
    // So many that some are submissions and decisions.
    let more = [&at[..], &[file.to_str().unwrap()]].concat();
    let (summary, good) = loaded(data.path(), "40", &more);
    assert!(good, "{summary:#}");
    check(&summary);
    let cases = served.get("operator", "/v1/cases").json();
    let submitted = summary["kinds"]["submit"]["sent"].as_u64().unwrap();
    assert!(submitted > 0);
    assert_eq!(
        cases["cases"].as_array().unwrap().len() as u64,
        submitted,
        "each submission is about somebody else"
    );
    assert!(summary["kinds"]["decide"]["sent"].as_u64().unwrap() > 0);
}

#[test]
fn what_may_not_be_loaded_is_not() {
    let data = tempfile::tempdir().unwrap();
    let token = data.path().join("token");
    std::fs::write(&token, "t").unwrap();
    let token = token.to_str().unwrap();
    for (arguments, says) in [
        (
            &["--executor", "http://192.0.2.7:3000"][..],
            "--beyond-loopback",
        ),
        (
            &["--server", "http://192.0.2.7", "--token-file", token],
            "--beyond-loopback",
        ),
        (&["--server", "http://127.0.0.1:1"], "--token-file"),
        (&["--executor", "http://127.0.0.1:1"], "not answered"),
        (&["--svg", "/no/such/folder/run.svg"], "cannot write"),
        (&["--for", "25h"], "24 hours"),
        (&["--rate", "10001"], "10001"),
        (&["--in-flight", "0"], "in-flight"),
    ] {
        let told = refused(data.path(), &[&["load"], arguments].concat());
        assert!(told.contains(says), "{arguments:?}: {told}");
    }
}

#[test]
fn a_function_app_is_asked_with_every_lookup_answered() {
    let data = tempfile::tempdir().unwrap();
    let bundle = || {
        let runtime = Runtime::new(Limits::default(), None).unwrap();
        runtime.load(&bundle("retirement")).unwrap()
    };
    let app = FunctionApp::honest([bundle()]);
    let (summary, good) = loaded(data.path(), "10", &["--executor", &app.url]);
    assert!(good, "{summary:#}");
    check(&summary);
    assert_eq!(
        summary["kinds"]["assess"]["sent"], summary["sent"],
        "{summary:#}"
    );

    // As long as it is got ready it answers; from then on it does not.
    let asked = Mutex::new(0);
    let spoil: Spoil = Box::new(move |answer| {
        let mut asked = asked.lock().unwrap();
        let output = answer.output.as_ref();
        if output.is_some_and(|output| output.get().contains("\"findings\"")) {
            *asked += 1;
        }
        match *asked {
            0 | 1 => Some(said(&answer)),
            2 => {
                let fault = json!({ "name": "too-many-host-calls", "message": "" });
                let mut told = serde_json::to_value(&answer).unwrap();
                (told["output"], told["fault"]) = (Value::Null, fault);
                Some(told.to_string().into_response())
            }
            _ => Some("今天不办".into_response()),
        }
    });
    let app = FunctionApp::spoiled([bundle()], spoil);
    let (summary, good) = loaded(data.path(), "10", &["--executor", &app.url]);
    assert!(!good);
    assert_eq!(summary["errors"]["fault"], 1, "{summary:#}");
    let wrong = summary["errors"]["not-an-answer"].as_u64().unwrap();
    assert_eq!(wrong + 1, summary["sent"].as_u64().unwrap());
    assert_eq!(summary["done"], summary["sent"]);
}
