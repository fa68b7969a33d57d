//! Four eyes: two steps of one office of which one comes right after the other are decided by two
//! persons, whether each decides for themselves or for somebody else. Whoever sent a step back has
//! seen it and does not decide it afterwards.

use crate::refusals;
use crate::state::{State, StepRecord};
use onething_contract::{Decision, FILER, Refusal};

/// Whoever decides, and on whose behalf.
fn persons(decision: &Decision) -> impl Iterator<Item = &String> {
    std::iter::once(&decision.by).chain(&decision.on_behalf_of)
}

/// Of a decision of an office.
pub(crate) fn four(state: &State, record: &StepRecord, decision: &Decision) -> Result<(), Refusal> {
    if let Some(other) = &decision.on_behalf_of
        && (other.trim().is_empty() || *other == decision.by)
    {
        return Err(refusals::deputy_of_self());
    }
    // The filer is no office, and nobody's reviewer.
    if record.office().function == FILER {
        return Ok(());
    }
    let same = |other: &&StepRecord| {
        are_consecutive(record, other)
            && persons(decision).any(|person| other.decided_by.contains(person))
    };
    match state.plan().find(same) {
        Some(other) => Err(refusals::same_person(&record.step.id, &other.step.id)),
        None => Ok(()),
    }
}

/// One comes right after the other, in one phase and office.
fn are_consecutive(one: &StepRecord, other: &StepRecord) -> bool {
    one.step.phase == other.step.phase
        && one.office() == other.office()
        && (one.step.after.contains(&other.step.id) || other.step.after.contains(&one.step.id))
}

pub(crate) fn remember(record: &mut StepRecord, decision: &Decision) {
    for person in persons(decision) {
        if !record.decided_by.contains(person) {
            record.decided_by.push(person.clone());
        }
    }
}
