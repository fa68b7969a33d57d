//! What the kernel saw: the disk has a submission before its reply leaves.

use crate::driver::Driver;
use crate::served::Host;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const CALLS: &str = "trace=fsync,fdatasync,read,recvfrom,readv,write,writev,sendto,sendmsg";

#[test]
fn the_disk_has_it_before_the_reply_leaves() {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: there is no strace; apt-get install strace");
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let mut host = Host::new(data.path());
    let served = host.start(None).unwrap();
    let trace = data.path().join("strace");
    let mut strace = Command::new("strace")
        .args(["-f", "-s", "64", "-e", CALLS, "-p", &served.pid(), "-o"])
        .arg(&trace)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Kept open: it has more to say about new threads.
    let mut said = BufReader::new(strace.stderr.take().unwrap()).lines();
    let first = said.next().and_then(Result::ok).unwrap_or_default();
    if !first.contains("attached") {
        strace.wait().unwrap();
        println!("skipped: strace may not look at processes here: {first}");
        return;
    }
    let mut driver = Driver::default();
    driver.go_on(&host, &served).unwrap(); // a submission
    driver.go_on(&host, &served).unwrap(); // a decision
    served.stop();
    strace.wait().unwrap();
    drop(said);
    let replies = replies_after_the_disk(&trace);
    assert_eq!(
        replies, 2,
        "a submission and a decision are answered after a sync"
    );
    println!("strace: {replies} replies, each after fsync or fdatasync of its request");
}

/// How many replies with a yes left after the disk was told to sync since their request came.
fn replies_after_the_disk(trace: &Path) -> usize {
    let (mut asked, mut synced, mut replies) = (false, false, 0);
    for line in std::fs::read_to_string(trace).unwrap().lines() {
        if line.contains("\"POST /v1/") {
            (asked, synced) = (true, false);
        }
        let is_sync = line.contains("fsync(") || line.contains("fdatasync(");
        // Begun and ended, or begun alone where another thread came in between.
        let is_done = line.contains("= 0");
        let resumed = line.contains("fsync resumed") || line.contains("fdatasync resumed");
        synced |= asked && is_done && (is_sync || resumed);
        if line.contains("HTTP/1.1 20") && asked {
            assert!(synced, "answered before the disk had it: {line}");
            replies += 1;
            asked = false;
        }
    }
    replies
}
