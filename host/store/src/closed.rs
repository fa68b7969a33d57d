//! What a commit keeps closed. It is closed before its transaction, which others wait for.

use crate::error::{failed, to_json};
use crate::vault::{DataKey, Hash, Link};
use crate::{Commit, CommitError, Error, Store, TaskRow, body, keyring};

/// A commit with what is closed of it.
pub(crate) struct Closed {
    pub commit: Commit,
    /// Of the case.
    pub key: DataKey,
    /// Bodies, as the commit has them.
    pub events: Vec<Vec<u8>>,
    pub journal: Vec<Vec<u8>>,
    pub intents: Vec<Vec<u8>>,
}

/// Where something of a case lies: it cannot be opened elsewhere.
pub(crate) mod place {
    pub fn event(case_id: &str, n: u64) -> String {
        format!("event/{case_id}/{n}")
    }

    pub fn subject(case_id: &str) -> String {
        format!("subject/{case_id}")
    }

    /// Two invocations at one event are of two functions.
    pub fn journal(case_id: &str, event: u64, function: &str) -> String {
        format!("journal/{case_id}/{event}/{function}")
    }

    pub fn notice(case_id: &str, step: &str) -> String {
        format!("notice/{case_id}/{step}")
    }

    pub fn intent(ticket: &str) -> String {
        format!("intent/{ticket}")
    }

    pub fn effect_error(ticket: &str) -> String {
        format!("effect-error/{ticket}")
    }

    /// What is known of a document.
    pub fn document(case_id: &str, name: &str, event: u64) -> String {
        format!("document/{case_id}/{event}/{name}")
    }

    pub fn document_bytes(case_id: &str, name: &str, event: u64) -> String {
        format!("document-bytes/{case_id}/{event}/{name}")
    }
}

impl Closed {
    /// Closes a commit under the key of its case.
    pub fn of(commit: &Commit, key: DataKey) -> Result<Closed, Error> {
        let case_id = commit.case.id.as_str();
        let events = commit.events.iter().map(|event| {
            let open = body::encode(&event.event);
            key.close(&place::event(case_id, event.n), &open)
        });
        let journal = commit.journal.iter().map(|entry| {
            let place = place::journal(case_id, entry.event, &entry.function);
            key.close(&place, &entry.body)
        });
        let intents = commit.effects.iter().map(|effect| {
            let open = to_json(&effect.intent, "an effect")?;
            key.close(&place::intent(&effect.intent.ticket), open.as_bytes())
        });
        Ok(Closed {
            events: events.collect::<Result<_, _>>()?,
            journal: journal.collect::<Result<_, _>>()?,
            intents: intents.collect::<Result<_, _>>()?,
            commit: commit.clone(),
            key,
        })
    }

    /// The hashes of its events, behind the one before them.
    pub fn chain(&self, mut previous: Hash) -> Vec<Hash> {
        let events = self.commit.events.iter().zip(&self.events);
        let hashes = events.map(|(event, body)| {
            let link = Link {
                case_id: &self.commit.case.id,
                n: event.n,
                at: &event.at,
                format: body::FORMAT,
                closed: body,
            };
            previous = link.behind(&previous);
            previous
        });
        hashes.collect()
    }

    /// A task's notice, closed.
    pub fn notice(&self, task: &TaskRow) -> Result<Option<Vec<u8>>, Error> {
        let Some(published) = &task.notice else {
            return Ok(None);
        };
        let open = to_json(&published.notice, "a public notice")?;
        let place = place::notice(&task.case_id, &task.step);
        self.key.close(&place, open.as_bytes()).map(Some)
    }
}

impl Store {
    /// The key of a case that is there. A remembered one will do: whether the case was erased since
    /// is seen when its row is locked.
    pub(crate) async fn key_to_write(&self, case_id: &str) -> Result<DataKey, CommitError> {
        let scope = keyring::of_case(case_id);
        if let Some(key) = self.keyring.remembers(&scope) {
            return Ok(key);
        }
        let operation = "read the key of a case";
        let connection = self.readers.acquire().await;
        let mut connection = connection.map_err(failed(operation))?;
        if let Some(key) = self.keyring.find(&mut connection, &scope).await? {
            return Ok(key);
        }
        let version: Option<i64> = sqlx::query_scalar("SELECT version FROM cases WHERE id = $1")
            .bind(case_id)
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed(operation))?;
        Err(match version {
            Some(_) => Error::Erased {
                what: format!("case {case_id}"),
            }
            .into(),
            None => CommitError::Conflict {
                case_id: case_id.to_owned(),
                current_version: 0,
            },
        })
    }
}
