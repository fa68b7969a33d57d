//! The binary as a person uses it: the demo, a case by hand, and what it says to bad input.

use onething_tests::bundles::root;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// The binary that was built with these tests.
pub fn onething(data: &Path) -> Command {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.parent().unwrap().with_file_name("onething");
    assert!(
        binary.exists(),
        "{} is not built; run `make test`",
        binary.display()
    );
    let mut command = Command::new(binary);
    command.current_dir(root()).arg("--data").arg(data);
    command
}

fn run(data: &Path, arguments: &[&str]) -> Output {
    onething(data).args(arguments).output().unwrap()
}

fn said(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

pub fn refused(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert!(!output.status.success(), "{arguments:?} succeeds");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!errors.contains("panicked"), "{errors}");
    format!("{said}{errors}")
}

#[test]
fn the_demo_runs_every_matter_to_its_end() {
    let data = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let said = said(data.path(), &["demo"]);
        for line in [
            "4 forms, 148 fields  ->  1 form, 56 fields (44 from registers, 2 computed, 10 to type)",
            "on 4 documents (verified; sealed 1 times in all)",
            "open in parallel: personnel-check, pension-check, fund-check, establishment-check",
            "4 agency forms filled back in, 148 of 148 fields filled",
            // Payroll: five salaries and what goes with them.
            "open in parallel: establishment, personnel, finance",
            "5 lines, 52358.33 yuan out of payroll/1233110000264001XG/2026",
            // Start-up: two shareholders, the code in every form.
            "林小燕 (shareholder)",
            "open in parallel: seal, tax, social, fund",
            "\"uscc\":\"91331102MA2E1KX035\"",
            // Policies: found, opened without an application, published, paid.
            "16 offers told, 4 cases opened without an application",
            "no objection 04-10",
            "1 lines, 60000.00 yuan out of policy/export-growth-2026",
        ] {
            assert!(said.contains(line), "{line}\n{said}");
        }
        assert_eq!(said.matches("case        completed").count(), 4, "{said}");
    }
    let files = std::fs::read_dir(data.path().join("demo/bank/outgoing")).unwrap();
    let files = files.filter(|entry| entry.as_ref().unwrap().path().is_file());
    assert_eq!(files.count(), 7, "every payment has its file");
}

#[test]
fn a_case_by_hand_from_submission_to_withdrawal() {
    let data = tempfile::tempdir().unwrap();
    with_registers(data.path());
    let submission = "fixtures/_sample/retirement.json";
    let submitted = said(
        data.path(),
        &["case", "submit", "retirement", submission, "--prefill"],
    );
    let id = submitted.split_whitespace().nth(1).unwrap().to_owned();
    assert!(submitted.contains("status    acceptance"), "{submitted}");

    let again = refused(
        data.path(),
        &["case", "submit", "retirement", submission, "--prefill"],
    );
    assert!(
        again.contains("key-taken") && again.contains(&id),
        "{again}"
    );

    let decide = [
        "case",
        "decide",
        &id,
        "fund-check",
        "approve",
        "--by",
        "gjj-1",
        "--opinion",
        "齐全",
    ];
    said(data.path(), &decide);
    let twice = refused(data.path(), &decide);
    assert!(twice.contains("already-decided"), "{twice}");
    let early = refused(
        data.path(),
        &["case", "decide", &id, "pension", "approve", "--by", "sb-1"],
    );
    assert!(early.contains("error:"), "{early}");
    let unknown = refused(
        data.path(),
        &["case", "decide", &id, "no-step", "approve", "--by", "x"],
    );
    assert!(unknown.contains("no step `no-step`; it has"), "{unknown}");

    let withdrawn = said(
        data.path(),
        &["case", "withdraw", &id, "--by", "王艳", "--reason", "暂缓"],
    );
    assert!(withdrawn.contains("status    withdrawn"), "{withdrawn}");
    let after = refused(
        data.path(),
        &[
            "case",
            "decide",
            &id,
            "pension-check",
            "approve",
            "--by",
            "sb-1",
        ],
    );
    assert!(after.contains("case-ended"), "{after}");

    let shown = said(data.path(), &["case", "show", &id, "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["status"], "withdrawn");
    // The keys are free again: the person can apply anew.
    said(
        data.path(),
        &["case", "submit", "retirement", submission, "--prefill"],
    );
}

#[test]
fn a_submission_with_errors_names_them_all_and_registers_nothing() {
    let data = tempfile::tempdir().unwrap();
    with_registers(data.path());
    let text = std::fs::read_to_string(root().join("fixtures/_sample/retirement.json")).unwrap();
    let mut bad: Value = serde_json::from_str(&text).unwrap();
    bad["answers"]["AAC002"] = "36042619910102009X".into();
    bad["answers"]["mobile"] = 139.into();
    bad["answers"]["表情🙂"] = "x".into();
    let file = data.path().join("bad.json");
    std::fs::write(&file, bad.to_string()).unwrap();
    let told = refused(
        data.path(),
        &[
            "case",
            "submit",
            "retirement",
            file.to_str().unwrap(),
            "--prefill",
        ],
    );
    for code in [
        "citizen-id-checksum",
        "/mobile  type",
        "unknown-element",
        "nothing was registered",
    ] {
        assert!(told.contains(code), "{code}\n{told}");
    }
    let none = refused(data.path(), &["case", "show", "331102-2026-000001"]);
    assert!(none.contains("there is no case"), "{none}");
}

#[test]
fn bad_files_are_named() {
    let data = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = data.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (bytes, says) in [
        (&b"not wasm"[..], "not WebAssembly"),
        (b"\0asm\x01\0\0\0", "a core module, not a component"),
        (b"\0asm\x0d\0\x01\0", "does not export"),
        (b"\0asm\x0d\0\x01\0\x01\xff", "malformed"),
    ] {
        let told = refused(
            data.path(),
            &["bundle", "inspect", &file("bad.wasm", bytes)],
        );
        assert!(told.contains(says), "{says}\n{told}");
    }
    let missing = refused(data.path(), &["form", "no-such-matter"]);
    assert!(missing.contains("no-such-matter.wasm"), "{missing}");
    let json = file("bad.json", b"{\"subject\": 7}");
    let told = refused(data.path(), &["case", "submit", "retirement", &json]);
    assert!(
        told.contains("bad.json") && told.contains("line 1"),
        "{told}"
    );
    let folder = refused(data.path(), &["bundle", "build", "functions/no-such"]);
    assert!(folder.contains("functions/no-such/matter.toml"), "{folder}");
}

#[test]
fn the_form_report_has_the_figures() {
    let data = tempfile::tempdir().unwrap();
    let report: Value =
        serde_json::from_str(&said(data.path(), &["form", "retirement", "--json"])).unwrap();
    for (member, count) in [
        ("source_forms", 4),
        ("source_fields", 148),
        ("merged_fields", 56),
        ("from_registers", 44),
        ("derived", 2),
        ("typed", 10),
    ] {
        assert_eq!(report[member], count, "{member}");
    }
}

pub fn with_registers(data: &Path) {
    let to = data.join("registers");
    std::fs::create_dir_all(&to).unwrap();
    for entry in std::fs::read_dir(root().join("fixtures/_sample/registers")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}
