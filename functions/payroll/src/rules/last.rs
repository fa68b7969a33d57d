//! Last month's roster, as the central payroll has it, and what differs from it. It is compared as
//! it lies: ten thousand rows need not become ours first.

use crate::answers::PayrollRosterRow;
use onething_sdk::Facts;
use onething_sdk::form::Json;
use onething_sdk::values::{Coded, Decimal, Money, Month, Uscc};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The register's entry for the unit. `None`: the register is down, or does not know the unit.
pub fn entry(facts: &Facts<'_>, unit: &Uscc) -> Option<Rc<Json>> {
    facts.entry("payroll-last", unit.as_str())
}

/// Last month's roster.
pub struct Last<'e> {
    /// `None`: the unit has never been paid centrally.
    pub month: Option<Month>,
    rows: BTreeMap<&'e str, &'e Json>,
}

impl<'e> Last<'e> {
    /// Reads the register's entry.
    pub fn of(entry: &'e Json) -> Self {
        let month = entry.get("month").and_then(Json::as_str);
        let rows = entry.get("roster").and_then(Json::as_array);
        let row = |row: &'e Json| Some((row.get("citizen-id")?.as_str()?, row));
        Self {
            month: month.and_then(Month::parse),
            rows: rows.into_iter().flatten().filter_map(row).collect(),
        }
    }

    /// How many people were paid.
    pub fn headcount(&self) -> usize {
        self.rows.len()
    }

    /// A person's row.
    pub fn row(&self, citizen_id: &str) -> Option<&'e Json> {
        self.rows.get(citizen_id).copied()
    }

    /// Citizen IDs and names, in the order of the IDs.
    pub fn people(&self) -> impl Iterator<Item = (&'e str, &'e str)> {
        let name = |row: &'e Json| row.get("name").and_then(Json::as_str).unwrap_or_default();
        self.rows.iter().map(move |(id, row)| (*id, name(row)))
    }
}

/// What of a row is not as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Differs {
    /// Category, a pay item, the contribution base or the fund's rate.
    pub pay: bool,
    /// The account or its bank.
    pub account: bool,
}

impl Differs {
    /// Of a row from last month's.
    pub fn of(row: &PayrollRosterRow, last: &Json) -> Self {
        let money = |name: &str, now: Money| cell(last, name).and_then(Money::parse) != Some(now);
        let rate = cell(last, "fund-rate").and_then(|rate| rate.parse::<Decimal>().ok());
        Self {
            pay: cell(last, "category") != Some(row.category.code())
                || money("post-pay", row.post_pay)
                || money("grade-pay", row.grade_pay)
                || money("allowance", row.allowance)
                || money("bonus", row.bonus)
                || money("other", row.other)
                || money("base", row.base)
                || rate != Some(row.fund_rate),
            account: cell(last, "account") != Some(row.account.as_str())
                || cell(last, "bank") != row.bank.as_deref(),
        }
    }

    /// Nothing differs.
    pub fn nothing(self) -> bool {
        self == Self::default()
    }
}

fn cell<'e>(row: &'e Json, name: &str) -> Option<&'e str> {
    row.get(name)?.as_str()
}

/// Gross pay of last month.
pub fn gross(last: &Json) -> Option<Money> {
    ["post-pay", "grade-pay", "allowance", "bonus", "other"]
        .iter()
        .try_fold(super::pay::zero(), |sum, name| {
            Some(sum + Money::parse(cell(last, name)?)?)
        })
}
