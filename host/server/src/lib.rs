//! The HTTP API and the workers.
