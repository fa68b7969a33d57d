//! Retirement (退休“一件事”) of civil servants and staff of public institutions: four agencies'
//! forms, one submission. What the matter is, is data (`matter.toml`, `forms/`); bases, rates and
//! tables are parameters; here is what must be true, who decides, and what follows.
//!
//! It knows no host: every function is one of its arguments and of what the contract's imports say.

mod assess;
mod outreach;
mod plan;
mod respond;
pub mod rules;
#[cfg(test)]
mod testing;

onething_sdk::forms!();

use answers::Answers;
use onething_sdk::contract::{Directive, Event, Offer, Step, Subject};
use onething_sdk::{Assessing, Case, Facts, Matter, Outreach, Submitted};

/// The matter.
pub struct Retirement;

impl Matter for Retirement {
    type Answers = Answers;

    fn assess(case: &Submitted<'_, Answers>, out: &mut Assessing) {
        assess::assess(case, out);
    }

    fn plan(case: &Submitted<'_, Answers>, _scenario: &str) -> Vec<Step> {
        plan::plan(case)
    }

    fn respond(case: &Case<'_, Answers>, event: &Event) -> Vec<Directive> {
        respond::respond(case, event)
    }
}

impl Outreach for Retirement {
    fn reach(subjects: &[Subject], _codes: &[String], facts: &Facts<'_>) -> Vec<Offer> {
        outreach::reach(subjects, facts)
    }
}

onething_sdk::export!(Retirement);
onething_sdk::export_outreach!(Retirement);
