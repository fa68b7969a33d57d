//! Materials that come in after the submission: promised (容缺), supplied, overdue.

use crate::decide::must_go_on;
use crate::draft::Draft;
use crate::event::Event;
use crate::state::{State, Status};
use crate::{instant, refusals};
use onething_contract::{Material, MaterialStatus, Refusal, Submission};

/// A material that is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise<'a> {
    /// Its code.
    pub code: &'a str,
    /// The last day, in China, on which it comes in time: `2025-01-10`.
    pub by: &'a str,
}

impl State {
    /// The materials that the host waits for: promised, and not overdue yet. None before the case
    /// counts as filed, and none after its end.
    pub fn promises(&self) -> impl Iterator<Item = Promise<'_>> {
        let waits = !matches!(self.status, Status::Signing | Status::Ended(_));
        self.submission
            .materials
            .iter()
            .filter_map(move |material| {
                let by = promised(material)?;
                let code = material.code.as_str();
                (waits && !self.is_overdue(code)).then_some(Promise { code, by })
            })
    }

    fn is_overdue(&self, code: &str) -> bool {
        self.overdue.iter().any(|overdue| overdue == code)
    }
}

fn promised(material: &Material) -> Option<&str> {
    match &material.status {
        MaterialStatus::Promised(by) => Some(by),
        _ => None,
    }
}

fn find<'a>(submission: &'a Submission, code: &str) -> Option<&'a Material> {
    let mut materials = submission.materials.iter();
    materials.find(|material| material.code == code)
}

/// A promise names its day.
pub(crate) fn check_promises(submission: &Submission) -> Result<(), Refusal> {
    let is_no_day =
        |material: &&Material| promised(material).is_some_and(|by| instant::date(by).is_none());
    match submission.materials.iter().find(is_no_day) {
        Some(material) => Err(refusals::promise_malformed(&material.code)),
        None => Ok(()),
    }
}

pub(crate) fn supply(draft: &mut Draft, material: &Material) -> Result<(), Refusal> {
    must_go_on(&draft.state)?;
    let code = material.code.as_str();
    if matches!(
        material.status,
        MaterialStatus::Promised(_) | MaterialStatus::NotApplicable
    ) {
        return Err(refusals::material_not_supplied(code));
    }
    let kept = find(&draft.state.submission, code);
    if kept == Some(material) {
        return Err(refusals::material_already_supplied(code));
    }
    let missing = draft
        .state
        .assessment
        .missing
        .iter()
        .any(|missing| missing == code);
    if kept.and_then(promised).is_none() && !missing {
        return Err(refusals::material_not_awaited(code));
    }
    draft.push(Event::MaterialSupplied {
        material: material.clone(),
    });
    Ok(())
}

pub(crate) fn overdue(draft: &mut Draft, code: &str) -> Result<(), Refusal> {
    let state = &draft.state;
    must_go_on(state)?;
    if state.status == Status::Signing {
        return Err(refusals::awaiting_signatures());
    }
    let material = find(&state.submission, code);
    let material = material.ok_or_else(|| refusals::material_not_promised(code))?;
    let by = promised(material).ok_or_else(|| refusals::material_already_supplied(code))?;
    if state.is_overdue(code) {
        return Err(refusals::already_overdue(code));
    }
    match (instant::date(by), instant::day(draft.at)) {
        (Some(last), Some(today)) if last < today => {}
        _ => return Err(refusals::promise_not_due(code, by)),
    }
    draft.push(Event::MaterialOverdue { code: code.into() });
    Ok(())
}

/// It takes the place of the promise.
pub(crate) fn supplied(state: &mut State, material: &Material) {
    let materials = &mut state.submission.materials;
    match materials.iter_mut().find(|kept| kept.code == material.code) {
        Some(kept) => *kept = material.clone(),
        None => materials.push(material.clone()),
    }
    state
        .assessment
        .missing
        .retain(|code| *code != material.code);
}

/// A new round may promise anew; what it says again stays overdue.
pub(crate) fn corrected(overdue: &mut Vec<String>, before: &Submission, after: &Submission) {
    overdue.retain(|code| find(before, code) == find(after, code));
}
