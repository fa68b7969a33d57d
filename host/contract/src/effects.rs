//! What a bundle asks for and what it is told: effects and lookups, the arguments of the imports.

use crate::{Json, Office, Refusal, Subject, Ticket};
use serde::{Deserialize, Serialize};
#[cfg(feature = "component")]
use wasmtime::component::{ComponentType, Lift, Lower};

/// An effect a bundle asked for, promised under `ticket`, to be done after those in `after`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Intent {
    pub ticket: Ticket,
    pub after: Vec<Ticket>,
    pub effect: Effect,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    Seal {
        owner: SealOwner,
        documents: Vec<Document>,
    },
    Notice {
        to: Recipient,
        template: String,
        values: Json,
    },
    Delivery {
        form: String,
        to: Office,
    },
    Payment(PaymentOrder),
    Release {
        budget: String,
    },
}

/// Whose seal (`seals.owner`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[serde(rename_all = "kebab-case")]
pub enum SealOwner {
    #[cfg_attr(feature = "component", component(name = "unit"))]
    Unit,
    #[cfg_attr(feature = "component", component(name = "office"))]
    Office(Office),
}

/// What is sealed (`seals.document`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[serde(rename_all = "kebab-case")]
pub enum Document {
    #[cfg_attr(feature = "component", component(name = "form"))]
    Form(String),
    #[cfg_attr(feature = "component", component(name = "decision"))]
    Decision(String),
}

/// `notices.recipient`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[serde(rename_all = "kebab-case")]
pub enum Recipient {
    #[cfg_attr(feature = "component", component(name = "subject"))]
    Subject(Subject),
    #[cfg_attr(feature = "component", component(name = "office"))]
    Office(Office),
}

/// `payments.payment`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Payment {
    pub line: String,
    pub payee: String,
    pub account: String,
    /// A CNAPS code of 12 digits.
    pub bank: Option<String>,
    pub amount: String,
    pub purpose: String,
}

/// `payments.order`; what it comes after stands in the [`Intent`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PaymentOrder {
    pub budget: String,
    /// ISO 20022 ExternalCategoryPurpose1Code: `SALA`, `GOVT`.
    pub category: String,
    /// The day the bank shall pay.
    pub execute_on: String,
    pub lines: Vec<Payment>,
}

/// One question to the world outside the case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    Register { register: String, key: String },
    Parameter { name: String, on: String },
    Family { name: String, on: String },
}

/// Its answer. `None` inside: the register knows no such key, the parameter is not published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    Entry(Option<Entry>),
    Parameter(Option<Parameter>),
    Names(Vec<String>),
    Unavailable(Refusal),
}

/// `registers.entry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Entry {
    pub value: Json,
    #[cfg_attr(feature = "component", component(name = "as-of"))]
    pub as_of: String,
    pub source: String,
}

/// `parameters.parameter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Parameter {
    pub value: Json,
    pub since: String,
    pub until: Option<String>,
    pub source: String,
    pub illustrative: bool,
}

/// `outreach.offer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Offer {
    pub subject: Subject,
    /// What is offered, `policy/rd-subsidy`.
    pub code: String,
    /// Which time, where it may be offered again: a year, a month; or empty.
    pub occasion: String,
    /// What it comes to in yuan, two places, where that can be said.
    pub amount: Option<String>,
    pub notices: Vec<Message>,
    /// Elements of the manifest's `statistics.group-by` and their values.
    #[cfg_attr(feature = "component", component(name = "counted-by"))]
    pub counted_by: Vec<(String, String)>,
    /// Answers with which the host opens a case without an application (免申即享).
    pub answers: Option<Json>,
}

/// `outreach.message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Message {
    pub to: Recipient,
    pub template: String,
    pub values: Json,
}

/// `log.level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "component",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Level {
    #[cfg_attr(feature = "component", component(name = "info"))]
    Info,
    #[cfg_attr(feature = "component", component(name = "error"))]
    Error,
}
