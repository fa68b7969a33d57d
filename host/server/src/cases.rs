//! Cases to look at. A case that the caller may not see is one that there is not.

use crate::App;
use crate::callers::{Caller, Role};
use crate::extract::Checked;
use crate::limits::ROWS_DEFAULT;
use crate::problem::Problem;
use crate::records::{CaseBody, CaseList, EventList, Receipt};
use axum::Json;
use axum::extract::{Path, Query, State};
use onething_engine::Case;
use onething_store::{CaseFilter, ROWS_MAX};
use serde::Deserialize;
use utoipa::IntoParams;

/// A case in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct CasePath {
    /// The id of the case.
    pub(crate) id: String,
}

/// Which cases. Not by subject: an identifier does not belong into addresses, which are logged.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichCases {
    /// A GB/T 2260 code.
    region: Option<String>,
    /// The name of the matter.
    matter: Option<String>,
    /// `signing`, `acceptance`, `correction`, `examination`, `completed`, `rejected`, `not-accepted`,
    /// `not-competent` or `withdrawn`.
    status: Option<String>,
    /// Held up by a fault of the bundle, or not.
    parked: Option<bool>,
    /// The `next` of the page before.
    after: Option<String>,
    /// How many, 1 to 500; 100 where it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Which events.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichEvents {
    /// Those after this number.
    #[serde(default)]
    after: u64,
    /// How many, 1 to 500; 100 where it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// The cases that the caller handed in; an operator's list has all of them.
///
/// Lets in: a platform, a clerk, an operator. An officer finds its work under `/v1/tasks`.
#[utoipa::path(
    get,
    path = "/v1/cases",
    tag = "cases",
    params(WhichCases),
    responses((status = 200, description = "A page, by id.", body = CaseList)),
)]
pub(crate) async fn list_cases(
    State(app): State<App>,
    caller: Caller,
    Checked(Query(which)): Checked<Query<WhichCases>>,
) -> Result<Json<CaseList>, Problem> {
    caller.must_be(&[Role::Platform, Role::Clerk, Role::Operator])?;
    let filter = CaseFilter {
        region: which.region,
        matter: which.matter,
        status: which.status,
        parked: which.parked,
        submitted_by: (!caller.has(Role::Operator)).then(|| caller.name().to_owned()),
        after: which.after,
        ..CaseFilter::default()
    };
    let limit = rows(which.limit);
    let rows = app.engine.store().cases(&filter, limit).await?;
    let next = (rows.len() == limit as usize).then(|| rows.last().map(|row| row.id.clone()));
    Ok(Json(CaseList {
        next: next.flatten(),
        cases: rows.into_iter().map(Into::into).collect(),
    }))
}

/// A case as it stands: status, submission, steps with their decisions, effects.
///
/// Lets in: the caller that handed it in, officers of its steps, an operator.
#[utoipa::path(
    get,
    path = "/v1/cases/{id}",
    tag = "cases",
    params(CasePath),
    responses(
        (status = 200, description = "As of its last event.", body = CaseBody),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 410, description = "The case was erased: nobody can read it any more."),
    ),
)]
pub(crate) async fn get_case(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
) -> Result<Json<CaseBody>, Problem> {
    let case = seen(&app, &caller, &path.id).await?;
    Ok(Json(CaseBody::new(case, &app.engine)))
}

/// Everything that happened to a case, in order.
///
/// Lets in: the caller that handed it in, officers of its steps, an operator.
#[utoipa::path(
    get,
    path = "/v1/cases/{id}/events",
    tag = "cases",
    params(CasePath, WhichEvents),
    responses(
        (status = 200, description = "A page of events.", body = EventList),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 410, description = "The case was erased: nobody can read it any more."),
    ),
)]
pub(crate) async fn list_events(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
    Checked(Query(which)): Checked<Query<WhichEvents>>,
) -> Result<Json<EventList>, Problem> {
    let events = seen(&app, &caller, &path.id).await?.events;
    let mut events: Vec<_> = events
        .into_iter()
        .skip_while(|recorded| recorded.n <= which.after)
        .collect();
    let limit = rows(which.limit) as usize;
    let is_last = events.len() <= limit;
    events.truncate(limit);
    let last = events.last().map(|recorded| recorded.n);
    Ok(Json(EventList {
        next: last.filter(|_| !is_last),
        events,
    }))
}

/// The receipt of a case: when it was received, accepted and ended, with the documents it led to.
///
/// Lets in: the caller that handed it in, officers of its steps, an operator.
#[utoipa::path(
    get,
    path = "/v1/cases/{id}/receipt",
    tag = "cases",
    params(CasePath),
    responses(
        (status = 200, description = "The receipt as of now.", body = Receipt),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
        (status = 410, description = "The case was erased: nobody can read it any more."),
    ),
)]
pub(crate) async fn get_receipt(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
) -> Result<Json<Receipt>, Problem> {
    let state = seen(&app, &caller, &path.id).await?.state;
    let documents = app.engine.store().documents(&state.id).await?;
    let bundle = app.engine.pinned(&state.digest).await.ok();
    let manifest = bundle.as_ref().map(|bundle| bundle.manifest().as_ref());
    Ok(Json(Receipt::new(state, manifest, documents)))
}

/// A case, where the caller may see it.
pub(crate) async fn seen(app: &App, caller: &Caller, id: &str) -> Result<Case, Problem> {
    let case = app.engine.case(id).await?;
    if caller.sees(&case.state) {
        Ok(case)
    } else {
        Err(Problem::unknown("case", "办件", id))
    }
}

/// How many rows a page has.
pub(crate) fn rows(asked: Option<u32>) -> u32 {
    asked.unwrap_or(ROWS_DEFAULT).clamp(1, ROWS_MAX)
}
