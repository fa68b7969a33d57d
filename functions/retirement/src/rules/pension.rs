//! The pension's arithmetic, exact until the last rounding. Knows numbers and their parameters, no
//! person and no form.

use super::age::months_between;
use onething_sdk::values::{Json, Money, Month};
use onething_sdk::{Decimal, Facts};
use rust_decimal::RoundingStrategy;
use std::fmt;

/// The base of a pension (计发基数).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Yuan a month.
    pub amount: Decimal,
    /// The year it is published for.
    year: i32,
    /// It is last year's: this year's is not published yet.
    provisional: bool,
}

impl Base {
    /// The base for a month of retirement.
    pub fn of(facts: &Facts<'_>, retired: Month) -> Option<Self> {
        let published = |month: Month, provisional| {
            let base = facts.parameter("pension-base", month.first_day())?;
            Some(Self {
                amount: decimal(&base.value)?,
                year: month.year(),
                provisional,
            })
        };
        published(retired, false).or_else(|| published(retired.plus(-12), true))
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (amount, year) = (self.amount, self.year);
        if self.provisional {
            write!(f, "{amount}（{year}年基数，预发）")
        } else {
            write!(f, "{amount}")
        }
    }
}

/// Months of contribution and their average index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contribution {
    months: Decimal,
    index: Decimal,
}

impl Contribution {
    /// Of so many months.
    pub fn new(months: u32, index: Decimal) -> Self {
        Self {
            months: months.into(),
            index,
        }
    }
}

/// base × (1 + average index) ÷ 2 × years × 1%. With the index of each kind weighted by its months,
/// that is base × (months + Σ index × months) ÷ 2400: one division, one rounding.
pub fn basic(base: Decimal, deemed: Contribution, paid: Contribution) -> Option<Money> {
    let weighted = |one: Contribution| one.index.checked_mul(one.months)?.checked_add(one.months);
    let months = weighted(deemed)?.checked_add(weighted(paid)?)?;
    over(base.checked_mul(months)?, 2 * 12 * 100)
}

/// base × index × years × coefficient, the coefficient in percent.
pub fn transitional(base: Decimal, deemed: Contribution, percent: Decimal) -> Option<Money> {
    let indexed = deemed.index.checked_mul(deemed.months)?;
    over(base.checked_mul(indexed)?.checked_mul(percent)?, 12 * 100)
}

/// A balance spread over divisor months.
pub fn spread(balance: Money, divisor: Decimal) -> Option<Money> {
    balance.amount().checked_div(divisor).map(Money::rounded)
}

fn over(amount: Decimal, divisor: u32) -> Option<Money> {
    amount.checked_div(divisor.into()).map(Money::rounded)
}

/// The coefficient of the transitional pension, in percent.
pub fn transitional_percent(facts: &Facts<'_>, retired: Month) -> Option<Decimal> {
    decimal(
        &facts
            .parameter("transitional-coefficient", retired.first_day())?
            .value,
    )
}

/// The index of the first bracket of the rank that reaches the grade.
pub fn deemed_index(facts: &Facts<'_>, rank: &str, grade: u32) -> Option<Decimal> {
    let table = facts.parameter("deemed-index", facts.filed_on())?;
    let table = &table.value;
    let bracket = table.get(rank)?.as_array()?.iter().find(|bracket| {
        let up_to = bracket.get("up-to").and_then(Json::as_u64);
        up_to.is_some_and(|up_to| u64::from(grade) <= up_to)
    })?;
    decimal(bracket.get("index")?)
}

/// Divisor months (计发月数) at an age, to one decimal place.
pub fn divisor_months(facts: &Facts<'_>, born: Month, retired: Month) -> Option<Decimal> {
    let age = months_between(born, retired)?;
    let table = facts.parameter("divisor-months", retired.first_day())?;
    let table = &table.value;
    let at = |years: u32| decimal(table.get(years.to_string())?);
    let (years, months) = (age / 12, age % 12);
    let full = at(years)?;
    let exact = match months {
        0 => full,
        months => full - (full - at(years + 1)?) * Decimal::from(months) / Decimal::from(12),
    };
    let mut rounded = exact.round_dp_with_strategy(1, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(1);
    Some(rounded)
}

fn decimal(json: &Json) -> Option<Decimal> {
    json.as_str()?.parse().ok()
}
