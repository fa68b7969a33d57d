//! `/metrics`: what Prometheus reads. What the engine counts, what the API counts, and how much is
//! under way or waits as it is asked.
//!
//! Labels are routes, words of the product and names of matters: never a case, a caller or a person.
//! Whoever asks from this machine is let in without a token; through a proxy or from elsewhere it
//! takes an operator's.

use crate::callers::{Caller, Role};
use crate::problem::Problem;
use crate::{App, now};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use onething_engine::measures;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

/// What is answered.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// From a millisecond to a minute.
const SECONDS: [f64; 11] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 20.0, 60.0,
];

/// Who is at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

type Labels<const N: usize> = [(&'static str, String); N];

struct Measures {
    requests: Family<Labels<3>, Histogram>,
    refused: Family<Labels<1>, Counter>,
}

static MEASURES: LazyLock<Measures> = LazyLock::new(|| Measures {
    requests: Family::new_with_constructor(|| Histogram::new(SECONDS)),
    refused: Family::default(),
});

/// A request is answered. `route` is the template, empty where there is none.
pub(crate) fn answered(method: &'static str, route: &str, status: StatusCode, time: Duration) {
    let labels = [
        ("method", method.to_owned()),
        ("route", route.to_owned()),
        ("status", status.as_str().to_owned()),
    ];
    let requests = MEASURES.requests.get_or_create(&labels);
    requests.observe(time.as_secs_f64());
}

/// A request is refused for want of room, by the code of the problem.
pub(crate) fn refused(code: &str) {
    let labels = [("reason", code.to_owned())];
    MEASURES.refused.get_or_create(&labels).inc();
}

/// What the host counts, as OpenMetrics text.
///
/// Lets in: an operator; anybody on the host's own machine, but not through a proxy.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "host",
    responses((status = 200, description = "OpenMetrics text, as Prometheus reads it.", body = String, content_type = "application/openmetrics-text")),
)]
pub(crate) async fn metrics(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    caller: Result<Caller, Problem>,
) -> Result<Response, Problem> {
    if !is_local(peer.map(|Extension(peer)| peer), &headers) {
        caller?.must_be(&[Role::Operator])?;
    }
    let mut registry = Registry::with_prefix("onething");
    measures::register(&mut registry);
    register(&mut registry);
    show_load(&mut registry, &app);
    show_queues(&mut registry, &app).await?;
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)
        .map_err(|_| Problem::internal())?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}

/// A proxy on this machine speaks for others, and says so.
fn is_local(peer: Option<Peer>, headers: &HeaderMap) -> bool {
    let is_forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .iter()
        .any(|name| headers.contains_key(*name));
    !is_forwarded && peer.is_some_and(|Peer(address)| address.to_canonical().is_loopback())
}

fn register(registry: &mut Registry) {
    registry.register(
        "request_seconds",
        "How long requests took, by route, method and status",
        MEASURES.requests.clone(),
    );
    registry.register(
        "requests_refused",
        "Requests that were refused for want of room",
        MEASURES.refused.clone(),
    );
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    registry.register("build", "This program", Info::new(version));
}

fn show_load(registry: &mut Registry, app: &App) {
    let mut show = |name: &str, help: &str, value: usize| {
        registry.register(name, help, gauge(value));
    };
    let load = &app.load;
    show("requests_under_way", "Requests under way", load.requests());
    show(
        "body_bytes",
        "Bytes set aside for bodies of requests under way",
        load.body_bytes(),
    );
    show("streams", "Cases followed live", app.live.streams());
}

async fn show_queues(registry: &mut Registry, app: &App) -> Result<(), Problem> {
    let (waiting, ages) = (
        Family::<Labels<1>, Gauge>::default(),
        Family::<Labels<1>, Gauge>::default(),
    );
    let now = now();
    let store = app.engine.store();
    for queue in store.effect_queues().await? {
        let labels = [("status", queue.status)];
        let count = i64::try_from(queue.count).unwrap_or(i64::MAX);
        waiting.get_or_create(&labels).set(count);
        if let Ok(since) = DateTime::parse_from_rfc3339(&queue.oldest_at) {
            let age = (now - since).num_seconds().max(0);
            ages.get_or_create(&labels).set(age);
        }
    }
    registry.register("effects_waiting", "Effects that are not settled", waiting);
    registry.register(
        "effects_oldest_seconds",
        "Age of the oldest effect that is not settled",
        ages,
    );
    let due = store.count_timers_due(now.with_timezone(&Utc)).await?;
    registry.register(
        "timers_due",
        "Timers that are over and have yet to be heard",
        gauge(due.try_into().unwrap_or(usize::MAX)),
    );
    let awaiting = store.count_timers_awaiting().await?;
    registry.register(
        "timers_awaiting_calendar",
        "Timers whose moment is not known until a calendar is published",
        gauge(awaiting.try_into().unwrap_or(usize::MAX)),
    );
    Ok(())
}

fn gauge(value: usize) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(value.try_into().unwrap_or(i64::MAX));
    gauge
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_this_machine_itself_needs_no_token() {
        let mut proxied = HeaderMap::new();
        proxied.insert("x-forwarded-for", HeaderValue::from_static("10.1.2.3"));
        for (peer, headers, local) in [
            (Some("127.0.0.1"), HeaderMap::new(), true),
            (Some("::1"), HeaderMap::new(), true),
            (Some("::ffff:127.0.0.1"), HeaderMap::new(), true),
            (Some("127.0.0.1"), proxied, false),
            (Some("10.1.2.3"), HeaderMap::new(), false),
            (None, HeaderMap::new(), false),
        ] {
            let known = peer.map(|peer| Peer(peer.parse().unwrap()));
            assert_eq!(is_local(known, &headers), local, "{peer:?}");
        }
    }
}
