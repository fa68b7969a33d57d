//! The hostile bundle (`tests/hostile`), and components made by hand.

use crate::bundles::root;
use onething_contract::manifest::Manifest;
use wasm_encoder::{ComponentSection, CustomSection};

/// The hostile bundle, as `make bundles` builds it.
///
/// # Panics
/// When it is not built.
pub fn component() -> Vec<u8> {
    let path = root().join("bundles/test/hostile.wasm");
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `make bundles` first", path.display()))
}

/// What it says of itself.
///
/// # Panics
/// When it is not a bundle.
pub fn manifest() -> Manifest {
    onething_runtime::inspect(&component())
        .expect("the hostile bundle is a bundle")
        .manifest
}

/// `bytes` of a component with one more custom section at the end.
pub fn with_section(bytes: &[u8], name: &str, data: &[u8]) -> Vec<u8> {
    let mut component = bytes.to_vec();
    let section = CustomSection {
        name: name.into(),
        data: data.into(),
    };
    section.append_to_component(&mut component);
    component
}
