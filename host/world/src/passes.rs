//! An invocation: passes until nothing is pending, whoever runs them.

use crate::{Fault, Given, Left, Limits, Outcome, Output, Run, Usage};
use onething_contract::{Found, Lookup};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Answers that were got between the passes of an invocation.
pub type Fetched = Arc<BTreeMap<Lookup, Found>>;

/// One pass, done.
#[derive(Debug)]
pub struct Pass {
    /// What the export returned.
    pub result: Result<Output, Fault>,
    /// What it did on the way.
    pub left: Left,
    /// `None` where the engine that ran it does not limit it.
    pub fuel: Option<u64>,
    /// Likewise.
    pub memory_bytes: Option<usize>,
}

impl Pass {
    /// One that did not begin.
    #[must_use]
    pub fn stopped(fault: Fault) -> Self {
        Self {
            result: Err(fault),
            left: Left::default(),
            fuel: None,
            memory_bytes: None,
        }
    }
}

/// Passes in a row in which nothing had to be fetched: an engine that cannot reach the host's
/// parameters asks for them like for registers.
const AT_HAND_MAX: u32 = 64;

/// Passes until nothing is pending. A pass that left something pending is void whatever it came to,
/// a trap included.
///
/// # Errors
/// Whatever ends a pass without any word of the bundle.
pub fn passes<E>(
    limits: &Limits,
    given: &Arc<Given>,
    mut pass: impl FnMut(&Fetched) -> Result<Pass, E>,
) -> Result<Run, E> {
    if given.bytes() > limits.input_bytes {
        let fault = Fault::InputTooLarge {
            limit: limits.input_bytes,
        };
        return Ok(finish(Pass::stopped(fault), 0, Duration::ZERO));
    }
    let facts = &given.inputs.facts;
    let mut fetched = Fetched::default();
    let mut time = Duration::ZERO;
    let (mut passes, mut at_hand) = (1, 0);
    loop {
        let start = Instant::now();
        let mut done = pass(&fetched)?;
        time += start.elapsed();

        let pending = std::mem::take(&mut done.left.wanted);
        let Some(first) = pending.first().cloned() else {
            return Ok(finish(done, passes, time));
        };
        let answers = Arc::make_mut(&mut fetched);
        let mut wanted = Vec::new();
        let answered = answers.len();
        for lookup in pending {
            match facts.known(&lookup) {
                Some(found) => {
                    answers.insert(lookup, found);
                }
                None => wanted.push(lookup),
            }
        }
        // What is at hand comes first: a run that has it from the beginning may not ask for the rest.
        let is_at_hand = answers.len() > answered;
        let goes_on = if is_at_hand {
            at_hand += 1;
            at_hand <= AT_HAND_MAX
        } else {
            at_hand = 0;
            passes += 1;
            passes <= limits.passes
        };
        if !goes_on {
            let passes = passes.min(limits.passes);
            done.result = Err(Fault::NeverSettles {
                passes,
                wanted: name_of(&first).to_owned(),
            });
            return Ok(finish(done, passes, time));
        }
        if is_at_hand {
            continue;
        }
        let found = facts.fetch(&wanted);
        answers.extend(wanted.into_iter().zip(found));
    }
}

fn finish(pass: Pass, passes: u32, time: Duration) -> Run {
    let Pass {
        result,
        left,
        fuel,
        memory_bytes,
    } = pass;
    Run {
        usage: Usage {
            fuel,
            memory_bytes,
            input_bytes: left.input_bytes,
            output_bytes: left.output_bytes,
            host_calls: left.host_calls,
            log_bytes: left.log_bytes,
            log_cut: left.log_cut,
            passes,
            time_us: u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
        },
        outcome: result.map(|output| Outcome {
            lookups: left.lookups.into_iter().collect(),
            output,
            intents: left.intents,
        }),
        log: left.log,
    }
}

/// Without the key, which is often somebody's citizen ID.
fn name_of(lookup: &Lookup) -> &str {
    match lookup {
        Lookup::Register { register, .. } => register,
        Lookup::Parameter { name, .. } | Lookup::Family { name, .. } => name,
    }
}
