//! The read model of a case: what the store lists without reading histories.

use crate::drive::Invoked;
use onething_case::{Event, Recorded, State, Status};
use onething_contract::{Ending, Settlement};
use onething_store::{CaseRow, Commit, JournalEntry, Keys, NewEffect, TaskRow};

/// What one command adds to a case.
pub fn commit(
    before: Option<&State>,
    state: &State,
    events: Vec<Recorded>,
    invoked: &[(u64, Invoked)],
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
            })
            .collect(),
        journal: journal.collect(),
        effects: effects(&events),
        settled: settled(&events),
        keys: keys(before, state),
        events,
    }
}

fn case_row(state: &State) -> CaseRow {
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

fn effects(events: &[Recorded]) -> Vec<NewEffect> {
    let asked = events.iter().filter_map(|recorded| match &recorded.event {
        Event::Reacted { to, intents } => Some((*to, intents)),
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

fn settled(events: &[Recorded]) -> Vec<Settlement> {
    let settled = events.iter().filter_map(|recorded| match &recorded.event {
        Event::EffectSettled(settlement) => Some(settlement.clone()),
        _ => None,
    });
    settled.collect()
}

/// Keys are held while the case is open and after it is completed, and follow a correction.
fn keys(before: Option<&State>, state: &State) -> Keys {
    match &state.status {
        Status::Ended(Ending::Completed) => Keys::Keep,
        Status::Ended(_) => Keys::Release,
        _ if before.is_some_and(|before| {
            before.assessment.unique_keys == state.assessment.unique_keys
        }) =>
        {
            Keys::Keep
        }
        _ => Keys::Hold(state.assessment.unique_keys.clone()),
    }
}
