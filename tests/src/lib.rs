//! End to end, sandbox and API tests in one binary; the benches.

pub mod apps;
pub mod bundles;
pub mod given;
pub mod hostile;
