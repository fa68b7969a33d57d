//! Why a fixture cannot be run.

use onething_contract::Refusal;
use onething_engine::drive;

/// How often a bundle may answer and effects may settle after one command. A case has a few dozen.
pub(crate) const TURNS_MAX: usize = 1_000;

/// Why a fixture could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No bundle for it.
    #[error(
        "no bundle of the matter `{matter}` is valid on {day}; `onething bundle build` makes it"
    )]
    NoBundle {
        /// The matter.
        matter: String,
        /// The legal date, or the day of filing.
        day: String,
    },
    /// A second case.
    #[error("a fixture is one case, and this one is registered already; `correct` hands in again")]
    SecondCase,
    /// The bundle does not come to an end.
    #[error("after {TURNS_MAX} turns of the bundle and its effects there is still something to do")]
    NeverQuiet,
    /// The bank is asked about nothing, or about a line that no payment has.
    #[error("no payment that is out has {what}; a payment is out under `bank = \"manual\"`")]
    NotOut {
        /// What the timeline names.
        what: String,
    },
    /// Nothing is registered that could be decided.
    #[error("there is no case yet to ask this of")]
    NoCase,
    /// The bundle refuses the prefill.
    #[error("the bundle refuses to prefill, {}: {}", .0.code, .0.message.en)]
    Prefill(Refusal),
    /// What the bundle says is no JSON.
    #[error("the bundle's {what} is not JSON")]
    Json {
        /// Of what.
        what: String,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// The bundle failed.
    #[error(transparent)]
    Drive(#[from] drive::Error),
    /// A check of the host failed.
    #[error(transparent)]
    Engine(#[from] onething_engine::Error),
}

impl From<onething_case::HistoryError> for Error {
    fn from(error: onething_case::HistoryError) -> Self {
        Self::Drive(error.into())
    }
}

/// An error with everything that caused it, each said once.
pub fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !words.ends_with(&said) {
            words.push_str(": ");
            words.push_str(&said);
        }
        cause = error.source();
    }
    words
}
