//! Which events a command leads to. The commands about the case as a whole are here; decisions of
//! steps are in `decision`, the bundle's answers in `reaction`.

use crate::command::Command;
use crate::draft::Draft;
use crate::error::{Error, Fault};
use crate::event::{Event, Recorded, Registration, Round};
use crate::money::ReservationRecord;
use crate::plan::check_plan;
use crate::state::{EffectRecord, State, Status};
use crate::{
    afterwards, decision, instant, material, money, notice, reaction, refusals, signing, timer,
};
use onething_contract::{Ending, Refusal, Settlement, Step, StepStatus, Ticket, Verdict};
use serde_json::{Map, Value};

/// The events that `command`, given at `at` (RFC 3339), leads to: at least one, numbered on from
/// the last event of `state`. `None` is the case that does not exist yet.
///
/// An error means that nothing has happened.
pub fn decide(state: Option<&State>, at: &str, command: &Command) -> Result<Vec<Recorded>, Error> {
    let Some(state) = state else {
        return match command {
            Command::Register(registration) => register(registration, at),
            _ => Err(refusals::unknown_case().into()),
        };
    };
    let mut draft = Draft::of(state, instant::not_before(&state.last_at, at)?);
    match command {
        Command::Register(_) => return Err(refusals::already_registered(&state.id).into()),
        Command::Decide {
            decision,
            by_office,
            task_version,
        } => decision::decide_step(&mut draft, decision, Some(by_office), *task_version)?,
        Command::Correct(round) => correct(&mut draft, round)?,
        Command::Sign {
            subject,
            role,
            round,
            by,
        } => signing::sign(&mut draft, subject, role, *round, by)?,
        Command::Unsign {
            subject,
            role,
            by,
            reason,
        } => signing::unsign(&mut draft, subject, role, by, reason)?,
        Command::Object { step, by, text } => notice::object(&mut draft, step, by, text)?,
        Command::NoticeOver { step } => notice::over(&mut draft, step)?,
        Command::Reserve { budget } => money::reserve(&mut draft, budget)?,
        Command::Withdraw { by, reason } => withdraw(&mut draft, by, reason)?,
        Command::Lapse { by } => signing::lapse(&mut draft, by)?,
        Command::SupplyMaterial(material) => material::supply(&mut draft, material)?,
        Command::MaterialOverdue { code } => material::overdue(&mut draft, code)?,
        Command::Reopen {
            step,
            by,
            by_office,
            reason,
        } => decision::reopen(&mut draft, step, by, by_office, reason)?,
        Command::React {
            to,
            directives,
            intents,
        } => reaction::react(&mut draft, *to, directives, intents)?,
        Command::Park {
            to,
            function,
            fault,
            detail,
        } => {
            reaction::in_turn(state, *to)?;
            draft.push(Event::Parked {
                to: *to,
                function: function.clone(),
                fault: fault.clone(),
                detail: detail.clone(),
            });
        }
        Command::Resume { by } => resume(&mut draft, by)?,
        Command::Settle(settlement) => settle(&mut draft, settlement, None)?,
        Command::SettleByHand {
            settlement,
            by,
            opinion,
        } => settle(&mut draft, settlement, Some((by, opinion)))?,
        Command::Rate { score, by, comment } => {
            afterwards::rate(&mut draft, *score, by, comment.as_deref())?;
        }
        Command::Repair {
            by,
            by_office,
            text,
        } => afterwards::repair(&mut draft, by, by_office, text)?,
        Command::CheckCommitment {
            code,
            kept,
            opinion,
            by,
            by_office,
        } => afterwards::check_commitment(&mut draft, code, *kept, opinion, by, by_office)?,
        Command::Appeal { case_id, by } => afterwards::appeal(&mut draft, case_id, by)?,
        Command::Ring {
            timer,
            rung,
            to,
            notice,
        } => timer::ring(&mut draft, timer, rung, *to, notice.as_ref())?,
    }
    Ok(draft.into_events())
}

fn register(registration: &Registration, at: &str) -> Result<Vec<Recorded>, Error> {
    instant::well_formed(at)?;
    check_round(&registration.round, 0, &[], at)?;
    let mut draft = Draft::registering(registration, at);
    draft.advance();
    Ok(draft.into_events())
}

/// A correction voids only what was asked to be corrected and what rests on elements that changed.
fn correct(draft: &mut Draft, round: &Round) -> Result<(), Error> {
    must_go_on(&draft.state)?;
    if draft.state.status != Status::Correction {
        return Err(refusals::no_correction_awaited(&draft.state.status).into());
    }
    let next = draft.state.round().saturating_add(1);
    check_round(round, next, &draft.state.reservations, draft.at)?;
    let (before, after) = (&draft.state.submission, &round.submission);
    if (&before.subject, &before.filer.unit, &before.region)
        != (&after.subject, &after.filer.unit, &after.region)
    {
        return Err(refusals::another_matter().into());
    }

    let changed = changed_elements(&draft.state, round)?;
    let voided: Vec<String> = round
        .plan
        .iter()
        .filter(|step| is_void(&draft.state, step, &changed))
        .map(|step| step.id.clone())
        .collect();
    draft.push(Event::Corrected {
        round: Box::new(round.clone()),
        changed,
    });
    for step in voided {
        draft.push(Event::StepVoided { step });
    }
    draft.advance();
    Ok(())
}

/// Whether what an office began or decided before a correction is void after it.
fn is_void(state: &State, step: &Step, changed: &[String]) -> bool {
    let Some(before) = state.step(&step.id) else {
        return false;
    };
    let returned = state
        .standing(&step.id)
        .is_some_and(|decision| decision.verdict == Verdict::ReturnForCorrection);
    let other_work = before.step.phase != step.phase || before.step.office != step.office;
    let reads_changed = step.reads.iter().any(|element| changed.contains(element));
    before.status != StepStatus::Waiting && (returned || other_work || reads_changed)
}

fn check_round(
    round: &Round,
    expected: u32,
    before: &[ReservationRecord],
    at: &str,
) -> Result<(), Error> {
    if round.submission.round != expected {
        return Err(refusals::wrong_round(round.submission.round, expected).into());
    }
    signing::not_in_future(&round.submission.parties, at)?;
    material::check_promises(&round.submission)?;
    answers(&round.answers)?;
    derived(&round.assessment.derived)?;
    money::check_reservations(&round.assessment.reservations, before)?;
    check_plan(&round.plan).map_err(Fault::from)?;
    Ok(())
}

fn changed_elements(state: &State, round: &Round) -> Result<Vec<String>, Error> {
    let mut changed = differing(&answers(&state.answers)?, &answers(&round.answers)?);
    changed.extend(differing(
        &derived(&state.assessment.derived)?,
        &derived(&round.assessment.derived)?,
    ));
    changed.sort();
    changed.dedup();
    Ok(changed)
}

fn differing(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    before
        .keys()
        .chain(after.keys())
        .filter(|element| before.get(*element) != after.get(*element))
        .cloned()
        .collect()
}

fn answers(json: &str) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_str(json).map_err(|error| refusals::answers_not_an_object(&error))
}

fn derived(json: &str) -> Result<Map<String, Value>, Fault> {
    serde_json::from_str(json).map_err(Fault::Derived)
}

pub(crate) fn withdraw(draft: &mut Draft, by: &str, reason: &str) -> Result<(), Refusal> {
    must_go_on(&draft.state)?;
    draft.push(Event::Withdrawn {
        by: by.into(),
        reason: reason.into(),
    });
    draft.end(Ending::Withdrawn, None);
    Ok(())
}

fn resume(draft: &mut Draft, by: &str) -> Result<(), Refusal> {
    if draft.state.parked.is_none() {
        return Err(refusals::not_parked());
    }
    draft.push(Event::Resumed { by: by.into() });
    Ok(())
}

/// A ticket has one outcome. Where that is a "no", everything that waits for it has the same fate.
fn settle(
    draft: &mut Draft,
    settlement: &Settlement,
    by_hand: Option<(&String, &String)>,
) -> Result<(), Refusal> {
    let ticket = &settlement.ticket;
    let known = |effect: &&EffectRecord| effect.intent.ticket == *ticket;
    match draft.state.effects.iter().find(known) {
        None => return Err(refusals::unknown_ticket(ticket)),
        Some(effect) if effect.outcome.is_some() => return Err(refusals::already_settled(ticket)),
        Some(effect) => money::check_answer(&effect.intent, &settlement.outcome)?,
    }
    if let Some((by, opinion)) = by_hand {
        draft.push(Event::SettledByHand {
            ticket: ticket.clone(),
            by: by.clone(),
            opinion: opinion.clone(),
        });
    }
    draft.push(Event::EffectSettled(settlement.clone()));
    settle_hopeless(draft);
    Ok(())
}

/// Refuses the effects that wait for a refused one, and so on until none is left.
pub(crate) fn settle_hopeless(draft: &mut Draft) {
    while let Some((ticket, failed)) = hopeless(&draft.state.effects) {
        let outcome = Err(refusals::prerequisite_failed(&failed));
        draft.push(Event::EffectSettled(Settlement { ticket, outcome }));
    }
}

fn hopeless(effects: &[EffectRecord]) -> Option<(Ticket, Ticket)> {
    let refused = |ticket: &&Ticket| {
        effects.iter().any(|effect| {
            effect.intent.ticket == **ticket && matches!(effect.outcome, Some(Err(_)))
        })
    };
    effects
        .iter()
        .filter(|effect| effect.outcome.is_none())
        .find_map(|effect| {
            let failed = effect.intent.after.iter().find(refused)?;
            Some((effect.intent.ticket.clone(), failed.clone()))
        })
}

/// After the end there are effects, their outcomes and what is in `afterwards`, nothing else.
pub(crate) fn must_go_on(state: &State) -> Result<(), Refusal> {
    match &state.status {
        status @ Status::Ended(_) => Err(refusals::case_ended(status)),
        _ => Ok(()),
    }
}
