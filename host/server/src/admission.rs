//! Who gets in, and the layer around every request: its head, its place, its body's bytes, its time,
//! its span and its line in the log.
//!
//! What is refused for want of room is refused before it costs anything, as 429 with the seconds
//! after which there should be room. Health is asked beside this layer: a full host is alive.

use crate::App;
use crate::limits::{
    BODIES_BYTES_MAX, BODY_BYTES_MAX, HEAD_BYTES_MAX, REQUEST_TIME_MAX, REQUESTS_MAX,
    RETRY_AFTER_MAX, UPLOAD_BYTES_MAX,
};
use crate::metrics;
use crate::problem::{Code, Problem};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use onething_engine::trace;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// The mean forgets: each request counts for one part in so many.
const MEAN_OVER: u64 = 16;

/// What is under way.
#[derive(Debug)]
pub(crate) struct Load {
    /// One for each request.
    requests: Semaphore,
    /// One for each byte of a body.
    bodies: Arc<Semaphore>,
    /// How long requests took lately, in microseconds.
    mean_us: AtomicU64,
    cores: u64,
}

/// The bytes that a request holds until it is answered.
#[derive(Debug, Clone, Default)]
struct Held(Arc<OnceLock<OwnedSemaphorePermit>>);

impl Load {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            requests: Semaphore::new(REQUESTS_MAX),
            bodies: Arc::new(Semaphore::new(BODIES_BYTES_MAX.try_into().unwrap_or(0))),
            mean_us: AtomicU64::new(0),
            cores: u64::try_from(cores).unwrap_or(1),
        }
    }

    /// Every place, for whoever wants to see a full host.
    #[cfg(test)]
    pub(crate) fn fill(&self) -> tokio::sync::SemaphorePermit<'_> {
        let places = u32::try_from(REQUESTS_MAX).unwrap();
        self.requests.try_acquire_many(places).unwrap()
    }

    /// Requests under way.
    pub(crate) fn requests(&self) -> usize {
        REQUESTS_MAX.saturating_sub(self.requests.available_permits())
    }

    /// Bytes of bodies held.
    pub(crate) fn body_bytes(&self) -> usize {
        let free = self.bodies.available_permits();
        usize::try_from(BODIES_BYTES_MAX)
            .unwrap_or(0)
            .saturating_sub(free)
    }

    /// Sets aside what the body of a request may need, before any of it is read. One that no operation
    /// takes is refused by what it says of itself.
    pub(crate) fn reserve(&self, request: &Request) -> Result<(), Problem> {
        let Some(held) = request.extensions().get::<Held>() else {
            return Err(Problem::internal());
        };
        let bytes = body_bytes(request.headers());
        if bytes > UPLOAD_BYTES_MAX {
            return Err(Problem::too_large());
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let reserved = self.bodies.clone().try_acquire_many_owned(bytes);
        let reserved = reserved.map_err(|_| {
            Problem::full(
                "bodies-full",
                "正在接收的内容过多，请稍后重试",
                "too much is being received; try again",
            )
        })?;
        // A request has one body.
        let _ = held.0.set(reserved);
        Ok(())
    }

    /// When a request like the last ones should find room: what is under way, at the pace of the
    /// requests before it.
    pub(crate) fn retry_after_seconds(&self) -> u64 {
        let under_way = u64::try_from(self.requests()).unwrap_or(u64::MAX);
        let mean_us = self.mean_us.load(Ordering::Relaxed);
        let wait = Duration::from_micros(mean_us.saturating_mul(under_way) / self.cores.max(1));
        wait.min(RETRY_AFTER_MAX).as_secs().max(1)
    }

    fn took(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let mean = self.mean_us.load(Ordering::Relaxed);
        let mean = mean - mean / MEAN_OVER + us / MEAN_OVER;
        // Two at once may lose one of the two: it is a mean.
        self.mean_us.store(mean, Ordering::Relaxed);
    }
}

/// Around every request. Also says what no answer may be taken for.
pub(crate) async fn keep(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method(request.method());
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("", MatchedPath::as_str).to_owned();
    let span = span(method, &route, &request);
    let answered = within(&app, request, next).instrument(span.clone()).await;
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    let status = response.status();
    let code = response.extensions_mut().remove::<Code>();
    let code = code.as_ref().map(|code| code.0.as_str());
    dress(&app, &mut response);
    let time = started.elapsed();
    // A refusal takes no time, and says nothing of how long an answer does.
    if status != StatusCode::TOO_MANY_REQUESTS {
        app.load.took(time);
    }
    metrics::answered(method, &route, status, time);
    if let (StatusCode::TOO_MANY_REQUESTS, Some(code)) = (status, code) {
        metrics::refused(code);
    }
    let (status, ms) = (status.as_u16(), time.as_millis());
    span.record("status", status);
    span.in_scope(|| tracing::info!(status, %ms, code, "answered"));
    response
}

async fn within(app: &App, mut request: Request, next: Next) -> Result<Response, Problem> {
    if head_bytes(&request) > HEAD_BYTES_MAX {
        return Err(Problem::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "head-too-large",
            format!("请求行和请求头合计不得超过 {HEAD_BYTES_MAX} 字节"),
            format!("target and headers together may have {HEAD_BYTES_MAX} bytes"),
        ));
    }
    let Ok(_place) = app.load.requests.try_acquire() else {
        return Err(Problem::full(
            "host-full",
            "同时处理的请求过多，请稍后重试",
            "too many requests are under way; try again",
        ));
    };
    let held = Held::default();
    request.extensions_mut().insert(held.clone());
    let answered = tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await;
    drop(held);
    answered.map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "out-of-time",
            "请求处理超时；已登记的事实不会丢失，请查询后重试",
            "the request took too long; what was committed stands: look, then try again",
        )
    })
}

/// What every answer says beside itself.
fn dress(app: &App, response: &mut Response) {
    let status = response.status();
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    if [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ]
    .contains(&status)
    {
        headers.insert(header::RETRY_AFTER, app.load.retry_after_seconds().into());
    }
}

/// A span says what was asked by whom for which case: never the path as it came, in which a caller
/// may have put anything.
fn span(method: &'static str, route: &str, request: &Request) -> Span {
    let span = tracing::info_span!(
        "request",
        method,
        route,
        caller = Empty,
        status = Empty,
        onething.case = Empty
    );
    let case_id = case_id(route, request.uri().path());
    let traceparent = request.headers().get("traceparent");
    let taken_over = traceparent
        .and_then(|header| header.to_str().ok())
        .is_some_and(|header| trace::take_over(&span, header));
    match case_id {
        Some(case_id) if taken_over => trace::link_case(&span, case_id),
        Some(case_id) => return trace::of_case(span, case_id),
        None => {}
    }
    span
}

/// The case that a path names, where it looks like a case's id.
fn case_id<'a>(route: &str, path: &'a str) -> Option<&'a str> {
    if !route.starts_with("/v1/cases/{id}") {
        return None;
    }
    let id = path.split('/').nth(3)?;
    let mut parts = id.split('-');
    let mut digits = |count: std::ops::RangeInclusive<usize>| {
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        parts
            .next()
            .is_some_and(|part| count.contains(&part.len()) && is_number(part))
    };
    let is_one = digits(6..=12) && digits(4..=4) && digits(6..=12);
    (is_one && parts.next().is_none()).then_some(id)
}

/// A method that nothing here takes has no name of its own in the metrics.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        _ => "other",
    }
}

/// The length that the body has, or may have where it does not say; an upload says it.
fn body_bytes(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or(BODY_BYTES_MAX)
}

fn head_bytes(request: &Request) -> usize {
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let headers = request.headers().iter();
    target
        + headers
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn request(length: Option<usize>) -> Request {
        let mut request = Request::new(Body::empty());
        if let Some(length) = length {
            let headers = request.headers_mut();
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        request.extensions_mut().insert(Held::default());
        request
    }

    #[test]
    fn bodies_are_set_aside_before_they_are_read() {
        let load = Load::new();
        for (length, bytes) in [
            (Some(0), 0),
            (Some(100), 100),
            (Some(UPLOAD_BYTES_MAX), UPLOAD_BYTES_MAX),
            (None, BODY_BYTES_MAX),
        ] {
            let request = request(length);
            load.reserve(&request).unwrap();
            assert_eq!(load.body_bytes(), bytes, "{length:?}");
        }
        assert_eq!(load.body_bytes(), 0, "given back with the request");
        let refused = load.reserve(&request(Some(UPLOAD_BYTES_MAX + 1)));
        assert_eq!(refused.unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
        let mut inside = Vec::new();
        let refused = loop {
            let request = request(None);
            match load.reserve(&request) {
                Ok(()) => inside.push(request),
                Err(problem) => break problem,
            }
        };
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(inside.len(), (256 << 20) / BODY_BYTES_MAX);
        let small = load.reserve(&request(Some(100)));
        assert!(small.is_ok(), "a small one fits");
    }

    #[test]
    fn the_more_is_under_way_the_later_one_comes_back() {
        let mut load = Load::new();
        load.cores = 2;
        assert_eq!(load.retry_after_seconds(), 1);
        for _ in 0..200 {
            load.took(Duration::from_secs(1));
        }
        let places = load.requests.try_acquire_many(20).unwrap();
        assert!((8..=10).contains(&load.retry_after_seconds()));
        drop(places);
        load.mean_us = AtomicU64::new(u64::MAX / 2);
        let _places = load.requests.try_acquire_many(200).unwrap();
        assert_eq!(load.retry_after_seconds(), 60);
    }

    #[test]
    fn only_ids_of_cases_are_shown() {
        let route = "/v1/cases/{id}/events";
        for (id, is_shown) in [
            ("331102-2025-000001", true),
            ("331102196501150019", false),
            ("331102-2025-张建国", false),
            ("331102-2025", false),
            ("331102-2025-000001-1", false),
            ("", false),
        ] {
            let path = format!("/v1/cases/{id}/events");
            assert_eq!(case_id(route, &path), is_shown.then_some(id));
            assert_eq!(case_id("/v1/matters/{matter}", &path), None);
        }
    }
}
