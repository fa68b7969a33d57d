//! Two processes over one PostgreSQL and one data folder: any of them answers for any case, one that
//! stands still or is gone is stood in for, and nothing is lost or done twice by that.

use crate::driver::Driver;
use crate::end;
use crate::served::{Host, Served};
use onething_test_postgres::Postgres;
use std::process::Command;
use std::time::{Duration, Instant};

/// Requests of an application, from its submission to its last decision.
const REQUESTS: usize = 7;
/// More than a lease, and the work after it.
const STAND_IN_TIME_MAX: Duration = Duration::from_secs(100);

#[test]
fn one_stands_in_for_the_other() {
    let server = Postgres::start().unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut host = Host::new(data.path());
    host.database = Some(server.database().unwrap());
    let mut driver = Driver::default();
    let a = host.start(None).unwrap();
    let b = host.start(None).unwrap();

    // Handed in at one, decided at the other, by turns.
    for turn in 0..4 * REQUESTS {
        let served = if turn % 2 == 0 { &a } else { &b };
        driver.go_on(&host, served).unwrap();
    }
    until_completed(&host, &driver, &b);

    // One stands still in the middle of its work for longer than anything is its own.
    work_on(&mut driver, &host, &a);
    signal("-STOP", &a);
    work_on(&mut driver, &host, &b);
    let still = until_completed(&host, &driver, &b);
    signal("-CONT", &a);
    work_on(&mut driver, &host, &a);
    until_completed(&host, &driver, &a);

    // One is gone: the other has it all within the lease.
    work_on(&mut driver, &host, &a);
    a.kill();
    let gone = until_completed(&host, &driver, &b);
    b.stop();

    let effects = end::check(&mut host, &driver);
    println!(
        "two nodes over PostgreSQL: {} cases, {effects} effects, lost 0, doubled 0; stood in for one \
         that stood still after {} s, for one that was gone after {} s",
        driver.applications.len(),
        still.as_secs(),
        gone.as_secs()
    );
}

/// Whole applications at one node, whose last effects it is still at.
fn work_on(driver: &mut Driver, host: &Host, served: &Served) {
    for _ in 0..3 * REQUESTS {
        driver.go_on(host, served).unwrap();
    }
}

fn signal(signal: &str, served: &Served) {
    let sent = Command::new("kill").args([signal, &served.pid()]).status();
    assert!(sent.unwrap().success());
}

/// Until a node says of every case that it is completed.
fn until_completed(host: &Host, driver: &Driver, served: &Served) -> Duration {
    let started = Instant::now();
    let token = &host.tokens["platform"];
    for application in &driver.applications {
        let id = application.case_id.as_ref().unwrap();
        loop {
            let case = served.get(token, &format!("/v1/cases/{id}")).unwrap().body;
            if case["status"] == "completed" {
                break;
            }
            assert!(
                started.elapsed() < STAND_IN_TIME_MAX,
                "it does not complete: {case:#}"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    started.elapsed()
}
