//! What can go wrong when a case is driven.

use crate::drive;
use onething_contract::{Finding, Refusal, Text};

/// Why nothing was done. A [`Error::Refused`] is the domain's "no"; everything else is a failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A "no" with its reason.
    #[error("{}: {}", .0.code, .0.message.en)]
    Refused(Refusal),
    /// A budget has not what the case wants of it.
    #[error("{}: {}", .0.code, .0.message.en)]
    NoMoney(Box<Finding>),
    /// There is no such thing, or it is none of the caller's.
    #[error("there is no {what} `{name}`")]
    Unknown {
        /// Of what kind.
        what: &'static str,
        /// The name that was given.
        name: String,
    },
    /// The bundle failed, or asked for what it may not.
    #[error("the bundle failed")]
    Bundle(#[source] drive::Error),
    /// A bundle that was deployed does not load on this host.
    #[error("the bundle {digest} does not load on this host")]
    NotLoaded {
        /// Which.
        digest: String,
        /// Why not.
        #[source]
        source: Box<onething_runtime::LoadError>,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] onething_store::Error),
    /// Another writer was always faster.
    #[error("case {0} is written to by others all the time; try again")]
    Busy(String),
    /// A capability could not do its work now.
    #[error("effect {ticket} could not be carried out")]
    Effect {
        /// Its ticket.
        ticket: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An outreach run cannot go on.
    #[error(
        "outreach stopped at subjects {from} to {to} of {register}; the same run goes on there"
    )]
    Stopped {
        /// The register.
        register: String,
        /// Counted from 1.
        from: u64,
        /// The last of the batch.
        to: u64,
        /// Why.
        #[source]
        source: Box<Error>,
    },
    /// A blocking task was cancelled.
    #[error("the work was cancelled")]
    Cancelled,
}

impl Error {
    /// A refusal of the host's own.
    pub(crate) fn refused(code: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Refused(Refusal {
            code: code.to_owned(),
            message: Text {
                zh: zh.into(),
                en: en.into(),
            },
            basis: None,
        })
    }
}

impl From<drive::Error> for Error {
    fn from(error: drive::Error) -> Self {
        match error {
            drive::Error::Case(onething_case::Error::Refused(refusal)) => Self::Refused(refusal),
            error => Self::Bundle(error),
        }
    }
}

impl From<onething_case::Error> for Error {
    fn from(error: onething_case::Error) -> Self {
        drive::Error::from(error).into()
    }
}

impl From<onething_case::HistoryError> for Error {
    fn from(error: onething_case::HistoryError) -> Self {
        drive::Error::from(error).into()
    }
}

/// An error with everything that caused it, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
