//! Why a command leads to no events. A refusal is an answer to whoever asked; a fault is the
//! bundle's; a turn is between workers.

use onething_contract::{Refusal, Ticket};

/// Why a command leads to no events. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The case does not allow it; the refusal says why and what to do.
    #[error("refused, {}: {}", .0.code, .0.message.en)]
    Refused(Refusal),
    /// The bundle said something that cannot be done. To be parked under [`Fault::name`].
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Reactions are serial: this event is not the next one to answer, or the case is parked.
    #[error("event {to} is not the next one to answer; that is {next:?}")]
    OutOfTurn {
        /// The event that was answered.
        to: u64,
        /// [`crate::State::next_reaction`].
        next: Option<u64>,
    },
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::Refused(refusal)
    }
}

/// What a bundle did wrong.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Its plan cannot be carried out.
    #[error("the plan cannot be carried out: {0}")]
    Plan(#[from] PlanError),
    /// `assessment.derived` is not a JSON object.
    #[error("the derived elements are not a JSON object")]
    Derived(#[source] serde_json::Error),
    /// `assessment.reservations` cannot be kept.
    #[error("the reservation of {budget} cannot be kept: {why}")]
    Reservation {
        /// The budget.
        budget: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A directive was not allowed even when the event that it answers happened.
    #[error("directive {nth} is refused, {}: {}", refusal.code, refusal.message.en)]
    Directive {
        /// Its place among the directives, from 1.
        nth: usize,
        /// Why.
        refusal: Refusal,
    },
    /// An effect under a ticket that the case already has.
    #[error("the ticket {0} is already promised in this case")]
    TicketTaken(Ticket),
    /// An effect that waits for one that nobody promised before it.
    #[error("the effect {ticket} comes after {after}, which is not promised before it")]
    TicketUnknown {
        /// The effect.
        ticket: Ticket,
        /// What it waits for.
        after: Ticket,
    },
    /// A payment or a release that the case's reservations do not cover.
    #[error("the effect {ticket} cannot be paid out of {budget}: {why}")]
    Money {
        /// The effect.
        ticket: Ticket,
        /// The budget.
        budget: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Fault {
    /// Kebab-case, for [`crate::Command::Park`].
    pub fn name(&self) -> &'static str {
        match self {
            Fault::Plan(_) => "bad-plan",
            Fault::Derived(_) | Fault::Reservation { .. } => "bad-assessment",
            Fault::Directive { .. } => "bad-directive",
            Fault::TicketTaken(_) | Fault::TicketUnknown { .. } | Fault::Money { .. } => {
                "bad-effect"
            }
        }
    }
}

/// Why a plan cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Two steps have one id, or a step has an empty one.
    #[error("the step id \"{step}\" is empty or used twice")]
    Id {
        /// The id.
        step: String,
    },
    /// A step refers to one that the plan does not have.
    #[error("step {step} names {names} under {list}, which the plan does not have")]
    Unknown {
        /// The step.
        step: String,
        /// What it refers to.
        names: String,
        /// `after` or `effective-after`.
        list: &'static str,
    },
    /// Steps wait for each other.
    #[error("these steps wait for each other under {list}: {}", steps.join(", "))]
    Cycle {
        /// The steps that would never come to their turn.
        steps: Vec<String>,
        /// `after` or `effective-after`.
        list: &'static str,
    },
    /// Acceptance comes before examination.
    #[error("the acceptance step {step} waits for {names}, an examination step")]
    Phase {
        /// The acceptance step.
        step: String,
        /// The examination step.
        names: String,
    },
    /// One step of a plan leads.
    #[error("{found} steps lead; a plan has exactly one lead")]
    Lead {
        /// How many do.
        found: usize,
    },
    /// A step without time.
    #[error("step {step} has a limit of 0")]
    Limit {
        /// The step.
        step: String,
    },
}

/// Why a list of events is no history of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Events are numbered 1, 2, 3 …
    #[error("the history has event {found} where event {expected} belongs")]
    Number {
        /// What belongs there.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// The first event, and only that, registers the case.
    #[error("event {n} registers the case; the first event does that, and no other")]
    Registration {
        /// The event.
        n: u64,
    },
    /// No events at all.
    #[error("the history is empty")]
    Empty,
}
