//! The fixtures' expectations against figures that were worked out without our code
//! (`fixtures/retirement/reference.py`), so that `--update` cannot write a wrong figure unseen.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/retirement")
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

#[test]
fn every_expected_figure_is_the_reference() {
    let reference = json(&fixtures().join("reference.json"));
    let (mut boxes, mut derived) = (0, 0);
    for folder in onething_replay::find(&[fixtures()]).unwrap() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let expected = json(&folder.join("expected.json"));
        let figures = &reference[&name];
        assert!(figures.is_object(), "{name} is not in reference.json");

        let forms = expected["forms"].as_object();
        for (no, value) in forms
            .into_iter()
            .flatten()
            .filter_map(|(_, form)| form.as_object())
            .flatten()
        {
            if let Some(figure) = figures["boxes"].get(no) {
                assert_eq!(known(Some(value)), known(Some(figure)), "{name}, box {no}");
                boxes += usize::from(!figure.is_null());
            }
        }
        let last = expected["timeline"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|told| told.get("derived"))
            .next_back();
        for element in ["statutory-month", "service-months"] {
            assert_eq!(
                known(last.and_then(|last| last.get(element))),
                known(figures["derived"].get(element)),
                "{name}, {element}"
            );
            derived += 1;
        }
    }
    assert!(
        boxes > 1_000 && derived > 60,
        "{boxes} boxes and {derived} elements were compared"
    );
}

#[test]
fn the_reference_is_up_to_date() {
    let script = fixtures().join("reference.py");
    // Without a python3 the figures are taken as they are.
    if let Ok(status) = Command::new("python3").arg(&script).arg("--check").status() {
        assert!(status.success(), "run {}", script.display());
    }
}
