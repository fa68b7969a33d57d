//! Nobody's data in what the host tells of itself: whole cases of every matter, and everything that
//! can go wrong with them, at the highest level of the log, with traces and metrics; then everything
//! that was told is searched for every name, identifier, phone, account and address there was.

use crate::api::{Served, filled_in, next_task, payload};
use crate::cli::{onething, with_registers};
use onething_tests::bundles::{MATTERS, root};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, read_to_string};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long the workers may take.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// A name that is nowhere but in what is sent wrongly.
const STRAY: &str = "欧阳无名";
const STRAY_ID: &str = "331102200001010017";
/// The trace of a caller.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A collector that keeps whatever it is sent.
struct Collector {
    endpoint: String,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::new(Mutex::new(Vec::new()));
        let kept = sent.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = kept.clone();
                std::thread::spawn(
                    move || while take(stream.as_ref().unwrap(), &kept).is_some() {},
                );
            }
        });
        Self { endpoint, sent }
    }
}

/// One request of a connection.
fn take(mut stream: &TcpStream, kept: &Mutex<Vec<u8>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    kept.lock().unwrap().extend(body);
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .ok()
}

/// The binary, telling everything it can tell.
fn telling(data: &Path, log: &Path, collector: &Collector, format: &str) -> Command {
    let mut command = onething(data);
    command
        .env("RUST_LOG", "trace")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)
        .args(["--log-format", format])
        .stderr(File::create(log).unwrap());
    command
}

/// Every string that says something of somebody.
fn personal() -> BTreeSet<String> {
    let sample = root().join("fixtures/_sample");
    let mut found = BTreeSet::from([STRAY.to_owned(), STRAY_ID.to_owned()]);
    for matter in MATTERS {
        let text = read_to_string(sample.join(matter).with_extension("json")).unwrap();
        collect(&serde_json::from_str(&text).unwrap(), &mut found);
    }
    for entry in std::fs::read_dir(sample.join("registers")).unwrap() {
        let text = read_to_string(entry.unwrap().path()).unwrap();
        let register: toml::Table = toml::from_str(&text).unwrap();
        let entries = register.get("entries");
        collect(&serde_json::to_value(entries).unwrap(), &mut found);
    }
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if is_personal(text) => drop(found.insert(text.clone())),
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::Object(members) => {
            for (name, value) in members {
                if is_personal(name) {
                    found.insert(name.clone());
                }
                collect(value, found);
            }
        }
        _ => {}
    }
}

/// Words in Chinese, addresses of mail, and numbers long enough to be somebody's.
fn is_personal(text: &str) -> bool {
    const DIGITS: usize = 7;
    let bytes = text.as_bytes();
    let is_number = |run: &[u8]| run.iter().all(u8::is_ascii_digit);
    !text.is_ascii() || text.contains('@') || bytes.windows(DIGITS).any(is_number)
}

#[test]
fn nobodys_data_is_in_logs_metrics_or_traces() {
    let data = tempfile::tempdir().unwrap();
    let logs = tempfile::tempdir().unwrap();
    let collector = Collector::start();

    let log = logs.path().join("demo.log");
    let mut demo = telling(data.path(), &log, &collector, "json");
    let told = demo.arg("demo").output().unwrap();
    assert!(told.status.success(), "{}", read_to_string(&log).unwrap());

    // The same cases looked at.
    let mut metrics = String::new();
    let log = logs.path().join("looking.log");
    let mut command = telling(&data.path().join("demo"), &log, &collector, "text");
    command.arg("serve");
    let served = Served::spawn(command, BTreeMap::new());
    let cases = look(&served);
    assert!(cases.len() >= 4);
    metrics += &served.get("operator", "/metrics").text;
    served.stop();

    // Cases over the API, with whatever can go wrong.
    let other = data.path().join("other");
    with_registers(&other);
    std::fs::write(other.join("outbox"), "a file where notices should go").unwrap();
    let bundles = with_hostile(data.path());
    let log = logs.path().join("failing.log");
    let mut command = telling(&other, &log, &collector, "text");
    command.arg("serve").arg("--bundles").arg(bundles);
    let served = Served::spawn(command, BTreeMap::new());
    fail(&served);
    metrics += &hand_in_everything(&served);
    break_register(&other);
    assert_eq!(prefill(&served, "retirement", "p").status, 200);
    metrics += &served.get("operator", "/metrics").text;
    served.stop();

    let mut told = metrics.clone().into_bytes();
    for entry in std::fs::read_dir(logs.path()).unwrap() {
        told.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let traces = collector.sent.lock().unwrap().clone();
    told.extend(&traces);
    for case in &cases {
        assert!(
            contains(&told, case.as_bytes()),
            "nothing is told of {case}"
        );
    }
    search(&told);
    for name in [
        "bundle run",
        "request",
        "command",
        "effect",
        "onething.case",
    ] {
        assert!(
            contains(&traces, name.as_bytes()),
            "no {name} in the traces"
        );
    }
    for case in &cases {
        let trace: [u8; 32] = Sha256::digest(case).into();
        assert!(contains(&traces, &trace[..16]), "no trace of case {case}");
    }
    let callers: Vec<u8> = (0..32)
        .step_by(2)
        .map(|at| u8::from_str_radix(&TRACE[at..at + 2], 16).unwrap())
        .collect();
    assert!(contains(&traces, &callers), "the caller's trace goes on");
    for line in [
        "onething_bundle_run_seconds_count{matter=\"retirement\",function=\"assess\"}",
        "onething_effects_total{kind=\"notice\",outcome=\"failed\"}",
        "onething_faults_total{fault=\"trapped\"}",
        "onething_effects_waiting{status=\"pending\"}",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

/// Fails with what was found and where.
fn search(told: &[u8]) {
    assert!(told.len() > 1_000_000, "{} bytes were told", told.len());
    let told = String::from_utf8_lossy(told);
    let mut leaks = Vec::new();
    for needle in personal() {
        if let Some(at) = told.find(&needle) {
            let from = told.floor_char_boundary(at.saturating_sub(300));
            let to = told.ceil_char_boundary((at + 100).min(told.len()));
            leaks.push(format!("{needle}: …{}…", &told[from..to]));
        }
    }
    assert!(
        leaks.is_empty(),
        "{} leaks\n{}",
        leaks.len(),
        leaks.join("\n\n")
    );
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Reads everything there is of every case; answers their ids.
fn look(served: &Served) -> Vec<String> {
    let listed = served.get("operator", "/v1/cases?limit=500").json();
    let listed = listed["cases"].as_array().unwrap();
    let ids = listed
        .iter()
        .map(|case| case["id"].as_str().unwrap().to_owned());
    let ids: Vec<String> = ids.collect();
    for id in &ids {
        let case = format!("/v1/cases/{id}");
        served.get("operator", &case).json();
        for part in ["events", "documents", "receipt", "stream"] {
            let answer = served.get("operator", &format!("{case}/{part}"));
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let forms = served.get("operator", &format!("{case}/forms")).json();
        for form in forms["forms"].as_array().unwrap() {
            let name = form["form"].as_str().unwrap();
            served.get("operator", &format!("{case}/forms/{name}"));
        }
    }
    for path in [
        "/v1/payments",
        "/v1/budgets",
        "/v1/offers",
        "/v1/public-notices",
    ] {
        assert_eq!(served.get("operator", path).status, 200, "{path}");
    }
    ids
}

/// The matters, and one that misbehaves.
fn with_hostile(folder: &Path) -> std::path::PathBuf {
    let bundles = folder.join("bundles");
    std::fs::create_dir(&bundles).unwrap();
    for matter in MATTERS {
        let name = format!("{matter}.wasm");
        std::fs::copy(root().join("bundles").join(&name), bundles.join(&name)).unwrap();
    }
    let hostile = root().join("bundles/test/hostile.wasm");
    std::fs::copy(hostile, bundles.join("hostile.wasm")).unwrap();
    bundles
}

/// A register with a torn entry.
fn break_register(data: &Path) {
    let path = data.join("registers/population.toml");
    let torn =
        read_to_string(&path).unwrap() + &format!("\n[entries.\"{STRAY_ID}\"]\nname = \"{STRAY}\n");
    std::fs::write(path, torn).unwrap();
}

fn prefill(served: &Served, matter: &str, purpose: &str) -> crate::api::Answer {
    let person = json!({"kind": "person", "identifier": "331102196501150019"});
    let unit = json!({"kind": "organisation", "identifier": "1233110000264001XG"});
    let asked = json!({
        "subject": person,
        "filer": {"person": person, "unit": unit, "capacity": "unit-clerk"},
        "region": "331102",
        "purpose": purpose,
    });
    served.post("platform", &format!("/v1/matters/{matter}/prefill"), &asked)
}

/// Requests that are wrong in every way, with somebody's data in the wrong places.
fn fail(served: &Served) {
    let encoded: String = STRAY.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for path in [
        format!("/v1/cases/{encoded}"),
        format!("/v1/cases/{STRAY_ID}"),
        format!("/v1/cases/{STRAY_ID}/events?after={encoded}"),
        format!("/v1/matters/{encoded}"),
        format!("/v1/cases?subject={STRAY_ID}"),
        format!("/v1/materials/{STRAY_ID}"),
        format!("/{encoded}/{STRAY_ID}"),
    ] {
        let status = served.get("operator", &path).status;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    let hand_in = "POST /v1/matters/retirement/cases";
    let prefill_line = "POST /v1/matters/retirement/prefill";
    for (line, body) in [
        (hand_in, format!("{{\"subject\": \"{STRAY}\"}}")),
        (hand_in, format!("{{\"{STRAY}\": \"{STRAY_ID}\"")),
        (prefill_line, format!("[\"{STRAY}\", {STRAY_ID}]")),
        (&format!("{STRAY_ID} /v1/cases"), STRAY.to_owned()),
    ] {
        let head = format!(
            "content-type: application/json\r\nidempotency-key: {STRAY_ID}\r\nx-name: {STRAY_ID}\r\n\
             traceparent: {STRAY_ID}\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        let mut answer = String::new();
        let mut stream = served.begin("platform", line, &head, &body);
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let head = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\nconnection: close\r\n");
    let mut answer = String::new();
    let mut stream = served.begin("operator", "GET /v1/cases", &head, "");
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for purpose in [
        "trap",
        "panic",
        "bad-json",
        "invalid-utf8",
        "never-settles",
        "log-flood",
    ] {
        let answer = prefill(served, "hostile", purpose);
        assert!(
            [200, 500].contains(&answer.status),
            "{purpose}: {}",
            answer.text
        );
    }
}

/// Every matter's sample, handed in, twice, and decided as far as that goes; answers the metrics of
/// when a notice has failed.
fn hand_in_everything(served: &Served) -> String {
    for matter in MATTERS {
        let sample = root().join("fixtures/_sample").join(matter);
        let text = read_to_string(sample.with_extension("json")).unwrap();
        let mut hand_in: Value = serde_json::from_str(&text).unwrap();
        if matter == "retirement" {
            hand_in = filled_in(served);
        }
        let path = format!("/v1/matters/{matter}/cases");
        served.post("platform", &path, &hand_in);
        hand_in["answers"]["mobile"] = STRAY.into();
        let again = served.post("clerk", &path, &hand_in);
        assert!((400..500).contains(&again.status), "{}", again.text);
    }
    while let Some((officer, task)) = next_task(served) {
        let (id, step) = (
            task["case_id"].as_str().unwrap(),
            task["step"].as_str().unwrap(),
        );
        let case = served.get("operator", &format!("/v1/cases/{id}")).json();
        let decide = json!({
            "round": task["round"],
            "task_version": task["task_version"],
            "verdict": "approve",
            "opinion": STRAY,
            "payload": payload(&case, step),
        });
        let path = format!("/v1/cases/{id}/steps/{step}/decisions");
        if served.post(&officer, &path, &decide).status != 200 {
            break;
        }
    }
    let started = Instant::now();
    loop {
        let metrics = served.get("operator", "/metrics").text;
        if metrics.contains("kind=\"notice\",outcome=\"failed\"") {
            return metrics;
        }
        assert!(started.elapsed() < WAIT_MAX, "{metrics}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
