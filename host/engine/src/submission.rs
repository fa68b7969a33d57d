//! Handing in: a submission becomes a case, or the next round of one; or every finding comes back.

use crate::asked::{HandIn, check_storable};
use crate::drive::{Drive, HandedIn, Invoked};
use crate::engine::{Case, Engine, refuse, stamp};
use crate::error::Error;
use crate::{money, trace};
use chrono::{DateTime, FixedOffset};
use onething_case::{Command, Recorded, State};
use onething_contract::manifest::Manifest;
use onething_contract::{Assessment, Finding, Material, MaterialStatus, Submission};
use onething_store::{Commit, Idempotency, Registered};
use tracing::Span;

/// How a submission came out.
#[derive(Debug)]
pub enum Submitted {
    /// It is a case now, or was by the same request before.
    Registered {
        /// The case's id.
        case_id: String,
        /// The same request came before.
        earlier: bool,
    },
    /// Refused at once, with every finding.
    Refused(Assessment),
}

impl Engine {
    /// Everything that would be found of a submission handed in now. Nothing is kept.
    ///
    /// # Errors
    /// Unknown matter, a submission that is none, or a fault.
    #[tracing::instrument(skip_all)]
    pub async fn assess(
        &self,
        matter: &str,
        hand_in: HandIn,
        now: DateTime<FixedOffset>,
    ) -> Result<Assessment, Error> {
        let at = stamp(now);
        let (bundle, _) = Self::applicable(&self.bundles(), matter, &hand_in.answers, &at)?;
        let drive = self.drive(bundle, &hand_in.region);
        let submission = self.submission(&drive, &hand_in, None, &at).await?;
        let assess = move |drive: Drive| drive.assess(submission, &hand_in.answers, &at);
        Ok(self.admit(drive, assess).await??)
    }

    /// Hands in a submission. With errors nothing is registered and every finding comes back.
    ///
    /// # Errors
    /// Unknown matter, a key that another case holds, an idempotency key used for something else.
    #[tracing::instrument(skip_all, fields(onething.case))]
    pub async fn submit(
        &self,
        matter: &str,
        hand_in: HandIn,
        submitted_by: &str,
        idempotency: Option<Idempotency>,
        now: DateTime<FixedOffset>,
    ) -> Result<Submitted, Error> {
        if let Some(earlier) = self.earlier(idempotency.as_ref()).await? {
            return Ok(earlier);
        }
        let at = stamp(now);
        let (bundle, legal_date) =
            Self::applicable(&self.bundles(), matter, &hand_in.answers, &at)?;
        let region = hand_in.region.clone();
        let manifest = bundle.manifest().clone();
        let drive = self.drive(bundle, &region);
        let (round, invoked) = match self
            .hand_in(&drive, hand_in, None, submitted_by, &at)
            .await?
        {
            HandedIn::Refused(assessment) => return Ok(Submitted::Refused(assessment)),
            HandedIn::Round { round, invoked } => (*round, invoked),
        };
        self.store.reach("submit.assessed")?;
        let id = self.new_id(&region, &at).await?;
        let events = drive.register(id, legal_date, None, round)?;
        self.registered(events, invoked, &manifest, idempotency.as_ref(), None)
            .await
    }

    /// The case that the same request made before.
    pub(crate) async fn earlier(
        &self,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Submitted>, Error> {
        let Some(request) = idempotency else {
            return Ok(None);
        };
        let found = self.store.find_idempotent(request).await.map_err(refuse)?;
        Ok(found.map(|case_id| Submitted::Registered {
            case_id,
            earlier: true,
        }))
    }

    pub(crate) async fn new_id(&self, region: &str, at: &str) -> Result<String, Error> {
        let year = at
            .get(..4)
            .and_then(|year| year.parse().ok())
            .unwrap_or_default();
        let id = self.store.next_case_number(region, year).await?;
        trace::link_case(&Span::current(), &id);
        Ok(id)
    }

    /// Commits a new case with its first events, and what `also` adds to the case that it goes over.
    pub(crate) async fn registered(
        &self,
        events: Vec<Recorded>,
        invoked: Vec<Invoked>,
        manifest: &Manifest,
        idempotency: Option<&Idempotency>,
        also: Option<&Commit>,
    ) -> Result<Submitted, Error> {
        let state = State::from_events(&events)?;
        let id = state.id.clone();
        let invoked: Vec<(u64, Invoked)> = invoked.into_iter().map(|one| (1, one)).collect();
        let commit = self.commit(None, &state, events, &invoked, Some(manifest));
        match self.register(&commit, idempotency, also).await {
            Err(error) => match money::no_money(&error) {
                Some(finding) => Ok(refused_with(state.assessment, finding)),
                None => Err(refuse(error)),
            },
            Ok(Registered::Earlier { case_id }) => Ok(Submitted::Registered {
                case_id,
                earlier: true,
            }),
            Ok(Registered::New) => {
                let events = commit.events;
                self.answer(Case { state, events }).await;
                Ok(Submitted::Registered {
                    case_id: id,
                    earlier: false,
                })
            }
        }
    }

    /// Hands in the next round of a case that waits for correction (补正).
    ///
    /// # Errors
    /// As [`Engine::submit`]; refused where the case does not wait for a correction.
    pub async fn correct(
        &self,
        case_id: &str,
        hand_in: HandIn,
        submitted_by: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Submitted, Error> {
        let at = stamp(now);
        let case = self.case(case_id).await?;
        let bundle = self.pinned(&case.state.digest).await?;
        let drive = self.drive(bundle, &case.state.submission.region);
        let (round, invoked) = match self
            .hand_in(&drive, hand_in, Some(&case.state), submitted_by, &at)
            .await?
        {
            HandedIn::Refused(assessment) => return Ok(Submitted::Refused(assessment)),
            HandedIn::Round { round, invoked } => (*round, invoked),
        };
        let correct = |_: &State| Ok(Command::Correct(Box::new(round.clone())));
        match self.command(case_id, &at, invoked, correct).await {
            Ok(_) => Ok(Submitted::Registered {
                case_id: case_id.to_owned(),
                earlier: false,
            }),
            Err(Error::NoMoney(finding)) => Ok(refused_with(round.assessment, *finding)),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn hand_in(
        &self,
        drive: &Drive,
        hand_in: HandIn,
        before: Option<&State>,
        submitted_by: &str,
        at: &str,
    ) -> Result<HandedIn, Error> {
        let submission = self.submission(drive, &hand_in, before, at).await?;
        let (by, now) = (submitted_by.to_owned(), at.to_owned());
        let hand_in = move |drive: Drive| drive.hand_in(submission, &hand_in.answers, &by, &now);
        Ok(self.admit(drive.clone(), hand_in).await??)
    }

    /// What was handed in as the bundle sees it, checked as far as no bundle is needed.
    async fn submission(
        &self,
        drive: &Drive,
        hand_in: &HandIn,
        before: Option<&State>,
        at: &str,
    ) -> Result<Submission, Error> {
        check_storable(&hand_in.answers)?;
        self.check_materials(&hand_in.materials).await?;
        let submission = hand_in.submission(drive.bundle.manifest(), before, at)?;
        check_storable(&submission)?;
        Ok(submission)
    }

    /// What is said to be supplied must be here, byte for byte.
    pub(crate) async fn check_materials(&self, materials: &[Material]) -> Result<(), Error> {
        for material in materials {
            if let MaterialStatus::Supplied(sha256) = &material.status
                && !self.store.has_material(sha256).await?
            {
                return Err(not_stored(sha256));
            }
        }
        Ok(())
    }
}

pub(crate) fn not_stored(sha256: &str) -> Error {
    Error::refused(
        "material-not-stored",
        format!("材料文件 {sha256} 尚未上传，或者久未使用已经清理；请上传后重试"),
        format!("the file {sha256} is not here, or was taken away unused; upload it and try again"),
    )
}

fn refused_with(mut assessment: Assessment, finding: Finding) -> Submitted {
    assessment.findings.push(finding);
    Submitted::Refused(assessment)
}
