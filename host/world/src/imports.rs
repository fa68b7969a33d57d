//! The imports of a bundle, one `wit/` interface after another: what each grants, refuses and
//! counts. Effects are noted, not done; the facts are somebody else's. A fault ends the pass.

use crate::output::check_object;
use crate::{Fault, World};
use onething_contract::manifest::covers;
use onething_contract::{
    Document, Effect, Entry, Found, Intent, Json, Level, Lookup, LookupFailure, Office, Parameter,
    Payment, PaymentOrder, Recipient, Refusal, ReservationStatus, SealOwner, Text, Ticket,
};
use rust_decimal::Decimal;
use std::sync::Arc;

/// `intake`.
impl World {
    /// The answers of the current round.
    ///
    /// # Errors
    /// Too many calls or bytes, as every import.
    pub fn answers(&mut self) -> Result<Arc<str>, Fault> {
        self.called(1, &())?;
        let answers = Arc::clone(&self.given.inputs.answers);
        self.count_input(answers.len())?;
        Ok(answers)
    }
}

/// `registers` and `parameters`.
impl World {
    /// One answer a key.
    ///
    /// # Errors
    /// Too many calls or bytes.
    pub fn lookup(
        &mut self,
        register: &str,
        keys: Vec<String>,
    ) -> Result<Result<Vec<Option<Entry>>, LookupFailure>, Fault> {
        self.called(1 + keys.len(), &(register, &keys))?;
        if !self.granted.registers.iter().any(|name| name == register) {
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
            match self.look_up(lookup)? {
                Some(Found::Entry(entry)) => entries.push(entry),
                Some(Found::Unavailable(refusal)) => {
                    failure.get_or_insert(LookupFailure::Unavailable(refusal));
                }
                Some(Found::Parameter(_) | Found::Names(_)) => {
                    return Err(mismatched("a register"));
                }
                None => failure = Some(LookupFailure::Pending),
            }
        }
        Ok(failure.map_or(Ok(entries), Err))
    }

    /// The parameter's value in force on a date.
    ///
    /// # Errors
    /// Too many calls or bytes.
    pub fn in_force(
        &mut self,
        name: String,
        on: String,
    ) -> Result<Result<Option<Parameter>, LookupFailure>, Fault> {
        self.called(2, &(&name, &on))?;
        let lookup = Lookup::Parameter { name, on };
        if !self.granted.allows(&lookup) {
            return Ok(Err(LookupFailure::NotGranted(refused(Reason::NotGranted))));
        }
        match self.look_up(lookup)? {
            Some(Found::Parameter(parameter)) => Ok(Ok(parameter)),
            Some(Found::Unavailable(refusal)) => Ok(Err(LookupFailure::Unavailable(refusal))),
            Some(Found::Entry(_) | Found::Names(_)) => Err(mismatched("a parameter")),
            None => Ok(Err(LookupFailure::Pending)),
        }
    }

    /// The names of a family of parameters.
    ///
    /// # Errors
    /// Too many calls or bytes.
    pub fn family(
        &mut self,
        name: String,
        on: String,
    ) -> Result<Result<Vec<String>, LookupFailure>, Fault> {
        self.called(2, &(&name, &on))?;
        let lookup = Lookup::Family { name, on };
        if !self.granted.allows(&lookup) {
            return Ok(Err(LookupFailure::NotGranted(refused(Reason::NotGranted))));
        }
        match self.look_up(lookup)? {
            Some(Found::Names(names)) => Ok(Ok(names)),
            Some(Found::Unavailable(refusal)) => Ok(Err(LookupFailure::Unavailable(refusal))),
            Some(Found::Entry(_) | Found::Parameter(_)) => Err(mismatched("a family")),
            None => Ok(Err(LookupFailure::Pending)),
        }
    }
}

fn mismatched(asked: &str) -> Fault {
    Fault::Host {
        message: format!("the facts answer a lookup of {asked} with something else"),
    }
}

/// `seals`, `notices`, `deliveries` and `payments`: only for a case that is acted on.
impl World {
    /// `seals.affix`.
    ///
    /// # Errors
    /// Too many calls or bytes.
    pub fn affix(
        &mut self,
        owner: SealOwner,
        documents: Vec<Document>,
        after: Vec<Ticket>,
    ) -> Result<Result<Ticket, Refusal>, Fault> {
        self.called(1, &(&owner, &documents, &after))?;
        let seal = match &owner {
            SealOwner::Unit => "unit",
            SealOwner::Office(office) => &office.function,
        };
        let granted = self.granted.seals.iter().any(|granted| granted == seal);
        let known = documents.iter().all(|document| match document {
            Document::Form(form) => self.granted.forms.contains(form),
            Document::Decision(step) => self.has_decision(step),
        });
        Ok(self
            .may_act(granted, known, &after)
            .map(|()| self.promise(Effect::Seal { owner, documents }, after)))
    }

    /// `notices.send`.
    ///
    /// # Errors
    /// Too many calls or bytes; values that are no JSON object.
    pub fn send(
        &mut self,
        to: Recipient,
        template: String,
        values: Json,
        after: Vec<Ticket>,
    ) -> Result<Result<Ticket, Refusal>, Fault> {
        self.called(1, &(&to, &template, &values, &after))?;
        check_object("notice.values", &values)?;
        let granted = self.granted.templates.contains(&template);
        let effect = Effect::Notice {
            to,
            template,
            values,
        };
        Ok(self
            .may_act(granted, true, &after)
            .map(|()| self.promise(effect, after)))
    }

    /// `deliveries.push`.
    ///
    /// # Errors
    /// Too many calls or bytes.
    pub fn push(
        &mut self,
        form: String,
        to: Office,
        after: Vec<Ticket>,
    ) -> Result<Result<Ticket, Refusal>, Fault> {
        self.called(1, &(&form, &to, &after))?;
        let granted = self.granted.deliveries.contains(&to.function);
        let known = self.granted.forms.contains(&form);
        Ok(self
            .may_act(granted, known, &after)
            .map(|()| self.promise(Effect::Delivery { form, to }, after)))
    }

    /// `payments.pay`.
    ///
    /// # Errors
    /// Too many calls or bytes.
    pub fn pay(
        &mut self,
        order: PaymentOrder,
        after: Vec<Ticket>,
    ) -> Result<Result<Ticket, Refusal>, Fault> {
        self.called(1, &(&order, &after))?;
        Ok(self.may_pay(&order, &after).map(|()| {
            let effect = Effect::Payment(order);
            self.promise(effect, after)
        }))
    }

    /// `payments.release`.
    ///
    /// # Errors
    /// Too many calls or bytes.
    pub fn release(&mut self, budget: String) -> Result<Result<Ticket, Refusal>, Fault> {
        self.called(1, &budget)?;
        let granted = covered(&self.granted.payments, &budget);
        Ok(self
            .may_act(granted, true, &[])
            .map(|()| self.promise(Effect::Release { budget }, Vec::new())))
    }

    /// Asks for an effect that was asked for elsewhere, under the same rules.
    ///
    /// # Errors
    /// Too many calls or bytes.
    pub fn repeat(&mut self, intent: Intent) -> Result<Result<Ticket, Refusal>, Fault> {
        let after = intent.after;
        match intent.effect {
            Effect::Seal { owner, documents } => self.affix(owner, documents, after),
            Effect::Notice {
                to,
                template,
                values,
            } => self.send(to, template, values, after),
            Effect::Delivery { form, to } => self.push(form, to, after),
            Effect::Payment(order) => self.pay(order, after),
            Effect::Release { budget } => self.release(budget),
        }
    }

    fn has_decision(&self, step: &str) -> bool {
        let acting = self.given.acting.as_ref();
        acting.is_some_and(|acting| acting.decided.iter().any(|decided| decided == step))
    }

    fn may_pay(&self, order: &PaymentOrder, after: &[Ticket]) -> Result<(), Refusal> {
        let granted = covered(&self.granted.payments, &order.budget);
        self.may_act(granted, true, after)?;
        match total(&order.lines) {
            Some(total) if total <= self.reserved_left(&order.budget) => Ok(()),
            _ => Err(refused(Reason::NotReserved)),
        }
    }

    /// What the case can still pay of a budget, after the orders of this pass.
    fn reserved_left(&self, budget: &str) -> Decimal {
        let held = self.given.acting.as_ref().and_then(|acting| {
            let mut reservations = acting.reservations.iter();
            reservations
                .find(|held| held.budget == budget && held.status == ReservationStatus::Reserved)
        });
        let held: Option<Decimal> = held.and_then(|held| held.left.parse().ok());
        let intents = self.left.intents.iter();
        let ordered = intents.filter_map(|intent| match &intent.effect {
            Effect::Payment(order) if order.budget == budget => total(&order.lines),
            _ => None,
        });
        held.unwrap_or_default() - ordered.sum::<Decimal>()
    }

    /// What every effect must pass, the most general reason first.
    fn may_act(&self, granted: bool, known: bool, after: &[Ticket]) -> Result<(), Refusal> {
        let Some(acting) = &self.given.acting else {
            return Err(refused(Reason::NotHere));
        };
        let intents = &self.left.intents;
        let issued = |ticket: &Ticket| {
            intents.iter().any(|intent| intent.ticket == *ticket) || acting.tickets.contains(ticket)
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
}

/// `clock` and `log`.
impl World {
    /// When the event at hand happened.
    ///
    /// # Errors
    /// Too many calls.
    pub fn now(&mut self) -> Result<String, Fault> {
        self.called(1, &())?;
        Ok(self.given.inputs.now.clone())
    }

    /// Its day.
    ///
    /// # Errors
    /// Too many calls.
    pub fn today(&mut self) -> Result<String, Fault> {
        self.called(1, &())?;
        let now = &self.given.inputs.now;
        // The time carries China's offset, so its date is the date in China.
        let today = now.split_once('T').map_or(now.as_str(), |(date, _)| date);
        Ok(today.to_owned())
    }

    /// A line for operators.
    ///
    /// # Errors
    /// Too many calls or bytes.
    pub fn log(&mut self, level: Level, message: String) -> Result<(), Fault> {
        self.called(1, &message)?;
        self.keep_line(level, message);
        Ok(())
    }
}

/// By a grant of the name itself or of its family.
fn covered(grants: &[String], name: &str) -> bool {
    grants.iter().any(|grant| covers(grant, name))
}

/// `None` where a line's amount is none.
fn total(lines: &[Payment]) -> Option<Decimal> {
    lines.iter().try_fold(Decimal::ZERO, |sum, line| {
        let amount: Decimal = line.amount.parse().ok()?;
        sum.checked_add(amount).filter(|_| amount > Decimal::ZERO)
    })
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
