use crate::testing::{HIGH_TECH, Published, answers, assess, submission, supplied, value};
use onething_sdk::contract::{Channel, Severity, Submission, WhenShort};
use onething_sdk::form::Json;
use onething_sdk::serde_json::json;

const RD: &str = "policy/rd-subsidy";

fn with_report() -> Submission {
    let mut submission = submission();
    submission.materials = vec![supplied("audit-report")];
    submission
}

fn with_items(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let kept = HIGH_TECH
        .iter()
        .filter(|(item, _)| changes.iter().all(|(changed, _)| changed != item));
    let changed = changes.iter().filter(|(_, value)| !value.is_empty());
    kept.chain(changed).copied().collect()
}

fn errors(policy: &str, items: &[(&str, &str)], changes: Json, filed: &Submission) -> Vec<String> {
    let out = assess(
        &Published::default(),
        filed,
        &answers(policy, items, changes),
    );
    let errors = out.findings.into_iter();
    errors
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.code)
        .collect()
}

#[test]
fn nothing_speaks_against_it() {
    let out = assess(
        &Published::default(),
        &with_report(),
        &answers(RD, HIGH_TECH, json!({})),
    );
    assert_eq!(out.findings, []);
    assert!(out.missing.is_empty());
    assert_eq!(out.scenario, "application");
    assert_eq!(
        out.unique_keys,
        [
            "policy/rd-subsidy/91331102MA2E0A0F11/2026",
            "policy-group/rd/91331102MA2E0A0F11/2026"
        ]
    );
    let [reservation] = out.reservations.as_slice() else {
        panic!("{:?}", out.reservations);
    };
    // The second tier: 6% of 6,000,000.00.
    assert_eq!(reservation.amount, "360000.00");
    assert_eq!(reservation.budget, "policy/rd-subsidy-2026");
    assert_eq!(reservation.when_short, WhenShort::Wait);
}

#[test]
fn every_condition_says_itself() {
    for (items, expected) in [
        (vec![("titles", "科技型中小企业")], 1),
        (vec![("rd_spending", "999999.99")], 2), // too little, and too little of the revenue
        (
            vec![("rd_spending", "1000000.00"), ("revenue", "33333333.33")],
            0,
        ),
        (
            vec![("rd_spending", "1000000.00"), ("revenue", "33333333.34")],
            1,
        ),
    ] {
        let items = with_items(&items);
        let found = errors(RD, &items, json!({}), &with_report());
        assert_eq!(found, vec!["condition-not-met"; expected], "{items:?}");
    }
}

#[test]
fn tiers_and_the_cap() {
    for (spent, expected) in [
        ("4999999.99", "249999.99"),
        ("5000000.00", "300000.00"),
        ("19999999.99", "1199999.99"),
        ("20000000.00", "1600000.00"),
        ("30000000.00", "2000000.00"),
    ] {
        let items = with_items(&[("rd_spending", spent)]);
        let answers = answers(RD, &items, json!({}));
        let out = assess(&Published::default(), &with_report(), &answers);
        assert_eq!(out.reservations[0].amount, expected, "{spent}");
    }
}

#[test]
fn what_cannot_be_worked_out_is_told() {
    let without = with_items(&[("rd_spending", "")]);
    assert_eq!(
        errors(RD, &without, json!({}), &with_report()),
        ["item-missing"]
    );
    let down = json!({"policy-facts": null});
    assert_eq!(
        errors(RD, HIGH_TECH, down, &with_report()),
        ["data-missing"]
    );
    let mut world = Published::default();
    let mut policy = value(RD);
    policy["qualifies"][0]["when"] = json!("revenue / (revenue - revenue) > 1");
    world.over.insert(RD.to_owned(), policy);
    let out = assess(&world, &with_report(), &answers(RD, HIGH_TECH, json!({})));
    assert_eq!(out.findings[0].code, "not-computable");
    let mut policy = value(RD);
    policy["qualifies"][0]["when"] = json!("revenue * 9000000000 * 10000 > 1");
    world.over.insert(RD.to_owned(), policy);
    let out = assess(&world, &with_report(), &answers(RD, HIGH_TECH, json!({})));
    assert_eq!(out.findings[0].code, "not-computable");
    let mut policy = value(RD);
    policy["tiers"] = json!([{"when": "rd_spending > 1000 * wan", "amount": "1 * wan"}]);
    world.over.insert(RD.to_owned(), policy);
    let out = assess(&world, &with_report(), &answers(RD, HIGH_TECH, json!({})));
    assert_eq!(out.findings[0].code, "no-amount");
}

#[test]
fn the_policy_and_its_window() {
    for (policy, day, expected) in [
        ("policy/none", "2026-04-01", vec!["policy-unknown"]),
        ("../policy-fields", "2026-04-01", vec!["policy-unknown"]),
        (RD, "2027-04-01", vec!["policy-unknown"]),
        (RD, "2026-02-28", vec!["window-not-open"]),
        (RD, "2026-03-01", vec![]),
        (RD, "2026-10-31", vec![]),
        (RD, "2026-11-01", vec!["window-closed"]),
    ] {
        let mut filed = with_report();
        filed.filed_at = format!("{day}T09:00:00+08:00");
        assert_eq!(
            errors(policy, HIGH_TECH, json!({}), &filed),
            expected,
            "{policy} {day}"
        );
    }
}

#[test]
fn who_files_and_how() {
    let mut other = with_report();
    other.filer.unit.as_mut().unwrap().identifier = "91331102MA2E0B1G22".to_owned();
    assert_eq!(errors(RD, HIGH_TECH, json!({}), &other), ["unit-differs"]);
    let mut other = with_report();
    other.subject.identifier = "91331102MA2E0B1G22".to_owned();
    let found = errors(RD, HIGH_TECH, json!({}), &other);
    assert_eq!(found, ["subject-differs", "unit-differs"]);
    let mut unsigned = with_report();
    unsigned.parties.clear();
    assert_eq!(
        errors(RD, HIGH_TECH, json!({}), &unsigned),
        ["signature-missing"]
    );
    let mut offered = with_report();
    offered.channel = Channel::Proactive;
    assert_eq!(
        errors(RD, HIGH_TECH, json!({}), &offered),
        ["application-needed"]
    );
    let patents = with_items(&[("patents_new", "2")]);
    let grant = "policy/patent-grant";
    assert_eq!(
        errors(grant, &patents, json!({}), &submission()),
        ["no-application-needed"]
    );
    let mut offered = submission();
    offered.channel = Channel::Proactive;
    offered.filer.unit = None;
    offered.parties.clear();
    assert_eq!(
        errors(grant, &patents, json!({}), &offered),
        Vec::<String>::new()
    );
}

#[test]
fn standing_of_credit() {
    let listed = json!({"credit-status": "listed"});
    assert_eq!(
        errors(RD, HIGH_TECH, listed, &with_report()),
        ["credit-listed"]
    );
    let down = json!({"credit-status": null});
    let answered = answers(RD, HIGH_TECH, down.clone());
    let out = assess(&Published::default(), &with_report(), &answered);
    let [warning] = out.findings.as_slice() else {
        panic!("{:?}", out.findings);
    };
    assert_eq!(
        (warning.severity, warning.code.as_str()),
        (Severity::Warning, "credit-not-checked")
    );
    let trained = with_items(&[("trainees", "3")]);
    let found = errors("policy/skills", &trained, down, &submission());
    assert_eq!(found, ["credit-not-checked"]);
}

#[test]
fn materials_are_the_policys() {
    let out = assess(
        &Published::default(),
        &submission(),
        &answers(RD, HIGH_TECH, json!({})),
    );
    assert_eq!(out.missing, ["audit-report"]);
}
