//! Payroll disbursement (工资统发“一件事”): one roster a month, four agencies' papers, one
//! submission under one seal. What the matter is, is data (`matter.toml`, `forms/`); rates, brackets,
//! pay days and accounts are parameters; here is how a line is computed, what must be true, who
//! decides, and how the money goes out and comes back.
//!
//! A roster may have ten thousand lines: it is computed once, into derived tables that everything
//! else starts from.

mod assess;
#[cfg(test)]
mod notes;
mod payment;
mod plan;
mod respond;
pub mod rules;
#[cfg(test)]
mod testing;

onething_sdk::forms!();

use answers::Answers;
use onething_sdk::contract::{Directive, Event, Step};
use onething_sdk::{Assessing, Case, Matter, Submitted};

/// The matter.
pub struct Payroll;

impl Matter for Payroll {
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

onething_sdk::export!(Payroll);
