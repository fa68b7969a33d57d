//! How an event is kept: the one place that knows what its bytes are.

use crate::Error;
use crate::error::malformed;
use onething_case::Event;

/// The format that events are written in.
pub(crate) const FORMAT: u32 = 1;

/// The bytes of an event.
pub(crate) fn encode(event: &Event) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(event).map_err(|source| malformed("an event", source))
}

/// An event of its bytes.
pub(crate) fn decode(case_id: &str, n: u64, format: u32, body: &[u8]) -> Result<Event, Error> {
    if format != FORMAT {
        return Err(Error::Damaged {
            what: format!("event {n} of case {case_id} (format {format})"),
        });
    }
    serde_json::from_slice(body)
        .map_err(|source| malformed(&format!("event {n} of case {case_id}"), source))
}
