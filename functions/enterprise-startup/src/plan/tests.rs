use super::*;
use crate::testing::{Liandu, answers_but, facts, submission};
use onething_sdk::serde_json;

fn planned(changes: &Json) -> Vec<Step> {
    let (submission, answers, world) = (submission(), answers_but(changes), Liandu::default());
    let facts = facts(&world);
    plan(&Submitted {
        submission: &submission,
        answers: &answers,
        facts: &facts,
        disputed: &[],
        unverified: &[],
    })
}

#[test]
fn everything_starts_from_the_licence() {
    let ids =
        |steps: &[Step]| -> Vec<String> { steps.iter().map(|step| step.id.clone()).collect() };
    let steps = planned(&json!({}));
    assert_eq!(
        ids(&steps),
        ["licence-check", "licence", "seal", "tax", "social", "fund"]
    );
    for step in &steps {
        let after: &[&str] = match step.id.as_str() {
            "licence-check" | "licence" => &[],
            _ => &["licence"],
        };
        assert_eq!(step.after, after, "{}", step.id);
        assert_eq!(step.lead, step.id == "licence-check");
        assert!(!step.reads.is_empty(), "{}", step.id);
    }
    let with_bank = planned(&json!({"bank-account": true}));
    assert_eq!(ids(&with_bank).last().unwrap(), "bank");
}

#[test]
fn the_licence_brings_a_code_of_this_region() {
    let steps = planned(&json!({}));
    let schema: Json = serde_json::from_str(steps[1].payload_schema.as_deref().unwrap()).unwrap();
    assert_eq!(
        schema["properties"]["uscc"],
        json!({"type": "string", "format": "uscc", "pattern": "^91331102"})
    );
    assert!(steps[0].payload_schema.is_none());
}

#[test]
fn every_link_has_its_form_and_every_form_its_link() {
    for link in &LINKS {
        assert!(link.form().is_some(), "{}", link.step);
    }
    assert_eq!(Answers::FORMS.len(), LINKS.len());
}

#[test]
fn each_refusal_has_a_step_of_its_own() {
    let tax = link("tax").unwrap();
    let ids: Vec<String> = (0..3)
        .map(|before| tax.remedy("331102", before).id)
        .collect();
    assert_eq!(ids, ["tax-remedy", "tax-remedy-2", "tax-remedy-3"]);
    for id in &ids {
        assert_eq!(resumed_by(id).unwrap().step, "tax");
    }
    assert!(resumed_by("tax").is_none());
    assert_eq!(tax.remedy("331102", 0).office.function, "filer");
}
