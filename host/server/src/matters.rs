//! What can be handed in here, and its form.

use crate::callers::{Caller, Role};
use crate::extract::Checked;
use crate::problem::Problem;
use crate::records::{FormBody, MatterBody, MatterEntry, MatterList, PrefillBody};
use crate::{App, now};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use chrono::NaiveDate;
use onething_contract::manifest::Guide;
use onething_contract::{Assessment, Filer, Subject};
use onething_engine::{HandIn, stamp};
use onething_runtime::Bundle;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// A matter in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct MatterPath {
    /// The name of the matter.
    pub(crate) matter: String,
}

/// Which version of a matter.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnDay {
    /// The day whose law applies, `2025-01-06`; today where it is not given.
    #[param(value_type = Option<String>, format = Date)]
    on: Option<NaiveDate>,
}

/// Whom a form is filled in for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prefill {
    /// Whom the matter is about.
    subject: Subject,
    /// Who will hand it in.
    filer: Filer,
    /// Where, a GB/T 2260 code.
    region: String,
    /// What the registers are asked for; they may keep it.
    purpose: String,
}

/// The matters that can be handed in.
///
/// Lets in: any caller.
#[utoipa::path(
    get,
    path = "/v1/matters",
    tag = "matters",
    responses((status = 200, description = "Every version of every matter.", body = MatterList)),
)]
pub(crate) async fn list_matters(State(app): State<App>, _: Caller) -> Json<MatterList> {
    let bundles = app.engine.bundles();
    let matters = bundles.iter().map(MatterEntry::new);
    Json(MatterList {
        matters: matters.collect(),
    })
}

/// A matter: its scenarios, materials, offices, promise, and what the merge of forms achieved.
///
/// Lets in: any caller.
#[utoipa::path(
    get,
    path = "/v1/matters/{matter}",
    tag = "matters",
    params(MatterPath, OnDay),
    responses(
        (status = 200, description = "The version of that day.", body = MatterBody),
        (status = 404, description = "There is no such matter, or no version of it that day."),
    ),
)]
pub(crate) async fn get_matter(
    State(app): State<App>,
    _: Caller,
    Checked(Path(path)): Checked<Path<MatterPath>>,
    Checked(Query(day)): Checked<Query<OnDay>>,
) -> Result<Json<MatterBody>, Problem> {
    Ok(Json(MatterBody::new(&version(&app, &path.matter, &day)?)))
}

/// The service guide (办事指南) of a matter.
///
/// Lets in: any caller.
#[utoipa::path(
    get,
    path = "/v1/matters/{matter}/guide",
    tag = "matters",
    params(MatterPath, OnDay),
    responses(
        (status = 200, description = "The guide of that day.", body = Guide),
        (status = 404, description = "There is no such matter, or no version of it that day."),
    ),
)]
pub(crate) async fn get_guide(
    State(app): State<App>,
    _: Caller,
    Checked(Path(path)): Checked<Path<MatterPath>>,
    Checked(Query(day)): Checked<Query<OnDay>>,
) -> Result<Json<Guide>, Problem> {
    let bundle = version(&app, &path.matter, &day)?;
    Ok(Json(bundle.manifest().guide.clone()))
}

/// The merged form of a matter: its fields, the elements behind them, the JSON Schema of the answers.
///
/// Lets in: any caller.
#[utoipa::path(
    get,
    path = "/v1/matters/{matter}/form",
    tag = "matters",
    params(MatterPath, OnDay),
    responses(
        (status = 200, description = "The form of that day.", body = FormBody),
        (status = 404, description = "There is no such matter, or no version of it that day."),
    ),
)]
pub(crate) async fn get_form(
    State(app): State<App>,
    _: Caller,
    Checked(Path(path)): Checked<Path<MatterPath>>,
    Checked(Query(day)): Checked<Query<OnDay>>,
) -> Result<Json<FormBody>, Problem> {
    let bundle = version(&app, &path.matter, &day)?;
    Ok(Json(FormBody::new(bundle.manifest())))
}

/// What registers already know, each value with its source, its age and who may change it.
///
/// Nothing is kept. Lets in: a platform; a clerk for its own unit.
#[utoipa::path(
    post,
    path = "/v1/matters/{matter}/prefill",
    tag = "matters",
    params(MatterPath),
    request_body = Prefill,
    responses(
        (status = 200, description = "The values, for the version valid today.", body = PrefillBody),
        (status = 404, description = "There is no such matter."),
        (status = 422, description = "The bundle refuses, and says why."),
    ),
)]
pub(crate) async fn prefill(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<MatterPath>>,
    Checked(Json(asked)): Checked<Json<Prefill>>,
) -> Result<Json<PrefillBody>, Problem> {
    caller.must_be(&[Role::Platform, Role::Clerk])?;
    caller.must_file_for(&asked.filer)?;
    let Prefill {
        subject,
        filer,
        region,
        purpose,
    } = asked;
    let form = app
        .engine
        .prefill(&path.matter, filer, subject, &region, purpose, now())
        .await?;
    Ok(Json(PrefillBody::new(&form.manifest, form.values)))
}

/// Everything that would be found of a submission handed in now, errors among it.
///
/// Nothing is kept. Lets in: a platform; a clerk for its own unit.
#[utoipa::path(
    post,
    path = "/v1/matters/{matter}/assess",
    tag = "matters",
    params(MatterPath),
    request_body = HandIn,
    responses(
        (status = 200, description = "What was found; a finding of severity `error`, or a missing material, would refuse it.", body = Assessment),
        (status = 404, description = "There is no such matter."),
        (status = 409, description = "The form is out of date."),
        (status = 413, description = "The submission is too large."),
        (status = 422, description = "It is none that a bundle could look at: the member is named."),
    ),
)]
pub(crate) async fn assess(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<MatterPath>>,
    Checked(Json(hand_in)): Checked<Json<HandIn>>,
) -> Result<Json<Assessment>, Problem> {
    caller.must_file_for(&hand_in.filer)?;
    let assessment = app.engine.assess(&path.matter, hand_in, now()).await?;
    Ok(Json(assessment))
}

fn version(app: &App, matter: &str, day: &OnDay) -> Result<Bundle, Problem> {
    let bundles = app.engine.bundles();
    if bundles.newest(matter).is_none() {
        return Err(Problem::unknown("matter", "事项", matter));
    }
    let today = || stamp(now()).chars().take("2025-01-06".len()).collect();
    let day = day.on.map_or_else(today, |day| day.to_string());
    bundles.on(matter, &day).cloned().ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "no-version",
            format!("事项 {matter} 没有在 {day} 有效的版本"),
            format!("no version of the matter {matter} is valid on {day}"),
        )
    })
}
