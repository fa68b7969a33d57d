//! The tests that need built bundles, in one binary.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod merge;
mod sandbox;
