//! HTTP as the load generator speaks it: connections are kept, redirects are not followed, answers and
//! their time are bounded.

use super::target::Target;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::fmt;
use std::time::Duration;

/// A request that is not answered in this time is an error.
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// A connection that was not used for this long is not used again: a host closes it after 30 seconds.
const IDLE_TIME_MAX: Duration = Duration::from_secs(15);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Who asks. A clone shares the connections.
#[derive(Clone)]
pub struct Client {
    inner: legacy::Client<HttpConnector, Full<Bytes>>,
    target: Target,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: Method,
    /// After the base of the target.
    pub path: String,
    /// `Bearer …`.
    pub bearer: Option<HeaderValue>,
    /// JSON.
    pub body: Option<Bytes>,
    /// The header `Idempotency-Key`.
    pub key: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It was refused, reset, or no HTTP.
    Connection,
    /// It took longer than [`ANSWER_TIME_MAX`].
    TimeOut,
    /// The answer is longer than is read.
    AnswerTooLarge,
}

impl Failure {
    /// As it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Failure::Connection => "connection",
            Failure::TimeOut => "time-out",
            Failure::AnswerTooLarge => "answer-too-large",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Failure {}

impl Ask {
    /// For a path that is read.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            bearer: None,
            body: None,
            key: None,
        }
    }

    /// For JSON that is sent.
    pub fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            method: Method::POST,
            body: Some(body.into()),
            ..Self::get(path)
        }
    }

    /// In somebody's name.
    pub fn by(mut self, bearer: &HeaderValue) -> Self {
        self.bearer = Some(bearer.clone());
        self
    }
}

impl Client {
    /// Speaks with one target.
    pub fn new(target: Target) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIME_MAX)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { inner, target }
    }

    /// Asks, and reads the whole answer.
    pub async fn ask(&self, ask: Ask) -> Result<Answer, Failure> {
        let answer = async {
            let response = self.send(ask).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
            let body = body.collect().await.map_err(|error| match error
                .downcast_ref::<http_body_util::LengthLimitError>(
            ) {
                Some(_) => Failure::AnswerTooLarge,
                None => Failure::Connection,
            })?;
            let body = body.to_bytes();
            Ok(Answer { status, body })
        };
        let answered = tokio::time::timeout(ANSWER_TIME_MAX, answer).await;
        answered.unwrap_or(Err(Failure::TimeOut))
    }

    /// Asks, and leaves the body to whoever reads on.
    pub async fn send(&self, ask: Ask) -> Result<Response<Incoming>, Failure> {
        let request = self.request(ask).ok_or(Failure::Connection)?;
        let answered = self.inner.request(request).await;
        answered.map_err(|_| Failure::Connection)
    }

    fn request(&self, ask: Ask) -> Option<Request<Full<Bytes>>> {
        let uri = format!("{}{}", self.target.base, ask.path);
        let mut request = Request::builder()
            .method(ask.method)
            .uri(uri)
            .header(HOST, &self.target.authority);
        if let Some(bearer) = ask.bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key);
        }
        if ask.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = Full::new(ask.body.unwrap_or_default());
        request.body(body).ok()
    }
}
