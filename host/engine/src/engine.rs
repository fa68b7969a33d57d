//! The engine: commands from outside, each decided by the pure engine, committed, and answered by
//! the bundle.

use crate::asked::{
    Decide, NAME_CHARS_MAX, TEXT_CHARS_MAX, check_notice, check_proof, check_storable, check_text,
};
use crate::commits::Committed;
use crate::deployment::Deployed;
use crate::drive::{Drive, Invoked, Past};
use crate::effects::Folders;
use crate::error::{Error, chain};
use crate::executor::Executor;
use crate::facts::LiveFacts;
use crate::measures::measures;
use crate::payload::check_payload;
use crate::sandbox::Sandbox;
use crate::submission::not_stored;
use crate::work::Work;
use crate::{money, rows, trace};
use chrono::{DateTime, FixedOffset, SecondsFormat};
use onething_capabilities::{LiveDirectory, Published};
use onething_case::{Command, Recorded, State, decide};
use onething_contract::manifest::Manifest;
use onething_contract::{
    CHINA_SECONDS_EAST, Decision, Filer, FilledForm, Material, MaterialStatus, Office, Prefilled,
    Subject,
};
use onething_runtime::Bundle;
use onething_store::{Commit, CommitError, EffectRow, Store};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;
use tracing::Span;

/// How often a command is decided anew because another writer was first.
pub(crate) const CONFLICTS_MAX: u32 = 32;

/// A host of cases. A clone is another handle to the same one.
#[derive(Clone)]
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) deployed: Arc<Deployed>,
    pub(crate) parameters: Published,
    pub(crate) folders: Arc<Folders>,
    pub(crate) directory: LiveDirectory,
    pub(crate) sandbox: Arc<Sandbox>,
    /// Places for runs that wait for somebody else, by matter: who is slow holds up no other.
    pub(crate) elsewhere: Arc<Mutex<BTreeMap<String, Arc<Sandbox>>>>,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) commits: broadcast::Sender<Committed>,
    pub(crate) work: Arc<Work>,
}

/// A form as it stands before anybody typed.
#[derive(Debug, Clone)]
pub struct Form {
    /// The version it belongs to.
    pub manifest: Arc<Manifest>,
    /// What registers know.
    pub values: Vec<Prefilled>,
}

/// A case with its history.
#[derive(Debug, Clone)]
pub struct Case {
    /// As of its last event.
    pub state: State,
    /// Everything that happened.
    pub events: Vec<Recorded>,
}

impl Engine {
    /// The store: lists, materials and documents are read from it directly.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What registers already know, for the version valid today.
    ///
    /// # Errors
    /// Unknown matter, a refusal of the bundle's, or a fault.
    pub async fn prefill(
        &self,
        matter: &str,
        filer: Filer,
        subject: Subject,
        region: &str,
        purpose: String,
        now: DateTime<FixedOffset>,
    ) -> Result<Form, Error> {
        let now = stamp(now);
        let bundle = Self::valid(&self.bundles(), matter, &now)?;
        let drive = self.drive(bundle.clone(), region);
        let prefill = move |drive: Drive| drive.prefill(filer, subject, purpose, &now);
        let values = self.admit(drive, prefill).await??;
        Ok(Form {
            manifest: bundle.manifest().clone(),
            values: values.map_err(Error::Refused)?,
        })
    }

    /// Decides a step for an office. The decision is committed before the bundle answers it.
    ///
    /// # Errors
    /// Every refusal of the case engine, and a payload that is not what the step's schema wants.
    pub async fn decide(
        &self,
        case_id: &str,
        step: &str,
        asked: Decide,
        by: &str,
        by_office: &Office,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        let at = stamp(now);
        asked.check(by)?;
        self.command(case_id, &at, Vec::new(), |state| {
            self.may_decide_step(state, step, &asked, by, by_office, &at)?;
            check_notice(state, step, &asked, &at, &self.parameters.current())?;
            check_payload(state, step, &asked)?;
            Ok(Command::Decide {
                decision: Decision {
                    step: step.to_owned(),
                    round: asked.round,
                    verdict: asked.verdict.clone(),
                    reasons: asked.reasons.clone(),
                    opinion: asked.opinion.clone(),
                    by: by.to_owned(),
                    on_behalf_of: asked.on_behalf_of.clone(),
                    at: at.clone(),
                    payload: asked.payload.as_ref().map(Value::to_string),
                },
                by_office: by_office.clone(),
                task_version: asked.task_version,
            })
        })
        .await
    }

    /// The filer takes the case back.
    ///
    /// # Errors
    /// Refused after the end.
    pub async fn withdraw(
        &self,
        case_id: &str,
        by: &str,
        reason: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        check_text("by", by, NAME_CHARS_MAX)?;
        check_text("reason", reason, TEXT_CHARS_MAX)?;
        let command = Command::Withdraw {
            by: by.to_owned(),
            reason: reason.to_owned(),
        };
        self.one(case_id, command, now).await
    }

    /// A material that was promised comes in.
    ///
    /// # Errors
    /// Refused where the case does not wait for it, or its bytes are not stored here.
    pub async fn supply(
        &self,
        case_id: &str,
        material: Material,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        self.check_materials(std::slice::from_ref(&material))
            .await?;
        if !matches!(material.status, MaterialStatus::Supplied(_)) {
            let Case { state, .. } = self.case(case_id).await?;
            check_proof(self.pinned(&state.digest).await?.manifest(), &material)?;
        }
        let command = Command::SupplyMaterial(material);
        self.one(case_id, command, now).await
    }

    /// An operator lets a parked case go on.
    ///
    /// # Errors
    /// Refused where the case is not parked.
    pub async fn resume(
        &self,
        case_id: &str,
        by: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        check_text("by", by, NAME_CHARS_MAX)?;
        let command = Command::Resume { by: by.to_owned() };
        self.one(case_id, command, now).await
    }

    /// A case with its history.
    ///
    /// # Errors
    /// Where there is no such case.
    pub async fn case(&self, case_id: &str) -> Result<Case, Error> {
        let events = match case_id.contains('\0') {
            true => Vec::new(),
            false => self.store.load(case_id).await?,
        };
        if events.is_empty() {
            return Err(Error::Unknown {
                what: "case",
                name: case_id.to_owned(),
            });
        }
        let state = State::from_events(&events)?;
        Ok(Case { state, events })
    }

    /// Every source form as far as the case has come.
    ///
    /// # Errors
    /// When the bundle is gone or faults.
    pub async fn forms(
        &self,
        state: &State,
        now: DateTime<FixedOffset>,
    ) -> Result<Vec<FilledForm>, Error> {
        let bundle = self.pinned(&state.digest).await?;
        let drive = self.drive(bundle, &state.submission.region);
        let (state, now) = (state.clone(), stamp(now));
        let project = move |drive: Drive| drive.project(&state, &now);
        Ok(self.admit(drive, project).await??)
    }

    /// A case that was just committed, with the bundle's answers where it can give them now. What is
    /// committed is a fact whatever becomes of those, and a worker comes back to them.
    pub(crate) async fn answer(&self, committed: Case) -> Option<Case> {
        let case_id = committed.state.id.clone();
        match self.react_to(&case_id, Some(committed)).await {
            Ok(case) => Some(case),
            Err(error) => {
                tracing::error!(case = %case_id, error = chain(&error), "the bundle's answer is still missing");
                None
            }
        }
    }

    /// Lets the bundle answer what it has yet to answer: after a command, and after a crash.
    ///
    /// # Errors
    /// When the store fails or the bundle is gone; a bundle that faults parks the case instead.
    pub async fn react(&self, case_id: &str) -> Result<Case, Error> {
        self.react_to(case_id, None).await
    }

    /// With the case as who has just written to it knows it.
    #[tracing::instrument(name = "react", skip_all, fields(onething.case = case_id))]
    async fn react_to(&self, case_id: &str, known: Option<Case>) -> Result<Case, Error> {
        self.work.reacting(case_id);
        let reacted = self.answers(case_id, known).await;
        self.work.reacted(case_id);
        reacted
    }

    async fn answers(&self, case_id: &str, mut known: Option<Case>) -> Result<Case, Error> {
        for _ in 0..CONFLICTS_MAX {
            let Case {
                mut state,
                mut events,
            } = match known.take() {
                Some(known) => known,
                None => self.case(case_id).await?,
            };
            let mut past = Past::default();
            loop {
                if state.next_reaction().is_none() {
                    return Ok(Case { state, events });
                }
                let Some(bundle) = self.pinned_if_there(&state).await? else {
                    return self.park_without_bundle(case_id, &state).await;
                };
                let manifest = bundle.manifest().clone();
                self.store.reach("react.before")?;
                let drive = self.drive(bundle, &state.submission.region);
                let (reaction, known, before);
                let react = move |drive: Drive| {
                    let reaction = drive.react(&events, &state, &mut past);
                    (reaction, events, state, past)
                };
                (reaction, known, before, past) = self.in_turn(drive, react).await?;
                let Some(reaction) = reaction? else {
                    return Ok(Case {
                        state: before,
                        events: known,
                    });
                };
                let after = before.clone().after(&reaction.events)?;
                let invoked: Vec<_> = reaction
                    .invoked
                    .into_iter()
                    .map(|one| (reaction.to, one))
                    .collect();
                let commit = self.commit(
                    Some(&before),
                    &after,
                    reaction.events.clone(),
                    &invoked,
                    Some(&manifest),
                );
                match self.append(&commit).await {
                    Ok(()) => {
                        measures().reactions.inc();
                        tracing::info!(to = reaction.to, "the bundle has answered");
                    }
                    Err(CommitError::Conflict { .. }) => break,
                    Err(error) => return Err(refuse(error)),
                }
                if before.last_event == reaction.to {
                    past = Past::of(before);
                }
                events = known;
                events.extend(reaction.events);
                state = after;
            }
        }
        Err(Error::Busy(case_id.to_owned()))
    }

    /// A case whose bundle is gone rests where an operator sees it.
    async fn park_without_bundle(&self, case_id: &str, state: &State) -> Result<Case, Error> {
        let command = Command::Park {
            to: state.next_reaction().unwrap_or_default(),
            function: "respond".to_owned(),
            fault: "no-bundle".to_owned(),
            detail: format!("the bundle {} is not deployed here", state.digest),
        };
        let Case { events, .. } = self.case(case_id).await?;
        let at = events
            .last()
            .map(|last| last.at.clone())
            .unwrap_or_default();
        let parked = decide(Some(state), &at, &command)?;
        let after = state.clone().after(&parked)?;
        let commit = self.commit(Some(state), &after, parked, &[], None);
        self.append(&commit).await.map_err(refuse)?;
        self.case(case_id).await
    }

    /// Decides a command on the case as it is, commits what it leads to, and lets the bundle answer.
    pub(crate) async fn command(
        &self,
        case_id: &str,
        at: &str,
        invoked: Vec<Invoked>,
        command: impl Fn(&State) -> Result<Command, Error>,
    ) -> Result<Case, Error> {
        let committed = self.committed(case_id, at, invoked, None, command).await?;
        Ok(self.answer(committed.clone()).await.unwrap_or(committed))
    }

    /// As [`Engine::command`], for what an effect came to; refused where it was handed out again.
    pub(crate) async fn settle(
        &self,
        effect: &EffectRow,
        at: &str,
        command: impl Fn(&State) -> Result<Command, Error>,
    ) -> Result<(), Error> {
        let (case_id, claim) = (&effect.case_id, Some(effect.claim));
        let committed = self.committed(case_id, at, Vec::new(), claim, command);
        self.answer(committed.await?).await;
        Ok(())
    }

    /// Decides a command on the case as it is and commits what it leads to; the case after it. What
    /// it settles was carried out under `claim`.
    #[tracing::instrument(name = "command", skip_all, fields(kind, onething.case = case_id))]
    pub(crate) async fn committed(
        &self,
        case_id: &str,
        at: &str,
        invoked: Vec<Invoked>,
        claim: Option<u64>,
        command: impl Fn(&State) -> Result<Command, Error>,
    ) -> Result<Case, Error> {
        for _ in 0..CONFLICTS_MAX {
            let Case {
                state,
                events: mut known,
            } = self.case(case_id).await?;
            let command = command(&state)?;
            Span::current().record("kind", trace::kind(&command));
            let events = decide(Some(&state), at, &command)?;
            check_storable(&events)?;
            let after = state.clone().after(&events)?;
            let number = events.first().map_or(after.last_event, |event| event.n);
            let invoked: Vec<_> = invoked.iter().map(|one| (number, one.clone())).collect();
            let bundle = self.pinned_if_there(&state).await?;
            let manifest = bundle.as_ref().map(|bundle| bundle.manifest().as_ref());
            let mut commit = self.commit(Some(&state), &after, events, &invoked, manifest);
            for settled in &mut commit.settled {
                settled.claim = claim;
            }
            match self.append(&commit).await {
                Ok(()) => {
                    known.extend(commit.events);
                    return Ok(Case {
                        state: after,
                        events: known,
                    });
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(refuse(error)),
            }
        }
        Err(Error::Busy(case_id.to_owned()))
    }

    pub(crate) fn commit(
        &self,
        before: Option<&State>,
        state: &State,
        events: Vec<Recorded>,
        invoked: &[(u64, Invoked)],
        manifest: Option<&Manifest>,
    ) -> Commit {
        rows::commit(
            before,
            state,
            events,
            invoked,
            manifest,
            &self.parameters.current(),
        )
    }

    pub(crate) fn drive(&self, bundle: Bundle, region: &str) -> Drive {
        let facts = LiveFacts {
            parameters: self.parameters.current(),
            folders: self.folders.clone(),
            region: region.to_owned(),
        };
        Drive {
            bundle,
            facts: Arc::new(facts),
            directory: self.directory(),
            executor: self.executor.clone(),
        }
    }

    /// Runs what a request asks of a bundle, where the bundle runs.
    ///
    /// # Errors
    /// [`Error::Overloaded`] at once where too many wait.
    pub(crate) async fn admit<T: Send + 'static>(
        &self,
        drive: Drive,
        work: impl FnOnce(Drive) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let places = self.places(&drive);
        places.admit(move || work(drive)).await
    }

    /// Runs what follows from something committed: it waits for its turn.
    pub(crate) async fn in_turn<T: Send + 'static>(
        &self,
        drive: Drive,
        work: impl FnOnce(Drive) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let places = self.places(&drive);
        places.in_turn(move || work(drive)).await
    }

    fn places(&self, drive: &Drive) -> Arc<Sandbox> {
        if !self.executor.is_elsewhere(&drive.bundle) {
            return self.sandbox.clone();
        }
        let matter = drive.bundle.manifest().matter.clone();
        let all = self.elsewhere.lock();
        let mut all = all.unwrap_or_else(PoisonError::into_inner);
        let places = all
            .entry(matter)
            .or_insert_with(|| Arc::new(Sandbox::elsewhere()));
        places.clone()
    }
}

/// A point in time as cases keep it: China's offset, whole seconds.
pub fn stamp(now: DateTime<FixedOffset>) -> String {
    let now = match FixedOffset::east_opt(CHINA_SECONDS_EAST) {
        Some(china) => now.with_timezone(&china),
        None => now,
    };
    now.to_rfc3339_opts(SecondsFormat::Secs, false)
}

pub(crate) fn refuse(error: CommitError) -> Error {
    if let Some(finding) = money::no_money(&error) {
        return Error::NoMoney(Box::new(finding));
    }
    match error {
        CommitError::Store(error) => Error::Store(error),
        CommitError::Conflict { case_id, .. } => Error::Busy(case_id),
        CommitError::Fenced { ticket } => Error::Overtaken { ticket },
        CommitError::MaterialNotStored { sha256 } => not_stored(&sha256),
        CommitError::KeyTaken { key, case_id } => Error::refused(
            "key-taken",
            format!("已有同一事项的办件 {case_id}({key}),不能重复办理"),
            format!("case {case_id} has the key {key} already; it cannot be handled twice"),
        ),
        CommitError::IdempotencyMismatch { key } => Error::refused(
            "idempotency-mismatch",
            format!("幂等键 {key} 已用于另一请求，请换一个"),
            format!("the idempotency key {key} was used for another request; take a new one"),
        ),
        error => Error::refused("not-committed", error.to_string(), error.to_string()),
    }
}
