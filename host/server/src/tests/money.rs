//! Budgets and payments over HTTP.

use super::*;
use crate::now;
use onething_contract::{Effect, Intent, Payment, PaymentOrder, Reservation, WhenShort};
use onething_store::{Instruction, NewEffect};

const BUDGET: &str = "payroll/331102-2025";
const TICKET: &str = "331102-2025-000002-1-1";

fn asked() -> Value {
    json!({"name": BUDGET, "title": "工资统发", "holder": "莲都区财政局", "account": "3310010001"})
}

/// A case that holds 80 yuan and has asked to pay 50 of them.
async fn paying(host: &Host) {
    let mut registration = given::registration();
    registration.id = "331102-2025-000002".into();
    registration.hears = vec!["registered".into()];
    registration.round.assessment.reservations = vec![Reservation {
        budget: BUDGET.into(),
        amount: "80.00".into(),
        when_short: WhenShort::Refuse,
    }];
    let mut commit = given::commit(registration);
    let line = |line: &str, amount: &str| Payment {
        line: line.into(),
        payee: "张三".into(),
        account: "6222800001".into(),
        bank: None,
        amount: amount.into(),
        purpose: "工资".into(),
    };
    let intent = Intent {
        ticket: TICKET.into(),
        after: Vec::new(),
        effect: Effect::Payment(PaymentOrder {
            budget: BUDGET.into(),
            category: "SALA".into(),
            execute_on: "2025-01-10".into(),
            lines: vec![line("a", "20.00"), line("b", "30.00")],
        }),
    };
    let n = commit.case.version + 1;
    commit.events.push(onething_case::Recorded {
        n,
        at: "2025-01-06T09:00:00+08:00".into(),
        event: onething_case::Event::Reacted {
            to: 1,
            intents: vec![intent.clone()],
        },
    });
    commit.case.version = n;
    commit.effects = vec![NewEffect { event: 1, intent }];
    commit.ledger = vec![Instruction::Hold {
        budget: BUDGET.into(),
        fen: 8_000,
    }];
    host.engine
        .store()
        .register(&commit, None, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_operator_opens_and_funds_budgets() {
    let host = Host::new().await;
    let open = async |body| host.ask("operator", "POST /v1/budgets", Some(body)).await;
    assert_eq!(open(asked()).await.status, 201);
    open(asked()).await.problem(409, "budget-exists");
    let mut wrong = asked();
    wrong["bank"] = "ICBC".into();
    open(wrong).await.problem(422, "bank-code");

    let path = "/v1/budgets/payroll%2F331102-2025";
    let fund = async |path: &str, amount: &str| {
        let line = format!("POST {path}/funds");
        host.ask("operator", &line, Some(json!({"amount": amount})))
            .await
    };
    fund(path, "1.005").await.problem(422, "amount");
    fund(path, "-1.00").await.problem(422, "amount");
    fund("/v1/budgets/none", "1.00")
        .await
        .problem(404, "unknown-budget");
    let funded = fund(path, "100.50").await.json();
    assert_eq!(
        (&funded["funded"], &funded["available"], &funded["paid"]),
        (&json!("100.50"), &json!("100.50"), &json!("0.00"))
    );
    assert_eq!(
        host.ask("operator", &format!("GET {path}"), None)
            .await
            .json(),
        funded
    );
    let listed = host.ask("operator", "GET /v1/budgets", None).await.json();
    assert_eq!(listed["budgets"], json!([funded]));
    host.ask("operator", "GET /v1/budgets/none", None)
        .await
        .problem(404, "unknown-budget");
}

#[tokio::test]
async fn the_bank_answers_a_payment_once() {
    let host = Host::new().await;
    host.ask("operator", "POST /v1/budgets", Some(asked()))
        .await;
    let engine = &host.engine;
    engine.fund(BUDGET, "100.00", "出纳", now()).await.unwrap();
    paying(&host).await;
    let line = format!("POST /v1/payments/{TICKET}/answer");
    let answer = async |body| host.ask("operator", &line, Some(body)).await;
    let good = json!({"lines": [
        {"line": "a", "status": "paid"},
        {"line": "b", "status": "returned", "reason": "户名不符"},
    ]});
    answer(good.clone()).await.problem(409, "payment-not-sent");
    while engine.work(now()).await.unwrap() > 0 {}
    let sent = host.ask("operator", "GET /v1/payments?status=sent", None);
    let sent = sent.await.json();
    let payment = &sent["payments"][0];
    assert_eq!(payment["ticket"], TICKET);
    assert_eq!(payment["order"]["lines"][1]["amount"], "30.00");
    assert_eq!(sent["next"], json!(null));

    let problem = answer(json!({"lines": [{"line": "a", "status": "paid"}]})).await;
    let problem = problem.problem(422, "answer-line");
    assert!(problem["detail"].as_str().unwrap().contains("第 b 笔"));
    let unknown = json!({"lines": []});
    host.ask("operator", "POST /v1/payments/x/answer", Some(unknown))
        .await
        .problem(404, "unknown-payment");
    assert_eq!(answer(good.clone()).await.status, 204);
    answer(good).await.problem(409, "payment-answered");
    let listed = host.ask("operator", "GET /v1/payments", None).await.json();
    assert_eq!(listed["payments"], json!([]));
    let case = host.ask("platform", "GET /v1/cases/331102-2025-000002", None);
    let case = case.await.json();
    assert_eq!(case["effects"][0]["outcome"]["done"]["paid"], "20.00");
    assert_eq!(case["reservations"][0]["status"], "reserved");
}
