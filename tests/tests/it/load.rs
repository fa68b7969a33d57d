//! `onething load` as a person uses it: on a host of its own, on one that runs, and on a function app.
//! What is checked is that everything planned was asked and answered, never how fast.

use crate::api::Served;
use crate::cli::{onething, refused};
use onething_contract::{Filer, Found, Lookup, Refusal, Subject, Submission, Text};
use onething_runtime::{Bundle, Call, Facts, Inputs, Limits, Output, Runtime};
use onething_tests::bundles::bundle;
use quick_xml::events::Event;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

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
    let app = App::start(|app, function, request| app.run(function, request));
    let (summary, good) = loaded(data.path(), "10", &["--executor", &app]);
    assert!(good, "{summary:#}");
    check(&summary);
    assert_eq!(
        summary["kinds"]["assess"]["sent"], summary["sent"],
        "{summary:#}"
    );

    // As long as it is got ready it answers; from then on it does not.
    let asked = Mutex::new(0);
    let app = App::start(move |app, function, request| {
        let mut asked = asked.lock().unwrap();
        let answer = app.run(function, request);
        if function == "assess" && answer["pending"] == json!([]) {
            *asked += 1;
        }
        match *asked {
            0 | 1 => answer,
            2 => json!({ "pending": [], "output": null, "fault": { "name": "trap" } }),
            _ => json!("今天不办"),
        }
    });
    let (summary, good) = loaded(data.path(), "10", &["--executor", &app]);
    assert!(!good);
    assert_eq!(summary["errors"]["fault"], 1, "{summary:#}");
    let wrong = summary["errors"]["not-an-answer"].as_u64().unwrap();
    assert_eq!(wrong + 1, summary["sent"].as_u64().unwrap());
    assert_eq!(summary["done"], summary["sent"]);
}

/// A function app by its interface, over the bundle itself.
struct App {
    bundle: Bundle,
}

type Answering = dyn Fn(&App, &str, &Value) -> Value + Send + Sync;

/// What a request knows; what else is asked is pending.
struct Known {
    known: BTreeMap<Lookup, Found>,
    pending: Mutex<BTreeSet<Lookup>>,
}

impl Facts for Known {
    fn known(&self, lookup: &Lookup) -> Option<Found> {
        self.known.get(lookup).cloned()
    }

    fn fetch(&self, wanted: &[Lookup]) -> Vec<Found> {
        self.pending.lock().unwrap().extend(wanted.iter().cloned());
        let text = Text {
            zh: "待查".to_owned(),
            en: "pending".to_owned(),
        };
        let refusal = Refusal {
            code: "pending".to_owned(),
            message: text,
            basis: None,
        };
        vec![Found::Unavailable(refusal); wanted.len()]
    }
}

impl App {
    /// Serves until the process ends; answers its address.
    fn start(answer: impl Fn(&App, &str, &Value) -> Value + Send + Sync + 'static) -> String {
        let runtime = Runtime::new(Limits::default(), None).unwrap();
        let bundle = runtime.load(&bundle("retirement")).unwrap();
        let app: Arc<(App, Box<Answering>)> = Arc::new((App { bundle }, Box::new(answer)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let app = app.clone();
                std::thread::spawn(move || serve(&app.0, &*app.1, stream.unwrap()));
            }
        });
        address
    }

    fn about(&self) -> Value {
        json!({ "digest": self.bundle.digest(), "exports": [], "manifest": &**self.bundle.manifest() })
    }

    fn run(&self, function: &str, request: &Value) -> Value {
        let arguments = &request["arguments"];
        let call = match function {
            "prefill" => Call::Prefill {
                filer: from::<Filer>(&arguments["filer"]),
                subject: from::<Subject>(&arguments["subject"]),
                purpose: "load".to_owned(),
            },
            "assess" => Call::Assess {
                submission: from::<Submission>(&arguments["submission"]),
            },
            other => panic!("{other} is not asked"),
        };
        let known: Vec<(Lookup, Found)> = from(&request["known"]);
        let facts = Arc::new(Known {
            known: known.into_iter().collect(),
            pending: Mutex::default(),
        });
        let inputs = Inputs {
            answers: request["answers"].to_string().into(),
            now: request["now"].as_str().unwrap().to_owned(),
            ticket_prefix: String::new(),
            facts: facts.clone(),
        };
        let outcome = self.bundle.invoke(&call, inputs).outcome.unwrap();
        let pending: Vec<_> = facts.pending.lock().unwrap().iter().cloned().collect();
        let output = match outcome.output {
            _ if !pending.is_empty() => Value::Null,
            Output::Prefill(values) => json!(values),
            Output::Assess(assessment) => {
                assert_eq!(assessment.findings, [], "the sample is in order");
                json!(assessment)
            }
            other => panic!("{}", other.function()),
        };
        json!({ "digest": self.bundle.digest(), "output": output, "pending": pending, "fault": null })
    }
}

fn from<T: serde::de::DeserializeOwned>(json: &Value) -> T {
    serde_json::from_value(json.clone()).unwrap()
}

/// Answers one request after the other of a connection.
fn serve(app: &App, answer: &Answering, stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.to_ascii_lowercase());
        }
        let length = head
            .iter()
            .find_map(|line| line.strip_prefix("content-length:"));
        let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
        reader.read_exact(&mut body).unwrap();
        let path = head[0].split(' ').nth(1).unwrap();
        let answer = match path.strip_prefix("/retirement/") {
            None => app.about(),
            Some(function) => answer(app, function, &serde_json::from_slice(&body).unwrap()),
        }
        .to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        writer.write_all((head + &answer).as_bytes()).unwrap();
    }
}
