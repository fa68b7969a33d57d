//! The order of work: the registration office checks and registers; the others start from its
//! decision at once, each on its own. Knows no case.

use crate::answers::Answers;
use onething_sdk::Submitted;
use onething_sdk::contract::{Office, Phase, Step, StepMode, TimeLimit};
use onething_sdk::form::{Form, FormRule, Json};
use onething_sdk::serde_json::json;
use onething_sdk::values::text;

/// The step that registers the company: it brings the unified social credit code.
pub const LICENCE: &str = "licence";
/// The check before acceptance.
const LICENCE_CHECK: &str = "licence-check";
/// What a step of the filer is called after the link that it resumes.
const REMEDY: &str = "-remedy";

/// 社会保险法 第五十七条; for the others the longest that the guide allows.
const LINK_LEGAL_DAYS: u16 = 15;
/// 市场主体登记管理条例 第十九条.
const LICENCE_LEGAL_DAYS: u16 = 3;
/// Working days that the filer is asked to answer in. No law sets them; nothing lapses with them.
const REMEDY_DAYS: u16 = 15;

/// One of the links (环节).
pub struct Link {
    /// The step.
    pub step: &'static str,
    /// The office's function.
    pub office: &'static str,
    /// What people call it.
    pub title: (&'static str, &'static str),
}

/// In the order of the plan.
pub const LINKS: [Link; 6] = [
    Link {
        step: LICENCE,
        office: "market-regulation",
        title: ("设立登记", "Registration of the company"),
    },
    Link {
        step: "seal",
        office: "public-security",
        title: ("公章刻制备案", "Filing of the seals"),
    },
    Link {
        step: "tax",
        office: "tax",
        title: ("税务信息确认与发票申领", "Tax confirmation and invoices"),
    },
    Link {
        step: "social",
        office: "social-insurance",
        title: ("社会保险登记", "Registration with social insurance"),
    },
    Link {
        step: "fund",
        office: "housing-fund",
        title: ("住房公积金缴存登记", "Registration with the housing fund"),
    },
    Link {
        step: "bank",
        office: "bank",
        title: ("银行预约开户", "Bank account"),
    },
];

/// The link whose step this is.
pub fn link(step: &str) -> Option<&'static Link> {
    LINKS.iter().find(|link| link.step == step)
}

/// The link that a step of the filer resumes.
pub fn resumed_by(step: &str) -> Option<&'static Link> {
    LINKS.iter().find(|link| link.is_resumed_by(step))
}

impl Link {
    /// The office's own form.
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

    /// Whether the filer resumes this link, or gives it up, with that step.
    pub fn is_resumed_by(&self, step: &str) -> bool {
        let rest = step
            .strip_prefix(self.step)
            .and_then(|rest| rest.strip_prefix(REMEDY));
        rest.is_some()
    }

    /// The filer's step after a refusal: explain, or give the link up. `before` such steps of this
    /// link are in the plan already.
    pub fn remedy(&self, region: &str, before: usize) -> Step {
        let id = match before {
            0 => format!("{}{REMEDY}", self.step),
            more => format!("{}{REMEDY}-{}", self.step, more + 1),
        };
        let (zh, en) = self.title;
        let filer = Office {
            function: "filer".to_owned(),
            region: region.to_owned(),
        };
        Step {
            role: "filer".to_owned(),
            legal_limit: TimeLimit::WorkingDays(REMEDY_DAYS),
            promised_limit: TimeLimit::WorkingDays(REMEDY_DAYS),
            payload_schema: Some(remedy_schema().to_string()),
            ..step(
                &id,
                filer,
                text(
                    format!("{zh}：补充说明或者放弃"),
                    format!("{en}: explain, or give it up"),
                ),
                Phase::Examination,
            )
        }
    }

    fn reads(&self) -> Vec<String> {
        let elements = self.form().map(FormRule::elements).unwrap_or_default();
        elements.into_iter().map(str::to_owned).collect()
    }
}

/// The steps for a submission.
pub fn plan(case: &Submitted<'_, Answers>) -> Vec<Step> {
    let region = case.submission.region.as_str();
    let wanted = |link: &&Link| link.step != "bank" || case.answers.bank_account == Some(true);
    let [licence, ..] = &LINKS;
    let check = Step {
        lead: true,
        legal_limit: TimeLimit::WorkingDays(LICENCE_LEGAL_DAYS),
        reads: licence.reads(),
        ..step(
            LICENCE_CHECK,
            licence.office_in(region),
            text("设立登记形式审查", "Check of the registration"),
            Phase::Acceptance,
        )
    };
    let links = LINKS
        .iter()
        .filter(wanted)
        .map(|link| examination(link, region));
    std::iter::once(check).chain(links).collect()
}

fn examination(link: &Link, region: &str) -> Step {
    let (zh, en) = link.title;
    let is_licence = link.step == LICENCE;
    Step {
        after: (!is_licence)
            .then(|| LICENCE.to_owned())
            .into_iter()
            .collect(),
        legal_limit: TimeLimit::WorkingDays(if is_licence {
            LICENCE_LEGAL_DAYS
        } else {
            LINK_LEGAL_DAYS
        }),
        reads: link.reads(),
        payload_schema: payload_schema(link.step, region).map(|schema| schema.to_string()),
        ..step(
            link.step,
            link.office_in(region),
            text(zh, en),
            Phase::Examination,
        )
    }
}

fn step(id: &str, office: Office, title: onething_sdk::contract::Text, phase: Phase) -> Step {
    Step {
        id: id.to_owned(),
        office,
        role: "reviewer".to_owned(),
        title,
        lead: false,
        after: Vec::new(),
        effective_after: Vec::new(),
        legal_limit: TimeLimit::WorkingDays(Answers::MATTER.legal_days),
        promised_limit: TimeLimit::WorkingDays(Answers::MATTER.promised_days),
        mode: StepMode::Manual,
        phase,
        reads: Vec::new(),
        payload_schema: None,
    }
}

/// What an approval carries into the forms.
fn payload_schema(step: &str, region: &str) -> Option<Json> {
    let words = json!({"type": "string", "minLength": 1, "maxLength": 100});
    let properties = match step {
        LICENCE => json!({
            // GB 32100: 9 the market regulation office, 1 an enterprise, then who registered it.
            // A code of another region or a wrong check character is no approval at all.
            "uscc": {"type": "string", "format": "uscc", "pattern": format!("^91{region}")},
            "licence_no": words,
            "established_on": {"type": "string", "format": "date"},
        }),
        "seal" => json!({"record_no": words}),
        "tax" => {
            json!({"tax_office": words, "invoice_quota": {"type": "string", "format": "money"}})
        }
        "social" => json!({"insurance_no": words}),
        "fund" => json!({"account_no": words}),
        "bank" => json!({"account": {"type": "string", "pattern": "^[0-9]{8,32}$"}}),
        _ => return None,
    };
    let required: Vec<&String> = properties.as_object()?.keys().collect();
    Some(json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    }))
}

/// Either an explanation, with the details that are put right, or `give_up`.
fn remedy_schema() -> Json {
    let words = |max: u32| json!({"type": "string", "minLength": 1, "maxLength": max});
    json!({
        "type": "object",
        "properties": {
            "explanation": words(500),
            "corrected": {
                "type": "array",
                "maxItems": 50,
                "items": {
                    "type": "object",
                    "properties": {"item": words(50), "value": words(200)},
                    "required": ["item", "value"],
                    "additionalProperties": false,
                },
            },
            "give_up": {"const": true},
        },
        "oneOf": [{"required": ["explanation"]}, {"required": ["give_up"]}],
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests;
