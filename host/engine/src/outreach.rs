//! Outreach: goes over a register of subjects in batches, keeps what the bundle offers them, and
//! then tells them and opens the cases that need no application. A run that was stopped goes on
//! where its last batch was kept; nobody is told twice.

use crate::asked::{HandIn, NAME_CHARS_MAX, check_text};
use crate::drive::Drive;
use crate::effects::refusal;
use crate::engine::{Engine, stamp};
use crate::error::Error;
use crate::sandbox::beside;
use crate::submission::Submitted;
use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use onething_capabilities::{Notice, Parameters};
use onething_contract::manifest::Manifest;
use onething_contract::{Capacity, Channel, Filer, Offer, Refusal, Severity, Subject, SubjectKind};
use onething_contract::{fen, identifiers};
use onething_runtime::Bundle;
use onething_store::{Idempotency, NewOffer, OfferRow, OutreachRun};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

/// Subjects in one call of the bundle.
const SUBJECTS_PER_CALL: usize = 200;
/// Codes in one call of the bundle: with the subjects, what one call has to weigh.
pub const CODES_PER_CALL: usize = 500;
/// Offers read at a time when they are told.
const OFFERS_PER_READ: u32 = 100;
/// How long a matter's outreach is nobody else's: longer than a batch, or telling an offer, may take.
const HOLD: Duration = Duration::from_secs(300);
/// Who hands in a proactive case.
const CALLER: &str = "outreach";

/// What to go over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The matter.
    pub matter: String,
    /// The register whose keys are the subjects.
    pub register: String,
    /// The family of parameters whose names are the codes, where the bundle goes by codes.
    pub family: Option<String>,
    /// GB/T 2260.
    pub region: String,
    /// As of which day.
    pub on: NaiveDate,
}

/// How a run came out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    /// Subjects gone over, also before the run was stopped and went on.
    pub subjects: u64,
    /// Offers that are new, likewise.
    pub offers: u64,
    /// Offers that somebody was told of now.
    pub told: u64,
    /// Cases that were opened now.
    pub opened: u64,
    /// Offers whose budget has not the money now: nobody was told, the next run tries again.
    pub waiting: u64,
    /// Offers whose notice or case was refused now; each says why.
    pub refused: u64,
}

/// A run's hold on its matter.
struct Hold {
    name: String,
    now: DateTime<FixedOffset>,
    since: Instant,
}

impl Engine {
    /// Goes over the register to its end. The same again on the same day does nothing new.
    ///
    /// # Errors
    /// Where the bundle does not reach out, fails, or the register cannot answer; what was kept
    /// stays, and the same call goes on from there.
    pub async fn reach(&self, reach: &Reach, now: DateTime<FixedOffset>) -> Result<Reached, Error> {
        let bundle = Self::valid(&self.bundles(), &reach.matter, &reach.on.to_string())?;
        if !bundle.reaches_out() {
            return Err(Error::refused(
                "no-outreach",
                format!("事项 {} 没有主动告知功能", reach.matter),
                format!("the matter {} does not export outreach", reach.matter),
            ));
        }
        let hold = Hold {
            name: format!("outreach/{}", reach.matter),
            now,
            since: Instant::now(),
        };
        let reached = self.reach_alone(&bundle, reach, &hold).await;
        // Where it cannot be left it ends by itself.
        let left = self.store.leave_lease(&hold.name, &self.work.node).await;
        reached.and_then(|reached| left.map(|()| reached).map_err(Error::from))
    }

    /// One node at a time goes over the registers for a matter.
    async fn hold(&self, hold: &Hold) -> Result<(), Error> {
        let now = hold.now.with_timezone(&Utc) + hold.since.elapsed();
        let taken = self
            .store
            .take_lease(&hold.name, &self.work.node, now, HOLD);
        if taken.await? {
            return Ok(());
        }
        Err(Error::refused(
            "outreach-running",
            "该事项的主动告知正在另一台主机上进行，请稍后再试",
            "another node is reaching out for this matter; try again later",
        ))
    }

    async fn reach_alone(
        &self,
        bundle: &Bundle,
        reach: &Reach,
        hold: &Hold,
    ) -> Result<Reached, Error> {
        let (now, at) = (hold.now, stamp(hold.now));
        self.hold(hold).await?;
        let mut run = self.store.outreach_run(&reach.id(), &at).await?;
        while run.ended_at.is_none() {
            self.hold(hold).await?;
            self.batch(bundle, reach, &mut run, &at).await?;
        }
        let mut reached = Reached {
            subjects: run.subjects,
            offers: run.offers,
            ..Reached::default()
        };
        let mut after = 0;
        loop {
            let to_do = self
                .store
                .offers_to_do(&reach.matter, after, OFFERS_PER_READ);
            let offers = to_do.await?;
            let Some(last) = offers.last() else {
                return Ok(reached);
            };
            after = last.n;
            for offer in &offers {
                self.hold(hold).await?;
                self.tell(bundle, offer, now, &mut reached).await?;
            }
        }
    }

    /// One batch of subjects, every code.
    async fn batch(
        &self,
        bundle: &Bundle,
        reach: &Reach,
        run: &mut OutreachRun,
        at: &str,
    ) -> Result<(), Error> {
        let registers = self.folders.registers.clone();
        let (register, after) = (reach.register.clone(), run.done_to.clone());
        let keys = beside(move || registers.keys(&register, after.as_deref(), SUBJECTS_PER_CALL))
            .await?
            .map_err(Error::Refused)?;
        let subjects: Vec<Subject> = keys.iter().map(|key| subject(key)).collect();
        let from = run.subjects + 1;
        run.subjects += subjects.len() as u64;
        let offers = self.offers(bundle, reach, &subjects, at).await;
        let offers = offers.map_err(|source| Error::Stopped {
            register: reach.register.clone(),
            from,
            to: run.subjects,
            source: Box::new(source),
        })?;
        match keys.last() {
            Some(last) => run.done_to = Some(last.clone()),
            None => run.ended_at = Some(at.to_owned()),
        }
        run.offers += self
            .store
            .keep_offers(run, &reach.matter, &reach.region, &offers, at)
            .await?;
        Ok(())
    }

    /// What the bundle offers a batch.
    async fn offers(
        &self,
        bundle: &Bundle,
        reach: &Reach,
        subjects: &[Subject],
        at: &str,
    ) -> Result<Vec<NewOffer>, Error> {
        let mut offers = Vec::new();
        if subjects.is_empty() {
            return Ok(offers);
        }
        let parameters = self.parameters.current();
        for codes in codes(reach, &parameters) {
            let drive = self.drive(bundle.clone(), &reach.region);
            let (on, at) = (reach.on, at.to_owned());
            let (asked, subjects_asked) = (codes.clone(), subjects.to_vec());
            let reach = move |drive: Drive| drive.reach(subjects_asked, asked, on, &at);
            let made = self.in_turn(drive, reach).await??;
            for offer in made {
                let fen = check(&offer, subjects, &codes)?;
                offers.push(NewOffer { offer, fen });
            }
        }
        Ok(offers)
    }

    /// Opens the case of an offer, where it has one, and tells of it: each once, whatever happens
    /// between. Nobody is promised what comes to no case; where only the money is missing, the offer
    /// stays to be done by the next run.
    async fn tell(
        &self,
        bundle: &Bundle,
        row: &OfferRow,
        now: DateTime<FixedOffset>,
        reached: &mut Reached,
    ) -> Result<(), Error> {
        let opened = match &row.offer.answers {
            Some(answers) => self.open(row, answers, now).await?.map(Some),
            None => Ok(None),
        };
        if opened.as_ref().is_err_and(is_for_want_of_money) {
            reached.waiting += 1;
            return Ok(());
        }
        let (case_id, refusal) = match opened {
            Ok(case_id) => {
                reached.opened += u64::from(case_id.is_some());
                let sent = self.send_notices(bundle.manifest(), row)?;
                reached.told += u64::from(sent.is_ok());
                (case_id, sent.err())
            }
            Err(refusal) => (None, Some(refusal)),
        };
        reached.refused += u64::from(refusal.is_some());
        let refused = refusal.map(|refusal| serde_json::json!([refusal]).to_string());
        let (case_id, refused) = (case_id.as_deref(), refused.as_deref());
        Ok(self.store.offer_done(row.n, case_id, refused).await?)
    }

    fn send_notices(
        &self,
        manifest: &Manifest,
        row: &OfferRow,
    ) -> Result<Result<(), Refusal>, Error> {
        for (number, message) in (1..).zip(&row.offer.notices) {
            let ticket = format!("offer-{}-{number}", row.n);
            let mut templates = manifest.notices.iter();
            let Some(template) = templates.find(|known| known.code == message.template) else {
                return Ok(Err(no_template(&message.template)));
            };
            let values: Map<String, Value> =
                serde_json::from_str(&message.values).unwrap_or_default();
            let notice = Notice {
                ticket: &ticket,
                case_id: None,
                to: &message.to,
                template,
                values: &values,
            };
            let sent = self.folders.notices.send(&notice);
            let sent = sent.map_err(|error| Error::Effect {
                ticket,
                source: error.into(),
            })?;
            if let Err(refusal) = sent {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(()))
    }

    /// Hands the offer's answers in for its subject (免申即享).
    async fn open(
        &self,
        row: &OfferRow,
        answers: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Result<String, Refusal>, Error> {
        let subject = row.offer.subject.clone();
        let hand_in = HandIn {
            filer: Filer {
                person: subject.clone(),
                unit: (subject.kind == SubjectKind::Organisation).then(|| subject.clone()),
                capacity: Capacity::Applicant,
            },
            subject,
            parties: Vec::new(),
            region: row.region.clone(),
            channel: Channel::Proactive,
            materials: Vec::new(),
            answers: serde_json::from_str(answers).unwrap_or_default(),
            form_digest: None,
        };
        let request = Idempotency {
            caller: CALLER.to_owned(),
            key: format!("offer-{}", row.n),
            request_sha256: hex::encode(Sha256::digest(answers)),
        };
        let submitted = self
            .submit(&row.matter, hand_in, CALLER, Some(request), now)
            .await;
        match submitted {
            Ok(Submitted::Registered { case_id, .. }) => Ok(Ok(case_id)),
            Ok(Submitted::Refused(assessment)) => {
                let mut findings = assessment.findings.into_iter();
                let error = findings.find(|finding| finding.severity == Severity::Error);
                Ok(Err(error.map_or_else(
                    || no_case(&assessment.missing),
                    |finding| Refusal {
                        code: finding.code,
                        message: finding.message,
                        basis: finding.basis,
                    },
                )))
            }
            Err(Error::Refused(refusal)) => Ok(Err(refusal)),
            Err(error) => Err(error),
        }
    }
}

impl Reach {
    /// The same run, asked for again.
    fn id(&self) -> String {
        let family = self.family.as_deref().unwrap_or_default();
        let (matter, register, region, on) = (&self.matter, &self.register, &self.region, self.on);
        format!("{matter} {register} {family} {region} {on}")
    }
}

/// The codes of each call; one call without any where the bundle does not go by codes.
fn codes(reach: &Reach, parameters: &Parameters) -> Vec<Vec<String>> {
    let Some(family) = &reach.family else {
        return vec![Vec::new()];
    };
    let names = parameters.family(family, reach.on, &reach.region);
    let calls = names.chunks(CODES_PER_CALL);
    calls.map(<[String]>::to_vec).collect()
}

/// Holds an offer to what was asked; what it comes to in fen.
fn check(offer: &Offer, subjects: &[Subject], codes: &[String]) -> Result<Option<u64>, Error> {
    let wrong = |zh: &str, en: &str| {
        let code = &offer.code;
        Error::refused(
            "bad-offer",
            format!("{code}：{zh}"),
            format!("{code}: {en}"),
        )
    };
    check_text("offer.code", &offer.code, NAME_CHARS_MAX)?;
    if !offer.occasion.is_empty() {
        check_text("offer.occasion", &offer.occasion, NAME_CHARS_MAX)?;
    }
    if !subjects.contains(&offer.subject) {
        return Err(wrong("对象不在本批之内", "its subject is not of the batch"));
    }
    if !codes.is_empty() && !codes.contains(&offer.code) {
        return Err(wrong("没有查询这一项", "it was not asked about"));
    }
    match offer.amount.as_deref().map(fen) {
        Some(None) => Err(wrong("金额无效", "its amount is none")),
        Some(fen) => Ok(fen),
        None => Ok(None),
    }
}

/// There is nothing wrong with the case but that its budget has not the money.
fn is_for_want_of_money(refusal: &Refusal) -> bool {
    matches!(refusal.code.as_str(), "budget-short" | "unknown-budget")
}

/// Persons are known by their citizen ID, everything else is an organisation.
fn subject(key: &str) -> Subject {
    Subject {
        kind: match identifiers::citizen_id(key) {
            true => SubjectKind::Person,
            false => SubjectKind::Organisation,
        },
        identifier: key.to_owned(),
    }
}

fn no_template(code: &str) -> Refusal {
    refusal(
        "unknown-template",
        format!("没有消息模板 {code}"),
        format!("there is no template {code}"),
    )
}

fn no_case(missing: &[String]) -> Refusal {
    refusal(
        "materials-missing",
        format!("缺少材料：{}", missing.join("、")),
        format!("materials are missing: {}", missing.join(", ")),
    )
}
