//! The bundle between the adapter's beginning and end of a call.

use crate::bindings::onething::function::control::{self, Given};
use crate::bindings::onething::matter::{matter, outreach, publication};
use onething_world::wire::Request;
use onething_world::{Call, Fault, Output, json_bytes, wire};

/// Runs the call on what the request says. Nothing is awaited in between: requests may be handled at
/// once in one instance.
pub fn answer(call: Call, request: &Request) -> String {
    let argument_bytes = count(json_bytes(&call));
    control::begin(&Given {
        answers: request.answers().to_owned(),
        now: request.now.clone(),
        ticket_prefix: request.ticket_prefix.clone(),
        // Pairs of records: serialising them has no way to fail.
        known: serde_json::to_string(&request.known).unwrap_or_default(),
        acting: match &call {
            Call::Respond { view, .. } => Some(view.clone()),
            _ => None,
        },
        argument_bytes,
    });
    let output = run(call);
    let written = match output.check() {
        Ok(()) => wire::output(&output).map_err(|error| error.to_string()),
        Err(Fault::MalformedOutput { message }) => Err(message),
        Err(fault) => Err(fault.to_string()),
    };
    let written = written
        .as_ref()
        .map(|json| json.get())
        .map_err(String::as_str);
    control::end(written, count(json_bytes(&output)))
}

fn run(call: Call) -> Output {
    match call {
        Call::Prefill {
            filer,
            subject,
            purpose,
        } => Output::Prefill(matter::prefill(&filer, &subject, &purpose)),
        Call::Assess { submission } => Output::Assess(matter::assess(&submission)),
        Call::Plan {
            submission,
            scenario,
        } => Output::Plan(matter::plan(&submission, &scenario)),
        Call::Project { view } => Output::Project(matter::project(&view)),
        Call::Respond { view, event } => Output::Respond(matter::respond(&view, &event)),
        Call::Reach {
            subjects,
            codes,
            on,
        } => Output::Reach(outreach::reach(&subjects, &codes, &on)),
        Call::Check {
            name,
            value,
            since,
            until,
        } => Output::Check(publication::check(&name, &value, &since, until.as_deref())),
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
