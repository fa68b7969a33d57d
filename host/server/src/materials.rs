//! Files that go with a submission, known by their SHA-256: whoever can name one has its bytes, or
//! sees a case that names it.

use crate::callers::{Caller, Role};
use crate::extract::Checked;
use crate::limits::MATERIAL_BYTES_MAX;
use crate::problem::Problem;
use crate::records::MaterialBody;
use crate::{App, now};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use onething_engine::stamp;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

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

/// The operations, with their own limit of bytes.
pub(crate) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(put_material))
        .layer(DefaultBodyLimit::max(MATERIAL_BYTES_MAX))
        .routes(routes!(get_material))
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
    Checked(bytes): Checked<Bytes>,
) -> Result<Response, Problem> {
    caller.must_be(&[Role::Platform, Role::Clerk])?;
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| {
            Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type-missing",
                "请在 Content-Type 请求头中说明文件类型",
                "say in the header Content-Type what the file is",
            )
        })?;
    if bytes.is_empty() {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "material-empty",
            "文件是空的，请检查后重新上传",
            "the file is empty; look at it and upload it again",
        ));
    }
    let store = app.engine.store();
    let sha256 = store
        .put_material(&bytes, media_type, &stamp(now()))
        .await?;
    let location = [(header::LOCATION, format!("/v1/materials/{sha256}"))];
    let size = bytes.len();
    let kept = Json(MaterialBody { sha256, size });
    Ok((StatusCode::CREATED, location, kept).into_response())
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
        .get_material(&path.sha256)
        .await?
        .ok_or_else(|| Problem::unknown("material", "材料", &path.sha256))?;
    let media_type = [(header::CONTENT_TYPE, material.media_type)];
    Ok((media_type, NEVER_SHOWN, material.bytes).into_response())
}
