//! Holds the roster against last month's: who is new, who is gone, whose pay is another, and that
//! each is explained.

use super::Filed;
use super::rows::{Finding, RowFindings};
use crate::answers::{PayrollRosterChange, PayrollRosterRow};
use crate::rules::last::{Differs, Last};
use onething_sdk::Assessing;
use onething_sdk::form::Json;
use std::collections::BTreeSet;

const BASIS: &str = "公务员法第七十九条、第八十条；事业单位人事管理条例第三十二条";

/// Checks the changes; says whether there are any.
pub fn check(case: &Filed<'_>, last: Option<&Last<'_>>, out: &mut Assessing) -> bool {
    let (Some(last), Some(roster)) = (last, &case.answers.payroll_roster) else {
        return true;
    };
    if last.month.is_none() {
        return true; // everybody is new, and nobody has to be explained
    }
    let mut changed = false;
    let mut findings = RowFindings::new(out, "payroll-roster");
    for (index, row) in roster.iter().enumerate() {
        let before = last.row(row.citizen_id.as_str());
        changed |= before.is_none_or(|before| !Differs::of(row, before).nothing());
        changed |= row.change.is_some();
        check_row(row, before, (index, row.name.as_str()), &mut findings);
    }
    drop(findings);
    let people: BTreeSet<&str> = roster.iter().map(|row| row.citizen_id.as_str()).collect();
    let mut gone = BTreeSet::new();
    let mut findings = RowFindings::new(out, "payroll-leavers");
    let leavers = case.answers.payroll_leavers.iter().flat_map(|rows| &rows.0);
    for (index, leaver) in leavers.enumerate() {
        changed = true;
        let id = leaver.citizen_id.as_str();
        let at = (index, leaver.name.as_str());
        let wrong = if !gone.insert(id) {
            Some(("leaver-twice", "重复填写", "stands twice"))
        } else if people.contains(id) {
            Some((
                "leaver-on-roster",
                "仍在本月花名册中，请删去一处",
                "is still on this month's roster",
            ))
        } else if last.row(id).is_none() {
            Some((
                "leaver-unknown",
                "不在上月花名册中，不需填写",
                "was not on last month's roster",
            ))
        } else {
            None
        };
        if let Some((code, zh, en)) = wrong {
            let finding = Finding {
                code,
                zh,
                en,
                basis: "",
            };
            findings.error(at, "citizen-id", &finding);
        }
    }
    drop(findings);
    changed |= check_missing(last, &people, &gone, out);
    changed
}

fn check_row(
    row: &PayrollRosterRow,
    before: Option<&Json>,
    at: (usize, &str),
    findings: &mut RowFindings<'_>,
) {
    use PayrollRosterChange::{Account, Recruited, TransferredIn};
    let joins = matches!(row.change, Some(Recruited | TransferredIn));
    let wrong = match (before, row.change) {
        (None, None) => Some((
            "change-unexplained",
            "上月不在册，须填变动类型和说明",
            "was not paid last month: say why",
        )),
        (None, Some(_)) if !joins => Some((
            "change-not-so",
            "上月不在册，变动类型应为新录用（聘用）或者调入",
            "was not paid last month: the change is recruited or transferred-in",
        )),
        (None, Some(_)) => None,
        (Some(_), Some(_)) if joins => Some((
            "change-not-so",
            "上月在册，变动类型不应为新录用（聘用）或者调入",
            "was paid last month and has not joined",
        )),
        (Some(before), change) => match (Differs::of(row, before), change) {
            (differs, None) if !differs.nothing() => Some((
                "change-unexplained",
                "与上月不一致，须填变动类型和说明",
                "is not as it was last month: say why",
            )),
            (differs, Some(_)) if differs.nothing() => Some((
                "change-without-difference",
                "填了变动，但与上月一致",
                "a change is given and nothing differs from last month",
            )),
            (Differs { pay: true, .. }, Some(Account)) => Some((
                "change-not-so",
                "除工资卡外工资也有变动，请按工资变动填写并说明",
                "more than the account differs from last month",
            )),
            (
                Differs {
                    pay: false,
                    account: true,
                },
                Some(change),
            ) if change != Account => Some((
                "change-not-so",
                "只有工资卡变动，变动类型应为变更工资卡",
                "nothing but the account differs from last month",
            )),
            _ => None,
        },
    };
    if let Some((code, zh, en)) = wrong {
        let finding = Finding {
            code,
            zh,
            en,
            basis: BASIS,
        };
        findings.error(at, "change", &finding);
    }
    if row.change.is_some() && row.explanation.is_none() {
        let finding = Finding {
            code: "explanation-missing",
            zh: "有变动的须填说明（文号、日期）",
            en: "a change is explained, with number and date of what it rests on",
            basis: BASIS,
        };
        findings.error(at, "explanation", &finding);
    }
}

/// Who was paid last month and is neither on the roster nor among the leavers.
fn check_missing(
    last: &Last<'_>,
    people: &BTreeSet<&str>,
    gone: &BTreeSet<&str>,
    out: &mut Assessing,
) -> bool {
    const NAMED_MAX: usize = 20;
    let missing: Vec<(&str, &str)> = last
        .people()
        .filter(|(id, _)| !people.contains(id) && !gone.contains(id))
        .collect();
    if missing.is_empty() {
        return false;
    }
    let names: Vec<String> = missing
        .iter()
        .take(NAMED_MAX)
        .map(|(id, name)| format!("{name}（{id}）"))
        .collect();
    let (count, names) = (missing.len(), names.join("、"));
    let more = if count > NAMED_MAX { "等" } else { "" };
    out.error(
        "/payroll-leavers",
        "leaver-unexplained",
        format!("{names}{more}{count}人上月在册、本月不在，须在“本月减少人员”中说明"),
        format!(
            "{count} people of last month are neither on the roster nor among the leavers: {names}"
        ),
        BASIS,
    );
    true
}
