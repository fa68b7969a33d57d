//! What the ways out promise, and how long they are tried: one table. A ticket is the key by which a
//! receiver knows that it has been told something already.

use onething_contract::Effect;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How often an effect is tried before a person must see to it: half a day with these rests.
pub const ATTEMPTS_MAX: u32 = 20;
/// The rest after the first try; twice as long after each further one.
const REST_FIRST: Duration = Duration::from_secs(2);
/// The longest rest between two tries.
const REST_MAX: Duration = Duration::from_secs(3600);
/// A rest is longer by up to this part of itself, so that not everything comes at once.
const JITTER_PERCENT: u64 = 25;

/// What a channel promises of an effect whose try ended nobody knows how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Delivers {
    /// It is not tried again: a person finds out what has become of it.
    AtMostOnce,
    /// It is tried again, and the receiver may have it twice under one ticket.
    AtLeastOnce,
    /// It is tried again, and the receiver has it once: it knows the ticket.
    Deduplicating,
}

impl Delivers {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Delivers::AtMostOnce => "at-most-once",
            Delivers::AtLeastOnce => "at-least-once",
            Delivers::Deduplicating => "deduplicating",
        }
    }

    /// Whether a try may begin, given how many have with it.
    pub(crate) fn may_try(self, attempts: u32) -> bool {
        match self {
            Delivers::AtMostOnce => attempts <= 1,
            Delivers::AtLeastOnce | Delivers::Deduplicating => attempts <= ATTEMPTS_MAX,
        }
    }

    /// How long an effect rests after a try that failed; `None` where no try is left. The same for
    /// the same ticket and attempt.
    pub(crate) fn rest(self, ticket: &str, attempts: u32) -> Option<Duration> {
        self.may_try(attempts.saturating_add(1))
            .then(|| rest(ticket, attempts))
    }
}

/// How an effect leaves.
///
/// Seals and releases stay within the host and come to the same each time. A form lies in its
/// office's folder under its ticket. A payment is noted as sent before the bank has it, and handed
/// over by a rename. A letter that somebody takes out of the outbox without leaving it in `taken/`
/// may be put there once more.
pub fn delivers(effect: &Effect) -> Delivers {
    match effect {
        Effect::Notice { .. } => Delivers::AtLeastOnce,
        Effect::Seal { .. }
        | Effect::Delivery { .. }
        | Effect::Payment(_)
        | Effect::Release { .. } => Delivers::Deduplicating,
    }
}

fn rest(ticket: &str, attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(20);
    let rest = REST_FIRST.saturating_mul(1 << doublings).min(REST_MAX);
    let mut hash = Sha256::new();
    hash.update(ticket);
    hash.update(attempts.to_be_bytes());
    let first = hash.finalize().first().copied().unwrap_or_default();
    let milliseconds = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
    let more = milliseconds / 100 * JITTER_PERCENT / 255 * u64::from(first);
    rest + Duration::from_millis(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_and_end_and_are_the_same_again() {
        let rests: Vec<Option<Duration>> = (1..=ATTEMPTS_MAX)
            .map(|attempts| Delivers::Deduplicating.rest("a-1-1", attempts))
            .collect();
        for (index, allowed) in [(0, 2), (1, 4), (9, 1024), (15, 3600), (18, 3600)] {
            let rest = rests[index].unwrap();
            let (low, high) = (allowed, allowed + allowed / 4);
            assert!((low..=high).contains(&rest.as_secs()), "{index}: {rest:?}");
        }
        assert_eq!(rests.last(), Some(&None), "no try is left");
        let again = Delivers::Deduplicating.rest("a-1-1", 3);
        assert_eq!(again, rests[2]);
        assert_ne!(again, Delivers::Deduplicating.rest("a-1-2", 3));
    }

    #[test]
    fn what_may_have_arrived_and_must_not_twice_is_a_persons() {
        for (delivers, attempts, may) in [
            (Delivers::AtMostOnce, 1, true),
            (Delivers::AtMostOnce, 2, false),
            (Delivers::AtLeastOnce, 2, true),
            (Delivers::AtLeastOnce, ATTEMPTS_MAX, true),
            (Delivers::Deduplicating, ATTEMPTS_MAX + 1, false),
        ] {
            assert_eq!(delivers.may_try(attempts), may, "{delivers:?} {attempts}");
        }
        assert_eq!(Delivers::AtMostOnce.rest("a-1-1", 1), None);
    }
}
