//! What comes after the end: a rating and what it asks for, the check of commitments, an appeal.

use crate::draft::Draft;
use crate::event::{CommitmentCheck, Event, Registration};
use crate::refusals;
use crate::state::{State, Status};
use onething_contract::{Ending, FILER, MaterialStatus, Office, Refusal};

/// Ratings up to this one ask for a repair.
const POOR_MAX: u8 = 2;
/// What a list of tasks calls the repair, in the place of a step; no step has such an id.
pub const REPAIR: &str = "@repair";

/// What a poor rating asks for (差评整改).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// Since when, RFC 3339.
    pub opened_at: String,
    /// What was done, once it was.
    pub done: Option<Repaired>,
}

/// What was done about a poor rating.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// Who did it.
    pub by: String,
    /// What.
    pub text: String,
    /// When, RFC 3339.
    pub at: String,
}

/// A repair that waits for its office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepairTask<'a> {
    /// The leading step's.
    pub office: &'a Office,
    /// The leading step's role.
    pub role: &'a str,
    /// Since when, RFC 3339.
    pub opened_at: &'a str,
}

/// The case that goes over the outcome of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appeal {
    /// Its id.
    pub case_id: String,
    /// The caller who handed it in.
    pub by: String,
    /// When, RFC 3339.
    pub at: String,
}

impl State {
    /// What is to be mended, and by whom; `None` where nothing is, or no step leads.
    pub fn repair_task(&self) -> Option<RepairTask<'_>> {
        let repair = self
            .repair
            .as_ref()
            .filter(|repair| repair.done.is_none())?;
        let lead = self.answerable(None)?;
        Some(RepairTask {
            office: lead.office(),
            role: &lead.step.role,
            opened_at: &repair.opened_at,
        })
    }

    /// Whether the outcome may be appealed, once. A case that was withdrawn or is another office's
    /// has none, and after an appeal the law has other ways.
    pub fn may_be_appealed(&self) -> Result<(), Refusal> {
        if self.appeal_of.is_some() {
            return Err(refusals::appeal_of_appeal());
        }
        match &self.status {
            Status::Ended(Ending::Completed | Ending::Rejected(_) | Ending::NotAccepted(_)) => {}
            status => return Err(refusals::not_appealable(status)),
        }
        match &self.appeal {
            Some(appeal) => Err(refusals::already_appealed(&appeal.case_id)),
            None => Ok(()),
        }
    }

    /// Whether a new case may be the appeal: of the same subject, judged by what the case itself was
    /// judged by.
    pub fn may_be_appealed_by(&self, appeal: &Registration) -> Result<(), Refusal> {
        self.may_be_appealed()?;
        let names = appeal.appeal_of.as_ref() == Some(&self.id) && appeal.id != self.id;
        let matter = (&appeal.matter, &appeal.digest, &appeal.legal_date)
            == (&self.matter, &self.digest, &self.legal_date);
        let subject = appeal.round.submission.subject == self.submission.subject;
        if names && matter && subject {
            Ok(())
        } else {
            Err(refusals::appeal_of_another_matter())
        }
    }
}

pub(crate) fn rate(
    draft: &mut Draft,
    score: u8,
    by: &str,
    comment: Option<&str>,
) -> Result<(), Refusal> {
    if draft.state.status != Status::Ended(Ending::Completed) {
        return Err(refusals::not_completed());
    }
    if draft.state.rating.is_some() {
        return Err(refusals::already_rated());
    }
    if !(1..=5).contains(&score) {
        return Err(refusals::score_out_of_range(score));
    }
    draft.push(Event::Rated {
        score,
        by: by.into(),
        comment: comment.map(str::to_owned),
    });
    if score <= POOR_MAX {
        draft.push(Event::RepairOpened);
    }
    Ok(())
}

/// By the leading office; where no step leads, any office may.
pub(crate) fn repair(
    draft: &mut Draft,
    by: &str,
    by_office: &Office,
    text: &str,
) -> Result<(), Refusal> {
    let state = &draft.state;
    match &state.repair {
        None => return Err(refusals::nothing_to_repair()),
        Some(repair) if repair.done.is_some() => return Err(refusals::already_repaired()),
        Some(_) => {}
    }
    if let Some(lead) = state.answerable(None)
        && lead.office() != by_office
    {
        return Err(refusals::wrong_office(&lead.step.id, lead.office()));
    }
    if text.trim().is_empty() {
        return Err(refusals::repair_empty());
    }
    draft.push(Event::Repaired {
        by: by.into(),
        by_office: by_office.clone(),
        text: text.into(),
    });
    Ok(())
}

pub(crate) fn check_commitment(
    draft: &mut Draft,
    code: &str,
    kept: bool,
    opinion: &str,
    by: &str,
    by_office: &Office,
) -> Result<(), Refusal> {
    let state = &draft.state;
    if state.status != Status::Ended(Ending::Completed) {
        return Err(refusals::check_before_completion());
    }
    if !is_committed(state, code) {
        return Err(refusals::not_committed(code));
    }
    if by_office.function == FILER || !has_step(state, by_office) {
        return Err(refusals::office_without_step(by_office));
    }
    if state.checks.iter().any(|check| check.code == code) {
        return Err(refusals::already_checked(code));
    }
    if !kept && opinion.trim().is_empty() {
        return Err(refusals::opinion_missing());
    }
    draft.push(Event::CommitmentChecked(CommitmentCheck {
        code: code.into(),
        kept,
        opinion: opinion.into(),
        by: by.into(),
        by_office: by_office.clone(),
        at: draft.at.into(),
    }));
    Ok(())
}

fn is_committed(state: &State, code: &str) -> bool {
    let mut materials = state.submission.materials.iter();
    materials.any(|material| material.code == code && material.status == MaterialStatus::Committed)
}

fn has_step(state: &State, office: &Office) -> bool {
    state.plan().any(|record| record.office() == office)
}

pub(crate) fn appeal(draft: &mut Draft, case_id: &str, by: &str) -> Result<(), Refusal> {
    draft.state.may_be_appealed()?;
    if case_id == draft.state.id {
        return Err(refusals::appeal_of_another_matter());
    }
    draft.push(Event::Appealed {
        case_id: case_id.into(),
        by: by.into(),
    });
    Ok(())
}
