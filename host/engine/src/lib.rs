//! Drives cases: the pure case engine, the sandbox, the store and the capabilities, put to work
//! together.
//!
//! [`drive`] is the part without a store: what one invocation of a bundle leads to. Replay uses it
//! as it is; [`Engine`] puts a store and capabilities around it and is what the API and the command
//! line call. This crate knows no HTTP and no clock: the time of a command is handed in.

mod afterwards;
mod asked;
mod bundles;
mod by_hand;
mod channels;
mod commits;
mod deployment;
mod directory;
pub mod drive;
mod effects;
mod engine;
mod error;
mod executor;
mod facts;
mod host_notices;
pub mod measures;
mod money;
mod outreach;
mod parties;
mod payload;
mod publication;
mod rows;
mod sandbox;
mod statistics;
mod submission;
#[cfg(test)]
mod tests;
pub mod timers;
pub mod trace;
mod verify;
mod work;

pub use afterwards::Check;
pub use asked::{Decide, HandIn, check_notice};
pub use bundles::{Bundles, BundlesError, legal_date};
pub use by_hand::{ByHand, Verdict as HandVerdict};
pub use channels::{ATTEMPTS_MAX, Delivers, delivers};
pub use commits::Committed;
pub use deployment::{FolderError, RolledBack};
pub use effects::Folders;
pub use effects::form_page;
pub use engine::{Case, Engine, Form, stamp};
pub use error::Error;
pub use executor::{Apps, AppsConfig, Embedded, Executor, Quarantine};
pub use measures::kind;
pub use onething_capabilities::{AnsweredLine, BankAnswer, LineStatus};
pub use onething_contract::{fen, yuan};
pub use onething_remote::{Patience, Unavailable};
pub use outreach::{CODES_PER_CALL, Reach, Reached};
pub use parties::{Sign, Unsign};
pub use payload::check_payload;
pub use publication::Publication;
pub use statistics::Count;
pub use submission::Submitted;
pub use verify::verify;
pub use work::Clock;
