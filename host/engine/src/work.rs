//! Work that nobody waits for: events that a bundle has yet to answer, timers that are due, effects.
//! Each is claimed by itself, under a lease of its own, by whichever worker of whichever node comes
//! first; what a node holds when it stops it hands back.

use crate::engine::{Engine, stamp};
use crate::error::{Error, chain};
use crate::timers::key;
use crate::trace;
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use onething_capabilities::Parameters;
use onething_contract::Ticket;
use onething_store::{CaseTimer, EffectRow, TimerKey};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tracing::Instrument;
use tracing::field::Empty;

/// How long work is nobody else's: longer than a run of a bundle may take. What a node that is killed
/// was at rests for as long.
pub(crate) const LEASE: Duration = Duration::from_secs(60);
/// How often whoever is at an effect says that it still is.
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// How much of each kind is taken up, one by one, before a worker looks whether it should stop.
const ROUND_MAX: u32 = 16;

/// An upload that began longer ago was given up.
const UPLOAD_HOURS_MAX: i64 = 1;
/// What was uploaded and named by no case for so long is taken away: whoever fills a form in comes back
/// to it after a weekend, not after a week.
const UNUSED_DAYS_MAX: i64 = 7;
/// How often some node looks for that.
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// How many are taken away at a time: each is held while it goes.
const SWEEP_MAX: u32 = 100;

/// The time, asked as it is needed.
pub type Clock<'a> = &'a (dyn Fn() -> DateTime<FixedOffset> + Send + Sync);

/// What the workers of a process share.
pub(crate) struct Work {
    /// This process, among those that do work of one node at a time.
    pub(crate) node: String,
    wake: Notify,
    held: Mutex<Held>,
    /// The parameters for which the timers without a calendar were last looked at.
    pub(crate) calendars: tokio::sync::Mutex<Option<Arc<Parameters>>>,
    /// Before that, materials that nobody used are not looked for here again.
    next_sweep: Mutex<DateTime<Utc>>,
}

/// What this process has claimed and not let go of.
#[derive(Default)]
struct Held {
    effects: BTreeMap<Ticket, u64>,
    reactions: BTreeSet<String>,
    timers: BTreeSet<(String, String, String)>,
}

impl Work {
    pub(crate) fn new() -> Self {
        let node = RandomState::new().build_hasher().finish();
        Self {
            node: format!("{node:016x}"),
            wake: Notify::new(),
            held: Mutex::default(),
            calendars: tokio::sync::Mutex::default(),
            next_sweep: Mutex::new(DateTime::UNIX_EPOCH),
        }
    }

    fn held<T>(&self, change: impl FnOnce(&mut Held) -> T) -> T {
        change(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// True once in a while; whoever is told so sees to it.
    fn is_to_sweep(&self, now: DateTime<Utc>) -> bool {
        let next = self.next_sweep.lock();
        let mut next = next.unwrap_or_else(PoisonError::into_inner);
        let is_due = *next <= now;
        if is_due {
            *next = now + SWEEP_EVERY;
        }
        is_due
    }

    /// A case's reaction is being worked on here; whether it is over is told by [`Work::reacted`], so
    /// that one which was cut off is handed back.
    pub(crate) fn reacting(&self, case_id: &str) {
        self.held(|held| held.reactions.insert(case_id.to_owned()));
    }

    pub(crate) fn reacted(&self, case_id: &str) {
        self.held(|held| held.reactions.remove(case_id));
    }
}

impl Engine {
    /// Does what there is to do now. Answers how much was taken up; 0 means that nothing is left for
    /// now.
    ///
    /// # Errors
    /// When the store fails. What fails by itself rests and is tried again.
    pub async fn work(&self, now: DateTime<FixedOffset>) -> Result<usize, Error> {
        self.work_by(&move || now).await
    }

    /// As [`Engine::work`], by a clock: what takes long is claimed by the time at which it begins.
    ///
    /// # Errors
    /// As [`Engine::work`].
    pub async fn work_by(&self, clock: Clock<'_>) -> Result<usize, Error> {
        self.set_awaiting().await?;
        let mut done = 0;
        for _ in 0..ROUND_MAX {
            let reaction = self.take_up_reaction(clock).await?;
            let timer = self.take_up_timer(clock).await?;
            let effect = self.take_up_effect(clock).await?;
            let taken = usize::from(reaction) + usize::from(timer) + usize::from(effect);
            if taken == 0 {
                break;
            }
            done += taken;
        }
        done += self.serve_lines(&stamp(clock())).await?;
        done += self.hand_over_prepared().await?;
        self.sweep(clock()).await?;
        Ok(done)
    }

    /// There may be work: one worker looks at once.
    pub fn wake(&self) {
        self.work.wake.notify_one();
    }

    /// Resolves when there may be work.
    pub async fn woken(&self) {
        self.work.wake.notified().await;
    }

    /// Hands back what this host has claimed and not finished, so that others need not wait until it
    /// is free by itself. Called once, when no worker runs any more.
    ///
    /// # Errors
    /// When the store fails; then it is free by itself later.
    pub async fn hand_back(&self) -> Result<(), Error> {
        let held = self.work.held(std::mem::take);
        for case_id in &held.reactions {
            self.store.hand_back_reaction(case_id).await?;
        }
        for (case_id, name, rung) in held.timers {
            let key = TimerKey {
                case_id,
                name,
                rung,
            };
            self.store.hand_back_timer(&key).await?;
        }
        // It may have been carried out already: the try counts, and the next one asks first.
        let at_once = DateTime::UNIX_EPOCH;
        for (ticket, claim) in &held.effects {
            let cause = "the host stopped in the middle of it";
            self.store
                .fail_effect(ticket, *claim, at_once, cause)
                .await?;
        }
        Ok(())
    }

    /// Once a day: looks again for timers without a calendar, and, one node at a time, takes away
    /// uploads that were given up and what was uploaded and never used.
    async fn sweep(&self, now: DateTime<FixedOffset>) -> Result<(), Error> {
        let at = now.with_timezone(&Utc);
        if !self.work.is_to_sweep(at) {
            return Ok(());
        }
        // A commit may have counted by the parameters of before while they were gone over.
        *self.work.calendars.lock().await = None;
        let node = &self.work.node;
        let taken = self.store.take_lease("materials", node, at, SWEEP_EVERY);
        if !taken.await? {
            return Ok(());
        }
        let given_up = stamp(now - TimeDelta::hours(UPLOAD_HOURS_MAX));
        self.store.sweep_uploads(&given_up).await?;
        let before = stamp(now - TimeDelta::days(UNUSED_DAYS_MAX));
        loop {
            let swept = self.store.sweep_materials(&before, SWEEP_MAX).await?;
            if swept > 0 {
                tracing::info!(swept, "materials that no case names were taken away");
            }
            if swept < u64::from(SWEEP_MAX) {
                return Ok(());
            }
        }
    }

    async fn take_up_reaction(&self, clock: Clock<'_>) -> Result<bool, Error> {
        let claimed = self.store.claim_reactions(utc(clock), LEASE, 1).await?;
        let Some(case_id) = claimed.first() else {
            return Ok(false);
        };
        let span = tracing::info_span!("work", onething.case = Empty);
        let reacted = self.react(case_id);
        if let Err(error) = reacted.instrument(trace::of_case(span, case_id)).await {
            tracing::error!(case = %case_id, error = chain(&error), "the bundle's answer is still missing");
        }
        Ok(true)
    }

    async fn take_up_timer(&self, clock: Clock<'_>) -> Result<bool, Error> {
        let claimed = self.store.claim_timers(utc(clock), LEASE, 1).await?;
        let Some(due) = claimed.first() else {
            return Ok(false);
        };
        let held = (
            due.case_id.clone(),
            due.timer.name.clone(),
            due.timer.rung.clone(),
        );
        self.work.held(|all| all.timers.insert(held.clone()));
        let span = tracing::info_span!(
            "timer",
            timer = due.timer.name,
            rung = due.timer.rung,
            onething.case = Empty
        );
        let rung = self.ring_due(due, clock());
        rung.instrument(trace::of_case(span, &due.case_id)).await;
        self.work.held(|all| all.timers.remove(&held));
        Ok(true)
    }

    /// A rung that does not ring now rests for a lease; one that is no more goes with the next commit.
    async fn ring_due(&self, due: &CaseTimer, now: DateTime<FixedOffset>) {
        let TimerKey {
            case_id,
            name,
            rung,
        } = key(due);
        match self.ring(&case_id, &name, &rung, now).await {
            Ok(true) => tracing::info!("a timer rang"),
            Ok(false) => tracing::warn!("a timer that was due did not ring"),
            Err(error) => {
                tracing::error!(error = chain(&error), "a timer could not ring");
            }
        }
    }

    async fn take_up_effect(&self, clock: Clock<'_>) -> Result<bool, Error> {
        let claimed = self.store.claim_effects(utc(clock), LEASE, 1).await?;
        let Some(effect) = claimed.first() else {
            return Ok(false);
        };
        let ticket = &effect.intent.ticket;
        self.work
            .held(|held| held.effects.insert(ticket.clone(), effect.claim));
        let attempt = self.attempt(effect, clock);
        let attempt = self.renewing(effect, clock, attempt).await;
        self.work.held(|held| held.effects.remove(ticket));
        attempt?;
        Ok(true)
    }

    /// Keeps an effect while it is worked on.
    async fn renewing<T>(
        &self,
        effect: &EffectRow,
        clock: Clock<'_>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(RENEW_EVERY) => {}
            }
            let (ticket, now) = (&effect.intent.ticket, utc(clock));
            let renewed = self.store.renew_effect(ticket, effect.claim, now, LEASE);
            match renewed.await {
                Ok(true) => {}
                // What it came to is refused, should it come to anything.
                Ok(false) => tracing::warn!(%ticket, "the effect is another worker's by now"),
                Err(error) => {
                    let error = Error::from(error);
                    tracing::warn!(%ticket, error = chain(&error), "an effect could not be kept");
                }
            }
        }
    }
}

fn utc(clock: Clock<'_>) -> DateTime<Utc> {
    clock().with_timezone(&Utc)
}
