//! Every limit of the API, in one table, and the layer that keeps them. What a bundle may use is
//! the runtime's table, not this one.

use crate::App;
use crate::problem::Problem;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::time::{Duration, Instant};

/// Of a JSON body: a roster of 10,000 lines is about 8 MB.
pub(crate) const BODY_BYTES_MAX: usize = 12 << 20;
/// Of a material.
pub(crate) const MATERIAL_BYTES_MAX: usize = 10 << 20;
/// Of a request's target and headers.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// What is read of a head before it is looked at; hyper's least is 8 KiB.
pub(crate) const READ_BYTES_MAX: usize = 64 << 10;
/// How long a connection may take for the head of its next request.
pub(crate) const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a request may take, its body included.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);
/// How long requests that are under way may still take when the host stops.
pub(crate) const DRAIN_TIME_MAX: Duration = Duration::from_secs(60);
/// Connections at a time; more wait to be accepted.
pub(crate) const CONNECTIONS_MAX: usize = 1024;
/// Requests at a time, of all callers.
pub(crate) const REQUESTS_MAX: usize = 256;
/// Requests at a time, of one caller.
pub(crate) const CALLER_REQUESTS_MAX: usize = 64;
/// Of an uploaded bundle with its fixtures, a tar.
pub(crate) const UPLOAD_BYTES_MAX: usize = 32 << 20;
/// Of a file in it.
pub(crate) const UPLOAD_FILE_BYTES_MAX: u64 = 16 << 20;
/// Files in it.
pub(crate) const UPLOAD_FILES_MAX: usize = 5_000;
/// Characters of the name of a file in it.
pub(crate) const UPLOAD_NAME_CHARS_MAX: usize = 200;
/// Bundles that are checked at a time.
pub(crate) const CHECKS_MAX: usize = 1;
/// How long the fixtures of an uploaded bundle may be replayed: it must be over before the request is.
pub(crate) const CHECK_TIME_MAX: Duration = Duration::from_secs(40);
/// Characters of an idempotency key.
pub(crate) const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// Rows of a page where the caller does not say.
pub(crate) const ROWS_DEFAULT: u32 = 100;

/// Around every request: its head, its turn, its time. Also wakes the workers after a command and
/// says what no answer may be taken for.
pub(crate) async fn keep(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    // The path names cases and forms, never people; the query is left out all the same.
    let path = request.uri().path().to_owned();
    let mut response = match within(&app, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    if method == Method::POST && response.status().is_success() {
        app.wake.notify_one();
    }
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    let (status, ms) = (response.status().as_u16(), started.elapsed().as_millis());
    tracing::info!(%method, ?path, status, %ms, "answered");
    response
}

async fn within(app: &App, request: Request, next: Next) -> Result<Response, Problem> {
    if head_bytes(&request) > HEAD_BYTES_MAX {
        return Err(Problem::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "head-too-large",
            format!("请求行和请求头合计不得超过 {HEAD_BYTES_MAX} 字节"),
            format!("target and headers together may have {HEAD_BYTES_MAX} bytes"),
        ));
    }
    let Ok(_place) = app.places.try_acquire() else {
        return Err(Problem::busy());
    };
    let answered = tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await;
    answered.map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "out-of-time",
            "请求处理超时；已登记的事实不会丢失，请查询后重试",
            "the request took too long; what was committed stands: look, then try again",
        )
    })
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
