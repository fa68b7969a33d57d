//! The end of a campaign: the host lives undisturbed until nothing is left, and then its cases are
//! held against what it had answered, and the receivers' folders against its cases.

use crate::driver::{Driver, STEPS};
use crate::served::Host;
use onething_case::{Event, State};
use onething_contract::Effect;
use onething_store::{CaseFilter, EffectStatus, Masters, Store};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// What killed processes had begun is nobody else's for a while.
const WORK_TIME_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Answers how many effects were carried out.
pub fn check(host: &mut Host, driver: &Driver) -> usize {
    let served = host.start(None).unwrap();
    let started = Instant::now();
    let token = &host.tokens["platform"];
    for application in driver
        .applications
        .iter()
        .filter(|one| one.decided.len() == STEPS.len())
    {
        let path = format!("/v1/cases/{}", application.case_id.as_ref().unwrap());
        loop {
            let case = served.get(token, &path).unwrap().body;
            if case["status"] == "completed" {
                break;
            }
            assert!(
                started.elapsed() < WORK_TIME_MAX,
                "it does not complete: {case:#}"
            );
            std::thread::sleep(LOOK_EVERY);
        }
    }
    // A case may be completed before its last notices are out.
    let operator = &host.tokens["operator"];
    loop {
        let pending = served.get(operator, "/v1/effects?status=pending").unwrap();
        if pending.body["effects"]
            .as_array()
            .is_some_and(Vec::is_empty)
        {
            break;
        }
        assert!(
            started.elapsed() < WORK_TIME_MAX,
            "effects are left: {:#}",
            pending.body
        );
        std::thread::sleep(LOOK_EVERY);
    }
    served.stop();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(check_store(host, driver))
}

async fn check_store(host: &Host, driver: &Driver) -> usize {
    let masters = Masters::open(&host.data.join("keys/master.toml")).unwrap();
    let store = match &host.database {
        Some(url) => Store::connect(url, &masters).await,
        None => Store::open(&host.data.join("onething.db"), &masters).await,
    };
    let store = store.unwrap();
    let rows = store.cases(&CaseFilter::default(), 500).await.unwrap();
    let answered: BTreeSet<&str> = driver
        .applications
        .iter()
        .filter_map(|one| one.case_id.as_deref())
        .collect();
    let there: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert!(
        answered.is_subset(&there),
        "lost: {answered:?} were registered, {there:?} are there"
    );
    assert!(
        rows.len() <= driver.applications.len(),
        "doubled: {there:?}"
    );
    let mut effects = 0;
    for row in &rows {
        onething_engine::verify(&store, &row.id).await.unwrap();
        let events = store.load(&row.id).await.unwrap();
        let state = State::from_events(&events).unwrap();
        assert_eq!(
            (row.version, row.status.as_str()),
            (state.last_event, state.status.as_str())
        );
        let application = driver
            .applications
            .iter()
            .find(|one| one.case_id.as_ref() == Some(&row.id));
        for step in application.iter().flat_map(|one| &one.decided) {
            let decided = events.iter().filter(|recorded| {
                matches!(&recorded.event, Event::Decided { decision, .. } if decision.step == *step)
            });
            assert_eq!(decided.count(), 1, "{} {step}", row.id);
        }
        for effect in store.effects(&row.id).await.unwrap() {
            if row.ended_at.is_some() {
                assert_eq!(
                    effect.status,
                    EffectStatus::Done,
                    "lost: {}",
                    effect.intent.ticket
                );
            }
            effects += usize::from(effect.status == EffectStatus::Done);
            check_received(&host.data, &effect);
        }
    }
    effects
}

fn check_received(data: &Path, effect: &onething_store::EffectRow) {
    let ticket = &effect.intent.ticket;
    let path = match &effect.intent.effect {
        Effect::Notice { .. } => data.join("outbox").join(format!("{ticket}.json")),
        Effect::Delivery { form, to } => data
            .join("deliveries")
            .join(format!("{}-{}", to.function, to.region))
            .join(&effect.case_id)
            .join(format!("{form}.seals.json")),
        _ => return,
    };
    if effect.status == EffectStatus::Done {
        let received = std::fs::read(&path).unwrap_or_else(|_| panic!("lost: {ticket}"));
        let received: Value = serde_json::from_slice(&received).unwrap();
        assert_eq!(received["ticket"], *ticket);
    }
}
