//! What must be true of an application, every finding at once: the policy is there and open, the
//! enterprise is the one that files and is in good standing, and every condition of the policy is
//! met. The amount is reserved on the policy's budget.

use crate::answers::{Answers, CreditStatus};
use crate::matching::Judgement;
use crate::policy::{Mode, OncePer, Policy};
use crate::rules;
use chrono::Datelike;
use onething_sdk::contract::{Channel, SubjectKind};
use onething_sdk::form::Form;
use onething_sdk::{Assessing, Submitted, materials};

type Filed<'a> = Submitted<'a, Answers>;

/// Who signs for the enterprise.
const APPLICANT: &str = "applicant";
const POLICY: &str = "/policy-code";
const DATA: &str = "/policy-facts";

/// Assesses an application.
pub fn assess(case: &Filed<'_>, out: &mut Assessing) {
    check_enterprise(case, out);
    let Some(code) = &case.answers.policy_code else {
        return;
    };
    let Some(published) = Policy::in_force(code, case.facts, case.facts.filed_on()) else {
        out.error(
            POLICY,
            "policy-unknown",
            format!("没有正在施行的政策“{code}”，请从政策清单中选取"),
            format!("no policy {code:?} is in force; pick one of the list"),
            "",
        );
        return;
    };
    let policy = published.policy;
    out.scenario = policy.mode.scenario().to_owned();
    check_mode(case, &policy, out);
    check_window(case, &policy, out);
    check_credit(case, &policy, out);
    let required: Vec<&str> = policy.materials.iter().map(String::as_str).collect();
    materials::check(
        &Answers::MATTER,
        case.submission,
        case.facts,
        &required,
        out,
    );
    claim(case, code, &policy, out);
    qualify(case, code, policy, out);
}

fn check_enterprise(case: &Filed<'_>, out: &mut Assessing) {
    let subject = &case.submission.subject;
    let code = case.answers.bab010.as_ref();
    if subject.kind != SubjectKind::Organisation
        || code.is_some_and(|code| code.as_str() != subject.identifier)
    {
        out.error(
            "/BAB010",
            "subject-differs",
            "统一社会信用代码与办件的申办对象不一致",
            "the social credit code is not that of the subject of the case",
            "",
        );
    }
    let unit = case.submission.filer.unit.as_ref();
    if unit.is_some_and(|unit| unit != subject) {
        out.error(
            "",
            "unit-differs",
            "只能为本企业申报：登录的企业与申报企业不一致",
            "an enterprise files for itself: whoever is logged in files for another one",
            "",
        );
    }
}

/// Where there is no application, the host opens the case; where there is one, the enterprise signs.
fn check_mode(case: &Filed<'_>, policy: &Policy, out: &mut Assessing) {
    let title = &policy.title;
    match (policy.mode, case.submission.channel) {
        (Mode::Proactive, Channel::Proactive) => return,
        (Mode::Proactive, _) => out.error(
            POLICY,
            "no-application-needed",
            format!(
                "《{}》免申即享：符合条件的由系统直接兑现，不需申报；没有收到的，请向主管部门查询数据",
                title.zh
            ),
            format!(
                "“{}” needs no application: whoever qualifies is paid; who is not may ask the department about their data",
                title.en
            ),
            &policy.basis,
        ),
        (_, Channel::Proactive) => out.error(
            POLICY,
            "application-needed",
            format!("《{}》须由企业申报", title.zh),
            format!("“{}” has to be applied for", title.en),
            &policy.basis,
        ),
        _ => {}
    }
    let parties = &case.submission.parties;
    if !parties.iter().any(|party| party.role == APPLICANT) {
        out.error(
            "",
            "signature-missing",
            "缺少签名：法定代表人或其授权的人",
            "a signature is missing: of the legal representative, or whom they authorise",
            "",
        );
    }
}

fn check_window(case: &Filed<'_>, policy: &Policy, out: &mut Assessing) {
    let (filed, window) = (case.facts.filed_on(), policy.window);
    if filed < window.opens {
        out.error(
            POLICY,
            "window-not-open",
            format!("《{}》自{}起受理", policy.title.zh, window.opens),
            format!("“{}” opens on {}", policy.title.en, window.opens),
            &policy.basis,
        );
    }
    if filed > window.closes {
        out.error(
            POLICY,
            "window-closed",
            format!("《{}》已于{}截止受理", policy.title.zh, window.closes),
            format!("“{}” closed on {}", policy.title.en, window.closes),
            &policy.basis,
        );
    }
}

/// Without the register a reviewer looks it up; where nobody reviews, nothing is paid unseen.
fn check_credit(case: &Filed<'_>, policy: &Policy, out: &mut Assessing) {
    const PATH: &str = "/credit-status";
    const BASIS: &str = "国办发〔2020〕49号（失信惩戒措施清单）";
    let (zh, en) = (
        "公共信用信息库暂无数据，信用状况未经核对",
        "the register of public credit has no answer: the standing is not checked",
    );
    match case.answers.credit_status {
        Some(CreditStatus::Normal) => {}
        Some(CreditStatus::Listed) => out.error(
            PATH,
            "credit-listed",
            "企业列入严重失信主体名单，不能享受财政资金扶持；信用修复后可再申报",
            "the enterprise is listed for a serious breach and may have no funds; apply again once it is repaired",
            BASIS,
        ),
        None if policy.mode == Mode::Application => {
            out.warning(PATH, "credit-not-checked", zh, en, BASIS);
        }
        None => out.error(PATH, "credit-not-checked", zh, en, BASIS),
    }
}

/// What the application takes: the policy itself, and its group's turn of the year.
fn claim(case: &Filed<'_>, code: &str, policy: &Policy, out: &mut Assessing) {
    let enterprise = &case.submission.subject.identifier;
    let year = case.facts.filed_on().year();
    out.unique(match policy.once_per {
        OncePer::Year => format!("{code}/{enterprise}/{year}"),
        OncePer::Ever => format!("{code}/{enterprise}"),
    });
    if let Some(group) = &policy.group {
        out.unique(format!("policy-group/{group}/{enterprise}/{year}"));
    }
}

fn qualify(case: &Filed<'_>, code: &str, policy: Policy, out: &mut Assessing) {
    let basis = policy.basis.clone();
    let judged = case
        .answers
        .policy_facts
        .as_ref()
        .and_then(|data| rules::judge(case.facts, code, policy.clone(), data));
    match judged {
        None => out.error(
            DATA,
            "data-missing",
            "企业库的政策数据暂时不可用，现在不能核算，请稍后再申报",
            "the data of the enterprise are not available: it cannot be worked out now, apply later",
            &basis,
        ),
        Some(Judgement::Qualifies(fen)) => {
            let amount = rules::yuan(fen).amount();
            out.reserve(policy.budget, amount, policy.when_short.into());
        }
        Some(Judgement::Lacks(places)) => {
            let lacking = places.iter().filter_map(|place| policy.qualifies.get(*place));
            for condition in lacking {
                out.error(
                    DATA,
                    "condition-not-met",
                    format!("不符合条件：{}", condition.zh),
                    format!("a condition is not met: {}", condition.en),
                    &basis,
                );
            }
        }
        Some(Judgement::Nothing) => out.error(
            DATA,
            "no-amount",
            "符合基本条件，但没有达到任何一档的兑现标准",
            "the conditions are met, and no tier has an amount for it",
            &basis,
        ),
        Some(Judgement::Unknown(item)) => {
            let fields = crate::fields::Fields::in_force(case.facts, case.facts.filed_on());
            let field = fields.as_ref().and_then(|fields| fields.get(&item));
            let (zh, en) = field.map_or((item.as_str(), item.as_str()), |field| {
                (field.zh.as_str(), field.en.as_str())
            });
            out.error(
                DATA,
                "item-missing",
                format!("共享数据中没有“{zh}”，现在不能核算；请联系数据来源部门补齐后再申报"),
                format!("the data have no {en}: it cannot be worked out; ask the owner of the data"),
                &basis,
            );
        }
        Some(Judgement::Incomputable(reason)) => out.error(
            DATA,
            "not-computable",
            format!("《{}》的公式对本企业的数据没有结果（{reason}），请向主管部门反映", policy.title.zh),
            format!("“{}” has no result for these data ({reason}); tell the department", policy.title.en),
            &basis,
        ),
    }
}

#[cfg(test)]
mod tests;
