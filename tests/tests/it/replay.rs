//! `onething replay`: every fixture passes, and what does not is told with its place.

use crate::cli::onething;
use onething_tests::bundles::root;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The exit code and what was said.
fn replay(data: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = onething(data);
    let output = command.arg("replay").args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!errors.contains("panicked"), "{errors}");
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), said + &errors)
}

#[test]
fn every_fixture_passes() {
    let data = tempfile::tempdir().unwrap();
    let (code, said) = replay(data.path(), &[]);
    let last = said.lines().last().unwrap();
    let (passed, failed) = last.split_once(" passed, ").unwrap();
    assert_eq!((code, failed), (Some(0), "0 failed"), "{said}");
    assert!(passed.parse::<usize>().unwrap() >= 60, "{last}");
}

#[test]
fn what_differs_and_what_is_malformed_is_told_and_only_a_difference_updated() {
    let data = tempfile::tempdir().unwrap();
    let fixtures = data.path().join("fixtures");
    for folder in [
        "_people",
        "_units",
        "men-1965-01",
        "withdrawn",
        "chosen-month",
    ] {
        let from = root().join("fixtures/retirement").join(folder);
        let to = fixtures.join(folder);
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    let change = |file: &str, from: &str, to: &str| {
        let path = fixtures.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has {from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    };
    change("men-1965-01/expected.json", "\"accepted\",", "");
    change("withdrawn/case.toml", "approve", "aprove");
    change(
        "chosen-month/case.toml",
        "\"chosen-month-past\"",
        "\"another-code\"",
    );
    let folder = fixtures.to_string_lossy();

    let (code, said) = replay(data.path(), &[&folder]);
    assert_eq!(code, Some(1));
    for line in [
        "men-1965-01: timeline entry 2 (2025-01-06T11:00:00+08:00, approve personnel-check",
        "+        \"accepted\",",
        "case.toml, line 10: unknown field `aprove`",
        "chosen-month: timeline entry 4 (submit) is refused: chosen-month-past",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(said.ends_with("\n0 passed, 3 failed\n"), "{said}");

    let (code, said) = replay(data.path(), &[&folder, "--json"]);
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, Some(1));
    assert_eq!((&told["passed"], &told["failed"]), (&0.into(), &3.into()));
    assert_eq!(told["fixtures"].as_array().unwrap().len(), 3);

    let (code, said) = replay(data.path(), &[&folder, "--update"]);
    assert_eq!(
        code,
        Some(1),
        "what the case itself calls wrong is not updated"
    );
    assert!(said.contains("updated  "), "{said}");
    assert!(said.ends_with("\n1 passed, 2 failed\n"), "{said}");
}
