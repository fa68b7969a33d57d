//! The end of a seed: nothing goes wrong any more, people do their work or do not, and whatever was
//! promised is carried out. Then the oracle has its say.

use crate::acts::promised;
use crate::world::{World, Wrong};
use onething_capabilities::Signature;
use onething_case::{EffectRecord, State, Status};
use onething_contract::{Effect, StepMode, Verdict};
use onething_store::{EffectRow, EffectStatus};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Far more than any life needs.
const ROUNDS_MAX: usize = 60;

impl World {
    /// Lets everything come to rest.
    pub async fn settle(&mut self, diligent: bool) -> Result<(), Wrong> {
        self.trouble = 0;
        self.go_on().await;
        self.check().await?;
        for round in 0..ROUNDS_MAX {
            let mut done = self.work_until_idle().await?;
            if diligent {
                done += self.people_work().await?;
            }
            done += self.collect()?;
            // Beyond every lease and rest, and now and then over holidays.
            self.advance(if round % 3 == 1 { 20 * 86_400 } else { 4_000 });
            if done == 0 && round >= 3 {
                return self.check_end().await;
            }
        }
        Err("it does not come to rest".to_owned())
    }

    pub async fn work_until_idle(&mut self) -> Result<usize, Wrong> {
        let mut all = 0;
        for _ in 0..ROUNDS_MAX {
            let done = self.work().await?;
            if done == 0 {
                self.check().await?;
                return Ok(all);
            }
            all += done;
        }
        Err("the workers turn in circles".to_owned())
    }

    /// Everybody does what waits for them, in the applicant's favour.
    async fn people_work(&mut self) -> Result<usize, Wrong> {
        let before = self.marks.done.len();
        let states: Vec<State> = self
            .known
            .values()
            .map(|known| known.state.clone())
            .collect();
        for state in &states {
            match state.status {
                Status::Signing => self.sign(state).await,
                Status::Correction => self.correct(state).await,
                _ => {}
            }
            if promised(state).is_some() {
                self.supply(state).await;
            }
            if state.repair_task().is_some() {
                self.repair(state).await;
            }
            let tasks: Vec<_> = state.tasks().cloned().collect();
            for task in tasks {
                if !matches!(task.step.mode, StepMode::PublicNotice(_)) {
                    let office = task.office().clone();
                    self.decided(state, &task.step.id, Verdict::Approve, office)
                        .await;
                }
            }
        }
        let sent = self
            .store
            .sent_payments(None, 100)
            .await
            .map_err(|error| error.to_string())?;
        for row in &sent {
            let taken = self.received().taken.contains(&row.intent.ticket);
            if taken {
                self.answer(&row.intent.ticket, false).await;
            }
        }
        self.check().await?;
        Ok(self.marks.done.len() - before + sent.len())
    }

    pub async fn check_end(&mut self) -> Result<(), Wrong> {
        self.check_tasks().await?;
        let mut promised_tickets = BTreeSet::new();
        for id in self.known.keys().cloned().collect::<Vec<_>>() {
            let state = self.known[&id].state.clone();
            let rows = self
                .store
                .effects(&id)
                .await
                .map_err(|error| error.to_string())?;
            self.check_alive(&state, &rows)?;
            let verified = onething_engine::verify(&self.store, &id).await;
            verified.map_err(|error| error.to_string())?;
            for (effect, row) in state.effects.iter().filter_map(|effect| {
                let row = rows
                    .iter()
                    .find(|row| row.intent.ticket == effect.intent.ticket)?;
                Some((effect, row))
            }) {
                promised_tickets.insert(effect.intent.ticket.clone());
                self.check_received(&state, effect, row).await?;
            }
            self.counts.cases += 1;
            self.counts.completed += u64::from(state.status.as_str() == "completed");
            self.counts.events += state.last_event;
        }
        let received = self.received();
        let tickets = received.notices.keys();
        let mut tickets = tickets
            .chain(received.deliveries.keys())
            .chain(received.payments.keys());
        match tickets.find(|ticket| !promised_tickets.contains(*ticket)) {
            Some(ghost) => Err(format!("{ghost} was received, and no case promised it")),
            None => Ok(()),
        }
    }

    /// A case is over, waits for a person, or raises an alarm.
    fn check_alive(&self, state: &State, rows: &[EffectRow]) -> Result<(), Wrong> {
        if state.next_reaction().is_some() {
            return Err(format!(
                "lost: {} has an event that nobody answers",
                state.id
            ));
        }
        let stuck = rows.iter().find(|row| row.status == EffectStatus::Pending);
        if let Some(row) = stuck {
            return Err(format!(
                "lost: effect {} is still to be done",
                row.intent.ticket
            ));
        }
        let waits = state.parked.is_some()
            || matches!(
                state.status,
                Status::Ended(_) | Status::Signing | Status::Correction
            )
            || state.tasks().next().is_some()
            || promised(state).is_some()
            || state.waiting().next().is_some()
            || rows.iter().any(|row| row.status == EffectStatus::Sent);
        if waits || is_stopped_by_a_no(state) {
            return Ok(());
        }
        Err(format!(
            "{} is {} and waits for nobody",
            state.id,
            state.status.as_str()
        ))
    }

    /// What a case says is done has arrived, once.
    async fn check_received(
        &self,
        state: &State,
        effect: &EffectRecord,
        row: &EffectRow,
    ) -> Result<(), Wrong> {
        let ticket = &effect.intent.ticket;
        let done = row.status == EffectStatus::Done;
        let arrived = match &effect.intent.effect {
            Effect::Notice { .. } => self.received().notices.contains_key(ticket),
            Effect::Delivery { .. } => {
                let later = superseded_by(effect);
                self.received()
                    .deliveries
                    .contains_key(later.as_ref().unwrap_or(ticket))
            }
            Effect::Payment(_) => {
                let sent = done || row.status == EffectStatus::Sent;
                return match self.received().payments.contains_key(ticket) {
                    true => Ok(()),
                    false if sent => Err(format!("lost: payment {ticket} never came to the bank")),
                    false => Ok(()),
                };
            }
            Effect::Seal { .. } if done => return self.check_sealed(state, effect).await,
            Effect::Seal { .. } | Effect::Release { .. } => return Ok(()),
        };
        match (done, arrived) {
            (true, false) => Err(format!("lost: {ticket} is done and nobody has it")),
            _ => Ok(()),
        }
    }

    /// The document is there, has the bytes that were sealed, and this seal once.
    async fn check_sealed(&self, state: &State, effect: &EffectRecord) -> Result<(), Wrong> {
        let Some(Ok(outcome)) = &effect.outcome else {
            return Ok(());
        };
        let outcome: Value = serde_json::from_str(outcome).unwrap();
        let documents = self
            .store
            .documents(&state.id)
            .await
            .map_err(|error| error.to_string())?;
        for sealed in outcome["documents"].as_array().unwrap() {
            let (name, signature) = (&sealed["name"], &sealed["signature"]);
            let found: Vec<Signature> = documents
                .iter()
                .filter(|document| *name == document.name && sealed["sha256"] == document.sha256)
                .flat_map(|document| &document.seals)
                .map(|seal| serde_json::from_value(seal.clone()).unwrap())
                .filter(|seal: &Signature| *signature == seal.signature)
                .collect();
            if found.len() != 1 {
                return Err(format!(
                    "the seal {} is there {} times",
                    effect.intent.ticket,
                    found.len()
                ));
            }
        }
        Ok(())
    }

    /// SHA-256 over every event of every case, in hex.
    pub fn histories(&self) -> String {
        let mut digest = Sha256::new();
        for known in self.known.values() {
            digest.update(serde_json::to_vec(&known.events).unwrap());
        }
        digest
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// The ticket of a later delivery that lay there first.
fn superseded_by(effect: &EffectRecord) -> Option<String> {
    let Some(Ok(outcome)) = &effect.outcome else {
        return None;
    };
    let outcome: Value = serde_json::from_str(outcome).unwrap();
    outcome["superseded_by"].as_str().map(str::to_owned)
}

/// The bundle has no answer to a refused seal, delivery or decision: people see the refusal.
fn is_stopped_by_a_no(state: &State) -> bool {
    let refused = state
        .effects
        .iter()
        .any(|effect| matches!(effect.outcome, Some(Err(_))));
    let by_decision = state
        .decisions
        .iter()
        .any(|decision| !matches!(decision.verdict, Verdict::Approve | Verdict::NoObjection));
    refused || by_decision
}
