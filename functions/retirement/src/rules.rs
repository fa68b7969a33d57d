//! The derivations that the forms name, each with its source. What the law lets change (ages,
//! bases, rates, tables) comes through `facts.parameter`; what it says once stands here.
//!
//! A derivation is `None` where a parameter that it needs is not published or has nothing for these
//! values: the box stays empty, nothing is guessed. They know no submission and no case.

pub(crate) mod age;
pub(crate) mod pension;

use crate::answers::{
    AnnuityMode, Answers, CareerRow, Rank, Rank2014, RetirementScenario, StaffCategory,
    TechnicalTitle,
};
use age::{Category, months_between};
use onething_sdk::form::Form;
use onething_sdk::values::{Account, CitizenId, Coded, Money, Month, Rows};
use onething_sdk::{Decimal, Facts, NaiveDate};
use pension::{Base, Contribution};

/// 男 or 女, by the 17th digit (GB 11643-1999).
pub fn sex(_: &Facts<'_>, id: &CitizenId) -> Option<String> {
    Some(if id.is_male() { "男" } else { "女" }.to_owned())
}

/// The law that the kind of retirement rests on, as `matter.toml` states it.
pub fn scenario_basis(_: &Facts<'_>, scenario: &RetirementScenario) -> Option<String> {
    let code = scenario.code();
    let rule = Answers::MATTER
        .scenarios
        .iter()
        .find(|rule| rule.code == code)?;
    Some(rule.basis.to_owned())
}

/// The age before the delay, in years: men 60, women cadres 55, women workers 50
/// (国发〔1978〕104号); women of county-division rank or with a senior title 60
/// (组通字〔2015〕14号).
pub fn original_age(
    facts: &Facts<'_>,
    id: &CitizenId,
    category: &StaffCategory,
    rank: &Rank,
    title: &TechnicalTitle,
) -> Option<u32> {
    let age = Category::of(facts, id, *category, *rank, *title)?.age(facts)?;
    u32::try_from(age.original_years).ok()
}

/// By how many months the age is delayed: Decision of the Standing Committee of 2024-09-13 and the
/// State Council's measures on it; see [`age::RetirementAge::delay`]. The date of birth is the
/// personnel archive's (组通字〔2006〕41号).
pub fn delay_months(
    facts: &Facts<'_>,
    id: &CitizenId,
    born: &NaiveDate,
    category: &StaffCategory,
    rank: &Rank,
    title: &TechnicalTitle,
) -> Option<u32> {
    let age = Category::of(facts, id, *category, *rank, *title)?.age(facts)?;
    u32::try_from(age.delay(Month::of(*born))).ok()
}

/// The month of birth, the original age and the delay later.
pub fn statutory_month(
    facts: &Facts<'_>,
    id: &CitizenId,
    born: &NaiveDate,
    category: &StaffCategory,
    rank: &Rank,
    title: &TechnicalTitle,
) -> Option<Month> {
    let age = Category::of(facts, id, *category, *rank, *title)?.age(facts)?;
    Some(age.statutory_month(Month::of(*born)))
}

/// The month of retirement: the statutory one, or in every other scenario the chosen one.
pub fn retirement_month(
    _: &Facts<'_>,
    scenario: &RetirementScenario,
    chosen: Option<&Month>,
    statutory: &Month,
) -> Option<Month> {
    match scenario {
        RetirementScenario::Statutory => Some(*statutory),
        _ => chosen.copied(),
    }
}

/// Pay stops and the pension starts the month after retirement (国发〔1978〕104号;
/// 公务员养老保险待遇自批准退休的次月起发放).
pub fn month_after_retirement(
    facts: &Facts<'_>,
    scenario: &RetirementScenario,
    chosen: Option<&Month>,
    statutory: &Month,
) -> Option<Month> {
    Some(retirement_month(facts, scenario, chosen, statutory)?.plus(1))
}

/// The first day of the month after retirement.
pub fn exit_date(
    facts: &Facts<'_>,
    scenario: &RetirementScenario,
    chosen: Option<&Month>,
    statutory: &Month,
) -> Option<NaiveDate> {
    Some(month_after_retirement(facts, scenario, chosen, statutory)?.first_day())
}

/// `60岁1个月`: from the month of birth to the month of retirement.
pub fn retirement_age(
    facts: &Facts<'_>,
    born: &NaiveDate,
    scenario: &RetirementScenario,
    chosen: Option<&Month>,
    statutory: &Month,
) -> Option<String> {
    let retired = retirement_month(facts, scenario, chosen, statutory)?;
    let months = months_between(Month::of(*born), retired)?;
    Some(match (months / 12, months % 12) {
        (years, 0) => format!("{years}岁"),
        (years, months) => format!("{years}岁{months}个月"),
    })
}

/// Months from the start of work to the month of retirement that a counting line of the career
/// covers; months that two lines cover count once, gaps do not.
pub fn service_months(
    facts: &Facts<'_>,
    started: &Month,
    career: &Rows<CareerRow>,
    scenario: &RetirementScenario,
    chosen: Option<&Month>,
    statutory: &Month,
) -> Option<u32> {
    let retired = retirement_month(facts, scenario, chosen, statutory)?;
    let mut lines: Vec<&CareerRow> = career.iter().filter(|line| line.counts).collect();
    lines.sort_by_key(|line| line.from);
    let mut counted_to = *started;
    let mut counted = 0;
    for line in lines {
        let from = line.from.max(counted_to);
        // The last month of a line counts whole.
        let to = line.to.map_or(retired, |to| to.plus(1).min(retired));
        if let Some(months) = months_between(from, to) {
            counted += months;
            counted_to = to;
        }
    }
    Some(counted)
}

/// Deemed and paid months together.
pub fn contribution_months(_: &Facts<'_>, deemed: &u32, paid: &u32) -> Option<u32> {
    deemed.checked_add(*paid)
}

/// The least months of contribution for a monthly pension, in the year of retirement: 社会保险法
/// 第十六条, raised from 2030 by the Decision of 2024-09-13.
pub fn minimum_contribution_months(
    facts: &Facts<'_>,
    scenario: &RetirementScenario,
    chosen: Option<&Month>,
    statutory: &Month,
) -> Option<u32> {
    let retired = retirement_month(facts, scenario, chosen, statutory)?;
    let minimum = facts.parameter("minimum-contribution-months", retired.first_day())?;
    u32::try_from(minimum.value.as_u64()?).ok()
}

/// Post pay, grade pay and allowances.
pub fn monthly_pay(
    _: &Facts<'_>,
    post_pay: &Money,
    grade_pay: &Money,
    allowances: &Money,
) -> Option<Money> {
    Some(*post_pay + *grade_pay + *allowances)
}

/// The deemed index of rank and grade of September 2014, from the province's table
/// (人社部发〔2015〕28号). A grade goes with a rank: one without the other has no index.
pub fn deemed_index(facts: &Facts<'_>, rank: &Rank2014, grade: &u32) -> Option<Decimal> {
    if (*rank == Rank2014::None) != (*grade == 0) {
        return None;
    }
    pension::deemed_index(facts, rank.code(), *grade)
}

/// The base of the year of retirement, or last year's, marked 预发, while it is not published.
pub fn pension_base(
    facts: &Facts<'_>,
    scenario: &RetirementScenario,
    chosen: Option<&Month>,
    statutory: &Month,
) -> Option<String> {
    let retired = retirement_month(facts, scenario, chosen, statutory)?;
    Some(Base::of(facts, retired)?.to_string())
}

/// Divisor months at the age of retirement (国发〔2005〕38号, annex), between full years by linear
/// interpolation to one decimal place.
pub fn divisor_months(
    facts: &Facts<'_>,
    born: &NaiveDate,
    scenario: &RetirementScenario,
    chosen: Option<&Month>,
    statutory: &Month,
) -> Option<Decimal> {
    let retired = retirement_month(facts, scenario, chosen, statutory)?;
    pension::divisor_months(facts, Month::of(*born), retired)
}

/// Basic pension: base × (1 + average index) ÷ 2 × years × 1% (国发〔2015〕2号 三; 人社部发
/// 〔2015〕28号), years and average index over deemed and paid months together.
#[expect(
    clippy::too_many_arguments,
    reason = "the elements that the form's box names, one an argument"
)]
pub fn basic_pension(
    facts: &Facts<'_>,
    average_index: &Decimal,
    paid: &u32,
    deemed: &u32,
    rank: &Rank2014,
    grade: &u32,
    scenario: &RetirementScenario,
    chosen: Option<&Month>,
    statutory: &Month,
) -> Option<Money> {
    let retired = retirement_month(facts, scenario, chosen, statutory)?;
    let paid = Contribution::new(*paid, *average_index);
    let deemed = deemed_contribution(facts, *deemed, rank, grade)?;
    pension::basic(Base::of(facts, retired)?.amount, deemed, paid)
}

/// Transitional pension: base × deemed index × deemed years × coefficient (国发〔2015〕2号 四).
pub fn transitional_pension(
    facts: &Facts<'_>,
    deemed: &u32,
    rank: &Rank2014,
    grade: &u32,
    scenario: &RetirementScenario,
    chosen: Option<&Month>,
    statutory: &Month,
) -> Option<Money> {
    let retired = retirement_month(facts, scenario, chosen, statutory)?;
    let deemed = deemed_contribution(facts, *deemed, rank, grade)?;
    let percent = pension::transitional_percent(facts, retired)?;
    pension::transitional(Base::of(facts, retired)?.amount, deemed, percent)
}

/// Personal account pension: balance ÷ divisor months (国发〔2015〕2号 三).
pub fn personal_pension(
    facts: &Facts<'_>,
    balance: &Money,
    born: &NaiveDate,
    scenario: &RetirementScenario,
    chosen: Option<&Month>,
    statutory: &Month,
) -> Option<Money> {
    let divisor = divisor_months(facts, born, scenario, chosen, statutory)?;
    pension::spread(*balance, divisor)
}

/// The three parts, each rounded to the cent first.
#[expect(
    clippy::too_many_arguments,
    reason = "the elements that the form's box names, one an argument"
)]
pub fn total_pension(
    facts: &Facts<'_>,
    average_index: &Decimal,
    paid: &u32,
    deemed: &u32,
    rank: &Rank2014,
    grade: &u32,
    balance: &Money,
    born: &NaiveDate,
    scenario: &RetirementScenario,
    chosen: Option<&Month>,
    statutory: &Month,
) -> Option<Money> {
    let basic = basic_pension(
        facts,
        average_index,
        paid,
        deemed,
        rank,
        grade,
        scenario,
        chosen,
        statutory,
    )?;
    let transitional =
        transitional_pension(facts, deemed, rank, grade, scenario, chosen, statutory)?;
    let personal = personal_pension(facts, balance, born, scenario, chosen, statutory)?;
    Some(basic + transitional + personal)
}

/// Occupational annuity a month: balance ÷ divisor months (国办发〔2015〕18号 第九条). Whoever buys
/// an insurance of it has no monthly figure here.
pub fn annuity_monthly(
    facts: &Facts<'_>,
    balance: &Money,
    mode: &AnnuityMode,
    born: &NaiveDate,
    scenario: &RetirementScenario,
    chosen: Option<&Month>,
    statutory: &Month,
) -> Option<Money> {
    match mode {
        AnnuityMode::Insurance => None,
        AnnuityMode::Monthly => {
            let divisor = divisor_months(facts, born, scenario, chosen, statutory)?;
            pension::spread(*balance, divisor)
        }
    }
}

/// The bank that issued the card, by its first six digits.
pub fn bank_name(facts: &Facts<'_>, account: &Account) -> Option<String> {
    let prefixes = facts.parameter("bank-card-prefixes", facts.filed_on())?;
    let bank = prefixes.value.get(account.as_str().get(..6)?)?.as_str()?;
    Some(bank.to_owned())
}

/// Whether a loan of the housing fund is open.
pub fn has_loan(_: &Facts<'_>, loan: &Money) -> Option<bool> {
    Some(loan.amount() > Decimal::ZERO)
}

/// What the housing fund pays out at most, before interest: the loan is settled first
/// (住房公积金管理条例第二十四条).
pub fn withdrawal_amount(_: &Facts<'_>, balance: &Money, loan: &Money) -> Option<Money> {
    let left = *balance - *loan;
    Some(left.max(Money::rounded(Decimal::ZERO)))
}

/// [`withdrawal_amount`] in words (人民币大写).
pub fn withdrawal_amount_words(facts: &Facts<'_>, balance: &Money, loan: &Money) -> Option<String> {
    Some(withdrawal_amount(facts, balance, loan)?.in_words())
}

/// Filled posts once the person has left.
pub fn filled_after(_: &Facts<'_>, filled: &u32) -> Option<u32> {
    Some(filled.saturating_sub(1))
}

/// Vacant posts once the person has left; none where the unit is still over its establishment.
pub fn vacant_after(facts: &Facts<'_>, approved: &u32, filled: &u32) -> Option<u32> {
    Some(approved.saturating_sub(filled_after(facts, filled)?))
}

/// Without deemed months no index is needed, and none is looked for.
fn deemed_contribution(
    facts: &Facts<'_>,
    months: u32,
    rank: &Rank2014,
    grade: &u32,
) -> Option<Contribution> {
    let index = match months {
        0 => Decimal::ZERO,
        _ => deemed_index(facts, rank, grade)?,
    };
    Some(Contribution::new(months, index))
}

#[cfg(test)]
mod tests;
