//! What an invocation is given: the export with its arguments, and the inputs it may read.

use crate::run::json_bytes;
use onething_contract::{
    CaseView, Event, Filer, Found, Json, Lookup, ReservationState, Subject, Submission, Ticket,
};
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
    fn acts_on(&self) -> Option<&CaseView> {
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

/// What the imports of an invocation answer from, shared by all its passes.
pub struct Given {
    /// What effects may refer to; absent where none are granted.
    pub acting: Option<Acting>,
    /// Of the export's arguments, as JSON.
    pub call_bytes: usize,
    /// What the bundle may read.
    pub inputs: Inputs,
}

impl Given {
    /// For that call.
    #[must_use]
    pub fn new(call: &Call, inputs: Inputs) -> Self {
        Self {
            acting: call.acts_on().map(Acting::from),
            call_bytes: json_bytes(call),
            inputs,
        }
    }

    /// What the bundle is handed at most once, whatever it does.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.call_bytes.saturating_add(self.inputs.answers.len())
    }

    /// For a world that is made before anything is asked of it.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            acting: None,
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

/// What the effects of a case may refer to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acting {
    /// Those that the case has.
    pub tickets: Vec<Ticket>,
    /// The steps whose decisions stand.
    pub decided: Vec<String>,
    /// Money.
    pub reservations: Vec<ReservationState>,
}

impl From<&CaseView> for Acting {
    fn from(view: &CaseView) -> Self {
        let effects = view.effects.iter();
        let decisions = view.decisions.iter();
        Self {
            tickets: effects.map(|effect| effect.ticket.clone()).collect(),
            decided: decisions.map(|decision| decision.step.clone()).collect(),
            reservations: view.reservations.clone(),
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

/// What registers and parameters say. The manifest's grants were checked before it is asked.
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
