//! What follows from an event: seals, deliveries, notices, and the end of the case. Knows which form
//! and step is whose only through the plan.

use crate::answers::Answers;
use crate::assess::PERSON;
use crate::plan::{self, PARTS, PERSONNEL, Part, SUPERVISING};
use onething_sdk::Case;
use onething_sdk::contract::{
    CaseView, Decision, Directive, EffectKind, Ending, Event, Finding, MaterialStatus, Office,
    Refusal, StepStatus, Verdict,
};
use onething_sdk::effects::{self, Document, Owner};
use onething_sdk::form::{self, Form, Json, Words};
use onething_sdk::serde_json::{self, Map, json};
use onething_sdk::values::{Month, text};
use onething_sdk::words::{in_both, numbered, refusal};

/// Answers an event.
pub fn respond(case: &Case<'_, Answers>, event: &Event) -> Vec<Directive> {
    match event {
        Event::Registered => registered(case),
        // What was handed in anew is a new submission: the unit seals it as it did the first.
        Event::Corrected => seal_submission(),
        Event::CorrectionRequested(findings) => correction_requested(case, findings),
        Event::StepDecided(decision) => return decided(case, decision),
        Event::StepEffective(step) => {
            if let Some(part) = plan::part(step) {
                effective(case, part);
            }
        }
        Event::Settled(settlement) => {
            // Notices settle whenever they do: the case does not wait for them.
            let counts = case.view.effects.iter().any(|effect| {
                effect.ticket == settlement.ticket && must_be_carried_out(effect.kind)
            });
            return counts
                .then(|| completed(case.view))
                .flatten()
                .into_iter()
                .collect();
        }
        Event::Ended(ending) => {
            let (template, values) = ended_notice(case.view, ending);
            tell(case, template, values);
        }
        _ => {}
    }
    Vec::new()
}

fn registered(case: &Case<'_, Answers>) {
    seal_submission();
    let days = Answers::MATTER.promised_days;
    tell(
        case,
        "registered",
        json!({"unit": unit_name(case), "days": days}),
    );
    for material in &case.view.submission.materials {
        if let MaterialStatus::Promised(deadline) = &material.status {
            tell(case, "deferred", deferred(&material.code, deadline));
        }
    }
}

fn deferred(material: &str, deadline: &str) -> Json {
    let rule = Answers::MATTER.material(material);
    let title = rule.map_or_else(|| json!(material), |rule| in_both(&rule.title.into()));
    json!({"materials": title, "deadline": deadline})
}

/// One seal of the unit, over all the agencies' forms.
fn seal_submission() {
    let forms = Answers::FORMS
        .iter()
        .map(|form| Document::Form(form.name.to_owned()));
    effects::seal(Owner::Unit, forms.collect(), &[]);
}

/// Goes to the unit: its clerk corrects.
fn correction_requested(case: &Case<'_, Answers>, findings: &[Finding]) {
    let mut values = common_values(case);
    values.insert("findings".to_owned(), numbered(findings));
    let filer = &case.view.submission.filer;
    let to = filer.unit.as_ref().unwrap_or(&filer.person);
    effects::notify(to, "correction", &Json::Object(values), &[]);
}

fn decided(case: &Case<'_, Answers>, decision: &Decision) -> Vec<Directive> {
    let Some(part) = plan::part(&decision.step) else {
        return Vec::new(); // a check before acceptance; the host gathers those
    };
    match decision.verdict {
        Verdict::Reject if decides_all(part) => {
            vec![Directive::Reject(refusal(decision))]
        }
        Verdict::Reject => {
            tell(case, "part-rejected", why(part.office, &refusal(decision)));
            completed(case.view).into_iter().collect()
        }
        Verdict::Hold => {
            tell(case, "held", why(part.office, &refusal(decision)));
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Without the consent of these there is no retirement, and so nothing for the others to do.
fn decides_all(part: &Part) -> bool {
    matches!(part.step, SUPERVISING | PERSONNEL)
}

/// The office seals its decision and its form, the form is delivered to it under that seal, and
/// person and unit are told.
fn effective(case: &Case<'_, Answers>, part: &Part) {
    let Some(office) = case.office(part.step) else {
        return;
    };
    let form = part.form().map(|form| form.name);
    let documents = std::iter::once(Document::Decision(part.step.to_owned()))
        .chain(form.map(|form| Document::Form(form.to_owned())));
    let sealed = effects::seal(Owner::Office(office.clone()), documents.collect(), &[]);
    if let Some(form) = form {
        effects::deliver(form, office, &[sealed]);
    }
    if let Some((template, values)) = effective_notice(case.view, part) {
        tell(case, template, values);
    }
}

fn effective_notice(view: &CaseView, part: &Part) -> Option<(&'static str, Json)> {
    let own = payload(view, part.step);
    let notice = match part.step {
        PERSONNEL => (
            "personnel-effective",
            json!({"month": own["approved_month"], "document": own["document_no"]}),
        ),
        "pension" => {
            let retired = payload(view, PERSONNEL)["approved_month"]
                .as_str()
                .and_then(Month::parse)?;
            (
                "pension-effective",
                json!({"amount": own["total_pension"], "month": retired.plus(1).to_string()}),
            )
        }
        "fund" => ("fund-effective", json!({"amount": own["paid_amount"]})),
        "establishment" => ("establishment-effective", json!({"date": own["exit_date"]})),
        _ => return None,
    };
    Some(notice)
}

/// The end, at the event that brings it and at no other: every part is in effect or refused, its
/// form is delivered, every seal is on.
///
/// Every fact that is asked here comes true by one event and stays so, and the callers ask at those
/// events only. The forms are counted, since a part that took effect a moment ago may not have asked
/// for its delivery yet.
fn completed(view: &CaseView) -> Option<Directive> {
    let mut parts = Map::new();
    let mut forms = 0;
    for part in &PARTS {
        let status = view.steps.iter().find(|state| state.step == part.step);
        let Some(status) = status.map(|state| state.status) else {
            continue; // a unit that is its own supervising department
        };
        let outcome = match status {
            StepStatus::Gone => continue,
            StepStatus::Effective => {
                forms += usize::from(part.form().is_some());
                "approved"
            }
            StepStatus::Decided if is_rejected(view, part.step) => "rejected",
            _ => return None,
        };
        parts.insert(part.step.to_owned(), json!(outcome));
    }
    let deliveries = view
        .effects
        .iter()
        .filter(|effect| effect.kind == EffectKind::Delivery);
    let carried_out = view
        .effects
        .iter()
        .filter(|effect| must_be_carried_out(effect.kind))
        .all(|effect| matches!(effect.outcome, Some(Ok(_))));
    if !carried_out || deliveries.count() != forms {
        return None;
    }
    let month = &payload(view, PERSONNEL)["approved_month"];
    Some(Directive::Complete(
        json!({"month": month, "parts": parts}).to_string(),
    ))
}

fn must_be_carried_out(kind: EffectKind) -> bool {
    matches!(kind, EffectKind::Seal | EffectKind::Delivery)
}

fn ended_notice(view: &CaseView, ending: &Ending) -> (&'static str, Json) {
    match ending {
        Ending::Completed => (
            "completed",
            json!({"month": payload(view, PERSONNEL)["approved_month"]}),
        ),
        Ending::Rejected(refusal) => {
            let rejected = |part: &&Part| decides_all(part) && is_rejected(view, part.step);
            let part = PARTS.iter().find(rejected);
            let office = part.map_or(PERSONNEL, |part| part.office);
            ("rejected", why(office, refusal))
        }
        Ending::NotAccepted(refusal) => ("not-accepted", why(PERSONNEL, refusal)),
        Ending::NotCompetent(office) => ("not-competent", json!({"office": place(office)})),
        Ending::Withdrawn => ("withdrawn", json!({})),
    }
}

/// Who says no, why, by which law, and what can be done about it.
fn why(office: &str, refusal: &Refusal) -> Json {
    json!({
        "office": office_title(office),
        "reasons": in_both(&refusal.message),
        "basis": basis(refusal),
        "remedy": in_both(&Answers::MATTER.remedy.into()),
    })
}

/// One notice to the person and one to the unit.
fn tell(case: &Case<'_, Answers>, template: &str, more: Json) {
    let mut values = common_values(case);
    if let Json::Object(more) = more {
        values.extend(more);
    }
    let values = Json::Object(values);
    let submission = &case.view.submission;
    for to in [Some(&submission.subject), submission.filer.unit.as_ref()]
        .into_iter()
        .flatten()
    {
        effects::notify(to, template, &values, &[]);
    }
}

fn common_values(case: &Case<'_, Answers>) -> Map<String, Json> {
    let parties = &case.view.submission.parties;
    let signed = || {
        let person = parties.iter().find(|party| party.role == PERSON)?;
        Some(person.name.clone())
    };
    let name = case.answers().aac003.clone().or_else(signed);
    Map::from_iter([
        ("case".to_owned(), json!(case.view.id)),
        ("name".to_owned(), json!(name.unwrap_or_default())),
    ])
}

fn unit_name(case: &Case<'_, Answers>) -> String {
    let code = || {
        let unit = case.view.submission.filer.unit.as_ref()?;
        Some(unit.identifier.clone())
    };
    let name = case.answers().unit_name.clone();
    name.or_else(code).unwrap_or_default()
}

fn is_rejected(view: &CaseView, step: &str) -> bool {
    form::decision(view, step).is_some_and(|decision| matches!(decision.verdict, Verdict::Reject))
}

/// What a standing decision carries; `null` where there is none.
fn payload(view: &CaseView, step: &str) -> Json {
    form::decision(view, step)
        .and_then(|decision| serde_json::from_str(decision.payload.as_deref()?).ok())
        .unwrap_or_default()
}

fn basis(refusal: &Refusal) -> Json {
    match &refusal.basis {
        Some(basis) => json!(basis),
        None => in_both(&text("见决定", "as stated in the decision")),
    }
}

fn office_title(function: &str) -> Json {
    let title = Answers::MATTER.office(function);
    title.map_or_else(|| json!(function), |title| in_both(&title.into()))
}

/// An office and where it is.
fn place(office: &Office) -> Json {
    let Office { function, region } = office;
    let (zh, en) = match Answers::MATTER.office(function) {
        Some(Words { zh, en }) => (zh, en),
        None => (function.as_str(), function.as_str()),
    };
    in_both(&text(
        format!("{zh}（{region}）"),
        format!("{en} ({region})"),
    ))
}

#[cfg(test)]
mod tests;
