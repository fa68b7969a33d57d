//! The imports of a bundle, one `wit/` interface after another: what each grants, refuses and
//! counts. Effects are noted, not done; the facts are somebody else's.

use crate::output::check_object;
use crate::run::{Level, json_bytes};
use crate::world::World;
use onething_contract::manifest::covers;
use onething_contract::{
    Document, Effect, Entry, Found, Json, Lookup, LookupFailure, Office, Parameter, Payment,
    PaymentOrder, Recipient, Refusal, ReservationStatus, SealOwner, Text, Ticket,
};
use rust_decimal::Decimal;
use serde::Serialize;
use std::sync::Arc;
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

type Context<'a> = StoreContextMut<'a, World>;

/// Puts the whole world behind a linker.
pub(crate) fn link(linker: &mut Linker<World>) -> wasmtime::Result<()> {
    linker
        .instance(INTAKE)?
        .func_wrap("answers", |mut context: Context, (): ()| {
            called(&mut context, 1, &())?;
            let world = context.data_mut();
            let answers = Arc::clone(&world.given.inputs.answers);
            world.count_input(answers.len())?;
            Ok((answers,))
        })?;

    linker.instance(REGISTERS)?.func_wrap(
        "lookup",
        |mut context: Context, (register, keys): (String, Vec<String>)| {
            called(&mut context, 1 + keys.len(), &(&register, &keys))?;
            Ok((read_register(context.data_mut(), &register, keys)?,))
        },
    )?;
    let mut parameters = linker.instance(PARAMETERS)?;
    parameters.func_wrap(
        "in-force",
        |mut context: Context, (name, on): (String, String)| {
            called(&mut context, 2, &(&name, &on))?;
            Ok((read_parameter(context.data_mut(), name, on)?,))
        },
    )?;
    parameters.func_wrap(
        "family",
        |mut context: Context, (name, on): (String, String)| {
            called(&mut context, 2, &(&name, &on))?;
            Ok((read_family(context.data_mut(), name, on)?,))
        },
    )?;

    linker.instance(SEALS)?.func_wrap(
        "affix",
        |mut context: Context, (request,): (SealRequest,)| {
            called(&mut context, 1, &request)?;
            Ok((affix(context.data_mut(), request),))
        },
    )?;
    linker
        .instance(NOTICES)?
        .func_wrap("send", |mut context: Context, (notice,): (Notice,)| {
            called(&mut context, 1, &notice)?;
            check_object("notice.values", &notice.values)?;
            Ok((send(context.data_mut(), notice),))
        })?;
    linker.instance(DELIVERIES)?.func_wrap(
        "push",
        |mut context: Context, (form, to, after): (String, Office, Vec<Ticket>)| {
            called(&mut context, 1, &(&form, &to, &after))?;
            Ok((push(context.data_mut(), form, to, after),))
        },
    )?;
    let mut payments = linker.instance(PAYMENTS)?;
    payments.func_wrap("pay", |mut context: Context, (order,): (Order,)| {
        called(&mut context, 1, &order)?;
        Ok((pay(context.data_mut(), order),))
    })?;
    payments.func_wrap("release", |mut context: Context, (budget,): (String,)| {
        called(&mut context, 1, &budget)?;
        Ok((release(context.data_mut(), budget),))
    })?;

    let mut clock = linker.instance(CLOCK)?;
    clock.func_wrap("now", |mut context: Context, (): ()| {
        called(&mut context, 1, &())?;
        Ok((context.data().given.inputs.now.clone(),))
    })?;
    clock.func_wrap("today", |mut context: Context, (): ()| {
        called(&mut context, 1, &())?;
        let now = &context.data().given.inputs.now;
        // The time carries China's offset, so its date is the date in China.
        let today = now.split_once('T').map_or(now.as_str(), |(date, _)| date);
        Ok((today.to_owned(),))
    })?;

    linker.instance(LOG)?.func_wrap(
        "write",
        |mut context: Context, (level, message): (Level, String)| {
            called(&mut context, 1, &message)?;
            context.data_mut().log(level, message);
            Ok(())
        },
    )?;

    // No functions live there; naming them lets a component import them for their types.
    linker.instance(IMPORTS[0])?;
    linker.instance(IMPORTS[1])?;
    Ok(())
}

/// Counts the call and what it carried out of the guest, and leaves the next one only what remains:
/// the host must not even copy more.
fn called(context: &mut Context, calls: usize, arguments: &impl Serialize) -> wasmtime::Result<()> {
    let world = context.data_mut();
    world.count_calls(calls)?;
    let left = world.count_output(json_bytes(arguments))?;
    context.set_hostcall_fuel(left);
    Ok(())
}

fn read_register(
    world: &mut World,
    register: &str,
    keys: Vec<String>,
) -> wasmtime::Result<Result<Vec<Option<Entry>>, LookupFailure>> {
    if !world
        .manifest
        .grants
        .registers
        .iter()
        .any(|grant| grant.name == register)
    {
        return Ok(Err(LookupFailure::NotGranted(refused(Reason::NotGranted))));
    }
    let mut entries = Vec::with_capacity(keys.len());
    let mut failure = None;
    // Every key is asked, also after a failure, so that all that is pending is fetched at once.
    for key in keys {
        let lookup = Lookup::Register {
            register: register.to_owned(),
            key,
        };
        match world.look_up(lookup)? {
            Some(Found::Entry(entry)) => entries.push(entry),
            Some(Found::Unavailable(refusal)) => {
                failure.get_or_insert(LookupFailure::Unavailable(refusal));
            }
            Some(Found::Parameter(_) | Found::Names(_)) => return Err(mismatched("a register")),
            None => failure = Some(LookupFailure::Pending),
        }
    }
    Ok(failure.map_or(Ok(entries), Err))
}

fn read_parameter(
    world: &mut World,
    name: String,
    on: String,
) -> wasmtime::Result<Result<Option<Parameter>, LookupFailure>> {
    if !granted(&world.manifest.grants.parameters, &name) {
        return Ok(Err(LookupFailure::NotGranted(refused(Reason::NotGranted))));
    }
    match world.look_up(Lookup::Parameter { name, on })? {
        Some(Found::Parameter(parameter)) => Ok(Ok(parameter)),
        Some(Found::Unavailable(refusal)) => Ok(Err(LookupFailure::Unavailable(refusal))),
        Some(Found::Entry(_) | Found::Names(_)) => Err(mismatched("a parameter")),
        None => Ok(Err(LookupFailure::Pending)),
    }
}

fn read_family(
    world: &mut World,
    name: String,
    on: String,
) -> wasmtime::Result<Result<Vec<String>, LookupFailure>> {
    let whole = format!("{name}/*");
    if !world.manifest.grants.parameters.contains(&whole) {
        return Ok(Err(LookupFailure::NotGranted(refused(Reason::NotGranted))));
    }
    match world.look_up(Lookup::Family { name, on })? {
        Some(Found::Names(names)) => Ok(Ok(names)),
        Some(Found::Unavailable(refusal)) => Ok(Err(LookupFailure::Unavailable(refusal))),
        Some(Found::Entry(_) | Found::Parameter(_)) => Err(mismatched("a family")),
        None => Ok(Err(LookupFailure::Pending)),
    }
}

/// By a grant of the name itself or of its family.
fn granted(grants: &[String], name: &str) -> bool {
    grants.iter().any(|grant| covers(grant, name))
}

fn mismatched(asked: &str) -> wasmtime::Error {
    crate::Fault::Host {
        message: format!("the facts answer a lookup of {asked} with something else"),
    }
    .into()
}

/// `seals.request`.
#[derive(ComponentType, Lift, Serialize)]
#[component(record)]
struct SealRequest {
    seal: SealOwner,
    documents: Vec<Document>,
    after: Vec<Ticket>,
}

fn affix(world: &mut World, request: SealRequest) -> Result<Ticket, Refusal> {
    let seals = &world.manifest.grants.seals;
    let seal = match &request.seal {
        SealOwner::Unit => "unit",
        SealOwner::Office(office) => &office.function,
    };
    let granted = seals.iter().any(|granted| granted == seal);
    let known = request.documents.iter().all(|document| match document {
        Document::Form(form) => has_form(world, form),
        Document::Decision(step) => has_decision(world, step),
    });
    may_act(world, granted, known, &request.after)?;
    let effect = Effect::Seal {
        owner: request.seal,
        documents: request.documents,
    };
    Ok(world.promise(effect, request.after))
}

/// `notices.notice`.
#[derive(ComponentType, Lift, Serialize)]
#[component(record)]
struct Notice {
    to: Recipient,
    template: String,
    values: Json,
    after: Vec<Ticket>,
}

fn send(world: &mut World, notice: Notice) -> Result<Ticket, Refusal> {
    let templates = &world.manifest.notices;
    let granted = templates
        .iter()
        .any(|template| template.code == notice.template);
    may_act(world, granted, true, &notice.after)?;
    let effect = Effect::Notice {
        to: notice.to,
        template: notice.template,
        values: notice.values,
    };
    Ok(world.promise(effect, notice.after))
}

fn push(
    world: &mut World,
    form: String,
    to: Office,
    after: Vec<Ticket>,
) -> Result<Ticket, Refusal> {
    let granted = world.manifest.grants.deliveries.contains(&to.function);
    let known = has_form(world, &form);
    may_act(world, granted, known, &after)?;
    Ok(world.promise(Effect::Delivery { form, to }, after))
}

/// `payments.order`.
#[derive(ComponentType, Lift, Serialize)]
#[component(record)]
struct Order {
    budget: String,
    category: String,
    #[component(name = "execute-on")]
    execute_on: String,
    lines: Vec<Payment>,
    after: Vec<Ticket>,
}

fn pay(world: &mut World, order: Order) -> Result<Ticket, Refusal> {
    let granted = granted(&world.manifest.grants.payments, &order.budget);
    may_act(world, granted, true, &order.after)?;
    let left = left(world, &order.budget);
    if total(&order.lines).is_none_or(|total| total > left) {
        return Err(refused(Reason::NotReserved));
    }
    let effect = Effect::Payment(PaymentOrder {
        budget: order.budget,
        category: order.category,
        execute_on: order.execute_on,
        lines: order.lines,
    });
    Ok(world.promise(effect, order.after))
}

/// `None` where a line's amount is none.
fn total(lines: &[Payment]) -> Option<Decimal> {
    lines.iter().try_fold(Decimal::ZERO, |sum, line| {
        let amount: Decimal = line.amount.parse().ok()?;
        sum.checked_add(amount).filter(|_| amount > Decimal::ZERO)
    })
}

/// What the case can still pay of a budget, after the orders of this pass.
fn left(world: &World, budget: &str) -> Decimal {
    let held = world.acts_on().and_then(|view| {
        view.reservations
            .iter()
            .find(|held| held.budget == budget && held.status == ReservationStatus::Reserved)
    });
    let held: Option<Decimal> = held.and_then(|held| held.left.parse().ok());
    let ordered = world
        .left
        .intents
        .iter()
        .filter_map(|intent| match &intent.effect {
            Effect::Payment(order) if order.budget == budget => total(&order.lines),
            _ => None,
        });
    held.unwrap_or_default() - ordered.sum::<Decimal>()
}

fn release(world: &mut World, budget: String) -> Result<Ticket, Refusal> {
    let granted = granted(&world.manifest.grants.payments, &budget);
    may_act(world, granted, true, &[])?;
    Ok(world.promise(Effect::Release { budget }, Vec::new()))
}

fn has_form(world: &World, name: &str) -> bool {
    world
        .manifest
        .source_forms
        .iter()
        .any(|form| form.name == name)
}

fn has_decision(world: &World, step: &str) -> bool {
    world
        .acts_on()
        .is_some_and(|view| view.decisions.iter().any(|decision| decision.step == step))
}

/// What every effect must pass, the most general reason first.
fn may_act(world: &World, granted: bool, known: bool, after: &[Ticket]) -> Result<(), Refusal> {
    let Some(view) = world.acts_on() else {
        return Err(refused(Reason::NotHere));
    };
    let issued = |ticket: &Ticket| {
        world
            .left
            .intents
            .iter()
            .any(|intent| intent.ticket == *ticket)
            || view.effects.iter().any(|effect| effect.ticket == *ticket)
    };
    if !granted {
        Err(refused(Reason::NotGranted))
    } else if !known {
        Err(refused(Reason::UnknownDocument))
    } else if !after.iter().all(issued) {
        Err(refused(Reason::UnknownTicket))
    } else {
        Ok(())
    }
}

enum Reason {
    NotGranted,
    NotHere,
    NotReserved,
    UnknownDocument,
    UnknownTicket,
}

fn refused(reason: Reason) -> Refusal {
    let (code, zh, en) = match reason {
        Reason::NotGranted => (
            "not-granted",
            "事项清单没有申请这项权限。",
            "The manifest does not ask for this.",
        ),
        Reason::NotHere => (
            "not-here",
            "只有 respond 可以发起用印、通知、推送和拨付。",
            "Only respond may seal, notify, deliver and pay.",
        ),
        Reason::NotReserved => (
            "not-reserved",
            "拨付金额超过本办件在该预算中预留的余额,或者金额不是正数。",
            "The order is more than the case holds of this budget, or an amount is not positive.",
        ),
        Reason::UnknownDocument => (
            "unknown-document",
            "没有这张原表单,或者该环节没有有效的意见。",
            "There is no such source form, or no standing decision of that step.",
        ),
        Reason::UnknownTicket => (
            "unknown-ticket",
            "该凭据不属于本办件。",
            "The ticket is not one of this case.",
        ),
    };
    Refusal {
        code: code.to_owned(),
        message: Text {
            zh: zh.to_owned(),
            en: en.to_owned(),
        },
        basis: None,
    }
}
