//! What a pass may read, and what it leaves behind: counted, and never more than the limits.

use crate::run::json_bytes;
use crate::{Fault, Fetched, Given, Granted, Limits, LogLine};
use onething_contract::{Effect, Found, Intent, Level, Lookup, Ticket};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One pass of an invocation, as a bundle sees and changes it.
pub struct World {
    pub(crate) limits: Limits,
    pub(crate) granted: Arc<Granted>,
    pub(crate) given: Arc<Given>,
    fetched: Fetched,
    pub(crate) left: Left,
}

/// What a pass leaves behind.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the counts are those of `Limits`")]
pub struct Left {
    /// Asked and answered.
    pub lookups: BTreeMap<Lookup, Found>,
    /// Asked and pending; if there is any, the pass is void.
    pub wanted: BTreeSet<Lookup>,
    /// Effects, in the order in which they were asked for.
    pub intents: Vec<Intent>,
    /// As far as there was room.
    pub log: Vec<LogLine>,
    pub log_bytes: usize,
    pub log_cut: bool,
    pub host_calls: usize,
    pub input_bytes: usize,
    pub output_bytes: usize,
}

impl Left {
    /// The SDK's panic hook writes the panic's message here before it traps.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.log
            .iter()
            .rev()
            .find(|line| line.level == Level::Error)
            .map(|line| line.message.as_str())
    }
}

impl World {
    /// The world of an instance that nothing is asked of yet.
    #[must_use]
    pub fn idle(limits: Limits, granted: Arc<Granted>) -> Self {
        Self {
            limits,
            granted,
            given: Arc::new(Given::nothing()),
            fetched: Fetched::default(),
            left: Left::default(),
        }
    }

    /// Turns to a call; what an earlier one left is gone.
    pub fn turn_to(&mut self, given: Arc<Given>, fetched: Fetched) {
        self.left = Left {
            input_bytes: given.call_bytes,
            ..Left::default()
        };
        self.given = given;
        self.fetched = fetched;
    }

    /// What the pass has left so far.
    #[must_use]
    pub fn left(&self) -> &Left {
        &self.left
    }

    /// Takes what the pass has left.
    pub fn take_left(&mut self) -> Left {
        std::mem::take(&mut self.left)
    }

    /// Bytes that the bundle may still hand out.
    #[must_use]
    pub fn output_bytes_left(&self) -> usize {
        self.limits
            .output_bytes
            .saturating_sub(self.left.output_bytes)
    }

    /// Counts a call of an import and what it carried out of the bundle.
    pub(crate) fn called(
        &mut self,
        calls: usize,
        arguments: &impl serde::Serialize,
    ) -> Result<(), Fault> {
        self.count_calls(calls)?;
        self.count_output(json_bytes(arguments))
    }

    fn count_calls(&mut self, calls: usize) -> Result<(), Fault> {
        self.left.host_calls = self.left.host_calls.saturating_add(calls);
        if self.left.host_calls > self.limits.host_calls {
            return Err(Fault::TooManyHostCalls {
                limit: self.limits.host_calls,
            });
        }
        Ok(())
    }

    pub(crate) fn count_input(&mut self, bytes: usize) -> Result<(), Fault> {
        self.left.input_bytes = self.left.input_bytes.saturating_add(bytes);
        if self.left.input_bytes > self.limits.input_bytes {
            return Err(Fault::InputTooLarge {
                limit: self.limits.input_bytes,
            });
        }
        Ok(())
    }

    /// Counts what the bundle hands out: the result of the export, beside what its calls carry.
    ///
    /// # Errors
    /// [`Fault::OutputTooLarge`] beyond the limit.
    pub fn count_output(&mut self, bytes: usize) -> Result<(), Fault> {
        self.left.output_bytes = self.left.output_bytes.saturating_add(bytes);
        if self.left.output_bytes > self.limits.output_bytes {
            return Err(Fault::OutputTooLarge {
                limit: self.limits.output_bytes,
            });
        }
        Ok(())
    }

    /// The answer, or `None` while it is pending.
    pub(crate) fn look_up(&mut self, lookup: Lookup) -> Result<Option<Found>, Fault> {
        let found = match self.fetched.get(&lookup) {
            Some(found) => Some(found.clone()),
            None => self.given.inputs.facts.known(&lookup),
        };
        match &found {
            Some(found) => {
                self.count_input(json_bytes(found))?;
                self.left.lookups.insert(lookup, found.clone());
            }
            None => {
                self.left.wanted.insert(lookup);
            }
        }
        Ok(found)
    }

    /// Promises the effect under the next ticket.
    pub(crate) fn promise(&mut self, effect: Effect, after: Vec<Ticket>) -> Ticket {
        let number = self.left.intents.len() + 1;
        let ticket = format!("{}-{number}", self.given.inputs.ticket_prefix);
        self.left.intents.push(Intent {
            ticket: ticket.clone(),
            after,
            effect,
        });
        ticket
    }

    /// Keeps the line as far as there is room.
    pub(crate) fn keep_line(&mut self, level: Level, mut message: String) {
        if self.left.log_cut {
            return;
        }
        let room = self.limits.log_bytes.saturating_sub(self.left.log_bytes);
        if message.len() > room {
            message.truncate(message.floor_char_boundary(room));
            self.left.log_cut = true;
        }
        self.left.log_bytes += message.len();
        self.left.log.push(LogLine { level, message });
    }
}
