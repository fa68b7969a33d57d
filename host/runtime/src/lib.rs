//! Runs bundles in a sandbox and keeps a journal of each run.
//!
//! A [`Runtime`] loads a component into a [`Bundle`]; [`Bundle::invoke`] runs one export under the
//! [`Limits`] and gives a [`Run`]: an [`Outcome`] with the output, the effects asked for and the
//! lookups made, or a named [`Fault`]; beside it the [`Usage`] and the log.
//!
//! An invocation does no I/O. What a bundle looks up and the host has not fetched yet is answered
//! `pending`; the pass is void, [`Facts::fetch`] gets what was asked, and the export runs again in a
//! fresh instance. The last pass depends on nothing but the [`Call`] and the [`Inputs`].
//!
//! This crate refuses to know what a case is, how it is stored, who calls, and the time of the
//! machine (but for the backstop that ends a run that takes too long). It is the only crate that
//! knows wasmtime.

mod bundle;
mod cache;
mod engine;
mod exports;
mod fault;
mod imports;
mod inspect;
mod state;

pub use bundle::{Bundle, Instance};
pub use engine::{Error, Runtime};
pub use inspect::{Inspection, LoadError, digest, inspect};
pub use onething_contract::Level;
pub use onething_world::{
    Call, Facts, Fault, Inputs, Limits, LogLine, Outcome, Output, Run, Usage,
};
