//! How a pass is asked for where a bundle runs as a function app, and how it is answered: JSON over
//! HTTP. Records are written as everywhere; answers and arguments are kept byte for byte.

use crate::{Call, Fault, Left, LogLine, Output};
use onething_contract::{Found, Intent, Lookup};
use serde::de::value::{MapAccessDeserializer, MapDeserializer};
use serde::{Deserialize, Serialize};
use serde_json::Error;
use serde_json::value::RawValue;

/// The functions that an app may have.
pub const FUNCTIONS: [&str; 7] = [
    "prefill", "assess", "plan", "project", "respond", "reach", "check",
];

/// `POST …/{function}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Of the export, by their names in the contract.
    pub arguments: Box<RawValue>,
    /// One object, element code to value; none is `{}`.
    #[serde(default)]
    pub answers: Option<Box<RawValue>>,
    /// When the event at hand happened, RFC 3339 with China's offset.
    pub now: String,
    /// Of the tickets of effects.
    #[serde(default)]
    pub ticket_prefix: String,
    /// What registers and parameters said.
    #[serde(default)]
    pub known: Vec<(Lookup, Found)>,
}

impl Request {
    /// The answers as they came.
    #[must_use]
    pub fn answers(&self) -> &str {
        self.answers.as_ref().map_or("{}", |answers| answers.get())
    }

    /// The call of that function.
    ///
    /// # Errors
    /// Where the arguments are not those of the function.
    pub fn call(&self, function: &str) -> Result<Call, Error> {
        tagged(function, &self.arguments)
    }
}

/// 200: what a pass came to. Where something is pending the rest is void.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Of the bundle that answers.
    pub digest: String,
    /// What the export returned; nothing where something is pending or a limit was passed.
    pub output: Option<Box<RawValue>>,
    /// Asked and not known.
    pub pending: Vec<Lookup>,
    /// Asked, and what it was told.
    pub lookups: Vec<(Lookup, Found)>,
    /// Effects that it asked for.
    pub intents: Vec<Intent>,
    /// The limit that it passed.
    pub fault: Option<Passed>,
    /// Lines for operators.
    pub log: Vec<LogLine>,
    /// What was counted; an app's engine limits the rest, or does not.
    pub usage: Counted,
}

/// A limit that was passed, by the name of the [`Fault`].
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "a fault's")]
pub struct Passed {
    pub name: String,
    pub message: String,
}

/// The limits that hold in a function app.
#[derive(Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the members are those of `Limits`")]
pub struct Counted {
    pub input_bytes: usize,
    pub output_bytes: usize,
    pub host_calls: usize,
    pub log_bytes: usize,
    pub log_cut: bool,
}

impl Answer {
    /// What a pass came to: the output of its export as JSON, or the fault, and what it left.
    #[must_use]
    pub fn new(digest: String, output: Result<Box<RawValue>, Fault>, left: Left) -> Self {
        let (output, fault) = match output {
            Ok(output) => (Some(output).filter(|_| left.wanted.is_empty()), None),
            Err(fault) => (
                None,
                Some(Passed {
                    name: fault.name().to_owned(),
                    message: fault.to_string(),
                }),
            ),
        };
        Self {
            digest,
            output,
            pending: left.wanted.into_iter().collect(),
            lookups: left.lookups.into_iter().collect(),
            intents: left.intents,
            fault,
            log: left.log,
            usage: Counted {
                input_bytes: left.input_bytes,
                output_bytes: left.output_bytes,
                host_calls: left.host_calls,
                log_bytes: left.log_bytes,
                log_cut: left.log_cut,
            },
        }
    }
}

/// The arguments of a call.
///
/// # Errors
/// None that a call of the contract has.
pub fn arguments(call: &Call) -> Result<Box<RawValue>, Error> {
    untagged(call.function(), serde_json::to_string(call)?)
}

/// What a function returned, as JSON.
///
/// # Errors
/// None that an output of the contract has.
pub fn output(output: &Output) -> Result<Box<RawValue>, Error> {
    untagged(output.function(), serde_json::to_string(output)?)
}

/// What that function returned.
///
/// # Errors
/// Where it is not what the function returns.
pub fn read_output(function: &str, output: &RawValue) -> Result<Output, Error> {
    tagged(function, output)
}

/// The variant of that name, from its contents.
fn tagged<'a, T: Deserialize<'a>>(name: &'a str, contents: &'a RawValue) -> Result<T, Error> {
    let map = MapDeserializer::new(std::iter::once((name, contents)));
    T::deserialize(MapAccessDeserializer::new(map))
}

/// The contents of the variant of that name, `{"name":contents}`.
fn untagged(name: &str, json: String) -> Result<Box<RawValue>, Error> {
    let start = name.len() + r#"{"":"#.len();
    let contents = json.get(start..json.len().saturating_sub(1));
    RawValue::from_string(contents.unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use onething_contract::{Subject, SubjectKind};

    fn reach() -> Call {
        Call::Reach {
            subjects: vec![Subject {
                kind: SubjectKind::Person,
                identifier: "331102196501150019".to_owned(),
            }],
            codes: Vec::new(),
            on: "2025-01-06".to_owned(),
        }
    }

    #[test]
    fn a_call_and_an_output_come_over_as_they_are() {
        let call = reach();
        let request = Request {
            arguments: arguments(&call).unwrap(),
            answers: None,
            now: "2025-01-06T09:00:00+08:00".to_owned(),
            ticket_prefix: String::new(),
            known: Vec::new(),
        };
        let json = serde_json::to_string(&request).unwrap();
        let request: Request = serde_json::from_str(&json).unwrap();
        assert_eq!(request.call("reach").unwrap(), call);
        assert_eq!(request.answers(), "{}");
        assert!(request.call("assess").is_err());
        assert!(request.call("dance").is_err());

        for returned in [
            Output::Reach(Vec::new()),
            Output::Prefill(Ok(Vec::new())),
            Output::Check(Vec::new()),
        ] {
            let json = output(&returned).unwrap();
            assert_eq!(read_output(returned.function(), &json).unwrap(), returned);
            assert!(FUNCTIONS.contains(&returned.function()));
        }
    }

    #[test]
    fn answers_are_kept_byte_for_byte() {
        let request = r#"{"arguments": {}, "answers": { "a" : 1.00 }, "now": ""}"#;
        let request: Request = serde_json::from_str(request).unwrap();
        assert_eq!(request.answers(), r#"{ "a" : 1.00 }"#);
        for wrong in ["", "[]", "{}", r#"{"arguments": {}, "now": "", "x": 1}"#] {
            assert!(serde_json::from_str::<Request>(wrong).is_err(), "{wrong}");
        }
    }
}
