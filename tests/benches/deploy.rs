//! How long it takes until a host answers by a new version: the host that deploys it, from the call
//! on, compiling included; and another one over the same store that learns of it by looking, from
//! when the call has returned.

#![allow(missing_docs, reason = "a bench")]
#![allow(clippy::print_stdout, reason = "the figures are the result")]
#![allow(clippy::unwrap_used, reason = "a bench may")]

use chrono::{DateTime, FixedOffset};
use onething_capabilities::Published;
use onething_engine::{Engine, Folders};
use onething_runtime::{Limits, Runtime};
use onething_store::{Masters, Store};
use onething_tests::bundles::root;
use onething_tests::hostile;
use std::path::Path;
use std::time::{Duration, Instant};

const TURNS: usize = 40;
/// As the server does.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const SINCE: &str = "2025-01-01";

fn main() {
    let data = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(data.path()));
}

async fn measure(data: &Path) {
    let [here, there] = [host(data, "here").await, host(data, "there").await];
    let follower = tokio::spawn({
        let there = there.clone();
        async move {
            loop {
                there.refresh().await.unwrap();
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    });
    here.deploy(hostile::version(0, SINCE), None, "bench", now())
        .await
        .unwrap();
    // The first is compiled by both, the others come out of their caches.
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for number in 1..10 {
        let component = hostile::version(number, SINCE);
        turn(&here, &there, component, &mut same, &mut other).await;
    }
    tell("new on this host", &mut same);
    tell("new on another host", &mut other);
    for turn_number in 0..TURNS {
        let number = if turn_number % 2 == 0 { 1 } else { 2 };
        let component = hostile::version(number, SINCE);
        turn(&here, &there, component, &mut same, &mut other).await;
    }
    tell("known on this host", &mut same);
    tell("known on another host", &mut other);
    follower.abort();
}

/// Deploys it here and waits until both take it.
async fn turn(
    here: &Engine,
    there: &Engine,
    component: Vec<u8>,
    same: &mut Vec<Duration>,
    other: &mut Vec<Duration>,
) {
    let digest = onething_runtime::inspect(&component).unwrap().digest;
    let started = Instant::now();
    here.deploy(component, None, "bench", now()).await.unwrap();
    assert!(takes(here, &digest));
    same.push(started.elapsed());
    let activated = Instant::now();
    while !takes(there, &digest) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    other.push(activated.elapsed());
}

fn takes(engine: &Engine, digest: &str) -> bool {
    let bundles = engine.bundles();
    let taken = bundles.on("hostile", "2026-03-02");
    taken.is_some_and(|bundle| bundle.digest() == digest)
}

/// Tells and forgets them.
fn tell(what: &str, times: &mut Vec<Duration>) {
    times.sort();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "deploy: {what:22} median {:4} ms, worst {:4} ms of {}",
        median.as_millis(),
        worst.as_millis(),
        times.len()
    );
    times.clear();
}

async fn host(data: &Path, name: &str) -> Engine {
    let masters = Masters::open(&data.join("keys/master.toml")).unwrap();
    let store = Store::open(&data.join("onething.db"), &masters)
        .await
        .unwrap();
    let parameters = Published::open(&root().join("parameters")).unwrap();
    let cache = data.join(name);
    let runtime = Runtime::new(Limits::default(), Some(&cache)).unwrap();
    Engine::deployed(store, runtime, parameters, Folders::within(data))
}

fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-03-02T09:00:00+08:00").unwrap()
}
