//! What has happened to a case. Events are kept for ever: a shape here may gain a member that is
//! allowed to be absent, nothing else.

use crate::clock::Limits;
use crate::ladder::Level;
use crate::timer::is_hosts;
use onething_contract as contract;
use onething_contract::{
    Assessment, Decision, Directive, Ending, Finding, Intent, Json, Material, Objection, Office,
    Party, Refusal, Settlement, Step, Subject, Submission, Ticket,
};
use serde::{Deserialize, Serialize};

/// An event in its place in the history of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Recorded {
    /// Its number: 1, 2, 3 … without gaps.
    pub n: u64,
    /// When it happened, RFC 3339 with offset.
    pub at: String,
    /// What happened.
    pub event: Event,
}

/// One fact of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// Received (收件) and pinned to a bundle. Always the first event, and only that.
    Registered(Box<Registration>),
    /// Accepted (受理): the legal clock starts.
    Accepted,
    /// The bundle added a step to the plan.
    StepAdded {
        /// The step.
        step: Step,
    },
    /// A step waits for its office, for the first time or again.
    StepOpened {
        /// The step's id.
        step: String,
    },
    /// Whatever was decided in a step no longer stands; it waits to be opened again.
    StepVoided {
        /// The step's id.
        step: String,
    },
    /// An examination step is approved, and so is everything that its effect depends on.
    StepEffective {
        /// The step's id.
        step: String,
    },
    /// A step was decided.
    Decided {
        /// The decision.
        decision: Decision,
        /// For which office; absent where the bundle decided an automatic step, or the host a public
        /// notice that is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_office: Option<Office>,
    },
    /// The one notice of everything to correct (一次性告知).
    CorrectionRequested {
        /// All of it, each finding once, in the plan's order.
        findings: Vec<Finding>,
        /// The steps whose offices asked.
        by: Vec<String>,
    },
    /// The next round was handed in.
    Corrected {
        /// What was handed in.
        round: Box<Round>,
        /// The elements, answered or derived, whose values differ from the round before.
        changed: Vec<String>,
    },
    /// A party signed what was handed in.
    Signed {
        /// The party.
        subject: Subject,
        /// In which role.
        role: String,
        /// The caller who brought the signature.
        by: String,
        /// SHA-256, hex, of the answers that were signed.
        answers: String,
    },
    /// A party took the signature back.
    SignatureRevoked {
        /// The party.
        subject: Subject,
        /// In which role.
        role: String,
        /// The caller.
        by: String,
        /// In their own words.
        reason: String,
    },
    /// Every party has signed: a round that waited for signatures counts as filed from here on.
    Filed {
        /// The round.
        round: u32,
    },
    /// Somebody objected to a public notice.
    Objected(Objection),
    /// The budget that the case waited for has the money, and holds it for the case.
    Reserved {
        /// The budget.
        budget: String,
    },
    /// A promised or missing material came in.
    MaterialSupplied {
        /// The material.
        material: Material,
    },
    /// A promised material did not come in by the promised day.
    MaterialOverdue {
        /// Its code.
        code: String,
    },
    /// An office took its decision back; the steps that are void by that follow.
    Reopened {
        /// The step.
        step: String,
        /// Who did.
        by: String,
        /// For which office.
        by_office: Office,
        /// Why.
        reason: String,
    },
    /// The bundle answered an event. What its directives led to follows.
    Reacted {
        /// The number of the event it answered.
        to: u64,
        /// The effects that it asked for.
        intents: Vec<Intent>,
    },
    /// A directive that was kept and not obeyed.
    Noted {
        /// The directive.
        directive: Directive,
        /// Why the case no longer allowed it, having moved on since the event that the bundle
        /// answered. Absent where the host knows no such directive (`other`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        moot: Option<Refusal>,
    },
    /// The bundle could not answer an event.
    Parked {
        /// The number of that event.
        to: u64,
        /// The export that was called.
        function: String,
        /// The fault's name.
        fault: String,
        /// What an operator needs to know.
        detail: String,
    },
    /// A parked case goes on.
    Resumed {
        /// Who let it.
        by: String,
    },
    /// An effect has its outcome.
    EffectSettled(Settlement),
    /// A person says what became of an effect; `effect-settled` follows.
    SettledByHand {
        /// The effect's ticket.
        ticket: Ticket,
        /// Who said so.
        by: String,
        /// Why.
        opinion: String,
    },
    /// The filer took the case back; `ended` follows.
    Withdrawn {
        /// Who did.
        by: String,
        /// In their own words.
        reason: String,
    },
    /// The case is over.
    Ended {
        /// How.
        ending: Ending,
        /// What a completed case came to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Json>,
    },
    /// The filer rated the case.
    Rated {
        /// 1 to 5.
        score: u8,
        /// Who did.
        by: String,
        /// In their own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// The rating was poor: the leading office is to mend what it complains of.
    RepairOpened,
    /// It has.
    Repaired {
        /// Who did.
        by: String,
        /// For which office.
        by_office: Office,
        /// What was done.
        text: String,
    },
    /// A commitment was checked after completion.
    CommitmentChecked(CommitmentCheck),
    /// Another case goes over the outcome of this one.
    Appealed {
        /// That case.
        case_id: String,
        /// The caller.
        by: String,
    },
    /// A rung of a timer rang: somebody is told that a limit is near or over.
    Rang {
        /// The timer.
        timer: String,
        /// Its rung.
        rung: String,
        /// Who is told.
        to: Level,
        /// The step that it is about, if not the whole case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// The notice that tells them, an effect of the host's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        intent: Option<Intent>,
    },
}

/// What became of a commitment (告知承诺).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommitmentCheck {
    /// The material that it stands for.
    pub code: String,
    /// It was kept.
    pub kept: bool,
    /// What was found.
    pub opinion: String,
    /// Who checked.
    pub by: String,
    /// For which office.
    pub by_office: Office,
    /// When, RFC 3339.
    pub at: String,
}

/// What a case is registered with. All but `round` is the same for its whole life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Registration {
    /// The case's id.
    pub id: String,
    /// The matter's name.
    pub matter: String,
    /// The bundle's version.
    pub version: String,
    /// The bundle's digest: the case is pinned to it.
    pub digest: String,
    /// The kinds of `proceedings.event` that the bundle answers, from its manifest.
    pub hears: Vec<String>,
    /// The date that picked the bundle.
    pub legal_date: String,
    /// The case whose outcome this one goes over; with its bundle and legal date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appeal_of: Option<String>,
    /// How long the matter may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Round 0.
    pub round: Round,
}

/// What one round (轮次) consists of: handed in, assessed without errors, planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Round {
    /// What was handed in; its `round` is this round's number.
    pub submission: Submission,
    /// The answers: an object, element code to value.
    pub answers: Json,
    /// What the bundle said of them.
    pub assessment: Assessment,
    /// The order of work.
    pub plan: Vec<Step>,
    /// The caller who handed it in.
    pub submitted_by: String,
}

impl CommitmentCheck {
    /// As the bundle hears of a broken one.
    fn broken(&self) -> contract::Event {
        let what = serde_json::json!({ "code": self.code, "opinion": self.opinion });
        contract::Event::Other(("commitment-broken".to_owned(), what.to_string()))
    }
}

/// The parties who have still to sign.
pub(crate) fn unsigned(submission: &Submission) -> impl Iterator<Item = &Party> {
    submission
        .parties
        .iter()
        .filter(|party| party.signed_at.is_none())
}

fn is_signed(round: &Round) -> bool {
    unsigned(&round.submission).next().is_none()
}

impl Recorded {
    /// The event as the bundle hears it, if it is of a kind that `hears` (the manifest's) lists.
    /// A round that waits for signatures is heard of when it is filed.
    pub fn heard(&self, hears: &[String]) -> Option<contract::Event> {
        let (kind, event) = match &self.event {
            Event::Registered(registration) if is_signed(&registration.round) => {
                ("registered", contract::Event::Registered)
            }
            Event::Filed { round: 0 } => ("registered", contract::Event::Registered),
            Event::Accepted => ("accepted", contract::Event::Accepted),
            Event::StepOpened { step } => {
                ("step-opened", contract::Event::StepOpened(step.clone()))
            }
            Event::Decided { decision, .. } => (
                "step-decided",
                contract::Event::StepDecided(decision.clone()),
            ),
            Event::StepEffective { step } => (
                "step-effective",
                contract::Event::StepEffective(step.clone()),
            ),
            Event::CorrectionRequested { findings, .. } => (
                "correction-requested",
                contract::Event::CorrectionRequested(findings.clone()),
            ),
            Event::Corrected { round, .. } if is_signed(round) => {
                ("corrected", contract::Event::Corrected)
            }
            Event::Filed { .. } => ("corrected", contract::Event::Corrected),
            Event::Objected(objection) => {
                ("objected", contract::Event::Objected(objection.clone()))
            }
            Event::Reserved { budget } => ("reserved", contract::Event::Reserved(budget.clone())),
            Event::MaterialSupplied { material } => (
                "material-supplied",
                contract::Event::MaterialSupplied(material.code.clone()),
            ),
            Event::MaterialOverdue { code } => ("overdue", contract::Event::Overdue(code.clone())),
            Event::CommitmentChecked(check) if !check.kept => ("other", check.broken()),
            Event::EffectSettled(settlement) if !is_hosts(&settlement.ticket) => {
                ("settled", contract::Event::Settled(settlement.clone()))
            }
            Event::Ended { ending, .. } => ("ended", contract::Event::Ended(ending.clone())),
            Event::Rated { score, .. } => ("rated", contract::Event::Rated(*score)),
            Event::Registered(_)
            | Event::Corrected { .. }
            | Event::Signed { .. }
            | Event::SignatureRevoked { .. }
            | Event::StepAdded { .. }
            | Event::StepVoided { .. }
            | Event::Reacted { .. }
            | Event::Noted { .. }
            | Event::Parked { .. }
            | Event::Resumed { .. }
            | Event::Withdrawn { .. }
            | Event::Reopened { .. }
            | Event::CommitmentChecked(_)
            | Event::RepairOpened
            | Event::Repaired { .. }
            | Event::Appealed { .. }
            | Event::EffectSettled(_)
            | Event::SettledByHand { .. }
            | Event::Rang { .. } => return None,
        };
        hears.iter().any(|heard| heard == kind).then_some(event)
    }
}
