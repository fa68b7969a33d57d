//! Whether a case is as it was written, down to the row that lists show of it.

use crate::error::causes;
use crate::rows;
use onething_case::State;
use onething_store::{NotVerified, Store, Verified};

/// Verifies a case; it needs no bundle.
///
/// # Errors
/// The first thing that is wrong with the case.
pub async fn verify(store: &Store, case_id: &str) -> Result<Verified, NotVerified> {
    let derive = |events: &[_]| {
        let state = State::from_events(events);
        let state = state.map_err(|error| causes(&error))?;
        Ok(rows::case_row(&state))
    };
    store.verify(case_id, derive).await
}
