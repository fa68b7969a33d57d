//! The rows of the roster, each by itself and no two alike. A finding names its row and its person;
//! a roster that is wrong throughout is told so without ten thousand sentences.

use super::Filed;
use crate::answers::{Answers, PayrollRosterCategory, PayrollRosterRow, UnitType};
use crate::rules::pay::{Rates, zero};
use onething_sdk::Assessing;
use onething_sdk::contract::Severity;
use onething_sdk::values::{Coded, Decimal, Money};
use std::collections::BTreeMap;

/// Findings about rows beyond these are counted, not told.
pub(super) const ROW_FINDINGS_MAX: usize = 100;

/// Findings about rows of a table.
pub struct RowFindings<'o> {
    out: &'o mut Assessing,
    table: &'static str,
    told: usize,
    untold: usize,
    untold_errors: bool,
}

impl<'o> RowFindings<'o> {
    /// Of a table, by its element.
    pub fn new(out: &'o mut Assessing, table: &'static str) -> Self {
        Self {
            out,
            table,
            told: 0,
            untold: 0,
            untold_errors: false,
        }
    }

    /// Notes an error of a cell.
    pub fn error(&mut self, at: (usize, &str), column: &str, what: &Finding<'_>) {
        self.note(Severity::Error, at, column, what);
    }

    /// Notes what is worth knowing of a cell.
    pub fn warning(&mut self, at: (usize, &str), column: &str, what: &Finding<'_>) {
        self.note(Severity::Warning, at, column, what);
    }

    fn note(
        &mut self,
        severity: Severity,
        (index, name): (usize, &str),
        column: &str,
        what: &Finding<'_>,
    ) {
        if self.told == ROW_FINDINGS_MAX {
            self.untold += 1;
            self.untold_errors |= severity == Severity::Error;
            return;
        }
        self.told += 1;
        let path = format!("/{}/{index}/{column}", self.table);
        let row = index + 1;
        let zh = format!("第{row}行（{name}）：{}", what.zh);
        let en = format!("row {row} ({name}): {}", what.en);
        match severity {
            Severity::Error => self.out.error(&path, what.code, zh, en, what.basis),
            Severity::Warning => self.out.warning(&path, what.code, zh, en, what.basis),
        }
    }
}

impl Drop for RowFindings<'_> {
    fn drop(&mut self) {
        if self.untold == 0 {
            return;
        }
        let path = format!("/{}", self.table);
        let zh = format!("另有{}处问题未逐一列出，请先改正已列出的", self.untold);
        let en = format!("{} more findings about rows are not listed", self.untold);
        match self.untold_errors {
            true => self.out.error(&path, "more-findings", zh, en, ""),
            false => self.out.warning(&path, "more-findings", zh, en, ""),
        }
    }
}

/// What is said of a row, after its number and its person.
pub struct Finding<'t> {
    /// Stable, for machines.
    pub code: &'static str,
    /// Chinese.
    pub zh: &'t str,
    /// English.
    pub en: &'t str,
    /// The law.
    pub basis: &'static str,
}

/// Checks every row.
pub fn check(case: &Filed<'_>, out: &mut Assessing) {
    let answers = case.answers;
    let Some(roster) = &answers.payroll_roster else {
        return;
    };
    if roster.is_empty() {
        return out.error(
            "/payroll-roster",
            "roster-empty",
            "花名册没有人",
            "the roster has nobody",
            "",
        );
    }
    let bounds = Bounds::of(case);
    let mut findings = RowFindings::new(out, "payroll-roster");
    let mut people: BTreeMap<&str, usize> = BTreeMap::new();
    let mut accounts: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, row) in roster.iter().enumerate() {
        let at = (index, row.name.as_str());
        if let Some(first) = people.insert(row.citizen_id.as_str(), index) {
            findings.error(
                at,
                "citizen-id",
                &Finding {
                    code: "person-twice",
                    zh: &format!("与第{}行是同一人，一人只能列一行", first + 1),
                    en: &format!("the same person as in row {}", first + 1),
                    basis: "",
                },
            );
        } else if let Some(first) = accounts.insert(row.account.as_str(), index) {
            findings.warning(
                at,
                "account",
                &Finding {
                    code: "account-twice",
                    zh: &format!("与第{}行是同一张工资卡，请核对", first + 1),
                    en: &format!("the same account as in row {}", first + 1),
                    basis: "",
                },
            );
        }
        check_amounts(row, at, &bounds, &mut findings);
        check_account(row, at, &mut findings);
        check_category(row, answers, at, &mut findings);
        check_month(row, answers, at, &mut findings);
        let net = answers.payroll_lines.as_ref();
        let net = net.and_then(|lines| Some(lines.get(index)?.net));
        if let Some(net) = net.filter(|net| *net < zero()) {
            findings.error(
                at,
                "other",
                &Finding {
                    code: "net-negative",
                    zh: &format!("实发工资为{net}元；应发不足扣款，请核对补扣或者分月扣回"),
                    en: &format!("net pay is {net} yuan: more is taken off than is paid"),
                    basis: "",
                },
            );
        }
    }
}

/// What amounts must lie between; `None` where it is not published.
struct Bounds {
    base: Option<(Decimal, Decimal)>,
    fund_rate: Option<(Decimal, Decimal)>,
}

impl Bounds {
    fn of(case: &Filed<'_>) -> Self {
        let (unit, month) = (case.answers.unit_type, case.answers.payroll_month);
        let rates = unit
            .zip(month)
            .and_then(|(unit, month)| Rates::of(case.facts, unit, month));
        let fund_rate = month.and_then(|month| {
            let deposit = case
                .facts
                .parameter("housing-fund-deposit", month.first_day())?;
            let bound = |name: &str| Some(Decimal::from(deposit.value.get(name)?.as_u64()?));
            Some((bound("rate-min")?, bound("rate-max")?))
        });
        Self {
            base: rates.map(|rates| rates.base),
            fund_rate,
        }
    }
}

fn check_amounts(
    row: &PayrollRosterRow,
    at: (usize, &str),
    bounds: &Bounds,
    findings: &mut RowFindings<'_>,
) {
    let never_negative: [(&str, Money); 5] = [
        ("post-pay", row.post_pay),
        ("grade-pay", row.grade_pay),
        ("allowance", row.allowance),
        ("bonus", row.bonus),
        ("deduction", row.deduction),
    ];
    for (column, _) in never_negative.iter().filter(|(_, amount)| *amount < zero()) {
        findings.error(
            at,
            column,
            &Finding {
                code: "amount-negative",
                zh: "不能为负；补扣填在“其他”",
                en: "must not be negative; what is taken back goes under other",
                basis: "",
            },
        );
    }
    let outside = |bounds: Option<(Decimal, Decimal)>, value: Decimal| {
        bounds.filter(|(least, most)| value < *least || value > *most)
    };
    if let Some((least, most)) = outside(bounds.base, row.base.amount()) {
        findings.error(
            at,
            "base",
            &Finding {
                code: "base-out-of-bounds",
                zh: &format!("缴费基数{}元应在{least}元至{most}元之间", row.base),
                en: &format!(
                    "the base of {} yuan must lie between {least} and {most}",
                    row.base
                ),
                basis: "国发〔2015〕2号",
            },
        );
    }
    if let Some((least, most)) = outside(bounds.fund_rate, row.fund_rate) {
        findings.error(
            at,
            "fund-rate",
            &Finding {
                code: "fund-rate-out-of-bounds",
                zh: &format!("公积金缴存比例{}%应在{least}%至{most}%之间", row.fund_rate),
                en: &format!(
                    "{}% for the housing fund must lie between {least}% and {most}%",
                    row.fund_rate
                ),
                basis: "住房公积金管理条例第十八条；建金〔2016〕74号",
            },
        );
    }
}

/// A personal card carries a check digit, an account of another kind need not.
fn check_account(row: &PayrollRosterRow, at: (usize, &str), findings: &mut RowFindings<'_>) {
    let account = row.account.as_str();
    if !row.account.is_card() {
        if account.starts_with("62") && (16..=19).contains(&account.len()) {
            findings.error(
                at,
                "account",
                &Finding {
                    code: "account-checksum",
                    zh: "工资卡号校验位不对，请核对",
                    en: "the check digit of the card is wrong",
                    basis: "",
                },
            );
        } else {
            findings.warning(
                at,
                "account",
                &Finding {
                    code: "account-not-a-card",
                    zh: "不是银行卡号，可能是存折或者对公账户，请核对",
                    en: "no card: a passbook or a unit's account, to be checked",
                    basis: "",
                },
            );
        }
    }
    let shaped = |code: &str| code.len() == 12 && code.bytes().all(|byte| byte.is_ascii_digit());
    if row.bank.as_deref().is_some_and(|code| !shaped(code)) {
        findings.error(
            at,
            "bank",
            &Finding {
                code: "bank-code-form",
                zh: "开户行联行号应为12位数字，不知道的空着",
                en: "a CNAPS code has 12 digits; leave it empty where it is not known",
                basis: "",
            },
        );
    }
}

/// 公务员 are in organs and what is managed like them, management and professional posts in public
/// institutions, workers in both.
fn check_category(
    row: &PayrollRosterRow,
    answers: &Answers,
    at: (usize, &str),
    findings: &mut RowFindings<'_>,
) {
    let Some(unit) = answers.unit_type else {
        return;
    };
    let is_public = matches!(unit, UnitType::PublicOne | UnitType::PublicTwo);
    let fits = match row.category {
        PayrollRosterCategory::CivilServant => !is_public,
        PayrollRosterCategory::Managerial | PayrollRosterCategory::Professional => is_public,
        PayrollRosterCategory::Worker => true,
    };
    if !fits {
        findings.error(
            at,
            "category",
            &Finding {
                code: "category-not-of-unit",
                zh: "该类人员不属于本类单位，请核对人员类别",
                en: &format!(
                    "a unit of type {} has no staff of this category",
                    unit.code()
                ),
                basis: "公务员法第二条、第一百一十二条；事业单位人事管理条例第六条",
            },
        );
    }
}

fn check_month(
    row: &PayrollRosterRow,
    answers: &Answers,
    at: (usize, &str),
    findings: &mut RowFindings<'_>,
) {
    let Some((month, filed)) = row.month.zip(answers.payroll_month) else {
        return;
    };
    if month != filed {
        findings.error(
            at,
            "month",
            &Finding {
                code: "month-mixed",
                zh: &format!("是{month}的工资，本次申报{filed}；补发列入本月“其他”"),
                en: &format!("of {month}, while {filed} is filed; back pay goes under other"),
                basis: "",
            },
        );
    }
}
