//! Enterprise start-up (企业开办“一件事”): five offices' links and, where it is wanted, the bank's
//! become one submission that counts once every shareholder has signed. What the matter is, is data
//! (`matter.toml`, `forms/`); scope entries, name rules and rates are parameters; here is what must
//! be true, who decides, and what follows.
//!
//! It knows no host: every function is one of its arguments and of what the contract's imports say.

mod assess;
#[cfg(test)]
mod notes;
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
pub struct EnterpriseStartup;

impl Matter for EnterpriseStartup {
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

onething_sdk::export!(EnterpriseStartup);
