//! What the filer's side does with a case, and the one thing that an operator does. Each answers with
//! the case as it is afterwards.

use crate::callers::{Caller, Role};
use crate::cases::{CasePath, seen};
use crate::extract::{Checked, IdempotencyKey};
use crate::matters::MatterPath;
use crate::problem::Problem;
use crate::records::CaseBody;
use crate::{App, now};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use onething_contract::Material;
use onething_engine::{Case, Error, HandIn, Submitted};
use onething_store::Idempotency;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// Why a case is taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withdrawal {
    /// In the filer's words.
    reason: String,
}

/// Hands in a submission. It becomes a case, or nothing is registered and every finding comes back.
///
/// The same request under the same key makes one case, however often it is sent. Lets in: a platform;
/// a clerk for its own unit.
#[utoipa::path(
    post,
    path = "/v1/matters/{matter}/cases",
    tag = "cases",
    params(
        MatterPath,
        ("Idempotency-Key" = String, Header, description = "One for each submission: 1 to 255 visible ASCII characters."),
    ),
    request_body = HandIn,
    responses(
        (status = 201, description = "Received (收件).", body = CaseBody, headers(("Location" = String, description = "The case."))),
        (status = 200, description = "The same request came before and made this case.", body = CaseBody),
        (status = 404, description = "There is no such matter."),
        (status = 409, description = "Another case has this one's unique key, or the form is out of date."),
        (status = 413, description = "The submission is too large."),
        (status = 422, description = "Refused: `findings` and `missing` say everything that is wrong. Or the key was used for another request."),
    ),
)]
pub(crate) async fn submit(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<MatterPath>>,
    IdempotencyKey(key): IdempotencyKey,
    Checked(Json(hand_in)): Checked<Json<HandIn>>,
) -> Result<Response, Problem> {
    caller.must_file_for(&hand_in.filer)?;
    let idempotency = idempotency(&caller, key, &(&path.matter, &hand_in))?;
    let came_out = app
        .engine
        .submit(
            &path.matter,
            hand_in,
            caller.name(),
            Some(idempotency),
            now(),
        )
        .await?;
    submitted(&app, came_out).await
}

/// Hands in the next round of a case that waits for a correction (补正).
///
/// Lets in: the caller that handed the case in; a clerk for its own unit.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/rounds",
    tag = "cases",
    params(CasePath),
    request_body = HandIn,
    responses(
        (status = 200, description = "The case goes on in its next round.", body = CaseBody),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 410, description = "The case was erased: nobody can read it any more."),
        (status = 409, description = "The case does not wait for a correction; `current` says how it stands."),
        (status = 413, description = "The submission is too large."),
        (status = 422, description = "Refused: `findings` and `missing` say everything that is wrong."),
    ),
)]
pub(crate) async fn correct(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
    Checked(Json(hand_in)): Checked<Json<HandIn>>,
) -> Result<Json<CaseBody>, Problem> {
    filed(&app, &caller, &path.id).await?;
    caller.must_file_for(&hand_in.filer)?;
    let corrected = app
        .engine
        .correct(&path.id, hand_in, caller.name(), now())
        .await;
    match corrected {
        Ok(Submitted::Refused(assessment)) => Err(Problem::refused(assessment)),
        Ok(Submitted::Registered { .. }) => {
            answered(&app, &path.id, app.engine.case(&path.id).await).await
        }
        Err(error) => answered(&app, &path.id, Err(error)).await,
    }
}

/// Takes a case back.
///
/// Lets in: the caller that handed it in.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/withdrawal",
    tag = "cases",
    params(CasePath),
    request_body = Withdrawal,
    responses(
        (status = 200, description = "It is withdrawn.", body = CaseBody),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 410, description = "The case was erased: nobody can read it any more."),
        (status = 409, description = "It is over already; `current` says how it stands."),
    ),
)]
pub(crate) async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
    Checked(Json(withdrawal)): Checked<Json<Withdrawal>>,
) -> Result<Json<CaseBody>, Problem> {
    filed(&app, &caller, &path.id).await?;
    let by = caller.person();
    let case = app
        .engine
        .withdraw(&path.id, by, &withdrawal.reason, now())
        .await;
    answered(&app, &path.id, case).await
}

/// Hands in a material that was promised (容缺).
///
/// Lets in: the caller that handed the case in.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/materials",
    tag = "cases",
    params(CasePath),
    request_body = Material,
    responses(
        (status = 200, description = "The material is there.", body = CaseBody),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 410, description = "The case was erased: nobody can read it any more."),
        (status = 409, description = "The case does not wait for it; `current` says how it stands."),
        (status = 422, description = "It comes without proof, or its file is not stored here."),
    ),
)]
pub(crate) async fn supply(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
    Checked(Json(material)): Checked<Json<Material>>,
) -> Result<Json<CaseBody>, Problem> {
    filed(&app, &caller, &path.id).await?;
    let case = app.engine.supply(&path.id, material, now()).await;
    answered(&app, &path.id, case).await
}

/// Lets a case go on that a fault of its bundle has parked.
///
/// Lets in: an operator.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/resume",
    tag = "host",
    params(CasePath),
    responses(
        (status = 200, description = "It goes on; `parked` says whether it is parked again.", body = CaseBody),
        (status = 404, description = "There is no such case."),
        (status = 410, description = "The case was erased: nobody can read it any more."),
        (status = 409, description = "It is not parked; `current` says how it stands."),
    ),
)]
pub(crate) async fn resume(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
) -> Result<Json<CaseBody>, Problem> {
    caller.must_be(&[Role::Operator])?;
    let case = app.engine.resume(&path.id, caller.person(), now()).await;
    answered(&app, &path.id, case).await
}

/// What makes the same request, sent twice, one case.
pub(crate) fn idempotency(
    caller: &Caller,
    key: String,
    request: &impl Serialize,
) -> Result<Idempotency, Problem> {
    let request = serde_json::to_vec(request).map_err(|_| Problem::internal())?;
    Ok(Idempotency {
        caller: caller.name().to_owned(),
        key,
        request_sha256: hex::encode(Sha256::digest(request)),
    })
}

/// The case that a submission became, or everything that is wrong with it.
pub(crate) async fn submitted(app: &App, came_out: Submitted) -> Result<Response, Problem> {
    match came_out {
        Submitted::Refused(assessment) => Err(Problem::refused(assessment)),
        Submitted::Registered { case_id, earlier } => {
            let case = CaseBody::new(app.engine.case(&case_id).await?, &app.engine);
            let status = if earlier {
                StatusCode::OK
            } else {
                StatusCode::CREATED
            };
            let location = [(header::LOCATION, format!("/v1/cases/{case_id}"))];
            Ok((status, location, Json(case)).into_response())
        }
    }
}

/// What a command led to; where it came too late, how the case stands instead.
pub(crate) async fn answered(
    app: &App,
    id: &str,
    case: Result<Case, Error>,
) -> Result<Json<CaseBody>, Problem> {
    let problem = match case {
        Ok(case) => return Ok(Json(CaseBody::new(case, &app.engine))),
        Err(error) => Problem::from(error),
    };
    match app.engine.case(id).await {
        Ok(case) => Err(problem.on(&case.state)),
        Err(_) => Err(problem),
    }
}

/// Lets in the caller that handed the case in.
pub(crate) async fn filed(app: &App, caller: &Caller, id: &str) -> Result<(), Problem> {
    caller.must_have_filed(&seen(app, caller, id).await?.state)
}
