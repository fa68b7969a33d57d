//! What follows by itself from a command: the bundle answers, budgets have the money or not, effects
//! come out, the bank speaks, public notices end.

use crate::error::{Error, TURNS_MAX};
use crate::run::{Case, Run};
use crate::transcript::{self, Told};
use chrono::{DateTime, FixedOffset};
use onething_capabilities::{BankAnswer, notice_over};
use onething_case::{Command, EffectRecord, ReservationRecord, State, decide};
use onething_contract::{Effect, Json, PaymentOrder, Refusal, Settlement};
use onething_engine::{drive, stamp};
use rust_decimal::Decimal;
use serde_json::json;
use std::collections::BTreeMap;

/// A budget does not have what a case needs at once.
pub(crate) const SHORT: &str = "budget-short";

impl Run<'_> {
    /// Until all is quiet.
    pub fn follow(&mut self, at: &str) -> Result<(), Error> {
        for _ in 0..TURNS_MAX {
            let Some(case) = &mut self.case else {
                return Ok(());
            };
            if let Some(reaction) = case
                .drive
                .react(&case.events, &case.state, &mut case.past)?
            {
                case.take(reaction.events)?;
                let digest = case.state.digest.clone();
                if let Some(invoked) = reaction.invoked {
                    self.note(reaction.to, &invoked, &digest);
                }
            } else if let Some(budget) = self.can_reserve() {
                self.must(at, &Command::Reserve { budget })?;
            } else if let Some(settlement) = self.next_outcome() {
                self.must(at, &Command::Settle(settlement))?;
            } else {
                return Ok(());
            }
        }
        Err(Error::NeverQuiet)
    }

    /// Ends the public notices whose period is over by then, each at its own time.
    pub fn pass_time(
        &mut self,
        until: DateTime<FixedOffset>,
        told: &mut Told,
    ) -> Result<(), Error> {
        while let Some((due, step)) = self.next_notice().filter(|(due, _)| *due <= until) {
            self.command(&Command::NoticeOver { step }, &stamp(due), told)?;
        }
        Ok(())
    }

    fn next_notice(&self) -> Option<(DateTime<FixedOffset>, String)> {
        let state = &self.case.as_ref()?.state;
        let due = |notice: onething_case::RunningNotice<'_>| {
            let opened_at = DateTime::parse_from_rfc3339(notice.opened_at).ok()?;
            let region = &state.submission.region;
            let days = notice.notice.days;
            let due = notice_over(&self.suite.parameters, region, opened_at, days)?;
            Some((due, notice.step.step.id.clone()))
        };
        state
            .notices()
            .filter(|notice| !notice.objected)
            .filter_map(due)
            .min()
    }

    /// The bank answers every payment that is out.
    pub fn bank(
        &mut self,
        returned: &BTreeMap<String, String>,
        at: &str,
        told: &mut Told,
    ) -> Result<(), Error> {
        let case = self.case.as_ref().ok_or(Error::NoCase)?;
        let out: Vec<(String, PaymentOrder)> = case
            .state
            .effects
            .iter()
            .filter(|effect| case.is_next(effect))
            .filter_map(|effect| match &effect.intent.effect {
                Effect::Payment(order) => Some((effect.intent.ticket.clone(), order.clone())),
                _ => None,
            })
            .collect();
        let no_line = |name: &&String| {
            let is_there =
                |order: &PaymentOrder| order.lines.iter().any(|line| line.line == **name);
            !out.iter().any(|(_, order)| is_there(order))
        };
        if out.is_empty() {
            let what = "any line".to_owned();
            return Err(Error::NotOut { what });
        }
        if let Some(line) = returned.keys().find(no_line) {
            let what = format!("the line `{line}`");
            return Err(Error::NotOut { what });
        }
        for (ticket, order) in &out {
            let settlement = Settlement {
                ticket: ticket.clone(),
                outcome: answered(order, returned),
            };
            self.must(at, &Command::Settle(settlement))?;
        }
        if let Some(case) = &self.case {
            let answered = case.state.effects.iter().filter(|effect| {
                let ticket = &effect.intent.ticket;
                out.iter().any(|(answered, _)| answered == ticket)
            });
            told.effects.extend(answered.map(transcript::effect));
        }
        self.follow(at)
    }

    /// Whether the case would hold more than there is.
    pub fn is_short(&self, state: &State) -> bool {
        let too_much = |record: &ReservationRecord| held(record) > self.all(record);
        state.reservations.iter().any(too_much)
    }

    fn all(&self, record: &ReservationRecord) -> Decimal {
        let all = self.money.get(&record.reservation.budget);
        all.copied().unwrap_or_default()
    }

    /// A budget that has the money now that the case waits for.
    fn can_reserve(&self) -> Option<String> {
        let mut waiting = self.case.as_ref()?.state.waiting();
        waiting
            .find(|record| record.amount <= self.all(record))
            .map(|record| record.reservation.budget.clone())
    }

    /// What the first effect comes to that can come out now.
    fn next_outcome(&self) -> Option<Settlement> {
        let case = self.case.as_ref()?;
        let given = &self.fixture.given;
        let waits = |effect: &EffectRecord| {
            given.bank_waits() && matches!(effect.intent.effect, Effect::Payment(_))
        };
        let refused =
            |effect: &EffectRecord| given.refuses(&transcript::effect_asked(&effect.intent.effect));
        let effect = case
            .state
            .effects
            .iter()
            .filter(|effect| case.is_next(effect))
            .find(|effect| !waits(effect) || refused(effect).is_some())?;
        let outcome = match (refused(effect), &effect.intent.effect) {
            (Some(refusal), _) => Err(refusal),
            (None, Effect::Payment(order)) => answered(order, &BTreeMap::new()),
            (None, Effect::Release { budget }) => Ok(released(&case.state, budget)),
            (None, Effect::Seal { .. } | Effect::Notice { .. } | Effect::Delivery { .. }) => {
                Ok("{}".to_owned())
            }
        };
        Some(Settlement {
            ticket: effect.intent.ticket.clone(),
            outcome,
        })
    }

    /// What the host itself asks is never refused.
    fn must(&mut self, at: &str, command: &Command) -> Result<(), Error> {
        let case = self.case.as_mut().ok_or(Error::NoCase)?;
        let events = decide(Some(&case.state), at, command).map_err(drive::Error::from)?;
        case.take(events)
    }
}

impl Case {
    /// Not carried out yet, and everything that it comes after is.
    fn is_next(&self, effect: &EffectRecord) -> bool {
        let settled = |ticket: &String| {
            let mut effects = self.state.effects.iter();
            effects.any(|effect| effect.intent.ticket == *ticket && effect.outcome.is_some())
        };
        effect.outcome.is_none() && effect.intent.after.iter().all(settled)
    }
}

/// What the case has of a budget: reserved, at the bank and paid.
fn held(record: &ReservationRecord) -> Decimal {
    record.reserved() + record.in_transit + record.paid
}

fn answered(order: &PaymentOrder, returned: &BTreeMap<String, String>) -> Result<Json, Refusal> {
    let answer = BankAnswer::returning(order, returned).of(order)?;
    Ok(answer.settlement)
}

fn released(state: &State, budget: &str) -> Json {
    let record = state.reservation(budget);
    let left = record.map_or(Decimal::ZERO, ReservationRecord::reserved);
    json!({ "released": format!("{left:.2}") }).to_string()
}
