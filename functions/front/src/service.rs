//! HTTP, as `wasi:http` hands it in: the only module that knows it.

use crate::bindings::onething::function::about;
use crate::problem::{self, Problem};
use crate::{app, asked};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use onething_world::Limits;
use spin_sdk::http::{FullBody, HeaderValue, IntoResponse, Method, Request, Response, StatusCode};

/// Answers a request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> impl IntoResponse {
    let (status, media_type, body) = match answer(request).await {
        Ok(body) => (200, "application/json", body),
        Err(problem) => (problem.status(), problem::MEDIA_TYPE, problem.json()),
    };
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(FullBody::<Bytes>::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static(media_type));
    headers.insert("content-length", length);
    if status == 405 {
        headers.insert("allow", HeaderValue::from_static("GET, POST"));
    }
    response
}

async fn answer(request: Request) -> Result<String, Problem> {
    match *request.method() {
        Method::GET => return Ok(what_it_is()),
        Method::POST => {}
        _ => return Err(Problem::Method),
    }
    let path = request.uri().path().to_owned();
    let function = asked::function(&path);
    let exports = about::exports();
    let known: Vec<String> = serde_json::from_str(&exports).unwrap_or_default();
    if !known.iter().any(|export| export == function) {
        return Err(Problem::UnknownFunction(function.to_owned(), exports));
    }
    // The answers and what lookups found, and once more for the keys of the lookups.
    let max = Limits::default().input_bytes.saturating_mul(2);
    let body = match Limited::new(request.into_body(), max).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(Problem::TooLarge(max)),
        Err(error) => return Err(Problem::Malformed(format!("the body breaks off: {error}"))),
    };
    let (call, request) = asked::read(function, &body)?;
    Ok(app::answer(call, &request))
}

fn what_it_is() -> String {
    let (digest, exports, manifest) = (about::digest(), about::exports(), about::manifest());
    format!(r#"{{"digest":"{digest}","exports":{exports},"manifest":{manifest}}}"#)
}
