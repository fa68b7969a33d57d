//! Offers are kept once, with the place that their run has come to; what came of them is counted.

use super::*;
use onething_contract::{Offer, Subject, SubjectKind};

const LATER: &str = "2025-02-03T09:00:00+08:00";

pub(super) fn offer(subject: &str, code: &str, fen: Option<u64>) -> NewOffer {
    NewOffer {
        offer: Offer {
            subject: Subject {
                kind: SubjectKind::Organisation,
                identifier: subject.into(),
            },
            code: code.into(),
            occasion: "2025".into(),
            amount: None,
            notices: Vec::new(),
            counted_by: vec![("policy-code".into(), code.into())],
            answers: None,
        },
        fen,
    }
}

async fn an_offer_is_kept_once_with_the_place_of_its_run(database: Database) {
    let store = database.open().await;
    let keep = |store: Store, run: OutreachRun, offers: Vec<NewOffer>| async move {
        let kept = store.keep_offers(&run, "policy-redemption", "331102", &offers, AT);
        kept.await.unwrap()
    };
    let mut run = store.outreach_run("run", AT).await.unwrap();
    assert_eq!((run.done_to.clone(), run.subjects), (None, 0));
    run.done_to = Some("b".into());
    run.subjects = 2;
    let batch = vec![offer("a", "policy/x", None), offer("b", "policy/x", None)];
    assert_eq!(keep(store.clone(), run.clone(), batch).await, 2);

    // Another host goes on there; what it finds again is not new.
    let store = database.open().await;
    let mut run = store.outreach_run("run", LATER).await.unwrap();
    assert_eq!((run.done_to.as_deref(), run.subjects), (Some("b"), 2));
    assert_eq!((run.offers, run.ended_at.clone()), (2, None));
    run.ended_at = Some(AT.into());
    let batch = vec![offer("b", "policy/x", None), offer("b", "policy/y", None)];
    assert_eq!(keep(store.clone(), run, batch).await, 1);
    let run = store.outreach_run("run", LATER).await.unwrap();
    assert_eq!((run.offers, run.ended_at.as_deref()), (3, Some(AT)));

    store.offer_done(2, None, Some("[]")).await.unwrap();
    let left = store
        .offers_to_do("policy-redemption", 0, 10)
        .await
        .unwrap();
    assert_eq!(left.iter().map(|row| row.n).collect::<Vec<_>>(), [1, 3]);
    assert!(
        store
            .offers_to_do("another", 0, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let to_b = OfferFilter {
        subject: Some("b"),
        after: Some(2),
        ..OfferFilter::default()
    };
    let rows = store.offers(to_b, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].offer, offer("b", "policy/y", None).offer);
}

async fn statistics_count_each_thing_in_its_month(database: Database) {
    let store = database.open().await;
    let run = store.outreach_run("run", AT).await.unwrap();
    let offers = [
        offer("a", "policy/x", Some(10_000)),
        offer("b", "policy/x", Some(5_000)),
        offer("b", "policy/y", None),
    ];
    let kept = store.keep_offers(&run, "retirement", "331102", &offers, AT);
    assert_eq!(kept.await.unwrap(), 3);
    let budget = NewBudget {
        name: "relief".into(),
        title: "补贴".into(),
        holder: "财政局".into(),
        account: "33001".into(),
        bank: None,
    };
    assert!(store.open_budget(&budget, AT).await.unwrap());
    store.fund("relief", 100_000, "fb", AT).await.unwrap();

    let mut first = commit(CASE, 1, 1);
    first.groups = vec![("policy-code".into(), "policy/x".into())];
    first.effects = vec![effect("t-1", &[])];
    first.ledger = vec![Instruction::Hold {
        budget: "relief".into(),
        fen: 10_000,
    }];
    store.register(&first, None, None).await.unwrap();
    let mut other = commit("331102-2025-000002", 1, 1);
    other.groups = vec![("policy-code".into(), "policy/z".into())];
    store.register(&other, None, None).await.unwrap();
    let sent = SentPayment {
        case_id: CASE.into(),
        ticket: "t-1".into(),
        claim: 0,
        budget: "relief".into(),
        fen: 10_000,
        at: AT.into(),
    };
    store.send_payment(&sent).await.unwrap();
    let mut answered = commit(CASE, 2, 2);
    answered.case.status = "completed".into();
    answered.case.ended_at = Some(LATER.into());
    answered.events[0].at = LATER.into();
    answered.ledger = vec![Instruction::Settle {
        budget: "relief".into(),
        ticket: "t-1".into(),
        paid: 9_000,
        returned: 1_000,
    }];
    store.append(&answered).await.unwrap();

    let row = |value: &str, month: &str| StatisticsRow {
        value: value.into(),
        month: month.into(),
        ..StatisticsRow::default()
    };
    let all = [
        StatisticsRow {
            offered: 2,
            offered_fen: 15_000,
            applied: 1,
            reserved_fen: 10_000,
            ..row("policy/x", "2025-01")
        },
        StatisticsRow {
            completed: 1,
            paid_cases: 1,
            paid_fen: 9_000,
            ..row("policy/x", "2025-02")
        },
        StatisticsRow {
            offered: 1,
            ..row("policy/y", "2025-01")
        },
        StatisticsRow {
            applied: 1,
            ..row("policy/z", "2025-01")
        },
    ];
    let count = |matter: &'static str, name: &'static str, from: &'static str| {
        let store = store.clone();
        async move { store.statistics(matter, name, from, "2025-12").await }
    };
    let counted = count("retirement", "policy-code", "2025-01").await;
    assert_eq!(counted.unwrap(), all);
    let february = count("retirement", "policy-code", "2025-02").await;
    assert_eq!(february.unwrap(), all[1..2]);
    for (matter, name) in [("payroll", "policy-code"), ("retirement", "another")] {
        assert!(count(matter, name, "2025-01").await.unwrap().is_empty());
    }
}

on_both!(
    an_offer_is_kept_once_with_the_place_of_its_run,
    statistics_count_each_thing_in_its_month,
);
