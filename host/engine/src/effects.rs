//! Carries out what bundles asked for: effects are claimed from the store, done through the
//! capabilities, and their outcome told to the case. What fails is tried again later, under the same
//! ticket.

use crate::channels::delivers;
use crate::drive::Drive;
use crate::engine::{Case, Engine, stamp};
use crate::error::{Error, chain};
use crate::host_notices::of_host;
use crate::measures::{kind, measures};
use crate::sandbox::beside;
use crate::work::Clock;
use crate::{money, trace};
use chrono::{DateTime, FixedOffset, Utc};
use onething_capabilities::documents::{DecisionPage, FormPage};
use onething_capabilities::{
    Deliveries, Delivery, Notice, Notices, Outcome, Payments, Registers, Seals,
};
use onething_case::{Command, State};
use onething_contract::manifest::NoticeTemplate;
use onething_contract::{
    Document, Effect, FilledForm, Json, Office, Recipient, Refusal, SealOwner, Settlement, Text,
    Ticket,
};
use onething_runtime::Bundle;
use onething_store::{EffectRow, EffectStatus};
use serde_json::{Map, Value, json};
use std::path::Path;
use tracing::Instrument;
use tracing::field::Empty;

/// Where registers, seals, notices, deliveries and payments live.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Read when a bundle looks something up.
    pub registers: Registers,
    /// Keys.
    pub seals: Seals,
    /// The outbox.
    pub notices: Notices,
    /// The offices' folders.
    pub deliveries: Deliveries,
    /// What the bank collects.
    pub payments: Payments,
}

impl Folders {
    /// The usual folders of a data directory.
    pub fn within(data: &Path) -> Self {
        Self {
            registers: Registers::new(data.join("registers")),
            seals: Seals::new(data.join("keys")),
            notices: Notices::new(data.join("outbox")),
            deliveries: Deliveries::new(data.join("deliveries")),
            payments: Payments::new(data.join("bank").join("outgoing")),
        }
    }
}

impl Engine {
    /// Tries an effect in its case's trace.
    ///
    /// # Errors
    /// When the store fails; an effect that fails rests, or is given up.
    pub(crate) async fn attempt(&self, effect: &EffectRow, clock: Clock<'_>) -> Result<(), Error> {
        let intent = &effect.intent;
        let span = tracing::info_span!(
            "effect",
            kind = kind(&intent.effect),
            ticket = intent.ticket,
            attempt = effect.attempts,
            onething.case = Empty
        );
        let attempt = async {
            if !delivers(&intent.effect).may_try(effect.attempts) {
                let cause = "it is not known what became of earlier tries";
                return self.bury(effect, cause).await;
            }
            match self.carry_out(effect, clock()).await {
                Ok(()) => {
                    measures().tried(&intent.effect, "done");
                    tracing::info!("an effect is carried out");
                    Ok(())
                }
                Err(Error::Overtaken { ticket }) => {
                    measures().tried(&intent.effect, "overtaken");
                    tracing::warn!(%ticket, "the effect is another worker's by now");
                    Ok(())
                }
                Err(error) => self.rest(effect, clock(), &error).await,
            }
        };
        let span = trace::of_case(span, &effect.case_id);
        attempt.instrument(span).await
    }

    async fn rest(
        &self,
        effect: &EffectRow,
        now: DateTime<FixedOffset>,
        error: &Error,
    ) -> Result<(), Error> {
        let (ticket, cause) = (&effect.intent.ticket, chain(error));
        let Some(rest) = delivers(&effect.intent.effect).rest(ticket, effect.attempts) else {
            return self.bury(effect, &cause).await;
        };
        measures().tried(&effect.intent.effect, "failed");
        tracing::warn!(%ticket, attempts = effect.attempts, error = cause, "an effect failed and rests {} s", rest.as_secs());
        let until = now.with_timezone(&Utc) + rest;
        let failed = self.store.fail_effect(ticket, effect.claim, until, &cause);
        if !failed.await? {
            tracing::warn!(%ticket, "the effect is another worker's by now");
        }
        Ok(())
    }

    /// Nobody tries it any more: a person sees it and has the last word.
    async fn bury(&self, effect: &EffectRow, cause: &str) -> Result<(), Error> {
        let ticket = &effect.intent.ticket;
        if self.store.bury_effect(ticket, effect.claim, cause).await? {
            measures().tried(&effect.intent.effect, "dead");
            tracing::error!(%ticket, attempts = effect.attempts, error = cause, "an effect is given up: see `onething effects`");
        }
        Ok(())
    }

    async fn carry_out(&self, effect: &EffectRow, now: DateTime<FixedOffset>) -> Result<(), Error> {
        self.store.reach("effect.before")?;
        if self.is_overtaken(effect).await? {
            return Ok(());
        }
        let at = stamp(now);
        if let Some(outcome) = self.look(effect).await? {
            tracing::info!("an earlier try had done it");
            return self.settle_with(effect, &at, outcome).await;
        }
        let case = self.case(&effect.case_id).await?;
        let outcome = match &effect.intent.effect {
            Effect::Payment(order) => match self.pay(effect, &case, order, &at).await? {
                None => return Ok(()), // the bank's answer settles it
                Some(refusal) => Err(refusal),
            },
            Effect::Release { budget } => {
                // What is left is known for sure only as it goes back.
                let settle = |state: &State| {
                    Ok(Command::Settle(Settlement {
                        ticket: effect.intent.ticket.clone(),
                        outcome: Ok(money::released(state, budget)),
                    }))
                };
                return self.settle(effect, &at, settle).await;
            }
            Effect::Seal { owner, documents } => {
                let bundle = self.pinned(&case.state.digest).await?;
                self.seal(effect, &case, &bundle, owner, documents).await?
            }
            Effect::Notice {
                to,
                template,
                values,
            } => {
                let known = match of_host(template) {
                    Some(known) => Some(known),
                    None => {
                        let bundle = self.pinned(&case.state.digest).await?;
                        let mut templates = bundle.manifest().notices.iter();
                        templates.find(|known| known.code == *template).cloned()
                    }
                };
                self.notify(effect, known.as_ref(), to, values)?
            }
            Effect::Delivery { form, to } => {
                let bundle = self.pinned(&case.state.digest).await?;
                self.deliver(effect, &case, &bundle, form, to).await?
            }
        };
        self.store.reach("effect.applied")?;
        self.settle_with(effect, &at, outcome).await
    }

    /// What an earlier try came to whose answer was lost: its receiver is asked before the same is
    /// done again. Seals and releases come to the same; a payment looks for itself at the bank.
    async fn look(&self, row: &EffectRow) -> Result<Option<Outcome>, Error> {
        let ticket = row.intent.ticket.clone();
        if row.claim <= 1 {
            return Ok(None);
        }
        let folders = self.folders.clone();
        let effect = row.intent.effect.clone();
        let (key, case_id) = (ticket.clone(), row.case_id.clone());
        let found = beside(move || match effect {
            Effect::Notice { .. } => folders.notices.look(&key),
            Effect::Delivery { form, to } => folders.deliveries.look(&key, &case_id, &form, &to),
            Effect::Seal { .. } | Effect::Payment(_) | Effect::Release { .. } => Ok(None),
        });
        found.await?.map_err(failed(&ticket))
    }

    async fn settle_with(
        &self,
        effect: &EffectRow,
        at: &str,
        outcome: Outcome,
    ) -> Result<(), Error> {
        let settlement = Settlement {
            ticket: effect.intent.ticket.clone(),
            outcome,
        };
        let settle = |_: &State| Ok(Command::Settle(settlement.clone()));
        self.settle(effect, at, settle).await
    }

    /// Another worker did it while this one stood still: what it would bring now may be out of date,
    /// and the receiver may have taken it away already.
    async fn is_overtaken(&self, claimed: &EffectRow) -> Result<bool, Error> {
        let now = self.store.effect(&claimed.intent.ticket).await?;
        Ok(now.is_none_or(|now| (now.status, now.claim) != (EffectStatus::Pending, claimed.claim)))
    }

    fn notify(
        &self,
        row: &EffectRow,
        template: Option<&NoticeTemplate>,
        to: &Recipient,
        values: &Json,
    ) -> Result<Outcome, Error> {
        let Some(template) = template else {
            return Ok(Err(refusal(
                "unknown-template",
                "没有这个消息模板",
                "there is no such template",
            )));
        };
        let values: Map<String, Value> = serde_json::from_str(values).unwrap_or_default();
        let notice = Notice {
            ticket: &row.intent.ticket,
            case_id: Some(&row.case_id),
            to,
            template,
            values: &values,
        };
        self.folders
            .notices
            .send(&notice)
            .map_err(failed(&row.intent.ticket))
    }

    async fn seal(
        &self,
        row: &EffectRow,
        case: &Case,
        bundle: &Bundle,
        owner: &SealOwner,
        documents: &[Document],
    ) -> Result<Outcome, Error> {
        let ticket = &row.intent.ticket;
        let (state, forms) = self.as_of(row.event, case, bundle).await?;
        let key = seal_key(owner, &state);
        let mut sealed = Vec::new();
        for document in documents {
            let name = document_name(document);
            let page = match document {
                Document::Form(form) => form_page(bundle, &state, &forms, form),
                Document::Decision(step) => decision_page(bundle, &state, step),
            };
            let Some(page) = page else {
                return Ok(Err(refusal(
                    "unknown-document",
                    "没有这份文书",
                    "there is no such document",
                )));
            };
            let (seals, owner) = (self.folders.seals.clone(), key.clone());
            let bytes = page.into_bytes();
            let (bytes, seal) = beside(move || {
                let seal = seals.seal(&owner, &bytes);
                (bytes, seal)
            })
            .await?;
            let seal = seal.map_err(failed(ticket))?;
            let entry = json!({"name": name, "sha256": seal.sha256, "signature": seal.signature});
            let seal = serde_json::to_value(&seal).map_err(failed(ticket))?;
            self.store
                .put_document(&row.case_id, &name, row.event, &bytes, &[seal])
                .await?;
            sealed.push(entry);
        }
        Ok(Ok(json!({"documents": sealed, "key": key}).to_string()))
    }

    async fn deliver(
        &self,
        row: &EffectRow,
        case: &Case,
        bundle: &Bundle,
        form: &str,
        to: &Office,
    ) -> Result<Outcome, Error> {
        let ticket = &row.intent.ticket;
        let (state, forms) = self.as_of(row.event, case, bundle).await?;
        let Some(page) = form_page(bundle, &state, &forms, form) else {
            return Ok(Err(refusal(
                "unknown-document",
                "没有这份表单",
                "there is no such form",
            )));
        };
        let document = self
            .store
            .put_document(&row.case_id, form, row.event, page.as_bytes(), &[])
            .await?;
        let delivery = Delivery {
            ticket,
            case_id: &row.case_id,
            event: row.event,
            form,
            to,
            page: page.as_bytes(),
            values: &values(&forms, form).unwrap_or_default(),
            seals: &document.seals,
        };
        self.folders
            .deliveries
            .push(&delivery)
            .map_err(failed(ticket))
    }

    /// The case and its forms as of an event: what an effect says does not depend on when it is
    /// carried out.
    async fn as_of(
        &self,
        event: u64,
        case: &Case,
        bundle: &Bundle,
    ) -> Result<(State, Vec<FilledForm>), Error> {
        let count = usize::try_from(event)
            .unwrap_or(usize::MAX)
            .min(case.events.len());
        let (past, _) = case.events.split_at(count);
        let state = State::from_events(past)?;
        let at = past
            .last()
            .map(|recorded| recorded.at.clone())
            .unwrap_or_default();
        let drive = self.drive(bundle.clone(), &state.submission.region);
        let project = move |drive: Drive| {
            let forms = drive.project(&state, &at);
            (state, forms)
        };
        let (state, forms) = self.in_turn(drive, project).await?;
        Ok((state, forms?))
    }
}

/// Whose key: the unit's by its code, an office's by function and region.
fn seal_key(owner: &SealOwner, state: &State) -> String {
    let submission = &state.submission;
    match owner {
        SealOwner::Office(office) => format!("{}-{}", office.function, office.region),
        SealOwner::Unit => {
            let unit = submission
                .filer
                .unit
                .as_ref()
                .unwrap_or(&submission.filer.person);
            format!("unit-{}", unit.identifier)
        }
    }
}

fn document_name(document: &Document) -> String {
    match document {
        Document::Form(form) => form.clone(),
        Document::Decision(step) => format!("decision-{step}"),
    }
}

fn values(forms: &[FilledForm], name: &str) -> Option<Map<String, Value>> {
    let form = forms.iter().find(|form| form.form == name)?;
    serde_json::from_str(&form.values).ok()
}

/// A source form of the case, printed.
pub fn form_page(
    bundle: &Bundle,
    state: &State,
    forms: &[FilledForm],
    name: &str,
) -> Option<String> {
    let manifest = bundle.manifest();
    let page = FormPage {
        manifest,
        form: manifest.source_form(name)?,
        case_id: &state.id,
        values: &values(forms, name)?,
        decisions: &state.decisions,
    };
    Some(page.render())
}

fn decision_page(bundle: &Bundle, state: &State, step: &str) -> Option<String> {
    let page = DecisionPage {
        manifest: bundle.manifest(),
        case_id: &state.id,
        step: &state.step(step)?.step,
        decision: state.standing(step)?,
    };
    Some(page.render())
}

pub(crate) fn refusal(code: &str, zh: impl Into<String>, en: impl Into<String>) -> Refusal {
    Refusal {
        code: code.to_owned(),
        message: Text {
            zh: zh.into(),
            en: en.into(),
        },
        basis: None,
    }
}

pub(crate) fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    ticket: &Ticket,
) -> impl FnOnce(E) -> Error {
    let ticket = ticket.clone();
    move |error| Error::Effect {
        ticket,
        source: error.into(),
    }
}
