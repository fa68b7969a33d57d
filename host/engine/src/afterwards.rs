//! What an office takes back, and what comes after a case's end: rating, repair, the check of
//! commitments, an appeal.

use crate::asked::{HandIn, NAME_CHARS_MAX, TEXT_CHARS_MAX, check_text};
use crate::drive::HandedIn;
use crate::engine::{CONFLICTS_MAX, Case, Engine, stamp};
use crate::error::Error;
use crate::submission::Submitted;
use chrono::{DateTime, FixedOffset};
use onething_case::{Command, Event, State, decide};
use onething_contract::Office;
use onething_store::Idempotency;
use serde::{Deserialize, Serialize};

/// What was found of a commitment (承诺核查).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// It was kept.
    pub kept: bool,
    /// What was found; needed where it was not.
    #[serde(default)]
    pub opinion: String,
}

impl Engine {
    /// An office takes back its own decision before it has taken effect (撤回).
    ///
    /// # Errors
    /// Refused where it has taken effect, or is another office's.
    pub async fn reopen(
        &self,
        case_id: &str,
        step: &str,
        by: &str,
        by_office: &Office,
        reason: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        check_text("by", by, NAME_CHARS_MAX)?;
        check_text("reason", reason, TEXT_CHARS_MAX)?;
        let command = Command::Reopen {
            step: step.to_owned(),
            by: by.to_owned(),
            by_office: by_office.clone(),
            reason: reason.to_owned(),
        };
        self.one(case_id, command, now).await
    }

    /// The filer rates a completed case (好差评). A poor rating opens a repair.
    ///
    /// # Errors
    /// Refused before the end and the second time.
    pub async fn rate(
        &self,
        case_id: &str,
        score: u8,
        by: &str,
        comment: Option<String>,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        if let Some(comment) = &comment {
            check_text("comment", comment, TEXT_CHARS_MAX)?;
        }
        let command = Command::Rate {
            score,
            by: by.to_owned(),
            comment,
        };
        self.one(case_id, command, now).await
    }

    /// The leading office has mended what a poor rating complained of (差评整改).
    ///
    /// # Errors
    /// Refused where nothing is to be mended, or another office leads.
    pub async fn repair(
        &self,
        case_id: &str,
        by: &str,
        by_office: &Office,
        text: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        check_text("by", by, NAME_CHARS_MAX)?;
        check_text("text", text, TEXT_CHARS_MAX)?;
        let command = Command::Repair {
            by: by.to_owned(),
            by_office: by_office.clone(),
            text: text.to_owned(),
        };
        self.one(case_id, command, now).await
    }

    /// An office checks a commitment after completion. The bundle hears of one that was not kept.
    ///
    /// # Errors
    /// Refused before completion, the second time, and where there is no such commitment.
    pub async fn check_commitment(
        &self,
        case_id: &str,
        code: &str,
        asked: &Check,
        by: &str,
        by_office: &Office,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        check_text("by", by, NAME_CHARS_MAX)?;
        if !asked.opinion.is_empty() {
            check_text("opinion", &asked.opinion, TEXT_CHARS_MAX)?;
        }
        let command = Command::CheckCommitment {
            code: code.to_owned(),
            kept: asked.kept,
            opinion: asked.opinion.clone(),
            by: by.to_owned(),
            by_office: by_office.clone(),
        };
        self.one(case_id, command, now).await
    }

    /// Hands in an appeal (申诉) of a case: a case of its own, under the version and the legal date of
    /// the original, whose unique keys it takes over. Both are written at once or not at all.
    ///
    /// # Errors
    /// As [`Engine::submit`]; refused where the original may not be appealed.
    pub async fn appeal(
        &self,
        original_id: &str,
        hand_in: HandIn,
        submitted_by: &str,
        idempotency: Option<Idempotency>,
        now: DateTime<FixedOffset>,
    ) -> Result<Submitted, Error> {
        if let Some(earlier) = self.earlier(idempotency.as_ref()).await? {
            return Ok(earlier);
        }
        let at = stamp(now);
        let original = self.case(original_id).await?.state;
        original.may_be_appealed().map_err(Error::Refused)?;
        let region = hand_in.region.clone();
        let bundle = self.pinned(&original.digest).await?;
        let manifest = bundle.manifest().clone();
        let drive = self.drive(bundle, &region);
        let handed_in = self.hand_in(&drive, hand_in, None, submitted_by, &at);
        let (round, invoked) = match handed_in.await? {
            HandedIn::Refused(assessment) => return Ok(Submitted::Refused(assessment)),
            HandedIn::Round { round, invoked } => (*round, invoked),
        };
        let id = self.new_id(&region, &at).await?;
        let legal_date = original.legal_date.clone();
        let appeal_of = Some(original_id.to_owned());
        let events = drive.register(id.clone(), legal_date, appeal_of, round)?;
        if let Some(Event::Registered(registration)) = events.first().map(|first| &first.event) {
            original
                .may_be_appealed_by(registration)
                .map_err(Error::Refused)?;
        }
        for _ in 0..CONFLICTS_MAX {
            let original = self.case(original_id).await?.state;
            let also = self.appealed(&original, &id, submitted_by, &at)?;
            let (events, invoked) = (events.clone(), invoked.clone());
            let (idempotency, also) = (idempotency.as_ref(), Some(&also));
            let registered = self.registered(events, invoked, &manifest, idempotency, also);
            match registered.await {
                Err(Error::Busy(case_id)) if case_id == original_id => {}
                registered => return registered,
            }
        }
        Err(Error::Busy(original_id.to_owned()))
    }

    /// What an appeal adds to the case that it goes over.
    fn appealed(
        &self,
        original: &State,
        id: &str,
        by: &str,
        at: &str,
    ) -> Result<onething_store::Commit, Error> {
        let command = Command::Appeal {
            case_id: id.to_owned(),
            by: by.to_owned(),
        };
        let events = decide(Some(original), at, &command)?;
        let after = original.clone().after(&events)?;
        Ok(self.commit(Some(original), &after, events, &[], None))
    }

    /// A command that is the same however the case stands.
    pub(crate) async fn one(
        &self,
        case_id: &str,
        command: Command,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        self.command(case_id, &stamp(now), Vec::new(), |_| Ok(command.clone()))
            .await
    }
}
