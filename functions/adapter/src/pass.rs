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
        }
    }

    /// The answer of an import; `None` once a limit was passed.
    pub fn ask<T>(&mut self, question: impl FnOnce(&mut World) -> Result<T, Fault>) -> Option<T> {
        if self.fault.is_some() {
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
