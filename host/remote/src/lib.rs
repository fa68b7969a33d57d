//! Asks a function app for what a bundle comes to: a bundle that runs on another engine (Spin), behind
//! the interface of [`onething_world::wire`].
//!
//! An app is asked over a network and runs what somebody else deployed. So nothing of an answer is
//! taken unchecked: what it says it was told must be what it was told, what it asks for must be
//! granted, and every effect is asked for once more under this host's own rules. What it computed can
//! only be compared with a run of one's own; that is for the caller.
//!
//! This crate refuses to know cases, stores and wasmtime.

mod app;
mod believe;

pub use app::{App, Patience};

use onething_world::Pass;

/// Why an app has not answered. An invocation changes nothing, so it may be asked again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the function app at {url} does not answer: {why}")]
pub struct Unavailable {
    /// Its base.
    pub url: String,
    /// In a word: `refused`, `timeout`, `overloaded`, `broken-off`.
    pub why: &'static str,
}

/// What is wrong with an answer, by the name under which an app is quarantined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Distrust {
    /// Another bundle answers.
    #[error("it runs another bundle")]
    OtherDigest,
    /// No answer of the interface.
    #[error("its answer is not what the interface says")]
    Malformed,
    /// More than a bundle may return.
    #[error("its answer is too large")]
    TooLarge,
    /// The app broke where the bundle does not.
    #[error("it fails where the bundle does not")]
    Failed,
    /// It asks for what it has been told.
    #[error("it asks again for what it was told")]
    AsksAgain,
    /// It asked for, or did, what the bundle may not.
    #[error("it asks for what the bundle is not granted")]
    NotGranted,
    /// It says that it was told something else.
    #[error("it was told something else than it says")]
    Invents,
    /// It came to something else.
    #[error("it comes to something else than the bundle")]
    Differs,
}

impl Distrust {
    /// It may be over in a while: another version is deployed, or an engine has had a bad moment.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(self, Self::OtherDigest | Self::Failed)
    }

    /// The stable name for machines, kebab-case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OtherDigest => "other-digest",
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::Failed => "failed",
            Self::AsksAgain => "asks-again",
            Self::NotGranted => "not-granted",
            Self::Invents => "invents",
            Self::Differs => "differs",
        }
    }
}

/// Why a pass has nothing to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nobody is there.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Somebody is, and not whom one can rely on.
    #[error("the function app cannot be relied on: {0}")]
    Distrust(#[from] Distrust),
}

/// A pass of an app, or why there is none.
pub type Answered = Result<Pass, Trouble>;
