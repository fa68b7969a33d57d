//! What is reserved, in transit, paid and given back.

use super::*;
use crate::Fault;
use onething_contract::ReservationStatus::{Released, Reserved, Waiting};
use onething_contract::WhenShort::{Refuse, Wait};

const PAYROLL: &str = "payroll/2025";

fn reserving(asked: Vec<Reservation>) -> Case {
    let mut registration =
        registration(vec![examine("x", &[])], &["registered", "settled", "ended"]);
    registration.round.assessment.reservations = asked;
    Case::registered(registration)
}

fn with_100() -> Case {
    reserving(vec![reservation(PAYROLL, "100.00", Refuse)])
}

fn asks(case: &Case, intents: Vec<Intent>, directives: Vec<Directive>) -> Command {
    Command::React {
        to: case.state.next_reaction().unwrap(),
        directives,
        intents,
    }
}

/// `reserved 70, in transit 30, paid 0`.
#[track_caller]
fn stands(case: &Case, status: ReservationStatus, accounts: [&str; 3]) {
    let record = case.state.reservation(PAYROLL).unwrap();
    let found = [record.reserved(), record.in_transit, record.paid];
    assert_eq!(record.status, status);
    assert_eq!(found.map(|amount| amount.normalize().to_string()), accounts);
    let view = &case.state.view().reservations[0];
    assert_eq!((view.budget.as_str(), view.status), (PAYROLL, status));
}

#[test]
fn money_is_reserved_paid_returned_and_given_back() {
    let mut case = with_100();
    stands(&case, Reserved, ["100", "0", "0"]);
    let order = pay("t1", PAYROLL, &["30.00", "40.50"]);
    case.yields(asks(&case, vec![order], vec![]), "reacted");
    stands(&case, Reserved, ["29.5", "70.5", "0"]);
    case.refuses(answers("t1", "l1 paid"), "bank-answer-incomplete")
        .refuses(answers("t1", "l1 paid, l1 paid"), "bank-answer-incomplete")
        .refuses(
            answers("t1", "l1 paid, l2 returned, l3 paid"),
            "bank-answer-incomplete",
        )
        .yields(answers("t1", "l1 paid, l2 returned"), "effect-settled t1");
    stands(&case, Reserved, ["70", "0", "30"]);

    // The corrected line goes out again; the case ends while it is in the air.
    let again = pay("t2", PAYROLL, &["40.50"]);
    let complete = vec![Directive::Complete("{}".into())];
    case.yields(
        asks(&case, vec![again], complete),
        "reacted, ended completed",
    );
    case.yields(asks(&case, vec![], vec![]), "reacted");
    stands(&case, Reserved, ["29.5", "40.5", "30"]);
    case.yields(answers("t2", "l1 paid"), "effect-settled t2");
    stands(&case, Reserved, ["29.5", "0", "70.5"]);
    // The bundle may still pay in answer to that; then it has nothing more to say.
    case.yields(asks(&case, vec![], vec![]), "reacted");
    stands(&case, Released, ["0", "0", "70.5"]);
}

#[test]
fn an_order_that_is_refused_leaves_the_money_reserved() {
    let mut case = with_100();
    case.yields(
        asks(&case, vec![pay("t1", PAYROLL, &["100.00"])], vec![]),
        "reacted",
    )
    .yields(
        life::settles("t1", Err(refusal("bank-closed"))),
        "effect-settled t1",
    );
    stands(&case, Reserved, ["100", "0", "0"]);
}

#[test]
fn what_is_released_is_not_paid_any_more() {
    let mut case = with_100();
    let intents = vec![pay("t1", PAYROLL, &["60.00"]), release("t2", PAYROLL)];
    case.yields(asks(&case, intents, vec![]), "reacted")
        .yields(answers("t1", "l1 returned"), "effect-settled t1");
    stands(&case, Reserved, ["100", "0", "0"]);
    let more = || vec![pay("t3", PAYROLL, &["1.00"])];
    case.refuses(asks(&case, more(), vec![]), "bad-effect")
        .yields(
            life::settles("t2", Ok(r#"{"released": "100.00"}"#.into())),
            "effect-settled t2",
        );
    stands(&case, Released, ["0", "0", "0"]);
    case.refuses(asks(&case, more(), vec![]), "bad-effect");
}

#[test]
fn a_bundle_pays_no_more_than_the_case_holds() {
    let waiting = reserving(vec![reservation(PAYROLL, "100.00", Wait)]);
    for (case, intents) in [
        (with_100(), vec![pay("t1", PAYROLL, &["100.01"])]),
        (
            with_100(),
            vec![
                pay("t1", PAYROLL, &["60.00"]),
                pay("t2", PAYROLL, &["60.00"]),
            ],
        ),
        (
            with_100(),
            vec![release("t1", PAYROLL), pay("t2", PAYROLL, &["0.01"])],
        ),
        (with_100(), vec![pay("t1", "payroll/2026", &["1.00"])]),
        (with_100(), vec![release("t1", "payroll/2026")]),
        (with_100(), vec![pay("t1", PAYROLL, &[])]),
        (with_100(), vec![pay("t1", PAYROLL, &["0.00"])]),
        (with_100(), vec![pay("t1", PAYROLL, &["-1.00"])]),
        (with_100(), vec![pay("t1", PAYROLL, &["0.001"])]),
        (with_100(), vec![pay("t1", PAYROLL, &["ten"])]),
        (
            with_100(),
            vec![pay("t1", PAYROLL, &["99999999999999.00", "1.00"])],
        ),
        (waiting, vec![pay("t1", PAYROLL, &["1.00"])]),
    ] {
        let command = asks(&case, intents, vec![]);
        let error = decide(Some(&case.state), AT, &command).unwrap_err();
        assert!(
            matches!(error, Error::Fault(Fault::Money { .. })),
            "{command:?}"
        );
    }
}

#[test]
fn a_reservation_is_money_of_one_budget() {
    for asked in [
        vec![reservation(PAYROLL, "0.00", Refuse)],
        vec![reservation(PAYROLL, "1.005", Wait)],
        vec![reservation(PAYROLL, "1.5", Wait)],
        vec![reservation(PAYROLL, "+1.00", Wait)],
        vec![reservation(PAYROLL, "01.00", Wait)],
        vec![reservation(PAYROLL, "much", Refuse)],
        vec![
            reservation(PAYROLL, "1.00", Refuse),
            reservation(PAYROLL, "1.00", Wait),
        ],
    ] {
        let mut registration = registration(vec![], &[]);
        registration.round.assessment.reservations = asked;
        let error = decide(None, AT, &Command::Register(registration)).unwrap_err();
        assert_eq!(reason(&error), "bad-assessment");
    }
}

#[test]
fn a_case_waits_for_its_budget_and_is_told() {
    let reserve = || Command::Reserve {
        budget: PAYROLL.into(),
    };
    let mut case = reserving(vec![reservation(PAYROLL, "100.00", Wait)]);
    stands(&case, Waiting, ["0", "0", "0"]);
    assert_eq!(case.state.waiting().count(), 1);
    case.refuses(
        Command::Reserve {
            budget: "payroll/2026".into(),
        },
        "no-money-awaited",
    )
    .yields(reserve(), "reserved payroll/2025")
    .refuses(reserve(), "no-money-awaited");
    stands(&case, Reserved, ["100", "0", "0"]);
    assert_eq!(case.state.waiting().count(), 0);
    with_100().refuses(reserve(), "no-money-awaited");

    let mut over = reserving(vec![reservation(PAYROLL, "100.00", Wait)]);
    over.yields(
        asks(&over, vec![], vec![Directive::Reject(refusal("no"))]),
        "reacted, ended rejected",
    )
    .refuses(reserve(), "case-ended");
    assert_eq!(over.state.waiting().count(), 0);
}

#[test]
fn a_case_that_waits_for_signatures_does_not_stand_in_line() {
    let mut registration = registration(vec![], &[]);
    registration.round.assessment.reservations = vec![reservation(PAYROLL, "100.00", Wait)];
    registration.round.submission.parties = vec![party("partner")];
    let mut case = Case::registered(registration);
    assert_eq!(case.state.waiting().count(), 0);
    case.refuses(
        Command::Reserve {
            budget: PAYROLL.into(),
        },
        "awaiting-signatures",
    )
    .yields(signs("partner"), "signed partner, filed, accepted");
    assert_eq!(case.state.waiting().count(), 1);
}

#[test]
fn a_new_round_has_reservations_of_its_own() {
    let plan = || vec![accept("a", &[])];
    for (before, after, expected) in [
        (("100.00", Refuse), Some(("120.00", Refuse)), Some(Reserved)),
        (("100.00", Wait), Some(("80.00", Wait)), Some(Reserved)),
        (("100.00", Wait), Some(("120.00", Wait)), Some(Waiting)),
        (("100.00", Refuse), None, Some(Released)),
    ] {
        let mut registration = registration(plan(), &[]);
        registration.round.assessment.reservations = vec![reservation(PAYROLL, before.0, before.1)];
        let mut case = Case::registered(registration);
        if before.1 == Wait {
            let budget = PAYROLL.to_owned();
            case.yields(Command::Reserve { budget }, "reserved payroll/2025");
        }
        let mut next = round(1, plan(), "{}");
        next.assessment.reservations = after
            .iter()
            .map(|(amount, when_short)| reservation(PAYROLL, amount, *when_short))
            .collect();
        case.yields(
            decides("a", Verdict::ReturnForCorrection),
            "decided a, correction-requested a",
        )
        .yields(
            Command::Correct(next),
            "corrected, step-voided a, step-opened a",
        );
        let found = case.state.reservation(PAYROLL).map(|record| record.status);
        assert_eq!(found, expected, "{before:?} {after:?}");
    }
}
