//! Whether the process is alive, and whether it should be sent requests. Both are asked without a
//! token and answer while the host is full.

use crate::App;
use crate::limits::READY_TIME_MAX;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The process is alive.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
}

/// Whether the host takes requests.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ready` or `not-ready`.
    status: &'static str,
    /// What is missing: `store` does not answer, no `bundles` are loaded, the host is `stopping`.
    missing: Vec<&'static str>,
}

/// Whether the process is alive. It asks nothing of the store.
///
/// Lets in: anybody.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "host",
    security(()),
    responses((status = 200, description = "It is alive.", body = Health)),
)]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether requests should be sent here.
///
/// Lets in: anybody.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "host",
    security(()),
    responses(
        (status = 200, description = "They should.", body = Readiness),
        (status = 503, description = "They should not: `missing` says why.", body = Readiness),
    ),
)]
pub(crate) async fn readyz(State(app): State<App>) -> (StatusCode, Json<Readiness>) {
    let mut missing = Vec::new();
    missing.extend(missing_of_store(&app).await);
    if app.engine.bundles().iter().next().is_none() {
        missing.push("bundles");
    }
    if *app.stopping.borrow() {
        missing.push("stopping");
    }
    let (code, status) = if missing.is_empty() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not-ready")
    };
    (code, Json(Readiness { status, missing }))
}

async fn missing_of_store(app: &App) -> Option<&'static str> {
    match tokio::time::timeout(READY_TIME_MAX, app.engine.store().ping()).await {
        Ok(Ok(())) => None,
        Ok(Err(error @ onething_store::Error::Vault(_))) => {
            tracing::error!(%error, "the master key that wraps is not here");
            Some("master-key")
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "the store does not answer");
            Some("store")
        }
        Err(_) => {
            tracing::error!("the store does not answer in time");
            Some("store")
        }
    }
}
