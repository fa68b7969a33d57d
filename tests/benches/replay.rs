//! Replay against its ceiling: every fixture run through the product in memory, and the calls that
//! this made of its registered cases made again on a bare wasmtime, with the same inputs and none of
//! our code. What a fixture calls besides (prefill, projections, refused submissions) counts against
//! us.

#![allow(missing_docs, reason = "a bench")]
#![allow(clippy::print_stdout, reason = "the ratios are the result")]
#![allow(clippy::unwrap_used, reason = "a bench may")]

#[path = "runtime/bare.rs"]
mod bare;

use bare::Bare;
use criterion::Criterion;
use onething_capabilities::Parameters;
use onething_case::{Event, Recorded, State};
use onething_contract::{Found, Lookup};
use onething_engine::Bundles;
use onething_replay::{Fixture, Replayed, Suite};
use onething_runtime::{Call, Inputs, Limits, Outcome, Runtime};
use onething_tests::bundles::{bundle, root};
use serde_json::Value;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() {
    let component = bundle("retirement");
    let runtime = Runtime::new(Limits::default(), None).unwrap();
    let mut bundles = Bundles::default();
    bundles.add(runtime.load(&component).unwrap());
    let parameters = Parameters::load(&root().join("parameters")).unwrap();
    let suite = Suite::new(bundles, parameters);
    let fixtures: Vec<Fixture> = onething_replay::find(&[root().join("fixtures/retirement")])
        .unwrap()
        .iter()
        .map(|folder| Fixture::read(folder).unwrap())
        .collect();
    let bare = Bare::new(&component, &Limits::default());
    let calls: Vec<(Call, Inputs)> = fixtures
        .iter()
        .flat_map(|fixture| calls(&suite.run(fixture).unwrap()))
        .collect();

    let product = || {
        for fixture in &fixtures {
            black_box(suite.run(fixture).unwrap());
        }
    };
    let ceiling = || {
        for (call, inputs) in &calls {
            black_box(bare.invoke(call, inputs.clone()));
        }
    };
    let (ours, bares) = in_turns(&product, &ceiling);
    let cases = fixtures.len() as f64;
    println!(
        "replay: {} fixtures, {} calls of registered cases; {:.0} cases a second, ceiling {:.0}, {:.0} % of it",
        fixtures.len(),
        calls.len(),
        cases / ours.as_secs_f64(),
        cases / bares.as_secs_f64(),
        100.0 * bares.as_secs_f64() / ours.as_secs_f64()
    );

    let whole = onething_replay::find(&[root().join("fixtures/retirement/men-1965-01")]).unwrap();
    let whole = Fixture::read(&whole[0]).unwrap();
    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("a full case in memory", |bencher| {
        bencher.iter(|| suite.run(&whole).unwrap());
    });
    criterion.final_summary();
}

/// The calls behind a case, with what they looked up at hand.
fn calls(replayed: &Replayed) -> Vec<(Call, Inputs)> {
    let lines = replayed.journal.split(|&byte| byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .filter_map(|line| {
            let journal: Value = serde_json::from_slice(line).unwrap();
            let outcome = serde_json::from_slice(line).unwrap();
            call(
                &replayed.events,
                journal["event"].as_u64().unwrap(),
                outcome,
            )
        })
        .collect()
}

/// `None` for a correction that the case refused.
fn call(events: &[Recorded], n: u64, outcome: Outcome) -> Option<(Call, Inputs)> {
    let past = events.get(..usize::try_from(n).unwrap())?;
    let heard = past.last()?;
    let state = State::from_events(past).unwrap();
    let round = match &heard.event {
        Event::Registered(registration) => Some(&registration.round),
        Event::Corrected { round, .. } => Some(&**round),
        _ => None,
    };
    let call = match (outcome.output.function(), round) {
        ("assess", Some(round)) => Call::Assess {
            submission: round.submission.clone(),
        },
        ("plan", Some(round)) => Call::Plan {
            submission: round.submission.clone(),
            scenario: round.assessment.scenario.clone(),
        },
        ("respond", _) => Call::Respond {
            view: state.view(),
            event: heard.heard(&state.hears)?,
        },
        _ => return None,
    };
    let facts: BTreeMap<Lookup, Found> = outcome.lookups.into_iter().collect();
    let inputs = Inputs {
        answers: state.answers.as_str().into(),
        now: heard.at.clone(),
        ticket_prefix: format!("{}-{n}", state.id),
        facts: Arc::new(facts),
    };
    Some((call, inputs))
}

/// The medians, measured in turns.
fn in_turns(a: &dyn Fn(), b: &dyn Fn()) -> (Duration, Duration) {
    const ROUNDS: usize = 9;
    let timed = |run: &dyn Fn()| {
        let begun = Instant::now();
        run();
        begun.elapsed()
    };
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..ROUNDS {
        times[0].push(timed(a));
        times[1].push(timed(b));
    }
    let [a, b] = times.map(|mut times| {
        times.sort();
        times[ROUNDS / 2]
    });
    (a, b)
}
