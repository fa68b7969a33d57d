//! The bundles that `make bundles` builds.

use std::path::{Path, PathBuf};

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The retirement bundle, as it is shipped.
///
/// # Panics
/// When it is not built.
pub fn retirement() -> Vec<u8> {
    let path = root().join("bundles/retirement.wasm");
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `make bundles` first", path.display()))
}
