//! How the money of a case stands, by what its orders have come to: which lines are paid, which the
//! bank returned and nobody has dealt with yet, which were given up. The orders are counted as they
//! were asked for: the first pays the people, the second what is remitted, later ones what was
//! returned, after a step of its own whose id carries the number of the order that it mends.

use crate::answers::{Answers, PayrollLinesRow};
use crate::assess;
use crate::plan::{FILER, FINANCE};
use crate::rules::pay::zero;
use onething_sdk::Case;
use onething_sdk::contract::{Decision, EffectKind, EffectState, Verdict};
use onething_sdk::effects::{Order, Payment};
use onething_sdk::form::Json;
use onething_sdk::serde_json::{self, Map, json};
use onething_sdk::values::{Account, Money};
use std::collections::{BTreeMap, BTreeSet};

/// ISO 20022 ExternalCategoryPurpose1Code: salaries.
const SALARIES: &str = "SALA";
/// Likewise: what government pays.
const GOVERNMENT: &str = "GOVT";

/// What one order came to.
pub struct Outcome {
    /// By line: why it was returned; `None` where it was paid.
    pub lines: BTreeMap<String, Option<String>>,
}

impl Outcome {
    /// Reads a settlement of `payments.pay`.
    pub fn read(settled: &str) -> Option<Self> {
        let json: Json = serde_json::from_str(settled).ok()?;
        let line = |line: &Json| {
            let returned = match line.get("status")?.as_str()? {
                "paid" => None,
                _ => Some(
                    line.get("reason")
                        .and_then(Json::as_str)
                        .unwrap_or_default(),
                ),
            };
            Some((
                line.get("line")?.as_str()?.to_owned(),
                returned.map(str::to_owned),
            ))
        };
        let lines = json.get("lines")?.as_array()?.iter().map(line);
        Some(Self {
            lines: lines.collect::<Option<_>>()?,
        })
    }

    /// The lines that were returned, each with its reason.
    pub fn returned(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.lines.iter();
        lines.filter_map(|(line, reason)| Some((line.as_str(), reason.as_deref()?)))
    }
}

/// The orders of a case, in the order in which they were asked for.
pub fn orders<'v>(case: &'v Case<'_, Answers>) -> impl Iterator<Item = &'v EffectState> {
    let effects = case.view.effects.iter();
    effects.filter(|effect| effect.kind == EffectKind::Payment)
}

/// The step that mends what an order's bank returned.
pub fn step_of(order: usize) -> String {
    format!("returned-{order}")
}

/// The order that a step mends.
pub fn mended_by(step: &str) -> Option<usize> {
    step.strip_prefix("returned-")?.parse().ok()
}

/// Everything that the case pays at first: the people, then what is remitted. `None` where the
/// answers cannot be computed any more.
pub fn first_orders(answers: &Answers, execute_on: &str, after: &[String]) -> Option<Vec<Order>> {
    let people = answers.payroll_lines.as_ref()?.iter();
    let remitted = answers.payroll_remittances.as_ref()?.iter();
    let people: Vec<Payment> = people
        .filter(|line| line.net > zero())
        .map(|line| salary(answers, line, &line.account, line.bank.clone()))
        .collect();
    let remitted: Vec<Payment> = remitted
        .map(|row| remittance(answers, &row.line, &row.account, row.bank.clone()))
        .collect::<Option<_>>()?;
    let order = |category: &str, lines| order(answers, category, execute_on, lines, after);
    let orders = [(SALARIES, people), (GOVERNMENT, remitted)];
    orders
        .into_iter()
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(category, lines)| order(category, lines))
        .collect()
}

/// Pays again what a step has supplied other accounts for.
pub fn corrected_order(answers: &Answers, decision: &Decision, execute_on: &str) -> Option<Order> {
    let supplied = corrected_accounts(decision)?;
    let mut category = GOVERNMENT;
    let payment = |(line, (account, bank)): (&String, &(Account, Option<String>))| match person(
        answers, line,
    ) {
        Some(row) => {
            category = SALARIES;
            Some(salary(answers, row, account, bank.clone()))
        }
        None => remittance(answers, line, account, bank.clone()),
    };
    let payments: Vec<Payment> = supplied.iter().map(payment).collect::<Option<_>>()?;
    order(answers, category, execute_on, payments, &[])
}

fn order(
    answers: &Answers,
    category: &str,
    execute_on: &str,
    lines: Vec<Payment>,
    after: &[String],
) -> Option<Order> {
    Some(Order {
        budget: assess::budget(answers)?,
        category: category.to_owned(),
        execute_on: execute_on.to_owned(),
        lines,
        after: after.to_vec(),
    })
}

fn salary(
    answers: &Answers,
    line: &PayrollLinesRow,
    account: &Account,
    bank: Option<String>,
) -> Payment {
    Payment {
        line: line.line.clone(),
        payee: line.name.clone(),
        account: account.as_str().to_owned(),
        bank,
        amount: line.net.to_string(),
        purpose: format!("{}工资", month(answers)),
    }
}

fn remittance(
    answers: &Answers,
    line: &str,
    account: &Account,
    bank: Option<String>,
) -> Option<Payment> {
    let rows = answers.payroll_remittances.as_ref()?;
    let row = rows.iter().find(|row| row.line == line)?;
    Some(Payment {
        line: row.line.clone(),
        payee: row.payee.clone(),
        account: account.as_str().to_owned(),
        bank,
        amount: row.amount.to_string(),
        purpose: format!("{}{}", month(answers), row.item),
    })
}

fn month(answers: &Answers) -> String {
    let month = answers.payroll_month;
    month.map(|month| month.to_string()).unwrap_or_default()
}

/// The accounts that a step's decision carries, by line.
fn corrected_accounts(decision: &Decision) -> Option<BTreeMap<String, (Account, Option<String>)>> {
    let payload: Json = serde_json::from_str(decision.payload.as_deref()?).ok()?;
    let lines = payload.get("lines")?.as_object()?;
    let supplied = |(line, to): (&String, &Json)| {
        let account = crate::rules::account(to.get("account")?)?;
        let bank = to.get("bank").and_then(Json::as_str).map(str::to_owned);
        Some((line.clone(), (account, bank)))
    };
    lines.iter().map(supplied).collect()
}

/// What the step has to carry: for each returned line another account.
pub fn asked_for(answers: &Answers, outcome: &Outcome) -> Json {
    let card = json!({"title": "工资卡号", "type": "string", "format": "bank-card"});
    let account = json!({
        "title": "账号", "type": "string", "pattern": "^[0-9]{8,32}$",
    });
    let bank = json!({
        "title": "开户行联行号", "type": "string", "pattern": "^[0-9]{12}$",
    });
    let mut lines = Map::new();
    for (line, reason) in outcome.returned() {
        // People have cards, whose last digit tells; the accounts of offices need not.
        let account = match person(answers, line) {
            Some(_) => &card,
            None => &account,
        };
        let asked = json!({
            "title": format!("{}：{reason}", payee(answers, line)),
            "type": "object",
            "properties": {"account": account, "bank": bank},
            "required": ["account"],
            "additionalProperties": false,
        });
        lines.insert(line.to_owned(), asked);
    }
    let required: Vec<&String> = lines.keys().collect();
    json!({
        "type": "object",
        "properties": {
            "lines": {
                "title": "更正后的账户",
                "type": "object",
                "required": required,
                "properties": lines,
                "additionalProperties": false,
            },
        },
        "required": ["lines"],
        "additionalProperties": false,
    })
}

/// Whose line it is.
pub fn payee(answers: &Answers, line: &str) -> String {
    let remitted = answers.payroll_remittances.iter().flat_map(|rows| &rows.0);
    let mut items = remitted.filter(|row| row.line == line).map(|row| &row.item);
    let name = person(answers, line).map(|row| &row.name);
    let found = name.or_else(|| items.next());
    found.cloned().unwrap_or_else(|| line.to_owned())
}

/// A person's line: its number is its place.
fn person<'a>(answers: &'a Answers, line: &str) -> Option<&'a PayrollLinesRow> {
    let place = line.parse::<usize>().ok()?.checked_sub(1)?;
    answers.payroll_lines.as_ref()?.get(place)
}

/// Who supplies other accounts: the unit for its people, the finance bureau for what is remitted.
pub fn mender(answers: &Answers, outcome: &Outcome) -> &'static str {
    let remitted = answers.payroll_remittances.iter().flat_map(|rows| &rows.0);
    let mut remitted = remitted.map(|row| row.line.as_str());
    let first = outcome.lines.keys().next().map(String::as_str);
    match remitted.any(|line| Some(line) == first) {
        true => FINANCE,
        false => FILER,
    }
}

/// How all the money of a case has ended.
#[derive(Debug, Default, PartialEq)]
pub struct Ended {
    /// Lines that were paid, remittances among them.
    pub paid: usize,
    /// Lines of them that the bank had returned before.
    pub mended: usize,
    /// What they come to.
    pub amount: Money,
    /// Lines that were given up, each with the bank's reason.
    pub unpaid: BTreeMap<String, String>,
}

/// `None` while an order is out, or a returned line waits for somebody.
///
/// Every order is counted: one whose step was approved a moment ago may not stand in the view yet.
pub fn ended(case: &Case<'_, Answers>) -> Option<Ended> {
    let answers = case.answers();
    let mut expected = first_orders(answers, "", &[])?.len();
    let mut paid: BTreeSet<String> = BTreeSet::new();
    let mut returned_once: BTreeSet<String> = BTreeSet::new();
    let mut ended = Ended::default();
    for (number, effect) in orders(case).enumerate() {
        let outcome = Outcome::read(effect.outcome.as_ref()?.as_ref().ok()?)?;
        let returned: Vec<(&str, &str)> = outcome.returned().collect();
        returned_once.extend(returned.iter().map(|(line, _)| (*line).to_owned()));
        if !returned.is_empty() {
            match case.decision(&step_of(number))?.verdict {
                Verdict::Approve => expected += 1,
                Verdict::Reject => {
                    let lines = returned.iter();
                    let lines = lines.map(|(line, why)| ((*line).to_owned(), (*why).to_owned()));
                    ended.unpaid.extend(lines);
                }
                _ => return None,
            }
        }
        let lines = outcome.lines.into_iter();
        paid.extend(lines.filter_map(|(line, why)| why.is_none().then_some(line)));
    }
    if orders(case).count() != expected {
        return None;
    }
    ended.amount = amount(answers, &paid);
    ended.paid = paid.len();
    ended.mended = paid.intersection(&returned_once).count();
    Some(ended)
}

fn amount(answers: &Answers, lines: &BTreeSet<String>) -> Money {
    let people = answers.payroll_lines.iter().flat_map(|rows| &rows.0);
    let people = people.map(|row| (&row.line, row.net));
    let remitted = answers.payroll_remittances.iter().flat_map(|rows| &rows.0);
    let remitted = remitted.map(|row| (&row.line, row.amount));
    people
        .chain(remitted)
        .filter(|(line, _)| lines.contains(*line))
        .fold(zero(), |sum, (_, amount)| sum + amount)
}

#[cfg(test)]
mod tests;
