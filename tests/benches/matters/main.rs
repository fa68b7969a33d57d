//! The two long jobs against the same rules compiled natively: a roster of 10,000 lines assessed, and
//! 200 enterprises matched against 1,045 policies. Ratios of medians, measured in turns in one run.

#![allow(missing_docs, reason = "a bench")]
#![allow(clippy::print_stdout, reason = "the ratios are the result")]
#![allow(clippy::unwrap_used, reason = "a bench may")]

mod matching;
mod roster;
mod world;

use std::time::{Duration, Instant};

fn main() {
    roster::run();
    matching::run();
}

/// The medians, measured in turns.
fn in_turns<const N: usize>(jobs: [&dyn Fn(); N]) -> [Duration; N] {
    const ROUNDS: usize = 7;
    let mut times: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (job, times) in jobs.iter().zip(&mut times) {
            let begun = Instant::now();
            job();
            times.push(begun.elapsed());
        }
    }
    times.map(|mut times| {
        times.sort();
        times[ROUNDS / 2]
    })
}

fn ratio(ours: Duration, native: Duration) -> f64 {
    ours.as_secs_f64() / native.as_secs_f64()
}
