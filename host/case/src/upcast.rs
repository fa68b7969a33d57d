//! Events as they are stored. They are kept for ever, so each carries the number of the format that
//! it was written in. An older one is brought up format by format when it is read, and never written
//! again; a newer one, met after a rollback, is read as far as this binary knows its shape.
//!
//! To change a shape in a way that old bodies do not fit: raise [`FORMAT`] and add to [`UPCASTS`] what
//! brings the format before up to it. A member that may be absent needs neither.

use crate::event::Event;
use serde::Deserialize;
use serde_json::Value;

/// The format that events are written in.
pub const FORMAT: u32 = 1;

/// Brings the body of an event from one format to the next.
type Upcast = fn(Value) -> Value;

/// The first brings format 1 to 2, and so on: one less than [`FORMAT`].
const UPCASTS: &[Upcast] = &[];

/// Why an event cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UpcastError {
    /// The body is no event of its format.
    #[error("the event of type {kind} in format {format} cannot be read: its body is damaged")]
    Malformed {
        /// What it says it is; empty where it says nothing.
        kind: String,
        /// Its format.
        format: u32,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// It was written by a newer binary.
    #[error(
        "the event of type {kind} is in format {format}, and this binary knows formats up to {FORMAT}: run a newer one"
    )]
    Newer {
        /// What it says it is; empty where it says nothing.
        kind: String,
        /// Its format.
        format: u32,
        /// What this binary does not know of it.
        #[source]
        source: serde_json::Error,
    },
    /// There is no such format.
    #[error("formats are numbered from 1; there is no format {format}")]
    Format {
        /// The number.
        format: u32,
    },
}

/// An event as it is stored, in the format that it was written in. Members that this binary does not
/// know are passed over.
///
/// # Errors
/// Where the body is damaged, or this binary is too old for it.
pub fn read(format: u32, body: &str) -> Result<Event, UpcastError> {
    let before = FORMAT.checked_sub(format);
    let event = match before {
        _ if format == 0 => return Err(UpcastError::Format { format }),
        Some(0) | None => serde_json::from_str(body),
        Some(_) => {
            let done = usize::try_from(format - 1).unwrap_or(usize::MAX);
            bring_up(body, UPCASTS.get(done..).unwrap_or_default())
        }
    };
    event.map_err(|source| {
        let kind = kind(body);
        match before {
            None => UpcastError::Newer {
                kind,
                format,
                source,
            },
            Some(_) => UpcastError::Malformed {
                kind,
                format,
                source,
            },
        }
    })
}

/// The format and body to store.
pub fn write(event: &Event) -> (u32, String) {
    // Strings, numbers and lists with string keys only: serialising them has no way to fail.
    let body = serde_json::to_string(event).expect("an event is written as JSON");
    (FORMAT, body)
}

fn bring_up(body: &str, upcasts: &[Upcast]) -> Result<Event, serde_json::Error> {
    let body: Value = serde_json::from_str(body)?;
    serde_json::from_value(upcasts.iter().fold(body, |body, upcast| upcast(body)))
}

fn kind(body: &str) -> String {
    #[derive(Deserialize)]
    struct Kind {
        r#type: String,
    }
    serde_json::from_str(body).map_or_else(|_| String::new(), |kind: Kind| kind.r#type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_format_has_its_way_up() {
        assert_eq!(UPCASTS.len() + 1, usize::try_from(FORMAT).unwrap());
    }

    #[test]
    fn what_is_written_is_read() {
        let event = Event::StepOpened { step: "a".into() };
        let (format, body) = write(&event);
        assert_eq!(read(format, &body).unwrap(), event);
    }

    #[test]
    fn an_old_body_is_brought_up_format_by_format() {
        let rename: Upcast = |mut body| {
            body["type"] = json!("step-opened");
            body
        };
        let fill: Upcast = |mut body| {
            body["step"] = json!(format!("{}-0", body["step"].as_str().unwrap_or_default()));
            body
        };
        let body = r#"{"type":"opened","step":"a"}"#;
        assert_eq!(
            bring_up(body, &[rename, fill]).unwrap(),
            Event::StepOpened { step: "a-0".into() }
        );
        assert!(bring_up(body, &[fill]).is_err());
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let message = |format, body: &str| read(format, body).unwrap_err().to_string();
        for (format, body, expected) in [
            (
                FORMAT,
                r#"{"type":"step-opened"}"#,
                "the event of type step-opened in format 1",
            ),
            (
                FORMAT,
                r#"{"type":"danced"}"#,
                "the event of type danced in format 1",
            ),
            (FORMAT, "{", "the event of type  in format 1"),
            (
                FORMAT + 1,
                r#"{"type":"danced"}"#,
                "the event of type danced is in format 2",
            ),
            (0, r#"{"type":"accepted"}"#, "there is no format 0"),
        ] {
            let found = message(format, body);
            assert!(found.contains(expected), "{found}");
        }
    }
}
