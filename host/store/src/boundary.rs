//! Named places at which a test may let the work fail or the process die.

use crate::{Error, Store};
use std::sync::Arc;

/// Hears of every named place that is reached. An error there is the caller's error.
pub trait Boundary: Send + Sync {
    /// The place is reached.
    fn reach(&self, name: &'static str) -> Result<(), Error>;
}

impl Store {
    /// The same store, of whose boundaries somebody hears.
    #[must_use]
    pub fn with_boundary(mut self, boundary: Arc<dyn Boundary>) -> Store {
        self.boundary = Some(boundary);
        self
    }

    /// Says that a named place is reached.
    pub fn reach(&self, name: &'static str) -> Result<(), Error> {
        match &self.boundary {
            Some(boundary) => boundary.reach(name),
            None => Ok(()),
        }
    }
}
