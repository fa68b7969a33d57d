//! What an invocation leaves: an outcome or a fault, what it used, what it logged.

use crate::{Fault, Output};
use onething_contract::{Found, Intent, Level, Lookup};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One invocation, done.
#[derive(Debug, Clone)]
pub struct Run {
    /// A fault leaves nothing to commit.
    pub outcome: Result<Outcome, Fault>,
    /// Of the last pass.
    pub usage: Usage,
    /// Of the last pass.
    pub log: Vec<LogLine>,
}

/// What a run came to: a function of the call and the inputs, and of nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What it asked of registers and parameters, in their order, and what it was told.
    pub lookups: Vec<(Lookup, Found)>,
    /// What it returned.
    pub output: Output,
    /// The effects it asked for, in the order of the calls.
    pub intents: Vec<Intent>,
}

impl Outcome {
    /// The journal of the invocation for the case's event of that number by the bundle of that
    /// digest: one JSON object, the same bytes each time the same is run. An [`Outcome`] is read
    /// back from it by serde.
    #[must_use]
    pub fn journal(&self, event: u64, digest: &str) -> Vec<u8> {
        #[derive(Serialize)]
        struct Journal<'a> {
            event: u64,
            function: &'a str,
            digest: &'a str,
            #[serde(flatten)]
            outcome: &'a Outcome,
        }
        let journal = Journal {
            event,
            function: self.output.function(),
            digest,
            outcome: self,
        };
        // Strings, numbers and lists with string keys only: serialising them has no way to fail.
        serde_json::to_vec(&journal).unwrap_or_default()
    }
}

/// What the last pass used of each limit. Measurements, kept beside the journal, never in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the members are those of `Limits`")]
pub struct Usage {
    /// `None` where nothing ran, or the engine that ran it does not limit it.
    pub fuel: Option<u64>,
    /// Likewise.
    pub memory_bytes: Option<usize>,
    pub input_bytes: usize,
    pub output_bytes: usize,
    pub host_calls: usize,
    pub log_bytes: usize,
    /// Log text was dropped because there was too much of it.
    pub log_cut: bool,
    pub passes: u32,
    /// Of all passes together, without what was fetched between them.
    pub time_us: u64,
}

/// A line that a bundle wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "wit/log.wit documents them")]
pub struct LogLine {
    pub level: Level,
    pub message: String,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Level::Info => write!(f, "info: {}", self.message),
            Level::Error => write!(f, "error: {}", self.message),
        }
    }
}

/// The bytes of a value as JSON, counted and not kept.
#[must_use]
pub fn json_bytes(value: &impl Serialize) -> usize {
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        // A value that is no JSON cannot be let through as small.
        Err(_) => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onething_contract::{Assessment, Effect};

    /// Journals are kept for decades: whoever changes these bytes must say how old ones are read.
    #[test]
    fn a_journal_has_these_bytes() {
        let outcome = Outcome {
            lookups: vec![(
                Lookup::Parameter {
                    name: "pension-base".to_owned(),
                    on: "2025-01-06".to_owned(),
                },
                Found::Parameter(None),
            )],
            output: Output::Assess(Assessment {
                scenario: "ordinary".to_owned(),
                derived: "{\"名\":1}".to_owned(),
                findings: Vec::new(),
                missing: Vec::new(),
                unique_keys: Vec::new(),
                reservations: Vec::new(),
            }),
            intents: vec![Intent {
                ticket: "t-1".to_owned(),
                after: Vec::new(),
                effect: Effect::Release {
                    budget: "relief".to_owned(),
                },
            }],
        };
        let journal = outcome.journal(7, "ab12");
        assert_eq!(
            String::from_utf8_lossy(&journal),
            concat!(
                r#"{"event":7,"function":"assess","digest":"ab12","#,
                r#""lookups":[[{"parameter":{"name":"pension-base","on":"2025-01-06"}},{"parameter":null}]],"#,
                r#""output":{"assess":{"scenario":"ordinary","derived":"{\"名\":1}","findings":[],"#,
                r#""missing":[],"unique_keys":[],"reservations":[]}},"#,
                r#""intents":[{"ticket":"t-1","after":[],"effect":{"release":{"budget":"relief"}}}]}"#,
            )
        );
        assert_eq!(
            serde_json::from_slice::<Outcome>(&journal).unwrap(),
            outcome
        );
    }

    #[test]
    fn bytes_are_counted_as_they_are_written() {
        for value in ["", "a\"b", "养老", "\u{1}"] {
            let written = serde_json::to_vec(value).unwrap();
            assert_eq!(json_bytes(&value), written.len(), "{value}");
        }
    }
}
