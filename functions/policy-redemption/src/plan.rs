//! The order of work. On application: the department accepts and reviews, publishes its intent where
//! the policy wants it, and finance agrees. Otherwise the rules decide at once. Knows no case.

use crate::answers::Answers;
use crate::policy::{Mode, Policy};
use onething_sdk::Submitted;
use onething_sdk::contract::{Office, Phase, PublicNotice, Step, StepMode, TimeLimit};
use onething_sdk::form::{Form, FormRule};
use onething_sdk::serde_json::json;
use onething_sdk::values::text;

/// The department looks whether everything is there.
pub const CHECK: &str = "check";
/// The department reviews.
pub const REVIEW: &str = "review";
/// The intent is published.
pub const NOTICE: &str = "notice";
/// Finance agrees to pay.
pub const FINANCE: &str = "finance";
/// The rules decide.
pub const INSTANT: &str = "instant";
/// The function of finance.
pub const FINANCE_OFFICE: &str = "finance";

/// The applicant corrects the account, once for each payment that the bank has returned: `account-1`,
/// `account-2`. What has taken effect is not reopened.
const ACCOUNT: &str = "account-";
/// For a corrected account.
const ACCOUNT_DAYS: u16 = 20;
/// Working days for the one notice of everything to correct: 行政许可法 第三十二条, taken over.
const CHECK_LEGAL_DAYS: u16 = 5;
const CHECK_PROMISED_DAYS: u16 = 1;

/// The steps of an application.
pub fn plan(case: &Submitted<'_, Answers>, _scenario: &str) -> Vec<Step> {
    let facts = case.facts;
    let code = case.answers.policy_code.as_deref().unwrap_or_default();
    let Some(published) = Policy::in_force(code, facts, facts.filed_on()) else {
        return Vec::new(); // an assessment that passed has found it
    };
    let policy = published.policy;
    let region = case.submission.region.as_str();
    let mut steps = match policy.mode {
        Mode::Application => vec![check(&policy, region), review(&policy, region)],
        Mode::Instant | Mode::Proactive => vec![instant(&policy, region)],
    };
    if policy.public_notice_days > 0 {
        let before = steps.last().map(|step| step.id.clone());
        let name = case.answers.enterprise_name.as_deref().unwrap_or_default();
        steps.push(notice(&policy, region, name, before));
    }
    if policy.mode == Mode::Application {
        let before = steps.last().map(|step| step.id.clone());
        steps.push(finance(&policy, region, before));
    }
    steps
}

fn check(policy: &Policy, region: &str) -> Step {
    Step {
        lead: true,
        phase: Phase::Acceptance,
        legal_limit: TimeLimit::WorkingDays(CHECK_LEGAL_DAYS),
        promised_limit: TimeLimit::WorkingDays(CHECK_PROMISED_DAYS),
        payload_schema: None,
        ..step(
            CHECK,
            &policy.department,
            region,
            ("受理审查", "Acceptance"),
            "application",
        )
    }
}

fn review(policy: &Policy, region: &str) -> Step {
    let name = json!({"type": "string", "minLength": 1, "maxLength": 50});
    let schema = json!({
        "type": "object",
        "properties": {"reviewer": name, "document_no": name},
        "required": ["reviewer", "document_no"],
        "additionalProperties": false,
    });
    Step {
        payload_schema: Some(schema.to_string()),
        ..step(
            REVIEW,
            &policy.department,
            region,
            ("主管部门审核", "Review by the department"),
            "review",
        )
    }
}

fn instant(policy: &Policy, region: &str) -> Step {
    Step {
        lead: true,
        mode: StepMode::Automatic,
        ..step(
            INSTANT,
            &policy.department,
            region,
            ("规则核定", "Decision by the rules"),
            "application",
        )
    }
}

fn notice(policy: &Policy, region: &str, enterprise: &str, before: Option<String>) -> Step {
    let days = policy.public_notice_days;
    let shown = text(
        format!(
            "拟对{enterprise}兑现《{}》，现予公示{days}个工作日。对公示内容有异议的，请在公示期内实名向主管部门提出。",
            policy.title.zh
        ),
        format!(
            "It is intended to pay {enterprise} under “{}”. Objections may be raised, by name, within {days} working days.",
            policy.title.en
        ),
    );
    let limit = TimeLimit::WorkingDays(Answers::MATTER.promised_days.saturating_add(days));
    let legal = TimeLimit::WorkingDays(Answers::MATTER.legal_days.saturating_add(days));
    Step {
        mode: StepMode::PublicNotice(PublicNotice { text: shown, days }),
        after: before.into_iter().collect(),
        promised_limit: limit,
        legal_limit: legal,
        ..step(
            NOTICE,
            &policy.department,
            region,
            ("拟兑现公示", "Public notice of the intent"),
            "public-notice",
        )
    }
}

/// The limits count from acceptance, the public notice among the days.
fn finance(policy: &Policy, region: &str, before: Option<String>) -> Step {
    let days = policy.public_notice_days;
    Step {
        after: before.into_iter().collect(),
        promised_limit: TimeLimit::WorkingDays(Answers::MATTER.promised_days.saturating_add(days)),
        legal_limit: TimeLimit::WorkingDays(Answers::MATTER.legal_days.saturating_add(days)),
        ..step(
            FINANCE,
            FINANCE_OFFICE,
            region,
            ("财政审核拨付", "Appropriation by finance"),
            "appropriation",
        )
    }
}

/// The step by which the applicant names another account.
pub fn account(region: &str, before: usize) -> Step {
    let schema = json!({
        "type": "object",
        "properties": {
            "account": {"type": "string", "pattern": "^[0-9]{8,32}$"},
            "bank": {"type": "string", "minLength": 1, "maxLength": 100},
        },
        "required": ["account", "bank"],
        "additionalProperties": false,
    });
    Step {
        legal_limit: TimeLimit::WorkingDays(ACCOUNT_DAYS),
        promised_limit: TimeLimit::WorkingDays(ACCOUNT_DAYS),
        payload_schema: Some(schema.to_string()),
        ..step(
            &format!("{ACCOUNT}{}", before + 1),
            "filer",
            region,
            ("更正收款账户", "Correct the account"),
            "appropriation",
        )
    }
}

/// Whether it is a step of [`account`].
pub fn is_account(step: &str) -> bool {
    step.starts_with(ACCOUNT)
}

/// The elements that a step rests on are those of its form.
fn step(id: &str, office: &str, region: &str, (zh, en): (&str, &str), form: &str) -> Step {
    let form = Answers::FORMS.iter().find(|rule| rule.name == form);
    let reads = form.map(FormRule::elements).unwrap_or_default();
    Step {
        id: id.to_owned(),
        office: Office {
            function: office.to_owned(),
            region: region.to_owned(),
        },
        role: "reviewer".to_owned(),
        title: text(zh, en),
        lead: false,
        after: Vec::new(),
        effective_after: Vec::new(),
        legal_limit: TimeLimit::WorkingDays(Answers::MATTER.legal_days),
        promised_limit: TimeLimit::WorkingDays(Answers::MATTER.promised_days),
        mode: StepMode::Manual,
        phase: Phase::Examination,
        reads: reads.into_iter().map(str::to_owned).collect(),
        payload_schema: None,
    }
}

#[cfg(test)]
mod tests;
