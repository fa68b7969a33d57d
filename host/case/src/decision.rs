//! A step is decided: by its office, or by the bundle where the step is automatic.

use crate::decide::must_go_on;
use crate::draft::Draft;
use crate::event::Event;
use crate::eyes;
use crate::notice::{self, HOST};
use crate::plan::from_step_on;
use crate::refusals;
use crate::state::{State, Status, StepRecord};
use onething_contract::{
    Decision, Office, Phase, Refusal, Severity, StepMode, StepStatus, Verdict,
};

/// `by_office` is `None` where the bundle itself decides.
pub(crate) fn decide_step(
    draft: &mut Draft,
    decision: &Decision,
    by_office: Option<&Office>,
    task_version: Option<u32>,
) -> Result<(), Refusal> {
    must_go_on(&draft.state)?;
    let record = planned(&draft.state, &decision.step)?;
    who_may(record, by_office)?;
    when_possible(&draft.state, record, decision.round, task_version)?;
    if by_office.is_some() {
        eyes::four(&draft.state, record, decision)?;
    }
    which_verdict(&draft.state, record, &decision.verdict)?;
    notice::not_cut_short(&draft.state, record, &decision.verdict)?;
    with_reasons(decision)?;

    let mut decision = decision.clone();
    if by_office.is_some() {
        draft.at.clone_into(&mut decision.at);
    }
    let verdict = decision.verdict.clone();
    draft.push(Event::Decided {
        decision,
        by_office: by_office.cloned(),
    });
    if let Verdict::SendBack(earlier) = &verdict {
        draft.void_from(earlier);
    }
    draft.advance();
    Ok(())
}

/// An office takes back what it decided, as long as nothing rests on its effect.
pub(crate) fn reopen(
    draft: &mut Draft,
    step: &str,
    by: &str,
    by_office: &Office,
    reason: &str,
) -> Result<(), Refusal> {
    must_go_on(&draft.state)?;
    who_may(planned(&draft.state, step)?, Some(by_office))?;
    can_be_taken_back(&draft.state, step)?;
    // The end of a public notice is the host's, and nobody's to take back.
    if draft
        .state
        .standing(step)
        .is_some_and(|decision| decision.by == HOST)
    {
        return Err(refusals::step_not_decided(step));
    }
    if reason.trim().is_empty() {
        return Err(refusals::reason_missing());
    }
    draft.push(Event::Reopened {
        step: step.to_owned(),
        by: by.to_owned(),
        by_office: by_office.clone(),
        reason: reason.to_owned(),
    });
    draft.void_from(step);
    draft.advance();
    Ok(())
}

/// The step is decided or held, and has not taken effect.
pub(crate) fn can_be_taken_back(state: &State, step: &str) -> Result<(), Refusal> {
    at_work(state)?;
    match planned(state, step)?.status {
        StepStatus::Decided | StepStatus::Held => Ok(()),
        StepStatus::Effective => Err(refusals::already_effective(step)),
        StepStatus::Waiting | StepStatus::Open | StepStatus::Gone => {
            Err(refusals::step_not_decided(step))
        }
    }
}

pub(crate) fn planned<'a>(state: &'a State, step: &str) -> Result<&'a StepRecord, Refusal> {
    state.step(step).ok_or_else(|| refusals::unknown_step(step))
}

fn who_may(record: &StepRecord, by_office: Option<&Office>) -> Result<(), Refusal> {
    let step = record.step.id.as_str();
    let automatic = record.step.mode == StepMode::Automatic;
    match by_office {
        None if !automatic => Err(refusals::not_automatic(step)),
        Some(_) if automatic => Err(refusals::automatic_step(step)),
        Some(office) if office != record.office() => {
            Err(refusals::wrong_office(step, record.office()))
        }
        _ => Ok(()),
    }
}

/// Offices rest while the filer corrects or the parties sign.
pub(crate) fn at_work(state: &State) -> Result<(), Refusal> {
    match state.status {
        Status::Signing => Err(refusals::awaiting_signatures()),
        Status::Correction => Err(refusals::awaiting_correction()),
        Status::Acceptance | Status::Examination | Status::Ended(_) => Ok(()),
    }
}

fn when_possible(
    state: &State,
    record: &StepRecord,
    round: u32,
    task_version: Option<u32>,
) -> Result<(), Refusal> {
    let step = record.step.id.as_str();
    if round != state.round() {
        return Err(refusals::wrong_round(round, state.round()));
    }
    match record.status {
        StepStatus::Waiting => {
            at_work(state)?;
            return Err(refusals::step_not_open(step));
        }
        StepStatus::Decided | StepStatus::Effective => return Err(refusals::already_decided(step)),
        StepStatus::Gone => return Err(refusals::unknown_step(step)),
        StepStatus::Open | StepStatus::Held => {}
    }
    at_work(state)?;
    match task_version {
        Some(seen) if seen != record.task_version => {
            Err(refusals::stale_task(step, seen, record.task_version))
        }
        _ => Ok(()),
    }
}

fn which_verdict(state: &State, record: &StepRecord, verdict: &Verdict) -> Result<(), Refusal> {
    let phase = record.step.phase;
    let not_here = || Err(refusals::verdict_not_here(verdict, phase));
    match (verdict, phase) {
        (Verdict::ReturnForCorrection | Verdict::NotCompetent(_), Phase::Examination)
        | (Verdict::Hold, Phase::Acceptance) => not_here(),
        (Verdict::SendBack(earlier), _) => {
            let target = planned(state, earlier)?;
            let rests_on = from_step_on(state.plan().map(|record| &record.step), earlier);
            if *earlier == record.step.id || !rests_on.contains(record.step.id.as_str()) {
                return Err(refusals::step_not_earlier(&record.step.id, earlier));
            }
            // Acceptance is over for good: the legal clock runs.
            if target.step.phase != phase {
                return not_here();
            }
            match target.status {
                StepStatus::Decided | StepStatus::Effective => Ok(()),
                _ => Err(refusals::step_not_decided(earlier)),
            }
        }
        _ => Ok(()),
    }
}

fn with_reasons(decision: &Decision) -> Result<(), Refusal> {
    let given = decision
        .reasons
        .iter()
        .any(|reason| reason.severity == Severity::Error);
    let enough = match decision.verdict {
        Verdict::Approve | Verdict::NoObjection | Verdict::Transfer(_) => true,
        Verdict::Hold => given || !decision.opinion.trim().is_empty(),
        Verdict::Reject
        | Verdict::ReturnForCorrection
        | Verdict::NotCompetent(_)
        | Verdict::SendBack(_) => given,
    };
    if enough {
        Ok(())
    } else {
        Err(refusals::reasons_missing(&decision.verdict))
    }
}
