use super::*;
use crate::testing::{Published, policies, value};
use onething_sdk::serde_json::json;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn found(value: &Json) -> Vec<(String, String)> {
    let world = Published::default();
    let since = day("2026-01-01");
    let facts = Facts::new(since, &world);
    let until = Some(day("2027-01-01"));
    let found = check("policy/rd-subsidy", value, since, until, &facts);
    let pair = |finding: Finding| (finding.path, finding.code);
    found.into_iter().map(pair).collect()
}

#[test]
fn what_is_published_passes() {
    let world = Published::default();
    let since = day("2026-01-01");
    let facts = Facts::new(since, &world);
    let names = policies();
    assert!(names.len() >= 40, "{}", names.len());
    for name in names {
        let value = value(&name);
        let found = check(&name, &value, since, Some(day("2027-01-01")), &facts);
        assert_eq!(found, [], "{name}");
    }
    let fields = value("policy-fields");
    assert_eq!(check(FIELDS, &fields, since, None, &facts), []);
}

#[test]
fn mistakes_are_told_with_their_place() {
    let cases = [
        (
            "/qualifies/0/when",
            json!("rd_spending"),
            "/qualifies/0/when",
            "not-a-condition",
        ),
        (
            "/qualifies/0/when",
            json!("turnover > 0"),
            "/qualifies/0/when",
            "unknown-field",
        ),
        (
            "/qualifies/0/when",
            json!("rd_spending >"),
            "/qualifies/0/when",
            "syntax",
        ),
        ("/qualifies/0/zh", json!(" "), "/qualifies/0/zh", "empty"),
        (
            "/tiers/2/amount",
            json!("rd_spending / 0"),
            "/tiers/2/amount",
            "divides-by-zero",
        ),
        (
            "/tiers/2/amount",
            json!("rd_spending * 0.05"),
            "/tiers/2/amount",
            "no-doubles",
        ),
        (
            "/tiers/2/amount",
            json!("0"),
            "/tiers/2/amount",
            "amount-nothing",
        ),
        (
            "/tiers/2/amount",
            json!("500 * wan"),
            "/tiers/2/amount",
            "amount-over-cap",
        ),
        (
            "/tiers/0/when",
            json!("rd_spending >= 100 * wan"),
            "/tiers/1",
            "tier-unreachable",
        ),
        (
            "/tiers/0/when",
            json!("rd_spending < 100 * wan"),
            "/tiers/0",
            "tier-unreachable",
        ),
        (
            "/qualifies/0/when",
            json!("rd_spending < 1 * wan"),
            "/qualifies",
            "nobody-qualifies",
        ),
        (
            "/window/closes",
            json!("2026-02-01"),
            "/window",
            "window-order",
        ),
        (
            "/window",
            json!({"opens": "2027-01-01", "closes": "2027-03-01"}),
            "/window",
            "window-outside",
        ),
        (
            "/window",
            json!({"opens": "2025-03-01", "closes": "2025-12-31"}),
            "/window",
            "window-outside",
        ),
        ("/budget", json!("payroll/x"), "/budget", "budget-name"),
        ("/cap", json!(0), "/cap", "cap"),
        ("/cap", json!("100.00"), "", "malformed"),
        (
            "/department",
            json!("space"),
            "/department",
            "department-unknown",
        ),
        (
            "/materials/0",
            json!("horoscope"),
            "/materials/0",
            "material-unknown",
        ),
        ("/group", json!("rnd"), "/group", "group-of-one"),
        ("/group", json!("R&D"), "/group", "group-name"),
        (
            "/mode",
            json!("instant"),
            "/public-notice-days",
            "instant-with-notice",
        ),
        (
            "/mode",
            json!("proactive"),
            "/materials",
            "proactive-with-materials",
        ),
        ("/mode", json!("sometimes"), "", "malformed"),
        (
            "/public-notice-days",
            json!(90),
            "/public-notice-days",
            "notice-too-long",
        ),
        ("/qualifies", json!([]), "", "nothing-to-check"),
    ];
    for (at, wrong, path, code) in cases {
        let mut value = value("policy/rd-subsidy");
        *value.pointer_mut(at).unwrap() = wrong.clone();
        let found = found(&value);
        let expected = (path.to_owned(), code.to_owned());
        assert!(found.contains(&expected), "{at} = {wrong}: {found:?}");
    }
    let mut twice = value("policy/rd-subsidy");
    twice["materials"] = json!(["audit-report", "audit-report"]);
    assert!(found(&twice).contains(&("/materials/1".to_owned(), "material-twice".to_owned())));
}

#[test]
fn too_much_is_refused_before_it_is_run() {
    let mut value = value("policy/rd-subsidy");
    let long = vec!["rd_spending > 1"; 200].join(" && ");
    value["qualifies"][0]["when"] = json!(long);
    assert_eq!(found(&value)[0].1, "too-long");
    for (open, close) in [("(staff + ", ")"), ("[", "]")] {
        let deep = format!("{}staff{} > 1", open.repeat(60), close.repeat(60));
        value["qualifies"][0]["when"] = json!(deep);
        assert_eq!(found(&value)[0].1, "syntax", "{deep}");
    }
    for chain in ["!", "-", "("] {
        let chain = format!("{}staff", chain.repeat(LENGTH_MAX - 5));
        value["qualifies"][0]["when"] = json!(chain);
        assert!(!found(&value).is_empty());
    }
    let condition = json!({"when": "'a' in titles || 'b' in titles", "zh": "甲", "en": "a"});
    value["qualifies"] = json!(vec![condition.clone(); 10]);
    assert_eq!(found(&value), [(String::new(), "too-costly".to_owned())]);
    value["qualifies"] = json!(vec![condition; 31]);
    assert_eq!(
        found(&value),
        [(String::new(), "too-many-parts".to_owned())]
    );
}

#[test]
fn the_declared_items_are_of_known_types() {
    let world = Published::default();
    let since = day("2026-01-01");
    let facts = Facts::new(since, &world);
    let wrong =
        json!({"revenue": {"type": "float", "zh": "营业收入", "en": "revenue", "owner": "税务"}});
    let found = check(FIELDS, &wrong, since, None, &facts);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code, "malformed");
}
