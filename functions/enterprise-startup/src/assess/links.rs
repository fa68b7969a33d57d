//! What the offices after the licence need: seals, tax and invoices, employees, the bank.

use super::{Filed, not_checked};
use crate::answers::{EmployeesRow, InvoiceKinds, SealKinds, TaxpayerKind, VatPeriod};
use onething_sdk::form::Json;
use onething_sdk::values::{CitizenId, Money, Month};
use onething_sdk::{Assessing, Decimal};
use std::collections::BTreeSet;

/// 劳动法 第十五条.
const WORKING_YEARS: u32 = 16;
/// The printed form has room for one day of the month that every month has.
const PAY_DAY_MAX: u32 = 28;

pub fn check(case: &Filed<'_>, out: &mut Assessing) {
    check_seals(case, out);
    check_tax(case, out);
    check_employees(case, out);
    check_fund(case, out);
    check_bank(case, out);
}

fn check_seals(case: &Filed<'_>, out: &mut Assessing) {
    let kinds = case.answers.seal_kinds.as_ref();
    if kinds.is_some_and(|kinds| !kinds.contains(&SealKinds::Company)) {
        out.error(
            "/seal-kinds",
            "company-seal-missing",
            "刻制印章应包括单位公章",
            "the company seal is among the seals",
            "国发〔1999〕25号",
        );
    }
}

fn check_tax(case: &Filed<'_>, out: &mut Assessing) {
    let answers = case.answers;
    if answers.taxpayer_kind == Some(TaxpayerKind::General)
        && answers.vat_period == Some(VatPeriod::Quarter)
    {
        out.error(
            "/vat-period",
            "quarter-for-general-taxpayer",
            "一般纳税人按月申报，按季只适用于小规模纳税人等",
            "a general taxpayer files by the month; the quarter is for small-scale taxpayers",
            "财税〔2016〕36号附件1第四十七条",
        );
    }
    let kinds = answers.invoice_kinds.as_ref();
    let quota = answers.invoice_quota.map(Money::amount);
    if kinds.is_some_and(|kinds| !kinds.is_empty())
        && quota.is_some_and(|quota| quota <= Decimal::ZERO)
    {
        out.error(
            "/invoice-quota",
            "invoice-quota",
            "申领发票的，申请发票总额度应大于0",
            "the quota is more than 0 where invoices are applied for",
            "发票管理办法第十五条",
        );
    }
    let special = kinds.is_some_and(|kinds| kinds.contains(&InvoiceKinds::Special));
    if special && answers.taxpayer_kind == Some(TaxpayerKind::SmallScale) {
        out.warning(
            "/invoice-kinds",
            "special-invoices-of-small-scale",
            "小规模纳税人自行开具增值税专用发票，由税务机关按需核定",
            "a small-scale taxpayer asks for special invoices: the tax office decides by need",
            "国家税务总局公告2019年第33号",
        );
    }
}

fn check_employees(case: &Filed<'_>, out: &mut Assessing) {
    let Some(employees) = &case.answers.employees else {
        return;
    };
    let minimum = case.facts.parameter("minimum-wage", case.facts.filed_on());
    let minimum = minimum.and_then(|minimum| Money::parse(minimum.value.as_str()?));
    if minimum.is_none() && !employees.is_empty() {
        not_checked(out, "/employees", "最低工资标准", "the minimum wage");
    }
    let mut seen = BTreeSet::new();
    for (index, row) in employees.iter().enumerate() {
        if !seen.insert(row.citizen_id.as_str()) {
            out.error(
                &format!("/employees/{index}/citizen-id"),
                "employee-twice",
                format!("第{}行职工{}列了两次", index + 1, row.name),
                format!("row {}: employee {} stands twice", index + 1, row.name),
                "",
            );
        }
        check_employee(case, index, row, minimum, out);
    }
    if case
        .answers
        .staff_count
        .is_some_and(|staff| (staff as usize) < employees.len())
    {
        out.error(
            "/staff-count",
            "staff-count",
            format!("从业人数少于职工名册的{}人", employees.len()),
            format!(
                "the number of staff is less than the {} employees listed",
                employees.len()
            ),
            "",
        );
    }
}

fn check_employee(
    case: &Filed<'_>,
    index: usize,
    row: &EmployeesRow,
    minimum: Option<Money>,
    out: &mut Assessing,
) {
    let (number, name) = (index + 1, row.name.as_str());
    let born = CitizenId::born(&row.citizen_id);
    let years = born.and_then(|born| case.facts.filed_on().years_since(born));
    if years.is_some_and(|years| years < WORKING_YEARS) {
        out.error(
            &format!("/employees/{index}/citizen-id"),
            "employee-under-16",
            format!("第{number}行职工{name}未满16周岁，不得招用"),
            format!("row {number}: employee {name} is under 16 and may not be employed"),
            "劳动法第十五条",
        );
    }
    if !row.insured {
        out.warning(
            &format!("/employees/{index}/insured"),
            "employee-not-insured",
            format!("第{number}行职工{name}未参加社会保险，用人单位应自用工之日起30日内办理"),
            format!("row {number}: employee {name} is not insured; the employer registers them within 30 days"),
            "社会保险法第五十八条",
        );
    }
    if let Some(minimum) = minimum.filter(|minimum| row.wage < *minimum) {
        out.warning(
            &format!("/employees/{index}/wage"),
            "below-minimum-wage",
            format!(
                "第{number}行职工{name}月工资{}元，低于最低工资{minimum}元，请核对",
                row.wage
            ),
            format!(
                "row {number}: the wage of {name}, {}, is below the minimum of {minimum}; check it",
                row.wage
            ),
            "最低工资规定（劳动和社会保障部令第21号）",
        );
    }
}

fn check_fund(case: &Filed<'_>, out: &mut Assessing) {
    const BASIS: &str = "住房公积金管理条例第十八条";
    let answers = case.answers;
    if let Some(rate) = answers.fund_rate {
        let rule = case
            .facts
            .parameter("housing-fund-deposit", case.facts.filed_on());
        let bound = |name: &str| {
            rule.as_ref()
                .and_then(|rule| rule.value.get(name).and_then(Json::as_u64))
        };
        match (bound("rate-min"), bound("rate-max")) {
            (Some(min), Some(max)) if !(min..=max).contains(&u64::from(rate)) => out.error(
                "/fund-rate",
                "fund-rate",
                format!("公积金缴存比例{rate}%不在{min}%至{max}%之间"),
                format!("the rate of the housing fund, {rate}%, is not from {min}% to {max}%"),
                BASIS,
            ),
            (Some(_), Some(_)) => {}
            _ => not_checked(
                out,
                "/fund-rate",
                "公积金缴存比例",
                "the rate of the housing fund",
            ),
        }
    }
    let this_month = Month::of(case.facts.filed_on());
    for (path, month, zh, en) in [
        (
            "/insured-from",
            answers.insured_from,
            "参保起始年月",
            "the first month of insurance",
        ),
        (
            "/fund-from",
            answers.fund_from,
            "公积金首次汇缴年月",
            "the first month of the housing fund",
        ),
    ] {
        if month.is_some_and(|month| month < this_month) {
            out.error(
                path,
                "month-past",
                format!("{zh}不得早于申请当月{this_month}：企业尚未成立"),
                format!("{en} is not before the month of filing, {this_month}: the company did not exist"),
                "",
            );
        }
    }
    if answers
        .pay_day
        .is_some_and(|day| !(1..=PAY_DAY_MAX).contains(&day))
    {
        out.error(
            "/pay-day",
            "pay-day",
            format!("发薪日应为1至{PAY_DAY_MAX}日"),
            format!("the day of pay is from 1 to {PAY_DAY_MAX}"),
            "",
        );
    }
}

fn check_bank(case: &Filed<'_>, out: &mut Assessing) {
    const BASIS: &str = "企业银行结算账户管理办法（银发〔2019〕41号）";
    let answers = case.answers;
    if answers.bank_account != Some(true) {
        return;
    }
    if answers.bank_branch.is_none() {
        out.error(
            "/bank-branch",
            "bank-branch-missing",
            "预约开户的应填写预约网点",
            "the branch is named where an account is wanted",
            BASIS,
        );
    }
    match answers.bank_visit {
        None => out.error(
            "/bank-visit",
            "bank-visit-missing",
            "预约开户的应填写预约日期",
            "the day of the appointment is named where an account is wanted",
            BASIS,
        ),
        Some(day) if day < case.facts.filed_on() => out.error(
            "/bank-visit",
            "bank-visit-past",
            format!("预约日期{day}早于申请日期"),
            format!("the appointment on {day} is before the day of filing"),
            BASIS,
        ),
        Some(_) => {}
    }
}
