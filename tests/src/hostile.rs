//! The hostile bundle (`tests/hostile`), and components made by hand.

use crate::bundles::root;
use onething_contract::manifest::{Manifest, SECTION};
use serde_json::{Value, json};
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

/// What the bundle says of itself in `assess` and `plan`, as it is built.
const VARIANT: &str = "hostile-variant0";

/// What [`version`] of that number says instead.
pub fn variant(number: u8) -> String {
    VARIANT.replace('0', &number.to_string())
}

/// The hostile bundle as a version that may be deployed: `1.0.<number>` of a law since a day, with a
/// whole guide, answering with its own [`variant`].
///
/// # Panics
/// When it is not built, or the number has more than one digit.
pub fn version(number: u8, since: &str) -> Vec<u8> {
    assert!(number < 10, "the variant keeps its length");
    let built = component();
    let mut manifest = serde_json::to_value(manifest()).expect("a manifest is JSON");
    let said = |text: &str| json!({ "zh": text, "en": text });
    manifest["version"] = format!("1.0.{number}").into();
    manifest["valid"]["since"] = since.into();
    for element in ["basis", "conditions", "process"] {
        manifest["guide"][element] = json!([said("无")]);
    }
    manifest["guide"]["faq"] = json!([{ "question": said("问"), "answer": said("答") }]);
    let mut bytes = without_manifest(&built, &manifest);
    let at = find(&bytes, VARIANT.as_bytes());
    bytes[at..at + VARIANT.len()].copy_from_slice(variant(number).as_bytes());
    with_section(&bytes, SECTION, manifest.to_string().as_bytes())
}

/// The build packs the manifest last: everything before its section.
fn without_manifest(component: &[u8], manifest: &Value) -> Vec<u8> {
    assert_eq!(manifest["matter"], "hostile");
    let name = SECTION.as_bytes();
    let at = component
        .windows(name.len())
        .rposition(|bytes| bytes == name)
        .expect("the component has a manifest");
    // Before the name: the section's id, its size and the name's length, as LEB128.
    let size = component.len() - (at - 1);
    let size_bytes = usize::try_from(size.ilog2()).expect("small") / 7 + 1;
    component[..at - 2 - size_bytes].to_vec()
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    let mut found = bytes.windows(part.len());
    found
        .position(|bytes| bytes == part)
        .expect("the component says its variant")
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
