//! What an invocation is given: the export with its arguments, and the inputs it may read.

use crate::run::json_bytes;
use onething_contract::{CaseView, Event, Filer, Found, Json, Lookup, Subject, Submission};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// An export of a bundle and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "wit/matter.wit documents the exports")]
#[allow(clippy::large_enum_variant, reason = "one at a time, moved once")]
pub enum Call {
    Prefill {
        filer: Filer,
        subject: Subject,
        purpose: String,
    },
    Assess {
        submission: Submission,
    },
    Plan {
        submission: Submission,
        scenario: String,
    },
    Project {
        view: CaseView,
    },
    /// The only call in which effects are granted. Decisions and tickets that effects may name are
    /// those of the view.
    Respond {
        view: CaseView,
        event: Event,
    },
    /// Of the optional interface `outreach`.
    Reach {
        subjects: Vec<Subject>,
        codes: Vec<String>,
        on: String,
    },
    /// Of the optional interface `publication`.
    Check {
        name: String,
        value: Json,
        since: String,
        until: Option<String>,
    },
}

impl Call {
    /// The export's name.
    #[must_use]
    pub fn function(&self) -> &'static str {
        match self {
            Call::Prefill { .. } => "prefill",
            Call::Assess { .. } => "assess",
            Call::Plan { .. } => "plan",
            Call::Project { .. } => "project",
            Call::Respond { .. } => "respond",
            Call::Reach { .. } => "reach",
            Call::Check { .. } => "check",
        }
    }

    /// The case that effects belong to.
    pub(crate) fn acts_on(&self) -> Option<&CaseView> {
        match self {
            Call::Respond { view, .. } => Some(view),
            _ => None,
        }
    }
}

/// What the imports answer.
#[derive(Clone)]
pub struct Inputs {
    /// The answers of the current round, one JSON object; `{}` where there are none.
    pub answers: Arc<str>,
    /// When the event at hand happened, RFC 3339 with China's offset: `2026-03-02T09:00:00+08:00`.
    pub now: String,
    /// Tickets are `{ticket_prefix}-1`, `-2` … in the order of the calls. Unique to the invocation.
    pub ticket_prefix: String,
    /// Registers and parameters.
    pub facts: Arc<dyn Facts>,
}

/// An invocation, as all its passes share it.
pub(crate) struct Given {
    /// Absent while an instance waits for its first call.
    pub call: Option<Call>,
    /// Of the call, as JSON.
    pub call_bytes: usize,
    pub inputs: Inputs,
}

impl Given {
    pub fn new(call: Call, inputs: Inputs) -> Self {
        let call_bytes = json_bytes(&call);
        Self {
            call: Some(call),
            call_bytes,
            inputs,
        }
    }

    /// What the bundle is handed at most once, whatever it does.
    pub fn bytes(&self) -> usize {
        self.call_bytes.saturating_add(self.inputs.answers.len())
    }

    /// For an instance that is made before anything is asked of it.
    pub fn nothing() -> Self {
        Self {
            call: None,
            call_bytes: 0,
            inputs: Inputs {
                answers: "{}".into(),
                now: String::new(),
                ticket_prefix: String::new(),
                facts: Arc::new(BTreeMap::new()),
            },
        }
    }
}

impl fmt::Debug for Inputs {
    /// Without the answers, which are somebody's personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs")
            .field("now", &self.now)
            .field("ticket_prefix", &self.ticket_prefix)
            .finish_non_exhaustive()
    }
}

/// What registers and parameters say. The runtime has checked the manifest's grants before it asks.
pub trait Facts: Send + Sync {
    /// The answer, if it is at hand. Does no I/O: it is called while a bundle runs.
    fn known(&self, lookup: &Lookup) -> Option<Found>;

    /// The answers, one a lookup in their order, by whatever I/O it takes. Called between passes.
    fn fetch(&self, wanted: &[Lookup]) -> Vec<Found>;
}

/// A closed set, as a journal holds it: nothing else can be fetched.
impl Facts for BTreeMap<Lookup, Found> {
    fn known(&self, lookup: &Lookup) -> Option<Found> {
        self.get(lookup).cloned()
    }

    fn fetch(&self, _: &[Lookup]) -> Vec<Found> {
        Vec::new()
    }
}
