use super::*;
use crate::testing::{read, view};
use onething_sdk::contract::{EffectState, Severity};

fn decision(verdict: Verdict) -> Decision {
    Decision {
        step: FINANCE.to_owned(),
        round: 0,
        verdict,
        reasons: Vec::new(),
        opinion: "同意".to_owned(),
        by: "fb-003".to_owned(),
        on_behalf_of: None,
        at: "2026-03-03T10:00:00+08:00".to_owned(),
        payload: None,
    }
}

#[test]
fn paid_on_the_pay_day_or_at_once_where_it_is_over() {
    let pay_day = "2026-03-10".parse().ok();
    assert_eq!(execute_on(pay_day, "2026-03-03"), "2026-03-10");
    assert_eq!(execute_on(pay_day, "2026-03-12"), "2026-03-12");
    assert_eq!(execute_on(None, "2026-03-12"), "2026-03-12");
}

#[test]
fn a_refusal_ends_the_case_with_its_reasons() {
    let view = view();
    let case = Case::new(&view, read);
    let mut rejection = decision(Verdict::Reject);
    rejection.reasons.push(onething_sdk::contract::Finding {
        severity: Severity::Error,
        path: String::new(),
        code: "allowance-above-standard".to_owned(),
        message: text("津贴补贴超过标准", "the allowance is above the standard"),
        basis: Some("公务员法第八十条".to_owned()),
    });
    let directives = decided(&case, &rejection);
    let [Directive::Reject(refusal)] = directives.as_slice() else {
        panic!("{directives:?}");
    };
    assert_eq!(refusal.code, "allowance-above-standard");
    assert_eq!(refusal.basis.as_deref(), Some("公务员法第八十条"));
    assert!(decided(&case, &decision(Verdict::Approve)).is_empty());
}

#[test]
fn the_end_waits_for_papers_and_money() {
    let effect = |kind, outcome: &str| EffectState {
        ticket: String::new(),
        kind,
        outcome: Some(Ok(outcome.to_owned())),
    };
    let paid = |lines: &[&str]| {
        let line = |line: &&str| json!({"line": line, "status": "paid"});
        let lines: Vec<Json> = lines.iter().map(line).collect();
        effect(EffectKind::Payment, &json!({"lines": lines}).to_string())
    };
    let mut view = CaseView {
        decisions: vec![decision(Verdict::Approve)],
        effects: vec![
            effect(EffectKind::Seal, "{}"),
            effect(EffectKind::Delivery, "{}"),
            effect(EffectKind::Delivery, "{}"),
            effect(EffectKind::Delivery, "{}"),
            paid(&["00001", "00002", "00003"]),
            paid(&[
                "pension",
                "annuity",
                "medical",
                "unemployment",
                "injury",
                "fund",
                "tax",
            ]),
        ],
        ..view()
    };
    assert!(completed(&Case::new(&view, read)).is_none());
    view.effects.push(effect(EffectKind::Delivery, "{}"));
    let Some(Directive::Complete(outcome)) = completed(&Case::new(&view, read)) else {
        panic!("not completed");
    };
    let outcome: Json = onething_sdk::serde_json::from_str(&outcome).unwrap();
    assert_eq!(outcome["paid"], json!(10));
    assert_eq!(outcome["amount"], json!("45434.36"));
    assert_eq!(outcome["unpaid"], json!({}));
}

#[test]
fn finance_seals_the_banks_list_too() {
    let names = |step| sealed_forms(plan::part(step).unwrap()).collect::<Vec<_>>();
    assert_eq!(names(FINANCE), ["fund-request", "bank-list"]);
    assert_eq!(names("personnel"), ["roster"]);
}

#[test]
fn a_notice_names_no_more_than_twenty() {
    let lines = |count: usize| named((0..count).map(|line| line.to_string()));
    assert_eq!(lines(2), "0、1");
    assert!(lines(21).ends_with("等21笔"));
}
