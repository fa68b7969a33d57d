//! A host that starts over 10,000 open cases with effects to carry out, timers, and reactions that
//! are still missing, as after a kill: how long until it answers. It is another process each time;
//! its clock starts with its first line.

use crate::record::{record, register};
use crate::world::{HandIns, MATTER, World, masters, now, office, sandbox, submit};
use crate::{CHILD, Databases, Kind, median};
use chrono::{DateTime, FixedOffset, TimeDelta};
use onething_capabilities::Published;
use onething_engine::{Engine, Folders};
use onething_store::Store;
use onething_tests::bundles::{bundle, root};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const HOME: &str = "ONETHING_BENCH_HOME";
const URL: &str = "ONETHING_BENCH_URL";
const RUN: &str = "ONETHING_BENCH_RUN";
const CASES: usize = 10_000;
/// Of so many one was not answered by its bundle.
const UNANSWERED_EVERY: usize = 10;
const RUNS: u32 = 5;
/// Those who hand in after the start.
const PEOPLE: usize = 20;

pub async fn run(databases: &Databases, kind: Kind) {
    let home = crate::scratch();
    let world = World::make(home.path(), PEOPLE).await;
    let url = databases.fresh(kind, "recovery.db");
    fill(&world, &url).await;
    let mut inbox = Vec::new();
    let mut submission = Vec::new();
    for number in 1..=RUNS {
        let answered = start(home.path(), &url, number);
        inbox.push(answered.0);
        submission.push(answered.1);
    }
    println!(
        "recovery: {:10} {CASES} open cases; an inbox is answered after {:.0} ms, a submission after {:.0} ms, worst {:.0} ms (at most 1000), workers running",
        kind.name(),
        median(&inbox),
        median(&submission),
        submission.iter().copied().fold(0.0, f64::max),
    );
}

/// The same case 10,000 times, and the bundle in the store.
async fn fill(world: &World, url: &str) {
    let store = world.store(url).await;
    let (_, commits) = record(world, &store, async |_| ()).await;
    let id = |number| format!("331102-2024-{number:06}");
    register(&store, commits, 0..CASES, id, UNANSWERED_EVERY).await;
    let engine = host(store, &world.home).await;
    let deployed = engine.deploy(bundle(MATTER), None, "bench", now());
    deployed.await.unwrap();
    engine.store().close().await;
}

async fn host(store: Store, home: &Path) -> Engine {
    let parameters = Published::open(&root().join("parameters")).unwrap();
    let engine = Engine::deployed(store, sandbox(home), parameters, Folders::within(home));
    engine.refresh().await.unwrap();
    engine
}

/// Milliseconds until an inbox and a submission were answered.
fn start(home: &Path, url: &str, number: u32) -> (f64, f64) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(CHILD, "recovery").env(HOME, home).env(URL, url);
    let output = command.env(RUN, number.to_string()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = || panic!("{said}{}", String::from_utf8_lossy(&output.stderr));
    let Some((inbox, submission)) = said.trim().split_once(' ') else {
        wrong()
    };
    (inbox.parse().unwrap(), submission.parse().unwrap())
}

pub fn child() {
    let started = Instant::now();
    let home = PathBuf::from(std::env::var_os(HOME).unwrap());
    let url = std::env::var(URL).unwrap();
    let number: u32 = std::env::var(RUN).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let engine = host(Store::connect(&url, &masters(&home)).await.unwrap(), &home).await;
        // Later each time, so that what the run before had claimed is free again.
        let now = now() + TimeDelta::hours(i64::from(number));
        tokio::spawn(work(engine.clone(), now));
        let office = office("personnel");
        let inbox = engine.store().tasks(&office, None, 50);
        assert_eq!(inbox.await.unwrap().len(), 50);
        let inbox = started.elapsed();
        let number = usize::try_from(number).unwrap();
        submit(&engine, number, HandIns::read(&home).of(number)).await;
        let submission = started.elapsed();
        println!(
            "{} {}",
            crate::milliseconds(inbox),
            crate::milliseconds(submission)
        );
    });
    // Workers that are at it are cut off, as by a kill.
    std::process::exit(0);
}

/// As the server's worker.
async fn work(engine: Engine, now: DateTime<FixedOffset>) {
    loop {
        if engine.work(now).await.unwrap() == 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}
