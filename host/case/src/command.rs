//! What may be asked of a case. A command is not kept: what is kept is what it led to.

use crate::event::{Registration, Round};
use crate::ladder::Level;
use onething_contract::{
    Decision, Directive, Intent, Material, Message, Office, Settlement, Subject,
};

/// One thing that somebody, the host or the bundle wants of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Open the case: received (收件) and pinned to a bundle. The only command without a state.
    Register(Box<Registration>),
    /// An office decides a step. (A bundle decides automatic steps by directive.)
    Decide {
        /// The decision; its `round` is the one that was looked at.
        decision: Decision,
        /// The office for which the caller decides.
        by_office: Office,
        /// The version of the task that was looked at; `None` where the caller did not look.
        task_version: Option<u32>,
    },
    /// The filer hands in the next round (补正).
    Correct(Box<Round>),
    /// A party signs what was handed in.
    Sign {
        /// The party.
        subject: Subject,
        /// In which role: one subject may sign in several.
        role: String,
        /// The round that was looked at.
        round: u32,
        /// The caller who brings the signature.
        by: String,
    },
    /// A party takes the signature back before everybody has signed.
    Unsign {
        /// The party.
        subject: Subject,
        /// In which role.
        role: String,
        /// The caller.
        by: String,
        /// In their own words.
        reason: String,
    },
    /// Somebody objects to what a step of mode `public-notice` publishes (异议).
    Object {
        /// The step.
        step: String,
        /// Who.
        by: String,
        /// In their own words.
        text: String,
    },
    /// The host's timer: the period of a public notice (公示期) is over.
    NoticeOver {
        /// The step.
        step: String,
    },
    /// The budget that the case waits for has the money. Whoever sends this holds the money for
    /// the case in the same transaction.
    Reserve {
        /// The budget.
        budget: String,
    },
    /// The filer takes the case back.
    Withdraw {
        /// Who did.
        by: String,
        /// In their own words.
        reason: String,
    },
    /// A party did not sign in time: the host takes the case back.
    Lapse {
        /// The host.
        by: String,
    },
    /// A promised or missing material comes in.
    SupplyMaterial(Material),
    /// The host's timer: a promised material (容缺) did not come in by the promised day.
    MaterialOverdue {
        /// The material.
        code: String,
    },
    /// An office takes back its own decision before it has taken effect (撤回).
    Reopen {
        /// The step.
        step: String,
        /// Who does.
        by: String,
        /// For which office.
        by_office: Office,
        /// Why.
        reason: String,
    },
    /// The bundle has answered an event.
    React {
        /// The number of that event: [`crate::State::next_reaction`].
        to: u64,
        /// What it says shall happen.
        directives: Vec<Directive>,
        /// The effects that it asked for.
        intents: Vec<Intent>,
    },
    /// The bundle could not answer an event.
    Park {
        /// The number of that event: [`crate::State::next_reaction`].
        to: u64,
        /// The export that was called, `respond`.
        function: String,
        /// The fault's name, kebab-case.
        fault: String,
        /// What an operator needs to know.
        detail: String,
    },
    /// An operator lets a parked case go on; the same event is answered again.
    Resume {
        /// Who did.
        by: String,
    },
    /// An effect has been carried out, or refused for good. Effects outlive the case's end.
    Settle(Settlement),
    /// A person says what became of an effect that nobody tries any more.
    SettleByHand {
        /// What became of it.
        settlement: Settlement,
        /// Who says so.
        by: String,
        /// Why.
        opinion: String,
    },
    /// The filer rates a completed case (好差评).
    Rate {
        /// 1 (very poor) to 5 (very good).
        score: u8,
        /// Who did.
        by: String,
        /// In their own words.
        comment: Option<String>,
    },
    /// What a poor rating complained of is mended (差评整改).
    Repair {
        /// Who did.
        by: String,
        /// For which office: that of the leading step.
        by_office: Office,
        /// What was done.
        text: String,
    },
    /// A commitment (承诺) in place of a proof is checked after completion (事后核查).
    CheckCommitment {
        /// The material that it stands for.
        code: String,
        /// It was kept.
        kept: bool,
        /// What was found; needed where it was not.
        opinion: String,
        /// Who checked.
        by: String,
        /// For which office: one that has a step in the case.
        by_office: Office,
    },
    /// The outcome is appealed: another case goes over it, under the same version.
    /// [`crate::State::may_be_appealed_by`] says whether that case may.
    Appeal {
        /// That case.
        case_id: String,
        /// The caller.
        by: String,
    },
    /// The host's timer: a rung of the ladder is due.
    Ring {
        /// A name of [`crate::State::timers`].
        timer: String,
        /// Its rung.
        rung: String,
        /// Who is told.
        to: Level,
        /// What they are told; `None` where nobody can be.
        notice: Option<Message>,
    },
}
