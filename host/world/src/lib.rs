//! A bundle's world during one pass, wherever it runs: what each import answers, refuses and counts,
//! and what an invocation is made of.
//!
//! The host's runtime puts a [`World`] behind wasmtime's linker; the adapter that a bundle is composed
//! with to run on another engine puts one behind its exports. So a lookup, a grant, a ticket and a
//! limit are the same everywhere, and so are the journals. [`passes`] repeats a pass until nothing is
//! pending, whoever runs it; [`wire`] is how a pass is asked for elsewhere.
//!
//! Pure: no I/O, no clock, no WASM; compiled for the host and for wasm32.

mod call;
mod fault;
mod granted;
mod imports;
mod limits;
mod output;
mod passes;
mod run;
pub mod wire;
mod world;

pub use call::{Acting, Call, Facts, Given, Inputs};
pub use fault::Fault;
pub use granted::Granted;
pub use limits::Limits;
pub use output::Output;
pub use passes::{Fetched, Pass, passes};
pub use run::{LogLine, Outcome, Run, Usage, json_bytes};
pub use world::{Left, World};
