//! What a case holds of its budgets and what has become of it. The host keeps the books; this says
//! what must stand in them, and is the last word on what a bundle may pay.

use crate::decide::must_go_on;
use crate::decision::at_work;
use crate::draft::Draft;
use crate::error::Fault;
use crate::event::Event;
use crate::refusals;
use crate::state::{EffectRecord, State, Status};
use onething_contract::{
    Effect, Intent, Json, PaymentOrder, Refusal, Reservation, ReservationState, ReservationStatus,
    WhenShort, fen,
};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Yuan and fen.
const PLACES: u32 = 2;

/// A reservation and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationRecord {
    /// As the bundle asked for it.
    pub reservation: Reservation,
    /// In yuan.
    pub amount: Decimal,
    /// Where it stands.
    pub status: ReservationStatus,
    /// What orders that have no answer yet ask for.
    pub in_transit: Decimal,
    /// What banks have said is paid.
    pub paid: Decimal,
}

impl ReservationRecord {
    /// What the budget holds for the case besides what is in transit and paid.
    pub fn reserved(&self) -> Decimal {
        match self.status {
            ReservationStatus::Reserved => self.amount - self.in_transit - self.paid,
            ReservationStatus::Waiting | ReservationStatus::Released => Decimal::ZERO,
        }
    }

    pub(crate) fn state(&self) -> ReservationState {
        ReservationState {
            budget: self.reservation.budget.clone(),
            amount: self.reservation.amount.clone(),
            status: self.status,
            left: format!("{:.2}", self.reserved()),
        }
    }
}

impl State {
    /// What the case has reserved or waits for of a budget.
    pub fn reservation(&self, budget: &str) -> Option<&ReservationRecord> {
        find(&self.reservations, budget)
    }

    /// The reservations that stand in line for money now. A case that still has to be signed or
    /// corrected does not.
    pub fn waiting(&self) -> impl Iterator<Item = &ReservationRecord> {
        let at_work = matches!(self.status, Status::Acceptance | Status::Examination);
        let waits = |record: &&ReservationRecord| record.status == ReservationStatus::Waiting;
        self.reservations
            .iter()
            .filter(move |record| at_work && waits(record))
    }
}

fn find<'a>(records: &'a [ReservationRecord], budget: &str) -> Option<&'a ReservationRecord> {
    records
        .iter()
        .find(|record| record.reservation.budget == budget)
}

fn of<'a>(records: &'a mut [ReservationRecord], budget: &str) -> Option<&'a mut ReservationRecord> {
    records
        .iter_mut()
        .find(|record| record.reservation.budget == budget)
}

/// More than nothing.
fn yuan(text: &str) -> Option<Decimal> {
    let fen = fen(text).filter(|fen| *fen > 0)?;
    Some(Decimal::new(i64::try_from(fen).ok()?, PLACES))
}

// What may be asked

pub(crate) fn check_reservations(
    asked: &[Reservation],
    before: &[ReservationRecord],
) -> Result<(), Fault> {
    let mut budgets = BTreeSet::new();
    for Reservation { budget, amount, .. } in asked {
        let fault = |why| Fault::Reservation {
            budget: budget.clone(),
            why,
        };
        let amount = yuan(amount).ok_or_else(|| fault("its amount is no money"))?;
        if !budgets.insert(budget) {
            return Err(fault("the budget is named twice"));
        }
        let spent = find(before, budget).map_or(Decimal::ZERO, |r| r.in_transit + r.paid);
        if amount < spent {
            return Err(fault("more than that is paid already"));
        }
    }
    Ok(())
}

/// Every payment is covered by what is reserved and not promised yet, releases included.
pub(crate) fn check_intents(state: &State, intents: &[Intent]) -> Result<(), Fault> {
    let mut left: BTreeMap<&str, Decimal> = state
        .reservations
        .iter()
        .map(|record| (record.reservation.budget.as_str(), record.reserved()))
        .collect();
    for effect in &state.effects {
        if let Effect::Release { budget } = &effect.intent.effect
            && effect.outcome.is_none()
        {
            left.insert(budget, Decimal::ZERO);
        }
    }
    for Intent { ticket, effect, .. } in intents {
        let (budget, wanted) = match effect {
            Effect::Payment(order) => (&order.budget, total(order)),
            Effect::Release { budget } => (budget, Ok(Decimal::ZERO)),
            Effect::Seal { .. } | Effect::Notice { .. } | Effect::Delivery { .. } => continue,
        };
        let fault = |why| Fault::Money {
            ticket: ticket.clone(),
            budget: budget.clone(),
            why,
        };
        let wanted = wanted.map_err(fault)?;
        let left = left
            .get_mut(budget.as_str())
            .ok_or_else(|| fault("the case has reserved nothing there"))?;
        *left = match effect {
            Effect::Release { .. } => Decimal::ZERO,
            _ if wanted <= *left => *left - wanted,
            _ => return Err(fault("that is more than the case still holds")),
        };
    }
    Ok(())
}

fn total(order: &PaymentOrder) -> Result<Decimal, &'static str> {
    let lines: BTreeSet<&str> = order.lines.iter().map(|line| line.line.as_str()).collect();
    if lines.is_empty() || lines.len() < order.lines.len() {
        return Err("it has no lines, or two of one name");
    }
    order
        .lines
        .iter()
        .map(|line| yuan(&line.amount))
        .sum::<Option<Decimal>>()
        .ok_or("the amount of a line is no money")
}

/// The bank speaks of every line of the order, and of no other.
pub(crate) fn check_answer(
    intent: &Intent,
    outcome: &Result<Json, Refusal>,
) -> Result<(), Refusal> {
    let (Effect::Payment(order), Ok(value)) = (&intent.effect, outcome) else {
        return Ok(());
    };
    let answer = serde_json::from_str::<Answer>(value).unwrap_or_default();
    let answered: BTreeSet<&str> = answer.lines.iter().map(|line| line.line.as_str()).collect();
    let ordered: BTreeSet<&str> = order.lines.iter().map(|line| line.line.as_str()).collect();
    if answered == ordered && answer.lines.len() == order.lines.len() {
        Ok(())
    } else {
        Err(refusals::bank_answer_incomplete(&intent.ticket))
    }
}

pub(crate) fn reserve(draft: &mut Draft, budget: &str) -> Result<(), Refusal> {
    must_go_on(&draft.state)?;
    at_work(&draft.state)?;
    match draft.state.reservation(budget) {
        Some(record) if record.status == ReservationStatus::Waiting => {
            draft.push(Event::Reserved {
                budget: budget.to_owned(),
            });
            Ok(())
        }
        _ => Err(refusals::no_money_awaited(budget)),
    }
}

// What has happened

/// The answer of a bank, as far as it matters here.
#[derive(Default, Deserialize)]
struct Answer {
    lines: Vec<AnsweredLine>,
}

#[derive(Deserialize)]
struct AnsweredLine {
    line: String,
    status: LineStatus,
}

#[derive(PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LineStatus {
    Paid,
    Returned,
}

/// The reservations of a round, in the place of those of the round before. What waited its turn and
/// has the money keeps it where no more is asked for; where more is, it waits for all of it again.
pub(crate) fn reservations(
    asked: &[Reservation],
    mut before: Vec<ReservationRecord>,
) -> Vec<ReservationRecord> {
    let mut records: Vec<ReservationRecord> = Vec::new();
    for reservation in asked {
        let earlier = before
            .iter()
            .position(|record| record.reservation.budget == reservation.budget)
            .map(|index| before.remove(index));
        let amount = yuan(&reservation.amount).unwrap_or_default();
        let covered = earlier.as_ref().is_some_and(|record| {
            record.status == ReservationStatus::Reserved && amount <= record.amount
        });
        let status = match reservation.when_short {
            WhenShort::Wait if !covered => ReservationStatus::Waiting,
            WhenShort::Wait | WhenShort::Refuse => ReservationStatus::Reserved,
        };
        records.push(ReservationRecord {
            reservation: reservation.clone(),
            amount,
            status,
            in_transit: earlier.as_ref().map_or(Decimal::ZERO, |r| r.in_transit),
            paid: earlier.as_ref().map_or(Decimal::ZERO, |r| r.paid),
        });
    }
    give_back(&mut before);
    records.extend(before);
    records
}

pub(crate) fn reserved(records: &mut [ReservationRecord], budget: &str) {
    if let Some(record) = of(records, budget) {
        record.status = ReservationStatus::Reserved;
    }
}

pub(crate) fn asked(records: &mut [ReservationRecord], intents: &[Intent]) {
    for intent in intents {
        if let Effect::Payment(order) = &intent.effect
            && let Some(record) = of(records, &order.budget)
        {
            record.in_transit += total(order).unwrap_or_default();
        }
    }
}

pub(crate) fn settled(records: &mut [ReservationRecord], effect: &EffectRecord) {
    match (&effect.intent.effect, &effect.outcome) {
        (Effect::Payment(order), Some(outcome)) => {
            if let Some(record) = of(records, &order.budget) {
                record.in_transit -= total(order).unwrap_or_default();
                record.paid += paid(order, outcome);
            }
        }
        (Effect::Release { budget }, Some(Ok(_))) => {
            if let Some(record) = of(records, budget) {
                record.status = ReservationStatus::Released;
            }
        }
        _ => {}
    }
}

pub(crate) fn give_back(records: &mut [ReservationRecord]) {
    for record in records {
        record.status = ReservationStatus::Released;
    }
}

fn paid(order: &PaymentOrder, outcome: &Result<Json, Refusal>) -> Decimal {
    let Ok(value) = outcome else {
        return Decimal::ZERO;
    };
    let answer = serde_json::from_str::<Answer>(value).unwrap_or_default();
    let paid: BTreeSet<&str> = answer
        .lines
        .iter()
        .filter(|line| line.status == LineStatus::Paid)
        .map(|line| line.line.as_str())
        .collect();
    order
        .lines
        .iter()
        .filter(|line| paid.contains(line.line.as_str()))
        .filter_map(|line| yuan(&line.amount))
        .sum()
}
