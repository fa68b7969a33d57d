//! Following a case.

use super::given::CASE;
use super::{Host, StatusCode};
use crate::{App, live};
use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use serde_json::{Value, json};

/// A stream as it comes in.
struct Followed {
    body: BodyDataStream,
    text: String,
}

impl Followed {
    /// The next event: its fields by name.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let mut fields = json!({});
                for line in event.lines() {
                    let (name, value) = line.split_once(':').unwrap();
                    fields[name] = value.trim().into();
                }
                self.text = rest.to_owned();
                return Some(fields);
            }
            let bytes = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

async fn follow(host: &Host, line: &str) -> Followed {
    let response = host.open("platform", line).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    Followed {
        body: Body::into_data_stream(response.into_body()),
        text: String::new(),
    }
}

/// A host whose commits its streams hear of; the task ends with the test.
async fn host() -> Host {
    let host = Host::new().await;
    let app = App::new(host.engine.clone(), host.callers.clone());
    tokio::spawn(live::watch(app.clone()));
    Host {
        router: app.router(),
        ..host
    }
}

#[tokio::test]
async fn a_case_is_followed_to_its_end() {
    let host = host().await;
    let line = format!("GET /v1/cases/{CASE}/stream");
    let events = format!("GET /v1/cases/{CASE}/events");
    let known = host.ask("platform", &events, None).await.json();
    let known = known["events"].as_array().unwrap();
    let mut followed = follow(&host, &line).await;
    for event in known {
        let sent = followed.next().await.unwrap();
        assert_eq!(sent["id"], event["n"].to_string());
        let data: Value = serde_json::from_str(sent["data"].as_str().unwrap()).unwrap();
        assert_eq!(data, *event);
    }
    let last = known.len();
    let mut resumed = follow(&host, &format!("{line}?after={}", last - 1)).await;
    assert_eq!(resumed.next().await.unwrap()["id"], last.to_string());

    let withdraw = format!("POST /v1/cases/{CASE}/withdrawal");
    let reason = json!({"reason": "filed by mistake"});
    assert_eq!(
        host.ask("platform", &withdraw, Some(reason)).await.status,
        200
    );
    let ended = followed.next().await.unwrap();
    assert_eq!(ended["id"], (last + 1).to_string());
    let end = loop {
        let event = followed.next().await.unwrap();
        if event["event"] == "end" {
            break event;
        }
    };
    assert_eq!(end["data"], "withdrawn");
    assert_eq!(followed.next().await, None, "the stream is closed");
    // Who has seen everything is told to stay away.
    let seen = host
        .ask("platform", &format!("{line}?after=99"), None)
        .await;
    assert_eq!(seen.status, 204);
}

#[tokio::test]
async fn another_hosts_commits_are_heard_of_and_strangers_hear_nothing() {
    let host = host().await;
    let line = format!("GET /v1/cases/{CASE}/stream");
    let mut followed = follow(&host, &format!("{line}?after=99")).await;
    for caller in ["clerk", "tester", "tax-331102"] {
        let refused = host.ask(caller, &line, None).await;
        refused.problem(404, "unknown-case");
    }
    // Straight into the store, past this host's engine.
    let elsewhere = onething_engine::Engine::new(
        host.engine.store().clone(),
        onething_engine::Bundles::default(),
        onething_capabilities::Published::open(host.folder()).unwrap(),
        onething_engine::Folders::within(host.folder()),
    );
    let withdrawn = elsewhere.withdraw(CASE, "platform", "by mistake", crate::now());
    withdrawn.await.unwrap();
    assert_eq!(followed.next().await.unwrap()["event"], "end");
}

#[tokio::test]
async fn what_was_seen_last_is_a_number() {
    let host = host().await;
    let line = format!("GET /v1/cases/{CASE}/stream?after=x");
    let refused = host.ask("platform", &line, None).await;
    refused.problem(400, "malformed-query");
}
