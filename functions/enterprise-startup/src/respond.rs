//! What follows from an event: seals, deliveries, notices, what a refusal leaves open, and the end
//! of the case. Knows which form and step is whose only through the plan.
//!
//! A refusal after the licence does not end the case: the company exists. The filer gets a step of
//! their own; explaining reopens the link, giving it up leaves it out of the outcome.

use crate::answers::Answers;
use crate::assess::LEGAL_REPRESENTATIVE;
use crate::plan::{self, LICENCE, LINKS, Link};
use onething_sdk::Case;
use onething_sdk::contract::{
    CaseView, Decision, Directive, EffectKind, Ending, Event, Office, Refusal, StepStatus, Subject,
    Text, Verdict,
};
use onething_sdk::effects::{self, Document, Owner};
use onething_sdk::form::{self, Form, Json};
use onething_sdk::serde_json::{Map, json};
use onething_sdk::values::text;
use onething_sdk::words::{carried, in_both, numbered, refusal};

/// Answers an event.
pub fn respond(case: &Case<'_, Answers>, event: &Event) -> Vec<Directive> {
    match event {
        Event::Registered => {
            let days = Answers::MATTER.promised_days;
            tell(case, "registered", json!({"days": days}));
        }
        Event::CorrectionRequested(findings) => {
            tell(case, "correction", json!({"findings": numbered(findings)}));
        }
        Event::StepDecided(decision) => return decided(case, decision),
        Event::StepEffective(step) => {
            if let Some(link) = plan::link(step) {
                effective(case, link);
            }
        }
        Event::Settled(settlement) => {
            // Notices settle whenever they do: the case does not wait for them.
            let counts = case.view.effects.iter().any(|effect| {
                effect.ticket == settlement.ticket && must_be_carried_out(effect.kind)
            });
            return counts
                .then(|| completed(case))
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

fn decided(case: &Case<'_, Answers>, decision: &Decision) -> Vec<Directive> {
    if let Some(link) = plan::resumed_by(&decision.step) {
        return resumed(case, link, decision);
    }
    let Some(link) = plan::link(&decision.step) else {
        return Vec::new(); // the check before acceptance; the host gathers what it says
    };
    match decision.verdict {
        Verdict::Reject if link.step == LICENCE => vec![Directive::Reject(refusal(decision))],
        Verdict::Reject => {
            tell(case, "link-refused", why(link, &refusal(decision)));
            let before = remedies(case.view, link).count();
            let region = &case.view.submission.region;
            vec![Directive::AddStep(link.remedy(region, before))]
        }
        Verdict::Hold => {
            tell(case, "held", why(link, &refusal(decision)));
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// The filer has explained, and the office takes the link up again; or gives it up.
fn resumed(case: &Case<'_, Answers>, link: &Link, decision: &Decision) -> Vec<Directive> {
    if gives_up(decision) {
        return completed(case).into_iter().collect();
    }
    if !approves(decision) {
        return Vec::new();
    }
    tell(case, "link-resumed", json!({"link": title(link)}));
    vec![Directive::ReopenStep(link.step.to_owned())]
}

/// Whoever refuses to explain gives up, too.
fn gives_up(decision: &Decision) -> bool {
    match decision.verdict {
        Verdict::Reject => true,
        _ => approves(decision) && carried(decision)["give_up"] == json!(true),
    }
}

/// The office seals its decision and its form. The licence also sends every office its form, now
/// with the unified social credit code.
fn effective(case: &Case<'_, Answers>, link: &Link) {
    let (Some(office), Some(form)) = (case.office(link.step), link.form()) else {
        return;
    };
    let documents = vec![
        Document::Decision(link.step.to_owned()),
        Document::Form(form.name.to_owned()),
    ];
    let sealed = effects::seal(Owner::Office(office.clone()), documents, &[]);
    let own = payload(case.view, link.step);
    if link.step != LICENCE {
        let values = json!({"link": title(link), "result": result(link, &own)});
        return tell(case, "link-effective", values);
    }
    for planned in &LINKS {
        if let (Some(office), Some(form)) = (case.office(planned.step), planned.form()) {
            effects::deliver(form.name, office, std::slice::from_ref(&sealed));
        }
    }
    let values = json!({"uscc": own["uscc"], "licence": own["licence_no"]});
    tell(case, "licence-effective", values);
}

/// What a link brings, in words.
fn result(link: &Link, own: &Json) -> Json {
    let value = |member: &str| own[member].as_str().unwrap_or_default().to_owned();
    let (zh, en) = match link.step {
        "seal" => (
            format!("备案编号{}", value("record_no")),
            format!("record {}", value("record_no")),
        ),
        "tax" => (
            format!(
                "主管税务机关{}，核定发票总额度{}元",
                value("tax_office"),
                value("invoice_quota")
            ),
            format!(
                "{} is in charge, quota of invoices {} yuan",
                value("tax_office"),
                value("invoice_quota")
            ),
        ),
        "social" => (
            format!("社会保险登记编号{}", value("insurance_no")),
            format!("social insurance number {}", value("insurance_no")),
        ),
        "fund" => (
            format!("单位公积金账号{}", value("account_no")),
            format!("housing fund account {}", value("account_no")),
        ),
        _ => (
            format!("预约账号{}", value("account")),
            format!("account {}", value("account")),
        ),
    };
    in_both(&text(zh, en))
}

/// The end, at the event that brings it and at no other: every link is in effect or given up, every
/// form is delivered, every seal is on.
///
/// The seals are counted, since a link that took effect a moment ago may not have asked for its own
/// yet.
fn completed(case: &Case<'_, Answers>) -> Option<Directive> {
    let view = case.view;
    let mut links = Map::new();
    let mut done = 0;
    for link in &LINKS {
        let outcome = match case.step(link.step) {
            None | Some(StepStatus::Gone) => continue,
            Some(StepStatus::Effective) => {
                done += 1;
                "done"
            }
            Some(StepStatus::Decided) if is_given_up(view, link) => "open",
            Some(_) => return None,
        };
        links.insert(link.step.to_owned(), json!(outcome));
    }
    let seals = view
        .effects
        .iter()
        .filter(|effect| effect.kind == EffectKind::Seal);
    let carried_out = view
        .effects
        .iter()
        .filter(|effect| must_be_carried_out(effect.kind))
        .all(|effect| matches!(effect.outcome, Some(Ok(_))));
    if !carried_out || seals.count() != done {
        return None;
    }
    let licence = payload(view, LICENCE);
    let outcome = json!({
        "name": case.answers().enterprise_name,
        "uscc": licence["uscc"],
        "links": links,
    });
    Some(Directive::Complete(outcome.to_string()))
}

fn must_be_carried_out(kind: EffectKind) -> bool {
    matches!(kind, EffectKind::Seal | EffectKind::Delivery)
}

/// The steps by which the filer answered, or has to answer, refusals of a link, in their order.
fn remedies<'v>(view: &'v CaseView, link: &'v Link) -> impl Iterator<Item = &'v str> {
    let steps = view.steps.iter().map(|state| state.step.as_str());
    steps.filter(|step| link.is_resumed_by(step))
}

/// Refused, and the filer's last word on it is to leave it.
fn is_given_up(view: &CaseView, link: &Link) -> bool {
    let last = remedies(view, link).last();
    last.and_then(|step| form::decision(view, step))
        .is_some_and(gives_up)
}

fn ended_notice(view: &CaseView, ending: &Ending) -> (&'static str, Json) {
    let [licence, ..] = &LINKS;
    match ending {
        Ending::Completed => {
            let uscc = payload(view, LICENCE)["uscc"].clone();
            let open: Vec<&Link> = LINKS
                .iter()
                .filter(|link| is_given_up(view, link))
                .collect();
            if open.is_empty() {
                return ("completed", json!({"uscc": uscc}));
            }
            let listed = |language: fn(&Link) -> &str, separator: &str| {
                let titles: Vec<&str> = open.iter().map(|link| language(link)).collect();
                titles.join(separator)
            };
            let open = text(
                listed(|link| link.title.0, "、"),
                listed(|link| link.title.1, ", "),
            );
            (
                "completed-in-part",
                json!({"uscc": uscc, "open": in_both(&open)}),
            )
        }
        Ending::Rejected(refusal) => ("rejected", why(licence, refusal)),
        Ending::NotAccepted(refusal) => ("not-accepted", why(licence, refusal)),
        Ending::NotCompetent(office) => ("not-competent", json!({"office": place(office)})),
        Ending::Withdrawn => ("withdrawn", json!({})),
    }
}

/// Who says no to what, why, by which law, and what can be done about it.
fn why(link: &Link, refusal: &Refusal) -> Json {
    let basis = match &refusal.basis {
        Some(basis) => json!(basis),
        None => in_both(&text("见决定", "as stated in the decision")),
    };
    json!({
        "office": office_title(link.office),
        "link": title(link),
        "reasons": in_both(&refusal.message),
        "basis": basis,
        "remedy": in_both(&Answers::MATTER.remedy.into()),
    })
}

/// One notice to whoever filed, and one to the legal representative where that is another.
fn tell(case: &Case<'_, Answers>, template: &str, more: Json) {
    let submission = &case.view.submission;
    let name = case.answers().enterprise_name.clone();
    let mut values = Map::from_iter([
        ("case".to_owned(), json!(case.view.id)),
        ("name".to_owned(), json!(name.unwrap_or_default())),
    ]);
    if let Json::Object(more) = more {
        values.extend(more);
    }
    let values = Json::Object(values);
    let filer = &submission.filer.person;
    let represents = submission
        .parties
        .iter()
        .find(|party| party.role == LEGAL_REPRESENTATIVE)
        .map(|party| &party.subject)
        .filter(|subject| *subject != filer);
    let recipients: Vec<&Subject> = std::iter::once(filer).chain(represents).collect();
    for to in recipients {
        effects::notify(to, template, &values, &[]);
    }
}

fn approves(decision: &Decision) -> bool {
    matches!(decision.verdict, Verdict::Approve)
}

/// What the standing decision of a step carries.
fn payload(view: &CaseView, step: &str) -> Json {
    form::decision(view, step).map(carried).unwrap_or_default()
}

fn title(link: &Link) -> Json {
    let (zh, en) = link.title;
    in_both(&text(zh, en))
}

fn office_title(function: &str) -> Json {
    let title = Answers::MATTER.office(function);
    title.map_or_else(|| json!(function), |title| in_both(&title.into()))
}

/// An office and where it is.
fn place(office: &Office) -> Json {
    let Office { function, region } = office;
    let title: Text = match Answers::MATTER.office(function) {
        Some(title) => title.into(),
        None => text(function, function),
    };
    in_both(&text(
        format!("{}（{region}）", title.zh),
        format!("{} ({region})", title.en),
    ))
}

#[cfg(test)]
mod tests;
