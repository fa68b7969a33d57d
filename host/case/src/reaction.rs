//! The bundle has answered an event: its effects are promised, its directives obeyed. Each
//! directive is checked like a command from outside.
//!
//! A bundle answers the case as of the event, and the case may have moved on since: a filer
//! withdraws, a clerk decides. A directive that came too late is no fault; it is noted and not
//! obeyed. One that was never allowed is a fault, and then nothing of the reaction happens.

use crate::decide::{must_go_on, settle_hopeless};
use crate::decision::{at_work, can_be_taken_back, decide_step};
use crate::draft::Draft;
use crate::error::{Error, Fault};
use crate::event::Event;
use crate::money;
use crate::plan::check_plan;
use crate::refusals;
use crate::state::State;
use onething_contract::{Directive, Ending, Finding, Intent, Phase, Refusal, Step, Verdict};
use std::collections::HashSet;

pub(crate) fn react(
    draft: &mut Draft,
    to: u64,
    directives: &[Directive],
    intents: &[Intent],
) -> Result<(), Error> {
    in_turn(&draft.state, to)?;
    check_intents(&draft.state, intents)?;
    money::check_intents(&draft.state, intents)?;
    let late: Vec<bool> = directives
        .iter()
        .map(|directive| has_moved_on(&draft.state, to, directive))
        .collect();

    draft.push(Event::Reacted {
        to,
        intents: intents.to_vec(),
    });
    settle_hopeless(draft);
    for (index, (directive, late)) in directives.iter().zip(late).enumerate() {
        match obey(draft, directive) {
            Err(Error::Refused(refusal)) if late => draft.push(Event::Noted {
                directive: directive.clone(),
                moot: Some(refusal),
            }),
            Err(Error::Refused(refusal)) => {
                let nth = index + 1;
                return Err(Fault::Directive { nth, refusal }.into());
            }
            other => other?,
        }
    }
    Ok(())
}

/// Reactions are serial, in the order of events, and rest while the case is parked.
pub(crate) fn in_turn(state: &State, to: u64) -> Result<(), Error> {
    match state.next_reaction() {
        Some(next) if next == to => Ok(()),
        next => Err(Error::OutOfTurn { to, next }),
    }
}

fn check_intents(state: &State, intents: &[Intent]) -> Result<(), Fault> {
    let mut promised: HashSet<&str> = state
        .effects
        .iter()
        .map(|effect| effect.intent.ticket.as_str())
        .collect();
    for Intent { ticket, after, .. } in intents {
        if let Some(after) = after
            .iter()
            .find(|after| !promised.contains(after.as_str()))
        {
            return Err(Fault::TicketUnknown {
                ticket: ticket.clone(),
                after: after.clone(),
            });
        }
        if !promised.insert(ticket) {
            return Err(Fault::TicketTaken(ticket.clone()));
        }
    }
    Ok(())
}

/// Whether what the directive is about has changed since the event that the bundle answers.
fn has_moved_on(state: &State, to: u64, directive: &Directive) -> bool {
    let step = match directive {
        Directive::Decide(decision) => state.step(&decision.step),
        Directive::ReopenStep(step) => state.step(step),
        _ => None,
    };
    state.status_since > to || step.is_some_and(|record| record.since > to)
}

/// Changes nothing where it refuses.
fn obey(draft: &mut Draft, directive: &Directive) -> Result<(), Error> {
    must_go_on(&draft.state)?;
    match directive {
        Directive::Decide(decision) => decide_step(draft, decision, None, None)?,
        Directive::AddStep(step) => add_step(draft, step)?,
        Directive::ReopenStep(step) => reopen_step(draft, step)?,
        Directive::ReturnForCorrection(findings) => return_for_correction(draft, findings)?,
        Directive::Complete(outcome) => {
            must_be_accepted(&draft.state)?;
            draft.end(Ending::Completed, Some(outcome.clone()));
        }
        // The same "no" has another name in law before acceptance (不予受理).
        Directive::Reject(refusal) => match draft.state.accepted_at {
            Some(_) => draft.end(Ending::Rejected(refusal.clone()), None),
            None => draft.end(Ending::NotAccepted(refusal.clone()), None),
        },
        Directive::NotCompetent(office) => {
            must_not_be_accepted(&draft.state)?;
            draft.end(Ending::NotCompetent(office.clone()), None);
        }
        Directive::Other(_) => draft.push(Event::Noted {
            directive: directive.clone(),
            moot: None,
        }),
    }
    Ok(())
}

fn add_step(draft: &mut Draft, step: &Step) -> Result<(), Error> {
    if step.phase == Phase::Acceptance {
        must_not_be_accepted(&draft.state)?;
    }
    let mut plan: Vec<Step> = draft
        .state
        .plan()
        .map(|record| record.step.clone())
        .collect();
    plan.push(step.clone());
    check_plan(&plan).map_err(Fault::from)?;
    draft.push(Event::StepAdded { step: step.clone() });
    draft.advance();
    Ok(())
}

fn reopen_step(draft: &mut Draft, step: &str) -> Result<(), Refusal> {
    can_be_taken_back(&draft.state, step)?;
    draft.void_from(step);
    draft.advance();
    Ok(())
}

fn return_for_correction(draft: &mut Draft, findings: &[Finding]) -> Result<(), Refusal> {
    must_not_be_accepted(&draft.state)?;
    // The filer is told everything at once: there is no second notice of a round.
    at_work(&draft.state)?;
    if findings.is_empty() {
        return Err(refusals::reasons_missing(&Verdict::ReturnForCorrection));
    }
    draft.request_correction(findings);
    Ok(())
}

fn must_be_accepted(state: &State) -> Result<(), Refusal> {
    match state.accepted_at {
        Some(_) => Ok(()),
        None => Err(refusals::not_accepted_yet()),
    }
}

fn must_not_be_accepted(state: &State) -> Result<(), Refusal> {
    match state.accepted_at {
        Some(_) => Err(refusals::already_accepted()),
        None => Ok(()),
    }
}
