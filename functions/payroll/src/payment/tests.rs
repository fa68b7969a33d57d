use super::*;
use crate::testing::{read, view};
use onething_sdk::contract::CaseView;

fn order(number: usize, outcome: Option<Json>) -> EffectState {
    EffectState {
        ticket: format!("t{number}"),
        kind: EffectKind::Payment,
        outcome: outcome.map(|outcome| Ok(outcome.to_string())),
    }
}

fn paid(lines: &[&str]) -> Json {
    let line = |line: &&str| json!({"line": line, "status": "paid"});
    json!({"lines": lines.iter().map(line).collect::<Vec<_>>()})
}

const REMITTED: [&str; 7] = [
    "pension",
    "annuity",
    "medical",
    "unemployment",
    "injury",
    "fund",
    "tax",
];

fn one_returned() -> Json {
    let mut outcome = paid(&["00001", "00003"]);
    let returned = json!({"line": "00002", "status": "returned", "reason": "账户已销户"});
    outcome["lines"].as_array_mut().unwrap().push(returned);
    outcome
}

fn decision(step: &str, verdict: Verdict, payload: Option<Json>) -> Decision {
    Decision {
        step: step.to_owned(),
        round: 0,
        verdict,
        reasons: Vec::new(),
        opinion: String::new(),
        by: "331102198411050048".to_owned(),
        on_behalf_of: None,
        at: "2026-03-11T09:00:00+08:00".to_owned(),
        payload: payload.map(|payload| payload.to_string()),
    }
}

fn of(effects: Vec<EffectState>, decisions: Vec<Decision>) -> CaseView {
    CaseView {
        effects,
        decisions,
        ..view()
    }
}

#[test]
fn people_first_then_what_is_remitted_and_nothing_is_left() {
    let answers = read(&view());
    let orders = first_orders(&answers, "2026-03-10", &[]).unwrap();
    let [people, remitted] = orders.as_slice() else {
        panic!("two orders");
    };
    assert_eq!((people.category.as_str(), people.lines.len()), ("SALA", 3));
    assert_eq!(
        (remitted.category.as_str(), remitted.lines.len()),
        ("GOVT", 7)
    );
    assert_eq!(people.budget, "payroll/1233110000264001XG/2026");
    let total = orders.iter().flat_map(|order| &order.lines);
    let total = total.fold(zero(), |sum, line| {
        sum + Money::parse(&line.amount).unwrap()
    });
    assert_eq!(total.to_string(), "45434.36"); // what is reserved
}

#[test]
fn it_ends_when_every_line_is_paid() {
    let waiting = of(
        vec![order(0, Some(paid(&["00001", "00002", "00003"])))],
        vec![],
    );
    assert_eq!(ended(&Case::new(&waiting, read)), None);
    let out = of(
        vec![
            order(0, Some(paid(&["00001", "00002", "00003"]))),
            order(1, None),
        ],
        vec![],
    );
    assert_eq!(ended(&Case::new(&out, read)), None);
    let all = of(
        vec![
            order(0, Some(paid(&["00001", "00002", "00003"]))),
            order(1, Some(paid(&REMITTED))),
        ],
        vec![],
    );
    let ended = ended(&Case::new(&all, read)).unwrap();
    assert_eq!((ended.paid, ended.mended), (10, 0));
    assert_eq!(ended.amount.to_string(), "45434.36");
}

#[test]
fn a_returned_line_is_paid_again_by_itself() {
    let answers = read(&view());
    let outcome = Outcome::read(&one_returned().to_string()).unwrap();
    assert_eq!(mender(&answers, &outcome), FILER);
    let asked = asked_for(&answers, &outcome);
    assert_eq!(asked["properties"]["lines"]["required"], json!(["00002"]));

    let account = "6228480330000001025";
    let supplied = decision(
        "returned-0",
        Verdict::Approve,
        Some(json!({"lines": {"00002": {"account": account}}})),
    );
    let again = corrected_order(&answers, &supplied, "2026-03-11").unwrap();
    let [line] = again.lines.as_slice() else {
        panic!("one line");
    };
    assert_eq!(
        (line.account.as_str(), line.payee.as_str()),
        (account, "李国庆")
    );
    assert_eq!(again.category, "SALA");

    let mut effects = vec![
        order(0, Some(one_returned())),
        order(1, Some(paid(&REMITTED))),
    ];
    let undecided = of(effects.clone(), vec![]);
    assert_eq!(ended(&Case::new(&undecided, read)), None);
    let not_yet_out = of(effects.clone(), vec![supplied.clone()]);
    assert_eq!(ended(&Case::new(&not_yet_out, read)), None);
    effects.push(order(2, Some(paid(&["00002"]))));
    let mended = of(effects, vec![supplied]);
    let ended = ended(&Case::new(&mended, read)).unwrap();
    assert_eq!((ended.paid, ended.mended), (10, 1));
    assert_eq!(ended.amount.to_string(), "45434.36");
}

#[test]
fn a_line_may_be_given_up() {
    let view = of(
        vec![
            order(0, Some(one_returned())),
            order(1, Some(paid(&REMITTED))),
        ],
        vec![decision("returned-0", Verdict::Reject, None)],
    );
    let ended = ended(&Case::new(&view, read)).unwrap();
    assert_eq!(ended.paid, 9);
    assert_eq!(ended.unpaid["00002"], "账户已销户");
}

#[test]
fn what_is_remitted_is_mended_by_finance() {
    let answers = read(&view());
    let outcome = json!({"lines": [{"line": "fund", "status": "returned", "reason": "户名不符"}]});
    let outcome = Outcome::read(&outcome.to_string()).unwrap();
    assert_eq!(mender(&answers, &outcome), FINANCE);
    assert_eq!(payee(&answers, "fund"), "住房公积金");
    let supplied = decision(
        "returned-1",
        Verdict::Approve,
        Some(json!({"lines": {"fund": {"account": "1210200029049600099"}}})),
    );
    let again = corrected_order(&answers, &supplied, "2026-03-11").unwrap();
    assert_eq!(again.category, "GOVT");
    assert_eq!(again.lines[0].account, "1210200029049600099");
}
