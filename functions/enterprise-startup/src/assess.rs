//! What must be true of a submission, every finding at once. An error is what the law or plain
//! consistency forbids; what an office has to judge is a warning for it, and so is what could not
//! be checked because its parameter or register is not there.
//!
//! The forms of the answers are checked before. Who has signed already is the host's to watch; that
//! the right people are asked to sign is checked here.

mod capital;
mod links;
mod name;
mod parties;
mod people;

use crate::answers::{Answers, Articles};
use crate::rules::scope::Entries;
use onething_sdk::contract::{Capacity, SubjectKind};
use onething_sdk::form::Form;
use onething_sdk::{Assessing, Submitted, materials};
use std::collections::BTreeSet;

pub use parties::LEGAL_REPRESENTATIVE;

type Filed<'a> = Submitted<'a, Answers>;

/// Assesses a submission.
pub fn assess(case: &Filed<'_>, out: &mut Assessing) {
    out.scenario = scenario(case.answers).to_owned();
    out.unique(format!(
        "enterprise-startup/{}",
        case.submission.subject.identifier
    ));
    check_filer(case, out);
    parties::check(case, out);
    name::check(case, out);
    check_domicile(case, out);
    check_scope(case, out);
    capital::check(case, out);
    people::check(case, out);
    links::check(case, out);
    materials::check(
        &Answers::MATTER,
        case.submission,
        case.facts,
        &required_materials(case),
        out,
    );
}

fn scenario(answers: &Answers) -> &'static str {
    let shareholders = answers.shareholders.as_ref().map_or(0, |rows| rows.len());
    match shareholders {
        0 => "",
        1 => "one-person-company",
        _ => "limited-company",
    }
}

fn check_filer(case: &Filed<'_>, out: &mut Assessing) {
    const BASIS: &str = "市场主体登记管理条例第十六条";
    let filer = &case.submission.filer;
    if case.submission.subject.kind != SubjectKind::Provisional {
        out.error(
            "",
            "subject-not-provisional",
            "新设企业以平台给出的临时标识申报，不用已有的个人或者单位标识",
            "a new enterprise files under the platform's provisional identifier, not as a person or unit",
            "",
        );
    }
    let typed = case.answers.filer_id.as_ref();
    if typed.is_some_and(|id| id.as_str() != filer.person.identifier) {
        out.error(
            "/filer-id",
            "filer-differs",
            "申请人的公民身份号码与登录的人不一致",
            "the citizen ID of whoever files is not that of the person logged in",
            "",
        );
    }
    let represents = case
        .answers
        .legal_rep_id
        .as_ref()
        .map(|id| id.as_str() == filer.person.identifier);
    match (filer.capacity, represents) {
        (Capacity::LegalRepresentative, Some(false)) => out.error(
            "/legal-rep-id",
            "filer-not-legal-representative",
            "以法定代表人身份申报的，登录的人应是表中的法定代表人；由他人代办的，请以委托代理人身份申报",
            "whoever files as the legal representative is not the one named; an agent files as an agent",
            BASIS,
        ),
        (Capacity::LegalRepresentative | Capacity::Agent, _) => {}
        (Capacity::Applicant | Capacity::UnitClerk, _) => out.error(
            "",
            "capacity",
            "企业开办由拟任法定代表人或者委托代理人申报",
            "the legal representative or an agent files for a start-up",
            BASIS,
        ),
    }
}

fn check_domicile(case: &Filed<'_>, out: &mut Assessing) {
    const BASIS: &str = "市场主体登记管理条例第八条、第十一条";
    let answers = case.answers;
    if let Some(region) = &answers.domicile_region {
        let here = case.submission.region.trim_end_matches("00");
        if region.len() != 6 || !region.bytes().all(|byte| byte.is_ascii_digit()) {
            out.error(
                "/domicile-region",
                "region-form",
                "行政区划代码应为6位数字",
                "a region code has 6 digits",
                "GB/T 2260-2007",
            );
        } else if !region.starts_with(here) {
            out.error(
                "/domicile-region",
                "domicile-elsewhere",
                format!(
                    "住所在{region}，不在办理地{}，请向住所所在地的登记机关申请",
                    case.submission.region
                ),
                format!(
                    "the domicile is in {region}, not in {}; apply where the domicile is",
                    case.submission.region
                ),
                BASIS,
            );
        }
    }
    let postcode = answers.postcode.as_deref();
    if postcode
        .is_some_and(|code| code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()))
    {
        out.error(
            "/postcode",
            "postcode-form",
            "邮政编码应为6位数字",
            "a postcode has 6 digits",
            "",
        );
    }
    if answers
        .premises_area
        .is_some_and(|area| area.is_sign_negative() || area.is_zero())
    {
        out.error(
            "/premises-area",
            "premises-area",
            "住所面积应大于0",
            "the area of the premises is more than 0",
            "",
        );
    }
}

fn check_scope(case: &Filed<'_>, out: &mut Assessing) {
    const BASIS: &str = "市场主体登记管理条例第八条、第十四条";
    let Some(chosen) = &case.answers.business_scope else {
        return;
    };
    let main = chosen.iter().filter(|row| row.main).count();
    if main != 1 {
        out.error(
            "/business-scope",
            "one-main-entry",
            format!("应标出一条主营项目，现标出{main}条"),
            format!("one entry is the main one; {main} are marked"),
            BASIS,
        );
    }
    let Some(entries) = Entries::of(case.facts) else {
        return not_checked(out, "/business-scope", "经营范围", "the business scope");
    };
    let mut seen = BTreeSet::new();
    for (index, row) in chosen.iter().enumerate() {
        let path = format!("/business-scope/{index}/code");
        let code = row.code.as_str();
        if !seen.insert(code) {
            out.error(
                &path,
                "scope-twice",
                format!("第{}行的条目{code}重复", index + 1),
                format!("row {}: entry {code} stands twice", index + 1),
                BASIS,
            );
            continue;
        }
        let Some(entry) = entries.entry(code) else {
            out.error(
                &path,
                "scope-unknown",
                format!(
                    "第{}行：规范表述目录中没有条目{code}，请重新选择",
                    index + 1
                ),
                format!(
                    "row {}: there is no standard entry {code}; choose again",
                    index + 1
                ),
                BASIS,
            );
            continue;
        };
        if let Some(permit) = entry.permit.filter(|permit| !permit.prior) {
            out.warning(
                &path,
                "licence-to-follow",
                format!(
                    "“{}”登记后须取得{}（{}），取得前不得经营",
                    entry.name, permit.licence, permit.authority
                ),
                format!(
                    "“{}” needs {} of {} after registration and may not start before",
                    entry.name, permit.licence, permit.authority
                ),
                BASIS,
            );
        }
    }
}

/// The materials that this submission needs, by their codes in `matter.toml`.
fn required_materials(case: &Filed<'_>) -> Vec<&'static str> {
    let answers = case.answers;
    let mut required = vec!["identity-licences", "premises-proof"];
    if answers.articles == Some(Articles::Own) {
        required.push("articles-of-association");
    }
    if case.submission.filer.capacity == Capacity::Agent {
        required.push("power-of-attorney");
    }
    if has_prior_licence(case).unwrap_or(false) {
        required.push("prior-licence");
    }
    let mut shareholders = answers.shareholders.iter().flat_map(|rows| rows.iter());
    if shareholders.any(|row| row.uscc.is_some()) {
        required.push("shareholder-licence");
    }
    required
}

fn has_prior_licence(case: &Filed<'_>) -> Option<bool> {
    let entries = Entries::of(case.facts)?;
    let mut chosen = case.answers.business_scope.as_ref()?.iter();
    Some(chosen.any(|row| {
        let permit = entries.entry(&row.code).and_then(|entry| entry.permit);
        permit.is_some_and(|permit| permit.prior)
    }))
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

/// A register that does not answer checks nothing: the office has to.
fn check_is_up(case: &Filed<'_>, out: &mut Assessing, register: &str, zh: &str, en: &str) {
    if case.facts.is_down(register) {
        out.warning(
            "",
            "not-checked",
            format!("共享数据暂不可用，未能核对{zh}，请审核人核对"),
            format!("not checked, the register does not answer: {en}; to be checked by the office"),
            "",
        );
    }
}

#[cfg(test)]
mod tests;
