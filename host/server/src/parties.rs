//! What others than the filer and the offices do: parties sign, the public reads notices (公示) and
//! objects to them.

use crate::App;
use crate::callers::{Caller, Role};
use crate::cases::{CasePath, rows, seen};
use crate::commands::answered;
use crate::extract::Checked;
use crate::now;
use crate::offices::{StepPath, address, task_key};
use crate::problem::Problem;
use crate::records::CaseBody;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use onething_contract::{Objection, Text};
use onething_engine::{Sign, Unsign};
use onething_store::TaskRow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What somebody has against a notice.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectionAsked {
    /// Who objects, by name.
    by: String,
    /// In their own words.
    text: String,
}

/// A page of public notices.
#[derive(Serialize, ToSchema)]
pub(crate) struct NoticeList {
    notices: Vec<NoticeBody>,
    /// Given as `after` it brings the next page; absent on the last.
    next: Option<String>,
}

/// What is published while a step is open.
#[derive(Serialize, ToSchema)]
pub(crate) struct NoticeBody {
    case_id: String,
    step: String,
    text: Text,
    /// Of so many working days, counted from the day after.
    days: u16,
    since: String,
    /// When it is over; absent where the working days of a year on the way are not published yet.
    due: Option<String>,
    /// Somebody has objected: the office decides.
    objected: bool,
}

/// Which notices.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichNotices {
    /// The `next` of the page before.
    after: Option<String>,
    /// How many, 1 to 500; 100 where it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A party signs what was handed in. With the last signature it counts as filed.
///
/// Lets in: the caller that handed the case in, who vouches that it is the party.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/signatures",
    tag = "cases",
    params(CasePath),
    request_body = Sign,
    responses(
        (status = 200, description = "It is signed.", body = CaseBody),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 409, description = "The case does not wait for this signature, or another round was looked at; `current` says how it stands."),
        (status = 422, description = "The submission names no such party."),
    ),
)]
pub(crate) async fn sign(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
    Checked(Json(asked)): Checked<Json<Sign>>,
) -> Result<Json<CaseBody>, Problem> {
    caller.must_have_filed(&seen(&app, &caller, &path.id).await?.state)?;
    let by = caller.person();
    let case = app.engine.sign(&path.id, &asked, by, now()).await;
    answered(&app, &path.id, case).await
}

/// A party takes the signature back, before everybody has signed.
///
/// Lets in: the caller that handed the case in, who vouches that it is the party.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/signatures/revoke",
    tag = "cases",
    params(CasePath),
    request_body = Unsign,
    responses(
        (status = 200, description = "It is taken back.", body = CaseBody),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 409, description = "There is no signature to take back now; `current` says how the case stands."),
        (status = 422, description = "The submission names no such party."),
    ),
)]
pub(crate) async fn unsign(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
    Checked(Json(asked)): Checked<Json<Unsign>>,
) -> Result<Json<CaseBody>, Problem> {
    caller.must_have_filed(&seen(&app, &caller, &path.id).await?.state)?;
    let by = caller.person();
    let case = app.engine.unsign(&path.id, &asked, by, now()).await;
    answered(&app, &path.id, case).await
}

/// The notices that run now. They hold what is published and nothing else of their cases.
///
/// Lets in: anybody.
#[utoipa::path(
    get,
    path = "/v1/public-notices",
    tag = "cases",
    security(()),
    params(WhichNotices),
    responses(
        (status = 200, description = "A page, by case and step.", body = NoticeList),
        (status = 400, description = "The request is not well formed: the parameter is named."),
    ),
)]
pub(crate) async fn list_notices(
    State(app): State<App>,
    Checked(Query(which)): Checked<Query<WhichNotices>>,
) -> Result<Json<NoticeList>, Problem> {
    let after = which.after.as_deref().map(task_key).transpose()?;
    let limit = rows(which.limit);
    let tasks = app.engine.store().published(after.as_ref(), limit).await?;
    let last = tasks.last().map(address);
    Ok(Json(NoticeList {
        next: last.filter(|_| tasks.len() == limit as usize),
        notices: tasks.into_iter().filter_map(NoticeBody::new).collect(),
    }))
}

/// Somebody objects to a public notice (异议): its office decides then, not the end of the period.
///
/// Lets in: a platform, for whoever objects.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/steps/{step}/objections",
    tag = "cases",
    params(StepPath),
    request_body = ObjectionAsked,
    responses(
        (status = 201, description = "The office has it.", body = Objection),
        (status = 404, description = "No such notice runs."),
        (status = 422, description = "It does not say who objects, or to what."),
    ),
)]
pub(crate) async fn object(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<StepPath>>,
    Checked(Json(asked)): Checked<Json<ObjectionAsked>>,
) -> Result<(StatusCode, Json<Objection>), Problem> {
    caller.must_be(&[Role::Platform])?;
    let unknown = || Problem::unknown("notice", "公示", &format!("{}/{}", path.id, path.step));
    // Whoever objects sees the notice and nothing of the case.
    let case = match app.engine.case(&path.id).await {
        Err(onething_engine::Error::Unknown { .. }) => return Err(unknown()),
        case => case?,
    };
    let mut notices = case.state.notices();
    if !notices.any(|running| running.step.step.id == path.step) {
        return Err(unknown());
    }
    let (id, step) = (&path.id, &path.step);
    let case = app
        .engine
        .object(id, step, &asked.by, &asked.text, now())
        .await?;
    let mut objections = case.state.objections.into_iter().rev();
    let objection = objections
        .find(|objection| objection.step == path.step)
        .ok_or_else(Problem::internal)?;
    Ok((StatusCode::CREATED, Json(objection)))
}

impl NoticeBody {
    fn new(task: TaskRow) -> Option<Self> {
        let row = task.notice?;
        Some(Self {
            case_id: task.case_id,
            step: task.step,
            text: row.notice.text,
            days: row.notice.days,
            since: task.opened_at,
            due: row.due,
            objected: row.objected,
        })
    }
}
