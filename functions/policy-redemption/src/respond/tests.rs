use super::*;
use crate::testing::{DAY, HIGH_TECH, Published, answers, read, view};
use onething_sdk::Facts;
use onething_sdk::contract::Finding;
use onething_sdk::contract::{Settlement, Severity, StepState};

fn filed(_: &CaseView) -> Answers {
    let world = Published::default();
    let facts = Facts::new(DAY.parse().unwrap(), &world);
    read(&answers("policy/rd-subsidy", HIGH_TECH, json!({})), &facts)
}

fn decision_of(step: &str, verdict: Verdict, reasons: Vec<Finding>) -> Decision {
    Decision {
        step: step.to_owned(),
        round: 0,
        verdict,
        reasons,
        opinion: "意见".to_owned(),
        by: "p-1".to_owned(),
        on_behalf_of: None,
        at: "2026-04-02T09:00:00+08:00".to_owned(),
        payload: None,
    }
}

fn reason(code: &str, basis: Option<&str>) -> Finding {
    Finding {
        severity: Severity::Error,
        path: String::new(),
        code: code.to_owned(),
        message: text(format!("{code}中"), code),
        basis: basis.map(str::to_owned),
    }
}

fn effect(ticket: &str, kind: EffectKind, outcome: Option<Json>) -> EffectState {
    EffectState {
        ticket: ticket.to_owned(),
        kind,
        outcome: outcome.map(|outcome| Ok(outcome.to_string())),
    }
}

fn bank_says(status: &str) -> Json {
    json!({"lines": [{"line": "1", "status": status, "reason": "账号已销户"}]})
}

fn respond_to(view: &CaseView, ticket: &str) -> Vec<Directive> {
    let settlement = Settlement {
        ticket: ticket.to_owned(),
        outcome: Ok("{}".to_owned()),
    };
    respond(&Case::new(view, filed), &Event::Settled(settlement))
}

#[test]
fn whoever_refuses_ends_it_but_not_before_acceptance() {
    for step in [REVIEW, NOTICE, FINANCE, "account-1"] {
        let reasons = vec![reason("a", Some("法一")), reason("b", None)];
        let decision = decision_of(step, Verdict::Reject, reasons);
        let directives = respond(&Case::new(&view(), filed), &Event::StepDecided(decision));
        let [Directive::Reject(refusal)] = directives.as_slice() else {
            panic!("{step}: {directives:?}");
        };
        assert_eq!(refusal.code, "a");
        assert_eq!(refusal.message, text("a中；b中", "a; b"));
        assert_eq!(refusal.basis.as_deref(), Some("法一"));
    }
    let check = decision_of(CHECK, Verdict::Reject, vec![reason("a", None)]);
    let directives = respond(&Case::new(&view(), filed), &Event::StepDecided(check));
    assert_eq!(directives, []);
}

#[test]
fn it_ends_when_all_is_paid_sealed_and_delivered() {
    let mut view = view();
    view.reservations = vec![ReservationState {
        budget: "policy/rd-subsidy-2026".to_owned(),
        amount: "360000.00".to_owned(),
        left: "360000.00".to_owned(),
        status: ReservationStatus::Reserved,
    }];
    let paid = effect("pay", EffectKind::Payment, Some(bank_says("paid")));
    let sealed = effect("seal", EffectKind::Seal, Some(json!({})));
    let on_its_way = effect("deliver", EffectKind::Delivery, None);
    let delivered = effect("deliver", EffectKind::Delivery, Some(json!({})));
    let told = effect("notice", EffectKind::Notice, Some(json!({})));
    view.effects = vec![paid.clone(), sealed.clone(), on_its_way, told.clone()];
    assert_eq!(respond_to(&view, "pay"), []);
    view.effects = vec![sealed.clone(), delivered.clone()];
    assert_eq!(respond_to(&view, "deliver"), []);
    view.effects = vec![paid, sealed, delivered, told];
    assert_eq!(respond_to(&view, "notice"), []);
    let directives = respond_to(&view, "deliver");
    let [Directive::Complete(outcome)] = directives.as_slice() else {
        panic!("{directives:?}");
    };
    let outcome: Json = serde_json::from_str(outcome).unwrap();
    assert_eq!(outcome["amount"], "360000.00");
    assert_eq!(outcome["version"], DAY.replace("04", "01"));
}

#[test]
fn the_last_step_is_the_one_the_payment_follows() {
    let state = |step: &str, status| StepState {
        step: step.to_owned(),
        office: Office {
            function: "science".to_owned(),
            region: "331102".to_owned(),
        },
        status,
    };
    for (steps, last, decided) in [
        (vec![(INSTANT, StepStatus::Effective)], INSTANT, true),
        (
            vec![(INSTANT, StepStatus::Effective), (NOTICE, StepStatus::Open)],
            NOTICE,
            false,
        ),
        (
            vec![
                (NOTICE, StepStatus::Effective),
                (FINANCE, StepStatus::Effective),
                ("account-1", StepStatus::Open),
            ],
            FINANCE,
            true,
        ),
    ] {
        let mut view = view();
        view.steps = steps
            .into_iter()
            .map(|(step, status)| state(step, status))
            .collect();
        let case = Case::new(&view, filed);
        assert_eq!((last_step(&case), is_decided(&case)), (last, decided));
    }
}

#[test]
fn what_the_bank_says() {
    let paid = effect("pay", EffectKind::Payment, Some(bank_says("paid")));
    assert!(matches!(answer(&paid), Some(Answer::Paid)));
    let returned = effect("pay", EffectKind::Payment, Some(bank_says("returned")));
    let Some(Answer::Returned(reason)) = answer(&returned) else {
        panic!("not returned");
    };
    assert_eq!(reason, "账号已销户");
    assert!(answer(&effect("pay", EffectKind::Payment, None)).is_none());
}
