//! How an event is kept: the one place that knows what its bytes are. The format is the case
//! engine's, which brings older ones up to its own.

use crate::Error;
use onething_case::{Event, upcast};

/// The format that events are written in.
pub(crate) const FORMAT: u32 = upcast::FORMAT;

/// The bytes of an event, in [`FORMAT`].
pub(crate) fn encode(event: &Event) -> Vec<u8> {
    upcast::write(event).1.into_bytes()
}

/// An event of its bytes.
pub(crate) fn decode(case_id: &str, n: u64, format: u32, body: &[u8]) -> Result<Event, Error> {
    let what = || format!("event {n} of case {case_id}");
    let body = std::str::from_utf8(body).map_err(|_| Error::Damaged { what: what() })?;
    upcast::read(format, body).map_err(|source| Error::Event {
        what: what(),
        source,
    })
}
