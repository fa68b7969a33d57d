//! Outreach over a store on the disk: whatever happens in the middle of a run, everybody is told
//! once.

use crate::engine::{deployed, engine, now};
use chrono::{DateTime, FixedOffset, NaiveDate};
use onething_contract::{Channel, Message};
use onething_engine::{Bundles, Count, Engine, Error, Reach, Reached, drive};
use onething_runtime::{Limits, Runtime};
use onething_store::{NewBudget, OfferFilter, OfferRow};
use onething_tests::bundles::bundle;
use onething_tests::hostile;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::future::Future;
use std::path::Path;
use std::task::Poll;

/// More than two batches.
const PERSONS: u32 = 450;
const UNIT: &str = "1233110000264001XG";

fn reach() -> Reach {
    Reach {
        matter: "retirement".to_owned(),
        register: "personnel-archive".to_owned(),
        family: None,
        region: "331102".to_owned(),
        on: NaiveDate::from_ymd_opt(2025, 1, 6).unwrap(),
    }
}

/// Men, every third of whom was born in a month that is told in January 2025.
fn settle(data: &Path) -> Vec<String> {
    let mut registers: BTreeMap<&str, String> = BTreeMap::new();
    let mut told = Vec::new();
    for number in 0..PERSONS {
        let month = [1, 11, 12][number as usize % 3];
        let id = citizen(&format!("3311021965{month:02}15{:03}", 2 * number + 1));
        for (register, entry) in [
            (
                "personnel-archive",
                format!(
                    "birth-date = 1965-{month:02}-15\nstaff-category = \"technical\"\ntechnical-title = \"middle\""
                ),
            ),
            ("establishment-staff", format!("unit-code = \"{UNIT}\"")),
            ("population", format!("name = \"甲{number}\"")),
            ("payroll", "rank = \"technical-8\"".to_owned()),
        ] {
            let text = registers.entry(register).or_insert_with(|| {
                format!("[meta]\ntitle = \"{register}\"\nsource = \"试\"\nas-of = 2025-01-05\n")
            });
            write!(text, "\n[entries.\"{id}\"]\n{entry}\n").unwrap();
        }
        if month == 1 {
            told.push(id);
        }
    }
    for (register, text) in registers {
        std::fs::write(data.join(format!("registers/{register}.toml")), text).unwrap();
    }
    told.sort();
    told
}

/// Seventeen digits with their check character (GB 11643-1999).
fn citizen(body: &str) -> String {
    let letters = (0..=9).map(|digit| digit.to_string());
    letters
        .chain(["X".to_owned()])
        .map(|check| format!("{body}{check}"))
        .find(|id| onething_contract::identifiers::citizen_id(id))
        .unwrap()
}

async fn offered(engine: &Engine) -> Vec<String> {
    let mut subjects = Vec::new();
    let mut after = None;
    loop {
        let filter = OfferFilter {
            matter: Some("retirement"),
            after,
            ..OfferFilter::default()
        };
        let page = engine.store().offers(filter, 100).await.unwrap();
        let Some(last) = page.last() else {
            subjects.sort();
            return subjects;
        };
        after = Some(last.n);
        assert!(page.iter().all(|row| row.done && row.refused.is_none()));
        subjects.extend(page.into_iter().map(|row| row.offer.subject.identifier));
    }
}

/// Whom the outbox holds a letter for, and how many.
fn letters(data: &Path) -> BTreeMap<String, usize> {
    let mut letters = BTreeMap::new();
    for entry in std::fs::read_dir(data.join("outbox")).unwrap() {
        let letter = std::fs::read(entry.unwrap().path()).unwrap();
        let letter: Value = serde_json::from_slice(&letter).unwrap();
        let to = letter["to"]["subject"]["identifier"].as_str().unwrap();
        *letters.entry(to.to_owned()).or_default() += 1;
    }
    letters
}

/// The future's end, or `None` where it was not there after so many turns; it is dropped then.
async fn turns<T>(count: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut left = count;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_interrupted_everybody_is_told_once() {
    let data = tempfile::tempdir().unwrap();
    let engine = engine(data.path(), deployed()).await;
    let expected = settle(data.path());
    // Broken off a little later each time, until it gets to the end.
    let mut interrupted = 0;
    let reached = loop {
        match turns(3 + interrupted, engine.reach(&reach(), now())).await {
            Some(reached) => break reached.unwrap(),
            None => interrupted += 1,
        }
    };
    assert!(interrupted > 10, "{interrupted}");
    assert_eq!(reached.subjects, u64::from(PERSONS));
    assert_eq!(reached.offers, expected.len() as u64);
    assert_eq!(offered(&engine).await, expected);
    let mut told: BTreeMap<_, _> = expected.iter().map(|id| (id.clone(), 1)).collect();
    told.insert(UNIT.to_owned(), expected.len());
    assert_eq!(letters(data.path()), told);

    // The same again does nothing, and another day offers nothing twice.
    let again = engine.reach(&reach(), now()).await.unwrap();
    assert_eq!((again.told, again.opened), (0, 0));
    assert_eq!(again.waiting, reached.waiting);
    let next = Reach {
        on: NaiveDate::from_ymd_opt(2025, 1, 7).unwrap(),
        ..reach()
    };
    let next = engine.reach(&next, now()).await.unwrap();
    let nothing_new = Reached {
        subjects: u64::from(PERSONS),
        ..Reached::default()
    };
    assert_eq!(next, nothing_new);
    assert_eq!(letters(data.path()), told);
}

#[tokio::test]
async fn a_register_that_is_down_stops_the_run_and_it_goes_on_later() {
    let data = tempfile::tempdir().unwrap();
    let engine = engine(data.path(), deployed()).await;
    let expected = settle(data.path());
    let file = data.path().join("registers/personnel-archive.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("[meta]", "[meta]\navailable = false")).unwrap();
    match engine.reach(&reach(), now()).await {
        Err(Error::Refused(refusal)) => assert_eq!(refusal.code, "register-down"),
        other => panic!("{other:?}"),
    }
    std::fs::write(&file, text).unwrap();
    let reached = engine.reach(&reach(), now()).await.unwrap();
    assert_eq!(reached.told, expected.len() as u64);
    assert_eq!(offered(&engine).await, expected);
}

#[tokio::test]
async fn the_sample_person_and_unit_are_told_in_words() {
    let data = tempfile::tempdir().unwrap();
    let engine = engine(data.path(), deployed()).await;
    let reached = engine.reach(&reach(), now()).await.unwrap();
    assert_eq!((reached.subjects, reached.offers, reached.told), (1, 1, 1));
    let offers = engine.store().offers(OfferFilter::default(), 10).await;
    let row = offers.unwrap().remove(0);
    let templates: Vec<&str> = row.offer.notices.iter().map(template).collect();
    assert_eq!(templates, ["age-near", "age-near-unit"]);
    let letter = std::fs::read(data.path().join("outbox/offer-1-1.json")).unwrap();
    let letter: Value = serde_json::from_slice(&letter).unwrap();
    let zh = letter["text"]["zh"].as_str().unwrap();
    assert!(
        zh.starts_with("张建国您好") && zh.contains("2025年2月"),
        "{zh}"
    );
}

fn template(message: &Message) -> &str {
    &message.template
}

#[tokio::test]
async fn a_matter_that_does_not_reach_out_says_so() {
    let data = tempfile::tempdir().unwrap();
    let engine = engine(data.path(), deployed()).await;
    for (change, code) in [
        (
            Reach {
                register: "nobody".to_owned(),
                ..reach()
            },
            "register-missing",
        ),
        (
            Reach {
                on: NaiveDate::from_ymd_opt(2020, 1, 1).unwrap(),
                ..reach()
            },
            "no-version",
        ),
    ] {
        match engine.reach(&change, now()).await {
            Err(Error::Refused(refusal)) => assert_eq!(refusal.code, code),
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_bundle_that_fails_stops_its_run_at_the_batch_and_it_goes_on_there() {
    let data = tempfile::tempdir().unwrap();
    let runtime = Runtime::new(Limits::default(), None).unwrap();
    let mut bundles = Bundles::default();
    bundles.add(runtime.load(&hostile::component()).unwrap());
    let engine = engine(data.path(), bundles).await;
    let population = |extra: &str| {
        let mut text =
            "[meta]\ntitle = \"人口库\"\nsource = \"试\"\nas-of = 2025-01-05\n".to_owned();
        for number in 0..200 {
            write!(text, "[entries.{number:03}]\nname = \"甲\"\n").unwrap();
        }
        write!(text, "[entries.{extra}]\nname = \"乙\"\n").unwrap();
        std::fs::write(data.path().join("registers/population.toml"), text).unwrap();
    };
    let reach = Reach {
        matter: "hostile".to_owned(),
        register: "population".to_owned(),
        ..reach()
    };
    for (misdeed, why) in [
        ("trap", "trapped"),
        ("stranger", "bad-offer"),
        ("no-amount", "bad-offer"),
        ("no-code", "text"),
    ] {
        population(misdeed);
        match engine.reach(&reach, now()).await {
            Err(Error::Stopped {
                from, to, source, ..
            }) => {
                assert_eq!((from, to), (201, 201), "{misdeed}");
                let found = match *source {
                    Error::Bundle(drive::Error::Fault { fault, .. }) => fault.name().to_owned(),
                    Error::Refused(refusal) => refusal.code,
                    other => panic!("{misdeed}: {other:?}"),
                };
                assert_eq!(found, why, "{misdeed}");
            }
            other => panic!("{misdeed}: {other:?}"),
        }
        let kept = engine.store().offers(OfferFilter::default(), 500).await;
        assert_eq!(kept.unwrap().len(), 200, "{misdeed}: the first batch stays");
    }
    population("good");
    let reached = engine.reach(&reach, now()).await.unwrap();
    assert_eq!(
        (reached.subjects, reached.offers, reached.told),
        (201, 201, 201)
    );
}

fn policies() -> Reach {
    Reach {
        matter: "policy-redemption".to_owned(),
        register: "enterprise".to_owned(),
        family: Some("policy".to_owned()),
        region: "331102".to_owned(),
        on: NaiveDate::from_ymd_opt(2026, 4, 1).unwrap(),
    }
}

#[tokio::test]
async fn what_needs_no_application_is_opened_and_counted() {
    let data = tempfile::tempdir().unwrap();
    let runtime = Runtime::new(Limits::default(), None).unwrap();
    let mut bundles = Bundles::default();
    bundles.add(runtime.load(&bundle("policy-redemption")).unwrap());
    let engine = engine(data.path(), bundles).await;
    let now: DateTime<FixedOffset> = "2026-04-01T09:00:00+08:00".parse().unwrap();
    let budget = NewBudget {
        name: "policy/job-retention-2026".to_owned(),
        title: "稳岗返还资金".to_owned(),
        holder: "莲都区财政局".to_owned(),
        account: "33050169650800000025".to_owned(),
        bank: None,
    };
    engine.open_budget(&budget, now).await.unwrap();
    engine
        .fund(&budget.name, "500000.00", "fb", now)
        .await
        .unwrap();

    let reached = engine.reach(&policies(), now).await.unwrap();
    assert!(reached.subjects > 0 && reached.offers >= reached.subjects);
    assert_eq!(reached.told + reached.waiting, reached.offers);
    let offers = engine.store().offers(OfferFilter::default(), 500).await;
    let offers = offers.unwrap();
    let proactive = |row: &&OfferRow| row.offer.answers.is_some();
    let (opened, waiting): (Vec<&OfferRow>, Vec<_>) = offers
        .iter()
        .filter(proactive)
        .partition(|row| row.case_id.is_some());
    assert_eq!(reached.waiting, waiting.len() as u64);
    // Who has no budget is not opened and not promised anything, and waits for the next run.
    assert!(!opened.is_empty() && !waiting.is_empty());
    let letters = |row: &OfferRow| {
        let letter = data.path().join(format!("outbox/offer-{}-1.json", row.n));
        letter.exists()
    };
    assert!(opened.iter().all(|row| row.done && letters(row)));
    assert!(waiting.iter().all(|row| !row.done && !letters(row)));
    let opened = offers.iter().find_map(|row| row.case_id.as_deref());
    let case = engine.case(opened.unwrap()).await.unwrap().state;
    assert_eq!(case.submission.channel, Channel::Proactive);

    // The same again, even as of another day, opens nothing twice.
    let again = engine.reach(&policies(), now).await.unwrap();
    assert_eq!((again.told, again.opened), (0, 0));
    assert_eq!(again.waiting, reached.waiting);

    let count = |group_by: &str| Count {
        matter: "policy-redemption".to_owned(),
        group_by: group_by.to_owned(),
        from: "2026-04".to_owned(),
        to: "2026-04".to_owned(),
    };
    for element in ["policy-code", "policy-department"] {
        let rows = engine.statistics(&count(element)).await.unwrap();
        let offered: u64 = rows.iter().map(|row| row.offered).sum();
        let applied: u64 = rows.iter().map(|row| row.applied).sum();
        assert_eq!(
            (offered, applied),
            (reached.offers, reached.opened),
            "{element}"
        );
    }
    match engine.statistics(&count("account")).await {
        Err(Error::Refused(refusal)) => assert_eq!(refusal.code, "not-counted"),
        other => panic!("{other:?}"),
    }
}
