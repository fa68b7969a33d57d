//! Puts a bundle's [`World`] behind wasmtime's linker, one `wit/` interface after another.

use crate::Fault;
use crate::state::State;
use onething_contract::{
    Document, Json, Level, Office, Payment, PaymentOrder, Recipient, SealOwner, Ticket,
};
use onething_world::World;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker};

/// The interfaces that a bundle may import: its whole world.
pub(crate) const IMPORTS: [&str; 11] = [
    "onething:matter/types@0.1.0",
    "onething:matter/proceedings@0.1.0",
    INTAKE,
    REGISTERS,
    PARAMETERS,
    SEALS,
    NOTICES,
    DELIVERIES,
    PAYMENTS,
    CLOCK,
    LOG,
];
const INTAKE: &str = "onething:matter/intake@0.1.0";
const REGISTERS: &str = "onething:matter/registers@0.1.0";
const PARAMETERS: &str = "onething:matter/parameters@0.1.0";
const SEALS: &str = "onething:matter/seals@0.1.0";
const NOTICES: &str = "onething:matter/notices@0.1.0";
const DELIVERIES: &str = "onething:matter/deliveries@0.1.0";
const PAYMENTS: &str = "onething:matter/payments@0.1.0";
const CLOCK: &str = "onething:matter/clock@0.1.0";
const LOG: &str = "onething:matter/log@0.1.0";

type Context<'a> = StoreContextMut<'a, State>;

/// Puts the whole world behind a linker.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker
        .instance(INTAKE)?
        .func_wrap("answers", |context: Context, (): ()| {
            ask(context, World::answers)
        })?;
    linker.instance(REGISTERS)?.func_wrap(
        "lookup",
        |context: Context, (register, keys): (String, Vec<String>)| {
            ask(context, |world| world.lookup(&register, keys))
        },
    )?;
    let mut parameters = linker.instance(PARAMETERS)?;
    parameters.func_wrap(
        "in-force",
        |context: Context, (name, on): (String, String)| {
            ask(context, |world| world.in_force(name, on))
        },
    )?;
    parameters.func_wrap(
        "family",
        |context: Context, (name, on): (String, String)| {
            ask(context, |world| world.family(name, on))
        },
    )?;

    linker.instance(SEALS)?.func_wrap(
        "affix",
        |context: Context, (request,): (SealRequest,)| {
            ask(context, |world| {
                world.affix(request.seal, request.documents, request.after)
            })
        },
    )?;
    linker
        .instance(NOTICES)?
        .func_wrap("send", |context: Context, (notice,): (Notice,)| {
            ask(context, |world| {
                world.send(notice.to, notice.template, notice.values, notice.after)
            })
        })?;
    linker.instance(DELIVERIES)?.func_wrap(
        "push",
        |context: Context, (form, to, after): (String, Office, Vec<Ticket>)| {
            ask(context, |world| world.push(form, to, after))
        },
    )?;
    let mut payments = linker.instance(PAYMENTS)?;
    payments.func_wrap("pay", |context: Context, (order,): (Order,)| {
        let (order, after) = order.split();
        ask(context, |world| world.pay(order, after))
    })?;
    payments.func_wrap("release", |context: Context, (budget,): (String,)| {
        ask(context, |world| world.release(budget))
    })?;

    let mut clock = linker.instance(CLOCK)?;
    clock.func_wrap("now", |context: Context, (): ()| ask(context, World::now))?;
    clock.func_wrap("today", |context: Context, (): ()| {
        ask(context, World::today)
    })?;
    linker.instance(LOG)?.func_wrap(
        "write",
        |context: Context, (level, message): (Level, String)| {
            let ((),) = ask(context, |world| world.log(level, message))?;
            Ok(())
        },
    )?;

    // No functions live there; naming them lets a component import them for their types.
    linker.instance(IMPORTS[0])?;
    linker.instance(IMPORTS[1])?;
    Ok(())
}

/// Asks the world, and leaves the next call only the bytes that remain: the host must not even copy
/// more.
fn ask<T>(
    mut context: Context,
    question: impl FnOnce(&mut World) -> Result<T, Fault>,
) -> wasmtime::Result<(T,)> {
    let world = &mut context.data_mut().world;
    let answer = question(world)?;
    let left = world.output_bytes_left();
    context.set_hostcall_fuel(left);
    Ok((answer,))
}

/// `seals.request`.
#[derive(ComponentType, Lift)]
#[component(record)]
struct SealRequest {
    seal: SealOwner,
    documents: Vec<Document>,
    after: Vec<Ticket>,
}

/// `notices.notice`.
#[derive(ComponentType, Lift)]
#[component(record)]
struct Notice {
    to: Recipient,
    template: String,
    values: Json,
    after: Vec<Ticket>,
}

/// `payments.order`.
#[derive(ComponentType, Lift)]
#[component(record)]
struct Order {
    budget: String,
    category: String,
    #[component(name = "execute-on")]
    execute_on: String,
    lines: Vec<Payment>,
    after: Vec<Ticket>,
}

impl Order {
    fn split(self) -> (PaymentOrder, Vec<Ticket>) {
        let order = PaymentOrder {
            budget: self.budget,
            category: self.category,
            execute_on: self.execute_on,
            lines: self.lines,
        };
        (order, self.after)
    }
}
