//! `onething case`: hand in, sign, look at, decide and withdraw, straight on the store of the deployment.
//! Whoever may open the store may act for anybody: this is the operator's tool, the API is the
//! others'.

use crate::afterwards::Afterwards;
use crate::deployment::{Deployment, now};
use crate::say;
use crate::verify::Verify;
use anyhow::{Context, bail};
use chrono::{DateTime, FixedOffset};
use onething_case::State;
use onething_contract::{Finding, Office, Severity, Subject, Text, Verdict};
use onething_engine::{Case as Loaded, Decide, Engine, HandIn, Sign, Submitted, Unsign};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What can be done with cases.
#[derive(clap::Subcommand)]
pub enum Case {
    /// Hand in a submission and print the case's id, or every finding.
    Submit {
        /// The name of the matter.
        matter: String,
        /// A submission as the API takes it, JSON.
        file: PathBuf,
        /// Fill in from the registers what the file leaves out, as a platform's form does.
        #[arg(long)]
        prefill: bool,
        /// Hand it in as the next round of this case (补正).
        #[arg(long)]
        case: Option<String>,
    },
    /// Tell how a case stands.
    Show {
        /// Its id.
        case: String,
        /// The history.
        #[arg(long)]
        events: bool,
        /// The documents and their seals, each verified.
        #[arg(long)]
        documents: bool,
        /// Everything as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Decide a step for its office.
    Decide {
        /// The case's id.
        case: String,
        /// The step.
        step: String,
        /// approve, no-objection, reject, return-for-correction or hold.
        verdict: String,
        /// Who decides.
        #[arg(long)]
        by: String,
        /// In the office's words.
        #[arg(long, default_value = "")]
        opinion: String,
        /// Why, in Chinese; needed where it is not a yes.
        #[arg(long)]
        reason: Vec<String>,
        /// The law and article of the reasons.
        #[arg(long)]
        basis: Option<String>,
        /// What an approval must carry, JSON.
        #[arg(long)]
        payload: Option<String>,
        /// For whom a deputy decides.
        #[arg(long)]
        on_behalf_of: Option<String>,
    },
    /// Sign what was handed in, as a party.
    Sign {
        /// The case's id.
        case: String,
        /// The party's identifier.
        #[arg(long)]
        subject: String,
        /// In which role.
        #[arg(long)]
        role: String,
        /// Who brings the signature.
        #[arg(long)]
        by: String,
    },
    /// Take a signature back, before everybody has signed.
    Unsign {
        /// The case's id.
        case: String,
        /// The party's identifier.
        #[arg(long)]
        subject: String,
        /// In which role.
        #[arg(long)]
        role: String,
        /// Who does.
        #[arg(long)]
        by: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Object to a public notice (公示).
    Object {
        /// The case's id.
        case: String,
        /// The step that publishes it.
        step: String,
        /// Who objects.
        #[arg(long)]
        by: String,
        /// In their own words.
        #[arg(long)]
        text: String,
    },
    /// Take a case back for its filer.
    Withdraw {
        /// The case's id.
        case: String,
        /// Who does.
        #[arg(long)]
        by: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Let a case go on that a fault of its bundle has parked.
    Resume {
        /// The case's id.
        case: String,
        /// Who does.
        #[arg(long)]
        by: String,
    },
    #[command(flatten)]
    Afterwards(Afterwards),
    Verify(Verify),
}

impl Case {
    /// Runs the command, and what follows from it.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        if let Self::Verify(verify) = self {
            return verify.run(deployment).await;
        }
        let engine = deployment.open().await?;
        if !matches!(self, Self::Show { .. }) {
            // What an earlier command was stopped in the middle of.
            drain(&engine, now()).await?;
        }
        match self {
            Self::Submit {
                matter,
                file,
                prefill,
                case,
            } => {
                let mut hand_in = read(&file)?;
                if prefill {
                    fill(&engine, &matter, &mut hand_in, now()).await?;
                }
                submit(&engine, &matter, hand_in, case.as_deref()).await?;
            }
            Self::Show {
                case,
                events,
                documents,
                json,
            } => {
                show(&engine, &case, events, documents, json).await?;
            }
            Self::Decide {
                case,
                step,
                verdict,
                by,
                opinion,
                reason,
                basis,
                payload,
                on_behalf_of,
            } => {
                let loaded = engine.case(&case).await?;
                let Some(record) = loaded.state.step(&step) else {
                    let steps: Vec<&str> = loaded
                        .state
                        .plan()
                        .map(|known| known.step.id.as_str())
                        .collect();
                    bail!(
                        "case {case} has no step `{step}`; it has {}",
                        steps.join(", ")
                    );
                };
                let office: Office = record.office().clone();
                let asked = Decide {
                    round: loaded.state.round(),
                    task_version: None,
                    verdict: verdict_of(&verdict)?,
                    reasons: reason
                        .iter()
                        .map(|reason| finding(reason, basis.as_deref()))
                        .collect(),
                    opinion,
                    payload: payload
                        .map(|payload| serde_json::from_str(&payload))
                        .transpose()
                        .context("--payload is not JSON")?,
                    on_behalf_of,
                };
                engine
                    .decide(&case, &step, asked, &by, &office, now())
                    .await?;
                drain(&engine, now()).await?;
                show(&engine, &case, false, false, false).await?;
            }
            Self::Sign {
                case,
                subject,
                role,
                by,
            } => {
                let state = engine.case(&case).await?.state;
                let asked = Sign {
                    subject: party(&state, &subject, &role)?,
                    role,
                    round: state.round(),
                };
                engine.sign(&case, &asked, &by, now()).await?;
                drain(&engine, now()).await?;
                show(&engine, &case, false, false, false).await?;
            }
            Self::Unsign {
                case,
                subject,
                role,
                by,
                reason,
            } => {
                let state = engine.case(&case).await?.state;
                let asked = Unsign {
                    subject: party(&state, &subject, &role)?,
                    role,
                    reason,
                };
                engine.unsign(&case, &asked, &by, now()).await?;
                show(&engine, &case, false, false, false).await?;
            }
            Self::Object {
                case,
                step,
                by,
                text,
            } => {
                engine.object(&case, &step, &by, &text, now()).await?;
                drain(&engine, now()).await?;
                show(&engine, &case, false, false, false).await?;
            }
            Self::Withdraw { case, by, reason } => {
                engine.withdraw(&case, &by, &reason, now()).await?;
                drain(&engine, now()).await?;
                show(&engine, &case, false, false, false).await?;
            }
            Self::Resume { case, by } => {
                engine.resume(&case, &by, now()).await?;
                drain(&engine, now()).await?;
                show(&engine, &case, false, false, false).await?;
            }
            Self::Afterwards(asked) => {
                let case = asked.run(&engine).await?;
                drain(&engine, now()).await?;
                show(&engine, &case, false, false, false).await?;
            }
            Self::Verify(_) => {}
        }
        Ok(())
    }
}

/// A party of the submission, by what a person can type.
fn party(state: &State, identifier: &str, role: &str) -> anyhow::Result<Subject> {
    let parties = &state.submission.parties;
    let named = parties
        .iter()
        .find(|party| party.subject.identifier == identifier && party.role == role);
    match named {
        Some(party) => Ok(party.subject.clone()),
        None => bail!(
            "case {} has no party {identifier} in the role `{role}`",
            state.id
        ),
    }
}

/// Reads a submission.
pub fn read(file: &Path) -> anyhow::Result<HandIn> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not a submission", file.display()))
}

/// Adds what registers know to the answers, leaving what is answered.
pub async fn fill(
    engine: &Engine,
    matter: &str,
    hand_in: &mut HandIn,
    at: DateTime<FixedOffset>,
) -> anyhow::Result<()> {
    let form = engine
        .prefill(
            matter,
            hand_in.filer.clone(),
            hand_in.subject.clone(),
            &hand_in.region,
            "command line".to_owned(),
            at,
        )
        .await?;
    let Value::Object(answers) = &mut hand_in.answers else {
        bail!("`answers` is not an object");
    };
    for prefilled in form.values {
        if let Some(value) = prefilled.value {
            let value = serde_json::from_str(&value)?;
            answers.entry(prefilled.element).or_insert(value);
        }
    }
    Ok(())
}

async fn submit(
    engine: &Engine,
    matter: &str,
    hand_in: HandIn,
    case: Option<&str>,
) -> anyhow::Result<()> {
    let by = "command line";
    let submitted = match case {
        None => engine.submit(matter, hand_in, by, None, now()).await?,
        Some(case) => engine.correct(case, hand_in, by, now()).await?,
    };
    let case_id = registered(submitted)?;
    drain(engine, now()).await?;
    show(engine, &case_id, false, false, false).await
}

/// The case that a submission became; where it became none, everything that is wrong is told.
pub fn registered(submitted: Submitted) -> anyhow::Result<String> {
    match submitted {
        Submitted::Registered { case_id, .. } => Ok(case_id),
        Submitted::Refused(assessment) => {
            for finding in &assessment.findings {
                say(&line(finding));
            }
            for material in &assessment.missing {
                say(&format!("missing  {material}"));
            }
            bail!("nothing was registered; correct what is named above and hand it in again")
        }
    }
}

/// A verdict as the API writes it, without what it carries.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "approve",
        Verdict::NoObjection => "no-objection",
        Verdict::Reject => "reject",
        Verdict::ReturnForCorrection => "return-for-correction",
        Verdict::Hold => "hold",
        Verdict::NotCompetent(_) => "not-competent",
        Verdict::SendBack(_) => "send-back",
        Verdict::Transfer(_) => "transfer",
    }
}

/// A finding on a line.
pub fn line(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let basis = finding
        .basis
        .as_ref()
        .map(|basis| format!("  ({basis})"))
        .unwrap_or_default();
    format!(
        "{severity:8} {}  {}  {}{basis}",
        finding.path, finding.code, finding.message.zh
    )
}

/// Carries out everything that can be carried out now.
pub async fn drain(engine: &Engine, now: DateTime<FixedOffset>) -> anyhow::Result<()> {
    while engine.work(now).await? > 0 {}
    Ok(())
}

async fn show(
    engine: &Engine,
    id: &str,
    events: bool,
    documents: bool,
    json: bool,
) -> anyhow::Result<()> {
    let Loaded {
        state,
        events: history,
    } = engine.case(id).await?;
    let files = engine.store().documents(id).await?;
    if json {
        let files: Vec<Value> = files
            .iter()
            .map(|file| serde_json::json!({"name": file.name, "event": file.event, "sha256": file.sha256, "seals": file.seals}))
            .collect();
        let whole = serde_json::json!({
            "id": state.id,
            "matter": state.matter,
            "version": state.version,
            "digest": state.digest,
            "status": state.status.as_str(),
            "round": state.round(),
            "view": state.view(),
            "events": history,
            "documents": files,
        });
        say(&serde_json::to_string_pretty(&whole)?);
        return Ok(());
    }
    say(&format!(
        "case      {}  {} {}  round {}",
        state.id,
        state.matter,
        state.version,
        state.round()
    ));
    say(&format!("status    {}", state.status.as_str()));
    if let Some(parked) = &state.parked {
        say(&format!(
            "parked    at event {} since {}: {} ({})",
            parked.to, parked.at, parked.fault, parked.detail
        ));
    }
    if let Some(event) = state.next_reaction() {
        say(&format!(
            "owed      the bundle's answer to event {event}; the next command or the server gets it"
        ));
    }
    for finding in &state.assessment.findings {
        say(&line(finding));
    }
    for record in state.plan() {
        let standing = state.standing(&record.step.id);
        let by = standing.map(|decision| {
            let verdict = word(&decision.verdict);
            format!("  {verdict} by {} {}", decision.by, decision.at)
        });
        say(&format!(
            "step      {:20} {:18} {:10}{}",
            record.step.id,
            record.office().function,
            serde_json::to_value(record.status)?
                .as_str()
                .unwrap_or_default(),
            by.unwrap_or_default()
        ));
        for reason in standing.iter().flat_map(|decision| &decision.reasons) {
            say(&format!("          {}", line(reason)));
        }
    }
    for party in &state.submission.parties {
        let signed = party.signed_at.as_deref().unwrap_or("not yet");
        say(&format!(
            "signature {:20} {:18} {signed}",
            party.role, party.name
        ));
    }
    for held in &state.reservations {
        say(&format!(
            "money     {}  {} {}  paid {:.2}, at the bank {:.2}",
            held.reservation.budget,
            held.reservation.amount,
            serde_json::to_value(held.status)?
                .as_str()
                .unwrap_or_default(),
            held.paid,
            held.in_transit
        ));
    }
    let done = state
        .effects
        .iter()
        .filter(|effect| matches!(effect.outcome, Some(Ok(_))))
        .count();
    say(&format!(
        "effects   {done} of {} carried out",
        state.effects.len()
    ));
    if let Some(outcome) = &state.outcome {
        say(&format!("outcome   {outcome}"));
    }
    crate::afterwards::tell(&state);
    if documents {
        for file in &files {
            let stored = engine
                .store()
                .get_document(id, &file.name, Some(file.event))
                .await?;
            let bytes = stored.map(|stored| stored.bytes).unwrap_or_default();
            say(&format!(
                "document  {} as of event {}  sha256:{}",
                file.name, file.event, file.sha256
            ));
            for seal in &file.seals {
                let seal: onething_capabilities::Signature = serde_json::from_value(seal.clone())?;
                let verified = match onething_capabilities::verify(&seal, &bytes) {
                    Ok(()) => "verified".to_owned(),
                    Err(error) => format!("NOT VERIFIED: {error}"),
                };
                say(&format!(
                    "  seal of {}  {}  {verified}",
                    seal.owner, seal.algorithm
                ));
            }
        }
    }
    if events {
        for recorded in &history {
            let body = serde_json::to_string(&recorded.event)?;
            let short: String = body.chars().take(160).collect();
            say(&format!("{:4}  {}  {short}", recorded.n, recorded.at));
        }
    }
    Ok(())
}

fn verdict_of(word: &str) -> anyhow::Result<Verdict> {
    match word {
        "approve" => Ok(Verdict::Approve),
        "no-objection" => Ok(Verdict::NoObjection),
        "reject" => Ok(Verdict::Reject),
        "return-for-correction" => Ok(Verdict::ReturnForCorrection),
        "hold" => Ok(Verdict::Hold),
        _ => bail!(
            "a verdict is approve, no-objection, reject, return-for-correction or hold, not `{word}`"
        ),
    }
}

fn finding(reason: &str, basis: Option<&str>) -> Finding {
    Finding {
        severity: Severity::Error,
        path: String::new(),
        code: "reason".to_owned(),
        message: Text {
            zh: reason.to_owned(),
            en: reason.to_owned(),
        },
        basis: basis.map(str::to_owned),
    }
}
