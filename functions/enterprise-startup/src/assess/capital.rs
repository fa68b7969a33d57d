//! The registered capital and who subscribes it: whole to the fen and to the last hundredth of a per
//! cent.

use super::Filed;
use crate::answers::ShareholdersRow;
use chrono::Months;
use onething_sdk::values::Money;
use onething_sdk::{Assessing, Decimal, NaiveDate};
use rust_decimal::RoundingStrategy;
use std::collections::BTreeSet;

/// 公司法 第四十二条.
const SHAREHOLDERS_MAX: usize = 50;
/// 公司法 第四十七条: paid within five years of the establishment, which no filing comes after.
const TIME_TO_PAY: Months = Months::new(5 * 12);
/// A percentage is written with two places.
const PERCENTAGE_PLACES: u32 = 2;

pub fn check(case: &Filed<'_>, out: &mut Assessing) {
    let answers = case.answers;
    let Some(shareholders) = &answers.shareholders else {
        return;
    };
    if shareholders.is_empty() || shareholders.len() > SHAREHOLDERS_MAX {
        out.error(
            "/shareholders",
            "shareholder-count",
            format!("有限责任公司股东为1至50人，现为{}人", shareholders.len()),
            format!(
                "a limited company has 1 to 50 shareholders, not {}",
                shareholders.len()
            ),
            "公司法第四十二条",
        );
    }
    let latest = case.facts.filed_on().checked_add_months(TIME_TO_PAY);
    let mut seen = BTreeSet::new();
    for (index, row) in shareholders.iter().enumerate() {
        check_row(index, row, latest, &mut seen, out);
    }
    if shareholders.is_empty() {
        return;
    }
    check_percentages(shareholders, out);
    if let Some(capital) = answers.registered_capital {
        check_capital(shareholders, capital, out);
    }
}

fn check_row<'a>(
    index: usize,
    row: &'a ShareholdersRow,
    latest: Option<NaiveDate>,
    seen: &mut BTreeSet<&'a str>,
    out: &mut Assessing,
) {
    let at = |column: &str| format!("/shareholders/{index}/{column}");
    let (number, name) = (index + 1, row.name.as_str());
    let id = match (&row.citizen_id, &row.uscc) {
        (Some(id), None) => Some(id.as_str()),
        (None, Some(code)) => Some(code.as_str()),
        _ => None,
    };
    match id {
        // What stands there is no identifier, and its own finding says so.
        None if out.has_error_at(&at("citizen-id")) || out.has_error_at(&at("uscc")) => {}
        None => out.error(
            &at("citizen-id"),
            "one-identifier",
            format!("第{number}行股东{name}：自然人填公民身份号码，法人填统一社会信用代码，二者填一"),
            format!("row {number}, shareholder {name}: a citizen ID for a person or a social credit code for a company, one of the two"),
            "公司法第四十六条",
        ),
        Some(id) if !seen.insert(id) => out.error(
            &at("citizen-id"),
            "shareholder-twice",
            format!("第{number}行股东{name}（{id}）重复，请合并为一行"),
            format!("row {number}: shareholder {name} ({id}) stands twice; make it one row"),
            "",
        ),
        Some(_) => {}
    }
    if row.amount.amount() <= Decimal::ZERO {
        out.error(
            &at("amount"),
            "amount-not-positive",
            format!("第{number}行股东{name}的认缴出资额应大于0"),
            format!("row {number}: shareholder {name} subscribes more than 0"),
            "公司法第四十七条",
        );
    }
    if let Some(latest) = latest.filter(|latest| row.due > *latest) {
        out.error(
            &at("due"),
            "contribution-late",
            format!("第{number}行股东{name}的出资期限{}超过五年，最迟{latest}", row.due),
            format!("row {number}: shareholder {name} pays by {}, later than five years from now, {latest}", row.due),
            "公司法第四十七条",
        );
    }
}

fn check_percentages(shareholders: &[ShareholdersRow], out: &mut Assessing) {
    let total: Decimal = shareholders.iter().map(|row| row.percentage).sum();
    if total != Decimal::ONE_HUNDRED {
        out.error(
            "/shareholders",
            "percentages-not-100",
            format!("出资比例合计{}%，应为100%", total.normalize()),
            format!(
                "the percentages add up to {}%, not to 100%",
                total.normalize()
            ),
            "公司法第四十六条",
        );
    }
}

fn check_capital(shareholders: &[ShareholdersRow], capital: Money, out: &mut Assessing) {
    if capital.amount() <= Decimal::ZERO {
        return out.error(
            "/registered-capital",
            "capital-not-positive",
            "注册资本应大于0",
            "the registered capital is more than 0",
            "公司法第四十七条",
        );
    }
    let total: Decimal = shareholders.iter().map(|row| row.amount.amount()).sum();
    if total != capital.amount() {
        out.error(
            "/registered-capital",
            "capital-not-subscribed",
            format!("股东认缴出资合计{}元，注册资本{capital}元，相差{}元", Money::rounded(total), Money::rounded(total - capital.amount())),
            format!("the shareholders subscribe {} yuan, the registered capital is {capital}: a difference of {}", Money::rounded(total), Money::rounded(total - capital.amount())),
            "公司法第四十七条",
        );
        return; // each percentage would be off with it
    }
    for (index, row) in shareholders.iter().enumerate() {
        let exact = row.amount.amount() * Decimal::ONE_HUNDRED / capital.amount();
        let down = exact.round_dp_with_strategy(PERCENTAGE_PLACES, RoundingStrategy::ToZero);
        let up = exact.round_dp_with_strategy(PERCENTAGE_PLACES, RoundingStrategy::AwayFromZero);
        // Three equal thirds add up to 100 only where one of them is rounded the other way.
        if row.percentage < down || row.percentage > up {
            let (number, name) = (index + 1, row.name.as_str());
            out.error(
                &format!("/shareholders/{index}/percentage"),
                "percentage-differs",
                format!(
                    "第{number}行股东{name}出资比例{}%，按认缴出资额应为{down}%",
                    row.percentage
                ),
                format!(
                    "row {number}: shareholder {name} has {}%, by the amount it is {down}%",
                    row.percentage
                ),
                "公司法第四十六条",
            );
        }
    }
}
