//! What is computed from the roster. Functions that the forms name in `derive` stand here; all of
//! them answer `None` where a parameter or a register that they rest on is not there.

pub mod last;
pub mod pay;

use crate::answers::{
    PayrollChangesRow, PayrollLinesRow, PayrollRemittancesRow, PayrollRosterChange,
    PayrollRosterRow, UnitType,
};
use last::{Differs, Last};
use onething_sdk::calendar::working_day_on_or_before;
use onething_sdk::form::Json;
use onething_sdk::values::{Account, At, Money, Month, Rows, Uscc, Value};
use onething_sdk::{Facts, NaiveDate};
use pay::{Rates, Share, TaxTable, Withheld, zero};

type Roster = Rows<PayrollRosterRow>;
type Lines = Rows<PayrollLinesRow>;
type Remittances = Rows<PayrollRemittancesRow>;

/// Every line of the roster, computed, in its order.
pub fn computed_lines(
    facts: &Facts<'_>,
    uscc: &Uscc,
    unit: &UnitType,
    month: &Month,
    roster: &Roster,
) -> Option<Lines> {
    let rates = Rates::of(facts, *unit, *month)?;
    let table = TaxTable::of(facts, *month)?;
    let entry = facts.entry("tax-withholding", uscc.as_str());
    let so_far = match pay::so_far(entry.as_deref(), *month) {
        Some(so_far) => so_far,
        // Who has never been paid by the unit has no figures there.
        None if entry.is_none() && is_new_unit(facts, uscc) => Default::default(),
        None => return None,
    };
    let line = |(row, number): (&PayrollRosterRow, usize)| {
        let gross = pay::gross(row);
        let withheld = Withheld::of(row, &rates);
        let social = withheld.sum();
        let before = so_far.get(row.citizen_id.as_str()).copied();
        let (taxable, tax) =
            table.withhold(&before.unwrap_or_default(), gross, social + row.deduction);
        PayrollLinesRow {
            line: format!("{number:05}"),
            name: row.name.clone(),
            account: row.account.clone(),
            bank: row.bank.clone(),
            gross,
            pension: withheld.pension,
            annuity: withheld.annuity,
            medical: withheld.medical,
            unemployment: withheld.unemployment,
            fund: withheld.fund,
            taxable,
            tax,
            net: gross - social - tax,
        }
    };
    Some(Rows(roster.iter().zip(1..).map(line).collect()))
}

/// The central payroll knows the unit and has never paid it.
fn is_new_unit(facts: &Facts<'_>, uscc: &Uscc) -> bool {
    let entry = last::entry(facts, uscc);
    entry.is_some_and(|entry| Last::of(&entry).month.is_none())
}

/// Who is new or is paid otherwise than last month. Of a new unit nobody is.
pub fn changes(facts: &Facts<'_>, uscc: &Uscc, roster: &Roster) -> Option<Rows<PayrollChangesRow>> {
    let entry = last::entry(facts, uscc)?;
    let last = Last::of(&entry);
    if last.month.is_none() {
        return Some(Rows(Vec::new()));
    }
    let change = |row: &PayrollRosterRow| {
        let before = last.row(row.citizen_id.as_str());
        let same = before.is_some_and(|before| Differs::of(row, before).nothing());
        (!same).then(|| PayrollChangesRow {
            name: row.name.clone(),
            citizen_id: row.citizen_id.clone(),
            change: row.change.map_or("未说明", title).to_owned(),
            explanation: row.explanation.clone().unwrap_or_default(),
            before: before.and_then(last::gross),
            now: Some(pay::gross(row)),
        })
    };
    Some(Rows(roster.iter().filter_map(change).collect()))
}

/// A change as the form says it.
fn title(change: PayrollRosterChange) -> &'static str {
    match change {
        PayrollRosterChange::Recruited => "新录用（聘用）",
        PayrollRosterChange::TransferredIn => "调入",
        PayrollRosterChange::Promoted => "职务职级（岗位）变动",
        PayrollRosterChange::Adjusted => "工资调整",
        PayrollRosterChange::Account => "变更工资卡",
    }
}

/// What goes to the funds and the treasury: withheld from the lines, and the unit's own part, which
/// is reckoned on the sum of the bases. The housing fund's is the same on both sides:
/// 住房公积金管理条例 第十六条、第十七条.
pub fn remittances(
    facts: &Facts<'_>,
    unit: &UnitType,
    month: &Month,
    roster: &Roster,
    lines: &Lines,
) -> Option<Remittances> {
    let rates = Rates::of(facts, *unit, *month)?;
    let accounts = facts.parameter("remittance-accounts", month.first_day())?;
    let base = base_total(facts, roster)?.amount();
    let on_base = |share: Share| Money::rounded(base * share.unit);
    let fund = sum(lines, |line| line.fund);
    let items = [
        (
            "pension",
            "基本养老保险",
            sum(lines, |line| line.pension),
            on_base(rates.pension),
        ),
        (
            "annuity",
            "职业年金",
            sum(lines, |line| line.annuity),
            on_base(rates.annuity),
        ),
        (
            "medical",
            "医疗保险",
            sum(lines, |line| line.medical),
            on_base(rates.medical),
        ),
        (
            "unemployment",
            "失业保险",
            sum(lines, |line| line.unemployment),
            on_base(rates.unemployment),
        ),
        ("injury", "工伤保险", zero(), on_base(rates.injury)),
        ("fund", "住房公积金", fund, fund),
        ("tax", "个人所得税", sum(lines, |line| line.tax), zero()),
    ];
    let row = |(line, item, withheld, unit): (&str, &str, Money, Money)| {
        let to = accounts.value.get(line)?;
        Some(PayrollRemittancesRow {
            line: line.to_owned(),
            item: item.to_owned(),
            withheld,
            unit,
            amount: withheld + unit,
            payee: to.get("payee")?.as_str()?.to_owned(),
            account: account(to.get("account")?)?,
            bank: to.get("bank").and_then(Json::as_str).map(str::to_owned),
        })
    };
    let due = |item: &(&str, &str, Money, Money)| item.2 + item.3 > zero();
    let rows = items.into_iter().filter(due).map(row);
    rows.collect::<Option<_>>().map(Rows)
}

/// A bank account, out of JSON.
pub fn account(json: &Json) -> Option<Account> {
    let mut findings = Vec::new();
    let mut at = At {
        path: String::new(),
        max: None,
        findings: &mut findings,
    };
    Account::read(json, &mut at)
}

/// The day of the parameter in the month; where it is not worked, the last day before that is.
pub fn pay_day(facts: &Facts<'_>, month: &Month) -> Option<NaiveDate> {
    let first = month.first_day();
    let day = facts.parameter("payroll-pay-day", first)?.value.as_u64()?;
    let days = i64::try_from(day).ok()?.checked_sub(1)?;
    let day = first.checked_add_signed(chrono::TimeDelta::try_days(days)?)?;
    (Month::of(day) == *month)
        .then(|| working_day_on_or_before(facts, day))
        .flatten()
}

/// How many people are paid.
pub fn headcount(_: &Facts<'_>, roster: &Roster) -> Option<u32> {
    u32::try_from(roster.len()).ok()
}

/// How many were last month.
pub fn last_headcount(facts: &Facts<'_>, uscc: &Uscc) -> Option<u32> {
    let entry = last::entry(facts, uscc)?;
    u32::try_from(Last::of(&entry).headcount()).ok()
}

/// How many were not on last month's roster.
pub fn joined(facts: &Facts<'_>, uscc: &Uscc, roster: &Roster) -> Option<u32> {
    let entry = last::entry(facts, uscc)?;
    let last = Last::of(&entry);
    let new = |row: &&PayrollRosterRow| last.row(row.citizen_id.as_str()).is_none();
    u32::try_from(roster.iter().filter(new).count()).ok()
}

/// How many of last month's are not on the roster.
pub fn left(facts: &Facts<'_>, uscc: &Uscc, roster: &Roster) -> Option<u32> {
    let stayed = headcount(facts, roster)?.checked_sub(joined(facts, uscc, roster)?)?;
    Some(last_headcount(facts, uscc)?.saturating_sub(stayed)) // nobody stands twice: assessed
}

/// Approved posts that nobody is paid on; none where there are too many people.
pub fn vacant_posts(_: &Facts<'_>, approved: &u32, roster: &Roster) -> Option<u32> {
    Some(approved.saturating_sub(u32::try_from(roster.len()).ok()?))
}

/// The contribution bases together.
pub fn base_total(_: &Facts<'_>, roster: &Roster) -> Option<Money> {
    Some(roster.iter().fold(zero(), |sum, row| sum + row.base))
}

/// Gross pay of everybody.
pub fn gross_total(_: &Facts<'_>, lines: &Lines) -> Option<Money> {
    Some(sum(lines, |line| line.gross))
}

/// What is withheld from everybody besides tax.
pub fn withheld_total(_: &Facts<'_>, lines: &Lines) -> Option<Money> {
    Some(sum(lines, |line| {
        line.pension + line.annuity + line.medical + line.unemployment + line.fund
    }))
}

/// Everybody's tax of the month.
pub fn tax_total(_: &Facts<'_>, lines: &Lines) -> Option<Money> {
    Some(sum(lines, |line| line.tax))
}

/// Net pay of everybody.
pub fn net_total(_: &Facts<'_>, lines: &Lines) -> Option<Money> {
    Some(sum(lines, |line| line.net))
}

/// Net pay in words, as banks want it.
pub fn net_words(facts: &Facts<'_>, lines: &Lines) -> Option<String> {
    Some(net_total(facts, lines)?.in_words())
}

/// Lines that the bank pays: one whose net is nothing is none.
pub fn line_count(_: &Facts<'_>, lines: &Lines) -> Option<u32> {
    u32::try_from(lines.iter().filter(|line| line.net > zero()).count()).ok()
}

/// What the unit pays on top.
pub fn unit_total(_: &Facts<'_>, remittances: &Remittances) -> Option<Money> {
    Some(remittances.iter().fold(zero(), |sum, row| sum + row.unit))
}

/// All the money that the month needs: net pay and what is remitted.
pub fn cash_total(_: &Facts<'_>, lines: &Lines, remittances: &Remittances) -> Option<Money> {
    let remitted = remittances.iter().fold(zero(), |sum, row| sum + row.amount);
    Some(sum(lines, |line| line.net) + remitted)
}

/// The same in words.
pub fn cash_words(facts: &Facts<'_>, lines: &Lines, remittances: &Remittances) -> Option<String> {
    Some(cash_total(facts, lines, remittances)?.in_words())
}

fn sum(lines: &Lines, part: impl Fn(&PayrollLinesRow) -> Money) -> Money {
    lines.iter().fold(zero(), |sum, line| sum + part(line))
}

#[cfg(test)]
mod tests;
