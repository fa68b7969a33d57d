//! Why a run has no outcome, by name.

use crate::Limits;
use std::fmt::Write;
use wasmtime::Trap;

/// A run that ended without an outcome. Never a domain "no", which is a value of the output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message says it")]
pub enum Fault {
    #[error("the bundle used up its {limit} units of fuel")]
    OutOfFuel { limit: u64 },
    #[error("the bundle asked for more than {limit} bytes of memory")]
    OutOfMemory { limit: usize },
    #[error("the bundle's calls nested deeper than {limit} bytes of stack")]
    StackOverflow { limit: usize },
    #[error("the bundle ran longer than {limit_ms} ms")]
    OutOfTime { limit_ms: u64 },
    /// A panic or another trap; the message ends with the last line of level `error`.
    #[error("the bundle trapped: {message}")]
    Trapped { message: String },
    #[error("the bundle was handed more than {limit} bytes")]
    InputTooLarge { limit: usize },
    #[error("the bundle returned more than {limit} bytes")]
    OutputTooLarge { limit: usize },
    #[error("the bundle called the host more than {limit} times")]
    TooManyHostCalls { limit: usize },
    /// `wanted` names a register or parameter that was still pending, without its key.
    #[error("the bundle still asked for something new in pass {passes}: {wanted}")]
    NeverSettles { passes: u32, wanted: String },
    /// Not UTF-8, not the contract's types, or not JSON where the contract promises JSON.
    #[error("the bundle returned something malformed: {message}")]
    MalformedOutput { message: String },
    /// Not the bundle's doing: run it again.
    #[error("the host could not run the bundle: {message}")]
    Host { message: String },
}

impl Fault {
    /// The stable name for machines, kebab-case.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Fault::OutOfFuel { .. } => "out-of-fuel",
            Fault::OutOfMemory { .. } => "out-of-memory",
            Fault::StackOverflow { .. } => "stack-overflow",
            Fault::OutOfTime { .. } => "out-of-time",
            Fault::Trapped { .. } => "trapped",
            Fault::InputTooLarge { .. } => "input-too-large",
            Fault::OutputTooLarge { .. } => "output-too-large",
            Fault::TooManyHostCalls { .. } => "too-many-host-calls",
            Fault::NeverSettles { .. } => "never-settles",
            Fault::MalformedOutput { .. } => "malformed-output",
            Fault::Host { .. } => "host",
        }
    }

    /// What stopped an instance while it was made. `last_error` is the last line of level `error`.
    pub(crate) fn of_start(
        error: &wasmtime::Error,
        limits: &Limits,
        last_error: Option<&str>,
    ) -> Self {
        known(error, limits, last_error).unwrap_or_else(|| Fault::Host {
            message: format!("{error:#}"),
        })
    }

    /// What stopped a call. Whatever is neither a trap nor a fault raised by an import is a value
    /// that could not be carried over the boundary.
    pub(crate) fn of_call(
        error: &wasmtime::Error,
        limits: &Limits,
        last_error: Option<&str>,
    ) -> Self {
        let message = format!("{error:#}");
        known(error, limits, last_error).unwrap_or_else(|| {
            // The type of this error is private to wasmtime; a test holds it to its words.
            if message.contains("fuel allocated for hostcalls has been exhausted") {
                Fault::OutputTooLarge {
                    limit: limits.output_bytes,
                }
            } else {
                Fault::MalformedOutput { message }
            }
        })
    }
}

fn known(error: &wasmtime::Error, limits: &Limits, last_error: Option<&str>) -> Option<Fault> {
    if let Some(fault) = error.downcast_ref::<Fault>() {
        return Some(fault.clone());
    }
    Some(match error.downcast_ref::<Trap>()? {
        Trap::OutOfFuel => Fault::OutOfFuel { limit: limits.fuel },
        Trap::StackOverflow => Fault::StackOverflow {
            limit: limits.stack_bytes,
        },
        Trap::Interrupt => Fault::OutOfTime {
            limit_ms: limits.time_ms_max,
        },
        trap => {
            let mut message = trap.to_string();
            if let Some(line) = last_error {
                // Writing to a string cannot fail.
                let _ = write!(message, ": {line}");
            }
            Fault::Trapped { message }
        }
    })
}
