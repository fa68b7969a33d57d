//! What an office takes back, and what comes after the end of a case: its rating, what that asks
//! for, the check of commitments, an appeal.

use crate::callers::Caller;
use crate::cases::{CasePath, seen};
use crate::commands::{answered, filed, idempotency, submitted};
use crate::extract::{Checked, IdempotencyKey};
use crate::offices::StepPath;
use crate::problem::Problem;
use crate::records::CaseBody;
use crate::{App, now};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use onething_engine::{Check, HandIn};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Why a decision is taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reopening {
    /// In the office's words.
    reason: String,
}

/// What the filer thought of it (好差评).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rating {
    /// 1 (very poor) to 5 (very good); 1 and 2 open a repair.
    #[schema(minimum = 1, maximum = 5)]
    score: u8,
    /// In the filer's words.
    #[serde(default)]
    comment: Option<String>,
}

/// What was done about a poor rating (差评整改).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepairDone {
    /// In the office's words.
    text: String,
}

/// A commitment in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct CommitmentPath {
    /// The id of the case.
    id: String,
    /// The code of the material that it stands for.
    code: String,
}

/// Takes back a decision of the caller's office before it has taken effect (撤回). What rests on it is
/// void too.
///
/// Lets in: an officer of the office whose step it is.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/steps/{step}/reopening",
    tag = "offices",
    params(StepPath),
    request_body = Reopening,
    responses(
        (status = 200, description = "The step is open again.", body = CaseBody),
        (status = 404, description = "There is no such case or step, or it is not the caller's to see."),
        (status = 409, description = "The decision has taken effect, or there is none; `current` says how the case stands."),
        (status = 422, description = "It does not say why."),
    ),
)]
pub(crate) async fn reopen(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<StepPath>>,
    Checked(Json(asked)): Checked<Json<Reopening>>,
) -> Result<Json<CaseBody>, Problem> {
    seen(&app, &caller, &path.id).await?;
    let (by, office) = (caller.person(), caller.office()?);
    let (id, step) = (&path.id, &path.step);
    let case = app
        .engine
        .reopen(id, step, by, office, &asked.reason, now())
        .await;
    answered(&app, id, case).await
}

/// Rates a completed case (好差评), once. A poor rating opens a repair for the leading office.
///
/// Lets in: the caller that handed it in.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/rating",
    tag = "cases",
    params(CasePath),
    request_body = Rating,
    responses(
        (status = 200, description = "It is rated.", body = CaseBody),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 409, description = "It is not completed, or rated already; `current` says how it stands."),
        (status = 422, description = "The score is out of range."),
    ),
)]
pub(crate) async fn rate(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
    Checked(Json(rating)): Checked<Json<Rating>>,
) -> Result<Json<CaseBody>, Problem> {
    filed(&app, &caller, &path.id).await?;
    let Rating { score, comment } = rating;
    let by = caller.person();
    let case = app.engine.rate(&path.id, score, by, comment, now()).await;
    answered(&app, &path.id, case).await
}

/// Says what was done about a poor rating (差评整改), once.
///
/// Lets in: an officer of the leading office.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/repair",
    tag = "offices",
    params(CasePath),
    request_body = RepairDone,
    responses(
        (status = 200, description = "It is mended.", body = CaseBody),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 409, description = "Nothing is to be mended; `current` says how the case stands."),
        (status = 422, description = "It does not say what was done."),
    ),
)]
pub(crate) async fn repair(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
    Checked(Json(asked)): Checked<Json<RepairDone>>,
) -> Result<Json<CaseBody>, Problem> {
    seen(&app, &caller, &path.id).await?;
    let (by, office) = (caller.person(), caller.office()?);
    let case = app
        .engine
        .repair(&path.id, by, office, &asked.text, now())
        .await;
    answered(&app, &path.id, case).await
}

/// Checks a commitment that stood for a material (告知承诺事后核查), once, after completion.
///
/// Lets in: an officer of an office that has a step in the case.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/commitments/{code}/check",
    tag = "offices",
    params(CommitmentPath),
    request_body = Check,
    responses(
        (status = 200, description = "It is checked.", body = CaseBody),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 409, description = "The case is not completed, or the commitment is checked already; `current` says how the case stands."),
        (status = 422, description = "No commitment stands for this material, or it does not say what was found."),
    ),
)]
pub(crate) async fn check_commitment(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CommitmentPath>>,
    Checked(Json(asked)): Checked<Json<Check>>,
) -> Result<Json<CaseBody>, Problem> {
    seen(&app, &caller, &path.id).await?;
    let (by, office) = (caller.person(), caller.office()?);
    let (id, code) = (&path.id, &path.code);
    let case = app
        .engine
        .check_commitment(id, code, &asked, by, office, now())
        .await;
    answered(&app, id, case).await
}

/// Hands in an appeal (申诉): a case of its own, judged by the version and the legal date of the case
/// that it goes over.
///
/// The same request under the same key makes one case, however often it is sent. Lets in: the caller
/// that handed the case in.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/appeals",
    tag = "cases",
    params(
        CasePath,
        ("Idempotency-Key" = String, Header, description = "One for each submission: 1 to 255 visible ASCII characters."),
    ),
    request_body = HandIn,
    responses(
        (status = 201, description = "The appeal is received.", body = CaseBody, headers(("Location" = String, description = "The case that it is."))),
        (status = 200, description = "The same request came before and made this case.", body = CaseBody),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 409, description = "The case has no outcome to appeal, or is appealed already."),
        (status = 413, description = "The submission is too large."),
        (status = 422, description = "Refused: `findings` and `missing` say everything that is wrong. Or the key was used for another request."),
    ),
)]
pub(crate) async fn appeal(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
    IdempotencyKey(key): IdempotencyKey,
    Checked(Json(hand_in)): Checked<Json<HandIn>>,
) -> Result<Response, Problem> {
    filed(&app, &caller, &path.id).await?;
    caller.must_file_for(&hand_in.filer)?;
    let idempotency = idempotency(&caller, key, &("appeal", &path.id, &hand_in))?;
    let came_out = app
        .engine
        .appeal(&path.id, hand_in, caller.name(), Some(idempotency), now())
        .await?;
    submitted(&app, came_out).await
}
