//! The events of one command in the making, and what follows from them by itself: steps open,
//! acceptance is settled, decisions take effect. Later rules see what earlier ones did.

use crate::event::{Event, Recorded, Registration};
use crate::plan::from_step_on;
use crate::state::{State, Status, StepRecord};
use onething_contract::{
    Decision, Ending, Finding, Json, Phase, Refusal, Severity, StepStatus, Text, Verdict,
};

pub(crate) struct Draft<'a> {
    /// When the command came, RFC 3339.
    pub at: &'a str,
    /// The case with the events so far.
    pub state: State,
    events: Vec<Recorded>,
}

impl<'a> Draft<'a> {
    pub fn of(state: &State, at: &'a str) -> Self {
        Draft {
            at,
            state: state.clone(),
            events: Vec::new(),
        }
    }

    pub fn registering(registration: &Registration, at: &'a str) -> Self {
        let first = Recorded {
            n: 1,
            at: at.into(),
            event: Event::Registered(Box::new(registration.clone())),
        };
        Draft {
            at,
            state: State::registered(registration, &first),
            events: vec![first],
        }
    }

    pub fn into_events(self) -> Vec<Recorded> {
        self.events
    }

    pub fn push(&mut self, event: Event) {
        let recorded = Recorded {
            n: self.state.last_event + 1,
            at: self.at.into(),
            event,
        };
        self.state.apply(&recorded);
        self.events.push(recorded);
    }

    pub fn end(&mut self, ending: Ending, outcome: Option<Json>) {
        self.push(Event::Ended { ending, outcome });
    }

    /// Takes back a step's decision, and with it those of all steps that rest on it.
    pub fn void_from(&mut self, step: &str) {
        let rests_on = from_step_on(self.state.plan().map(|record| &record.step), step);
        let voided: Vec<String> = self
            .state
            .plan()
            .filter(|record| rests_on.contains(record.step.id.as_str()))
            .filter(|record| record.status != StepStatus::Waiting)
            .map(|record| record.step.id.clone())
            .collect();
        for step in voided {
            self.push(Event::StepVoided { step });
        }
    }

    /// Asks the filer for everything at once: what the offices found, and `more`.
    pub fn request_correction(&mut self, more: &[Finding]) {
        let returned = |decision: &&Decision| decision.verdict == Verdict::ReturnForCorrection;
        let decisions: Vec<&Decision> = self.accepting().filter(returned).collect();
        let event = Event::CorrectionRequested {
            findings: each_once(decisions.iter().flat_map(|d| &d.reasons).chain(more)),
            by: decisions.iter().map(|d| d.step.clone()).collect(),
        };
        self.push(event);
    }

    /// What follows by itself from the events so far.
    pub fn advance(&mut self) {
        self.open_steps();
        let at_work =
            |record: &StepRecord| record.step.phase == Phase::Acceptance && record.is_open();
        if self.state.status == Status::Acceptance && !self.state.plan().any(at_work) {
            self.settle_acceptance();
        }
        self.take_effect();
    }

    fn open_steps(&mut self) {
        let phase = match self.state.status {
            Status::Acceptance => Phase::Acceptance,
            Status::Examination => Phase::Examination,
            Status::Signing | Status::Correction | Status::Ended(_) => return,
        };
        let state = &self.state;
        let ready: Vec<String> = state
            .plan()
            .filter(|record| record.status == StepStatus::Waiting && record.step.phase == phase)
            .filter(|record| record.step.after.iter().all(|id| state.is_approved(id)))
            .map(|record| record.step.id.clone())
            .collect();
        for step in ready {
            self.push(Event::StepOpened { step });
        }
    }

    /// Every acceptance step that can be decided is: the case is accepted, corrected or over.
    fn settle_acceptance(&mut self) {
        let rejected = |decision: &&Decision| decision.verdict == Verdict::Reject;
        let competent = self
            .accepting()
            .find_map(|decision| match &decision.verdict {
                Verdict::NotCompetent(office) => Some(office.clone()),
                _ => None,
            });
        let returned = |decision: &Decision| decision.verdict == Verdict::ReturnForCorrection;

        if let Some(refusal) = gather(self.accepting().filter(rejected)) {
            self.end(Ending::NotAccepted(refusal), None);
        } else if let Some(office) = competent {
            self.end(Ending::NotCompetent(office), None);
        } else if self.accepting().any(returned) {
            self.request_correction(&[]);
        } else {
            self.push(Event::Accepted);
            self.open_steps();
        }
    }

    /// One effect may let the next one come: until nothing changes.
    fn take_effect(&mut self) {
        while let Some(step) = self.next_effective() {
            self.push(Event::StepEffective { step });
        }
    }

    fn next_effective(&self) -> Option<String> {
        let state = &self.state;
        let effective = |id: &String| {
            state
                .step(id)
                .is_some_and(|record| record.status == StepStatus::Effective)
        };
        state
            .plan()
            .filter(|record| record.status == StepStatus::Decided)
            .filter(|record| record.step.phase == Phase::Examination)
            .filter(|record| state.is_approved(&record.step.id))
            .find(|record| record.step.effective_after.iter().all(effective))
            .map(|record| record.step.id.clone())
    }

    /// The standing decisions of acceptance steps, in the plan's order.
    fn accepting(&self) -> impl Iterator<Item = &Decision> {
        self.state
            .plan()
            .filter(|record| record.step.phase == Phase::Acceptance)
            .filter_map(|record| self.state.standing(&record.step.id))
    }
}

/// One refusal out of all reasons; `None` where there are none.
fn gather<'a>(decisions: impl Iterator<Item = &'a Decision>) -> Option<Refusal> {
    let reasons = each_once(
        decisions
            .flat_map(|decision| &decision.reasons)
            .filter(|reason| reason.severity == Severity::Error),
    );
    let bases = each_once(reasons.iter().filter_map(|reason| reason.basis.as_ref()));
    let messages = |language: fn(&Text) -> &str| -> Vec<&str> {
        reasons
            .iter()
            .map(|reason| language(&reason.message))
            .collect()
    };
    Some(Refusal {
        code: reasons.first()?.code.clone(),
        message: Text {
            zh: messages(|text| &text.zh).join("；"),
            en: messages(|text| &text.en).join("; "),
        },
        basis: (!bases.is_empty()).then(|| bases.join("；")),
    })
}

fn each_once<'a, T: PartialEq + Clone + 'a>(items: impl Iterator<Item = &'a T>) -> Vec<T> {
    let mut once = Vec::new();
    for item in items {
        if !once.contains(item) {
            once.push(item.clone());
        }
    }
    once
}
