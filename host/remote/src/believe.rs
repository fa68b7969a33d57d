//! What of an answer is believed: nothing that this host's own rules would not have come to.

use crate::{Answered, Distrust};
use onething_world::wire::{self, Answer};
use onething_world::{
    Call, Fault, Fetched, Given, Granted, Left, Limits, Output, Pass, World, json_bytes,
};
use std::sync::Arc;

/// The pass that an app says it was, checked.
pub(crate) fn believe(
    answer: Answer,
    limits: Limits,
    granted: &Arc<Granted>,
    call: &Call,
    given: &Arc<Given>,
    fetched: &Fetched,
) -> Answered {
    let asked = answer.pending.len().saturating_add(answer.lookups.len());
    let logged = answer.log.iter().map(|line| line.message.len());
    if asked > limits.host_calls || logged.sum::<usize>() > limits.log_bytes {
        return Err(Distrust::TooLarge.into());
    }
    let mut left = Left::default();
    for lookup in answer.pending {
        if !granted.allows(&lookup) {
            return Err(Distrust::NotGranted.into());
        }
        if fetched.contains_key(&lookup) {
            return Err(Distrust::AsksAgain.into());
        }
        left.wanted.insert(lookup);
    }
    for (lookup, found) in answer.lookups {
        if fetched.get(&lookup) != Some(&found) {
            return Err(Distrust::Invents.into());
        }
        left.lookups.insert(lookup, found);
    }
    let usage = answer.usage;
    left.input_bytes = usage.input_bytes;
    left.output_bytes = usage.output_bytes;
    left.host_calls = usage.host_calls;
    left.log_bytes = usage.log_bytes;
    left.log_cut = usage.log_cut;
    left.log = answer.log;
    // The rest of a pass that left something pending is void.
    let result = if left.wanted.is_empty() {
        // The effects first: what they carry and the output have one limit together.
        let mut world = World::idle(limits, Arc::clone(granted));
        world.turn_to(Arc::clone(given), Arc::clone(fetched));
        for intent in answer.intents {
            let ticket = intent.ticket.clone();
            match world.repeat(intent) {
                Ok(Ok(promised)) if promised == ticket => {}
                Ok(_) => return Err(Distrust::NotGranted.into()),
                Err(Fault::MalformedOutput { .. }) => return Err(Distrust::Malformed.into()),
                Err(_) => return Err(Distrust::TooLarge.into()),
            }
        }
        let output = match (answer.output, answer.fault) {
            (Some(output), None) => {
                let read = wire::read_output(call.function(), &output);
                checked(read.map_err(|_| Distrust::Malformed)?, &mut world)
            }
            (_, Some(passed)) => Err(Fault::Host {
                message: format!("the function app reports {}", passed.name),
            }),
            (None, None) => return Err(Distrust::Malformed.into()),
        };
        left.intents = world.take_left().intents;
        output
    } else {
        Err(Fault::Host {
            message: "the pass is void".to_owned(),
        })
    };
    Ok(Pass {
        result,
        left,
        fuel: None,
        memory_bytes: None,
    })
}

fn checked(output: Output, world: &mut World) -> Result<Output, Fault> {
    world.count_output(json_bytes(&output))?;
    output.check()?;
    Ok(output)
}
