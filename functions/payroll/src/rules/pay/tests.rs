use super::*;
use crate::testing::{Liandu, facts};

fn table() -> TaxTable {
    let world = Liandu::default();
    TaxTable::of(&facts(&world), Month::parse("2026-03").unwrap()).unwrap()
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

#[test]
fn brackets_at_their_bounds() {
    for (taxable, tax) in [
        ("0.00", "0.00"),
        ("36000.00", "1080.00"),
        ("36001.00", "1080.10"),
        ("144000.00", "11880.00"),
        ("300000.00", "43080.00"),
        ("420000.00", "73080.00"),
        ("660000.00", "145080.00"),
        ("960000.00", "250080.00"),
        ("960001.00", "250080.45"),
    ] {
        assert_eq!(table().on(money(taxable)), money(tax), "{taxable}");
    }
}

/// 30000 a month with 4500 of insurance and 2000 of special deductions.
#[test]
fn a_year_of_cumulative_withholding() {
    let table = table();
    let mut before = SoFar::default();
    let mut withheld = Vec::new();
    for _ in 0..12 {
        let (_, tax) = table.withhold(&before, money("30000.00"), money("6500.00"));
        before = SoFar {
            months: before.months + 1,
            income: before.income + money("30000.00"),
            deductions: before.deductions + money("6500.00"),
            tax: before.tax + tax,
        };
        withheld.push(tax.to_string());
    }
    let expected = [
        "555.00", "625.00", "1850.00", "1850.00", "1850.00", "1850.00", "1850.00", "2250.00",
        "3700.00", "3700.00", "3700.00", "3700.00",
    ];
    assert_eq!(withheld, expected);
    assert_eq!(before.tax, money("27480.00"));
}

#[test]
fn what_was_withheld_too_much_is_not_given_back_within_the_year() {
    let before = SoFar {
        months: 1,
        income: money("40000.00"),
        deductions: money("0.00"),
        tax: money("1050.00"),
    };
    let (taxable, tax) = table().withhold(&before, money("0.00"), money("8000.00"));
    assert_eq!((taxable, tax), (money("22000.00"), money("0.00")));
    let (taxable, _) = table().withhold(&before, money("0.00"), money("80000.00"));
    assert_eq!(taxable.to_string(), "0.00");
}

#[test]
fn figures_so_far_are_last_months() {
    let entry: Json = onething_sdk::serde_json::json!({"month": "2026-02", "persons": [
        {"citizen-id": "331102198503160026", "months": 2, "income": "20000.00", "deductions": "4000.00", "tax": "180.00"},
    ]});
    let month = |text: &str| Month::parse(text).unwrap();
    let march = so_far(Some(&entry), month("2026-03")).unwrap();
    assert_eq!(march["331102198503160026"].tax, money("180.00"));
    assert!(so_far(Some(&entry), month("2026-04")).is_none());
    assert!(so_far(None, month("2026-03")).is_none());
    assert!(so_far(None, month("2026-01")).unwrap().is_empty());
}
