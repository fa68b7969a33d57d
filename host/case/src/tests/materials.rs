//! Promised materials, in time and late; and what time is.

use super::*;

fn overdue(code: &str) -> Command {
    Command::MaterialOverdue { code: code.into() }
}

fn supply(code: &str) -> Command {
    Command::SupplyMaterial(material(code, MaterialStatus::Supplied("bb".into())))
}

/// The promise is for the 10th.
const LATE: &str = "2025-01-11T00:00:00+08:00";

#[test]
fn a_promise_is_overdue_the_day_after() {
    let mut case = Case::heard(vec![accept("a", &[])], &["overdue"]);
    let promises: Vec<_> = case
        .state
        .promises()
        .map(|one| (one.code, one.by))
        .collect();
    assert_eq!(promises, [("photo", "2025-01-10")]);
    case.refuses_at(
        "2025-01-10T23:59:59+08:00",
        overdue("photo"),
        "promise-not-due",
    )
    .refuses_at("2025-01-10T15:59:59Z", overdue("photo"), "promise-not-due")
    .refuses_at(LATE, overdue("id-card"), "already-supplied")
    .refuses_at(LATE, overdue("form-b"), "material-not-promised")
    .yields_at(LATE, overdue("photo"), "material-overdue photo");
    assert_eq!(
        case.history[2].heard(&case.state.hears),
        Some(onething_contract::Event::Overdue("photo".into()))
    );
    assert_eq!(case.state.promises().count(), 0);
    // It can still come.
    case.refuses_at(LATE, overdue("photo"), "already-overdue")
        .yields_at(LATE, supply("photo"), "material-supplied photo")
        .refuses_at(LATE, overdue("photo"), "already-supplied");
    assert_eq!(case.state.overdue, ["photo"]);

    let mut supplied = Case::of(vec![accept("a", &[])]);
    supplied
        .yields(supply("photo"), "material-supplied photo")
        .refuses_at(LATE, overdue("photo"), "already-supplied");
    let mut over = Case::of(vec![accept("a", &[])]);
    over.yields(
        decides("a", Verdict::Reject),
        "decided a, ended not-accepted",
    )
    .refuses_at(LATE, overdue("photo"), "case-ended");
    assert_eq!(over.state.promises().count(), 0);
}

#[test]
fn a_new_round_promises_anew() {
    let correcting = || {
        let mut case = Case::of(vec![accept("a", &[])]);
        case.yields_at(LATE, overdue("photo"), "material-overdue photo")
            .yields_at(
                LATE,
                decides("a", Verdict::ReturnForCorrection),
                "decided a, correction-requested a",
            );
        case
    };
    for (by, expected) in [("2025-01-10", vec!["photo"]), ("2025-01-20", vec![])] {
        let mut next = round(1, vec![accept("a", &[])], "{}");
        next.submission.materials[1].status = MaterialStatus::Promised(by.into());
        let mut case = correcting();
        case.yields_at(
            LATE,
            Command::Correct(next),
            "corrected, step-voided a, step-opened a",
        );
        assert_eq!(case.state.overdue, expected, "{by}");
    }
    let mut never = round(1, vec![accept("a", &[])], "{}");
    never.submission.materials[1].status = MaterialStatus::Promised("soon".into());
    correcting().refuses_at(LATE, Command::Correct(never), "promise-malformed");
}

#[test]
fn the_time_of_a_case_does_not_run_back() {
    let mut case = Case::of(vec![examine("x", &[]), examine("y", &[])]);
    // Seconds behind: two machines; the decision says so too.
    case.yields_at(
        "2025-01-06T08:59:30+08:00",
        approves("x"),
        "decided x, step-effective x",
    );
    assert_eq!(case.state.last_at, AT);
    assert_eq!(case.state.standing("x").unwrap().at, AT);
    let before = case.state.clone();
    for at in ["2025-01-06T08:58:59+08:00", "2025-01-05T23:59:59Z"] {
        case.refuses_at(at, approves("y"), "clock-behind");
    }
    case.refuses_at("2025-01-06", approves("y"), "time-malformed");
    assert_eq!(case.state, before);
    // As an instant that is an hour later, though not as text.
    case.yields_at(
        "2025-01-06T02:00:00Z",
        approves("y"),
        "decided y, step-effective y",
    );
    assert_eq!(case.state.last_at, "2025-01-06T02:00:00Z");
}

#[test]
fn nobody_signs_in_the_future() {
    let signed = |at: &str| {
        let mut registration = registration(vec![accept("a", &[])], &[]);
        let mut signed = party("partner");
        signed.signed_at = Some(at.into());
        registration.round.submission.parties = vec![signed];
        decide(None, AT, &Command::Register(registration)).map_err(|error| reason(&error))
    };
    assert!(signed(AT).is_ok());
    assert!(signed("2025-01-06T01:00:00Z").is_ok());
    for at in ["2025-01-06T09:00:01+08:00", "2025-01-06T01:00:01Z", "soon"] {
        assert_eq!(signed(at).unwrap_err(), "signed-in-future", "{at}");
    }
}
