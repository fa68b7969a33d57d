//! What a stopping host still holds.

use crate::engine::Engine;
use crate::error::Error;

impl Engine {
    /// Hands back what this host has claimed and not finished, so that others need not wait until it
    /// is free by itself. Called once, when no worker runs any more.
    ///
    /// # Errors
    /// When the store fails; then it is free by itself later.
    pub async fn hand_back(&self) -> Result<(), Error> {
        // A worker that has ended has settled or postponed everything that it claimed.
        Ok(())
    }
}
