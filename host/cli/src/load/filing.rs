//! A sample's submission as a template: whoever it is about is put in its place.

use super::people::Named;
use anyhow::Context;
use bytes::Bytes;
use onething_engine::HandIn;
use serde_json::Value;
use std::path::Path;

/// JSON in which the sample's identifiers stand for anybody's.
#[derive(Debug, Clone)]
pub struct Template {
    text: String,
    named: Named,
}

impl Template {
    /// Of JSON that names them.
    pub fn new(json: &Value, named: &Named) -> Self {
        Self {
            text: json.to_string(),
            named: named.clone(),
        }
    }

    /// With the made-up ones of this number.
    pub fn of(&self, number: u32) -> Bytes {
        self.named.replaced(&self.text, number).into()
    }
}

/// A matter's submission in the samples.
pub fn read(sample: &Path, matter: &str) -> anyhow::Result<HandIn> {
    crate::case::read(&sample.join(format!("{matter}.json")))
}

/// Fills in what was not typed of what registers say, element by element.
pub fn fill(
    hand_in: &mut HandIn,
    known: impl Iterator<Item = (String, Value)>,
) -> anyhow::Result<()> {
    let answers = hand_in.answers.as_object_mut().context("no answers")?;
    for (element, value) in known.filter(|(_, value)| !value.is_null()) {
        answers.entry(element).or_insert(value);
    }
    Ok(())
}
