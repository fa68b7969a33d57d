//! One seed's world: a store, nodes over it, a clock, people, and what is known of every case.

use crate::faults::{Faults, Kind, Pausing};
use crate::receivers::Receivers;
use crate::rng::Rng;
use crate::stage::Stage;
use chrono::{DateTime, FixedOffset, TimeDelta};
use onething_case::{Recorded, State};
use onething_engine::{Engine, Error, HandIn, stamp};
use onething_store::{NewBudget, Store};
use simple::rules::BUDGET;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::task::JoinHandle;

/// Days around which calendars are interesting: New Year, the Spring Festival, the end of what is
/// published.
const BEGINNINGS: [&str; 6] = [
    "2025-06-03T09:00:00+08:00",
    "2025-12-30T16:59:58+08:00",
    "2025-12-31T23:59:50+08:00",
    "2026-02-12T10:00:00+08:00",
    "2026-09-29T10:00:00+08:00",
    "2026-12-28T10:00:00+08:00",
];

/// A seed stopped: what is wrong.
pub type Wrong = String;

/// A case as it was last seen.
pub struct Known {
    pub events: Vec<Recorded>,
    pub state: State,
}

/// A submission as a platform sends it, again and again if need be.
#[derive(Clone)]
pub struct Sent {
    pub mark: String,
    pub hand_in: HandIn,
    /// The case that it goes over, where it is an appeal.
    pub appeal_of: Option<String>,
    pub case_id: Option<String>,
}

/// What commands came to, by their marks.
#[derive(Default)]
pub struct Marks {
    last: u32,
    /// Answered with a yes: in the history for good, once.
    pub done: BTreeSet<String>,
    /// Answered with a no: in no history.
    pub refused: BTreeSet<String>,
    /// No answer: in the history once or not at all.
    pub doubtful: BTreeSet<String>,
}

/// Counted over a seed.
#[derive(Default, Clone)]
pub struct Counts {
    pub seeds: u64,
    pub commands: u64,
    pub refused: u64,
    pub restarts: u64,
    pub effects: u64,
    pub events: u64,
    pub cases: u64,
    pub completed: u64,
    pub faults: BTreeMap<(&'static str, &'static str), u64>,
}

/// A worker that stands still.
struct Paused {
    pausing: Pausing,
    worker: JoinHandle<Result<usize, Error>>,
    node: usize,
}

/// One seed's world.
pub struct World {
    pub rng: Rng,
    pub now: DateTime<FixedOffset>,
    /// Without faults: for looking.
    pub store: Store,
    pub faults: Arc<Faults>,
    pub nodes: Vec<Engine>,
    pub receivers: Arc<Mutex<Receivers>>,
    pub known: BTreeMap<String, Known>,
    pub sent: Vec<Sent>,
    pub marks: Marks,
    pub counts: Counts,
    pub trace: String,
    stage: Stage,
    data: PathBuf,
    paused: Option<Paused>,
    /// Percent of acts with a fault.
    pub trouble: usize,
    /// One fault was ordered for the whole life, not act by act.
    pub sweeping: bool,
}

/// What came of a command.
#[derive(Debug)]
pub enum Reply<T> {
    Done(T),
    No(String),
    Lost,
}

impl World {
    pub async fn new(stage: &Stage, store: Store, data: &Path, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let receivers = Arc::new(Mutex::new(Receivers::new(data)));
        let looking = receivers.clone();
        let faults = Faults::new(Box::new(move || looking.lock().unwrap().look()));
        let nodes = 1 + rng.below(3);
        let now = DateTime::parse_from_rfc3339(rng.pick(&BEGINNINGS).unwrap()).unwrap();
        let trouble = *rng.pick(&[0, 20, 40, 60]).unwrap();
        let mut world = Self {
            now,
            rng,
            nodes: Vec::new(),
            receivers,
            known: BTreeMap::new(),
            sent: Vec::new(),
            marks: Marks::default(),
            counts: Counts::default(),
            trace: String::new(),
            stage: stage.clone(),
            data: data.to_owned(),
            paused: None,
            trouble,
            sweeping: false,
            faults,
            store,
        };
        world.nodes = (0..nodes).map(|_| world.process()).collect();
        world.open_budget().await;
        world
    }

    async fn open_budget(&mut self) {
        let budget = NewBudget {
            name: BUDGET.to_owned(),
            title: "补贴".to_owned(),
            holder: "财政局".to_owned(),
            account: "3310010001".to_owned(),
            bank: None,
        };
        let (engine, now) = (self.nodes[0].clone(), self.now);
        engine.open_budget(&budget, now).await.unwrap();
        let given = *self.rng.pick(&["50.00", "100.00", "300.00"]).unwrap();
        engine.fund(BUDGET, given, "出纳", now).await.unwrap();
    }

    fn process(&self) -> Engine {
        let store = self.store.clone().with_boundary(self.faults.clone());
        self.stage.node(store, &self.data)
    }

    /// Any of the nodes.
    pub fn node(&mut self) -> (usize, Engine) {
        let node = self.rng.below(self.nodes.len());
        (node, self.nodes[node].clone())
    }

    pub fn received(&self) -> MutexGuard<'_, Receivers> {
        self.receivers.lock().unwrap()
    }

    pub fn mark(&mut self) -> String {
        self.marks.last += 1;
        format!("m{}.", self.marks.last)
    }

    pub fn at(&self) -> String {
        stamp(self.now)
    }

    pub fn tell(&mut self, line: &str) {
        let _ = writeln!(self.trace, "{} {line}", self.at());
    }

    /// Runs a command on a node, with what may go wrong on the way, and notes what came of it.
    pub async fn call<T>(
        &mut self,
        node: usize,
        mark: &str,
        what: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Reply<T> {
        self.counts.commands += 1;
        self.maybe_arm();
        let outcome = work.await;
        let struck = match self.sweeping {
            true => self.faults.struck(),
            false => self.faults.disarm(),
        };
        let died = self.faults.is_dead();
        let (reply, said) = match outcome {
            _ if died => (Reply::Lost, "the process is gone".to_owned()),
            Ok(value) => (Reply::Done(value), "done".to_owned()),
            Err(error) => match code(&error) {
                Some(code) => (Reply::No(code.clone()), format!("no: {code}")),
                None => (Reply::Lost, format!("{error:?}")),
            },
        };
        self.note(mark, &reply);
        let fault = struck.map_or_else(String::new, |place| format!("  [{place}]"));
        self.tell(&format!("node {node} {what} {mark} → {said}{fault}"));
        if died {
            self.restart(node);
        }
        reply
    }

    fn note<T>(&mut self, mark: &str, reply: &Reply<T>) {
        if mark.is_empty() {
            return;
        }
        let marks = &mut self.marks;
        match reply {
            Reply::Done(_) => {
                marks.doubtful.remove(mark);
                marks.refused.remove(mark);
                marks.done.insert(mark.to_owned());
            }
            Reply::No(_) => {
                self.counts.refused += 1;
                if !marks.done.contains(mark) && !marks.doubtful.contains(mark) {
                    marks.refused.insert(mark.to_owned());
                }
            }
            Reply::Lost => {
                if !marks.done.contains(mark) {
                    marks.refused.remove(mark);
                    marks.doubtful.insert(mark.to_owned());
                }
            }
        }
    }

    fn maybe_arm(&mut self) {
        if self.rng.chance(self.trouble) {
            let nth = 1 + u32::try_from(self.rng.below(9)).unwrap();
            let kind = self.rng.weighted(&[(6, Kind::Error), (4, Kind::Death)]);
            self.faults.arm(nth, kind);
        }
    }

    fn restart(&mut self, node: usize) {
        self.faults.revive();
        self.counts.restarts += 1;
        self.nodes[node] = self.process();
        self.tell(&format!("node {node} starts again"));
    }

    /// A worker goes round once; now and then it stands still in the middle of it.
    pub async fn work(&mut self) -> Result<usize, Wrong> {
        let (node, engine) = self.node();
        let now = self.now;
        if self.paused.is_none() && self.rng.chance(self.trouble / 3) {
            self.work_and_pause(node, engine).await;
            return Ok(1);
        }
        let reply = self.call(node, "", "works", engine.work(now)).await;
        Ok(match reply {
            Reply::Done(done) => done,
            Reply::No(code) => return Err(format!("a worker was refused: {code}")),
            Reply::Lost => 1,
        })
    }

    async fn work_and_pause(&mut self, node: usize, engine: Engine) {
        let nth = 1 + u32::try_from(self.rng.below(4)).unwrap();
        self.work_until(nth, node, engine).await;
    }

    /// A worker that stands still at the `nth` place where it can, if it comes so far.
    pub async fn work_until(&mut self, nth: u32, node: usize, engine: Engine) {
        let mut pausing = self.faults.arm_pause(nth);
        let now = self.now;
        // On a thread of its own, which the boundary can hold.
        let handle = tokio::runtime::Handle::current();
        let mut worker =
            tokio::task::spawn_blocking(move || handle.block_on(async { engine.work(now).await }));
        tokio::select! {
            biased;
            outcome = &mut worker => {
                let said = outcome.unwrap();
                self.tell(&format!("node {node} works → {said:?}"));
            }
            Ok(place) = &mut pausing.stands => {
                self.tell(&format!("node {node} works and stands still at {place}"));
                self.paused = Some(Paused { pausing, worker, node });
            }
        }
        self.faults.disarm();
    }

    pub fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Who stands still goes on.
    pub async fn go_on(&mut self) {
        let Some(paused) = self.paused.take() else {
            return;
        };
        let _ = paused.pausing.go_on.send(());
        let outcome = paused.worker.await.unwrap();
        self.tell(&format!("node {} goes on → {outcome:?}", paused.node));
    }

    pub fn advance(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
    }
}

/// The code of a domain's "no"; `None` where it is a failure.
pub fn code(error: &Error) -> Option<String> {
    match error {
        Error::Refused(refusal) => Some(refusal.code.clone()),
        Error::NoMoney(finding) => Some(finding.code.clone()),
        Error::Unknown { what, .. } => Some(format!("unknown {what}")),
        _ => None,
    }
}

impl Counts {
    /// One seed more.
    pub fn add(&mut self, world: &World) {
        let seed = &world.counts;
        self.seeds += 1;
        self.commands += seed.commands;
        self.refused += seed.refused;
        self.restarts += seed.restarts;
        self.effects += seed.effects;
        self.events += seed.events;
        self.cases += seed.cases;
        self.completed += seed.completed;
        for (fault, count) in world.faults.injected() {
            *self.faults.entry(fault).or_default() += count;
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = |kind: &str| -> u64 {
            let faults = self.faults.iter().filter(|((known, _), _)| *known == kind);
            faults.map(|(_, count)| count).sum()
        };
        let (errors, deaths, pauses) = (of("error"), of("death"), of("pause"));
        let Self {
            seeds,
            commands,
            refused,
            restarts,
            effects,
            events,
            cases,
            completed,
            ..
        } = self;
        write!(
            f,
            "simulation: {seeds} seeds, {commands} commands ({refused} refused), {cases} cases \
             ({completed} completed), {events} events, faults: {errors} errors, {deaths} deaths, \
             {pauses} pauses; {restarts} restarts, {effects} effects, lost 0, doubled 0"
        )
    }
}
