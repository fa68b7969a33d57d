//! The tests that need built bundles, in one binary.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod afterwards;
mod api;
mod apps;
mod cli;
mod deploy;
mod engine;
mod executors;
mod guide;
mod limits;
mod load;
mod loading;
mod merge;
mod outreach;
mod overload;
mod privacy;
mod replay;
mod sandbox;
mod spin;
