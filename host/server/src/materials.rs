//! Files that go with a submission, known by their SHA-256: whoever can name one has its bytes, or
//! sees a case that names it.

use crate::callers::{Caller, Role};
use crate::extract::Checked;
use crate::limits::{BODY_TIME_MAX, MATERIAL_BYTES_MAX};
use crate::problem::{Problem, unreadable};
use crate::records::MaterialBody;
use crate::{App, now};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::unfold;
use onething_engine::stamp;
use onething_store::{BlobReader, Store};
use serde::Deserialize;
use utoipa::IntoParams;

/// Of a media type; its parameters, which may name a file, are not kept.
const MEDIA_TYPE_CHARS_MAX: usize = 100;
/// A browser saves it and never shows it as a page of this host's.
const NEVER_SHOWN: [(HeaderName, &str); 2] = [
    (header::CONTENT_DISPOSITION, "attachment"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; sandbox",
    ),
];

/// A material in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct MaterialPath {
    /// SHA-256 of the bytes, hex.
    sha256: String,
}

/// Keeps a file, at most 10 MiB. The same bytes are kept once.
///
/// Lets in: a platform, a clerk.
#[utoipa::path(
    put,
    path = "/v1/materials",
    tag = "materials",
    request_body(content = Vec<u8>, content_type = "*/*", description = "The bytes; the header Content-Type says what they are."),
    responses(
        (status = 201, description = "Kept.", body = MaterialBody, headers(("Location" = String, description = "The material."))),
        (status = 413, description = "It is too large."),
        (status = 415, description = "The header Content-Type is missing."),
        (status = 422, description = "It is empty."),
    ),
)]
pub(crate) async fn put_material(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    caller.must_be(&[Role::Platform, Role::Clerk])?;
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok()?.split(';').next())
        .filter(|media_type| media_type.len() <= MEDIA_TYPE_CHARS_MAX)
        .ok_or_else(|| {
            Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type-missing",
                "请在 Content-Type 请求头中说明文件类型",
                "say in the header Content-Type what the file is",
            )
        })?;
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|bytes| bytes.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > MATERIAL_BYTES_MAX) {
        return Err(Problem::too_large());
    }
    let taken_in = take_in(app.engine.store(), media_type, body);
    let taken_in = tokio::time::timeout(BODY_TIME_MAX, taken_in).await;
    let kept = taken_in.map_err(|_| Problem::too_slow())??;
    let location = [(header::LOCATION, format!("/v1/materials/{}", kept.sha256))];
    Ok((StatusCode::CREATED, location, Json(kept)).into_response())
}

/// Keeps what comes as it comes. What does not come to its end is swept later.
async fn take_in(store: &Store, media_type: &str, body: Body) -> Result<MaterialBody, Problem> {
    let bytes_max = u64::try_from(MATERIAL_BYTES_MAX).unwrap_or(u64::MAX);
    let (at, mut size) = (stamp(now()), 0);
    let mut writer = store.write_material(bytes_max, &at).await?;
    let mut body = body.into_data_stream();
    while let Some(bytes) = body.next().await {
        let Ok(bytes) = bytes else {
            writer.abort().await?;
            return Err(unreadable());
        };
        size += bytes.len();
        writer.write(&bytes).await?;
    }
    if size == 0 {
        writer.abort().await?;
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "material-empty",
            "文件是空的，请检查后重新上传",
            "the file is empty; look at it and upload it again",
        ));
    }
    let sha256 = writer.finish(None, media_type, &at).await?;
    Ok(MaterialBody { sha256, size })
}

/// A file, byte for byte as it was handed in.
///
/// Lets in: any platform, clerk, officer or operator that can name it.
#[utoipa::path(
    get,
    path = "/v1/materials/{sha256}",
    tag = "materials",
    params(MaterialPath),
    responses(
        (status = 200, description = "The bytes, as the media type that they came with.", body = Vec<u8>, content_type = "*/*"),
        (status = 404, description = "There is no such material."),
    ),
)]
pub(crate) async fn get_material(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<MaterialPath>>,
) -> Result<Response, Problem> {
    caller.must_be(&[Role::Platform, Role::Clerk, Role::Officer, Role::Operator])?;
    let store = app.engine.store();
    let material = store
        .read_material(&path.sha256)
        .await?
        .ok_or_else(|| Problem::unknown("material", "材料", &path.sha256))?;
    let info = material.info();
    let about = [
        (header::CONTENT_TYPE, info.media_type.clone()),
        (header::CONTENT_LENGTH, info.size.to_string()),
    ];
    let chunks = unfold(Some(material), |material| async { next(material?).await });
    Ok((about, NEVER_SHOWN, Body::from_stream(chunks)).into_response())
}

/// The next bytes and who goes on after them. One that is damaged breaks off: whoever reads it sees
/// that it is shorter than was said.
async fn next(
    mut material: BlobReader,
) -> Option<(Result<Bytes, onething_store::Error>, Option<BlobReader>)> {
    match material.next().await {
        Ok(bytes) => Some((Ok(bytes?.into()), Some(material))),
        Err(error) => {
            tracing::error!(%error, "a material cannot be read");
            Some((Err(error), None))
        }
    }
}
