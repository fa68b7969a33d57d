//! The derivations that the forms name, each with its source. What is published from time to time
//! (scope entries, rates) comes through `facts.parameter`; what the law says once stands here.
//!
//! A derivation is `None` where a parameter that it needs is not published or has nothing for these
//! values: the box stays empty, nothing is guessed. They know no submission and no case.

pub(crate) mod scope;

use crate::answers::{
    BusinessScopeRow, EmployeesRow, NameForm, OfficersRow, SealKinds, ShareholdersRow,
};
use onething_sdk::values::{CitizenId, Money, Rows};
use onething_sdk::{Decimal, Facts, NaiveDate};
use rust_decimal::RoundingStrategy;
use scope::Entries;

/// 行政区划、字号、行业、组织形式: 企业名称登记管理规定 第六条.
pub fn enterprise_name(
    _: &Facts<'_>,
    division: &str,
    mark: &str,
    trade: &str,
    form: &NameForm,
) -> Option<String> {
    let form = match form {
        NameForm::LimitedLiability => "有限责任公司",
        NameForm::Limited => "有限公司",
    };
    Some(format!("{division}{mark}{trade}{form}"))
}

/// The kind of company as registration and tax name it, by who holds it.
pub fn company_type(_: &Facts<'_>, shareholders: &Rows<ShareholdersRow>) -> Option<String> {
    let natural = shareholders
        .iter()
        .filter(|row| row.citizen_id.is_some())
        .count();
    Some(
        match (shareholders.len(), natural) {
            (0, _) => return None,
            (1, 1) => "有限责任公司（自然人独资）",
            (1, _) => "有限责任公司（法人独资）",
            (all, natural) if all == natural => "有限责任公司（自然人投资或控股）",
            _ => "其他有限责任公司",
        }
        .to_owned(),
    )
}

/// 公司法 第十条, 第六十条: a company of one shareholder has no meeting of shareholders.
pub fn appointed_by(_: &Facts<'_>, shareholders: &Rows<ShareholdersRow>) -> Option<String> {
    let by = match shareholders.len() {
        0 => return None,
        1 => "股东委派",
        _ => "股东会选举",
    };
    Some(by.to_owned())
}

/// How many shareholders.
pub fn shareholder_count(_: &Facts<'_>, shareholders: &Rows<ShareholdersRow>) -> Option<u32> {
    u32::try_from(shareholders.len()).ok()
}

/// The last day by which a contribution is paid.
pub fn last_contribution(_: &Facts<'_>, shareholders: &Rows<ShareholdersRow>) -> Option<NaiveDate> {
    shareholders.iter().map(|row| row.due).max()
}

/// What the shareholders subscribe together.
pub fn subscribed_total(_: &Facts<'_>, shareholders: &Rows<ShareholdersRow>) -> Option<Money> {
    Some(total(shareholders.iter().map(|row| row.amount)))
}

/// The percentages together: 100 where the form is right.
pub fn percentage_total(_: &Facts<'_>, shareholders: &Rows<ShareholdersRow>) -> Option<Decimal> {
    Some(sum(shareholders.iter().map(|row| row.percentage)))
}

/// What natural persons hold, in per cent.
pub fn natural_percentage(_: &Facts<'_>, shareholders: &Rows<ShareholdersRow>) -> Option<Decimal> {
    let natural = shareholders.iter().filter(|row| row.citizen_id.is_some());
    Some(sum(natural.map(|row| row.percentage)))
}

/// Natural persons with a quarter or more (中国人民银行、市场监管总局令〔2024〕第3号
/// 《受益所有人信息管理办法》第六条). Who stands behind a corporate shareholder is not on this form.
pub fn beneficial_owners(_: &Facts<'_>, shareholders: &Rows<ShareholdersRow>) -> Option<String> {
    let quarter = Decimal::from(25);
    let owners: Vec<&str> = shareholders
        .iter()
        .filter(|row| row.citizen_id.is_some() && row.percentage >= quarter)
        .map(|row| row.name.as_str())
        .collect();
    (!owners.is_empty()).then(|| owners.join("、"))
}

/// The scope as the licence prints it: general entries, then those that need a licence.
pub fn scope_text(facts: &Facts<'_>, chosen: &Rows<BusinessScopeRow>) -> Option<String> {
    Entries::of(facts)?.printed(chosen)
}

/// The main entry's trade.
pub fn main_business(facts: &Facts<'_>, chosen: &Rows<BusinessScopeRow>) -> Option<String> {
    Some(Entries::of(facts)?.main(chosen)?.trade)
}

/// The main entry's code of GB/T 4754-2017.
pub fn industry_code(facts: &Facts<'_>, chosen: &Rows<BusinessScopeRow>) -> Option<String> {
    Some(Entries::of(facts)?.main(chosen)?.industry)
}

/// The risk class of the main entry's trade, 1 to 8: 人社部发〔2015〕71号.
pub fn injury_class(facts: &Facts<'_>, chosen: &Rows<BusinessScopeRow>) -> Option<u32> {
    Some(Entries::of(facts)?.main(chosen)?.injury_class)
}

/// The base rate of that class, in per cent.
pub fn injury_rate(facts: &Facts<'_>, chosen: &Rows<BusinessScopeRow>) -> Option<Decimal> {
    let class = usize::try_from(injury_class(facts, chosen)?).ok()?;
    let rates = facts.parameter("work-injury-rates", facts.filed_on())?;
    rates
        .value
        .get(class.checked_sub(1)?)?
        .as_str()?
        .parse()
        .ok()
}

/// `长期` or `20年`.
pub fn term(_: &Facts<'_>, years: &u32) -> Option<String> {
    Some(match years {
        0 => "长期".to_owned(),
        years => format!("{years}年"),
    })
}

/// 男 or 女, by the 17th digit (GB 11643-1999).
pub fn legal_rep_sex(_: &Facts<'_>, id: &CitizenId) -> Option<String> {
    Some(if id.is_male() { "男" } else { "女" }.to_owned())
}

/// How many directors.
pub fn director_count(_: &Facts<'_>, officers: &Rows<OfficersRow>) -> Option<u32> {
    count(officers.iter().filter(|row| row.director))
}

/// One seal of each kind.
pub fn seal_count(_: &Facts<'_>, kinds: &[SealKinds]) -> Option<u32> {
    u32::try_from(kinds.len()).ok()
}

/// How many employees are insured.
pub fn insured_count(_: &Facts<'_>, employees: &Rows<EmployeesRow>) -> Option<u32> {
    count(employees.iter().filter(|row| row.insured))
}

/// Their wages together.
pub fn insured_base(_: &Facts<'_>, employees: &Rows<EmployeesRow>) -> Option<Money> {
    Some(total(
        employees
            .iter()
            .filter(|row| row.insured)
            .map(|row| row.wage),
    ))
}

/// How many employees join the housing fund.
pub fn fund_count(_: &Facts<'_>, employees: &Rows<EmployeesRow>) -> Option<u32> {
    count(employees.iter().filter(|row| row.fund))
}

/// Their wages together.
pub fn fund_base(_: &Facts<'_>, employees: &Rows<EmployeesRow>) -> Option<Money> {
    Some(total(
        employees.iter().filter(|row| row.fund).map(|row| row.wage),
    ))
}

/// What is deposited a month: each employee's wage at the rate, rounded to the yuan, once from the
/// unit and once from the employee (住房公积金管理条例 第十六条).
pub fn fund_monthly(_: &Facts<'_>, employees: &Rows<EmployeesRow>, rate: &u32) -> Option<Money> {
    let share = |wage: Money| {
        let exact = wage.amount() * Decimal::from(*rate) / Decimal::ONE_HUNDRED;
        exact.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero)
    };
    let shares = employees
        .iter()
        .filter(|row| row.fund)
        .map(|row| share(row.wage));
    Some(Money::rounded(sum(shares) * Decimal::TWO))
}

fn count<T>(rows: impl Iterator<Item = T>) -> Option<u32> {
    u32::try_from(rows.count()).ok()
}

fn total(amounts: impl Iterator<Item = Money>) -> Money {
    Money::rounded(sum(amounts.map(Money::amount)))
}

fn sum(numbers: impl Iterator<Item = Decimal>) -> Decimal {
    numbers.sum()
}

#[cfg(test)]
mod tests;
