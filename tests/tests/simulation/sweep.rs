//! One life, lived once for each boundary that it crosses, with exactly that crossing going wrong:
//! whatever fails, the case comes to the same end.

use crate::acts::office;
use crate::faults::Kind;
use crate::stage::{PEOPLE, Stage, scratch};
use crate::world::{World, Wrong};
use onething_case::{Event, Recorded, State};
use onething_contract::{Effect, Verdict};
use onething_store::Store;
use serde_json::{Value, json};

const STEPS: [(&str, &str); 6] = [
    ("check", "intake"),
    ("north", "north"),
    ("east", "east"),
    ("south", "south"),
    ("west", "west"),
    ("final", "intake"),
];
/// A command is sent again until it is answered, and no more often than this.
const TRIES_MAX: usize = 6;

/// What goes wrong in a life.
#[derive(Debug, Clone, Copy)]
enum Disturbance {
    None,
    /// The `nth` crossing.
    Fault(u32, Kind),
    /// At the `nth` place where it can, a worker outlasts its lease, and another does its work.
    Pause(u32),
}

#[test]
fn a_life_ends_the_same_whatever_fails_once() {
    let shared = scratch();
    let stage = Stage::new(shared.path());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let live = |disturbance| runtime.block_on(live(&stage, disturbance));
    let (undisturbed, crossings, rested) = live(Disturbance::None);
    let faults = [Kind::Error, Kind::Death];
    let faults = faults
        .iter()
        .flat_map(|kind| (1..=crossings).map(|nth| Disturbance::Fault(nth, *kind)));
    let pauses = (1..=rested).map(Disturbance::Pause);
    let mut lives = 0;
    for disturbance in faults.chain(pauses) {
        let (end, ..) = live(disturbance);
        assert_eq!(end, undisturbed, "{disturbance:?}");
        lives += 1;
    }
    println!("sweep: {crossings} boundaries, {lives} lives, each with one fault, all alike");
}

/// How the life went, apart from times, tickets and the order of effects; and how many boundaries it
/// crossed.
async fn live(stage: &Stage, disturbance: Disturbance) -> (Value, u32, u32) {
    let data = scratch();
    let store = Store::in_memory().await.unwrap();
    let mut world = World::new(stage, store, data.path(), 1).await;
    world.trouble = 0;
    world.sweeping = true;
    world.faults.crossings();
    if let Disturbance::Fault(nth, kind) = disturbance {
        world.faults.arm(nth, kind);
    }
    let mut pause = match disturbance {
        Disturbance::Pause(nth) => Some(nth),
        _ => None,
    };
    let lived = script(&mut world, &mut pause).await;
    if let Err(wrong) = lived {
        panic!("{disturbance:?}: {wrong}\n{}", world.trace);
    }
    let end = summary(
        world
            .known
            .values()
            .next()
            .map(|known| &known.events[..])
            .unwrap(),
    );
    (end, world.faults.crossings(), world.faults.rested())
}

async fn script(world: &mut World, pause: &mut Option<u32>) -> Result<(), Wrong> {
    let mark = world.mark();
    let mut hand_in = world.hand_in(&mark, PEOPLE[0], "paid");
    hand_in.parties.clear();
    hand_in.materials.clear();
    hand_in.answers["simple-remark"] = json!(mark);
    hand_in.answers["simple-amount"] = json!("20.00");
    world.keep(mark, hand_in, None);
    for _ in 0..TRIES_MAX {
        if world.sent[0].case_id.is_none() {
            world.send(0).await?;
        }
    }
    rest(world, pause).await?;
    for (step, function) in STEPS {
        for _ in 0..TRIES_MAX {
            let state = state(world).await?;
            if state.standing(step).is_none() {
                world
                    .decided(&state, step, Verdict::Approve, office(function))
                    .await;
            }
        }
        rest(world, pause).await?;
    }
    for _ in 0..TRIES_MAX {
        world.collect()?;
        let sent = world
            .store
            .sent_payments(None, 9)
            .await
            .map_err(|error| error.to_string())?;
        for row in sent {
            world.answer(&row.intent.ticket, false).await;
        }
        rest(world, pause).await?;
    }
    for _ in 0..TRIES_MAX {
        let state = state(world).await?;
        if state.rating.is_none() {
            world.rate(&state).await;
        }
    }
    rest(world, pause).await?;
    world.check_end().await
}

/// Works until nothing is left, with time for what failed to be tried again.
async fn rest(world: &mut World, pause: &mut Option<u32>) -> Result<(), Wrong> {
    if let Some(nth) = *pause {
        let before = world.faults.rested();
        let engine = world.nodes[0].clone();
        world.work_until(nth, 0, engine).await;
        let rested = world.faults.rested() - before;
        *pause = if world.is_paused() {
            None
        } else {
            Some(nth - rested)
        };
    }
    for _ in 0..3 {
        world.work_until_idle().await?;
        world.advance(4_000);
    }
    world.go_on().await;
    world.work_until_idle().await?;
    world.check().await
}

async fn state(world: &mut World) -> Result<State, Wrong> {
    world.check().await?;
    let known = world.known.values().next().ok_or("there is no case")?;
    Ok(known.state.clone())
}

fn summary(events: &[Recorded]) -> Value {
    let mut course = Vec::new();
    let mut effects = Vec::new();
    let mut outcomes = 0;
    for recorded in events {
        match &recorded.event {
            Event::Reacted { intents, .. } => {
                effects.extend(intents.iter().map(|intent| effect(&intent.effect)));
            }
            Event::EffectSettled(settlement) => outcomes += u32::from(settlement.outcome.is_ok()),
            Event::Registered(registration) => course.push(json!(registration.matter)),
            Event::Decided { decision, .. } => {
                course.push(json!([decision.step, decision.verdict, decision.by]));
            }
            Event::Rated { score, .. } => course.push(json!(score)),
            event => course.push(serde_json::to_value(event).unwrap()),
        }
    }
    let id = registered_as(events);
    let mut effects: Vec<String> = effects
        .iter()
        .map(|effect: &Value| effect.to_string().replace(id, ""))
        .collect();
    effects.sort();
    json!({"course": course, "effects": effects, "done": outcomes})
}

/// A number that was taken and not used leaves a gap.
fn registered_as(events: &[Recorded]) -> &str {
    match events.first().map(|recorded| &recorded.event) {
        Some(Event::Registered(registration)) => &registration.id,
        other => panic!("a history begins with {other:?}"),
    }
}

/// Without what depends on when it was asked for.
fn effect(effect: &Effect) -> Value {
    match effect {
        Effect::Payment(order) => json!([order.budget, order.lines.len(), order.lines[0].amount]),
        other => serde_json::to_value(other).unwrap(),
    }
}
