//! What follows from an event: seals, deliveries, notices, orders to the bank, the step that mends a
//! returned line, and the end of the case.

use crate::answers::Answers;
use crate::payment::{self, Outcome};
use crate::plan::{self, FILER, FINANCE, Part};
use crate::rules::pay::zero;
use onething_sdk::contract::{
    CaseView, Decision, Directive, EffectKind, Ending, Event, Refusal, Settlement, Ticket, Verdict,
};
use onething_sdk::effects::{self, Document, Order, Owner};
use onething_sdk::form::{Form, Json};
use onething_sdk::serde_json::{Map, json};
use onething_sdk::values::text;
use onething_sdk::words::{in_both, refusal};
use onething_sdk::{Case, NaiveDate};

/// Persons of returned lines named in a notice.
const NAMED_MAX: usize = 20;
/// One delivery an agency.
const DELIVERIES: usize = 4;

/// Answers an event.
pub fn respond(case: &Case<'_, Answers>, event: &Event) -> Vec<Directive> {
    match event {
        Event::Registered => {
            registered(case);
            Vec::new()
        }
        Event::StepDecided(decision) => decided(case, decision),
        Event::StepEffective(step) => effective(case, step),
        Event::Settled(settlement) => settled(case, settlement),
        Event::Ended(ending) => {
            tell_end(case, ending);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// One seal of the unit over all forms, and every reviewer has its own at once.
fn registered(case: &Case<'_, Answers>) {
    let forms = Answers::FORMS
        .iter()
        .map(|form| Document::Form(form.name.to_owned()));
    let sealed = effects::seal(Owner::Unit, forms.collect(), &[]);
    for part in &plan::PARTS {
        deliver(case, part.step, &sealed);
    }
    let answers = case.answers();
    let people = answers.payroll_roster.as_ref().map_or(0, |rows| rows.len());
    let held = case.view.reservations.first();
    let amount = held.map(|held| held.amount.clone()).unwrap_or_default();
    let days = Answers::MATTER.promised_days;
    tell(
        case,
        "registered",
        json!({"people": people, "amount": amount, "days": days}),
    );
}

fn deliver(case: &Case<'_, Answers>, function: &str, after: &Ticket) {
    if let Some(form) = plan::form_of(function) {
        let here = plan::office(function, &case.view.submission.region);
        let to = case.office(function).unwrap_or(&here);
        effects::deliver(form.name, to, std::slice::from_ref(after));
    }
}

fn decided(case: &Case<'_, Answers>, decision: &Decision) -> Vec<Directive> {
    if payment::mended_by(&decision.step).is_some() {
        return mended(case, decision);
    }
    let Some(part) = plan::part(&decision.step) else {
        return Vec::new();
    };
    match decision.verdict {
        Verdict::Reject => vec![Directive::Reject(refusal(decision))],
        Verdict::Hold => {
            let reasons = in_both(&refusal(decision).message);
            let office = office_title(part.step);
            tell(case, "held", json!({"office": office, "reasons": reasons}));
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// The office seals what it decided. Finance takes effect last: the list goes to the bank under its
/// seal, and the money with it.
fn effective(case: &Case<'_, Answers>, step: &str) -> Vec<Directive> {
    let (Some(part), Some(office)) = (plan::part(step), case.office(step)) else {
        return Vec::new();
    };
    let decision = Document::Decision(step.to_owned());
    let forms = sealed_forms(part).map(|form| Document::Form(form.to_owned()));
    let documents = std::iter::once(decision).chain(forms).collect();
    let sealed = effects::seal(Owner::Office(office.clone()), documents, &[]);
    if step != FINANCE {
        return Vec::new();
    }
    deliver(case, "agent-bank", &sealed);
    let answers = case.answers();
    let execute_on = execute_on(answers.payroll_pay_day, decided_on(case.view));
    let values = with_common(case, json!({"date": execute_on}));
    let unit = &case.view.submission.subject;
    effects::notify(unit, "approved", &values, std::slice::from_ref(&sealed));
    match payment::first_orders(answers, &execute_on, &[sealed]) {
        Some(orders) => orders.iter().filter_map(pay).collect(),
        None => vec![Directive::Reject(not_computed())],
    }
}

/// Its own; finance also seals the list for the bank.
fn sealed_forms(part: &Part) -> impl Iterator<Item = &'static str> {
    let list = (part.step == FINANCE).then(|| plan::form_of("agent-bank"));
    let own = part.form().into_iter();
    own.chain(list.flatten()).map(|form| form.name)
}

/// Asks for a payment. Refused, it was never covered, and the case cannot go on.
fn pay(order: &Order) -> Option<Directive> {
    effects::pay(order).err().map(Directive::Reject)
}

fn not_computed() -> Refusal {
    Refusal {
        code: "not-computed".to_owned(),
        message: text(
            "计算工资所依据的参数已经撤回，不能发放",
            "a parameter that the pay rests on is gone: it cannot be paid",
        ),
        basis: None,
    }
}

/// The pay day, or where it is over the day of the last approval.
fn execute_on(pay_day: Option<NaiveDate>, decided_on: &str) -> String {
    let pay_day = pay_day.map(|day| day.to_string()).unwrap_or_default();
    pay_day.max(decided_on.to_owned())
}

/// The day of the latest decision that stands.
fn decided_on(view: &CaseView) -> &str {
    let days = view.decisions.iter();
    let days = days.filter_map(|decision| decision.at.get(..10));
    days.max().unwrap_or_default()
}

/// Other accounts are there, and those lines are paid again; or the lines are given up.
fn mended(case: &Case<'_, Answers>, decision: &Decision) -> Vec<Directive> {
    match decision.verdict {
        Verdict::Reject => completed(case).into_iter().collect(),
        Verdict::Approve => {
            let day = decision.at.get(..10).unwrap_or_default();
            let execute_on = execute_on(case.answers().payroll_pay_day, day);
            match payment::corrected_order(case.answers(), decision, &execute_on) {
                Some(order) => pay(&order).into_iter().collect(),
                None => vec![Directive::Reject(not_computed())],
            }
        }
        _ => Vec::new(),
    }
}

fn settled(case: &Case<'_, Answers>, settlement: &Settlement) -> Vec<Directive> {
    let mut effects = case.view.effects.iter();
    let Some(effect) = effects.find(|effect| effect.ticket == settlement.ticket) else {
        return Vec::new();
    };
    let mut orders = payment::orders(case);
    let number = orders.position(|order| order.ticket == settlement.ticket);
    let outcome = settlement.outcome.as_ref().ok();
    let outcome = outcome.and_then(|settled| Outcome::read(settled));
    if let Some((number, outcome)) = number.zip(outcome)
        && outcome.returned().next().is_some()
    {
        return vec![returned(case, number, &outcome)];
    }
    // Notices settle whenever they do: the case does not wait for them.
    (effect.kind != EffectKind::Notice)
        .then(|| completed(case))
        .flatten()
        .into_iter()
        .collect()
}

/// Whoever can supplies other accounts for what the bank returned, and for nothing else.
fn returned(case: &Case<'_, Answers>, number: usize, outcome: &Outcome) -> Directive {
    let answers = case.answers();
    let function = payment::mender(answers, outcome);
    let asked = payment::asked_for(answers, outcome);
    let region = &case.view.submission.region;
    let step = plan::correction(payment::step_of(number), function, region, &asked);
    let values = json!({
        "count": outcome.returned().count(),
        "lines": named(outcome.returned().map(|(line, why)| {
            format!("{}（{line}，{why}）", payment::payee(answers, line))
        })),
    });
    if function == FILER {
        tell(case, "returned", values);
    } else {
        let values = with_common(case, values);
        effects::notify_office(&step.office, "remittance-returned", &values, &[]);
    }
    Directive::AddStep(step)
}

fn named(lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = lines.collect();
    let named = lines[..lines.len().min(NAMED_MAX)].join("、");
    match lines.len() > NAMED_MAX {
        true => format!("{named}等{}笔", lines.len()),
        false => named,
    }
}

/// The end, at the event that brings it and at no other: every line is paid or given up, every seal
/// is on, every form delivered. Each of these comes true by one event and stays so, and the callers
/// ask at those events only.
fn completed(case: &Case<'_, Answers>) -> Option<Directive> {
    let view = case.view;
    case.decision(FINANCE)?;
    let papers = |kind| view.effects.iter().filter(move |one| one.kind == kind);
    let deliveries = papers(EffectKind::Delivery).count();
    let carried_out = papers(EffectKind::Delivery)
        .chain(papers(EffectKind::Seal))
        .all(|effect| matches!(effect.outcome, Some(Ok(_))));
    if !carried_out || deliveries != DELIVERIES {
        return None;
    }
    let ended = payment::ended(case)?;
    let answers = case.answers();
    Some(Directive::Complete(
        json!({
            "month": answers.payroll_month.map(|month| month.to_string()),
            "people": answers.payroll_roster.as_ref().map_or(0, |rows| rows.len()),
            "paid": ended.paid,
            "corrected": ended.mended,
            "amount": ended.amount.to_string(),
            "unpaid": ended.unpaid,
        })
        .to_string(),
    ))
}

fn tell_end(case: &Case<'_, Answers>, ending: &Ending) {
    let (template, values) = match ending {
        Ending::Completed => completed_notice(case),
        Ending::Rejected(refusal) => {
            let rejects = |decision: &&Decision| decision.verdict == Verdict::Reject;
            let by = case.view.decisions.iter().rev().find(rejects);
            let office = by.map_or(FINANCE, |decision| decision.step.as_str());
            let basis = match &refusal.basis {
                Some(basis) => json!(basis),
                None => in_both(&text("见审核意见", "as stated in the opinion")),
            };
            let values = json!({
                "office": office_title(office),
                "reasons": in_both(&refusal.message),
                "basis": basis,
                "remedy": in_both(&Answers::MATTER.remedy.into()),
            });
            ("rejected", values)
        }
        Ending::Withdrawn => ("withdrawn", json!({})),
        // There is no acceptance step that could say these.
        Ending::NotAccepted(refusal) => ("ended", json!({"reasons": in_both(&refusal.message)})),
        Ending::NotCompetent(_) => {
            let reasons = text(
                "不属于本机关职权范围",
                "not within this office's competence",
            );
            ("ended", json!({"reasons": in_both(&reasons)}))
        }
    };
    tell(case, template, values);
}

fn completed_notice(case: &Case<'_, Answers>) -> (&'static str, Json) {
    let ended = payment::ended(case).unwrap_or_default();
    let amount = ended.amount.max(zero()).to_string();
    let values = json!({"count": ended.paid, "amount": amount});
    if ended.unpaid.is_empty() {
        return ("completed", values);
    }
    let answers = case.answers();
    let lines = ended.unpaid.iter();
    let lines = named(
        lines.map(|(line, why)| format!("{}（{line}，{why}）", payment::payee(answers, line))),
    );
    let values = json!({"count": ended.paid, "amount": amount, "lines": lines});
    ("completed-in-part", values)
}

/// A notice to the unit.
fn tell(case: &Case<'_, Answers>, template: &str, more: Json) {
    let subject = &case.view.submission.subject;
    effects::notify(subject, template, &with_common(case, more), &[]);
}

fn with_common(case: &Case<'_, Answers>, more: Json) -> Json {
    let answers = case.answers();
    let code = &case.view.submission.subject.identifier;
    let unit = answers.unit_name.as_ref().unwrap_or(code);
    let month = answers.payroll_month.map(|month| month.to_string());
    let mut values = Map::from_iter([
        ("case".to_owned(), json!(case.view.id)),
        ("unit".to_owned(), json!(unit)),
        ("month".to_owned(), json!(month.unwrap_or_default())),
    ]);
    if let Json::Object(more) = more {
        values.extend(more);
    }
    Json::Object(values)
}

fn office_title(function: &str) -> Json {
    let title = Answers::MATTER.office(function);
    title.map_or_else(|| json!(function), |title| in_both(&title.into()))
}

#[cfg(test)]
mod tests;
