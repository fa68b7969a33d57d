//! What handlers take from a request: the caller, the idempotency key, and axum's own extractors with
//! their rejections as problems.

use crate::App;
use crate::callers::Caller;
use crate::limits::{BODY_TIME_MAX, IDEMPOTENCY_KEY_CHARS_MAX};
use crate::problem::Problem;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

/// An extractor of axum's whose rejection is a problem.
pub(crate) struct Checked<E>(pub(crate) E);

/// The header `Idempotency-Key`.
pub(crate) struct IdempotencyKey(pub(crate) String);

impl<S: Send + Sync, E: FromRequestParts<S>> FromRequestParts<S> for Checked<E>
where
    Problem: From<E::Rejection>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self(E::from_request_parts(parts, state).await?))
    }
}

/// A body: its bytes are set aside first, and it has so much time to arrive.
impl<E: FromRequest<App>> FromRequest<App> for Checked<E>
where
    Problem: From<E::Rejection>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        app.load.reserve(&request)?;
        let read = tokio::time::timeout(BODY_TIME_MAX, E::from_request(request, app)).await;
        let read = read.map_err(|_| Problem::too_slow())?;
        Ok(Self(read?))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let credentials = parts.headers.get(AUTHORIZATION);
        let token = credentials
            .and_then(|value| value.to_str().ok()?.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(Problem::unauthenticated)?;
        let caller = app.callers.enter(token)?;
        tracing::Span::current().record("caller", caller.name());
        Ok(caller)
    }
}

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let key = parts.headers.get("idempotency-key");
        // `to_str` takes visible ASCII only.
        match key.and_then(|value| value.to_str().ok()) {
            Some(key) if (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.len()) => {
                Ok(Self(key.to_owned()))
            }
            _ => Err(Problem::malformed(
                "idempotency-key",
                format!(
                    "请提供 Idempotency-Key 请求头：1 至 {IDEMPOTENCY_KEY_CHARS_MAX} 个可见 ASCII 字符，每次申报一个"
                ),
                format!(
                    "give an Idempotency-Key header: 1 to {IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters, one a submission"
                ),
            )),
        }
    }
}
