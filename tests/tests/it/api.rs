//! The API over a real socket, as a platform and the offices use it: the served binary, with the
//! callers that it makes itself, from prefill to the sealed case, killed on the way.

use crate::cli::{onething, with_registers};
use onething_tests::bundles::root;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::http::Response;

/// How long the workers may take for what a command leads to. What a killed host had begun is nobody
/// else's for a minute.
const WORK_TIME_MAX: Duration = Duration::from_secs(120);

/// `onething serve`, stopped when it is dropped.
pub struct Served {
    pub process: Child,
    pub url: String,
    pub tokens: BTreeMap<String, String>,
    pub agent: Agent,
}

pub struct Answer {
    pub status: u16,
    pub location: String,
    etag: String,
    pub retry_after: String,
    pub text: String,
}

impl Served {
    /// The tokens are told the first time only.
    fn start(data: &Path, tokens: BTreeMap<String, String>) -> Self {
        Self::start_with(data, &[], tokens)
    }

    pub fn start_with(data: &Path, more: &[&str], tokens: BTreeMap<String, String>) -> Self {
        let mut command = onething(data);
        // What it does is asked of it; its log would only be in the way.
        command.env("RUST_LOG", "warn").arg("serve").args(more);
        Self::spawn(command, tokens)
    }

    /// Runs a command that begins with `serve`, on a free port.
    pub fn spawn(mut command: Command, tokens: BTreeMap<String, String>) -> Self {
        let process = command
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut served = Self {
            url: String::new(),
            tokens,
            agent: Agent::new_with_config(
                Agent::config_builder().http_status_as_error(false).build(),
            ),
            process,
        };
        let said = BufReader::new(served.process.stdout.take().unwrap());
        for line in said.lines().map(Result::unwrap) {
            if let Some(url) = line.strip_prefix("serving ") {
                served.url = url.strip_suffix("/v1/matters").unwrap().to_owned();
                return served;
            }
            if let [name, token] = line.split_whitespace().collect::<Vec<_>>()[..] {
                served.tokens.insert(name.to_owned(), token.to_owned());
            }
        }
        panic!("it does not serve");
    }

    pub fn get(&self, caller: &str, path: &str) -> Answer {
        let request = self.agent.get(format!("{}{path}", self.url));
        let request = request.header("authorization", self.bearer(caller));
        Answer::of(request.call().unwrap())
    }

    pub fn post(&self, caller: &str, path: &str, body: &Value) -> Answer {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = request
            .header("authorization", self.bearer(caller))
            .header("idempotency-key", path);
        Answer::of(request.send_json(body).unwrap())
    }

    pub fn bearer(&self, caller: &str) -> String {
        format!("Bearer {}", self.tokens[caller])
    }

    /// The case, once nothing is left to do but what `is_there` asks for.
    pub fn wait(&self, case: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let found = self.get("platform", case).json();
            if is_there(&found) {
                return found;
            }
            assert!(started.elapsed() < WORK_TIME_MAX, "{found:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Kills it at once, whatever it is doing.
    fn kill(mut self) -> BTreeMap<String, String> {
        self.process.kill().unwrap();
        std::mem::take(&mut self.tokens)
    }

    /// Asks it to stop.
    pub fn ask_to_stop(&self) {
        let pid = self.process.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(asked.success());
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> BTreeMap<String, String> {
        self.ask_to_stop();
        assert!(self.process.wait().unwrap().success());
        std::mem::take(&mut self.tokens)
    }

    /// A request as its bytes go over the wire: lines of a head, each with its end, and the beginning of
    /// a body.
    pub fn begin(&self, caller: &str, line: &str, head: &str, begun: &str) -> TcpStream {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let bearer = self.bearer(caller);
        let head =
            format!("{line} HTTP/1.1\r\nhost: x\r\nauthorization: {bearer}\r\n{head}\r\n{begun}");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Where it has stopped already there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Answer {
    pub fn of(mut response: Response<ureq::Body>) -> Self {
        let header = |name: &str| {
            let value = response.headers().get(name);
            value.map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        Self {
            location: header("location"),
            etag: header("etag"),
            retry_after: header("retry-after"),
            status: response.status().as_u16(),
            text: response.body_mut().read_to_string().unwrap(),
        }
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "{} {}",
            self.status,
            self.text
        );
        serde_json::from_str(&self.text).unwrap()
    }

    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let problem: Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(
            (self.status, &problem["code"]),
            (status, &json!(code)),
            "{problem:#}"
        );
        problem
    }
}

#[test]
fn a_platform_and_five_offices_bring_a_retirement_to_its_end() {
    let data = tempfile::tempdir().unwrap();
    with_registers(data.path());
    let mut served = Served::start(data.path(), BTreeMap::new());

    let matter = served.get("tester", "/v1/matters/retirement").json();
    assert_eq!(
        (
            &matter["merge"]["source_fields"],
            &matter["merge"]["merged_fields"]
        ),
        (&json!(148), &json!(56))
    );
    let hand_in = filled_in(&served);

    // Refused with everything that is wrong, and nothing is registered.
    let mut bad = hand_in.clone();
    bad["answers"]["mobile"] = "1".into();
    bad["answers"]["AAC002"] = "36042619910102009X".into();
    bad["materials"] = json!([]);
    let submit = "/v1/matters/retirement/cases";
    let refused = served
        .post("clerk", submit, &bad)
        .problem(422, "submission-refused");
    assert!(
        refused["findings"].as_array().unwrap().len() >= 2,
        "{refused:#}"
    );
    assert_eq!(served.get("clerk", "/v1/cases").json()["cases"], json!([]));

    // Once, however often it is sent.
    let submitted = served.post("platform", submit, &hand_in);
    assert_eq!(submitted.status, 201, "{}", submitted.text);
    let case = submitted.location.as_str();
    let again = served.post("platform", submit, &hand_in);
    assert_eq!((again.status, again.location.as_str()), (200, case));
    served
        .post("clerk", submit, &hand_in)
        .problem(409, "key-taken");
    served.get("clerk", case).problem(404, "unknown-case");

    let mut decided = 0;
    while let Some((officer, task)) = next_task(&served) {
        let step = task["step"].as_str().unwrap();
        let decide = json!({
            "round": task["round"],
            "task_version": task["task_version"],
            "verdict": "approve",
            "opinion": "同意",
            "payload": payload(&served.get(&officer, case).json(), step),
        });
        let path = format!("{case}/steps/{step}/decisions");
        served
            .post("operator", &path, &decide)
            .problem(403, "role-needed");
        served.post(&officer, &path, &decide).json();
        let late = served
            .post(&officer, &path, &decide)
            .problem(409, "already-decided");
        assert!(late["current"].is_object());
        decided += 1;
        // Killed right after the decision: it is a fact, and what follows from it follows later.
        if decided % 3 == 0 {
            served = Served::start(data.path(), served.kill());
        }
    }
    assert_eq!(decided, 8 + usize::from(is_supervised(&served, case)));
    let ended = served.wait(case, |case| {
        let effects = case["effects"].as_array().unwrap();
        case["status"] == "completed" && effects.iter().all(|effect| !effect["outcome"].is_null())
    });
    for effect in ended["effects"].as_array().unwrap() {
        assert!(effect["outcome"]["done"].is_object(), "{effect:#}");
    }

    // Another process, the same case.
    let served = Served::start(data.path(), served.stop());
    let rating = json!({"score": 5, "comment": "一次办成"});
    assert_eq!(
        served
            .post("platform", &format!("{case}/rating"), &rating)
            .json()["rating"],
        5
    );
    check_papers(&served, case);
}

/// The sample, with what the registers say, as a platform's form fills it in.
pub fn filled_in(served: &Served) -> Value {
    let sample = root().join("fixtures/_sample/retirement.json");
    let mut hand_in: Value =
        serde_json::from_str(&std::fs::read_to_string(sample).unwrap()).unwrap();
    let asked = json!({
        "subject": hand_in["subject"],
        "filer": hand_in["filer"],
        "region": hand_in["region"],
        "purpose": "退休一件事申报",
    });
    let prefilled = served
        .post("clerk", "/v1/matters/retirement/prefill", &asked)
        .json();
    let values = prefilled["values"].as_array().unwrap();
    assert_eq!(values.len(), 44);
    for value in values {
        assert!(
            value["source"].is_string() && value["lock"].is_string(),
            "{value}"
        );
        let element = value["element"].as_str().unwrap();
        if !value["value"].is_null() && hand_in["answers"].get(element).is_none() {
            hand_in["answers"][element] = value["value"].clone();
        }
    }
    hand_in["form_digest"] = prefilled["form_digest"].clone();
    hand_in
}

/// The first task of the first office that has one.
pub fn next_task(served: &Served) -> Option<(String, Value)> {
    let officers = served
        .tokens
        .keys()
        .filter(|name| name.ends_with("-331102"));
    officers.into_iter().find_map(|officer| {
        let tasks = served.get(officer, "/v1/tasks").json();
        Some((officer.clone(), tasks["tasks"].get(0)?.clone()))
    })
}

/// What the schema of the step wants, made up.
pub fn payload(case: &Value, step: &str) -> Value {
    let steps = case["steps"].as_array().unwrap();
    let step = steps.iter().find(|one| one["id"] == step).unwrap();
    let Some(wanted) = step["payload_schema"]["properties"].as_object() else {
        return Value::Null;
    };
    let made_up = wanted.iter().map(|(member, schema)| {
        let value = match schema["pattern"].as_str() {
            Some(money) if money.contains(r"\.") => "100.00",
            Some(_) if schema["format"] == "date" => "2025-01-31",
            Some(_) => "2025-02",
            None => "示例",
        };
        (member.clone(), json!(value))
    });
    Value::Object(made_up.collect())
}

fn is_supervised(served: &Served, case: &str) -> bool {
    let case = served.get("platform", case).json();
    let mut steps = case["steps"].as_array().unwrap().iter();
    steps.any(|step| step["id"] == "supervising")
}

/// The four forms are filled in and to be seen, and what is sealed comes back byte for byte.
fn check_papers(served: &Served, case: &str) {
    let forms = served.get("platform", &format!("{case}/forms")).json();
    let forms = forms["forms"].as_array().unwrap();
    assert_eq!(forms.len(), 4);
    for form in forms {
        let page = served.get(
            "platform",
            &format!("{case}/forms/{}", form["form"].as_str().unwrap()),
        );
        assert!(
            page.status == 200 && page.text.contains("张建国"),
            "{form:#}"
        );
    }
    let documents = served.get("platform", &format!("{case}/documents")).json();
    let documents = documents["documents"].as_array().unwrap();
    assert!(documents.len() >= 8, "{documents:#?}");
    for document in documents {
        let (name, sha256) = (
            document["name"].as_str().unwrap(),
            document["sha256"].as_str().unwrap(),
        );
        let exact = served.get(
            "platform",
            &format!("{case}/documents/{name}?event={}", document["event"]),
        );
        assert_eq!(exact.etag, format!("\"{sha256}\""));
        assert_eq!(hex(&Sha256::digest(&exact.text)), sha256);
    }
    let receipt = served.get("platform", &format!("{case}/receipt")).json();
    assert_eq!(
        (
            &receipt["status"],
            receipt["documents"].as_array().unwrap().len()
        ),
        (&json!("completed"), documents.len())
    );
    let events = served
        .get("operator", &format!("{case}/events?limit=500"))
        .json();
    assert_eq!(events["events"][0]["event"]["type"], "registered");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
