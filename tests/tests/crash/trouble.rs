//! Other trouble: a disk that is full, a process that stands still past its lease, a PostgreSQL that is
//! restarted, a database that is damaged.

use crate::driver::Driver;
use crate::end;
use crate::served::{Host, Served};
use onething_test_postgres::Postgres;
use std::process::Command;
use std::time::Duration;

/// Longer than a claimed effect is nobody else's.
const PAST_THE_LEASE: Duration = Duration::from_secs(65);

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let disk = tempfile::tempdir().unwrap();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
        .arg(disk.path())
        .output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        println!("skipped: no small disk can be mounted here");
        return;
    }
    let mounted = Mounted(disk);
    let mut host = Host::new(mounted.0.path());
    let ballast = mounted.0.path().join("ballast");
    let mut driver = Driver::default();
    let served = host.start(None).unwrap();
    for _ in 0..3 {
        driver.go_on(&host, &served).unwrap();
    }
    // Whatever is left of the disk.
    let fill = Command::new("dd")
        .args(["if=/dev/zero", "bs=4k"])
        .arg(format!("of={}", ballast.display()))
        .output();
    assert!(fill.is_ok());
    let failed = (0..20)
        .filter(|_| driver.go_on(&host, &served).is_err())
        .count();
    assert!(failed > 0, "a full disk was not noticed");
    std::fs::remove_file(&ballast).unwrap();
    let goes_on = (0..20)
        .filter(|_| driver.go_on(&host, &served).is_ok())
        .count();
    assert!(goes_on > 0, "it does not go on when there is room again");
    served.stop();
    let effects = end::check(&mut host, &driver);
    println!("full disk: {failed} requests failed, {effects} effects, lost 0, doubled 0");
}

struct Mounted(tempfile::TempDir);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.0.path())
            .status();
    }
}

#[test]
fn a_node_that_stands_still_past_its_lease_doubles_nothing() {
    let data = tempfile::tempdir().unwrap();
    let mut host = Host::new(data.path());
    let first = host.start(None).unwrap();
    let second = host.start(None).unwrap();
    let mut driver = Driver::default();
    driver.go_on(&host, &first).unwrap();
    for _ in 0..4 {
        let _ = driver.go_on(&host, &first);
        signal(&first.pid(), "-STOP");
        for _ in 0..3 {
            let _ = driver.go_on(&host, &second);
        }
        signal(&first.pid(), "-CONT");
    }
    pause_between_commits(&first, || driver.go_on(&host, &second).is_ok());
    std::thread::sleep(PAST_THE_LEASE);
    while driver.applications.len() < 3 {
        driver.go_on(&host, &second).unwrap();
    }
    signal(&first.pid(), "-CONT");
    for _ in 0..3 {
        let _ = driver.go_on(&host, &first);
    }
    first.stop();
    second.stop();
    let effects = end::check(&mut host, &driver);
    println!("two nodes, one paused: {effects} effects, lost 0, doubled 0");
}

/// A process that is paused in the middle of a commit keeps the file locked: then it is let go on and
/// paused again.
fn pause_between_commits(first: &Served, mut second_is_answered: impl FnMut() -> bool) {
    const PAUSES_MAX: usize = 20;
    for _ in 0..PAUSES_MAX {
        signal(&first.pid(), "-STOP");
        if second_is_answered() {
            return;
        }
        signal(&first.pid(), "-CONT");
    }
    panic!("it was in the middle of a commit {PAUSES_MAX} times");
}

#[test]
fn postgres_that_is_restarted_loses_nothing() {
    let mut server = Postgres::start_own().unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut host = Host::new(data.path());
    host.database = Some(server.database().unwrap());
    let served = host.start(None).unwrap();
    let mut driver = Driver::default();
    let mut silences = 0;
    for restart in 0..4 {
        for _ in 0..5 {
            silences += u32::from(driver.go_on(&host, &served).is_err());
        }
        if restart % 2 == 0 {
            server.stop().unwrap();
        } else {
            server.kill().unwrap();
        }
        silences += u32::from(driver.go_on(&host, &served).is_err());
        server.start_again().unwrap();
    }
    while driver.applications.len() < 4 {
        let _ = driver.go_on(&host, &served);
    }
    served.stop();
    let effects = end::check(&mut host, &driver);
    println!(
        "PostgreSQL restarted 4 times: {silences} requests failed, {effects} effects, lost 0, doubled 0"
    );
}

#[test]
fn a_damaged_database_is_refused_and_left_alone() {
    for (damage, what) in [(0, "an empty file beside a WAL"), (1, "a torn page")] {
        let data = tempfile::tempdir().unwrap();
        let mut host = Host::new(data.path());
        let served = host.start(None).unwrap();
        let mut driver = Driver::default();
        for _ in 0..3 {
            driver.go_on(&host, &served).unwrap();
        }
        let log = data.path().join("onething.db-wal");
        if damage == 1 {
            served.stop();
            assert!(!log.exists(), "its log would repair the page");
        } else {
            served.kill();
            assert!(log.exists());
        }
        let path = data.path().join("onething.db");
        let mut bytes = std::fs::read(&path).unwrap();
        match damage {
            0 => bytes.clear(),
            // The first page has the schema: half of it is from another time.
            _ => bytes[2048..4096].fill(0x5a),
        }
        std::fs::write(&path, &bytes).unwrap();
        assert!(host.start(None).is_none(), "{what} is served");
        let output = host
            .command()
            .args(["case", "verify", "--all"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{what} is verified");
        assert!(!said.contains("panicked"), "{what}: {said}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{what} was changed");
        println!("{what}: {}", said.lines().last().unwrap_or_default());
    }
}

fn signal(pid: &str, signal: &str) {
    assert!(
        Command::new("kill")
            .args([signal, pid])
            .status()
            .unwrap()
            .success()
    );
}
