//! What follows from an event: seals, a delivery, notices, the payment and the end.

use crate::answers::{Answers, SimpleLife};
use crate::plan::{self, ACCOUNT, NOTICE, OFFICES, RULES};
use crate::rules::{BUDGET, TRAP};
use onething_sdk::Case;
use onething_sdk::bindings::onething::matter::clock;
use onething_sdk::contract::{
    Decision, Directive, EffectKind, EffectState, Ending, Event, MaterialStatus, Office,
    ReservationStatus, StepStatus, Ticket, Verdict,
};
use onething_sdk::effects::{self, Document, Order, Owner, Payment};
use onething_sdk::form::Json;
use onething_sdk::serde_json::{self, json};
use onething_sdk::words::{carried, numbered, refusal};

/// Answers an event.
pub fn respond(case: &Case<'_, Answers>, event: &Event) -> Vec<Directive> {
    match event {
        Event::Registered | Event::Corrected => received(case),
        Event::CorrectionRequested(findings) => {
            tell(case, "correction", json!({"findings": numbered(findings)}));
        }
        Event::StepOpened(step) if step == RULES => {
            return vec![Directive::Decide(by_the_rules(case))];
        }
        Event::StepDecided(decision) => return decided(case, decision),
        Event::StepEffective(step) => return effective(case, step),
        Event::Reserved(_) => return pay_when_due(case),
        Event::Objected(objection) => {
            if let Some(office) = case.office(&objection.step) {
                let values = json!({"case": case.view.id, "what": objection.text});
                effects::notify_office(office, "told", &values, &[]);
            }
        }
        Event::MaterialSupplied(code) => {
            tell(case, "told", json!({"what": code}));
            return completed(case);
        }
        Event::Settled(settlement) => {
            let mut asked = case.view.effects.iter();
            let settled = asked.find(|effect| effect.ticket == settlement.ticket);
            return settled.map_or_else(Vec::new, |effect| carried_out(case, effect));
        }
        Event::Ended(ending) => {
            tell(case, "ended", json!({"how": word(ending)}));
        }
        Event::Rated(score) => {
            tell(case, "told", json!({"what": format!("{score}")}));
        }
        _ => {}
    }
    Vec::new()
}

/// The unit seals its form, which goes to the intake with the seal on it.
fn received(case: &Case<'_, Answers>) {
    let form = "application";
    let sealed = effects::seal(Owner::Unit, vec![Document::Form(form.to_owned())], &[]);
    let intake = Office {
        function: "intake".to_owned(),
        region: case.view.submission.region.clone(),
    };
    let delivered = effects::deliver(form, &intake, &[sealed]);
    let name = case.answers().simple_name.clone();
    tell_after(case, "registered", json!({"name": name}), &[delivered]);
}

fn by_the_rules(case: &Case<'_, Answers>) -> Decision {
    Decision {
        step: RULES.to_owned(),
        round: case.view.submission.round,
        verdict: Verdict::Approve,
        reasons: Vec::new(),
        opinion: "经规则核定".to_owned(),
        by: "simple".to_owned(),
        on_behalf_of: None,
        at: clock::now(),
        payload: None,
    }
}

fn decided(case: &Case<'_, Answers>, decision: &Decision) -> Vec<Directive> {
    #[expect(clippy::panic, reason = "this is how the bundle fails on request")]
    if decision.opinion == TRAP {
        panic!("asked to fail");
    }
    let accepting = decision.step == plan::CHECK;
    match decision.verdict {
        Verdict::Reject if !accepting => vec![Directive::Reject(refusal(decision))],
        Verdict::Approve if decision.step.starts_with(ACCOUNT) => {
            let account = carried(decision)["account"].as_str().map(str::to_owned);
            pay(case, account)
        }
        _ => Vec::new(),
    }
}

fn effective(case: &Case<'_, Answers>, step: &str) -> Vec<Directive> {
    let Some(office) = case.office(step) else {
        return Vec::new();
    };
    // The applicant has no seal of an office.
    if OFFICES.contains(&step) || [plan::FINAL, NOTICE, RULES].contains(&step) {
        let document = Document::Decision(step.to_owned());
        effects::seal(Owner::Office(office.clone()), vec![document], &[]);
    }
    pay_when_due(case)
}

/// Pays once every step has its effect and the money is there.
fn pay_when_due(case: &Case<'_, Answers>) -> Vec<Directive> {
    let held = case.reservation(BUDGET).map(|held| held.status);
    if all_effective(case)
        && held == Some(ReservationStatus::Reserved)
        && payments(case).next().is_none()
    {
        return pay(case, case.answers().simple_account.clone());
    }
    Vec::new()
}

fn all_effective(case: &Case<'_, Answers>) -> bool {
    case.view
        .steps
        .iter()
        .filter(|state| state.status != StepStatus::Gone && state.step != plan::CHECK)
        .all(|state| state.status == StepStatus::Effective)
}

fn pay(case: &Case<'_, Answers>, account: Option<String>) -> Vec<Directive> {
    let Some(held) = case.reservation(BUDGET) else {
        return Vec::new();
    };
    let ordered = effects::pay(&Order {
        budget: BUDGET.to_owned(),
        category: "GOVT".to_owned(),
        execute_on: clock::today(),
        lines: vec![Payment {
            line: "1".to_owned(),
            payee: case.answers().simple_name.clone().unwrap_or_default(),
            account: account.unwrap_or_default(),
            bank: None,
            amount: held.amount.clone(),
            purpose: "简单".to_owned(),
        }],
        after: Vec::new(),
    });
    match ordered {
        Ok(_) => Vec::new(),
        Err(refusal) => vec![Directive::Reject(refusal)],
    }
}

fn payments<'c>(case: &'c Case<'_, Answers>) -> impl Iterator<Item = &'c EffectState> {
    let effects = case.view.effects.iter();
    effects.filter(|effect| effect.kind == EffectKind::Payment)
}

/// Whether the one line of a payment has arrived, where the bank has answered.
fn arrived(effect: &EffectState) -> Option<bool> {
    let Some(Ok(outcome)) = &effect.outcome else {
        return None;
    };
    let outcome: Json = serde_json::from_str(outcome).ok()?;
    Some(outcome.get("lines")?.get(0)?.get("status")? == "paid")
}

fn carried_out(case: &Case<'_, Answers>, effect: &EffectState) -> Vec<Directive> {
    match effect.kind {
        EffectKind::Notice => Vec::new(),
        EffectKind::Payment if arrived(effect) == Some(false) => {
            let region = &case.view.submission.region;
            vec![Directive::AddStep(plan::account(
                region,
                payments(case).count(),
            ))]
        }
        _ => completed(case),
    }
}

/// The end: every step, seal, delivery and payment is done, and no material is outstanding.
fn completed(case: &Case<'_, Answers>) -> Vec<Directive> {
    let view = case.view;
    let carried_out = view
        .effects
        .iter()
        .filter(|effect| matches!(effect.kind, EffectKind::Seal | EffectKind::Delivery))
        .all(|effect| matches!(effect.outcome, Some(Ok(_))));
    let outstanding = view
        .submission
        .materials
        .iter()
        .any(|material| matches!(material.status, MaterialStatus::Promised(_)));
    let life = case.answers().simple_life;
    let pays = matches!(life, Some(SimpleLife::Paid | SimpleLife::Line));
    let paid = payments(case).last().and_then(arrived) == Some(true);
    if all_effective(case) && carried_out && !outstanding && (paid || !pays) {
        return vec![Directive::Complete(json!({"paid": paid}).to_string())];
    }
    Vec::new()
}

fn word(ending: &Ending) -> &'static str {
    match ending {
        Ending::Completed => "completed",
        Ending::Rejected(_) => "rejected",
        Ending::NotAccepted(_) => "not accepted",
        Ending::NotCompetent(_) => "not competent",
        Ending::Withdrawn => "withdrawn",
    }
}

fn tell(case: &Case<'_, Answers>, template: &str, values: Json) {
    tell_after(case, template, values, &[]);
}

/// To the subject.
fn tell_after(case: &Case<'_, Answers>, template: &str, mut values: Json, after: &[Ticket]) {
    values["case"] = json!(case.view.id);
    effects::notify(&case.view.submission.subject, template, &values, after);
}
