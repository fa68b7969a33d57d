//! Processor time of whole cases: submitted, checked by four offices at once, examined, sealed,
//! delivered, told, completed.

use crate::world::{MATTER, World, approve, cpu, now, submit};
use crate::{Databases, Kind, float};
use onething_case::State;
use onething_contract::{Effect, FilledForm};
use onething_engine::Engine;
use onething_tests::bundles::root;
use serde_json::{Map, Value, json};

const CASES: usize = 60;

pub async fn run(world: &World, databases: &Databases, kind: Kind) {
    let store = world.store(&databases.fresh(kind, "life.db")).await;
    let engine = world.engine(store);
    for number in 0..5 {
        live(world, &engine, number).await;
    }
    let (host, database) = (cpu(), databases.cpu());
    let mut state = None;
    for number in 5..5 + CASES {
        state = Some(live(world, &engine, number).await);
    }
    let host = (cpu() - host) * 1000.0 / float(CASES);
    let database = (databases.cpu() - database) * 1000.0 / float(CASES);
    let state = state.unwrap();
    let count = |is: fn(&Effect) -> bool| {
        let effects = state.effects.iter();
        effects.filter(|effect| is(&effect.intent.effect)).count()
    };
    let beside = match kind {
        Kind::Sqlite => String::new(),
        Kind::Postgres => format!(" and {database:.1} ms of the server's"),
    };
    println!(
        "life: {:10} {host:.1} ms of the host's processor time{beside} for a whole case: {} events, {} decisions, {} seals, {} deliveries, {} notices",
        kind.name(),
        state.last_event,
        state.decisions.len(),
        count(|effect| matches!(effect, Effect::Seal { .. })),
        count(|effect| matches!(effect, Effect::Delivery { .. })),
        count(|effect| matches!(effect, Effect::Notice { .. })),
    );
}

async fn live(world: &World, engine: &Engine, number: usize) -> State {
    let id = submit(engine, number, world.hand_ins.of(number)).await;
    loop {
        while engine.work(now()).await.unwrap() > 0 {}
        let state = engine.case(&id).await.unwrap().state;
        let open: Vec<_> = state.tasks().cloned().collect();
        if open.is_empty() {
            assert_eq!(state.status.as_str(), "completed");
            return state;
        }
        let forms = engine.forms(&state, now()).await.unwrap();
        for record in open {
            let asks = record.step.payload_schema.is_some();
            let payload = asks.then(|| payload(engine, &forms, &record.step.id));
            approve(engine, &id, &record.step.id, record.office(), payload).await;
        }
    }
}

/// What an office says with its decision: the sample's words, and the figures of its own form.
fn payload(engine: &Engine, forms: &[FilledForm], step: &str) -> Value {
    let mut payload = said(step);
    let bundles = engine.bundles();
    for form in &bundles.newest(MATTER).unwrap().manifest().source_forms {
        let Some(filled) = forms.iter().find(|filled| filled.form == form.name) else {
            continue;
        };
        let values: Map<String, Value> = serde_json::from_str(&filled.values).unwrap();
        for field in &form.fields {
            let decided = field.decided.as_ref();
            let decided = decided.filter(|decided| decided.step == step);
            let value = values.get(&field.no).filter(|value| !value.is_null());
            if let (Some(decided), Some(value)) = (decided, value)
                && payload.get(&decided.value).is_none()
            {
                payload[decided.value.as_str()] = value.clone();
            }
        }
    }
    payload
}

fn said(step: &str) -> Value {
    let story = root().join("fixtures/_sample/retirement.story.toml");
    let story: toml::Table = std::fs::read_to_string(story).unwrap().parse().unwrap();
    match story["payloads"].get(step) {
        Some(payload) => serde_json::to_value(payload).unwrap(),
        None => json!({}),
    }
}
