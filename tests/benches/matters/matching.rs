//! 200 enterprises against 1,045 policies: those that are published, and generated ones that are
//! like them.

use crate::world::World;
use crate::{in_turns, ratio};
use chrono::NaiveDate;
use onething_contract::{Subject, SubjectKind};
use onething_runtime::{Call, Inputs, Limits, Output, Runtime};
use onething_sdk::contract as native;
use onething_sdk::{Facts, Outreach};
use onething_tests::bundles::{bundle, root};
use policy_redemption::PolicyRedemption;
use policy_redemption::fields::{Enterprise, Fields};
use policy_redemption::matching::Policies;
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;

const ENTERPRISES: usize = 200;
/// As many as the city had online.
const POLICIES: usize = 1_045;
/// As the host hands them over.
const CODES_PER_CALL: usize = onething_engine::CODES_PER_CALL;
const ON: &str = "2026-03-02";

pub fn run() {
    let on: NaiveDate = ON.parse().unwrap();
    let mut world = World::new();
    let published = world.names("policy", on);
    let names: Vec<String> = (0..POLICIES)
        .map(|number| format!("policy/p{number:04}"))
        .collect();
    for (name, like) in names.iter().zip(published.iter().cycle()) {
        let value = world.published(like, on).unwrap();
        world.parameters.insert(name.clone(), value);
    }
    let data: Vec<(String, Value)> = enterprises();
    for (key, value) in &data {
        world.put("enterprise", key, value.clone());
        world.put("credit", key, json!({"status": "normal"}));
    }
    let world = Arc::new(world);

    let limits = Limits::default();
    let runtime = Runtime::new(limits, None).unwrap();
    let bundle = runtime.load(&bundle("policy-redemption")).unwrap();
    let subjects: Vec<Subject> = data
        .iter()
        .map(|(key, _)| Subject {
            kind: SubjectKind::Organisation,
            identifier: key.clone(),
        })
        .collect();
    let sandboxed = || -> (usize, u64, usize) {
        let (mut offers, mut fuel, mut memory) = (0, 0, 0);
        for codes in names.chunks(CODES_PER_CALL) {
            let call = Call::Reach {
                subjects: subjects.clone(),
                codes: codes.to_vec(),
                on: ON.to_owned(),
            };
            let inputs = Inputs {
                answers: "{}".into(),
                now: format!("{ON}T09:00:00+08:00"),
                ticket_prefix: String::new(),
                facts: Arc::clone(&world) as Arc<dyn onething_runtime::Facts>,
            };
            let run = bundle.invoke(&call, inputs);
            match run.outcome.unwrap().output {
                Output::Reach(found) => offers += found.len(),
                other => panic!("{}", other.function()),
            }
            fuel = fuel.max(run.usage.fuel.unwrap_or_default());
            memory = memory.max(run.usage.memory_bytes.unwrap_or_default());
        }
        (offers, fuel, memory)
    };

    let facts = Facts::new(on, &*world);
    let fields = Fields::in_force(&facts, on).unwrap();
    let values: Vec<(&str, &Value)> = names
        .iter()
        .map(|name| (name.as_str(), &world.parameters[name]))
        .collect();
    let mut policies = Policies::compile(values.iter().copied());
    let is_open =
        |window: &policy_redemption::policy::Window| (window.opens..=window.closes).contains(&on);
    policies
        .compiled
        .retain(|compiled| is_open(&compiled.policy.window));
    let known: Vec<Enterprise> = data
        .iter()
        .map(|(_, value)| Enterprise::of_rows(&fields, &value["policy-facts"]))
        .collect();
    let natively = || -> usize {
        let mut offers = 0;
        for enterprise in &known {
            let candidate = policies.candidate(enterprise);
            let qualify = policies.compiled.iter();
            offers += qualify
                .filter(|policy| policy.qualify(&candidate).is_some())
                .count();
        }
        offers
    };
    // The same job as the sandbox does: compile, read the enterprises, match, write the offers.
    let asked: Vec<native::Subject> = data.iter().map(|(key, _)| organisation(key)).collect();
    let whole = || PolicyRedemption::reach(&asked, &names, &Facts::new(on, &*world)).len();
    let compile = || Policies::compile(values.iter().copied()).compiled.len();

    let (offers, fuel, memory) = sandboxed();
    assert_eq!((natively(), whole()), (offers, offers), "all find the same");
    let [ours, native, compiled, whole] = in_turns([
        &|| {
            black_box(sandboxed());
        },
        &|| {
            black_box(natively());
        },
        &|| {
            black_box(compile());
        },
        &|| {
            black_box(whole());
        },
    ]);
    let pairs = ENTERPRISES * policies.compiled.len();
    let seconds = ours.as_secs_f64();
    println!(
        "matching: {ENTERPRISES} enterprises, {POLICIES} policies, {} open, {offers} offers; outreach {:.0} ms, a native loop over the compiled expressions {:.0} ms, ratio {:.2} (at most 3); compiling them natively {:.0} ms; the whole job natively, offers and all, {:.0} ms, ratio {:.2}; {:.0} pairs a second; 10,000 enterprises would take {:.0} s (extrapolated); fuel {fuel} of {}, memory {} MiB of {}",
        policies.compiled.len(),
        seconds * 1000.0,
        native.as_secs_f64() * 1000.0,
        ratio(ours, native),
        compiled.as_secs_f64() * 1000.0,
        whole.as_secs_f64() * 1000.0,
        ratio(ours, whole),
        pairs as f64 / seconds,
        seconds * 10_000.0 / ENTERPRISES as f64,
        limits.fuel,
        memory >> 20,
        limits.memory_bytes >> 20,
    );
}

fn organisation(key: &str) -> native::Subject {
    native::Subject {
        kind: native::SubjectKind::Organisation,
        identifier: key.to_owned(),
    }
}

/// The enterprise of the sample, and others like it whose figures differ.
fn enterprises() -> Vec<(String, Value)> {
    let path = root().join("fixtures/_sample/registers/enterprise.toml");
    let register: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let entries = register["entries"].as_table().unwrap();
    let known: Vec<Value> = entries
        .values()
        .map(|entry| serde_json::to_value(entry).unwrap())
        .collect();
    let like = |number: usize| {
        let mut entry = known[number % known.len()].clone();
        for row in entry["policy-facts"].as_array_mut().unwrap() {
            let value = row["value"].as_str().unwrap_or_default();
            if let Ok(figure) = value.parse::<u64>() {
                row["value"] = json!((figure * (50 + number as u64) / 100).to_string());
            }
        }
        (format!("9133110200000{number:05}"), entry)
    };
    (0..ENTERPRISES).map(like).collect()
}
