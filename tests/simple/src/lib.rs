//! A small matter that makes the host do everything once: an acceptance, four offices at once, a
//! final look that may send back, a public notice, a deferred material, a unique key, money that is
//! reserved, paid and returned, seals, deliveries and notices. The element `simple-life` chooses.
//!
//! It traps where a decision's opinion is [`rules::TRAP`]: a bundle that fails on one event for good.

mod plan;
mod respond;
pub mod rules;

onething_sdk::forms!();

use answers::{Answers, SimpleLife};
use onething_sdk::contract::{Directive, Event, Step, WhenShort};
use onething_sdk::form::Form;
use onething_sdk::{Assessing, Case, Matter, Submitted, materials};
use rules::{BUDGET, WITH_PROOF};

/// The matter.
pub struct Simple;

impl Matter for Simple {
    type Answers = Answers;

    fn assess(case: &Submitted<'_, Answers>, out: &mut Assessing) {
        let answers = case.answers;
        let life = answers.simple_life;
        out.scenario = match life {
            Some(SimpleLife::Instant) => "instant",
            _ => "ordinary",
        }
        .to_owned();
        let asks = answers
            .simple_remark
            .as_deref()
            .is_some_and(|remark| remark.starts_with(WITH_PROOF));
        let required: &[&str] = if asks { &["proof"] } else { &[] };
        materials::check(&Answers::MATTER, case.submission, case.facts, required, out);
        if let Some(id) = &answers.aac002 {
            out.unique(format!("simple/{}", id.as_str()));
        }
        let when_short = match life {
            Some(SimpleLife::Paid) => WhenShort::Refuse,
            Some(SimpleLife::Line) => WhenShort::Wait,
            _ => return,
        };
        if let Some(amount) = &answers.simple_amount {
            out.reserve(BUDGET, amount.amount(), when_short);
        }
    }

    fn plan(case: &Submitted<'_, Answers>, _scenario: &str) -> Vec<Step> {
        plan::plan(case)
    }

    fn respond(case: &Case<'_, Answers>, event: &Event) -> Vec<Directive> {
        respond::respond(case, event)
    }
}

onething_sdk::export!(Simple);
