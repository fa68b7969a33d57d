//! End to end, sandbox and API tests in one binary; the benches.

pub mod bundles;
pub mod given;
pub mod hostile;
