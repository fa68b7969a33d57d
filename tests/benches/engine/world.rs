//! What hosts are given: the retirement bundle, the published parameters, and registers that know
//! thousands of people who are all as the sample is.

use chrono::{DateTime, FixedOffset};
use onething_capabilities::Published;
use onething_contract::{Office, Verdict};
use onething_engine::{Bundles, Decide, Engine, Folders, HandIn, Submitted};
use onething_runtime::{Limits, Runtime};
use onething_store::{Idempotency, Masters, Store};
use onething_tests::bundles::{bundle, root};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub const MATTER: &str = "retirement";
pub const REGION: &str = "331102";
/// The person of the sample.
pub const SAMPLE: &str = "331102196501150019";
/// People whom the registers of most parts know.
pub const PEOPLE: usize = 12_000;
const HAND_IN: &str = "hand-in.json";
/// Ticks of a processor in a second, as `/proc` counts on every Linux.
const TICKS: f64 = 100.0;

/// What is handed in: the sample, with what registers know, in the name of anybody.
#[derive(Clone)]
pub struct HandIns(Arc<str>);

/// A home of hosts. A clone is the same one.
#[derive(Clone)]
pub struct World {
    pub home: PathBuf,
    masters: Masters,
    bundles: Bundles,
    parameters: Published,
    pub hand_ins: HandIns,
}

pub fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2025-01-06T09:00:00+08:00").unwrap()
}

impl World {
    /// With so many people whom the registers know.
    pub async fn make(home: &Path, count: usize) -> World {
        people(&home.join("registers"), count);
        let sample = root().join("fixtures/_sample").join(MATTER);
        let text = std::fs::read_to_string(sample.with_extension("json")).unwrap();
        std::fs::write(home.join(HAND_IN), &text).unwrap();
        let filled = World::open(home).filled(&text).await;
        std::fs::write(home.join(HAND_IN), filled).unwrap();
        World::open(home)
    }

    pub fn open(home: &Path) -> World {
        let mut bundles = Bundles::default();
        bundles.add(sandbox(home).load(&bundle(MATTER)).unwrap());
        World {
            home: home.to_owned(),
            masters: masters(home),
            bundles,
            parameters: Published::open(&root().join("parameters")).unwrap(),
            hand_ins: HandIns::read(home),
        }
    }

    /// A database, under the keys of the home.
    pub async fn store(&self, url: &str) -> Store {
        Store::connect(url, &self.masters).await.unwrap()
    }

    /// A host over a store.
    pub fn engine(&self, store: Store) -> Engine {
        let folders = Folders::within(&self.home);
        Engine::new(
            store,
            self.bundles.clone(),
            self.parameters.clone(),
            folders,
        )
    }

    async fn filled(&self, text: &str) -> String {
        let engine = self.engine(Store::in_memory().await.unwrap());
        let mut sample: Value = serde_json::from_str(text).unwrap();
        let hand_in: HandIn = serde_json::from_str(text).unwrap();
        let (filer, subject) = (hand_in.filer, hand_in.subject);
        let purpose = "试".to_owned();
        let form = engine.prefill(MATTER, filer, subject, REGION, purpose, now());
        for prefilled in form.await.unwrap().values {
            if let Some(value) = prefilled.value {
                sample["answers"][prefilled.element] = serde_json::from_str(&value).unwrap();
            }
        }
        sample.to_string()
    }
}

impl HandIns {
    pub fn read(home: &Path) -> HandIns {
        HandIns(std::fs::read_to_string(home.join(HAND_IN)).unwrap().into())
    }

    pub fn of(&self, number: usize) -> HandIn {
        let text = self.0.replace(SAMPLE, &person(number));
        serde_json::from_str(&text).unwrap()
    }
}

/// A person's submission, as the platform sends it; answers the case.
pub async fn submit(engine: &Engine, number: usize, hand_in: HandIn) -> String {
    let key = Some(idempotency(&person(number)));
    let submitted = engine.submit(MATTER, hand_in, "platform", key, now());
    match submitted.await.unwrap() {
        Submitted::Registered { case_id, earlier } => {
            assert!(!earlier, "person {number} came twice");
            case_id
        }
        Submitted::Refused(assessment) => panic!("{:?}", assessment.findings),
    }
}

/// The keys under which the databases of a home are.
pub fn masters(home: &Path) -> Masters {
    Masters::open(&home.join("master.toml")).unwrap()
}

pub fn sandbox(home: &Path) -> Runtime {
    Runtime::new(Limits::default(), Some(&home.join("cache"))).unwrap()
}

pub fn idempotency(person: &str) -> Idempotency {
    Idempotency {
        caller: "platform".to_owned(),
        key: person.to_owned(),
        request_sha256: "0".repeat(64),
    }
}

pub async fn approve(
    engine: &Engine,
    case: &str,
    step: &str,
    office: &Office,
    payload: Option<Value>,
) {
    let decide = Decide {
        round: 0,
        task_version: None,
        verdict: Verdict::Approve,
        reasons: Vec::new(),
        opinion: "同意".to_owned(),
        payload,
        on_behalf_of: None,
    };
    let by = format!("{}-021", office.function);
    let decided = engine.decide(case, step, decide, &by, office, now());
    decided.await.unwrap();
}

pub fn office(function: &str) -> Office {
    Office {
        function: function.to_owned(),
        region: REGION.to_owned(),
    }
}

/// A number of GB 11643 with its check character, born on the sample's day.
pub fn person(number: usize) -> String {
    let (district, male) = (number / 500, number % 500 * 2 + 1);
    let body = format!("{}19650115{male:03}", 330_100 + district);
    let mut checks = "0123456789X".chars().map(|check| format!("{body}{check}"));
    checks
        .find(|id| onething_contract::identifiers::citizen_id(id))
        .unwrap()
}

/// The sample's registers, where everybody else is entered as the sample is.
fn people(registers: &Path, count: usize) {
    std::fs::create_dir_all(registers).unwrap();
    for entry in std::fs::read_dir(root().join("fixtures/_sample/registers")).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let mut register: toml::Table = text.parse().unwrap();
        let entries = register
            .get_mut("entries")
            .and_then(|all| all.as_table_mut());
        if let Some(entries) = entries
            && let Some(sample) = entries.get(SAMPLE).cloned()
        {
            entries.extend((0..count).map(|number| (person(number), sample.clone())));
        }
        std::fs::write(registers.join(entry.file_name()), register.to_string()).unwrap();
    }
}

/// Runs jobs 0 to `count`, so many at a time, and answers how long that took.
pub async fn at_once<J, F>(count: usize, places: usize, job: J) -> Duration
where
    J: Fn(usize) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let submitters: Vec<_> = (0..places)
        .map(|_| {
            let (next, job) = (next.clone(), job.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    job(number).await;
                }
            })
        })
        .collect();
    for submitter in submitters {
        submitter.await.unwrap();
    }
    started.elapsed()
}

/// Seconds of processor time that this process has used so far.
pub fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    ticks(&stat, &[11, 12]) / TICKS
}

/// The same of a process, its children, and those of them that have ended.
pub fn cpu_of_children(parent: u32) -> f64 {
    let mut all = 0.0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        if entry.file_name().to_str() == Some(&parent.to_string()) {
            all += ticks(&stat, &[11, 12, 13, 14]);
        } else if (ticks(&stat, &[1]) - f64::from(parent)).abs() < 0.5 {
            all += ticks(&stat, &[11, 12]);
        }
    }
    all / TICKS
}

/// Adds up fields of a line of `/proc`, counted behind the name in brackets.
fn ticks(stat: &str, places: &[usize]) -> f64 {
    let Some((_, fields)) = stat.rsplit_once(") ") else {
        return 0.0;
    };
    let fields: Vec<&str> = fields.split(' ').collect();
    let field = |place: &usize| fields[*place].parse::<f64>().unwrap();
    places.iter().map(field).sum()
}

/// What a folder lies on.
pub fn file_system(folder: &Path) -> String {
    let mut stat = std::process::Command::new("stat");
    stat.args(["--file-system", "--format=%T"]).arg(folder);
    let said = stat.output().unwrap().stdout;
    String::from_utf8_lossy(&said).trim().to_owned()
}
