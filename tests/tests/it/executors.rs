//! Every fixture by both executors, with the composed function apps on a real `wasi:http` host, and
//! by the command line as a tester runs it.

use crate::cli::onething;
use onething_test_spin::{Instances, Served};
use onething_tests::bundles::root;

/// Passes where every journal has the same bytes there as here, and none that is the app's ran here.
fn replayed(by: &Served) {
    let folder = tempfile::tempdir().unwrap();
    let output = onething(folder.path())
        .args(["replay", "--executor", &by.url()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{told}");
    assert!(said.contains(" passed, 0 failed\n"), "{said}");
    assert!(said.contains("; 0 that were theirs ran here"), "{said}");
    assert!(!said.contains("QUARANTINED"), "{said}");
}

fn apps() -> std::path::PathBuf {
    root().join("bundles/spin")
}

#[test]
fn every_fixture_leaves_the_same_journals_where_instances_are_reused() {
    replayed(&Served::start(&apps(), Instances::Reused).unwrap());
}

#[test]
fn every_fixture_leaves_the_same_journals_in_fresh_instances() {
    replayed(&Served::start(&apps(), Instances::Fresh).unwrap());
}

#[test]
#[expect(clippy::print_stderr, reason = "a test's own output")]
fn every_fixture_leaves_the_same_journals_by_spin() {
    match Served::by_spin(&root()).unwrap() {
        Some(spin) => replayed(&spin),
        None => eprintln!("skipped: there is no `spin` on the PATH"),
    }
}
