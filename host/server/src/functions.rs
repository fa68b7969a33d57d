//! Function apps that are in quarantine, and how an operator lets one answer again.

use crate::App;
use crate::callers::{Caller, Role};
use crate::extract::Checked;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use onething_engine::Quarantine;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A matter in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct AppPath {
    /// The matter whose bundle the app runs.
    matter: String,
}

/// The function apps that this host does not ask.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuarantineList {
    apps: Vec<Quarantine>,
}

/// The function apps that this host does not ask, since they answered otherwise than the bundle.
///
/// Their bundles run in the host meanwhile. Each host knows its own. Lets in: an operator.
#[utoipa::path(
    get,
    path = "/v1/function-apps",
    tag = "host",
    responses((status = 200, description = "Those in quarantine, and why.", body = QuarantineList)),
)]
pub(crate) async fn list_quarantined_apps(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<QuarantineList>, Problem> {
    caller.must_be(&[Role::Operator])?;
    let apps = app.engine.quarantined_apps();
    Ok(Json(QuarantineList { apps }))
}

/// Lets the function app of a matter answer again.
///
/// Once it was mended; what is wrong with it is found out again. Lets in: an operator.
#[utoipa::path(
    post,
    path = "/v1/function-apps/{matter}/release",
    tag = "host",
    params(AppPath),
    responses((status = 204, description = "It is asked again.")),
)]
pub(crate) async fn release_app(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<AppPath>>,
) -> Result<StatusCode, Problem> {
    caller.must_be(&[Role::Operator])?;
    app.engine.release_app(&path.matter)?;
    Ok(StatusCode::NO_CONTENT)
}
