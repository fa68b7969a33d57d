//! How one line is computed: contributions, the housing fund, income tax by cumulative withholding.
//! Every figure is rounded to the cent by itself (四舍五入), so that the lines add up to the totals.

use crate::answers::{PayrollRosterRow, UnitType};
use onething_sdk::Facts;
use onething_sdk::form::Json;
use onething_sdk::values::{Money, Month};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// Who pays which share of the contribution base.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Withheld from pay.
    pub staff: Decimal,
    /// Paid by the unit on top.
    pub unit: Decimal,
}

/// The contributions in force in a month, for a unit of a type.
pub struct Rates {
    /// Bounds of the contribution base, yuan a month.
    pub base: (Decimal, Decimal),
    /// 国发〔2015〕2号
    pub pension: Share,
    /// 国办发〔2015〕18号
    pub annuity: Share,
    /// Local.
    pub medical: Share,
    /// Local; nothing but in public institutions: 失业保险条例 第二条.
    pub unemployment: Share,
    /// Local.
    pub injury: Share,
}

impl Rates {
    /// `None` where they are not published for the month.
    pub fn of(facts: &Facts<'_>, unit: UnitType, month: Month) -> Option<Self> {
        let published = facts.parameter("payroll-contributions", month.first_day())?;
        let table = &published.value;
        let share = |name: &str| {
            let share = table.get(name)?;
            Some(Share {
                staff: decimal(share.get("staff")?)?,
                unit: decimal(share.get("unit")?)?,
            })
        };
        let unemployment = match unit {
            UnitType::PublicOne | UnitType::PublicTwo => share("unemployment")?,
            UnitType::Organ | UnitType::CivilServiceManaged => Share::default(),
        };
        Some(Self {
            base: (
                decimal(table.get("base-min")?)?,
                decimal(table.get("base-max")?)?,
            ),
            pension: share("pension")?,
            annuity: share("annuity")?,
            medical: share("medical")?,
            unemployment,
            injury: share("injury")?,
        })
    }
}

/// What is withheld from one line besides tax.
pub struct Withheld {
    /// 养老保险
    pub pension: Money,
    /// 职业年金
    pub annuity: Money,
    /// 医疗保险
    pub medical: Money,
    /// 失业保险
    pub unemployment: Money,
    /// 住房公积金
    pub fund: Money,
}

impl Withheld {
    /// From a row of the roster.
    pub fn of(row: &PayrollRosterRow, rates: &Rates) -> Self {
        let base = row.base.amount();
        let part = |share: Share| Money::rounded(base * share.staff);
        Self {
            pension: part(rates.pension),
            annuity: part(rates.annuity),
            medical: part(rates.medical),
            unemployment: part(rates.unemployment),
            fund: Money::rounded(base * row.fund_rate / Decimal::ONE_HUNDRED),
        }
    }

    /// All of it.
    pub fn sum(&self) -> Money {
        self.pension + self.annuity + self.medical + self.unemployment + self.fund
    }
}

/// Before anything is withheld.
pub fn gross(row: &PayrollRosterRow) -> Money {
    row.post_pay + row.grade_pay + row.allowance + row.bonus + row.other
}

/// Withholding of income tax (预扣率表一).
pub struct TaxTable {
    monthly: Decimal,
    brackets: Vec<Bracket>,
}

struct Bracket {
    up_to: Option<Decimal>,
    rate: Decimal,
    quick: Decimal,
}

impl TaxTable {
    /// `None` where it is not published for the month.
    pub fn of(facts: &Facts<'_>, month: Month) -> Option<Self> {
        let published = facts.parameter("income-tax-withholding", month.first_day())?;
        let bracket = |json: &Json| {
            Some(Bracket {
                up_to: match json.get("up-to") {
                    Some(up_to) => Some(decimal(up_to)?),
                    None => None,
                },
                rate: decimal(json.get("rate")?)?,
                quick: decimal(json.get("quick")?)?,
            })
        };
        let brackets = published.value.get("brackets")?.as_array()?;
        Some(Self {
            monthly: decimal(published.value.get("monthly")?)?,
            brackets: brackets.iter().map(bracket).collect::<Option<_>>()?,
        })
    }

    /// The tax on a taxable income of the year so far.
    pub fn on(&self, taxable: Money) -> Money {
        let taxable = taxable.amount();
        let fits = |bracket: &&Bracket| bracket.up_to.is_none_or(|up_to| taxable <= up_to);
        let bracket = self.brackets.iter().find(fits);
        bracket.map_or_else(zero, |bracket| {
            Money::rounded(taxable * bracket.rate - bracket.quick)
        })
    }

    /// Taxable income of the year so far and the tax of this month. What was withheld too much is
    /// not given back within the year: 国家税务总局公告2018年第61号 第六条.
    pub fn withhold(&self, before: &SoFar, gross: Money, deductions: Money) -> (Money, Money) {
        let months = Decimal::from(before.months) + Decimal::ONE;
        let taxable = before.income + gross
            - Money::rounded(self.monthly * months)
            - before.deductions
            - deductions;
        let taxable = taxable.max(zero());
        let tax = self.on(taxable) - before.tax;
        (taxable, tax.max(zero()))
    }
}

/// What a person has been paid by the unit in the year up to last month.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SoFar {
    /// Months of employment in the year.
    pub months: u32,
    /// 累计收入
    pub income: Money,
    /// 累计专项扣除、专项附加扣除
    pub deductions: Money,
    /// 累计已预扣预缴税额
    pub tax: Money,
}

impl SoFar {
    fn read(json: &Json) -> Option<Self> {
        let money = |name: &str| Money::parse(json.get(name)?.as_str()?);
        Some(Self {
            months: u32::try_from(json.get("months")?.as_u64()?).ok()?,
            income: money("income")?,
            deductions: money("deductions")?,
            tax: money("tax")?,
        })
    }
}

/// Everybody's [`SoFar`], by citizen ID, as the register has it; in January nobody has any. `None`
/// where it ought to be there and is not.
pub fn so_far<'e>(entry: Option<&'e Json>, month: Month) -> Option<BTreeMap<&'e str, SoFar>> {
    if month.month() == 1 {
        return Some(BTreeMap::new());
    }
    let entry = entry?;
    if tax_month(entry) != Some(month.plus(-1)) {
        return None;
    }
    let persons = entry.get("persons")?.as_array()?;
    let person = |json: &'e Json| Some((json.get("citizen-id")?.as_str()?, SoFar::read(json)?));
    persons.iter().map(person).collect()
}

/// The month up to which the register has added up.
pub fn tax_month(entry: &Json) -> Option<Month> {
    Month::parse(entry.get("month")?.as_str()?)
}

/// `0.00`
pub fn zero() -> Money {
    Money::rounded(Decimal::ZERO)
}

/// A decimal as a parameter writes it.
pub fn decimal(json: &Json) -> Option<Decimal> {
    json.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests;
