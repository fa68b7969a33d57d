//! A bundle's world during one pass: what it may read, and what it leaves behind. The store's data.

use crate::call::Given;
use crate::run::{Level, LogLine, json_bytes};
use crate::{Fault, Limits};
use onething_contract::manifest::Manifest;
use onething_contract::{CaseView, Effect, Found, Intent, Lookup, Ticket};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wasmtime::ResourceLimiter;

/// Answers that were fetched between the passes of an invocation.
pub(crate) type Fetched = Arc<BTreeMap<Lookup, Found>>;

pub(crate) struct World {
    pub limits: Limits,
    pub manifest: Arc<Manifest>,
    pub given: Arc<Given>,
    pub fetched: Fetched,
    pub left: Left,
    memory_bytes: usize,
}

/// What a pass leaves behind.
#[derive(Default)]
pub(crate) struct Left {
    /// Asked and answered.
    pub lookups: BTreeMap<Lookup, Found>,
    /// Asked and pending; if there is any, the pass is void.
    pub wanted: BTreeSet<Lookup>,
    pub intents: Vec<Intent>,
    pub log: Vec<LogLine>,
    pub log_bytes: usize,
    pub log_cut: bool,
    pub host_calls: usize,
    pub input_bytes: usize,
    pub output_bytes: usize,
}

impl Left {
    /// The SDK's panic hook writes the panic's message here before it traps.
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
    pub fn idle(limits: Limits, manifest: Arc<Manifest>) -> Self {
        Self {
            limits,
            manifest,
            given: Arc::new(Given::nothing()),
            fetched: Fetched::default(),
            left: Left::default(),
            memory_bytes: 0,
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

    /// The case whose effects may be asked for, in `respond` only.
    pub fn acts_on(&self) -> Option<&CaseView> {
        self.given.call.as_ref()?.acts_on()
    }

    /// Linear memory, at its largest.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    pub fn count_calls(&mut self, calls: usize) -> Result<(), Fault> {
        self.left.host_calls = self.left.host_calls.saturating_add(calls);
        if self.left.host_calls > self.limits.host_calls {
            return Err(Fault::TooManyHostCalls {
                limit: self.limits.host_calls,
            });
        }
        Ok(())
    }

    pub fn count_input(&mut self, bytes: usize) -> Result<(), Fault> {
        self.left.input_bytes = self.left.input_bytes.saturating_add(bytes);
        if self.left.input_bytes > self.limits.input_bytes {
            return Err(Fault::InputTooLarge {
                limit: self.limits.input_bytes,
            });
        }
        Ok(())
    }

    /// Gives the bytes that are left.
    pub fn count_output(&mut self, bytes: usize) -> Result<usize, Fault> {
        self.left.output_bytes = self.left.output_bytes.saturating_add(bytes);
        self.limits
            .output_bytes
            .checked_sub(self.left.output_bytes)
            .ok_or(Fault::OutputTooLarge {
                limit: self.limits.output_bytes,
            })
    }

    /// The answer, or `None` while it is pending.
    pub fn look_up(&mut self, lookup: Lookup) -> Result<Option<Found>, Fault> {
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
    pub fn promise(&mut self, effect: Effect, after: Vec<Ticket>) -> Ticket {
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
    pub fn log(&mut self, level: Level, mut message: String) {
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

/// Growth beyond a limit stops the run by its name, where a mere refusal would end in an abort of
/// the guest's allocator that nobody can tell from another trap.
impl ResourceLimiter for World {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The pool gives an instance one memory.
        let grown = self
            .memory_bytes
            .saturating_sub(current)
            .saturating_add(desired);
        if grown > self.limits.memory_bytes {
            return Err(self.out_of_memory());
        }
        self.memory_bytes = grown;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.limits.table_elements {
            return Err(self.out_of_memory());
        }
        Ok(true)
    }
}

impl World {
    fn out_of_memory(&self) -> wasmtime::Error {
        Fault::OutOfMemory {
            limit: self.limits.memory_bytes,
        }
        .into()
    }
}
