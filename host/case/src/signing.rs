//! Parties sign what was handed in, each for themselves; the last signature files the round.

use crate::decide::{must_go_on, withdraw};
use crate::draft::Draft;
use crate::event::Event;
use crate::state::{State, Status};
use crate::{instant, refusals};
use onething_contract::{Party, Refusal, Subject};
use sha2::{Digest, Sha256};

/// Why the host takes a case back.
const LAPSED: &str = "逾期未签名";

pub(crate) fn sign(
    draft: &mut Draft,
    subject: &Subject,
    role: &str,
    round: u32,
    by: &str,
) -> Result<(), Refusal> {
    let party = signatory(&draft.state, subject, role)?;
    if party.signed_at.is_some() {
        return Err(refusals::already_signed(party));
    }
    // Nobody signs what they have not seen.
    if round != draft.state.round() {
        return Err(refusals::wrong_round(round, draft.state.round()));
    }
    draft.push(Event::Signed {
        subject: subject.clone(),
        role: role.to_owned(),
        by: by.to_owned(),
        answers: hex::encode(Sha256::digest(&draft.state.answers)),
    });
    if draft.state.unsigned().next().is_none() {
        draft.push(Event::Filed { round });
        draft.advance();
    }
    Ok(())
}

pub(crate) fn unsign(
    draft: &mut Draft,
    subject: &Subject,
    role: &str,
    by: &str,
    reason: &str,
) -> Result<(), Refusal> {
    let party = signatory(&draft.state, subject, role)?;
    if party.signed_at.is_none() {
        return Err(refusals::not_signed(party));
    }
    draft.push(Event::SignatureRevoked {
        subject: subject.clone(),
        role: role.to_owned(),
        by: by.to_owned(),
        reason: reason.to_owned(),
    });
    Ok(())
}

/// The parties did not sign in time: the case is over, and its keys are free.
pub(crate) fn lapse(draft: &mut Draft, by: &str) -> Result<(), Refusal> {
    must_go_on(&draft.state)?;
    if draft.state.status != Status::Signing {
        return Err(refusals::not_signing());
    }
    withdraw(draft, by, LAPSED)
}

/// Nobody has signed later than now. A time that is none is told as one that cannot be.
pub(crate) fn not_in_future(parties: &[Party], at: &str) -> Result<(), Refusal> {
    let at = instant::of(at);
    let later = |party: &&Party| {
        let signed_at = party.signed_at.as_deref();
        signed_at.is_some_and(|signed_at| match (instant::of(signed_at), at) {
            (Some(signed_at), Some(at)) => signed_at > at,
            _ => true,
        })
    };
    match parties.iter().find(later) {
        Some(party) => Err(refusals::signed_in_future(party)),
        None => Ok(()),
    }
}

/// The party, where the case waits for signatures.
fn signatory<'a>(state: &'a State, subject: &Subject, role: &str) -> Result<&'a Party, Refusal> {
    must_go_on(state)?;
    let is_meant = |party: &&Party| party.subject == *subject && party.role == role;
    let party = state.submission.parties.iter().find(is_meant);
    let party = party.ok_or_else(|| refusals::not_a_party(role))?;
    match state.status {
        Status::Signing => Ok(party),
        _ => Err(refusals::nothing_to_sign()),
    }
}
