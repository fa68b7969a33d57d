//! What a case is after its events. Only events change it; whether they should have happened is
//! not asked here.

use crate::afterwards::{Appeal, Repair, Repaired};
use crate::clock::{LegalHold, Limits, Timing};
use crate::error::HistoryError;
use crate::event::{CommitmentCheck, Event, Recorded, Registration, Round, unsigned};
use crate::money::{self, ReservationRecord};
use crate::timer::Rang;
use crate::{eyes, material};
use onething_contract::{
    Assessment, Decision, Effect, Ending, Intent, Json, Objection, Office, Party, Phase, Refusal,
    Step, StepMode, StepStatus, Subject, Submission, Verdict,
};
use std::collections::VecDeque;

/// A case as of its last event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The case's id.
    pub id: String,
    /// The matter's name.
    pub matter: String,
    /// The bundle's version.
    pub version: String,
    /// The bundle's digest.
    pub digest: String,
    /// The kinds of event that the bundle answers.
    pub hears: Vec<String>,
    /// The date that picked the bundle.
    pub legal_date: String,
    /// The case whose outcome this one goes over.
    pub appeal_of: Option<String>,
    /// When it was received (收件), RFC 3339.
    pub registered_at: String,
    /// When the legal clock started (受理), RFC 3339.
    pub accepted_at: Option<String>,
    /// When it ended, RFC 3339.
    pub ended_at: Option<String>,
    /// How far it has come.
    pub status: Status,
    /// The number of the event that brought it there.
    pub status_since: u64,
    /// The caller who opened the case: the filer's side of it.
    pub submitted_by: String,
    /// The current round's submission, with the materials that came in since.
    pub submission: Submission,
    /// The current round's answers: an object, element code to value.
    pub answers: Json,
    /// What the bundle said of them: scenario, derived elements, unique keys.
    pub assessment: Assessment,
    /// In the plan's order, those that a correction took out of it behind the others.
    pub steps: Vec<StepRecord>,
    /// The decisions that stand, at most one a step, in the order they were made.
    pub decisions: Vec<Decision>,
    /// In the order the bundle named them, those that a correction dropped behind the others.
    pub reservations: Vec<ReservationRecord>,
    /// The promised materials that did not come in by their day; one that came late stays here.
    pub overdue: Vec<String>,
    /// To the notices that run or were decided; a step that is voided loses its own.
    pub objections: Vec<Objection>,
    /// In the order they were asked for.
    pub effects: Vec<EffectRecord>,
    /// What a completed case came to.
    pub outcome: Option<Json>,
    /// The filer's rating, 1 to 5.
    pub rating: Option<u8>,
    /// What a poor rating asks for.
    pub repair: Option<Repair>,
    /// The commitments that were checked after completion.
    pub checks: Vec<CommitmentCheck>,
    /// The case that goes over the outcome of this one.
    pub appeal: Option<Appeal>,
    /// Why the bundle's reactions rest until an operator resumes them.
    pub parked: Option<Parked>,
    /// The number of the last event.
    pub last_event: u64,
    /// When it happened, RFC 3339.
    pub last_at: String,
    /// The bundle has answered every event up to this one.
    pub reacted_to: u64,
    /// The numbers of the events that the bundle has yet to answer.
    unanswered: VecDeque<u64>,
    /// How long the matter may take.
    pub limits: Option<Limits>,
    /// The rungs that rang, in order.
    pub rang: Vec<Rang>,
    /// What stopped the clocks, in order.
    pub(crate) holds: Vec<LegalHold>,
}

/// How far a case has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Received (收件), waiting for parties to sign.
    Signing,
    /// Received (收件), under acceptance.
    Acceptance,
    /// Waiting for the filer's next round (补正).
    Correction,
    /// Accepted (受理), under examination.
    Examination,
    /// Over.
    Ended(Ending),
}

/// A step and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// As planned.
    pub step: Step,
    /// The office it was handed to, if not the planned one.
    pub transferred_to: Option<Office>,
    /// Where it stands.
    pub status: StepStatus,
    /// 0 before it opens, then 1, and one more whenever it opens again, is held or handed over.
    pub task_version: u32,
    /// When it last opened, RFC 3339.
    pub opened_at: Option<String>,
    /// The number of the event that last opened, decided, voided it or put it into effect; or 0.
    pub since: u64,
    /// Everybody who decided it for an office, or on whose behalf that was done, even if the decision
    /// no longer stands.
    pub decided_by: Vec<String>,
    /// What its clocks rest on.
    pub(crate) timing: Timing,
}

/// An effect and, once it is carried out, its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectRecord {
    /// What was asked for.
    pub intent: Intent,
    /// What came of it.
    pub outcome: Option<Result<Json, Refusal>>,
}

/// A reaction that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The event that the bundle could not answer.
    pub to: u64,
    /// The export that was called.
    pub function: String,
    /// The fault's name.
    pub fault: String,
    /// What an operator needs to know.
    pub detail: String,
    /// Since when, RFC 3339.
    pub at: String,
}

impl State {
    /// The state after one more event.
    pub fn evolve(state: Option<State>, recorded: &Recorded) -> Result<State, HistoryError> {
        let n = recorded.n;
        let expected = state.as_ref().map_or(0, |state| state.last_event) + 1;
        if n != expected {
            return Err(HistoryError::Number { expected, found: n });
        }
        match (state, &recorded.event) {
            (None, Event::Registered(registration)) => {
                Ok(State::registered(registration, recorded))
            }
            (Some(mut state), event) if !matches!(event, Event::Registered(_)) => {
                state.apply(recorded);
                Ok(state)
            }
            _ => Err(HistoryError::Registration { n }),
        }
    }

    /// The state after more events.
    pub fn after<'a>(
        self,
        events: impl IntoIterator<Item = &'a Recorded>,
    ) -> Result<State, HistoryError> {
        events
            .into_iter()
            .try_fold(self, |state, recorded| State::evolve(Some(state), recorded))
    }

    /// The state after a whole history, or after a beginning of it.
    pub fn from_events<'a>(
        history: impl IntoIterator<Item = &'a Recorded>,
    ) -> Result<State, HistoryError> {
        let mut state = None;
        for recorded in history {
            state = Some(State::evolve(state, recorded)?);
        }
        state.ok_or(HistoryError::Empty)
    }

    /// The current round: 0, and one more per correction.
    pub fn round(&self) -> u32 {
        self.submission.round
    }

    /// The steps of the current plan.
    pub fn plan(&self) -> impl Iterator<Item = &StepRecord> + Clone {
        self.steps
            .iter()
            .filter(|record| record.status != StepStatus::Gone)
    }

    /// A step of the current plan.
    pub fn step(&self, id: &str) -> Option<&StepRecord> {
        self.plan().find(|record| record.step.id == id)
    }

    /// The decision of a step that stands.
    pub fn standing(&self, step: &str) -> Option<&Decision> {
        self.decisions.iter().find(|decision| decision.step == step)
    }

    /// The steps that people can decide now, with [`StepRecord::office`] saying who.
    pub fn tasks(&self) -> impl Iterator<Item = &StepRecord> {
        let at_work = matches!(self.status, Status::Acceptance | Status::Examination);
        self.plan().filter(move |record| {
            at_work && record.is_open() && record.step.mode != StepMode::Automatic
        })
    }

    /// The number of the event that the bundle answers next; `None` where it has answered all, and
    /// while the case is parked.
    pub fn next_reaction(&self) -> Option<u64> {
        match self.parked {
            Some(_) => None,
            None => self.unanswered.front().copied(),
        }
    }

    /// The parties who have still to sign.
    pub fn unsigned(&self) -> impl Iterator<Item = &Party> {
        unsigned(&self.submission)
    }

    pub(crate) fn is_approved(&self, step: &str) -> bool {
        self.standing(step).is_some_and(|decision| {
            matches!(decision.verdict, Verdict::Approve | Verdict::NoObjection)
        })
    }

    /// The state at its first event.
    pub(crate) fn registered(registration: &Registration, recorded: &Recorded) -> State {
        let round = &registration.round;
        let mut state = State {
            id: registration.id.clone(),
            matter: registration.matter.clone(),
            version: registration.version.clone(),
            digest: registration.digest.clone(),
            hears: registration.hears.clone(),
            legal_date: registration.legal_date.clone(),
            appeal_of: registration.appeal_of.clone(),
            registered_at: recorded.at.clone(),
            accepted_at: None,
            ended_at: None,
            status: entrance(&round.submission),
            status_since: recorded.n,
            submitted_by: round.submitted_by.clone(),
            submission: round.submission.clone(),
            answers: round.answers.clone(),
            assessment: round.assessment.clone(),
            steps: round.plan.iter().cloned().map(StepRecord::new).collect(),
            decisions: Vec::new(),
            reservations: money::reservations(&round.assessment.reservations, Vec::new()),
            overdue: Vec::new(),
            objections: Vec::new(),
            effects: Vec::new(),
            outcome: None,
            rating: None,
            repair: None,
            checks: Vec::new(),
            appeal: None,
            parked: None,
            last_event: 0,
            last_at: String::new(),
            reacted_to: 0,
            unanswered: VecDeque::new(),
            limits: registration.limits.clone(),
            rang: Vec::new(),
            holds: Vec::new(),
        };
        state.count(recorded);
        state
    }

    /// Takes in an event after the first.
    pub(crate) fn apply(&mut self, recorded: &Recorded) {
        let Recorded { n, at, event } = recorded;
        self.count(recorded);
        match event {
            Event::Accepted => {
                self.enter(Status::Examination, *n);
                self.accepted_at = Some(at.clone());
            }
            Event::StepAdded { step } => {
                let record = take_step(&mut self.steps, step);
                self.steps.push(record);
            }
            Event::StepOpened { step } => self.change(step, *n, |record| {
                record.status = StepStatus::Open;
                record.task_version += 1;
                record.opened_at = Some(at.clone());
            }),
            Event::StepVoided { step } => {
                self.decisions.retain(|decision| decision.step != *step);
                self.objections.retain(|objection| objection.step != *step);
                self.change(step, *n, |record| record.status = StepStatus::Waiting);
            }
            Event::StepEffective { step } => {
                self.change(step, *n, |record| record.status = StepStatus::Effective);
            }
            Event::Decided {
                decision,
                by_office,
            } => {
                self.decided(decision, *n);
                if by_office.is_some() {
                    self.change(&decision.step, *n, |record| {
                        eyes::remember(record, decision)
                    });
                }
            }
            Event::CorrectionRequested { .. } => self.enter(Status::Correction, *n),
            Event::Signed { subject, role, .. } => self.signed(subject, role, Some(at)),
            Event::SignatureRevoked { subject, role, .. } => self.signed(subject, role, None),
            Event::Filed { round } => {
                if *round == 0 {
                    self.submission.filed_at.clone_from(at);
                }
                self.enter(Status::Acceptance, *n);
            }
            Event::Objected(objection) => self.objections.push(objection.clone()),
            Event::Reserved { budget } => money::reserved(&mut self.reservations, budget),
            Event::Corrected { round, .. } => self.corrected(round, *n),
            Event::MaterialSupplied { material } => material::supplied(self, material),
            Event::MaterialOverdue { code } => self.overdue.push(code.clone()),
            Event::Reacted { to, intents } => {
                self.reacted_to = *to;
                self.unanswered.retain(|unanswered| unanswered > to);
                money::asked(&mut self.reservations, intents);
                self.effects
                    .extend(intents.iter().cloned().map(|intent| EffectRecord {
                        intent,
                        outcome: None,
                    }));
            }
            Event::EffectSettled(settlement) => {
                for effect in &mut self.effects {
                    if effect.intent.ticket == settlement.ticket {
                        effect.outcome = Some(settlement.outcome.clone());
                        money::settled(&mut self.reservations, effect);
                    }
                }
            }
            Event::Parked {
                to,
                function,
                fault,
                detail,
            } => {
                self.parked = Some(Parked {
                    to: *to,
                    function: function.clone(),
                    fault: fault.clone(),
                    detail: detail.clone(),
                    at: at.clone(),
                });
            }
            Event::Resumed { .. } => self.parked = None,
            Event::Ended { ending, outcome } => {
                self.enter(Status::Ended(ending.clone()), *n);
                self.ended_at = Some(at.clone());
                self.outcome.clone_from(outcome);
            }
            Event::Rated { score, .. } => self.rating = Some(*score),
            Event::RepairOpened => {
                self.repair = Some(Repair {
                    opened_at: at.clone(),
                    done: None,
                });
            }
            Event::Repaired { by, text, .. } => {
                if let Some(repair) = &mut self.repair {
                    repair.done = Some(Repaired {
                        by: by.clone(),
                        text: text.clone(),
                        at: at.clone(),
                    });
                }
            }
            Event::CommitmentChecked(check) => self.checks.push(check.clone()),
            Event::Appealed { case_id, by } => {
                self.appeal = Some(Appeal {
                    case_id: case_id.clone(),
                    by: by.clone(),
                    at: at.clone(),
                });
            }
            Event::Rang { intent, .. } => {
                self.effects
                    .extend(intent.iter().cloned().map(|intent| EffectRecord {
                        intent,
                        outcome: None,
                    }));
            }
            Event::Registered(_)
            | Event::Noted { .. }
            | Event::SettledByHand { .. }
            | Event::Reopened { .. }
            | Event::Withdrawn { .. } => {}
        }
        self.clock(recorded);
        if self.asks_for_no_more() {
            money::give_back(&mut self.reservations);
        }
    }

    fn count(&mut self, recorded: &Recorded) {
        self.last_event = recorded.n;
        self.last_at.clone_from(&recorded.at);
        if recorded.heard(&self.hears).is_some() {
            self.unanswered.push_back(recorded.n);
        }
    }

    fn signed(&mut self, subject: &Subject, role: &str, at: Option<&String>) {
        let party = |party: &&mut Party| party.subject == *subject && party.role == role;
        if let Some(party) = self.submission.parties.iter_mut().find(party) {
            party.signed_at = at.cloned();
        }
    }

    /// The case is over, the bundle has said all it has to say of it, and no money is on its way.
    fn asks_for_no_more(&self) -> bool {
        matches!(self.status, Status::Ended(_))
            && self.unanswered.is_empty()
            && !self.effects.iter().any(EffectRecord::moves_money)
    }

    fn enter(&mut self, status: Status, n: u64) {
        self.status = status;
        self.status_since = n;
    }

    fn change(&mut self, step: &str, n: u64, change: impl FnOnce(&mut StepRecord)) {
        if let Some(record) = self.steps.iter_mut().find(|record| record.step.id == step) {
            change(record);
            record.since = n;
        }
    }

    /// A step's next decision takes the place of its last. Sending back and handing over move the
    /// work on without judging the case: they are history, and nothing of them stands.
    fn decided(&mut self, decision: &Decision, n: u64) {
        self.decisions
            .retain(|standing| standing.step != decision.step);
        if !matches!(
            decision.verdict,
            Verdict::SendBack(_) | Verdict::Transfer(_)
        ) {
            self.decisions.push(decision.clone());
        }
        self.change(&decision.step, n, |record| match &decision.verdict {
            // Nothing depends on the effect of an approval in acceptance: it has it at once.
            Verdict::Approve | Verdict::NoObjection if record.step.phase == Phase::Acceptance => {
                record.status = StepStatus::Effective;
            }
            Verdict::Approve
            | Verdict::NoObjection
            | Verdict::Reject
            | Verdict::ReturnForCorrection
            | Verdict::NotCompetent(_) => record.status = StepStatus::Decided,
            Verdict::Hold => {
                record.status = StepStatus::Held;
                record.task_version += 1;
            }
            Verdict::Transfer(office) => {
                record.status = StepStatus::Open;
                record.task_version += 1;
                record.transferred_to = Some(office.clone());
            }
            // The steps that are voided next say what it led to.
            Verdict::SendBack(_) => {}
        });
    }

    /// The new plan takes over what became of the steps that it still has.
    fn corrected(&mut self, round: &Round, n: u64) {
        let mut before = std::mem::take(&mut self.steps);
        for step in &round.plan {
            self.steps.push(take_step(&mut before, step));
        }
        for mut record in before {
            self.decisions
                .retain(|decision| decision.step != record.step.id);
            self.objections
                .retain(|objection| objection.step != record.step.id);
            record.status = StepStatus::Gone;
            self.steps.push(record);
        }
        material::corrected(&mut self.overdue, &self.submission, &round.submission);
        self.submission = round.submission.clone();
        self.answers.clone_from(&round.answers);
        self.assessment = round.assessment.clone();
        let before = std::mem::take(&mut self.reservations);
        self.reservations = money::reservations(&round.assessment.reservations, before);
        self.enter(entrance(&round.submission), n);
    }
}

impl Status {
    /// One word, kebab-case; an ended case is known by how it ended.
    pub fn as_str(&self) -> &'static str {
        match self {
            Status::Signing => "signing",
            Status::Acceptance => "acceptance",
            Status::Correction => "correction",
            Status::Examination => "examination",
            Status::Ended(Ending::Completed) => "completed",
            Status::Ended(Ending::Rejected(_)) => "rejected",
            Status::Ended(Ending::NotAccepted(_)) => "not-accepted",
            Status::Ended(Ending::NotCompetent(_)) => "not-competent",
            Status::Ended(Ending::Withdrawn) => "withdrawn",
        }
    }
}

/// Where a round begins.
fn entrance(submission: &Submission) -> Status {
    match unsigned(submission).next() {
        Some(_) => Status::Signing,
        None => Status::Acceptance,
    }
}

/// The record of a planned step: the one that is there already, or a new one.
fn take_step(records: &mut Vec<StepRecord>, step: &Step) -> StepRecord {
    match records.iter().position(|record| record.step.id == step.id) {
        Some(index) => records.remove(index).replanned(step.clone()),
        None => StepRecord::new(step.clone()),
    }
}

impl EffectRecord {
    /// Money goes out or back, and it is not known yet how that ended.
    pub fn moves_money(&self) -> bool {
        self.outcome.is_none()
            && matches!(
                self.intent.effect,
                Effect::Payment(_) | Effect::Release { .. }
            )
    }
}

impl StepRecord {
    fn new(step: Step) -> StepRecord {
        StepRecord {
            step,
            transferred_to: None,
            status: StepStatus::Waiting,
            task_version: 0,
            opened_at: None,
            since: 0,
            decided_by: Vec::new(),
            timing: Timing::default(),
        }
    }

    /// The office whose step it is now.
    pub fn office(&self) -> &Office {
        self.transferred_to.as_ref().unwrap_or(&self.step.office)
    }

    /// Open or held: it can be decided.
    pub fn is_open(&self) -> bool {
        matches!(self.status, StepStatus::Open | StepStatus::Held)
    }

    fn replanned(mut self, step: Step) -> StepRecord {
        // The bundle plans without knowing of transfers: the same office as before means no change.
        if step.office != self.step.office {
            self.transferred_to = None;
        }
        if self.status == StepStatus::Gone {
            self.status = StepStatus::Waiting;
            self.decided_by.clear();
        }
        self.step = step;
        self
    }
}
