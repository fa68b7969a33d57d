//! What a store holds beside an instance: the world of the pass under way, and its memory.

use crate::{Fault, Limits};
use onething_world::World;
use wasmtime::ResourceLimiter;

pub(crate) struct State {
    pub world: World,
    limits: Limits,
    memory_bytes: usize,
}

impl State {
    pub fn new(world: World, limits: Limits) -> Self {
        Self {
            world,
            limits,
            memory_bytes: 0,
        }
    }

    /// Linear memory, at its largest.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    fn out_of_memory(&self) -> wasmtime::Error {
        Fault::OutOfMemory {
            limit: self.limits.memory_bytes,
        }
        .into()
    }
}

/// Growth beyond a limit stops the run by its name, where a mere refusal would end in an abort of
/// the guest's allocator that nobody can tell from another trap.
impl ResourceLimiter for State {
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
