//! The tests that need built bundles, in one binary.

mod sandbox;
