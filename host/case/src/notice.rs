//! Public notices (公示): a step that publishes something and passes when the period is over and
//! nobody has objected. How long a period of working days is, is the host's to know; it says when
//! one is over.

use crate::decide::must_go_on;
use crate::decision::{at_work, planned};
use crate::draft::Draft;
use crate::event::Event;
use crate::refusals;
use crate::state::{State, StepRecord};
use onething_contract::{
    Decision, Objection, PublicNotice, Refusal, StepMode, StepStatus, Verdict,
};

/// Who decides a notice to which nobody objected.
pub const HOST: &str = "host";
const NO_OBJECTION: &str = "公示期满无异议";

/// A notice that is published now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningNotice<'a> {
    /// Its step.
    pub step: &'a StepRecord,
    /// What is published, and for how many working days.
    pub notice: &'a PublicNotice,
    /// Since when, RFC 3339.
    pub opened_at: &'a str,
    /// Somebody has objected: its office decides, no timer does.
    pub objected: bool,
}

impl State {
    /// The public notices that run now.
    pub fn notices(&self) -> impl Iterator<Item = RunningNotice<'_>> {
        self.tasks().filter_map(|step| {
            let StepMode::PublicNotice(notice) = &step.step.mode else {
                return None;
            };
            Some(RunningNotice {
                step,
                notice,
                opened_at: step.opened_at.as_deref()?,
                objected: is_objected(self, step),
            })
        })
    }
}

pub(crate) fn object(draft: &mut Draft, step: &str, by: &str, text: &str) -> Result<(), Refusal> {
    running(&draft.state, step)?;
    if text.trim().is_empty() {
        return Err(refusals::objection_empty());
    }
    let objection = Objection {
        step: step.to_owned(),
        by: by.to_owned(),
        text: text.to_owned(),
        at: draft.at.to_owned(),
    };
    draft.push(Event::Objected(objection));
    Ok(())
}

pub(crate) fn over(draft: &mut Draft, step: &str) -> Result<(), Refusal> {
    let record = running(&draft.state, step)?;
    if is_objected(&draft.state, record) {
        return Err(refusals::notice_objected(step));
    }
    let decision = Decision {
        step: step.to_owned(),
        round: draft.state.round(),
        verdict: Verdict::NoObjection,
        reasons: Vec::new(),
        opinion: NO_OBJECTION.to_owned(),
        by: HOST.to_owned(),
        on_behalf_of: None,
        at: draft.at.to_owned(),
        payload: None,
    };
    draft.push(Event::Decided {
        decision,
        by_office: None,
    });
    draft.advance();
    Ok(())
}

/// An office does not end a period early in the applicant's favour, nor hold up its end: those who
/// may object have all of it.
pub(crate) fn not_cut_short(
    state: &State,
    record: &StepRecord,
    verdict: &Verdict,
) -> Result<(), Refusal> {
    let passes = matches!(
        verdict,
        Verdict::Approve | Verdict::NoObjection | Verdict::Hold
    );
    if passes && is_notice(record) && !is_objected(state, record) {
        return Err(refusals::notice_running(&record.step.id));
    }
    Ok(())
}

fn running<'a>(state: &'a State, step: &str) -> Result<&'a StepRecord, Refusal> {
    must_go_on(state)?;
    at_work(state)?;
    let record = planned(state, step)?;
    if !is_notice(record) {
        return Err(refusals::not_a_notice(step));
    }
    match record.status {
        StepStatus::Open | StepStatus::Held => Ok(record),
        StepStatus::Waiting | StepStatus::Gone => Err(refusals::step_not_open(step)),
        StepStatus::Decided | StepStatus::Effective => Err(refusals::already_decided(step)),
    }
}

fn is_notice(record: &StepRecord) -> bool {
    matches!(record.step.mode, StepMode::PublicNotice(_))
}

fn is_objected(state: &State, record: &StepRecord) -> bool {
    let id = &record.step.id;
    state
        .objections
        .iter()
        .any(|objection| objection.step == *id)
}
