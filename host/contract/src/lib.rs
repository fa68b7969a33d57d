//! The contract's records as Rust values, one for one with `wit/types.wit` and
//! `wit/proceedings.wit`, where each is documented.
//!
//! They are JSON everywhere (journals, events, the API) and, with the feature `component`, also the
//! component ABI. This crate knows no behaviour.

#![expect(missing_docs, reason = "the fields are documented once, in wit/")]

mod effects;
#[cfg(feature = "guest")]
pub mod guest;
pub mod guide;
pub mod identifiers;
pub mod manifest;
mod money;
mod outcome;
mod proceedings;
mod types;

pub use effects::*;
pub use money::{fen, yuan};
pub use outcome::Outcome;
pub use proceedings::*;
pub use types::*;

/// A JSON document in UTF-8, kept as the text it came as.
pub type Json = String;
/// China has one time and no summer time. Days, wherever the contract has one, are China's.
pub const CHINA_SECONDS_EAST: i32 = 8 * 3600;
/// A promise of an effect.
pub type Ticket = String;
