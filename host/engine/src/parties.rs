//! What others than the filer and the offices do with a case: parties sign, the public objects to a
//! notice, and a notice to which nobody objects comes to its end.

use crate::asked::{NAME_CHARS_MAX, TEXT_CHARS_MAX, check_text};
use crate::engine::{Case, Engine, stamp};
use crate::error::{Error, chain};
use crate::rows;
use chrono::{DateTime, FixedOffset};
use onething_case::Command;
use onething_contract::Subject;
use onething_store::TaskRow;
use serde::{Deserialize, Serialize};

/// How many notices are ended at a time.
const NOTICES_MAX: u32 = 32;

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

    /// Ends the notices whose period is over. Answers how many.
    pub(crate) async fn end_notices(&self, now: DateTime<FixedOffset>) -> Result<usize, Error> {
        let at = stamp(now);
        let mut ended = 0;
        for task in self.store.notices_over(&at, NOTICES_MAX).await? {
            if !self.is_over(&task, &at) {
                continue;
            }
            let command = Command::NoticeOver {
                step: task.step.clone(),
            };
            let over = self.command(&task.case_id, &at, Vec::new(), |_| Ok(command.clone()));
            match over.await {
                Ok(_) => ended += 1,
                Err(Error::Store(error)) => return Err(error.into()),
                // An objection or a decision came first.
                Err(error) => {
                    tracing::warn!(case = %task.case_id, error = chain(&error), "a notice did not end");
                }
            }
        }
        Ok(ended)
    }

    /// The calendar of a year may have been published after the case last moved.
    fn is_over(&self, task: &TaskRow, at: &str) -> bool {
        let Some(row) = &task.notice else {
            return false;
        };
        let due = row.due.clone().or_else(|| {
            let (days, parameters) = (row.notice.days, self.parameters.current());
            rows::due(&task.opened_at, days, &task.office.region, &parameters)
        });
        due.is_some_and(|due| due.as_str() <= at)
    }
}
