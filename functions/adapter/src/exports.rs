//! The adapter's exports, one `wit/` interface after another. What each answers, refuses and counts
//! is said in `onething-world`.

use crate::bindings::exports::onething::function::control;
use crate::bindings::exports::onething::matter::{
    clock, deliveries, intake, log, notices, outreach, parameters, payments, publication,
    registers, seals,
};
use crate::bindings::onething::function::about;
use crate::pass::{Pass, Told};
use onething_contract::{
    Entry, Finding, Level, LookupFailure, Offer, Office, Parameter, PaymentOrder, Refusal, Subject,
    Ticket,
};
use onething_world::{Acting, Fault, World};
use std::cell::RefCell;

thread_local! {
    /// The call at hand; none before the first and between two.
    static PASS: RefCell<Option<Pass>> = const { RefCell::new(None) };
}

struct Adapter;

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "the component ABI")]
mod exported {
    use super::Adapter;
    crate::bindings::export!(Adapter with_types_in crate::bindings);
}

/// What the world answers; `None` once a limit was passed.
fn ask<T>(question: impl FnOnce(&mut World) -> Result<T, Fault>) -> Option<T> {
    PASS.with_borrow_mut(|pass| pass.as_mut()?.ask(question))
}

/// Of an effect. Whoever passed a limit is told no refusal, for which bundles trap.
fn effect(
    question: impl FnOnce(&mut World) -> Result<Result<Ticket, Refusal>, Fault>,
) -> Result<Ticket, Refusal> {
    ask(question).unwrap_or_else(|| Ok(Ticket::new()))
}

/// Of a lookup. Bundles go on without what is pending.
fn look_up<T>(
    question: impl FnOnce(&mut World) -> Result<Result<T, LookupFailure>, Fault>,
) -> Result<T, LookupFailure> {
    ask(question).unwrap_or(Err(LookupFailure::Pending))
}

impl control::Guest for Adapter {
    fn begin(given: control::Given) {
        let told = Told {
            answers: given.answers,
            now: given.now,
            ticket_prefix: given.ticket_prefix,
            known: given.known,
            acting: given.acting.as_ref().map(Acting::from),
            argument_bytes: usize::try_from(given.argument_bytes).unwrap_or(usize::MAX),
        };
        PASS.set(Some(Pass::new(&about::granted(), told)));
    }

    fn end(output: Result<String, String>, output_bytes: u64) -> String {
        let bytes = usize::try_from(output_bytes).unwrap_or(usize::MAX);
        let pass = PASS.take();
        pass.map_or_else(String::new, |pass| pass.end(about::digest(), output, bytes))
    }
}

impl intake::Guest for Adapter {
    fn answers() -> String {
        ask(World::answers).map_or_else(|| "{}".to_owned(), |answers| answers.as_ref().to_owned())
    }
}

impl registers::Guest for Adapter {
    fn lookup(register: String, keys: Vec<String>) -> Result<Vec<Option<Entry>>, LookupFailure> {
        look_up(|world| world.lookup(&register, keys))
    }
}

impl parameters::Guest for Adapter {
    fn in_force(name: String, on: String) -> Result<Option<Parameter>, LookupFailure> {
        look_up(|world| world.in_force(name, on))
    }

    fn family(name: String, on: String) -> Result<Vec<String>, LookupFailure> {
        look_up(|world| world.family(name, on))
    }
}

impl seals::Guest for Adapter {
    fn affix(request: seals::Request) -> Result<Ticket, Refusal> {
        effect(|world| world.affix(request.seal, request.documents, request.after))
    }
}

impl notices::Guest for Adapter {
    fn send(notice: notices::Notice) -> Result<Ticket, Refusal> {
        effect(|world| world.send(notice.to, notice.template, notice.values, notice.after))
    }
}

impl deliveries::Guest for Adapter {
    fn push(form: String, to: Office, after: Vec<Ticket>) -> Result<Ticket, Refusal> {
        effect(|world| world.push(form, to, after))
    }
}

impl payments::Guest for Adapter {
    fn pay(order: payments::Order) -> Result<Ticket, Refusal> {
        let after = order.after;
        let order = PaymentOrder {
            budget: order.budget,
            category: order.category,
            execute_on: order.execute_on,
            lines: order.lines,
        };
        effect(|world| world.pay(order, after))
    }

    fn release(budget: String) -> Result<Ticket, Refusal> {
        effect(|world| world.release(budget))
    }
}

impl clock::Guest for Adapter {
    fn now() -> String {
        ask(World::now).unwrap_or_default()
    }

    fn today() -> String {
        ask(World::today).unwrap_or_default()
    }
}

impl log::Guest for Adapter {
    fn write(level: Level, message: String) {
        ask(|world| world.log(level, message));
    }
}

impl outreach::Guest for Adapter {
    fn reach(_: Vec<Subject>, _: Vec<String>, _: String) -> Vec<Offer> {
        Vec::new()
    }
}

impl publication::Guest for Adapter {
    fn check(_: String, _: String, _: String, _: Option<String>) -> Vec<Finding> {
        Vec::new()
    }
}
