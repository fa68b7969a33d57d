//! What can go wrong when a case is driven.

use crate::drive;
use onething_contract::{Finding, Refusal, Text};
use onething_remote::Unavailable;
use onething_runtime::Fault;

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
    /// The bundle runs as a function app, which does not answer: try again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
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
    /// Whoever carried it out stood still for too long: another has it.
    #[error("effect {ticket} is another worker's by now")]
    Overtaken {
        /// Its ticket.
        ticket: String,
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
    /// Too many wait for the sandbox: come back later.
    #[error("too many requests wait for the sandbox")]
    Overloaded,
    /// A blocking task was cancelled.
    #[error("the work was cancelled")]
    Cancelled,
}

impl Error {
    /// The error for the log, with its causes and without anybody's data.
    #[must_use]
    pub fn in_log(&self) -> String {
        chain(self)
    }

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
            drive::Error::Unavailable(error) => Self::Unavailable(error),
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

/// An error with what caused it, for the log: the operations that failed and the names of refusals
/// and faults. What a bundle, a register or a record said is left out, for it may name a person.
pub(crate) fn chain(error: &Error) -> String {
    match error {
        Error::Refused(refusal) => format!("refused: {}", refusal.code),
        Error::NoMoney(finding) => format!("refused: {}", finding.code),
        Error::Unknown { what, .. } => format!("there is no such {what}"),
        Error::Bundle(error) => format!("the bundle failed: {}", of_bundle(error)),
        Error::Store(error) => of_store(error),
        Error::Effect { source, .. } => match io_kind(source.as_ref()) {
            Some(kind) => format!("{error}: {kind}"),
            None => error.to_string(),
        },
        Error::NotLoaded { .. } => causes(error),
        Error::Stopped { source, .. } => format!("{error}: {}", chain(source)),
        Error::Busy(_)
        | Error::Overtaken { .. }
        | Error::Unavailable(_)
        | Error::Overloaded
        | Error::Cancelled => error.to_string(),
    }
}

/// An error with everything that caused it, on one line: where none of it can name a person.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn of_bundle(error: &drive::Error) -> String {
    match error {
        drive::Error::Fault {
            function,
            fault: Fault::Host { message },
        } => format!("{function} could not be run: {message}"),
        drive::Error::Fault { function, fault } => format!("{function}: {}", fault.name()),
        drive::Error::Case(onething_case::Error::Refused(refusal)) => refusal.code.clone(),
        drive::Error::Case(onething_case::Error::Fault(fault)) => fault.name().to_owned(),
        drive::Error::Case(error) => error.to_string(),
        drive::Error::Unavailable(error) => error.to_string(),
        drive::Error::History(_) => error.to_string(),
    }
}

/// What a database says names tables and columns; what a JSON parser says quotes the record.
fn of_store(error: &onething_store::Error) -> String {
    match error {
        onething_store::Error::Database { source, .. } => format!("{error}: {source}"),
        error => error.to_string(),
    }
}

/// Paths of keys and files name units, citizens and phones: of a failure of the file system only its
/// kind is told.
fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return Some(error.kind().to_string());
        }
        cause = error.source();
    }
    None
}
