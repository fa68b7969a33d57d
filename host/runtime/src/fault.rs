//! Why wasmtime stopped a run, as a [`Fault`].

use crate::{Fault, Limits};
use std::fmt::Write;
use wasmtime::Trap;

/// What stopped an instance while it was made. `last_error` is the last line of level `error`.
pub(crate) fn of_start(
    error: &wasmtime::Error,
    limits: &Limits,
    last_error: Option<&str>,
) -> Fault {
    known(error, limits, last_error).unwrap_or_else(|| Fault::Host {
        message: format!("{error:#}"),
    })
}

/// What stopped a call. Whatever is neither a trap nor a fault raised by an import is a value
/// that could not be carried over the boundary.
pub(crate) fn of_call(error: &wasmtime::Error, limits: &Limits, last_error: Option<&str>) -> Fault {
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
