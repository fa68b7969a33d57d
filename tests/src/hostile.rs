//! The hostile bundle (`tests/hostile`) as a component with a manifest.

use onething_contract::manifest::{CONTRACT, SECTION};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The component with the manifest below, built once a process.
///
/// # Panics
/// When it does not build.
pub fn component() -> &'static [u8] {
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    COMPONENT.get_or_init(|| with_section(bare(), SECTION, manifest().to_string().as_bytes()))
}

/// The component without a manifest.
///
/// # Panics
/// When it does not build.
pub fn bare() -> &'static [u8] {
    static BARE: OnceLock<Vec<u8>> = OnceLock::new();
    BARE.get_or_init(|| {
        wit_component::ComponentEncoder::default()
            .validate(true)
            .module(&core_module())
            .and_then(|encoder| encoder.encode())
            .expect("the hostile module carries its world")
    })
}

/// The core module that the component is made of.
///
/// # Panics
/// When it does not build.
pub fn core_module() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), PathBuf::from)
        .join("guest");
    // Debian's toolchain, as `onething bundle build` uses it where no other is wanted.
    let status = Command::new("/usr/bin/cargo")
        .args([
            "build",
            "--quiet",
            "--profile",
            "bundle",
            "--package",
            "hostile",
        ])
        .args([
            "--target",
            "wasm32-unknown-unknown",
            "-Zbuild-std=std,panic_abort",
        ])
        .current_dir(&root)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "HOME" || name == "CARGO_HOME"))
        .env("PATH", "/usr/bin:/bin")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker())
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the hostile bundle builds");
    std::fs::read(target.join("wasm32-unknown-unknown/bundle/hostile.wasm"))
        .expect("cargo wrote the module")
}

/// The linker of the toolchain that runs the tests.
fn linker() -> PathBuf {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir"])
        .output()
        .expect("rustc starts");
    let libdir = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    libdir.with_file_name("bin").join("rust-lld")
}

/// `bytes` of WebAssembly with one more custom section at the end.
pub fn with_section(bytes: &[u8], name: &str, data: &[u8]) -> Vec<u8> {
    let mut content = leb128(name.len());
    content.extend_from_slice(name.as_bytes());
    content.extend_from_slice(data);
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

/// What the hostile bundle says of itself: it asks for a little of everything.
pub fn manifest() -> Value {
    let text = json!({"zh": "试", "en": "test"});
    let figures = json!({"forms": 1, "fields": 1, "materials": 0, "steps": 1, "days": 1, "trips": 0, "seals": 0});
    json!({
        "contract": CONTRACT,
        "matter": "hostile",
        "version": "1.0.0",
        "title": text,
        "valid": {"since": "2025-01-01"},
        "hears": ["other"],
        "promise": {"working_days": 2, "before_working_days": 15},
        "scenarios": [{"code": "ordinary", "title": text, "basis": ""}],
        "materials": [],
        "offices": [{"function": "social-insurance", "title": text}],
        "parties": [],
        "grants": {
            "registers": [{"name": "population", "title": text, "key": "subject"}],
            "parameters": ["pension-base"],
            "seals": ["unit", "social-insurance"],
            "deliveries": ["social-insurance"],
            "payments": ["relief"],
        },
        "notices": [{"code": "done", "text": text}],
        "guide": {
            "name": text, "code": "", "kind": text, "basis": [text], "accepting_office": text,
            "deciding_office": text, "joint_offices": [], "audience": text, "handling": text,
            "conditions": [], "process": [], "legal_days": 15, "promised_days": 2, "fee": text,
            "channels": text, "trips": 0, "result": text, "result_delivery": text,
            "place_and_time": text, "enquiry": text, "complaint": text, "limits": text,
            "faq": [], "remedy": text, "before": figures, "after": figures,
        },
        "elements": [],
        "source_forms": [{
            "name": "application", "title": text, "agency": "social-insurance", "basis": "",
            "fields": [], "boxes": [],
        }],
        "merged_form": {"title": text, "digest": "", "sections": []},
        "schema": {},
    })
}
