//! Every limit of a run, in one table: the same in tests, on a laptop and in production.
//!
//! Most matters need a thousandth of it. What decides is a monthly payroll of ten thousand lines,
//! read, computed and compared with last month's in one pass: it takes at most half of each limit.

use serde::Serialize;

/// What one invocation may use. Limits of a pass hold for each pass anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Limits {
    /// Units of wasmtime's fuel in a pass, roughly one an instruction.
    pub fuel: u64,
    /// Linear memory of an instance, in bytes.
    pub memory_bytes: usize,
    /// Native stack of an instance, in bytes.
    pub stack_bytes: usize,
    /// Elements of each table.
    pub table_elements: usize,
    /// Everything handed to the bundle in a pass: the arguments as JSON, the answers each time they
    /// are read, what lookups found.
    pub input_bytes: usize,
    /// Everything taken from the bundle in a pass: its result as JSON, the arguments of its calls.
    pub output_bytes: usize,
    /// Calls of imports in a pass; a lookup counts once more for each key.
    pub host_calls: usize,
    /// Log text kept of a pass, in bytes; what is longer is cut.
    pub log_bytes: usize,
    /// A component with its manifest, in bytes.
    pub module_bytes: usize,
    /// Passes of an invocation: one, and one more each time that lookups were pending.
    pub passes: u32,
    /// Time of a pass on the machine's clock: the backstop behind fuel, for what fuel does not count.
    pub time_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 10_000_000_000,
            memory_bytes: 256 << 20,
            stack_bytes: 512 << 10,
            table_elements: 10_000,
            input_bytes: 32 << 20,
            output_bytes: 16 << 20,
            host_calls: 50_000,
            log_bytes: 64 << 10,
            module_bytes: 16 << 20,
            passes: 8,
            time_ms_max: 20_000,
        }
    }
}
