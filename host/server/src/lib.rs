//! The HTTP API under `/v1`, and the workers beside it.
//!
//! A request is let in by its bearer token ([`Callers`]), kept within limits, handed to the engine
//! and answered, or refused as a problem (RFC 9457) in Chinese and English. Everything is described
//! by [`openapi`], of which a copy is committed beside this crate.
//!
//! It knows no rule of a case and no SQL: what may happen the engine decides, and what is listed the
//! store has ready. It keeps no sessions. TLS is the business of the proxy before it.

mod admission;
mod afterwards;
mod bundles;
mod callers;
mod cases;
mod clocks;
mod commands;
mod documents;
mod effects;
mod extract;
mod functions;
mod health;
mod limits;
mod live;
mod materials;
mod matters;
mod metrics;
mod money;
mod offices;
mod openapi;
mod outreach;
mod parties;
mod problem;
mod records;
mod serve;
#[cfg(test)]
mod tests;

pub use callers::{Callers, CallersError, Sample};
pub use serve::{ServeError, serve};

use axum::Router;
use chrono::{DateTime, FixedOffset, Utc};
use onething_engine::Engine;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// The whole API, as a service. Effects are carried out by [`serve`]'s workers, or by whoever calls
/// [`Engine::work`].
pub fn router(engine: Engine, callers: Callers) -> Router {
    App::new(engine, callers).router()
}

/// The description of the API, OpenAPI 3.1.
pub fn openapi() -> utoipa::openapi::OpenApi {
    openapi::describe(
        openapi::operations()
            .merge(openapi::beside())
            .into_openapi(),
    )
}

/// What every handler has at hand.
#[derive(Clone)]
struct App {
    engine: Engine,
    callers: Callers,
    load: Arc<admission::Load>,
    live: Arc<live::Live>,
    /// True once the host has been asked to stop.
    stopping: Arc<watch::Sender<bool>>,
    /// For whoever checks an uploaded bundle: it takes a processor for a while.
    checks: Arc<Semaphore>,
}

impl App {
    fn new(engine: Engine, callers: Callers) -> Self {
        Self {
            engine,
            callers,
            load: Arc::new(admission::Load::new()),
            live: Arc::new(live::Live::new()),
            stopping: Arc::new(watch::Sender::new(false)),
            checks: Arc::new(Semaphore::new(limits::CHECKS_MAX)),
        }
    }

    fn router(&self) -> Router {
        let (routes, _) = openapi::operations().split_for_parts();
        let (beside, _) = openapi::beside().split_for_parts();
        let keep = axum::middleware::from_fn_with_state(self.clone(), admission::keep);
        routes
            .fallback(openapi::unknown_path)
            .method_not_allowed_fallback(openapi::unknown_method)
            .layer(axum::extract::DefaultBodyLimit::max(limits::BODY_BYTES_MAX))
            .layer(keep)
            .merge(beside)
            .with_state(self.clone())
    }
}

/// The machine's time; the engine keeps it in China's offset.
fn now() -> DateTime<FixedOffset> {
    Utc::now().fixed_offset()
}
