//! The hostile bundle (`tests/hostile`), and components made by hand.

use crate::bundles::root;
use onething_contract::manifest::Manifest;

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

/// `bytes` of WebAssembly with one more custom section at the end.
pub fn with_section(bytes: &[u8], name: &str, data: &[u8]) -> Vec<u8> {
    let content = [&leb128(name.len()), name.as_bytes(), data].concat();
    [bytes, &[0], &leb128(content.len()), &content].concat()
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7F).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
