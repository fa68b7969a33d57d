//! The bundles that `make bundles` builds.

use onething_contract::manifest::Manifest;
use std::path::{Path, PathBuf};

/// The matters that are shipped.
pub const MATTERS: [&str; 4] = [
    "enterprise-startup",
    "payroll",
    "policy-redemption",
    "retirement",
];

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A matter's bundle, as it is shipped.
///
/// # Panics
/// When it is not built.
pub fn bundle(matter: &str) -> Vec<u8> {
    let path = root().join("bundles").join(matter).with_extension("wasm");
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `make bundles` first", path.display()))
}

/// A matter's function app, as it is shipped.
///
/// # Panics
/// When it is not built.
pub fn function_app(matter: &str) -> Vec<u8> {
    let path = root()
        .join("bundles/spin")
        .join(matter)
        .with_extension("wasm");
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `make bundles` first", path.display()))
}

/// What a matter's bundle says it is.
///
/// # Panics
/// When it is not built.
pub fn manifest(matter: &str) -> Manifest {
    onething_runtime::inspect(&bundle(matter))
        .unwrap_or_else(|error| panic!("{matter}: {error}"))
        .manifest
}
