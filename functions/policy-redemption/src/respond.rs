//! What follows from an event: the decision by the rules, seals, deliveries, the payment and its
//! repetition to a corrected account, and the end of the case. It knows no policy: what it needs of
//! one stands in the answers and in the reservation.

use crate::answers::Answers;
use crate::plan::{self, CHECK, FINANCE, FINANCE_OFFICE, INSTANT, NOTICE, REVIEW};
use onething_sdk::Case;
use onething_sdk::bindings::onething::matter::clock;
use onething_sdk::contract::{
    CaseView, Decision, Directive, EffectKind, EffectState, Ending, Event, Office, Refusal,
    ReservationState, ReservationStatus, StepStatus, Verdict,
};
use onething_sdk::effects::{self, Document, Order, Owner, Payment};
use onething_sdk::form::{Form, Json, Value, Words};
use onething_sdk::serde_json::{self, json};
use onething_sdk::values::text;
use onething_sdk::words::{carried, in_both, numbered, refusal};

/// ISO 20022: payment of a government.
const CATEGORY: &str = "GOVT";

/// Answers an event.
pub fn respond(case: &Case<'_, Answers>, event: &Event) -> Vec<Directive> {
    match event {
        Event::Registered => registered(case),
        Event::Corrected => seal_application(case),
        Event::CorrectionRequested(findings) => {
            tell(case, "correction", json!({"findings": numbered(findings)}));
        }
        Event::StepOpened(step) if step == INSTANT => {
            return vec![Directive::Decide(by_the_rules(case.view))];
        }
        Event::StepDecided(decision) => return decided(case, decision),
        Event::StepEffective(step) => return effective(case, step),
        // The money came after the decision.
        Event::Reserved(_) if is_decided(case) => return pay(case, None),
        Event::Objected(objection) => {
            if let Some(office) = case.office(&objection.step) {
                let values = about(case, json!({"objection": objection.text}));
                effects::notify_office(office, "objected", &values, &[]);
            }
            tell(case, "objected", json!({"objection": objection.text}));
        }
        Event::Settled(settlement) => {
            let mut effects = case.view.effects.iter();
            let settled = effects.find(|effect| effect.ticket == settlement.ticket);
            return settled.map_or_else(Vec::new, |effect| carried_out(case, effect));
        }
        Event::Ended(ending) => {
            let (template, values) = ended_notice(case, ending);
            tell(case, template, values);
        }
        _ => {}
    }
    Vec::new()
}

fn registered(case: &Case<'_, Answers>) {
    seal_application(case);
    let days = Answers::MATTER.promised_days;
    tell(
        case,
        "registered",
        json!({"amount": amount(case.view), "days": days}),
    );
}

/// One seal of the enterprise, over all the forms; where nobody applies there is none.
fn seal_application(case: &Case<'_, Answers>) {
    if case.view.submission.filer.unit.is_some() {
        let documents = Answers::FORMS
            .iter()
            .map(|form| Document::Form(form.name.to_owned()));
        effects::seal(Owner::Unit, documents.collect(), &[]);
    }
}

/// An assessment that passed is the decision: every condition is met, the amount is computed.
fn by_the_rules(view: &CaseView) -> Decision {
    Decision {
        step: INSTANT.to_owned(),
        round: view.submission.round,
        verdict: Verdict::Approve,
        reasons: Vec::new(),
        opinion: "经规则核定，符合政策条件".to_owned(),
        by: Answers::MATTER.name.to_owned(),
        on_behalf_of: None,
        at: clock::now(),
        payload: None,
    }
}

fn decided(case: &Case<'_, Answers>, decision: &Decision) -> Vec<Directive> {
    match decision.verdict {
        // The host says what a refusal before acceptance means.
        Verdict::Reject if decision.step != CHECK => vec![Directive::Reject(refusal(decision))],
        Verdict::Approve if plan::is_account(&decision.step) => pay(case, Some(decision)),
        _ => Vec::new(),
    }
}

/// The step that the payment follows: the last of the plan that is not about the account.
fn last_step(case: &Case<'_, Answers>) -> &'static str {
    [FINANCE, NOTICE]
        .into_iter()
        .find(|step| case.step(step).is_some())
        .unwrap_or(INSTANT)
}

fn is_decided(case: &Case<'_, Answers>) -> bool {
    matches!(case.step(last_step(case)), Some(StepStatus::Effective))
}

fn effective(case: &Case<'_, Answers>, step: &str) -> Vec<Directive> {
    let Some(office) = case.office(step) else {
        return Vec::new();
    };
    match step {
        REVIEW => seal_and_deliver(step, office, &["application", "review"]),
        INSTANT => seal_and_deliver(step, office, &["application"]),
        NOTICE => seal_and_deliver(step, office, &["public-notice"]),
        FINANCE => seal_and_deliver(step, office, &["appropriation"]),
        _ => {}
    }
    if step != last_step(case) {
        return Vec::new();
    }
    if step != FINANCE {
        let finance = Office {
            function: FINANCE_OFFICE.to_owned(),
            region: office.region.clone(),
        };
        effects::deliver("appropriation", &finance, &[]);
    }
    match held(case.view).map(|held| held.status) {
        Some(ReservationStatus::Reserved) => pay(case, None),
        _ => {
            tell(case, "waiting", json!({}));
            Vec::new()
        }
    }
}

fn seal_and_deliver(step: &str, office: &Office, forms: &[&str]) {
    let documents = forms.iter().map(|form| Document::Form((*form).to_owned()));
    let documents = std::iter::once(Document::Decision(step.to_owned())).chain(documents);
    let sealed = effects::seal(Owner::Office(office.clone()), documents.collect(), &[]);
    for form in forms {
        effects::deliver(form, office, std::slice::from_ref(&sealed));
    }
}

/// What the case holds, or waits for: a policy has one budget.
fn held(view: &CaseView) -> Option<&ReservationState> {
    view.reservations.first()
}

fn amount(view: &CaseView) -> String {
    held(view)
        .map(|held| held.amount.clone())
        .unwrap_or_default()
}

/// Pays the whole amount, to the account of the application or to the one that corrects it.
fn pay(case: &Case<'_, Answers>, corrected: Option<&Decision>) -> Vec<Directive> {
    let Some(held) = held(case.view) else {
        return Vec::new();
    };
    let answers = case.answers();
    let given = |account: Option<String>| account.unwrap_or_default();
    let account = match corrected {
        Some(decision) => given(carried(decision)["account"].as_str().map(str::to_owned)),
        None => given(
            answers
                .settlement_account
                .as_ref()
                .map(|account| account.as_str().to_owned()),
        ),
    };
    let number = payments(case.view).count() + 1;
    let ordered = effects::pay(&Order {
        budget: held.budget.clone(),
        category: CATEGORY.to_owned(),
        execute_on: clock::today(),
        lines: vec![Payment {
            line: number.to_string(),
            payee: answers.enterprise_name.clone().unwrap_or_default(),
            account,
            bank: None,
            amount: held.amount.clone(),
            purpose: answers.policy_title.clone().unwrap_or_default(),
        }],
        after: Vec::new(),
    });
    match ordered {
        Ok(_) => {
            tell(case, "paying", json!({"amount": held.amount}));
            Vec::new()
        }
        Err(refusal) => vec![Directive::Reject(refusal)],
    }
}

fn payments(view: &CaseView) -> impl Iterator<Item = &EffectState> {
    let effects = view.effects.iter();
    effects.filter(|effect| effect.kind == EffectKind::Payment)
}

/// The bank's answer to the one line of a payment.
enum Answer {
    Paid,
    Returned(String),
}

fn answer(effect: &EffectState) -> Option<Answer> {
    let Some(Ok(outcome)) = &effect.outcome else {
        return None;
    };
    let outcome: Json = serde_json::from_str(outcome).ok()?;
    let line = outcome.get("lines")?.get(0)?;
    match line.get("status")?.as_str()? {
        "paid" => Some(Answer::Paid),
        _ => {
            let reason = line.get("reason").and_then(Json::as_str);
            Some(Answer::Returned(reason.unwrap_or_default().to_owned()))
        }
    }
}

fn carried_out(case: &Case<'_, Answers>, effect: &EffectState) -> Vec<Directive> {
    if effect.kind == EffectKind::Payment
        && let Some(Answer::Returned(reason)) = answer(effect)
    {
        tell(case, "returned", json!({"reason": reason}));
        let steps = case.view.steps.iter();
        let before = steps.filter(|state| plan::is_account(&state.step)).count();
        let region = &case.view.submission.region;
        return vec![Directive::AddStep(plan::account(region, before))];
    }
    // Notices settle whenever they do: the case does not wait for them.
    if effect.kind == EffectKind::Notice {
        return Vec::new();
    }
    completed(case).into_iter().collect()
}

/// The end: the money is there, every form is delivered, every seal is on.
fn completed(case: &Case<'_, Answers>) -> Option<Directive> {
    let last = payments(case.view).last().and_then(answer);
    let carried_out = case
        .view
        .effects
        .iter()
        .filter(|effect| matches!(effect.kind, EffectKind::Seal | EffectKind::Delivery))
        .all(|effect| matches!(effect.outcome, Some(Ok(_))));
    if !matches!(last, Some(Answer::Paid)) || !carried_out {
        return None;
    }
    let answers = case.answers();
    let outcome = json!({
        "policy": answers.policy_code,
        "version": answers.policy_version.map(|version| version.write()),
        "amount": amount(case.view),
    });
    Some(Directive::Complete(outcome.to_string()))
}

fn ended_notice(case: &Case<'_, Answers>, ending: &Ending) -> (&'static str, Json) {
    match ending {
        Ending::Completed => ("completed", json!({"amount": amount(case.view)})),
        Ending::Rejected(refusal) | Ending::NotAccepted(refusal) => ("rejected", why(refusal)),
        Ending::NotCompetent(office) => ("not-competent", json!({"office": place(office)})),
        Ending::Withdrawn => ("withdrawn", json!({})),
    }
}

/// Why not, by which rule, and what can be done about it.
fn why(refusal: &Refusal) -> Json {
    let basis = refusal.basis.as_ref().map_or_else(
        || in_both(&text("见决定", "as stated in the decision")),
        |basis| json!(basis),
    );
    json!({
        "reasons": in_both(&refusal.message),
        "basis": basis,
        "remedy": in_both(&Answers::MATTER.remedy.into()),
    })
}

/// To the enterprise.
fn tell(case: &Case<'_, Answers>, template: &str, more: Json) {
    let to = &case.view.submission.subject;
    effects::notify(to, template, &about(case, more), &[]);
}

fn about(case: &Case<'_, Answers>, more: Json) -> Json {
    let answers = case.answers();
    let mut values = json!({
        "case": case.view.id,
        "name": answers.enterprise_name,
        "policy": answers.policy_title,
    });
    if let (Json::Object(values), Json::Object(more)) = (&mut values, more) {
        values.extend(more);
    }
    values
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
