//! TOML that people write, as JSON that bundles read, and where in a file a mistake is.

use serde_json::{Map, Value};
use std::ops::Range;

/// A mistake in a TOML file. It never quotes the file: registers hold personal data.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl Mistake {
    /// At a span of the file's text.
    pub fn at(text: &str, span: &Range<usize>, message: impl Into<String>) -> Mistake {
        let before = text.get(..span.start).unwrap_or(text);
        Mistake {
            line: before.matches('\n').count() + 1,
            message: message.into(),
        }
    }

    /// Where the parser stopped.
    pub fn of(text: &str, error: &toml::de::Error) -> Mistake {
        Mistake::at(text, &error.span().unwrap_or(0..0), error.message())
    }
}

/// The value as JSON, dates and times as strings. `Err` names what JSON of this contract lacks.
pub fn to_json(value: &toml::Value) -> Result<Value, &'static str> {
    Ok(match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Boolean(truth) => Value::from(*truth),
        toml::Value::Datetime(moment) => Value::from(moment.to_string()),
        toml::Value::Array(items) => items.iter().map(to_json).collect::<Result<_, _>>()?,
        toml::Value::Table(table) => Value::Object(object(table)?),
        toml::Value::Float(_) => {
            return Err("a decimal must be a string, \"0.65\": a float cannot hold it exactly");
        }
    })
}

/// [`to_json`] of a table.
pub fn object(table: &toml::Table) -> Result<Map<String, Value>, &'static str> {
    table
        .iter()
        .map(|(key, value)| Ok((key.clone(), to_json(value)?)))
        .collect()
}
