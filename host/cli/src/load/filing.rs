//! A sample's submission as a template: whoever it is about is put in its place.

use super::people;
use anyhow::Context;
use bytes::Bytes;
use onething_engine::HandIn;
use serde_json::Value;
use std::path::Path;

/// JSON in which the sample's subject stands for anybody.
#[derive(Debug, Clone)]
pub struct Template {
    text: String,
    subject: String,
    seed: u64,
}

impl Template {
    /// Of JSON that names the subject.
    pub fn new(json: &Value, subject: &str, seed: u64) -> Self {
        Self {
            text: json.to_string(),
            subject: subject.to_owned(),
            seed,
        }
    }

    /// For the made-up subject of this number; the sample's own where none can be made up.
    pub fn of(&self, number: u32) -> Bytes {
        match people::identifier(&self.subject, self.seed, number) {
            Some(made_up) => self.text.replace(&self.subject, &made_up).into(),
            None => self.text.clone().into(),
        }
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
