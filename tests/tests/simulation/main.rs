//! The deterministic simulation: seeds choose lives of cases, and what goes wrong in them. One
//! command is in flight at a time, the clock is virtual, and every boundary of the store and of the
//! effects may fail, lose its reply, be the last thing a process does, or outlast a lease.
//!
//! `ONETHING_SEED=1234` runs one seed and prints its trace; `ONETHING_SEEDS=500` so many.

#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::print_stdout, reason = "a test tells")]

mod acts;
mod check;
mod faults;
mod finish;
mod receivers;
mod rng;
mod stage;
mod sweep;
mod world;

use onething_store::{Masters, Store};
use onething_test_postgres::Postgres;
use stage::{Stage, scratch};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use world::{Counts, World, Wrong};

const SEEDS: u64 = 20_000;
/// Of them over PostgreSQL too, where they must come to the same histories.
const SEEDS_ON_POSTGRES: u64 = 300;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A seed's whole life. The trace tells it.
async fn live(stage: &Stage, store: Store, data: &Path, seed: u64) -> (World, Result<(), Wrong>) {
    let mut world = World::new(stage, store, data, seed).await;
    let outcome = lived(&mut world).await;
    (world, outcome)
}

async fn lived(world: &mut World) -> Result<(), Wrong> {
    // Short lives more often than long ones.
    let acts = world.rng.between(5, 25).min(world.rng.between(5, 25));
    for _ in 0..acts {
        world.act().await?;
        world.check().await?;
        if world.rng.chance(10) {
            world.check_tasks().await?;
        }
    }
    let diligent = world.rng.chance(20);
    world.settle(diligent).await
}

#[test]
fn seeds_on_sqlite() {
    let only = number("ONETHING_SEED");
    let (first, end) = match only {
        Some(seed) => (seed, seed + 1),
        None => (0, number("ONETHING_SEEDS").unwrap_or(SEEDS)),
    };
    let shared = scratch();
    let stage = Stage::new(shared.path());
    let next = AtomicU64::new(first);
    let total = Mutex::new(Counts::default());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime = runtime();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || failed.lock().unwrap().len() >= 3 {
                        return;
                    }
                    let data = scratch();
                    let (world, outcome) = runtime.block_on(async {
                        let store = Store::in_memory().await.unwrap();
                        live(&stage, store, data.path(), seed).await
                    });
                    if only.is_some() {
                        println!("{}", world.trace);
                        println!("histories {}", world.histories());
                    }
                    if let Err(wrong) = outcome {
                        failed
                            .lock()
                            .unwrap()
                            .push(format!("seed {seed}: {wrong}\n{}", world.trace));
                    }
                    total.lock().unwrap().add(&world);
                }
            });
        }
    });
    println!("{}", total.lock().unwrap());
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn seeds_on_postgres_have_the_same_histories() {
    let (first, end) = match number("ONETHING_SEED") {
        Some(seed) => (seed, seed + 1),
        None => (
            0,
            number("ONETHING_SEEDS")
                .unwrap_or(SEEDS_ON_POSTGRES)
                .min(SEEDS_ON_POSTGRES),
        ),
    };
    let server = Postgres::start().unwrap();
    let shared = scratch();
    let stage = Stage::new(shared.path());
    let runtime = runtime();
    let mut total = Counts::default();
    for seed in first..end {
        let (mut histories, mut traces) = (Vec::new(), Vec::new());
        for database in [None, Some(server.database().unwrap())] {
            let data = scratch();
            let (world, outcome) = runtime.block_on(async {
                let store = match &database {
                    None => Store::in_memory().await.unwrap(),
                    Some(url) => {
                        let masters = Masters::in_memory().unwrap();
                        Store::connect(url, &masters).await.unwrap()
                    }
                };
                let lived = live(&stage, store, data.path(), seed).await;
                lived.0.store.close().await;
                lived
            });
            if let Err(wrong) = outcome {
                panic!("seed {seed} over {database:?}: {wrong}\n{}", world.trace);
            }
            histories.push(world.histories());
            if database.is_some() {
                total.add(&world);
            }
            traces.push(world.trace);
        }
        assert_eq!(
            histories[0],
            histories[1],
            "seed {seed}\n{}",
            traces.join("\n")
        );
    }
    println!("{total} (on PostgreSQL, with the histories of SQLite)");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
