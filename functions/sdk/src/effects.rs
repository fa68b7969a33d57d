//! Effects that a response asks for. The manifest must ask for the grants: a refusal here is a
//! mistake of the bundle's and traps, but for a payment, which may be more than the case holds.

use crate::bindings::onething::matter::{deliveries, notices, payments, seals};
use crate::contract::{Office, Refusal, Subject, Ticket};
use crate::values::Json;

pub use payments::{Order, Payment};
pub use seals::{Document, Owner};

/// Seals documents as of the event at hand.
pub fn seal(owner: Owner, documents: Vec<Document>, after: &[Ticket]) -> Ticket {
    granted(seals::affix(&seals::Request {
        seal: owner,
        documents,
        after: after.to_vec(),
    }))
}

/// Pushes a form to the agency that owns it.
pub fn deliver(form: &str, to: &Office, after: &[Ticket]) -> Ticket {
    granted(deliveries::push(form, to, after))
}

/// Pays out of what the case reserved.
///
/// # Errors
/// `not-reserved`: it asks for more than the case holds.
pub fn pay(order: &Order) -> Result<Ticket, Refusal> {
    payments::pay(order)
}

/// Gives back what is reserved and not paid.
pub fn release(budget: &str) -> Ticket {
    granted(payments::release(budget))
}

/// Tells an office.
pub fn notify_office(to: &Office, template: &str, values: &Json, after: &[Ticket]) -> Ticket {
    granted(notices::send(&notices::Notice {
        to: notices::Recipient::Office(to.clone()),
        template: template.to_owned(),
        values: values.to_string(),
        after: after.to_vec(),
    }))
}

/// Tells a person or a unit.
pub fn notify(to: &Subject, template: &str, values: &Json, after: &[Ticket]) -> Ticket {
    granted(notices::send(&notices::Notice {
        to: notices::Recipient::Subject(to.clone()),
        template: template.to_owned(),
        values: values.to_string(),
        after: after.to_vec(),
    }))
}

#[expect(
    clippy::panic,
    reason = "a bundle that asks for what its manifest does not is broken, and a fault says so"
)]
fn granted(ticket: Result<Ticket, Refusal>) -> Ticket {
    ticket.unwrap_or_else(|refusal| panic!("{}: {}", refusal.code, refusal.message.en))
}
