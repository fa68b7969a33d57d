use super::*;
use crate::testing::{answers_but, facts, submission};

fn plan_of(changes: &Json) -> Vec<Step> {
    let (answers, submission, facts) = (answers_but(changes), submission(), facts("2025-01-06"));
    plan(&Submitted {
        submission: &submission,
        answers: &answers,
        facts: &facts,
        disputed: &[],
        unverified: &[],
    })
}

fn ids(plan: &[Step]) -> Vec<&str> {
    plan.iter().map(|step| step.id.as_str()).collect()
}

fn find<'a>(plan: &'a [Step], id: &str) -> &'a Step {
    plan.iter().find(|step| step.id == id).unwrap()
}

#[test]
fn checks_then_examinations() {
    let plan = plan_of(&json!({}));
    assert_eq!(
        ids(&plan),
        [
            "personnel-check",
            "pension-check",
            "fund-check",
            "establishment-check",
            "supervising",
            "personnel",
            "pension",
            "fund",
            "establishment",
        ]
    );
    let leads: Vec<&str> = plan
        .iter()
        .filter(|step| step.lead)
        .map(|step| step.id.as_str())
        .collect();
    assert_eq!(leads, ["personnel-check"]);
    for step in &plan {
        let before: &[&str] = if step.id == "personnel" {
            &["supervising"]
        } else {
            &[]
        };
        assert_eq!(step.after, before, "{}", step.id);
        let waits = matches!(step.id.as_str(), "pension" | "fund" | "establishment");
        let effective: &[&str] = if waits { &["personnel"] } else { &[] };
        assert_eq!(step.effective_after, effective, "{}", step.id);
        assert_eq!(step.phase == Phase::Acceptance, step.id.ends_with("-check"));
        assert_eq!(step.office.region, "331102");
        let carries = !(step.id.ends_with("-check") || step.id == "supervising");
        assert_eq!(step.payload_schema.is_some(), carries, "{}", step.id);
    }
    assert_eq!(find(&plan, "fund").legal_limit, TimeLimit::WorkingDays(3));
    assert_eq!(
        find(&plan, "pension").legal_limit,
        TimeLimit::WorkingDays(20)
    );
    assert_eq!(
        find(&plan, "pension").promised_limit,
        TimeLimit::WorkingDays(2)
    );
}

#[test]
fn a_unit_may_be_its_own_supervising_department() {
    let own = plan_of(&json!({"supervising-unit": "丽水市莲都区测绘服务中心"}));
    assert!(!ids(&own).contains(&"supervising"));
    assert!(find(&own, "personnel").after.is_empty());
    let unknown = plan_of(&json!({"supervising-unit": null, "unit-name": null}));
    assert!(ids(&unknown).contains(&"supervising"));
}

/// A correction of what an office does not read leaves its decision standing.
#[test]
fn offices_read_what_their_forms_rest_on() {
    let plan = plan_of(&json!({}));
    let reads =
        |step: &str, element: &str| find(&plan, step).reads.iter().any(|read| read == element);
    for (element, readers) in [
        ("AAC002", "personnel pension fund establishment"),
        ("fund-loan", "fund"),
        ("average-index", "pension"),
        ("posts-approved", "establishment"),
        ("native-place", "personnel"),
        ("chosen-month", "personnel pension fund establishment"),
        ("mobile", "personnel pension fund"),
    ] {
        for step in ["personnel", "pension", "fund", "establishment"] {
            assert_eq!(
                reads(step, element),
                readers.contains(step),
                "{step} {element}"
            );
            let check = format!("{step}-check");
            assert_eq!(find(&plan, &check).reads, find(&plan, step).reads);
        }
    }
    assert_eq!(
        find(&plan, "supervising").reads,
        find(&plan, "personnel").reads
    );
}

/// Every box that a step's payload fills is one that its approval must carry, and the reverse.
#[test]
fn payloads_fill_the_boxes() {
    let plan = plan_of(&json!({}));
    for form in Answers::FORMS {
        let step = PARTS
            .iter()
            .find(|part| part.office == form.agency)
            .unwrap()
            .step;
        let schema: Json =
            onething_sdk::serde_json::from_str(find(&plan, step).payload_schema.as_ref().unwrap())
                .unwrap();
        let mut carried: Vec<&str> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let boxes = form.boxes.iter().filter_map(|area| match area.by {
            onething_sdk::form::FilledBy::Step(by) if by == step => {
                area.shows.strip_prefix("payload.")
            }
            _ => None,
        });
        let decided = form.fields.iter().filter_map(|field| field.decided);
        let mut shown: Vec<&str> = decided.map(|(_, member)| member).chain(boxes).collect();
        shown.sort_unstable();
        shown.dedup();
        carried.sort_unstable();
        assert_eq!(carried, shown, "{}", form.name);
        assert_eq!(schema["required"].as_array().unwrap().len(), carried.len());
    }
    let insured = plan_of(&json!({"annuity-mode": "insurance"}));
    assert!(
        !find(&insured, "pension")
            .payload_schema
            .as_ref()
            .unwrap()
            .contains("annuity_monthly")
    );
}
