//! Why a run has no outcome, by name.

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
}
