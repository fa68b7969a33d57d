//! Whether a case is as it was written, down to the row that lists show of it, its effects and its
//! documents.

use crate::error::causes;
use crate::rows;
use onething_case::{EffectRecord, State};
use onething_store::{Broken, EffectRow, EffectStatus, Error, NotVerified, Store, Verified, Wrong};

/// How often a case that goes on meanwhile is looked at again.
const LOOKS_MAX: u32 = 3;

/// Verifies a case; it needs no bundle.
///
/// # Errors
/// The first thing that is wrong with the case.
pub async fn verify(store: &Store, case_id: &str) -> Result<Verified, NotVerified> {
    let derive = |events: &[_]| {
        let state = State::from_events(events);
        let state = state.map_err(|error| causes(&error))?;
        Ok(rows::case_row(&state))
    };
    let verified = store.verify(case_id, derive).await?;
    if verified.erased {
        return Ok(verified);
    }
    for _ in 0..LOOKS_MAX {
        let (version, wrong) = match beside(store, case_id).await {
            // It was erased meanwhile.
            Err(Error::Erased { .. }) => return Ok(verified),
            looked => looked?,
        };
        let Some(wrong) = wrong else { break };
        let versions = store.versions(&[case_id.to_owned()]).await?;
        if versions.iter().any(|(_, now)| *now == version) {
            return Err(NotVerified::Broken(Broken {
                case_id: case_id.to_owned(),
                event: None,
                wrong,
            }));
        }
    }
    Ok(verified)
}

/// What is wrong beside the history, as of its last event.
async fn beside(store: &Store, case_id: &str) -> Result<(u64, Option<Wrong>), Error> {
    let events = store.load(case_id).await?;
    let Ok(state) = State::from_events(&events) else {
        // That was seen before.
        return Ok((0, None));
    };
    let rows = store.effects(case_id).await?;
    if let Some(wrong) = wrong_effect(&state, &rows) {
        return Ok((state.last_event, Some(Wrong::Effect(wrong))));
    }
    let mut wrong = None;
    for document in store.documents(case_id).await? {
        let (name, event) = (document.name, document.event);
        match store.get_document(case_id, &name, Some(event)).await {
            Err(Error::Damaged { .. }) => wrong = Some(Wrong::Document(name)),
            read => {
                read?;
            }
        }
    }
    Ok((state.last_event, wrong))
}

pub(crate) fn wrong_effect(state: &State, rows: &[EffectRow]) -> Option<String> {
    let agrees = |effect: &EffectRecord, row: &EffectRow| {
        let status = match &effect.outcome {
            None => !matches!(row.status, EffectStatus::Done | EffectStatus::Refused),
            Some(Ok(_)) => row.status == EffectStatus::Done,
            Some(Err(_)) => row.status == EffectStatus::Refused,
        };
        status && row.intent == effect.intent
    };
    let found = |effect: &EffectRecord| {
        let mut rows = rows.iter();
        rows.any(|row| row.intent.ticket == effect.intent.ticket && agrees(effect, row))
    };
    let of_case = |row: &EffectRow| {
        let mut effects = state.effects.iter();
        effects.any(|effect| effect.intent.ticket == row.intent.ticket)
    };
    let lost = state.effects.iter().find(|effect| !found(effect));
    let lost = lost.map(|effect| effect.intent.ticket.clone());
    let added = || rows.iter().find(|row| !of_case(row));
    lost.or_else(|| added().map(|row| row.intent.ticket.clone()))
}
