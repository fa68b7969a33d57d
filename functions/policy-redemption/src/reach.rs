//! Telling enterprises what they may have (政策找人): the policies are parsed once for all the
//! enterprises of a batch.

use crate::answers::Answers;
use crate::fields::{Enterprise, Fields};
use crate::matching::{Compiled, Policies};
use crate::policy::{FAMILY, Mode, OncePer, Policy};
use crate::rules;
use chrono::Datelike;
use onething_sdk::Facts;
use onething_sdk::contract::{Message, Offer, Recipient, Subject};
use onething_sdk::form::{Form, Json, SourceRule};
use onething_sdk::serde_json::{Map, json};

/// The registers.
const ENTERPRISE: &str = "enterprise";
const CREDIT: &str = "credit";

/// What each enterprise may have under the policies that are open on the day of the facts.
pub fn reach(subjects: &[Subject], codes: &[String], facts: &Facts<'_>) -> Vec<Offer> {
    let policies = open(codes, facts);
    let keys: Vec<String> = subjects
        .iter()
        .map(|subject| subject.identifier.clone())
        .collect();
    // Everything is asked for before anything is used: the host fetches what it lacks together.
    let entries = facts.entries(ENTERPRISE, &keys);
    let standings = facts.entries(CREDIT, &keys);
    let Some(fields) = Fields::in_force(facts, facts.filed_on()) else {
        return Vec::new();
    };
    let mut offers = Vec::new();
    for ((subject, entry), standing) in subjects.iter().zip(&entries).zip(&standings) {
        let (Some(entry), Some(standing)) = (entry, standing) else {
            continue;
        };
        if standing.get("status").and_then(Json::as_str) != Some("normal") {
            continue;
        }
        let data = entry.get("policy-facts").unwrap_or(&Json::Null);
        let enterprise = Enterprise::of_rows(&fields, data);
        let candidate = policies.candidate(&enterprise);
        let application = application(entry, standing);
        for compiled in &policies.compiled {
            if let Some(fen) = compiled.qualify(&candidate) {
                offers.push(offer(subject, compiled, fen, entry, &application, facts));
            }
        }
    }
    offers
}

/// The policies in force that may be had on the day, of `codes` where there are any.
fn open(codes: &[String], facts: &Facts<'_>) -> Policies {
    let on = facts.filed_on();
    let named = |name: &String| codes.is_empty() || codes.contains(name);
    let names: Vec<String> = facts.family(FAMILY, on).into_iter().filter(named).collect();
    let values: Vec<_> = names
        .iter()
        .filter_map(|name| Some((name.as_str(), facts.parameter(name, on)?)))
        .collect();
    let mut policies = Policies::compile(values.iter().map(|(name, found)| (*name, &found.value)));
    policies
        .compiled
        .retain(|compiled| is_open(&compiled.policy, facts));
    policies
}

fn is_open(policy: &Policy, facts: &Facts<'_>) -> bool {
    (policy.window.opens..=policy.window.closes).contains(&facts.filed_on())
}

fn offer(
    subject: &Subject,
    compiled: &Compiled,
    fen: i64,
    entry: &Json,
    application: &Map<String, Json>,
    facts: &Facts<'_>,
) -> Offer {
    let policy = &compiled.policy;
    let amount = rules::yuan(fen).to_string();
    let values = json!({
        "name": entry.get("name"),
        "policy": {"zh": policy.title.zh, "en": policy.title.en},
        "amount": amount,
        "how": how(policy),
    });
    Offer {
        subject: subject.clone(),
        code: compiled.name.clone(),
        occasion: match policy.once_per {
            OncePer::Year => facts.filed_on().year().to_string(),
            OncePer::Ever => String::new(),
        },
        amount: Some(amount),
        notices: vec![Message {
            to: Recipient::Subject(subject.clone()),
            template: "offer".to_owned(),
            values: values.to_string(),
        }],
        counted_by: vec![
            ("policy-code".to_owned(), compiled.name.clone()),
            ("policy-department".to_owned(), policy.department.clone()),
        ],
        answers: (policy.mode == Mode::Proactive).then(|| answers(application, &compiled.name)),
    }
}

/// What the enterprise has to do.
fn how(policy: &Policy) -> Json {
    let closes = policy.window.closes;
    match policy.mode {
        Mode::Application => json!({
            "zh": format!("请在{closes}前上网申报，核对数据并签名即可。"),
            "en": format!("Apply online by {closes}: check the data and sign."),
        }),
        Mode::Instant => json!({
            "zh": format!("请在{closes}前上网确认，确认后即时核定拨付。"),
            "en": format!("Confirm online by {closes}; it is decided and paid at once."),
        }),
        Mode::Proactive => json!({
            "zh": "不需申报，资金将直接拨付到贵企业的结算账户。",
            "en": "There is nothing to do: it is paid to your settlement account.",
        }),
    }
}

/// The application as the registers fill it in, but for the policy.
fn application(entry: &Json, standing: &Json) -> Map<String, Json> {
    let mut answers = Map::new();
    for element in Answers::ELEMENTS {
        let SourceRule::Register {
            register, field, ..
        } = element.source
        else {
            continue;
        };
        let known = match register {
            CREDIT => standing,
            _ => entry,
        };
        if let Some(value) = known.get(field) {
            answers.insert(element.code.to_owned(), value.clone());
        }
    }
    answers
}

/// The application for one policy.
fn answers(application: &Map<String, Json>, policy: &str) -> String {
    let mut answers = application.clone();
    answers.insert("policy-code".to_owned(), json!(policy));
    Json::Object(answers).to_string()
}

#[cfg(test)]
mod tests;
