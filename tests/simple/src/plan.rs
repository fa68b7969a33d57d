//! The order of work. Knows no case.

use crate::answers::{Answers, SimpleLife};
use onething_sdk::Submitted;
use onething_sdk::contract::{Office, Phase, PublicNotice, Step, StepMode, TimeLimit};
use onething_sdk::serde_json::json;
use onething_sdk::values::text;

/// Whether everything is there.
pub const CHECK: &str = "check";
/// The offices that decide at once; each one's step has its name.
pub const OFFICES: [&str; 4] = ["north", "east", "south", "west"];
/// The look at what two of them said.
pub const FINAL: &str = "final";
/// The public notice.
pub const NOTICE: &str = "notice";
/// The rules decide.
pub const RULES: &str = "rules";
/// The step by which the applicant names another account, numbered from 1.
pub const ACCOUNT: &str = "account-";

const NOTICE_DAYS: u16 = 3;

/// The steps of a life.
pub fn plan(case: &Submitted<'_, Answers>) -> Vec<Step> {
    let region = case.submission.region.as_str();
    let life = case.answers.simple_life;
    if life == Some(SimpleLife::Instant) {
        return vec![Step {
            lead: true,
            mode: StepMode::Automatic,
            ..step(RULES, "intake", region)
        }];
    }
    let mut steps = vec![Step {
        lead: true,
        phase: Phase::Acceptance,
        ..step(CHECK, "intake", region)
    }];
    steps.extend(OFFICES.map(|office| Step {
        // The west may decide first, and may take it back until the south has decided.
        effective_after: if office == "west" {
            vec!["south".to_owned()]
        } else {
            Vec::new()
        },
        ..step(office, office, region)
    }));
    steps.push(Step {
        after: vec!["north".to_owned(), "east".to_owned()],
        ..step(FINAL, "intake", region)
    });
    if life == Some(SimpleLife::Notice) {
        steps.push(Step {
            after: vec![FINAL.to_owned()],
            mode: StepMode::PublicNotice(PublicNotice {
                text: text("现予公示", "Published"),
                days: NOTICE_DAYS,
            }),
            ..step(NOTICE, "intake", region)
        });
    }
    steps
}

/// The step by which the applicant names another account after so many payments.
pub fn account(region: &str, payments: usize) -> Step {
    let schema = json!({
        "type": "object",
        "properties": {"account": {"type": "string", "pattern": "^[0-9]{8,32}$"}},
        "required": ["account"],
        "additionalProperties": false,
    });
    Step {
        payload_schema: Some(schema.to_string()),
        ..step(&format!("{ACCOUNT}{payments}"), "filer", region)
    }
}

fn step(id: &str, office: &str, region: &str) -> Step {
    Step {
        id: id.to_owned(),
        office: Office {
            function: office.to_owned(),
            region: region.to_owned(),
        },
        role: "reviewer".to_owned(),
        title: text("审核", "Review"),
        lead: false,
        after: Vec::new(),
        effective_after: Vec::new(),
        legal_limit: TimeLimit::WorkingDays(15),
        promised_limit: TimeLimit::WorkingDays(5),
        mode: StepMode::Manual,
        phase: Phase::Examination,
        reads: vec!["simple-amount".to_owned()],
        payload_schema: None,
    }
}
