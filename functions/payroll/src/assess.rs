//! What must be true of a submission, every finding at once. An error is what the law or plain
//! consistency forbids, or what would pay wrongly; what an office has to judge is a warning for it.
//!
//! The forms of the answers, and their agreement with the registers, are checked before.

mod changes;
mod rows;

use crate::answers::Answers;
use crate::rules;
use crate::rules::last::{self, Last};
use crate::rules::pay::{self, Rates};
use onething_sdk::contract::{Capacity, SubjectKind, WhenShort};
use onething_sdk::form::Form;
use onething_sdk::values::{Money, Month};
use onething_sdk::{Assessing, Submitted, materials};

type Filed<'a> = Submitted<'a, Answers>;

/// The roster is last month's.
pub const UNCHANGED: &str = "unchanged";
const CHANGED: &str = "changed";
const NEW_UNIT: &str = "new-unit";

/// Who signs for the unit.
pub const UNIT_HEAD: &str = "unit-head";

/// Assesses a submission.
pub fn assess(case: &Filed<'_>, out: &mut Assessing) {
    let entry = case
        .answers
        .bab010
        .as_ref()
        .and_then(|unit| last::entry(case.facts, unit));
    let last = entry.as_deref().map(Last::of);
    check_filer(case, out);
    check_month(case, last.as_ref(), out);
    rows::check(case, out);
    let has_changed = changes::check(case, last.as_ref(), out);
    out.scenario = match &last {
        Some(last) if last.month.is_none() => NEW_UNIT,
        Some(_) if !has_changed => UNCHANGED,
        _ => CHANGED,
    }
    .to_owned();
    check_posts(case, out);
    check_computed(case, out);
    check_totals(case, out);
    check_pay_day(case, out);
    hold_money(case, out);
    let material = match out.scenario.as_str() {
        NEW_UNIT => Some("joining-approval"),
        CHANGED => Some("change-evidence"),
        _ => None,
    };
    let required: Vec<&str> = material.into_iter().collect();
    materials::check(
        &Answers::MATTER,
        case.submission,
        case.facts,
        &required,
        out,
    );
}

fn check_filer(case: &Filed<'_>, out: &mut Assessing) {
    let submission = case.submission;
    let subject = &submission.subject;
    let code = case.answers.bab010.as_ref();
    if subject.kind != SubjectKind::Organisation
        || code.is_some_and(|code| code.as_str() != subject.identifier)
    {
        out.error(
            "/BAB010",
            "subject-differs",
            "统一社会信用代码与办件的申报单位不一致",
            "the social credit code is not that of the unit that the case is about",
            "",
        );
    }
    let files_for_it = submission
        .filer
        .unit
        .as_ref()
        .is_some_and(|unit| unit.identifier == subject.identifier);
    if submission.filer.capacity != Capacity::UnitClerk || !files_for_it {
        out.error(
            "",
            "not-by-unit-clerk",
            "工资统发由本单位经办人提交",
            "the unit's own clerk hands in its payroll",
            "",
        );
    }
    if !submission
        .parties
        .iter()
        .any(|party| party.role == UNIT_HEAD)
    {
        out.error(
            "",
            "signatory-missing",
            "缺少单位负责人：须由单位负责人签名",
            "the head of the unit is not named and must sign",
            "会计法第四条",
        );
    }
}

/// A month is paid once, after the one before it.
fn check_month(case: &Filed<'_>, last: Option<&Last<'_>>, out: &mut Assessing) {
    let Some(month) = case.answers.payroll_month else {
        return;
    };
    out.unique(format!(
        "payroll/{}/{month}",
        case.submission.subject.identifier
    ));
    let next = last.and_then(|last| last.month).map(|last| last.plus(1));
    if let Some(next) = next.filter(|&next| next != month) {
        out.error(
            "/payroll-month",
            "month-not-next",
            format!("应申报{next}的工资，申报的是{month}：每月只发放一次，依次申报"),
            format!("the month to be paid is {next}, not {month}: each month once, in their order"),
            "",
        );
    }
    let latest = Month::of(case.facts.filed_on()).plus(1);
    if month > latest {
        out.error(
            "/payroll-month",
            "month-too-early",
            format!("{month}的工资现在还不能申报，最早在其上一个月申报"),
            format!("the payroll of {month} cannot be filed yet: a month ahead at the earliest"),
            "",
        );
    }
    if last.is_none() {
        out.warning(
            "/payroll-roster",
            "last-month-unknown",
            "工资统发库没有该单位上月的数据或者暂不可用，月份和变动未经核对，请审核人核对",
            "the central payroll has nothing of the unit's last month, or is down: the month and the changes are not checked",
            "",
        );
    }
}

fn check_posts(case: &Filed<'_>, out: &mut Assessing) {
    const BASIS: &str = "地方各级人民政府机构设置和编制管理条例";
    let Some(roster) = &case.answers.payroll_roster else {
        return;
    };
    let heads = roster.len();
    match case.answers.posts_approved {
        Some(approved) if heads > approved as usize => {
            let over = heads - approved as usize;
            out.error(
                "/payroll-roster",
                "posts-exceeded",
                format!("花名册{heads}人，核定编制{approved}名，超编{over}名"),
                format!("{heads} people on {approved} approved posts: {over} too many"),
                BASIS,
            );
        }
        Some(_) => {}
        None => out.warning(
            "/posts-approved",
            "not-checked",
            "没有核定编制数，未能核对人数，请编办核对",
            "the approved posts are not known: the establishment office is to check the heads",
            BASIS,
        ),
    }
}

/// A line that could not be computed is not paid by guess: every reason is told.
fn check_computed(case: &Filed<'_>, out: &mut Assessing) {
    let answers = case.answers;
    let (Some(uscc), Some(unit), Some(month), Some(_)) = (
        &answers.bab010,
        answers.unit_type,
        answers.payroll_month,
        &answers.payroll_roster,
    ) else {
        return;
    };
    if answers.payroll_lines.is_some() && answers.payroll_remittances.is_some() {
        return;
    }
    let first = month.first_day();
    let missing = [
        (
            Rates::of(case.facts, unit, month).is_none(),
            "payroll-contributions",
            "缴费比例",
        ),
        (
            pay::TaxTable::of(case.facts, month).is_none(),
            "income-tax-withholding",
            "个人所得税预扣率",
        ),
        (
            case.facts.parameter("remittance-accounts", first).is_none(),
            "remittance-accounts",
            "代缴账户",
        ),
    ];
    let mut named = false;
    for (_, parameter, zh) in missing.into_iter().filter(|(missing, _, _)| *missing) {
        named = true;
        out.error(
            "",
            "parameter-missing",
            format!("{month}的{zh}没有公布，无法计算工资"),
            format!("parameter {parameter} is not published for {month}: pay cannot be computed"),
            "",
        );
    }
    if answers.payroll_lines.is_some() || named {
        return;
    }
    let entry = case.facts.entry("tax-withholding", uscc.as_str());
    let known = entry.as_deref().and_then(pay::tax_month);
    let (zh, en) = match known {
        Some(known) if known != month.plus(-1) => (
            format!("个人所得税累计数据截至{known}，应截至{}", month.plus(-1)),
            format!(
                "the cumulative tax figures are of {known}, not of {}",
                month.plus(-1)
            ),
        ),
        _ => (
            "个人所得税累计数据暂不可用".to_owned(),
            "the cumulative tax figures are not available".to_owned(),
        ),
    };
    out.error(
        "/payroll-month",
        "tax-figures-missing",
        format!("{zh}，本月税额无法计算，请稍后提交"),
        format!("{en}: the month's tax cannot be computed; submit later"),
        "国家税务总局公告2018年第61号第六条",
    );
}

/// What the unit states and what comes out are the same to the cent.
fn check_totals(case: &Filed<'_>, out: &mut Assessing) {
    let answers = case.answers;
    let totals = [
        (
            "/payroll-stated-gross",
            "应发",
            "gross",
            answers.payroll_stated_gross,
            answers
                .payroll_lines
                .as_ref()
                .and_then(|lines| rules::gross_total(case.facts, lines)),
        ),
        (
            "/payroll-stated-net",
            "实发",
            "net",
            answers.payroll_stated_net,
            answers
                .payroll_lines
                .as_ref()
                .and_then(|lines| rules::net_total(case.facts, lines)),
        ),
    ];
    for (path, zh, en, stated, computed) in totals {
        match (stated, computed) {
            (Some(stated), Some(computed)) if stated != computed => {
                let difference = difference(stated, computed);
                out.error(
                    path,
                    "total-differs",
                    format!("单位申报{zh}合计{stated}元，逐人计算合计{computed}元，相差{difference}元"),
                    format!("the unit states {stated} yuan {en}, the lines add up to {computed}: {difference} apart"),
                    "",
                );
            }
            (None, _) if out.scenario != UNCHANGED && !out.has_error_at(path) => out.error(
                path,
                "total-missing",
                format!("本月有变动，须填报{zh}合计，供与逐人计算核对"),
                format!(
                    "with changes the unit states its {en} total, to be held against the lines"
                ),
                "",
            ),
            _ => {}
        }
    }
}

fn difference(one: Money, other: Money) -> Money {
    one.max(other) - one.min(other)
}

fn check_pay_day(case: &Filed<'_>, out: &mut Assessing) {
    let path = "/payroll-pay-day";
    match case.answers.payroll_pay_day {
        Some(day) if day < case.facts.filed_on() => out.warning(
            path,
            "after-pay-day",
            format!("发放日{day}已过，审核通过后即发放"),
            format!("the pay day, {day}, is over: it is paid as soon as it is approved"),
            "",
        ),
        None if case.answers.payroll_month.is_some() => out.warning(
            path,
            "pay-day-unknown",
            "没有该月的发放日或者该年度的工作日历，审核通过后即发放",
            "no pay day or no calendar of working days for the month: it is paid as soon as it is approved",
            "",
        ),
        _ => {}
    }
}

/// Net pay and what is remitted, all out of the unit's budget of the year.
fn hold_money(case: &Filed<'_>, out: &mut Assessing) {
    let answers = case.answers;
    let (Some(lines), Some(remittances)) = (&answers.payroll_lines, &answers.payroll_remittances)
    else {
        return;
    };
    let cash = rules::cash_total(case.facts, lines, remittances);
    if let (Some(budget), Some(cash)) = (budget(answers), cash.filter(|cash| *cash > pay::zero())) {
        out.reserve(budget, cash.amount(), WhenShort::Refuse);
    }
}

/// The unit's budget for salaries of the year.
pub fn budget(answers: &Answers) -> Option<String> {
    let (uscc, month) = (answers.bab010.as_ref()?, answers.payroll_month?);
    Some(format!("payroll/{}/{}", uscc.as_str(), month.year()))
}

#[cfg(test)]
mod tests;
