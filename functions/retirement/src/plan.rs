//! The order of work: four offices check at once before acceptance; then the supervising department
//! and the approving authority decide one after the other, the others meanwhile, with effect once
//! the retirement is approved. Knows no case.

use crate::answers::{AnnuityMode, Answers};
use onething_sdk::Submitted;
use onething_sdk::contract::{Office, Phase, Step, StepMode, TimeLimit};
use onething_sdk::form::{Form, FormRule, Json};
use onething_sdk::serde_json::json;
use onething_sdk::values::text;

/// The step of the approving authority: it decides whether there is a retirement at all.
pub const PERSONNEL: &str = "personnel";
/// The step of the supervising department.
pub const SUPERVISING: &str = "supervising";

/// Working days for the one notice of everything to correct: 行政许可法 第三十二条.
const CHECK_LEGAL_DAYS: u16 = 5;
const CHECK_PROMISED_DAYS: u16 = 1;

/// What one office examines.
pub struct Part {
    /// The examination step.
    pub step: &'static str,
    /// The office's function.
    pub office: &'static str,
    title: (&'static str, &'static str),
    /// The acceptance step before it, if the office has one.
    check: Option<(&'static str, (&'static str, &'static str))>,
}

/// The offices' parts, in the order of the plan.
pub const PARTS: [Part; 5] = [
    Part {
        step: SUPERVISING,
        office: "supervising",
        title: ("主管部门审核", "Review by the supervising department"),
        check: None,
    },
    Part {
        step: PERSONNEL,
        office: "personnel",
        title: ("退休审批", "Approval of the retirement"),
        check: Some((
            "personnel-check",
            ("退休资格预审", "Check of the retirement"),
        )),
    },
    Part {
        step: "pension",
        office: "social-insurance",
        title: ("养老保险待遇核定", "Assessment of the pension"),
        check: Some((
            "pension-check",
            ("养老保险待遇预审", "Check of the pension"),
        )),
    },
    Part {
        step: "fund",
        office: "housing-fund",
        title: ("住房公积金提取审核", "Release of the housing fund"),
        check: Some((
            "fund-check",
            ("住房公积金提取预审", "Check of the housing fund"),
        )),
    },
    Part {
        step: "establishment",
        office: "establishment",
        title: ("出编登记审核", "Exit from the register of posts"),
        check: Some(("establishment-check", ("出编登记预审", "Check of the exit"))),
    },
];

/// The part whose examination step this is.
pub fn part(step: &str) -> Option<&'static Part> {
    PARTS.iter().find(|part| part.step == step)
}

impl Part {
    /// The office's own form; the supervising department has none.
    pub fn form(&self) -> Option<&'static FormRule> {
        Answers::FORMS
            .iter()
            .find(|form| form.agency == self.office)
    }

    /// The office that handles it in a region.
    pub fn office_in(&self, region: &str) -> Office {
        Office {
            function: self.office.to_owned(),
            region: region.to_owned(),
        }
    }

    /// The elements it rests on: those of its form. The supervising department reviews the form that
    /// the approving authority decides on.
    fn reads(&self) -> Vec<String> {
        let form = self.form().or_else(|| part(PERSONNEL)?.form());
        let elements = form.map(FormRule::elements).unwrap_or_default();
        elements.into_iter().map(str::to_owned).collect()
    }
}

/// The steps for a submission.
pub fn plan(case: &Submitted<'_, Answers>) -> Vec<Step> {
    let checks = PARTS.iter().filter_map(|part| check(case, part));
    let examinations = PARTS
        .iter()
        .filter(|part| part.step != SUPERVISING || is_supervised(case.answers))
        .map(|part| examination(case, part));
    checks.chain(examinations).collect()
}

/// A unit that is its own supervising department needs no other. Where the register of posts is
/// down, nobody knows, and the review is not skipped.
fn is_supervised(answers: &Answers) -> bool {
    answers.supervising_unit.is_none() || answers.supervising_unit != answers.unit_name
}

fn check(case: &Submitted<'_, Answers>, part: &Part) -> Option<Step> {
    let (id, title) = part.check?;
    Some(Step {
        lead: part.step == PERSONNEL,
        legal_limit: TimeLimit::WorkingDays(CHECK_LEGAL_DAYS),
        promised_limit: TimeLimit::WorkingDays(CHECK_PROMISED_DAYS),
        ..step(case, part, id, title, Phase::Acceptance)
    })
}

fn examination(case: &Submitted<'_, Answers>, part: &Part) -> Step {
    let examined = step(case, part, part.step, part.title, Phase::Examination);
    let personnel = || vec![PERSONNEL.to_owned()];
    match part.step {
        SUPERVISING => examined,
        PERSONNEL => Step {
            after: is_supervised(case.answers)
                .then(|| SUPERVISING.to_owned())
                .into_iter()
                .collect(),
            ..examined
        },
        "fund" => Step {
            effective_after: personnel(),
            legal_limit: TimeLimit::WorkingDays(fund_days(case)),
            ..examined
        },
        _ => Step {
            effective_after: personnel(),
            ..examined
        },
    }
}

fn step(
    case: &Submitted<'_, Answers>,
    part: &Part,
    id: &str,
    (zh, en): (&str, &str),
    phase: Phase,
) -> Step {
    let payload = match phase {
        Phase::Acceptance => None,
        Phase::Examination => payload_schema(part.step, case.answers),
    };
    Step {
        id: id.to_owned(),
        office: part.office_in(&case.submission.region),
        role: "reviewer".to_owned(),
        title: text(zh, en),
        lead: false,
        after: Vec::new(),
        effective_after: Vec::new(),
        legal_limit: TimeLimit::WorkingDays(Answers::MATTER.legal_days),
        promised_limit: TimeLimit::WorkingDays(Answers::MATTER.promised_days),
        mode: StepMode::Manual,
        phase,
        reads: part.reads(),
        payload_schema: payload.map(|schema| schema.to_string()),
    }
}

/// The fund's own law gives it less time than the others: 住房公积金管理条例 第二十五条.
fn fund_days(case: &Submitted<'_, Answers>) -> u16 {
    let rule = case
        .facts
        .parameter("housing-fund-withdrawal", case.facts.filed_on());
    rule.and_then(|rule| u16::try_from(rule.value.get("decision-days")?.as_u64()?).ok())
        .filter(|&days| days > 0)
        .unwrap_or(Answers::MATTER.legal_days)
}

/// What an approval carries into the office's own form.
fn payload_schema(step: &str, answers: &Answers) -> Option<Json> {
    let name = json!({"type": "string", "minLength": 1, "maxLength": 50});
    let money = json!({"type": "string", "pattern": "^[0-9]{1,15}\\.[0-9]{2}$"});
    let words = json!({"type": "string", "minLength": 1, "maxLength": 100});
    let mut properties = match step {
        PERSONNEL => json!({
            "approved_month": {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"},
            "document_no": words,
            "first_reviewer": name,
        }),
        "pension" => json!({
            "basic_pension": money,
            "transitional_pension": money,
            "personal_pension": money,
            "total_pension": money,
            "annuity_monthly": money,
            "reviewer": name,
        }),
        "fund" => json!({
            "paid_amount": money,
            "paid_amount_words": words,
            "interest": money,
            "reviewer": name,
        }),
        "establishment" => json!({
            "exit_date": {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
            "reviewer": name,
        }),
        _ => return None,
    };
    // Whoever buys an insurance of the annuity draws nothing by the month.
    if answers.annuity_mode == Some(AnnuityMode::Insurance)
        && let Some(properties) = properties.as_object_mut()
    {
        properties.remove("annuity_monthly");
    }
    let required: Vec<&String> = properties.as_object()?.keys().collect();
    Some(json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    }))
}

#[cfg(test)]
mod tests;
