//! What must be true of a submission, every finding at once. An error is what the law or plain
//! consistency forbids; what an office has to judge is a warning for it, and so is what could not
//! be checked because its parameter is not there.
//!
//! The forms of the answers, and their agreement with the registers, are checked before.

mod scenario;

use crate::answers::{Answers, RetirementScenario};
use crate::rules;
use onething_sdk::contract::{Capacity, SubjectKind};
use onething_sdk::form::Form;
use onething_sdk::values::{Coded, Money, Month};
use onething_sdk::{Assessing, Submitted, materials};

type Filed<'a> = Submitted<'a, Answers>;

/// Who retires, among the parties.
pub const PERSON: &str = "person";
/// Whoever starts work younger did so by a special rule, or the archive has a slip of the pen.
const WORKING_AGE_MONTHS: i32 = 16 * 12;

/// Assesses a submission.
pub fn assess(case: &Filed<'_>, out: &mut Assessing) {
    let scenario = case.answers.retirement_scenario;
    out.scenario = scenario.map_or("", Coded::code).to_owned();
    out.unique(format!("retirement/{}", case.submission.subject.identifier));
    check_filer(case, out);
    check_region(case, out);
    check_signatures(case, out);
    check_dates(case, out);
    check_statutory(case, out);
    scenario::check(case, out);
    check_contribution(case, out);
    check_money(case, out);
    check_posts(case, out);
    materials::check(
        &Answers::MATTER,
        case.submission,
        case.facts,
        &required_materials(case),
        out,
    );
}

fn check_filer(case: &Filed<'_>, out: &mut Assessing) {
    const BASIS: &str = "中组发〔1988〕9号";
    let filer = &case.submission.filer;
    let subject = &case.submission.subject;
    let id = case.answers.aac002.as_ref();
    if subject.kind != SubjectKind::Person || id.is_some_and(|id| id.as_str() != subject.identifier)
    {
        out.error(
            "/AAC002",
            "subject-differs",
            "公民身份号码与办件的申办对象不一致",
            "the citizen ID is not that of the subject of the case",
            "",
        );
    }
    if filer.capacity != Capacity::UnitClerk {
        out.error(
            "",
            "not-by-unit-clerk",
            "退休由所在单位申报，须由单位经办人提交",
            "the unit files for retirement: its clerk hands in",
            BASIS,
        );
    }
    match (&filer.unit, &case.answers.bab010) {
        (None, _) => out.error(
            "",
            "unit-missing",
            "缺少申报单位的统一社会信用代码",
            "the filing unit's social credit code is missing",
            BASIS,
        ),
        (Some(unit), Some(code)) if unit.identifier != code.as_str() => out.error(
            "/BAB010",
            "unit-differs",
            "统一社会信用代码与经办人登录的单位不一致",
            "the social credit code is not that of the unit that the clerk files for",
            "",
        ),
        _ => {}
    }
}

/// A city's unit files with a county of the city and the other way round; two counties do not
/// match, though a unit that has moved may still have its old code.
fn check_region(case: &Filed<'_>, out: &mut Assessing) {
    let stem = |code: &str| code.trim_end_matches("00").to_owned();
    let Some(unit) = &case.answers.bab010 else {
        return;
    };
    let (of_unit, here) = (stem(unit.region()), stem(&case.submission.region));
    if !of_unit.starts_with(&here) && !here.starts_with(&of_unit) {
        out.warning(
            "/BAB010",
            "region-differs",
            format!(
                "单位代码中的行政区划{}与办理地{}不一致，请核对管辖",
                unit.region(),
                case.submission.region
            ),
            format!(
                "the unit's code is of region {}, the case of {}: check who is competent",
                unit.region(),
                case.submission.region
            ),
            "GB 32100-2015",
        );
    }
}

fn check_signatures(case: &Filed<'_>, out: &mut Assessing) {
    let parties = &case.submission.parties;
    for rule in Answers::MATTER.parties {
        let signed = parties
            .iter()
            .any(|party| party.role == rule.role && party.signed_at.is_some());
        if !signed {
            out.error(
                "",
                "signature-missing",
                format!("缺少签名：{}", rule.title.zh),
                format!("a signature is missing: {}", rule.title.en),
                "",
            );
        }
    }
    let name = case.answers.aac003.as_deref();
    let other_than = |signed: &str| name.is_some_and(|name| !same_name(name, signed));
    let person = parties.iter().find(|party| party.role == PERSON);
    if person
        .is_some_and(|person| person.subject != case.submission.subject || other_than(&person.name))
    {
        out.error(
            "",
            "signatory-differs",
            "本人签名者不是退休人员本人",
            "whoever signed as the person is not the person who retires",
            "",
        );
    }
    let confirmation = case.answers.confirmation.as_ref();
    if confirmation.is_some_and(|confirmation| other_than(&confirmation.name)) {
        out.error(
            "/confirmation",
            "confirmation-name-differs",
            "确认签名的姓名与本人姓名不一致",
            "the name that confirms is not the person's name",
            "",
        );
    }
}

/// The same name, however its separating dot is typed (买买提·吐尔逊) and spaces are set.
fn same_name(one: &str, other: &str) -> bool {
    let plain = |name: &str| -> String {
        name.chars()
            .filter(|letter| !letter.is_whitespace())
            .map(|letter| match letter {
                '•' | '・' | '‧' | '∙' | '．' => '·',
                letter => letter,
            })
            .collect()
    };
    plain(one) == plain(other)
}

fn birth_date_differs(answers: &Answers) -> bool {
    let by_id = answers.aac002.as_ref().and_then(|id| id.born());
    answers.aac006.is_some_and(|born| Some(born) != by_id) && by_id.is_some()
}

/// The month of retirement.
fn retired(case: &Filed<'_>) -> Option<Month> {
    let answers = case.answers;
    rules::retirement_month(
        case.facts,
        answers.retirement_scenario.as_ref()?,
        answers.chosen_month.as_ref(),
        answers.statutory_month.as_ref()?,
    )
}

fn check_dates(case: &Filed<'_>, out: &mut Assessing) {
    let answers = case.answers;
    if birth_date_differs(answers) {
        out.warning(
            "/AAC006",
            "birth-date-differs",
            "档案认定的出生日期与公民身份号码不一致，以档案认定的为准，须附认定材料",
            "the date of birth found from the archive differs from the citizen ID; the finding counts and is to be attached",
            "组通字〔2006〕41号",
        );
    }
    let (Some(born), Some(started)) = (answers.aac006.map(Month::of), answers.aac007) else {
        return;
    };
    if started <= born {
        out.error(
            "/AAC007",
            "work-before-birth",
            "参加工作时间应晚于出生日期",
            "work starts after birth",
            "",
        );
    } else if started.since(born) < WORKING_AGE_MONTHS {
        out.warning(
            "/AAC007",
            "work-before-sixteen",
            "参加工作时不满16周岁，请核对档案",
            "work started before the age of 16: check it with the archive",
            "劳动法第十五条",
        );
    }
    if retired(case).is_some_and(|retired| retired <= started) {
        out.error(
            "/AAC007",
            "retirement-before-work",
            "退休年月应晚于参加工作时间",
            "retirement comes after the start of work",
            "",
        );
    }
}

/// What the age rests on is all there, and the age is not: its table is not published here.
fn check_statutory(case: &Filed<'_>, out: &mut Assessing) {
    let answers = case.answers;
    let known = answers.aac002.is_some()
        && answers.aac006.is_some()
        && answers.staff_category.is_some()
        && answers.rank.is_some()
        && answers.technical_title.is_some();
    if known && answers.statutory_month.is_none() {
        not_checked(
            out,
            "/statutory-month",
            "法定退休年龄的参数未公布，法定退休年月和与其有关的条件未经核对",
            "the table of retirement ages is not published here; the month and what rests on it are not checked",
        );
    }
}

fn check_contribution(case: &Filed<'_>, out: &mut Assessing) {
    const BASIS: &str =
        "社会保险法第十六条；全国人大常委会关于实施渐进式延迟法定退休年龄的决定（2024年9月13日）";
    let answers = case.answers;
    let (Some(deemed), Some(paid)) = (answers.deemed_contribution_months, answers.paid_months)
    else {
        return;
    };
    let (Some(scenario), Some(statutory)) =
        (&answers.retirement_scenario, &answers.statutory_month)
    else {
        return;
    };
    if retired(case).is_some() {
        let chosen = answers.chosen_month.as_ref();
        let minimum = rules::minimum_contribution_months(case.facts, scenario, chosen, statutory);
        match (minimum, deemed.saturating_add(paid)) {
            (Some(minimum), months) if months < minimum => out.error(
                "/paid-months",
                "contribution-too-short",
                format!("累计缴费{months}个月，未达到最低缴费{minimum}个月"),
                format!("{months} months of contribution are fewer than the minimum of {minimum}"),
                BASIS,
            ),
            (Some(_), _) => {}
            (None, _) => not_checked(
                out,
                "/paid-months",
                "最低缴费月数",
                "the minimum of contribution",
            ),
        }
    }
    let has_index = match (&answers.rank_2014, &answers.grade_2014) {
        (Some(rank), Some(grade)) => rules::deemed_index(case.facts, rank, grade).is_some(),
        _ => true,
    };
    if deemed > 0 && !has_index {
        out.warning(
            "/grade-2014",
            "deemed-index-unknown",
            "视同缴费指数表中没有这一职务职级和级别（薪级），养老金无法预估，请核对",
            "the table of deemed indices has nothing for this rank and grade: the pension cannot be estimated; check them",
            "人社部发〔2015〕28号",
        );
    }
}

fn check_money(case: &Filed<'_>, out: &mut Assessing) {
    const BASIS: &str = "住房公积金管理条例第二十四条";
    let answers = case.answers;
    if answers
        .aae010
        .as_ref()
        .is_some_and(|account| !account.is_card())
    {
        out.error(
            "/AAE010",
            "account-luhn",
            "银行卡号校验位不符，请核对",
            "the check digit of the bank card does not match",
            "ISO/IEC 7812-1",
        );
    }
    let Some(loan) = answers.fund_loan else {
        return;
    };
    if rules::has_loan(case.facts, &loan) == Some(true) {
        out.warning(
            "/fund-loan",
            "open-loan",
            "有未结清的公积金贷款，须先结清；只影响公积金提取这一部分",
            "a loan of the housing fund is open and is settled first; only the fund's part is concerned",
            BASIS,
        );
    }
    if answers
        .fund_balance
        .is_some_and(|balance: Money| loan > balance)
    {
        out.warning(
            "/fund-loan",
            "loan-exceeds-balance",
            "未结清贷款大于账户余额，公积金提取将暂缓，请先还清差额",
            "the open loan is greater than the balance: the fund will hold its part until the rest is repaid",
            BASIS,
        );
    }
}

fn check_posts(case: &Filed<'_>, out: &mut Assessing) {
    let (Some(approved), Some(filled)) = (case.answers.posts_approved, case.answers.posts_filled)
    else {
        return;
    };
    if filled > approved {
        out.warning(
            "/posts-filled",
            "over-established",
            format!("实有人数{filled}大于核定编制数{approved}，出编后不产生空编"),
            format!(
                "{filled} posts are filled and {approved} approved: the exit may leave no vacancy"
            ),
            "地方各级人民政府机构设置和编制管理条例",
        );
    }
}

fn not_checked(out: &mut Assessing, path: &str, zh: &str, en: &str) {
    out.warning(
        path,
        "not-checked",
        format!("没有可用的参数，未能核对{zh}，请审核人核对"),
        format!("not checked for want of its parameter: {en}; to be checked by the office"),
        "",
    );
}

/// The materials that this submission needs, by their codes in `matter.toml`.
fn required_materials(case: &Filed<'_>) -> Vec<&'static str> {
    let answers = case.answers;
    let mut required = vec!["identity-licences", "personnel-archive"];
    if birth_date_differs(answers) {
        required.push("birth-date-finding");
    }
    required.extend(answers.retirement_scenario.and_then(for_scenario));
    if answers
        .uplift
        .as_ref()
        .is_some_and(|uplift| !uplift.is_empty())
    {
        required.push("uplift-evidence");
    }
    let typed = |element| case.unverified.contains(&element);
    if answers
        .deemed_contribution_months
        .is_some_and(|deemed| deemed > 0)
        && (typed("rank-2014") || typed("grade-2014"))
    {
        required.push("pay-table-2014");
    }
    if !case.disputed.is_empty() {
        required.push("dispute-evidence");
    }
    required
}

fn for_scenario(scenario: RetirementScenario) -> Option<&'static str> {
    match scenario {
        RetirementScenario::Statutory => None,
        RetirementScenario::FlexibleEarly => Some("flexible-early-notice"),
        RetirementScenario::CivilServantEarly | RetirementScenario::WomenCadreAt55 => {
            Some("voluntary-application")
        }
        RetirementScenario::FlexibleLate => Some("flexible-late-agreement"),
        RetirementScenario::Illness => Some("work-capacity-finding"),
    }
}

#[cfg(test)]
mod tests;
