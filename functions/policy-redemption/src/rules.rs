//! The derivations that the forms name. All of a policy's own words are those of the version in
//! force on the day of filing: what is published later changes no application.
//!
//! A derivation is `None` where the policy is not known or its data are not there: the box stays
//! empty, nothing is guessed.

use crate::answers::{Answers, PolicyFactsRow};
use crate::fields::{Enterprise, Fields};
use crate::matching::{Judgement, Policies};
use crate::policy::{Mode, Policy, Published};
use chrono::NaiveDate;
use onething_sdk::Facts;
use onething_sdk::form::Form;
use onething_sdk::values::{Money, Rows};
use rust_decimal::Decimal;

fn published(facts: &Facts<'_>, code: &str) -> Option<Published> {
    Policy::in_force(code, facts, facts.filed_on())
}

/// What people call the policy.
pub fn policy_title(facts: &Facts<'_>, code: &str) -> Option<String> {
    Some(published(facts, code)?.policy.title.zh)
}

/// The day from which the version of the policy is in force.
pub fn policy_version(facts: &Facts<'_>, code: &str) -> Option<NaiveDate> {
    Some(published(facts, code)?.since)
}

/// The function of the office in charge.
pub fn policy_department(facts: &Facts<'_>, code: &str) -> Option<String> {
    Some(published(facts, code)?.policy.department)
}

/// The name of the office in charge.
pub fn department_title(facts: &Facts<'_>, code: &str) -> Option<String> {
    let department = policy_department(facts, code)?;
    Some(Answers::MATTER.office(&department)?.zh.to_owned())
}

/// The document that the policy rests on.
pub fn policy_basis(facts: &Facts<'_>, code: &str) -> Option<String> {
    Some(published(facts, code)?.policy.basis)
}

/// `2026-03-01至2026-10-31`.
pub fn policy_window(facts: &Facts<'_>, code: &str) -> Option<String> {
    let window = published(facts, code)?.policy.window;
    Some(format!("{}至{}", window.opens, window.closes))
}

/// How it comes to the enterprise.
pub fn policy_mode(facts: &Facts<'_>, code: &str) -> Option<String> {
    let mode = match published(facts, code)?.policy.mode {
        Mode::Application => "申报兑现",
        Mode::Instant => "即申即享",
        Mode::Proactive => "免申即享",
    };
    Some(mode.to_owned())
}

/// The budget that pays.
pub fn policy_budget(facts: &Facts<'_>, code: &str) -> Option<String> {
    Some(published(facts, code)?.policy.budget)
}

/// Working days of the public notice; 0 where there is none.
pub fn notice_days(facts: &Facts<'_>, code: &str) -> Option<u32> {
    Some(u32::from(published(facts, code)?.policy.public_notice_days))
}

/// What the policy comes to for the enterprise.
pub fn policy_amount(facts: &Facts<'_>, code: &str, data: &Rows<PolicyFactsRow>) -> Option<Money> {
    let policy = published(facts, code)?.policy;
    match judge(facts, code, policy, data)? {
        Judgement::Qualifies(fen) => Some(yuan(fen)),
        _ => None,
    }
}

/// What a policy says of the enterprise; `None` where the data items are not declared.
pub(crate) fn judge(
    facts: &Facts<'_>,
    code: &str,
    policy: Policy,
    data: &Rows<PolicyFactsRow>,
) -> Option<Judgement> {
    let fields = Fields::in_force(facts, facts.filed_on())?;
    let items = data
        .iter()
        .map(|row| (row.item.as_str(), row.value.as_str()));
    let enterprise = Enterprise::new(&fields, items);
    let policies = Policies::of(code, policy).ok()?;
    let candidate = policies.candidate(&enterprise);
    Some(policies.compiled.first()?.judge(&candidate))
}

/// Fen as yuan.
pub(crate) fn yuan(fen: i64) -> Money {
    Money::rounded(Decimal::new(fen, 2))
}

/// [`policy_amount`] in words (人民币大写).
pub fn amount_words(_: &Facts<'_>, amount: &Money) -> Option<String> {
    Some(amount.in_words())
}

fn item<'r>(data: &'r Rows<PolicyFactsRow>, name: &str) -> Option<&'r str> {
    let row = data.iter().find(|row| row.item == name)?;
    Some(row.value.as_str())
}

/// Staff.
pub fn staff(_: &Facts<'_>, data: &Rows<PolicyFactsRow>) -> Option<u32> {
    item(data, "staff")?.parse().ok()
}

/// Staff with social insurance.
pub fn insured_staff(_: &Facts<'_>, data: &Rows<PolicyFactsRow>) -> Option<u32> {
    item(data, "insured_staff")?.parse().ok()
}

/// Revenue of the year before.
pub fn revenue(_: &Facts<'_>, data: &Rows<PolicyFactsRow>) -> Option<Money> {
    Money::parse(item(data, "revenue")?)
}

/// Spending on research and development of the year before.
pub fn rd_spending(_: &Facts<'_>, data: &Rows<PolicyFactsRow>) -> Option<Money> {
    Money::parse(item(data, "rd_spending")?)
}

/// Taxes of the year before.
pub fn tax_paid(_: &Facts<'_>, data: &Rows<PolicyFactsRow>) -> Option<Money> {
    Money::parse(item(data, "tax_paid")?)
}

/// Exports of the year before.
pub fn export_value(_: &Facts<'_>, data: &Rows<PolicyFactsRow>) -> Option<Money> {
    Money::parse(item(data, "export_value")?)
}

/// Patents of invention in force.
pub fn patents(_: &Facts<'_>, data: &Rows<PolicyFactsRow>) -> Option<u32> {
    item(data, "patents")?.parse().ok()
}

/// Titles, `高新技术企业、专精特新“小巨人”企业`.
pub fn titles(_: &Facts<'_>, data: &Rows<PolicyFactsRow>) -> Option<String> {
    let titles = item(data, "titles")?;
    let titles: Vec<&str> = titles.split(',').map(str::trim).collect();
    Some(titles.join("、"))
}
