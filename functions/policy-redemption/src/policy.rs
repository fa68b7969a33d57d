//! A policy as reformers publish it: the value of a parameter `policy/…`. Knows its shape; what its
//! expressions mean is [`crate::check`]'s and [`crate::matching`]'s.

use crate::fields::Words;
use chrono::NaiveDate;
use onething_sdk::contract::WhenShort;
use onething_sdk::form::Json;
use onething_sdk::{Facts, serde_json};
use serde::Deserialize;

/// The family of parameters.
pub const FAMILY: &str = "policy";

/// A policy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Policy {
    /// What people call it.
    pub title: Words,
    /// The document and article that it rests on.
    pub basis: String,
    /// The function of the office that is in charge.
    pub department: String,
    /// What it is about, `technology`.
    pub field: String,
    /// When it may be applied for.
    pub window: Window,
    /// The budget that pays it.
    pub budget: String,
    /// How it comes to the enterprise.
    pub mode: Mode,
    /// All of these must be true.
    pub qualifies: Vec<Condition>,
    /// The first that applies is what it comes to.
    pub tiers: Vec<Tier>,
    /// The most that is paid, in fen.
    pub cap: i64,
    /// At most one of the policies of a group a year (不重复享受).
    pub group: Option<String>,
    /// How often an enterprise may have it.
    pub once_per: OncePer,
    /// Codes of materials of the matter.
    #[serde(default)]
    pub materials: Vec<String>,
    /// Working days; 0 where it is not published.
    #[serde(default)]
    pub public_notice_days: u16,
    /// What happens to an application that the budget has no money for.
    pub when_short: Short,
}

/// From and to, both days included.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The first day.
    pub opens: NaiveDate,
    /// The last day.
    pub closes: NaiveDate,
}

/// How a policy comes to the enterprise; also the scenario of its cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// On application, examined by the department.
    Application,
    /// On application, decided at once by the rules (即申即享).
    Instant,
    /// Without an application (免申即享).
    Proactive,
}

impl Mode {
    /// The scenario of `matter.toml`.
    pub fn scenario(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Instant => "instant",
            Self::Proactive => "proactive",
        }
    }
}

/// A condition, in CEL and in words.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// A `bool`.
    pub when: String,
    /// What it asks for, in Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// One of several amounts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// A `bool`; always, where there is none.
    pub when: Option<String>,
    /// Whole fen.
    pub amount: String,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OncePer {
    /// Once in a calendar year.
    Year,
    /// Once at all.
    Ever,
}

/// When the budget is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Short {
    /// The application is refused.
    Refuse,
    /// It waits in line.
    Wait,
}

impl From<Short> for WhenShort {
    fn from(short: Short) -> Self {
        match short {
            Short::Refuse => Self::Refuse,
            Short::Wait => Self::Wait,
        }
    }
}

/// A policy with the period that it is in force from, its version.
#[derive(Debug, Clone)]
pub struct Published {
    /// What it says.
    pub policy: Policy,
    /// The first day of this version.
    pub since: NaiveDate,
}

impl Policy {
    /// Reads the value of a parameter; what is wrong with it, in the words of the format.
    ///
    /// # Errors
    /// A member is missing, unknown, or not of its type.
    pub fn read(value: &Json) -> Result<Self, String> {
        serde_json::from_value(value.clone()).map_err(|error| error.to_string())
    }

    /// The version of `policy/…` in force on a day.
    pub fn in_force(name: &str, facts: &Facts<'_>, on: NaiveDate) -> Option<Published> {
        if !is_name(name) {
            return None;
        }
        let found = facts.parameter(name, on)?;
        Some(Published {
            policy: Self::read(&found.value).ok()?,
            since: found.since,
        })
    }
}

/// `policy/` and a name of small letters, digits and hyphens. What an applicant types goes into no
/// lookup otherwise.
pub fn is_name(name: &str) -> bool {
    let kebab = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    name.strip_prefix(FAMILY)
        .and_then(|name| name.strip_prefix('/'))
        .is_some_and(kebab)
}
