//! The fixtures' expectations against figures that were worked out without our code
//! (`fixtures/<matter>/reference.py`), so that `--update` cannot write a wrong figure unseen.

#![allow(clippy::unwrap_used, reason = "a test may")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The matters with fixtures: every folder but `_sample`.
fn matters() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let entries = std::fs::read_dir(fixtures).unwrap();
    let is_matter = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        path.is_dir() && !name.starts_with('_')
    };
    let mut matters: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(is_matter)
        .collect();
    matters.sort();
    matters
}

fn json(path: &Path) -> Value {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A box that is not known yet is `null` in a form, and absent where the form is.
fn known(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// The boxes of the forms and the derived elements of a case, each against its figure.
fn compare(folder: &Path, figures: &Value) -> usize {
    let name = folder.display();
    let expected = json(&folder.join("expected.json"));
    let mut compared = 0;
    let forms = expected["forms"].as_object();
    for (no, value) in forms
        .into_iter()
        .flatten()
        .filter_map(|(_, form)| form.as_object())
        .flatten()
    {
        if let Some(figure) = figures["boxes"].get(no) {
            assert_eq!(known(Some(value)), known(Some(figure)), "{name}, box {no}");
            compared += usize::from(!figure.is_null());
        }
    }
    let last = expected["timeline"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|told| told.get("derived"))
        .next_back();
    for (element, figure) in figures["derived"].as_object().into_iter().flatten() {
        assert_eq!(
            known(last.and_then(|last| last.get(element))),
            known(Some(figure)),
            "{name}, {element}"
        );
        compared += 1;
    }
    compared
}

#[test]
fn every_expected_figure_is_the_reference() {
    for matter in matters() {
        let reference = json(&matter.join("reference.json"));
        let mut compared = 0;
        for folder in onething_replay::find(std::slice::from_ref(&matter)).unwrap() {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            let figures = &reference[&name];
            assert!(figures.is_object(), "{name} is not in reference.json");
            compared += compare(&folder, figures);
        }
        let matter = matter.display();
        assert!(compared > 100, "{matter}: {compared} figures were compared");
    }
}

#[test]
fn the_references_are_up_to_date() {
    for matter in matters() {
        let script = matter.join("reference.py");
        // Without a python3 the figures are taken as they are.
        if let Ok(status) = Command::new("python3").arg(&script).arg("--check").status() {
            assert!(status.success(), "run {}", script.display());
        }
    }
}
