//! The read model of a case: what the store lists without reading histories.

use crate::drive::Invoked;
use crate::engine::stamp;
use crate::timers;
use crate::work::LEASE;
use chrono::{DateTime, Utc};
use onething_capabilities::{Parameters, notice_over};
use onething_case::{Event, REPAIR, Recorded, ReservationRecord, RunningNotice, State, Status};
use onething_contract::manifest::Manifest;
use onething_contract::{
    Effect, Ending, Json, Material, MaterialStatus, ReservationStatus, Settlement, StepStatus,
};
use onething_store::{
    CaseRow, Commit, Hand, Instruction, JournalEntry, Keys, NewEffect, NoticeRow, Settled, TaskRow,
};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value};

/// What one command adds to a case. `manifest` is that of its bundle, where this host has it.
pub fn commit(
    before: Option<&State>,
    state: &State,
    events: Vec<Recorded>,
    invoked: &[(u64, Invoked)],
    manifest: Option<&Manifest>,
    parameters: &Parameters,
) -> Commit {
    let journal = invoked.iter().map(|(event, invoked)| JournalEntry {
        event: *event,
        function: invoked.outcome.output.function().to_owned(),
        body: invoked.outcome.journal(*event, &state.digest),
        usage: serde_json::to_value(invoked.usage).unwrap_or_default(),
    });
    Commit {
        case: case_row(state),
        tasks: state
            .tasks()
            .map(|task| TaskRow {
                case_id: state.id.clone(),
                step: task.step.id.clone(),
                office: task.office().clone(),
                role: task.step.role.clone(),
                status: word(task.status),
                version: task.task_version,
                round: state.round(),
                opened_at: task.opened_at.clone().unwrap_or_default(),
                notice: state
                    .notices()
                    .find(|running| running.step.step.id == task.step.id)
                    .map(|running| notice_row(&running, parameters)),
            })
            .chain(repair(state))
            .collect(),
        journal: journal.collect(),
        materials: materials(&events),
        effects: effects(&events),
        settled: settled(&events)
            .map(|settlement| Settled {
                settlement: settlement.clone(),
                claim: None,
                by_hand: hand(&events, &settlement.ticket),
            })
            .collect(),
        timers: timers::rows(state, parameters),
        react_due: react_due(&events),
        ledger: ledger(before, state, &events),
        groups: groups(state, &events, manifest),
        keys: keys(before, state),
        events,
    }
}

/// What a poor rating asks for, in the inbox of the leading office.
fn repair(state: &State) -> Option<TaskRow> {
    let task = state.repair_task()?;
    Some(TaskRow {
        case_id: state.id.clone(),
        step: REPAIR.to_owned(),
        office: task.office.clone(),
        role: task.role.to_owned(),
        status: word(StepStatus::Open),
        version: 1,
        round: state.round(),
        opened_at: task.opened_at.to_owned(),
        notice: None,
    })
}

/// How a case stands, as lists have it.
pub fn case_row(state: &State) -> CaseRow {
    CaseRow {
        id: state.id.clone(),
        region: state.submission.region.clone(),
        matter: state.matter.clone(),
        digest: state.digest.clone(),
        subject: state.submission.subject.identifier.clone(),
        submitted_by: state.submitted_by.clone(),
        status: state.status.as_str().to_owned(),
        round: state.round(),
        version: state.last_event,
        next_reaction: state.next_reaction(),
        parked: state.parked.is_some(),
        registered_at: state.registered_at.clone(),
        ended_at: state.ended_at.clone(),
    }
}

/// A contract enum as its word.
pub fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The files that the events name, which are kept as long as the case.
fn materials(events: &[Recorded]) -> Vec<String> {
    let named = events.iter().flat_map(|recorded| match &recorded.event {
        Event::Registered(registration) => registration.round.submission.materials.as_slice(),
        Event::Corrected { round, .. } => round.submission.materials.as_slice(),
        Event::MaterialSupplied { material } => std::slice::from_ref(material),
        _ => &[],
    });
    let file = |material: &Material| match &material.status {
        MaterialStatus::Supplied(sha256) => Some(sha256.clone()),
        _ => None,
    };
    named.filter_map(file).collect()
}

fn effects(events: &[Recorded]) -> Vec<NewEffect> {
    let asked = events.iter().filter_map(|recorded| match &recorded.event {
        Event::Reacted { to, intents } => Some((*to, intents.as_slice())),
        Event::Rang { intent, .. } => Some((recorded.n, intent.as_slice())),
        _ => None,
    });
    asked
        .flat_map(|(event, intents)| {
            intents.iter().map(move |intent| NewEffect {
                event,
                intent: intent.clone(),
            })
        })
        .collect()
}

fn settled(events: &[Recorded]) -> impl Iterator<Item = &Settlement> {
    events.iter().filter_map(|recorded| match &recorded.event {
        Event::EffectSettled(settlement) => Some(settlement),
        _ => None,
    })
}

/// Who said what became of an effect, where a person did.
fn hand(events: &[Recorded], settled: &str) -> Option<Hand> {
    events.iter().find_map(|recorded| match &recorded.event {
        Event::SettledByHand { ticket, by, .. } if ticket == settled => Some(Hand {
            by: by.clone(),
            at: recorded.at.clone(),
        }),
        _ => None,
    })
}

/// Whoever commits lets the bundle answer; another does where that has taken too long.
fn react_due(events: &[Recorded]) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(&events.last()?.at).ok()?;
    Some(at.with_timezone(&Utc) + LEASE)
}

fn notice_row(running: &RunningNotice<'_>, parameters: &Parameters) -> NoticeRow {
    let (notice, region) = (running.notice, &running.step.office().region);
    NoticeRow {
        notice: notice.clone(),
        due: due(running.opened_at, notice.days, region, parameters),
        objected: running.objected,
    }
}

/// When a notice is over, as cases keep time; `None` where a year has no calendar.
pub fn due(opened_at: &str, days: u16, region: &str, parameters: &Parameters) -> Option<String> {
    let opened_at = DateTime::parse_from_rfc3339(opened_at).ok()?;
    notice_over(parameters, region, opened_at, days).map(stamp)
}

/// What banks have paid and returned, and then what the case is to have of each budget where that is
/// not what it had.
fn ledger(before: Option<&State>, state: &State, events: &[Recorded]) -> Vec<Instruction> {
    let mut ledger: Vec<Instruction> = before
        .into_iter()
        .flat_map(|before| settled(events).filter_map(|one| answered(before, state, one)))
        .collect();
    for record in &state.reservations {
        let claim = claim(state, record);
        let earlier = before.and_then(|before| {
            let record = before.reservation(&record.reservation.budget)?;
            Some(self::claim(before, record))
        });
        if earlier.unwrap_or(Claim::Has(0)) != claim {
            let budget = record.reservation.budget.clone();
            ledger.push(match claim {
                Claim::WaitsFor(fen) => Instruction::Queue { budget, fen },
                Claim::Has(fen) => Instruction::Hold { budget, fen },
            });
        }
    }
    ledger
}

/// A case's claim on a budget in fen, with what is on its way and what is paid.
#[derive(PartialEq)]
enum Claim {
    WaitsFor(u64),
    Has(u64),
}

fn claim(state: &State, record: &ReservationRecord) -> Claim {
    let spent = record.in_transit + record.paid;
    let budget = &record.reservation.budget;
    let in_line = |waiting: &ReservationRecord| waiting.reservation.budget == *budget;
    match record.status {
        ReservationStatus::Reserved => Claim::Has(in_fen(record.amount)),
        ReservationStatus::Waiting if state.waiting().any(in_line) => {
            Claim::WaitsFor(in_fen(record.amount))
        }
        ReservationStatus::Waiting | ReservationStatus::Released => Claim::Has(in_fen(spent)),
    }
}

/// Amounts of a case have at most two places and are not negative.
fn in_fen(yuan: Decimal) -> u64 {
    (yuan * Decimal::ONE_HUNDRED).to_u64().unwrap_or_default()
}

/// What a bank has answered: what is not in transit any more is paid, or has come back. Taken from
/// the two states, so that the books hold what the case does.
fn answered(before: &State, after: &State, settlement: &Settlement) -> Option<Instruction> {
    let ticket = &settlement.ticket;
    let mut effects = after.effects.iter();
    let effect = effects.find(|effect| effect.intent.ticket == *ticket)?;
    let (Effect::Payment(order), Ok(_)) = (&effect.intent.effect, &settlement.outcome) else {
        return None;
    };
    let (was, is) = (
        before.reservation(&order.budget)?,
        after.reservation(&order.budget)?,
    );
    let paid = is.paid - was.paid;
    Some(Instruction::Settle {
        budget: order.budget.clone(),
        ticket: ticket.clone(),
        paid: in_fen(paid),
        returned: in_fen(was.in_transit - is.in_transit - paid),
    })
}

/// The values of the manifest's `[statistics] group-by`, derived or answered, of a new round.
fn groups(
    state: &State,
    events: &[Recorded],
    manifest: Option<&Manifest>,
) -> Vec<(String, String)> {
    let is_round = |event: &Event| matches!(event, Event::Registered(_) | Event::Corrected { .. });
    let names = manifest.map_or(&[][..], |manifest| &manifest.statistics.group_by);
    if names.is_empty() || !events.iter().any(|recorded| is_round(&recorded.event)) {
        return Vec::new();
    }
    let elements = [&state.assessment.derived, &state.answers].map(object);
    let value = |name: &String| {
        let value = elements.iter().find_map(|elements| elements.get(name))?;
        Some((name.clone(), counted(value)?))
    };
    names.iter().filter_map(value).collect()
}

/// A value as one is counted by it.
fn counted(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn object(elements: &Json) -> Map<String, Value> {
    serde_json::from_str(elements).unwrap_or_default()
}

/// Keys are held while the case is open and after it is completed, and follow a correction.
fn keys(before: Option<&State>, state: &State) -> Keys {
    match &state.status {
        Status::Ended(Ending::Completed) => Keys::Keep,
        Status::Ended(_) => match &state.appeal_of {
            Some(original) => Keys::GiveBack {
                to: original.clone(),
            },
            None => Keys::Release,
        },
        _ if before.is_some_and(|before| {
            before.assessment.unique_keys == state.assessment.unique_keys
        }) =>
        {
            Keys::Keep
        }
        _ => Keys::Hold(state.assessment.unique_keys.clone()),
    }
}
