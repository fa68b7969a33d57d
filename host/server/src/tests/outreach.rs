//! Offers and statistics: who sees them, page by page.

use super::*;
use onething_contract::{Offer, Subject, SubjectKind};
use onething_store::NewOffer;

fn offer(code: &str) -> NewOffer {
    NewOffer {
        offer: Offer {
            subject: Subject {
                kind: SubjectKind::Organisation,
                identifier: "91331102MA2E0A0A0A".into(),
            },
            code: code.into(),
            occasion: "2026".into(),
            amount: Some("1000.00".into()),
            notices: Vec::new(),
            counted_by: Vec::new(),
            answers: None,
        },
        fen: Some(100_000),
    }
}

#[tokio::test]
async fn offers_are_listed_page_by_page() {
    let host = Host::new().await;
    let store = host.engine.store();
    let at = "2026-03-02T09:00:00+08:00";
    let run = store.outreach_run("run", at).await.unwrap();
    let offers = ["policy/a", "policy/b", "policy/c"].map(offer);
    let kept = store.keep_offers(&run, "policy-redemption", "331102", &offers, at);
    assert_eq!(kept.await.unwrap(), 3);
    store.offer_done(2, Some(CASE), None).await.unwrap();

    let mut seen = Vec::new();
    let mut line = "GET /v1/offers?matter=policy-redemption&limit=2".to_owned();
    loop {
        let page = host.ask("platform", &line, None).await.json();
        let offers = page["offers"].as_array().unwrap();
        seen.extend(offers.iter().map(|offer| offer["code"].clone()));
        match page["next"].as_u64() {
            Some(next) => line = format!("GET /v1/offers?limit=2&after={next}"),
            None => break,
        }
    }
    assert_eq!(json!(seen), json!(["policy/a", "policy/b", "policy/c"]));
    let none = host.ask("operator", "GET /v1/offers?subject=nobody", None);
    assert_eq!(none.await.json(), json!({"offers": [], "next": null}));
    let page = host.ask("operator", "GET /v1/offers?after=1&limit=1", None);
    let told = page.await.json()["offers"][0].clone();
    assert_eq!(
        (&told["told"], &told["case_id"], &told["amount"]),
        (&json!(true), &json!(CASE), &json!("1000.00"))
    );
}

#[tokio::test]
async fn who_may_not_see_them_is_told() {
    let host = Host::new().await;
    let counted = "GET /v1/statistics/nothing?group-by=policy-code&from=2026-01&to=2026-12";
    for (caller, line, status) in [
        ("personnel-331102", "GET /v1/offers", 403),
        ("platform", counted, 403),
        ("operator", counted, 404),
        ("operator", "GET /v1/statistics/nothing", 400),
    ] {
        let answer = host.ask(caller, line, None).await;
        assert_eq!(answer.status.as_u16(), status, "{caller} {line}");
    }
}
