//! The agencies' forms of a case and what was sealed of them.

use crate::callers::Caller;
use crate::cases::{CasePath, seen};
use crate::extract::Checked;
use crate::problem::Problem;
use crate::records::{DocumentList, FilledFormBody, FilledFormList, json};
use crate::{App, now};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use onething_engine::form_page;
use onething_runtime::Bundle;
use serde::Deserialize;
use utoipa::IntoParams;

/// Every document is a self-contained page.
const HTML: (HeaderName, &str) = (header::CONTENT_TYPE, "text/html; charset=utf-8");
/// A page loads nothing and runs nothing, whatever an applicant typed.
const NOTHING_ACTIVE: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
);

/// A form of a case in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FormPath {
    /// The id of the case.
    id: String,
    /// The name of the source form.
    form: String,
}

/// A document of a case in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct DocumentPath {
    /// The id of the case.
    id: String,
    /// A source form, or `decision-` and a step.
    name: String,
}

/// Which of the documents of a name.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AsOf {
    /// The event as of which it was rendered; the latest where it is not given.
    event: Option<u64>,
}

/// Every agency's form, filled back in as far as the case has come.
///
/// Lets in: the caller that handed it in, officers of its steps, an operator.
#[utoipa::path(
    get,
    path = "/v1/cases/{id}/forms",
    tag = "cases",
    params(CasePath),
    responses(
        (status = 200, description = "The values of each form, by printed box.", body = FilledFormList),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 410, description = "The case was erased: nobody can read it any more."),
    ),
)]
pub(crate) async fn list_forms(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
) -> Result<Json<FilledFormList>, Problem> {
    let state = seen(&app, &caller, &path.id).await?.state;
    let filled = app.engine.forms(&state, now()).await?;
    let bundle = app.engine.pinned(&state.digest).await.ok();
    let manifest = bundle.as_ref().map(Bundle::manifest);
    let forms = filled.into_iter().map(|form| FilledFormBody {
        title: manifest
            .and_then(|manifest| manifest.source_form(&form.form))
            .map(|source| source.title.clone()),
        values: json(&form.values),
        form: form.form,
        office: form.office,
    });
    Ok(Json(FilledFormList {
        forms: forms.collect(),
    }))
}

/// An agency's form as it stands, as a page to look at. What is sealed is under `documents`.
///
/// Lets in: the caller that handed it in, officers of its steps, an operator.
#[utoipa::path(
    get,
    path = "/v1/cases/{id}/forms/{form}",
    tag = "cases",
    params(FormPath),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such case or form, or it is not the caller's to see."),
        (status = 410, description = "The case was erased: nobody can read it any more."),
    ),
)]
pub(crate) async fn get_form_page(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<FormPath>>,
) -> Result<Response, Problem> {
    let state = seen(&app, &caller, &path.id).await?.state;
    let forms = app.engine.forms(&state, now()).await?;
    let bundle = app.engine.pinned(&state.digest).await?;
    match form_page(&bundle, &state, &forms, &path.form) {
        Some(page) => Ok(([HTML, NOTHING_ACTIVE], page).into_response()),
        None => Err(Problem::unknown("form", "表单", &path.form)),
    }
}

/// The documents of a case with their seals.
///
/// Lets in: the caller that handed it in, officers of its steps, an operator.
#[utoipa::path(
    get,
    path = "/v1/cases/{id}/documents",
    tag = "cases",
    params(CasePath),
    responses(
        (status = 200, description = "In the order of their events.", body = DocumentList),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 410, description = "The case was erased: nobody can read it any more."),
    ),
)]
pub(crate) async fn list_documents(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
) -> Result<Json<DocumentList>, Problem> {
    let state = seen(&app, &caller, &path.id).await?.state;
    let documents = app.engine.store().documents(&state.id).await?;
    Ok(Json(DocumentList {
        documents: documents.into_iter().map(Into::into).collect(),
    }))
}

/// A document, byte for byte as it was sealed; its SHA-256 is the `ETag`.
///
/// Lets in: the caller that handed it in, officers of its steps, an operator.
#[utoipa::path(
    get,
    path = "/v1/cases/{id}/documents/{name}",
    tag = "cases",
    params(DocumentPath, AsOf),
    responses(
        (status = 200, description = "The bytes that the seals are over.", body = String, content_type = "text/html", headers(("ETag" = String, description = "The SHA-256 in hex, in quotes."))),
        (status = 304, description = "The caller has these bytes: `If-None-Match` names them."),
        (status = 404, description = "There is no such case or document, or it is not the caller's to see."),
        (status = 410, description = "The case was erased: nobody can read it any more."),
    ),
)]
pub(crate) async fn get_document(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<DocumentPath>>,
    Checked(Query(as_of)): Checked<Query<AsOf>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let state = seen(&app, &caller, &path.id).await?.state;
    let store = app.engine.store();
    let document = store
        .get_document(&state.id, &path.name, as_of.event)
        .await?
        .ok_or_else(|| Problem::unknown("document", "文书", &path.name))?;
    let etag = format!("\"{}\"", document.info.sha256);
    let has_it = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|etags| etags.split(',').any(|known| known.trim() == etag));
    let etag = [(header::ETAG, etag)];
    if has_it {
        return Ok((StatusCode::NOT_MODIFIED, etag).into_response());
    }
    Ok((etag, [HTML, NOTHING_ACTIVE], document.bytes).into_response())
}
