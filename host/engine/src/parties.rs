//! What others than the filer and the offices do with a case: parties sign, the public objects to a
//! notice.

use crate::asked::{NAME_CHARS_MAX, TEXT_CHARS_MAX, check_text};
use crate::engine::{Case, Engine};
use crate::error::Error;
use chrono::{DateTime, FixedOffset};
use onething_case::Command;
use onething_contract::Subject;
use serde::{Deserialize, Serialize};

/// A party's signature under what was handed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// The party.
    pub subject: Subject,
    /// In which role.
    pub role: String,
    /// The round that was looked at.
    pub round: u32,
}

/// A signature taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Unsign {
    /// The party.
    pub subject: Subject,
    /// In which role.
    pub role: String,
    /// In the party's words.
    pub reason: String,
}

impl Engine {
    /// A party signs. With the last signature the round is filed.
    ///
    /// # Errors
    /// Refused where the case does not wait for this signature, or another round was looked at.
    pub async fn sign(
        &self,
        case_id: &str,
        asked: &Sign,
        by: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        check_text("by", by, NAME_CHARS_MAX)?;
        let command = Command::Sign {
            subject: asked.subject.clone(),
            role: asked.role.clone(),
            round: asked.round,
            by: by.to_owned(),
        };
        self.one(case_id, command, now).await
    }

    /// A party takes the signature back, before everybody has signed.
    ///
    /// # Errors
    /// Refused where there is none to take back.
    pub async fn unsign(
        &self,
        case_id: &str,
        asked: &Unsign,
        by: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        check_text("by", by, NAME_CHARS_MAX)?;
        check_text("reason", &asked.reason, TEXT_CHARS_MAX)?;
        let command = Command::Unsign {
            subject: asked.subject.clone(),
            role: asked.role.clone(),
            by: by.to_owned(),
            reason: asked.reason.clone(),
        };
        self.one(case_id, command, now).await
    }

    /// Somebody objects to a public notice: its office decides then.
    ///
    /// # Errors
    /// Refused where no such notice runs.
    pub async fn object(
        &self,
        case_id: &str,
        step: &str,
        by: &str,
        text: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        check_text("by", by, NAME_CHARS_MAX)?;
        check_text("text", text, TEXT_CHARS_MAX)?;
        let command = Command::Object {
            step: step.to_owned(),
            by: by.to_owned(),
            text: text.to_owned(),
        };
        self.one(case_id, command, now).await
    }
}
