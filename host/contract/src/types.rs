//! The words of `wit/types.wit`.

use crate::Json;
use serde::{Deserialize, Serialize};
#[cfg(feature = "component")]
use wasmtime::component::{ComponentType, Lift, Lower};

/// A sentence for people, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Text {
    pub zh: String,
    pub en: String,
}

/// A person by citizen ID, an organisation by unified social credit code; `provisional` is an
/// enterprise that has no code yet, under an identifier of the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum SubjectKind {
    #[cfg_attr(feature = "component", component(name = "person"))]
    Person,
    #[cfg_attr(feature = "component", component(name = "organisation"))]
    Organisation,
    #[cfg_attr(feature = "component", component(name = "provisional"))]
    Provisional,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Subject {
    pub kind: SubjectKind,
    pub identifier: String,
}

/// An agency's function in a region: ("social-insurance", "331102"). The region is a
/// GB/T 2260 code. Which real office that is, is the host's to know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Office {
    pub function: String,
    pub region: String,
}

/// The function of the steps that are the filer's and no office's.
pub const FILER: &str = "filer";

/// Who hands in: for retirement the unit's clerk, for a start-up an agent or a founder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Filer {
    pub person: Subject,
    pub unit: Option<Subject>,
    pub capacity: Capacity,
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
pub enum Capacity {
    #[cfg_attr(feature = "component", component(name = "applicant"))]
    Applicant,
    #[cfg_attr(feature = "component", component(name = "unit-clerk"))]
    UnitClerk,
    #[cfg_attr(feature = "component", component(name = "agent"))]
    Agent,
    #[cfg_attr(feature = "component", component(name = "legal-representative"))]
    LegalRepresentative,
}

/// Someone whose signature the matter needs. `signed-at` is absent while they have not signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Party {
    pub subject: Subject,
    pub name: String,
    pub role: String,
    #[cfg_attr(feature = "component", component(name = "signed-at"))]
    pub signed_at: Option<String>,
}

/// What is handed in, once; its answers are read through `intake`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Submission {
    pub subject: Subject,
    pub filer: Filer,
    pub parties: Vec<Party>,
    /// Where the matter is handled, a GB/T 2260 code.
    pub region: String,
    pub channel: Channel,
    #[cfg_attr(feature = "component", component(name = "filed-at"))]
    pub filed_at: String,
    /// 0 at first, one more at each correction.
    pub round: u32,
    /// The digest of the merged form that it was filled in on.
    #[cfg_attr(feature = "component", component(name = "form-digest"))]
    pub form_digest: String,
    pub materials: Vec<Material>,
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
pub enum Channel {
    #[cfg_attr(feature = "component", component(name = "online"))]
    Online,
    #[cfg_attr(feature = "component", component(name = "mobile"))]
    Mobile,
    #[cfg_attr(feature = "component", component(name = "counter"))]
    Counter,
    #[cfg_attr(feature = "component", component(name = "other-platform"))]
    OtherPlatform,
    /// Opened by the host from an offer, without an application (免申即享).
    #[cfg_attr(feature = "component", component(name = "proactive"))]
    Proactive,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Material {
    pub code: String,
    pub status: MaterialStatus,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[serde(rename_all = "kebab-case")]
pub enum MaterialStatus {
    /// SHA-256 of the bytes, hex.
    #[cfg_attr(feature = "component", component(name = "supplied"))]
    Supplied(String),
    /// An electronic licence reused instead; its number.
    #[cfg_attr(feature = "component", component(name = "licence"))]
    Licence(String),
    /// Proved by a register; its name.
    #[cfg_attr(feature = "component", component(name = "shared"))]
    Shared(String),
    /// Deferred (容缺), to be supplied by this date.
    #[cfg_attr(feature = "component", component(name = "promised"))]
    Promised(String),
    /// A commitment (承诺制) replaces the proof.
    #[cfg_attr(feature = "component", component(name = "committed"))]
    Committed,
    #[cfg_attr(feature = "component", component(name = "not-applicable"))]
    NotApplicable,
}

/// One thing that is wrong or worth knowing, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Finding {
    pub severity: Severity,
    /// JSON Pointer into the answers, `/AAC002`; empty for the whole.
    pub path: String,
    /// Stable, for machines: `citizen-id-checksum`.
    pub code: String,
    pub message: Text,
    /// The law and article, or the standard and clause.
    pub basis: Option<String>,
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
pub enum Severity {
    #[cfg_attr(feature = "component", component(name = "error"))]
    Error,
    #[cfg_attr(feature = "component", component(name = "warning"))]
    Warning,
}

/// A domain "no". Never a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Refusal {
    pub code: String,
    pub message: Text,
    pub basis: Option<String>,
}

/// Why a lookup has no answer now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[serde(rename_all = "kebab-case")]
pub enum LookupFailure {
    /// The host has not fetched it yet. Return at once, with anything: the whole pass is void, the
    /// host fetches what was asked and calls the same export again, at most 8 times.
    #[cfg_attr(feature = "component", component(name = "pending"))]
    Pending,
    /// The manifest does not ask for it, or this deployment does not grant it.
    #[cfg_attr(feature = "component", component(name = "not-granted"))]
    NotGranted(Refusal),
    /// The source is down. A bundle goes on without the value.
    #[cfg_attr(feature = "component", component(name = "unavailable"))]
    Unavailable(Refusal),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[serde(rename_all = "kebab-case")]
pub enum TimeLimit {
    #[cfg_attr(feature = "component", component(name = "working-days"))]
    WorkingDays(u16),
    #[cfg_attr(feature = "component", component(name = "working-hours"))]
    WorkingHours(u16),
}

/// One office's part of the work. It opens when every step in `after` is approved;
/// what it decides takes effect when every step in `effective-after` has taken effect too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Step {
    /// Unique within the plan, kebab-case.
    pub id: String,
    pub office: Office,
    /// The role that may decide it, `reviewer`.
    pub role: String,
    pub title: Text,
    /// Gathers all requests for correction into one notice; one step of a plan leads.
    pub lead: bool,
    pub after: Vec<String>,
    #[cfg_attr(feature = "component", component(name = "effective-after"))]
    pub effective_after: Vec<String>,
    /// Counted from acceptance.
    #[cfg_attr(feature = "component", component(name = "legal-limit"))]
    pub legal_limit: TimeLimit,
    #[cfg_attr(feature = "component", component(name = "promised-limit"))]
    pub promised_limit: TimeLimit,
    pub mode: StepMode,
    pub phase: Phase,
    /// The elements it rests on: a correction of others leaves its decision standing.
    pub reads: Vec<String>,
    /// The JSON Schema of what its approval must carry (`decision.payload`).
    #[cfg_attr(feature = "component", component(name = "payload-schema"))]
    pub payload_schema: Option<Json>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[serde(rename_all = "kebab-case")]
pub enum StepMode {
    #[cfg_attr(feature = "component", component(name = "manual"))]
    Manual,
    /// Decided by the bundle itself (`directive.decide`).
    #[cfg_attr(feature = "component", component(name = "automatic"))]
    Automatic,
    /// The host publishes the notice (公示) while the step is open. When the period is over, the host
    /// decides it `no-objection` where nobody has objected, and else its office does.
    #[cfg_attr(feature = "component", component(name = "public-notice"))]
    PublicNotice(PublicNotice),
}

/// `days` are working days, counted from the day after the step opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct PublicNotice {
    pub text: Text,
    pub days: u16,
}

/// Acceptance (受理) comes first, then examination; the legal clock starts between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Phase {
    #[cfg_attr(feature = "component", component(name = "acceptance"))]
    Acceptance,
    #[cfg_attr(feature = "component", component(name = "examination"))]
    Examination,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    #[cfg_attr(feature = "component", component(name = "approve"))]
    Approve,
    #[cfg_attr(feature = "component", component(name = "no-objection"))]
    NoObjection,
    /// In acceptance: the case is not accepted (不予受理). In examination: the bundle says what follows.
    #[cfg_attr(feature = "component", component(name = "reject"))]
    Reject,
    /// In acceptance only; the host gathers all of them into one notice.
    #[cfg_attr(feature = "component", component(name = "return-for-correction"))]
    ReturnForCorrection,
    /// The step stays open and waits for what `reasons` name; others go on.
    #[cfg_attr(feature = "component", component(name = "hold"))]
    Hold,
    /// In acceptance only: another office is competent.
    #[cfg_attr(feature = "component", component(name = "not-competent"))]
    NotCompetent(Office),
    /// Reopens an earlier step, by its id.
    #[cfg_attr(feature = "component", component(name = "send-back"))]
    SendBack(String),
    /// Hands the step to another office of the same function or of another.
    #[cfg_attr(feature = "component", component(name = "transfer"))]
    Transfer(Office),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Decision {
    pub step: String,
    pub round: u32,
    pub verdict: Verdict,
    pub reasons: Vec<Finding>,
    pub opinion: String,
    pub by: String,
    #[cfg_attr(feature = "component", component(name = "on-behalf-of"))]
    pub on_behalf_of: Option<String>,
    pub at: String,
    pub payload: Option<Json>,
}

/// An agency's own form, filled back in as far as the case has come: an object of printed box
/// number to value; a box whose value is not known yet is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct FilledForm {
    pub form: String,
    pub office: Office,
    pub values: Json,
}
