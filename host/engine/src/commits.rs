//! Commits, told of as they succeed: to the log, to the metrics, and to whoever follows a case.

use crate::engine::Engine;
use crate::measures::measures;
use onething_store::{Commit, CommitError, Idempotency, Registered};
use tokio::sync::broadcast;

/// How many commits a follower may lag behind before it has to look for itself.
pub(crate) const LAG_MAX: usize = 1024;

/// A commit of this host's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The case.
    pub case_id: String,
    /// Its last event.
    pub version: u64,
}

impl Engine {
    /// Every commit of this host's from now on. Those of other hosts are only in the store.
    pub fn commits(&self) -> broadcast::Receiver<Committed> {
        self.commits.subscribe()
    }

    pub(crate) async fn register(
        &self,
        commit: &Commit,
        idempotency: Option<&Idempotency>,
        also: Option<&Commit>,
    ) -> Result<Registered, CommitError> {
        let registered = self.store.register(commit, idempotency, also).await;
        match &registered {
            Ok(Registered::New) => {
                self.tell_of(commit);
                also.into_iter().for_each(|also| self.tell_of(also));
            }
            Ok(Registered::Earlier { .. }) => {}
            Err(error) => count(error),
        }
        registered
    }

    pub(crate) async fn append(&self, commit: &Commit) -> Result<(), CommitError> {
        let appended = self.store.append(commit).await;
        match &appended {
            Ok(()) => self.tell_of(commit),
            Err(error) => count(error),
        }
        appended
    }

    fn tell_of(&self, commit: &Commit) {
        measures().commits.inc();
        let version = commit.case.version;
        tracing::info!(
            case = %commit.case.id,
            from = commit.events.first().map_or(version, |event| event.n),
            to = version,
            status = commit.case.status,
            "committed"
        );
        let leads_on = commit.case.next_reaction.is_some()
            || !(commit.effects.is_empty()
                && commit.settled.is_empty()
                && commit.ledger.is_empty());
        if leads_on {
            self.wake();
        }
        // Nobody may follow.
        let _ = self.commits.send(Committed {
            case_id: commit.case.id.clone(),
            version,
        });
    }
}

fn count(error: &CommitError) {
    if matches!(error, CommitError::Conflict { .. }) {
        measures().conflicts.inc();
    }
}
