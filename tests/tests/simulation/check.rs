//! What must hold after every act, whatever went wrong in it.

use crate::acts::sha256;
use crate::world::{Known, World, Wrong};
use onething_case::{Event, Recorded, State, Status};
use onething_contract::{Ending, MaterialStatus, Office, ReservationStatus};
use onething_store::{CaseFilter, CaseRow, EffectStatus, TaskRow};
use simple::rules::BUDGET;
use std::collections::{BTreeMap, BTreeSet};

const LIST_MAX: u32 = 500;

impl World {
    /// Looks at every case that has moved, at the money, and at what was received.
    pub async fn check(&mut self) -> Result<(), Wrong> {
        self.received().check()?;
        let rows = self.store.cases(&CaseFilter::default(), LIST_MAX).await;
        let rows = rows.map_err(|error| error.to_string())?;
        let mut moved = Vec::new();
        for row in rows {
            let known = self.known.get(&row.id);
            if known.is_none_or(|known| known.state.last_event != row.version) {
                self.case_moved(&row).await?;
                moved.push(row.id);
            }
        }
        if moved.is_empty() {
            return Ok(());
        }
        self.check_keys()?;
        self.check_marks(&moved)?;
        self.check_money().await
    }

    async fn case_moved(&mut self, row: &CaseRow) -> Result<(), Wrong> {
        let id = &row.id;
        let events = self
            .store
            .load(id)
            .await
            .map_err(|error| error.to_string())?;
        let before = self.known.get(id).map_or(&[][..], |known| &known.events);
        if !events.starts_with(before) {
            return Err(format!("the history of {id} was changed"));
        }
        let state = State::from_events(&events).map_err(|error| format!("{id}: {error}"))?;
        check_row(row, &state)?;
        self.check_effects(&state).await?;
        for recorded in events.iter().skip(before.len()) {
            if let Event::EffectSettled(_) = recorded.event {
                self.counts.effects += 1;
            }
        }
        self.known.insert(id.clone(), Known { events, state });
        Ok(())
    }

    async fn check_effects(&self, state: &State) -> Result<(), Wrong> {
        let rows = self
            .store
            .effects(&state.id)
            .await
            .map_err(|error| error.to_string())?;
        let rows: BTreeMap<&str, _> = rows
            .iter()
            .map(|row| (row.intent.ticket.as_str(), row))
            .collect();
        if rows.len() != state.effects.len() {
            return Err(format!(
                "{} has {} effects, its state {}",
                state.id,
                rows.len(),
                state.effects.len()
            ));
        }
        for effect in &state.effects {
            let ticket = effect.intent.ticket.as_str();
            let row = rows
                .get(ticket)
                .ok_or_else(|| format!("effect {ticket} has no row"))?;
            let agrees = match &effect.outcome {
                None => !matches!(row.status, EffectStatus::Done | EffectStatus::Refused),
                Some(Ok(_)) => row.status == EffectStatus::Done,
                Some(Err(_)) => row.status == EffectStatus::Refused,
            };
            if !agrees || row.intent != effect.intent {
                return Err(format!(
                    "effect {ticket} is {:?}, its case says {:?}",
                    row.status, effect.outcome
                ));
            }
        }
        Ok(())
    }

    /// At most one open or completed case has a key.
    fn check_keys(&self) -> Result<(), Wrong> {
        let mut holders: BTreeMap<&str, &str> = BTreeMap::new();
        for (id, known) in &self.known {
            let state = &known.state;
            let holds = matches!(&state.status, Status::Ended(Ending::Completed))
                || !matches!(&state.status, Status::Ended(_));
            for key in state.assessment.unique_keys.iter().filter(|_| holds) {
                if let Some(other) = holders.insert(key, id) {
                    return Err(format!("{other} and {id} both hold the key {key}"));
                }
            }
        }
        Ok(())
    }

    /// What was answered with a yes is there once, what was refused is not, the rest at most once.
    fn check_marks(&self, moved: &[String]) -> Result<(), Wrong> {
        let mut found: BTreeMap<String, u32> = BTreeMap::new();
        for known in self.known.values() {
            for mark in known.events.iter().filter_map(mark_of) {
                *found.entry(mark).or_default() += 1;
            }
        }
        let times = |mark: &String| {
            let by_content = found.get(&sha256(mark)).copied().unwrap_or_default();
            found.get(mark).copied().unwrap_or_default() + by_content
        };
        let marks = &self.marks;
        if let Some(lost) = marks.done.iter().find(|mark| times(mark) != 1) {
            return Err(format!(
                "{lost} was done, and is there {} times ({moved:?} moved)",
                times(lost)
            ));
        }
        if let Some(ghost) = marks.refused.iter().find(|mark| times(mark) != 0) {
            return Err(format!("{ghost} was refused, and is there"));
        }
        match marks.doubtful.iter().find(|mark| times(mark) > 1) {
            Some(twice) => Err(format!("{twice} is there twice")),
            None => Ok(()),
        }
    }

    /// The books balance and say what the cases say.
    async fn check_money(&self) -> Result<(), Wrong> {
        if self
            .known
            .values()
            .all(|known| known.state.reservations.is_empty())
        {
            return Ok(());
        }
        let text = |error: onething_store::Error| error.to_string();
        let budget = self.store.budget(BUDGET).await.map_err(text)?;
        let balances = budget.ok_or("the budget is gone")?.balances;
        let sum = balances.available + balances.reserved + balances.in_transit + balances.paid;
        if balances.funded != sum {
            return Err(format!(
                "the accounts of the budget do not add up: {balances:?}"
            ));
        }
        let (mut reserved, mut spent, mut paid) = (0, 0, 0);
        for (id, known) in &self.known {
            let rows = self.store.reservations(id).await.map_err(text)?;
            let row = rows.iter().find(|row| row.budget == BUDGET);
            let has = row.map_or(0, |row| row.reserved + row.spent);
            let state = &known.state;
            let record = state.reservation(BUDGET);
            let should = record.map_or(0, |record| match record.status {
                ReservationStatus::Reserved => fen(record.amount),
                _ => fen(record.in_transit + record.paid),
            });
            if has != should {
                return Err(format!("{id} has {has} fen, its state says {should}"));
            }
            if row.is_some_and(|row| row.waits) != state.waiting().next().is_some() {
                return Err(format!("{id} waits in one of row and state only"));
            }
            reserved += row.map_or(0, |row| row.reserved);
            spent += row.map_or(0, |row| row.spent);
            paid += record.map_or(0, |record| fen(record.paid));
        }
        if (reserved, spent, paid)
            != (
                balances.reserved,
                balances.in_transit + balances.paid,
                balances.paid,
            )
        {
            return Err(format!(
                "cases have {reserved}, {spent}, {paid}; the books say {balances:?}"
            ));
        }
        Ok(())
    }

    /// The lists of all offices hold the tasks of the cases, and nothing else.
    pub async fn check_tasks(&self) -> Result<(), Wrong> {
        let mut offices: BTreeSet<(String, String)> = BTreeSet::new();
        let mut expected = Vec::new();
        for known in self.known.values() {
            for record in &known.state.steps {
                let Office { function, region } = record.office().clone();
                offices.insert((function, region));
            }
            for task in known.state.tasks() {
                let key = (known.state.id.clone(), task.step.id.clone());
                expected.push((key, task.office().clone(), task.task_version));
            }
            if let Some(task) = known.state.repair_task() {
                let key = (known.state.id.clone(), onething_case::REPAIR.to_owned());
                expected.push((key, task.office.clone(), 1));
            }
        }
        let mut found = Vec::new();
        for (function, region) in offices {
            let office = Office { function, region };
            let rows = self.store.tasks(&office, None, LIST_MAX).await;
            let rows: Vec<TaskRow> = rows.map_err(|error| error.to_string())?;
            found.extend(
                rows.into_iter()
                    .map(|row| ((row.case_id, row.step), row.office, row.version)),
            );
        }
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        found.sort_by(|a, b| a.0.cmp(&b.0));
        if expected == found {
            return Ok(());
        }
        Err(format!("tasks are {found:?}, the cases have {expected:?}"))
    }
}

fn check_row(row: &CaseRow, state: &State) -> Result<(), Wrong> {
    let derived = CaseRow {
        id: state.id.clone(),
        region: state.submission.region.clone(),
        matter: state.matter.clone(),
        digest: state.digest.clone(),
        subject: state.submission.subject.identifier.clone(),
        submitted_by: state.submitted_by.clone(),
        status: state.status.as_str().to_owned(),
        round: state.round(),
        version: state.last_event,
        next_reaction: state.next_reaction(),
        parked: state.parked.is_some(),
        registered_at: state.registered_at.clone(),
        ended_at: state.ended_at.clone(),
    };
    if *row == derived {
        return Ok(());
    }
    Err(format!(
        "the row of {} is {row:?}, its history says {derived:?}",
        state.id
    ))
}

/// The mark of the command that an event came from.
fn mark_of(recorded: &Recorded) -> Option<String> {
    let text = match &recorded.event {
        Event::Registered(registration) => &registration.round.answers,
        Event::Corrected { round, .. } => &round.answers,
        Event::Decided { decision, .. } => &decision.opinion,
        Event::Withdrawn { reason, .. } => reason,
        Event::Objected(objection) => &objection.text,
        Event::Resumed { by } | Event::Signed { by, .. } => by,
        Event::Rated { comment, .. } => comment.as_ref()?,
        Event::MaterialSupplied { material } => match &material.status {
            MaterialStatus::Supplied(sha256) => return Some(sha256.clone()),
            _ => return None,
        },
        _ => return None,
    };
    mark_in(text)
}

/// `m12.` out of a text that may hold other letters m.
fn mark_in(text: &str) -> Option<String> {
    text.match_indices('m').find_map(|(start, _)| {
        let rest = text.get(start + 1..)?;
        let end = rest.find('.')?;
        let digits = rest.get(..end)?;
        let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        number.then(|| format!("m{digits}."))
    })
}

fn fen(yuan: onething_sdk::Decimal) -> u64 {
    let text = format!("{yuan:.2}").replace('.', "");
    text.parse().unwrap()
}
