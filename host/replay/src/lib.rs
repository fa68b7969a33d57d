//! Replay: a fixture is a case written down as data (what registers say, what is handed in, who
//! decides what and when), with what it must come to beside it. [`Suite::check`] runs it against
//! the real bundle in memory and compares.
//!
//! Everything about a case is as in a live host (the sandbox, the case engine, the checks of a
//! command), but for four things that a fixture settles itself: registers and parameters are what it
//! says, budgets have what it says, effects come out as it says, and it is whatever time it says. This crate refuses to
//! know: stores, keys, HTTP, the clock of the machine, and the rules of any matter.

mod bundle;
mod check;
mod commands;
mod error;
mod fixture;
mod follow;
mod run;
mod surprise;
mod transcript;
mod warm;
mod world;

pub use bundle::{FIXTURES_MAX, Report, check_bundle};
pub use check::{Checked, Problem, find};
pub use error::{Error, in_words};
pub use fixture::{Fixture, Malformed};
pub use run::Replayed;
pub use surprise::Surprise;
pub use transcript::{HandedIn, Told, Transcript};

use onething_capabilities::Parameters;
use onething_engine::{Bundles, Executor};
use std::sync::Arc;
use warm::Warm;

/// What fixtures run against.
#[derive(Clone)]
pub struct Suite {
    bundles: Bundles,
    parameters: Arc<Parameters>,
    /// Whose second run must leave the same bytes.
    again: Again,
}

/// How a fixture is run a second time.
#[derive(Clone)]
pub(crate) enum Again {
    /// In instances that stay: engines elsewhere reuse theirs.
    Warm(Arc<Warm>),
    /// By that executor.
    By(Arc<dyn Executor>),
}

impl Suite {
    /// Over the bundles and the published parameters of a deployment.
    pub fn new(bundles: Bundles, parameters: impl Into<Arc<Parameters>>) -> Self {
        Self {
            bundles,
            parameters: parameters.into(),
            again: Again::Warm(Arc::default()),
        }
    }

    /// The same, run a second time by an executor, which must come to the same bytes.
    #[must_use]
    pub fn again_by(self, executor: Arc<dyn Executor>) -> Self {
        let again = Again::By(executor);
        Self { again, ..self }
    }
}
