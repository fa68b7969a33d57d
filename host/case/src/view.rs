//! The case as its bundle sees it.

use crate::money::ReservationRecord;
use crate::state::{EffectRecord, State};
use crate::timer::is_hosts;
use onething_contract::{CaseView, Effect, EffectKind, EffectState, StepState};

impl State {
    /// The case as of its last event. For the reaction to event `n`, of the state after `n` events.
    pub fn view(&self) -> CaseView {
        CaseView {
            id: self.id.clone(),
            submission: self.submission.clone(),
            scenario: self.assessment.scenario.clone(),
            derived: self.assessment.derived.clone(),
            steps: self
                .steps
                .iter()
                .map(|record| StepState {
                    step: record.step.id.clone(),
                    office: record.office().clone(),
                    status: record.status,
                })
                .collect(),
            decisions: self.decisions.clone(),
            effects: self
                .effects
                .iter()
                .filter(|effect| !is_hosts(&effect.intent.ticket))
                .map(EffectRecord::state)
                .collect(),
            reservations: self
                .reservations
                .iter()
                .map(ReservationRecord::state)
                .collect(),
        }
    }
}

impl EffectRecord {
    /// As the bundle sees it.
    pub fn state(&self) -> EffectState {
        EffectState {
            ticket: self.intent.ticket.clone(),
            kind: match self.intent.effect {
                Effect::Seal { .. } => EffectKind::Seal,
                Effect::Notice { .. } => EffectKind::Notice,
                Effect::Delivery { .. } => EffectKind::Delivery,
                Effect::Payment(_) | Effect::Release { .. } => EffectKind::Payment,
            },
            outcome: self.outcome.clone(),
        }
    }
}
