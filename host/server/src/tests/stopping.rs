//! The host under load, and on its way down.

use super::Host;
use super::given::CASE;
use crate::App;
use crate::limits::{CALLER_STREAMS_MAX, REQUESTS_MAX, STREAMS_MAX};
use axum::body::Body;
use serde_json::json;
use std::io::Error;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn a_full_host_is_alive_and_says_when_to_come_back() {
    let host = Host::new().await;
    let app = App::new(host.engine.clone(), host.callers.clone());
    let host = Host {
        router: app.router(),
        ..host
    };
    let places = app.load.fill();
    let refused = host.ask("platform", "GET /v1/cases", None).await;
    refused.problem(429, "host-full");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(host.ask("nobody", "GET /healthz", None).await.status, 200);
    let metrics = host.ask("operator", "GET /metrics", None).await;
    let text = String::from_utf8(metrics.bytes).unwrap();
    let full = format!("onething_requests_under_way {REQUESTS_MAX}");
    for line in [
        &full,
        "onething_requests_refused_total{reason=\"host-full\"} 1",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    drop(places);
    let line = format!("GET /v1/cases/{CASE}");
    assert_eq!(host.ask("platform", &line, None).await.status, 200);
    let text = host.ask("operator", "GET /metrics", None).await.bytes;
    let text = String::from_utf8(text).unwrap();
    for line in [
        "onething_request_seconds_count{method=\"GET\",route=\"/v1/cases/{id}\",status=\"200\"} ",
        "onething_requests_under_way 0",
        "onething_streams 0",
        "onething_timers_due 0",
        "onething_build_info{version=\"",
        "# TYPE onething_commits counter",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains(CASE));
    host.ask("platform", "GET /metrics", None)
        .await
        .problem(403, "role-needed");
}

#[tokio::test]
async fn so_many_streams_and_no_more() {
    let host = Host::new().await;
    let line = format!("GET /v1/cases/{CASE}/stream");
    let mut open = Vec::new();
    for caller in ["operator", "platform"] {
        for _ in 0..CALLER_STREAMS_MAX {
            open.push(host.open(caller, &line).await);
        }
        let refused = host.ask(caller, &line, None).await;
        refused.problem(429, "too-many-streams");
        assert!(!refused.header("retry-after").is_empty());
    }
    assert_eq!(open.len(), STREAMS_MAX);
    let clerk = "personnel-331102";
    host.ask(clerk, &line, None)
        .await
        .problem(429, "streams-full");
    open.pop();
    assert_eq!(host.open(clerk, &line).await.status(), 200);
}

#[tokio::test]
async fn a_host_that_lingers_says_that_it_stops_and_still_answers() {
    let host = Host::new().await;
    let app = App::new(host.engine.clone(), host.callers.clone());
    let host = Host {
        router: app.router(),
        ..host
    };
    let ready = host.ask("nobody", "GET /readyz", None).await;
    assert_eq!(ready.json()["missing"], json!(["bundles"]));
    app.stopping.send_replace(true);
    let ready = host.ask("nobody", "GET /readyz", None).await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["missing"], json!(["bundles", "stopping"]));
    assert_eq!(host.ask("nobody", "GET /healthz", None).await.status, 200);
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let host = Host::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let token = &host.tokens[0].1;
    let follow = format!(
        "GET /v1/cases/{CASE}/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    let shutdown = async {
        let _ = stopped.await;
    };
    let served = crate::serve(
        host.engine,
        host.callers,
        listener,
        shutdown,
        Duration::ZERO,
    );
    let served = tokio::spawn(served);
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(HEALTH).await.unwrap();
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let mut following = TcpStream::connect(address).await.unwrap();
    following.write_all(follow.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("id: 1\n") {
        assert!(following.read_buf(&mut seen).await.unwrap() > 0);
    }
    // Neither an idle connection nor one that follows a case holds the host up.
    stop.send(()).unwrap();
    following.read_to_end(&mut seen).await.unwrap();
    let seen = String::from_utf8(seen).unwrap();
    assert!(seen.contains(": the host is stopping"), "{seen}");
    served.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let host = Host::new().await;
    let mut request = host.request("clerk", "PUT /v1/materials", None);
    *request.body_mut() =
        Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, Error>>());
    // Nothing is asked of the store, so that time may pass by itself.
    tokio::time::pause();
    host.send(request).await.problem(408, "body-too-slow");
}
