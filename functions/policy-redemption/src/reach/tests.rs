use super::*;
use crate::testing::{DAY, ENTERPRISE, HIGH_TECH, Published, rows, subject};
use onething_sdk::contract::SubjectKind;
use onething_sdk::serde_json;

fn world(items: &[(&str, &str)], status: &str) -> Published {
    let key = |register: &str| (register.to_owned(), ENTERPRISE.to_owned());
    let entry = json!({
        "uscc": ENTERPRISE,
        "name": "丽水云和精密科技有限公司",
        "settlement-account": "19840101040012345",
        "policy-facts": rows(items),
    });
    let mut world = Published::default();
    world.registers.insert(key("enterprise"), entry);
    world
        .registers
        .insert(key("credit"), json!({"status": status}));
    world
}

fn offers(world: &Published, codes: &[&str], on: &str) -> Vec<Offer> {
    let facts = Facts::new(on.parse().unwrap(), world);
    let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
    let unknown = Subject {
        kind: SubjectKind::Organisation,
        identifier: "91331102MA2E0B1G22".to_owned(),
    };
    reach(&[unknown, subject()], &codes, &facts)
}

fn found(offers: &[Offer]) -> Vec<(&str, &str)> {
    offers
        .iter()
        .map(|offer| {
            (
                offer.code.as_str(),
                offer.amount.as_deref().unwrap_or_default(),
            )
        })
        .collect()
}

#[test]
fn those_who_qualify_are_told() {
    let there = world(HIGH_TECH, "normal");
    let all = offers(&there, &[], DAY);
    assert_eq!(
        found(&all),
        [
            ("policy/rd-increment", "300000.00"),
            ("policy/rd-subsidy", "360000.00")
        ]
    );
    assert!(
        all.iter()
            .all(|offer| offer.occasion == "2026" && offer.answers.is_none())
    );
    let values: Json = serde_json::from_str(&all[1].notices[0].values).unwrap();
    assert_eq!(values["policy"]["zh"], "企业研发投入补助");
    assert_eq!(values["amount"], "360000.00");
    let one = offers(&there, &["policy/rd-subsidy"], DAY);
    assert_eq!(found(&one), [("policy/rd-subsidy", "360000.00")]);
}

#[test]
fn neither_a_closed_window_nor_a_listed_enterprise() {
    let there = world(HIGH_TECH, "normal");
    assert_eq!(found(&offers(&there, &[], "2026-02-27")), []);
    assert_eq!(found(&offers(&there, &[], "2028-04-01")), []);
    assert_eq!(found(&offers(&world(HIGH_TECH, "listed"), &[], DAY)), []);
}

#[test]
fn without_an_application_the_answers_come_along() {
    let there = world(&[("titles", "专精特新小巨人企业")], "normal");
    let all = offers(&there, &[], DAY);
    assert_eq!(found(&all), [("policy/little-giant", "800000.00")]);
    assert_eq!(all[0].occasion, "");
    let answers: Json = serde_json::from_str(all[0].answers.as_deref().unwrap()).unwrap();
    assert_eq!(answers["policy-code"], "policy/little-giant");
    assert_eq!(answers["BAB010"], ENTERPRISE);
    assert_eq!(answers["credit-status"], "normal");
    assert_eq!(answers["settlement-account"], "19840101040012345");
}
