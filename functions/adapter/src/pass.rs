//! The pass at hand: its world, and the limit that it passed.

use onething_contract::{Found, Lookup};
use onething_world::wire::Answer;
use onething_world::{Acting, Fault, Given, Granted, Inputs, Limits, World};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One call of the bundle, from its beginning to its end.
pub struct Pass {
    world: World,
    /// The first limit that was passed.
    fault: Option<Fault>,
    /// What was asked after it.
    asked_on: usize,
}

/// What the front says of a call, as it came.
pub struct Told {
    /// The answers of the round.
    pub answers: String,
    /// When the event at hand happened.
    pub now: String,
    /// Of the tickets.
    pub ticket_prefix: String,
    /// Pairs of a lookup and what was found, JSON.
    pub known: String,
    /// What effects may refer to, where they are granted.
    pub acting: Option<Acting>,
    /// The bytes of the arguments as JSON.
    pub argument_bytes: usize,
}

impl Pass {
    /// The pass of a bundle with those grants, JSON.
    pub fn new(granted: &str, told: Told) -> Self {
        let read = |what: &str, error: serde_json::Error| Fault::Host {
            message: format!("{what}: {error}"),
        };
        let granted: Result<Granted, _> = serde_json::from_str(granted);
        let known: Result<Vec<(Lookup, Found)>, _> = serde_json::from_str(&told.known);
        let (granted, known, fault) = match (granted, known) {
            (Ok(granted), Ok(known)) => (granted, known, None),
            (Err(error), _) => (Granted::default(), Vec::new(), Some(read("grants", error))),
            (_, Err(error)) => (Granted::default(), Vec::new(), Some(read("known", error))),
        };
        let given = Given {
            acting: told.acting,
            call_bytes: told.argument_bytes,
            inputs: Inputs {
                answers: told.answers.into(),
                now: told.now,
                ticket_prefix: told.ticket_prefix,
                facts: Arc::new(known.into_iter().collect::<BTreeMap<_, _>>()),
            },
        };
        let limits = Limits::default();
        let limit = limits.input_bytes;
        let too_large = (given.bytes() > limit).then_some(Fault::InputTooLarge { limit });
        let mut world = World::idle(limits, Arc::new(granted));
        world.turn_to(Arc::new(given), Arc::default());
        Self {
            world,
            fault: fault.or(too_large),
            asked_on: 0,
        }
    }

    /// The answer of an import; `None` once a limit was passed. A bundle that asks on and on does not
    /// run for ever: it traps.
    pub fn ask<T>(&mut self, question: impl FnOnce(&mut World) -> Result<T, Fault>) -> Option<T> {
        if self.fault.is_some() {
            self.asked_on += 1;
            if self.asked_on > Limits::default().host_calls {
                std::process::abort();
            }
            return None;
        }
        match question(&mut self.world) {
            Ok(answer) => Some(answer),
            Err(fault) => {
                self.fault = Some(fault);
                None
            }
        }
    }

    /// The answer to the request, JSON: `output` is what the export returned, or what is wrong with it.
    pub fn end(mut self, digest: String, output: Result<String, String>, bytes: usize) -> String {
        let read = self.ask(|world| {
            world.count_output(bytes)?;
            let malformed = |message| Fault::MalformedOutput { message };
            let output = output.map_err(malformed)?;
            RawValue::from_string(output).map_err(|error| malformed(error.to_string()))
        });
        let output = match (read, self.fault) {
            (Some(output), None) => Ok(output),
            (_, Some(fault)) => Err(fault),
            (None, None) => Err(Fault::Host {
                message: "there is no output".to_owned(),
            }),
        };
        let answer = Answer::new(digest, output, self.world.take_left());
        // Strings, numbers and lists with string keys only: serialising them has no way to fail.
        serde_json::to_string(&answer).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const GRANTED: &str = r#"{"registers": ["population"], "parameters": [], "seals": ["unit"],
        "deliveries": [], "payments": [], "templates": [], "forms": ["application"]}"#;

    fn told(known: &str) -> Told {
        Told {
            answers: "{}".to_owned(),
            now: "2025-01-06T09:00:00+08:00".to_owned(),
            ticket_prefix: "c-7".to_owned(),
            known: known.to_owned(),
            acting: None,
            argument_bytes: 10,
        }
    }

    fn end(pass: Pass, output: Result<&str, &str>) -> Value {
        let output = output.map(str::to_owned).map_err(str::to_owned);
        serde_json::from_str(&pass.end("ab12".to_owned(), output, 12)).unwrap()
    }

    #[test]
    fn a_pass_comes_to_an_answer_with_what_it_left() {
        let known = r#"[[{"register": {"register": "population", "key": "a"}}, {"entry": null}]]"#;
        let mut pass = Pass::new(GRANTED, told(known));
        let found = pass.ask(|world| world.lookup("population", vec!["a".to_owned()]));
        assert_eq!(found, Some(Ok(vec![None])));
        let answer = end(pass, Ok("[]"));
        assert_eq!(answer["digest"], "ab12");
        assert_eq!(answer["output"], serde_json::json!([]));
        assert_eq!(answer["lookups"].as_array().map(Vec::len), Some(1));
        assert_eq!(answer["fault"], Value::Null);
        assert_eq!(answer["usage"]["host_calls"], 2);
    }

    #[test]
    fn what_is_not_known_is_pending_and_the_output_void() {
        let mut pass = Pass::new(GRANTED, told("[]"));
        let found = pass.ask(|world| world.lookup("population", vec!["a".to_owned()]));
        assert!(found.is_some_and(|found| found.is_err()));
        let answer = end(pass, Ok("[]"));
        assert_eq!(answer["output"], Value::Null);
        assert_eq!(answer["pending"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn the_first_limit_that_was_passed_is_the_fault() {
        let keys = || vec![String::new(); 100_000];
        let mut pass = Pass::new(GRANTED, told("[]"));
        assert_eq!(pass.ask(|world| world.lookup("population", keys())), None);
        assert_eq!(pass.ask(World::now), None);
        let answer = end(pass, Err("[broken"));
        assert_eq!(answer["fault"]["name"], "too-many-host-calls");
        assert_eq!(answer["output"], Value::Null);
        for (output, granted, known, name) in [
            (Err("no JSON"), GRANTED, "[]", "malformed-output"),
            (Ok("[broken"), GRANTED, "[]", "malformed-output"),
            (Ok("[]"), "", "[]", "host"),
            (Ok("[]"), GRANTED, "{}", "host"),
        ] {
            let answer = end(Pass::new(granted, told(known)), output);
            assert_eq!(answer["fault"]["name"], name, "{output:?}");
        }
    }
}
