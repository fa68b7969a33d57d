//! The line on standard error that says how a run goes on.

use super::tally::Tally;
use crate::tell;
use std::io::{IsTerminal, Write};
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// How often it is told on a terminal, and in a log.
const EVERY: Duration = Duration::from_secs(1);
const EVERY_IN_LOG: Duration = Duration::from_secs(10);

/// What was told last, and when it is told again.
pub struct Progress {
    is_terminal: bool,
    interval: Interval,
    at: Duration,
    done: u64,
}

impl Progress {
    pub fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let every = if is_terminal { EVERY } else { EVERY_IN_LOG };
        let mut interval = tokio::time::interval_at(Instant::now() + every, every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            is_terminal,
            interval,
            at: Duration::ZERO,
            done: 0,
        }
    }

    /// Resolves when it is to be told again.
    pub async fn due(&mut self) {
        self.interval.tick().await;
    }

    /// On a terminal over the line before.
    pub fn tell(&mut self, tally: &Tally, elapsed: Duration, in_flight: usize) {
        let since = (elapsed - self.at.min(elapsed)).as_secs_f64().max(0.001);
        let done = u32::try_from(tally.done - self.done).unwrap_or(u32::MAX);
        (self.at, self.done) = (elapsed, tally.done);
        let latency = tally.latency();
        let line = format!(
            "{:.0} s  due {}  sent {}  in flight {in_flight}  done/s {:.1}  p50 {:.1} ms  p99 {:.1} ms  errors {}  shed {}",
            elapsed.as_secs_f64(),
            tally.arrivals,
            tally.sent,
            f64::from(done) / since,
            latency.p50,
            latency.p99,
            tally.errors(),
            tally.shed
        );
        if self.is_terminal {
            let mut stderr = std::io::stderr();
            // Back to its beginning, and nothing left of a longer one.
            let _ = write!(stderr, "\r{line}\x1b[K");
            let _ = stderr.flush();
        } else {
            tell(&line);
        }
    }

    /// The last line; what comes next has one of its own.
    pub fn end(&mut self, tally: &Tally, elapsed: Duration) {
        if self.is_terminal || elapsed.saturating_sub(self.at) >= EVERY {
            self.tell(tally, elapsed, 0);
        }
        if self.is_terminal {
            tell("");
        }
    }
}
