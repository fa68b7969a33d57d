//! What is taken for a bundle and what is not, and what of it may come from the cache.

use crate::sandbox::{BUNDLE, COMPONENT, RUNTIME, load, prefill_call, values};
use onething_contract::manifest::SECTION;
use onething_runtime::{Limits, LoadError, Runtime, inspect};
use onething_tests::given::{inputs, population};
use onething_tests::hostile;
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn a_bundle_tells_what_it_is() {
    let inspection = inspect(&COMPONENT).unwrap();
    let world = [
        "types",
        "proceedings",
        "intake",
        "registers",
        "parameters",
        "seals",
        "notices",
        "deliveries",
        "payments",
        "clock",
        "log",
    ];
    let mut imports: Vec<_> = world
        .iter()
        .map(|name| format!("onething:matter/{name}@0.1.0"))
        .collect();
    let mut found = inspection.imports.clone();
    imports.sort();
    found.sort();
    assert_eq!(found, imports);
    let exports = ["matter", "outreach"].map(|name| format!("onething:matter/{name}@0.1.0"));
    let mut found = inspection.exports.clone();
    found.sort();
    assert_eq!(found, exports);
    assert!(BUNDLE.reaches_out() && !BUNDLE.checks_publications());
    assert_eq!(inspection.manifest.matter, "hostile");
    assert_eq!(inspection.digest, BUNDLE.digest());
    assert_eq!(inspection.size_bytes, COMPONENT.len());
}

#[test]
fn what_is_no_bundle_is_told_apart() {
    type Expected = fn(&LoadError) -> bool;
    let manifest = serde_json::to_value(hostile::manifest()).unwrap();
    let changed = |member: &str, value: Value| {
        let mut changed = manifest.clone();
        changed[member] = value;
        matter(&all_functions(), "", &changed)
    };
    let good = &*COMPONENT;
    let mut broken = good.clone();
    broken[good.len() / 2] ^= 0xFF;
    let bare = wat::parse_str(matter_text(&all_functions(), "")).unwrap();
    let again = manifest.to_string();
    let cases: [(&str, Vec<u8>, Expected); 10] = [
        ("empty", Vec::new(), |e| matches!(e, LoadError::NotWasm)),
        ("text", b"(component)".to_vec(), |e| {
            matches!(e, LoadError::NotWasm)
        }),
        ("core", wat::parse_str("(module)").unwrap(), |e| {
            matches!(e, LoadError::CoreModule)
        }),
        ("cut", good[..good.len() / 2].to_vec(), |e| {
            matches!(e, LoadError::BadComponent(_))
        }),
        ("broken", broken, |e| {
            matches!(e, LoadError::BadComponent(_) | LoadError::Compile(_))
        }),
        ("nothing", wat::parse_str("(component)").unwrap(), |e| {
            matches!(e, LoadError::MissingExport)
        }),
        ("bare", bare, |e| matches!(e, LoadError::NoManifest)),
        (
            "twice",
            hostile::with_section(good, SECTION, again.as_bytes()),
            |e| matches!(e, LoadError::ManyManifests),
        ),
        ("odd", changed("hears", json!(1)), |e| {
            matches!(e, LoadError::BadManifest(_))
        }),
        (
            "other",
            changed("contract", json!("onething:matter@0.2.0")),
            |e| matches!(e, LoadError::WrongContract { .. }),
        ),
    ];
    for (name, bytes, expected) in cases {
        let error = RUNTIME.load(&bytes).err().expect(name);
        assert!(expected(&error), "load {name}: {error:?}");
        let error = inspect(&bytes).expect_err(name);
        assert!(expected(&error), "inspect {name}: {error:?}");
    }
    let large = hostile::with_section(good, "filler", &vec![0; Limits::default().module_bytes]);
    assert!(matches!(inspect(&large), Err(LoadError::TooLarge { .. })));
}

#[test]
fn what_only_the_engine_can_tell_is_told_at_the_load() {
    let manifest = serde_json::to_value(hostile::manifest()).unwrap();
    let all = all_functions();
    let one = r#"(export "plan" (func $f))"#;
    let clock = r#"(import "onething:matter/clock@0.1.0"
        (instance (export "now" (func (result u32)))))"#;
    let wasi = r#"(import "wasi:clocks/wall-clock@0.2.0" (instance))"#;
    let traps =
        "(core module $t (func $s unreachable) (start $s)) (core instance (instantiate $t))";
    let large = "(core module $t (memory 10000)) (core instance (instantiate $t))";
    let two = "(core module $t (memory 1) (memory 1)) (core instance (instantiate $t))";
    for (name, functions, rest, told) in [
        ("wasi", &*all, wasi, "imports wasi:clocks/wall-clock@0.2.0"),
        ("half", one, "", "lacks the function `prefill`"),
        ("export", &all, "", "exports do not have the types"),
        ("import", &all, clock, "imports do not have the types"),
        ("start", &all, traps, "no instance"),
        ("large", &all, large, "within the limits"),
        ("two", &all, two, "within the limits"),
    ] {
        let bytes = matter(functions, rest, &manifest);
        let error = RUNTIME.load(&bytes).err().expect(name);
        assert!(
            error.to_string().contains(told),
            "{name}: {error} {error:?}"
        );
    }
}

#[test]
fn a_compiled_bundle_is_trusted_only_if_this_machine_wrote_it() {
    let dir = tempfile::tempdir().unwrap();
    let load_from = |dir: &Path| {
        let runtime = Runtime::new(Limits::default(), Some(dir)).unwrap();
        let bundle = load(&runtime);
        let run = bundle.invoke(&prefill_call(""), inputs(population()));
        assert_eq!(values(run), ["\"张建国\""]);
        bundle.from_cache()
    };
    assert!(!load_from(dir.path()));
    assert!(load_from(dir.path()));

    let file = |extension: &str| {
        std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|found| found == extension))
            .unwrap()
    };
    let (code, tag, key) = (file("cwasm"), file("hmac"), file("key"));
    let [code_bytes, tag_bytes] = [&code, &tag].map(|path| std::fs::read(path).unwrap());
    let flipped = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes
    };
    for (name, path, bytes) in [
        ("a flipped bit", &code, flipped(&code_bytes)),
        ("cut short", &code, code_bytes[..1000].to_vec()),
        ("empty", &code, Vec::new()),
        ("a flipped tag", &tag, flipped(&tag_bytes)),
        ("an empty tag", &tag, Vec::new()),
        ("another machine's key", &key, vec![7; 64]),
        ("half a key", &key, vec![7; 10]),
    ] {
        std::fs::write(path, bytes).unwrap();
        assert!(!load_from(dir.path()), "{name}: compiled anew");
        assert!(load_from(dir.path()), "{name}: and kept");
    }
    std::fs::remove_file(&tag).unwrap();
    assert!(!load_from(dir.path()));
}

/// A component that exports `matter` with `functions` and has `rest` besides.
pub fn matter(functions: &str, rest: &str, manifest: &Value) -> Vec<u8> {
    let bytes = wat::parse_str(matter_text(functions, rest)).unwrap();
    hostile::with_section(&bytes, SECTION, manifest.to_string().as_bytes())
}

fn matter_text(functions: &str, rest: &str) -> String {
    format!(
        r#"(component {rest}
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $matter {functions})
            (export "onething:matter/matter@0.1.0" (instance $matter)))"#
    )
}

/// All five by name, none by type.
pub fn all_functions() -> String {
    ["prefill", "assess", "plan", "project", "respond"]
        .map(|name| format!("(export \"{name}\" (func $f))"))
        .concat()
}
