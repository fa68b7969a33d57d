//! The order of work: three reviews at once, of which the finance bureau's takes effect last and
//! pays. Nothing stands before acceptance: what a machine can check was checked, and the money is
//! reserved. Where nothing changed there is nothing for the others to review.

use crate::answers::Answers;
use onething_sdk::Submitted;
use onething_sdk::contract::{Office, Phase, Step, StepMode, TimeLimit};
use onething_sdk::form::{Form, FormRule, Json};
use onething_sdk::serde_json::json;
use onething_sdk::values::text;

/// The review that pays.
pub const FINANCE: &str = "finance";

/// What one office reviews; its function and its step have the same name.
pub struct Part {
    /// The step.
    pub step: &'static str,
    title: (&'static str, &'static str),
}

/// The reviews, in the order of the plan.
pub const PARTS: [Part; 3] = [
    Part {
        step: "establishment",
        title: ("编制核对", "Check against the establishment"),
    },
    Part {
        step: "personnel",
        title: ("人员和工资变动审核", "Review of people and pay"),
    },
    Part {
        step: FINANCE,
        title: ("用款审核", "Review of the funds"),
    },
];

/// The part whose step this is.
pub fn part(step: &str) -> Option<&'static Part> {
    PARTS.iter().find(|part| part.step == step)
}

impl Part {
    /// The office's own form.
    pub fn form(&self) -> Option<&'static FormRule> {
        form_of(self.step)
    }
}

/// The form that an office owns.
pub fn form_of(function: &str) -> Option<&'static FormRule> {
    Answers::FORMS.iter().find(|form| form.agency == function)
}

/// The steps for a submission.
pub fn plan(case: &Submitted<'_, Answers>, scenario: &str) -> Vec<Step> {
    let planned = PARTS
        .iter()
        .filter(|part| part.step == FINANCE || scenario != "unchanged");
    let mut steps: Vec<Step> = planned
        .map(|part| review(part, &case.submission.region))
        .collect();
    let others: Vec<String> = steps
        .iter()
        .filter(|step| step.id != FINANCE)
        .map(|step| step.id.clone())
        .collect();
    for step in steps.iter_mut().filter(|step| step.id == FINANCE) {
        step.effective_after.clone_from(&others);
    }
    steps
}

fn review(part: &Part, region: &str) -> Step {
    let elements = part.form().map(FormRule::elements).unwrap_or_default();
    Step {
        id: part.step.to_owned(),
        office: office(part.step, region),
        role: "reviewer".to_owned(),
        title: text(part.title.0, part.title.1),
        lead: part.step == FINANCE,
        after: Vec::new(),
        effective_after: Vec::new(),
        legal_limit: TimeLimit::WorkingDays(Answers::MATTER.legal_days),
        promised_limit: TimeLimit::WorkingDays(Answers::MATTER.promised_days),
        mode: StepMode::Manual,
        phase: Phase::Examination,
        reads: elements.into_iter().map(str::to_owned).collect(),
        payload_schema: (part.step == FINANCE).then(|| plan_number().to_string()),
    }
}

/// The number of the plan of funds, for the bureau's own form.
fn plan_number() -> Json {
    json!({
        "type": "object",
        "properties": {
            "plan_no": {"title": "用款计划编号", "type": "string", "minLength": 1, "maxLength": 40},
        },
        "required": ["plan_no"],
        "additionalProperties": false,
    })
}

/// The step for whoever supplies other accounts for lines that the bank returned: the unit for its
/// people, the finance bureau for what is remitted. `payload` asks for them.
pub fn correction(id: String, function: &str, region: &str, payload: &Json) -> Step {
    Step {
        id,
        office: office(function, region),
        role: if function == FINANCE {
            "reviewer"
        } else {
            FILER
        }
        .to_owned(),
        title: text("更正退回账户", "Correct the accounts of returned lines"),
        lead: false,
        after: Vec::new(),
        effective_after: Vec::new(),
        legal_limit: TimeLimit::WorkingDays(Answers::MATTER.legal_days),
        promised_limit: TimeLimit::WorkingDays(Answers::MATTER.promised_days),
        mode: StepMode::Manual,
        phase: Phase::Examination,
        reads: Vec::new(),
        payload_schema: Some(payload.to_string()),
    }
}

/// Whoever handed the case in.
pub const FILER: &str = "filer";

/// The office of a function in a region.
pub fn office(function: &str, region: &str) -> Office {
    Office {
        function: function.to_owned(),
        region: region.to_owned(),
    }
}

#[cfg(test)]
mod tests;
