//! Policy redemption (产业政策兑现): policies are parameters that are published without touching this
//! code. Here is how they are checked when published, which enterprises they are for, what they come
//! to, who decides, and how the money gets to the enterprise.
//!
//! It knows no host: every function is one of its arguments and of what the contract's imports say.

mod assess;
pub mod check;
pub mod fields;
pub mod matching;
#[cfg(test)]
mod notes;
mod plan;
pub mod policy;
mod publication;
pub mod range;
mod reach;
mod respond;
pub mod rules;
#[cfg(test)]
mod testing;

onething_sdk::forms!();

use answers::Answers;
use chrono::NaiveDate;
use onething_sdk::contract::{Directive, Event, Finding, Offer, Step, Subject};
use onething_sdk::form::Json;
use onething_sdk::{Assessing, Case, Facts, Matter, Outreach, Publication, Submitted};

/// The matter.
pub struct PolicyRedemption;

impl Matter for PolicyRedemption {
    type Answers = Answers;

    fn assess(case: &Submitted<'_, Answers>, out: &mut Assessing) {
        assess::assess(case, out);
    }

    fn plan(case: &Submitted<'_, Answers>, scenario: &str) -> Vec<Step> {
        plan::plan(case, scenario)
    }

    fn respond(case: &Case<'_, Answers>, event: &Event) -> Vec<Directive> {
        respond::respond(case, event)
    }
}

impl Outreach for PolicyRedemption {
    fn reach(subjects: &[Subject], codes: &[String], facts: &Facts<'_>) -> Vec<Offer> {
        reach::reach(subjects, codes, facts)
    }
}

impl Publication for PolicyRedemption {
    fn check(
        name: &str,
        value: &Json,
        since: NaiveDate,
        until: Option<NaiveDate>,
        facts: &Facts<'_>,
    ) -> Vec<Finding> {
        publication::check(name, value, since, until, facts)
    }
}

onething_sdk::export!(PolicyRedemption);
onething_sdk::export_outreach!(PolicyRedemption);
onething_sdk::export_publication!(PolicyRedemption);
