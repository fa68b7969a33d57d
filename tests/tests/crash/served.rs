//! The real binary over a data folder, started, killed and started again.

use crate::{REGION, bundles};
use onething_tests::bundles::root;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use ureq::Agent;

/// A request that is not answered in this time is not answered.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);

/// Where a host lives, over all its processes.
pub struct Host {
    pub data: PathBuf,
    /// The database, where it is not the file in the data folder.
    pub database: Option<String>,
    pub tokens: BTreeMap<String, String>,
}

/// A process of a host; killed when it is dropped.
pub struct Served {
    process: Child,
    url: String,
    agent: Agent,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

/// The binary that was built with these tests.
pub fn binary() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.parent().unwrap().with_file_name("onething");
    assert!(
        binary.exists(),
        "{} is not built; run `make test`",
        binary.display()
    );
    binary
}

impl Host {
    pub fn new(data: &Path) -> Self {
        let registers = data.join("registers");
        std::fs::create_dir_all(&registers).unwrap();
        let register = "[meta]\ntitle = \"人口库\"\nsource = \"人口库\"\nas-of = 2025-01-05\n";
        std::fs::write(registers.join("simple.toml"), register).unwrap();
        Self {
            data: data.to_owned(),
            database: None,
            tokens: BTreeMap::new(),
        }
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(root());
        command
            .arg("--data")
            .arg(&self.data)
            .arg("--bundles")
            .arg(bundles());
        if let Some(database) = &self.database {
            command.args(["--database", database]);
        }
        command
    }

    /// Starts a process, which may be told where to kill itself. `None` where it is gone before it
    /// serves.
    pub fn start(&mut self, kill_at: Option<&str>) -> Option<Served> {
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--region", REGION]);
        if let Some(place) = kill_at {
            command.env("ONETHING_KILL_AT", place);
        }
        self.started(command)
    }

    /// Waits until the command serves.
    pub fn started(&mut self, mut command: Command) -> Option<Served> {
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        for line in said.lines().map_while(Result::ok) {
            if let Some(url) = line.strip_prefix("serving ") {
                let agent = Agent::config_builder()
                    .http_status_as_error(false)
                    .timeout_global(Some(ANSWER_TIME_MAX))
                    .build();
                return Some(Served {
                    process,
                    url: url.strip_suffix("/v1/matters").unwrap().to_owned(),
                    agent: Agent::new_with_config(agent),
                });
            }
            if let [name, token] = line.split_whitespace().collect::<Vec<_>>()[..] {
                self.tokens.insert(name.to_owned(), token.to_owned());
            }
        }
        let _ = process.wait();
        None
    }
}

impl Served {
    /// The answer; `None` where nobody answered.
    pub fn get(&self, token: &str, path: &str) -> Option<Answer> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let request = request.header("authorization", format!("Bearer {token}"));
        Answer::of(request.call().ok()?)
    }

    /// The answer; `None` where nobody answered.
    pub fn post(&self, token: &str, path: &str, key: &str, body: &Value) -> Option<Answer> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = request
            .header("authorization", format!("Bearer {token}"))
            .header("idempotency-key", key);
        Answer::of(request.send_json(body).ok()?)
    }

    pub fn pid(&self) -> String {
        self.process.id().to_string()
    }

    /// Whether it is gone by itself.
    pub fn is_gone(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    /// `kill -9`, whatever it is doing.
    pub fn kill(mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) {
        let asked = Command::new("kill")
            .args(["-TERM", &self.pid()])
            .status()
            .unwrap();
        assert!(asked.success() && self.process.wait().unwrap().success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Answer {
    fn of(mut response: ureq::http::Response<ureq::Body>) -> Option<Self> {
        let text = response.body_mut().read_to_string().ok()?;
        Some(Self {
            status: response.status().as_u16(),
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        })
    }
}
