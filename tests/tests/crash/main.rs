//! The crash campaign: the real binary over a real data folder, killed with SIGKILL at random and at
//! every named boundary, while a platform and the offices go on asking. At the end everything that was
//! answered with a yes is there, and every effect once.

#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::print_stdout, reason = "a test tells")]

mod driver;
mod end;
mod nodes;
mod served;
mod trace;
mod trouble;

use driver::Driver;
use onething_test_postgres::Postgres;
use onething_tests::bundles::root;
use served::Host;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const REGION: &str = "331102";
/// Kills of a campaign.
const KILLS: u32 = 60;
/// Every named boundary.
const BOUNDARIES: [&str; 7] = [
    "submit.assessed",
    "react.before",
    "effect.before",
    "effect.applied",
    "store.begin",
    "store.written",
    "store.committed",
];
/// How long a process that is to kill itself may take to get there.
const LIFE_TIME_MAX: Duration = Duration::from_secs(3);

fn bundles() -> PathBuf {
    root().join("bundles/test")
}

#[test]
fn kills_over_sqlite() {
    let data = tempfile::tempdir().unwrap();
    campaign(Host::new(data.path()), "SQLite");
}

#[test]
fn kills_over_postgres() {
    let server = Postgres::start().unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut host = Host::new(data.path());
    host.database = Some(server.database().unwrap());
    campaign(host, "PostgreSQL");
}

/// One kill in two is at a boundary, in turn, at its first to fourth crossing; the others come from
/// outside, at some moment of some request.
fn campaign(mut host: Host, store: &str) {
    let started = Instant::now();
    let mut driver = Driver::default();
    let mut at_boundaries = 0;
    host.start(None).unwrap().kill();
    for kill in 0..KILLS {
        let index = usize::try_from(kill / 2).unwrap();
        let place = BOUNDARIES[index % BOUNDARIES.len()];
        let kill_at = format!("{place}:{}", 1 + index / BOUNDARIES.len() % 4);
        let inside = kill.is_multiple_of(2);
        let Some(mut served) = host.start(inside.then_some(kill_at.as_str())) else {
            at_boundaries += 1;
            continue;
        };
        if !inside {
            killed_from_outside(&host, &mut driver, served, kill);
            continue;
        }
        let since = Instant::now();
        while !served.is_gone() && since.elapsed() < LIFE_TIME_MAX {
            let _ = driver.go_on(&host, &served);
        }
        at_boundaries += u32::from(served.is_gone());
        served.kill();
    }
    let effects = end::check(&mut host, &driver);
    println!(
        "crash campaign over {store}: {KILLS} kills, {at_boundaries} at boundaries, {} cases, \
         {effects} effects, lost 0, doubled 0, {} s",
        driver.applications.len(),
        started.elapsed().as_secs()
    );
}

/// Requests go on in one thread while another kills after some hundreds of microseconds.
fn killed_from_outside(host: &Host, driver: &mut Driver, served: served::Served, kill: u32) {
    let pid = served.pid();
    let delay = Duration::from_micros(u64::from(kill * 7_919 % 400) * 1_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(delay);
            let killed = std::process::Command::new("kill")
                .args(["-9", &pid])
                .status();
            assert!(killed.unwrap().success());
        });
        while driver.go_on(host, &served).is_ok() {}
    });
    served.kill();
}
