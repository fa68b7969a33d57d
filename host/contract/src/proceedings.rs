//! The words of `wit/proceedings.wit`.

use crate::{Decision, Finding, Json, Office, Refusal, Step, Submission, Ticket};
use serde::{Deserialize, Serialize};
#[cfg(feature = "component")]
use wasmtime::component::{ComponentType, Lift, Lower};

/// One value of the merged form, before anybody typed. `value` is `none` where the register is
/// down or knows nothing; the lock says who may then type it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Prefilled {
    pub element: String,
    pub value: Option<Json>,
    /// The register and, where it names one, its own source.
    pub source: String,
    /// How old the value is.
    #[cfg_attr(feature = "component", component(name = "as-of"))]
    pub as_of: Option<String>,
    pub lock: Lock,
}

/// Only the owning office corrects it (锁); disputed with evidence, both values kept (校核);
/// simply overwritten (可改).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Lock {
    #[cfg_attr(feature = "component", component(name = "owner"))]
    Owner,
    #[cfg_attr(feature = "component", component(name = "disputable"))]
    Disputable,
    #[cfg_attr(feature = "component", component(name = "free"))]
    Free,
}

/// Money that must be there: yuan, two places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Reservation {
    pub budget: String,
    pub amount: String,
    #[cfg_attr(feature = "component", component(name = "when-short"))]
    pub when_short: WhenShort,
}

/// What becomes of a case whose budget does not have the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum WhenShort {
    /// Checked in the transaction that registers the case, which is not registered without it.
    #[cfg_attr(feature = "component", component(name = "refuse"))]
    Refuse,
    /// The case is registered and waits in line for the budget, first come first served.
    #[cfg_attr(feature = "component", component(name = "wait"))]
    Wait,
}

/// A reservation of the case. What it does not pay goes back to the budget when the case ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct ReservationState {
    pub budget: String,
    pub amount: String,
    pub status: ReservationStatus,
    /// Of the amount what can be paid now, neither paid nor on its way to the bank.
    pub left: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum ReservationStatus {
    #[cfg_attr(feature = "component", component(name = "waiting"))]
    Waiting,
    #[cfg_attr(feature = "component", component(name = "reserved"))]
    Reserved,
    #[cfg_attr(feature = "component", component(name = "released"))]
    Released,
}

/// Somebody's objection to what a step of mode `public-notice` publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Objection {
    pub step: String,
    pub by: String,
    pub text: String,
    pub at: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Assessment {
    /// The scenario (办事情形) this submission falls under, a code of the manifest.
    pub scenario: String,
    /// An object of the derived elements and their values.
    pub derived: Json,
    /// Every violation at once. One of severity `error` and the submission is refused.
    pub findings: Vec<Finding>,
    /// Codes of materials that are required and neither supplied nor rightly deferred.
    pub missing: Vec<String>,
    /// At most one open or completed case each: `payroll/2026-03/12331100…`.
    #[cfg_attr(feature = "component", component(name = "unique-keys"))]
    pub unique_keys: Vec<String>,
    pub reservations: Vec<Reservation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct StepState {
    pub step: String,
    pub office: Office,
    pub status: StepStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum StepStatus {
    /// A step that it comes after is not approved yet.
    #[cfg_attr(feature = "component", component(name = "waiting"))]
    Waiting,
    #[cfg_attr(feature = "component", component(name = "open"))]
    Open,
    /// Open, and the office waits for something that it has named.
    #[cfg_attr(feature = "component", component(name = "held"))]
    Held,
    /// Decided; not in effect.
    #[cfg_attr(feature = "component", component(name = "decided"))]
    Decided,
    /// Approved, and so is everything its effect depends on.
    #[cfg_attr(feature = "component", component(name = "effective"))]
    Effective,
    /// No longer part of the plan.
    #[cfg_attr(feature = "component", component(name = "gone"))]
    Gone,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Settlement {
    pub ticket: Ticket,
    #[cfg_attr(feature = "schema", schema(value_type = crate::Outcome))]
    #[serde(with = "crate::outcome")]
    pub outcome: Result<Json, Refusal>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct EffectState {
    pub ticket: Ticket,
    pub kind: EffectKind,
    #[serde(default, with = "crate::outcome::optional")]
    pub outcome: Option<Result<Json, Refusal>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum EffectKind {
    #[cfg_attr(feature = "component", component(name = "seal"))]
    Seal,
    #[cfg_attr(feature = "component", component(name = "notice"))]
    Notice,
    #[cfg_attr(feature = "component", component(name = "delivery"))]
    Delivery,
    #[cfg_attr(feature = "component", component(name = "payment"))]
    Payment,
}

/// The case as of one of its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct CaseView {
    pub id: String,
    pub submission: Submission,
    pub scenario: String,
    pub derived: Json,
    pub steps: Vec<StepState>,
    /// The decisions that stand, in the order they were made.
    pub decisions: Vec<Decision>,
    pub effects: Vec<EffectState>,
    pub reservations: Vec<ReservationState>,
}

/// What has happened. A bundle hears the kinds that its manifest lists under `hears`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Received (收件) and pinned to this bundle; comes once.
    #[cfg_attr(feature = "component", component(name = "registered"))]
    Registered,
    /// The legal clock starts (受理).
    #[cfg_attr(feature = "component", component(name = "accepted"))]
    Accepted,
    #[cfg_attr(feature = "component", component(name = "step-opened"))]
    StepOpened(String),
    #[cfg_attr(feature = "component", component(name = "step-decided"))]
    StepDecided(Decision),
    /// Approved, and so is everything in its `effective-after`: now seal, deliver, notify.
    #[cfg_attr(feature = "component", component(name = "step-effective"))]
    StepEffective(String),
    /// The one notice of everything to correct (一次性告知).
    #[cfg_attr(feature = "component", component(name = "correction-requested"))]
    CorrectionRequested(Vec<Finding>),
    /// A new round was handed in.
    #[cfg_attr(feature = "component", component(name = "corrected"))]
    Corrected,
    #[cfg_attr(feature = "component", component(name = "material-supplied"))]
    MaterialSupplied(String),
    /// A promised material did not come in time; its code.
    #[cfg_attr(feature = "component", component(name = "overdue"))]
    Overdue(String),
    #[cfg_attr(feature = "component", component(name = "settled"))]
    Settled(Settlement),
    /// The budget of this name, which the case waited for, has the money now.
    #[cfg_attr(feature = "component", component(name = "reserved"))]
    Reserved(String),
    #[cfg_attr(feature = "component", component(name = "objected"))]
    Objected(Objection),
    /// The case is over. Directives are refused from here; effects are not.
    #[cfg_attr(feature = "component", component(name = "ended"))]
    Ended(Ending),
    #[cfg_attr(feature = "component", component(name = "rated"))]
    Rated(u8),
    #[cfg_attr(feature = "component", component(name = "other"))]
    Other((String, Json)),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    #[cfg_attr(feature = "component", component(name = "completed"))]
    Completed,
    #[cfg_attr(feature = "component", component(name = "rejected"))]
    Rejected(Refusal),
    #[cfg_attr(feature = "component", component(name = "not-accepted"))]
    NotAccepted(Refusal),
    #[cfg_attr(feature = "component", component(name = "not-competent"))]
    NotCompetent(Office),
    #[cfg_attr(feature = "component", component(name = "withdrawn"))]
    Withdrawn,
}

/// What the host shall do. Each is checked like a command from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[serde(rename_all = "kebab-case")]
pub enum Directive {
    /// Of an automatic step.
    #[cfg_attr(feature = "component", component(name = "decide"))]
    Decide(Decision),
    #[cfg_attr(feature = "component", component(name = "add-step"))]
    AddStep(Step),
    #[cfg_attr(feature = "component", component(name = "reopen-step"))]
    ReopenStep(String),
    /// Before acceptance only.
    #[cfg_attr(feature = "component", component(name = "return-for-correction"))]
    ReturnForCorrection(Vec<Finding>),
    /// Ends the case well; the JSON is its outcome.
    #[cfg_attr(feature = "component", component(name = "complete"))]
    Complete(Json),
    #[cfg_attr(feature = "component", component(name = "reject"))]
    Reject(Refusal),
    #[cfg_attr(feature = "component", component(name = "not-competent"))]
    NotCompetent(Office),
    #[cfg_attr(feature = "component", component(name = "other"))]
    Other((String, Json)),
}
