//! The served binary under more load than it takes, and on its way down.

use crate::api::{Answer, Served, filled_in};
use crate::cli::{onething, with_registers};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// A wait of this length is for nothing.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// What one caller may have under way.
const CALLER_REQUESTS_MAX: usize = 64;
/// What all together may have under way, as callers.
const FULL_CALLERS: usize = 4;
/// Of a JSON body, and of all bodies under way.
const BODY_BYTES_MAX: usize = 12 << 20;
const BODIES_BYTES_MAX: usize = 256 << 20;
/// What an officer asks for.
const DECIDE: &str = "POST /v1/cases/331102-2026-000001/steps/x/decisions";

fn served(data: &Path, more: &[&str]) -> Served {
    with_registers(data);
    let mut command = onething(data);
    command.env("RUST_LOG", "error").arg("serve").args(more);
    Served::spawn(command, BTreeMap::new())
}

/// The value of a metric without labels.
fn metric(served: &Served, name: &str) -> usize {
    let text = served.get("operator", "/metrics").text;
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    let value = value.unwrap_or_else(|| panic!("no {name} in {text}"));
    value.trim().parse().unwrap()
}

#[track_caller]
fn until(mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < WAIT_MAX);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn until_under_way(served: &Served, count: usize) {
    until(|| metric(served, "onething_requests_under_way ") == count);
}

/// A request whose body does not come.
fn hold(served: &Served, caller: &str, line: &str, bytes: usize) -> TcpStream {
    let head = format!("content-type: application/json\r\ncontent-length: {bytes}\r\n");
    served.begin(caller, line, &head, "{")
}

#[track_caller]
fn come_back(answer: &Answer, code: &str) {
    let problem: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!((answer.status, problem["code"].as_str()), (429, Some(code)));
    assert!(answer.retry_after.parse::<u64>().unwrap() >= 1);
}

/// Bytes of memory that the process has (`VmRSS`) or once had (`VmHWM`).
fn memory(served: &Served, field: &str) -> usize {
    let path = format!("/proc/{}/status", served.process.id());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.unwrap().trim_matches([':', ' ', '\t', 'k', 'B']);
    kib.parse::<usize>().unwrap() << 10
}

#[test]
fn what_there_is_no_room_for_is_told_when_to_come_back() {
    let data = tempfile::tempdir().unwrap();
    let served = served(data.path(), &[]);
    let before = memory(&served, "VmRSS");

    // One caller's places.
    let mut held: Vec<_> = (0..CALLER_REQUESTS_MAX)
        .map(|_| hold(&served, "clerk", "PUT /v1/materials", 100))
        .collect();
    until_under_way(&served, held.len());
    come_back(&served.get("clerk", "/v1/cases"), "too-many-requests");
    assert_eq!(served.get("platform", "/v1/cases").status, 200);

    // Everybody's. Health and metrics still answer.
    let officers = served
        .tokens
        .keys()
        .filter(|name| name.ends_with("-331102"));
    for officer in officers.take(FULL_CALLERS - 1) {
        held.extend((0..CALLER_REQUESTS_MAX).map(|_| hold(&served, officer, DECIDE, 100)));
    }
    until_under_way(&served, held.len());
    come_back(&served.get("platform", "/v1/cases"), "host-full");
    for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/metrics", 200)] {
        assert_eq!(served.get("operator", path).status, status, "{path}");
    }
    drop(held);
    until_under_way(&served, 0);

    // The bytes of bodies, before they are read.
    let fitting = BODIES_BYTES_MAX / BODY_BYTES_MAX;
    let large = |officer| hold(&served, officer, DECIDE, BODY_BYTES_MAX);
    let held: Vec<_> = (0..fitting).map(|_| large("tax-331102")).collect();
    until(|| metric(&served, "onething_body_bytes ") == fitting * BODY_BYTES_MAX);
    let mut refused = large("personnel-331102");
    let mut answer = [0; 12];
    refused.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 429");
    drop(held);
    until(|| metric(&served, "onething_body_bytes ") == 0);

    flood(&served);
    let grown = memory(&served, "VmHWM").saturating_sub(before);
    assert!(grown < BODIES_BYTES_MAX, "{} MiB more", grown >> 20);
}

/// Twice as many at once as one caller may: each is done or told when to come back.
fn flood(served: &Served) {
    let mut hand_in = filled_in(served);
    hand_in["answers"]["mobile"] = "1".into();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..2 * CALLER_REQUESTS_MAX)
            .map(|_| {
                scope.spawn(|| {
                    let answer = served.post("clerk", "/v1/matters/retirement/cases", &hand_in);
                    if answer.status == 429 {
                        assert!(answer.retry_after.parse::<u64>().unwrap() >= 1);
                    }
                    answer.status
                })
            })
            .collect();
        assert_eq!(served.get("operator", "/healthz").status, 200);
        sent.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(
        statuses.iter().all(|status| [422, 429].contains(status)),
        "{statuses:?}"
    );
    assert!(statuses.contains(&422), "{statuses:?}");
}

#[test]
fn a_host_that_stops_finishes_what_is_under_way() {
    let data = tempfile::tempdir().unwrap();
    let mut served = served(data.path(), &["--linger", "3"]);
    let case = served.post("clerk", "/v1/matters/retirement/cases", &filled_in(&served));
    assert_eq!(case.status, 201, "{}", case.text);
    let follow = format!("GET {}/stream", case.location);
    let mut following = served.begin("operator", &follow, "", "");
    let head = "content-type: text/plain\r\ncontent-length: 5\r\nconnection: close\r\n";
    let mut under_way = served.begin("clerk", "PUT /v1/materials", head, "hal");
    until_under_way(&served, 1);
    until(|| metric(&served, "onething_streams ") == 1);

    served.ask_to_stop();
    until(|| served.get("operator", "/readyz").status == 503);
    let ready = served.get("operator", "/readyz").text;
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(ready["missing"], json!(["stopping"]));

    let mut followed = String::new();
    following.read_to_string(&mut followed).unwrap();
    assert!(followed.contains("id: 1\n"), "{followed}");
    assert!(followed.contains(": the host is stopping"), "{followed}");

    under_way.write_all(b"lo").unwrap();
    let mut answer = String::new();
    under_way.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(served.process.wait().unwrap().success());
}
