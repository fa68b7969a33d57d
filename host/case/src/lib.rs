//! The life of a case: commands, events, state. Pure.
//!
//! [`decide`] says which events a command leads to, or why it leads to none; [`State::evolve`] says
//! what the case is after an event. Both are functions of their arguments alone: the same history
//! and the same command give the same events, today or in ten years.
//!
//! This crate refuses to know: what time it is (commands come with theirs), how events are stored,
//! how a bundle runs, what its answers mean, who may call (only which office a step belongs to),
//! what a budget holds, and what a working day is.
//!
//! ```
//! use onething_case::{Command, Error, decide};
//! let withdraw = Command::Withdraw { by: "clerk-7".into(), reason: "filed by mistake".into() };
//! let Err(Error::Refused(refusal)) = decide(None, "2025-01-06T09:00:00+08:00", &withdraw) else { panic!() };
//! assert_eq!(refusal.code, "unknown-case");
//! ```

mod afterwards;
mod clock;
mod command;
mod decide;
mod decision;
mod draft;
mod error;
mod event;
mod eyes;
mod instant;
mod ladder;
mod material;
mod money;
mod notice;
mod plan;
mod reaction;
mod refusals;
mod signing;
mod state;
#[cfg(test)]
mod tests;
mod timer;
pub mod upcast;
mod view;

pub use afterwards::{Appeal, REPAIR, Repair, RepairTask, Repaired};
pub use clock::{Clock, ClockKind, Limits, PROCEDURES, Stop};
pub use command::Command;
pub use decide::decide;
pub use error::{Error, Fault, HistoryError, PlanError};
pub use event::{CommitmentCheck, Event, Recorded, Registration, Round};
pub use ladder::{Ladder, Level, Rung};
pub use material::Promise;
pub use money::ReservationRecord;
pub use notice::{HOST, RunningNotice};
pub use plan::check_plan;
pub use state::{EffectRecord, Parked, State, Status, StepRecord};
pub use timer::{COMMITMENT_TIMER, MATERIAL_TIMER, REPAIR_TIMER, Rang, Timer, When};
