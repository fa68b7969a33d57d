//! From registration to rating, and everything about the case as a whole.

use super::*;
use crate::{Fault, HistoryError, Status};

#[test]
fn registration_opens_what_can_be_opened() {
    for (plan, expected) in [
        (vec![], "registered, accepted"),
        (
            vec![examine("x", &[]), examine("y", &["x"])],
            "registered, accepted, step-opened x",
        ),
        (
            vec![
                accept("a", &[]),
                accept("b", &[]),
                accept("c", &["a"]),
                examine("x", &[]),
            ],
            "registered, step-opened a, step-opened b",
        ),
    ] {
        assert_eq!(Case::of(plan).briefs(), expected);
    }
}

#[test]
fn registration_needs_a_sound_first_round() {
    let register = |change: fn(&mut Registration)| {
        let mut registration = registration(vec![accept("a", &[])], &[]);
        change(&mut registration);
        let error = decide(None, AT, &Command::Register(registration)).unwrap_err();
        reason(&error)
    };
    assert_eq!(register(|r| r.round.submission.round = 1), "stale-round");
    assert_eq!(
        register(|r| r.round.answers = "[]".into()),
        "answers-malformed"
    );
    assert_eq!(
        register(|r| r.round.assessment.derived = "1".into()),
        "bad-assessment"
    );
    assert_eq!(register(|r| r.round.plan[0].lead = false), "bad-plan");

    let error = decide(None, AT, &approves("a")).unwrap_err();
    assert_eq!(reason(&error), "unknown-case");
    Case::of(vec![]).refuses(
        Command::Register(registration(vec![], &[])),
        "already-registered",
    );
}

#[test]
fn a_case_runs_to_its_end_and_is_rated() {
    let rate = |score| Command::Rate {
        score,
        by: "clerk-7".into(),
        comment: None,
    };
    let plan = vec![
        accept("a", &[]),
        accept("b", &["a"]),
        examine("lead", &[]),
        effective_after(examine("pension", &[]), "lead"),
        effective_after(examine("archive", &["lead"]), "pension"),
    ];
    let mut case = Case::heard(plan, &["step-effective", "ended"]);
    case.yields(approves("a"), "decided a, step-opened b")
        .yields(
            decides("b", Verdict::NoObjection),
            "decided b, accepted, step-opened lead, step-opened pension",
        )
        .yields(approves("pension"), "decided pension")
        .yields(
            approves("lead"),
            "decided lead, step-opened archive, step-effective lead, step-effective pension",
        )
        .refuses(rate(5), "not-completed");
    assert_eq!(case.state.accepted_at.as_deref(), Some(AT));
    let to = case.state.next_reaction().unwrap();
    case.yields(reacts(to, vec![]), "reacted").yields(
        approves("archive"),
        "decided archive, step-effective archive",
    );
    let to = case.state.next_reaction().unwrap();
    case.yields(
        reacts(
            to,
            vec![Directive::Complete(r#"{"month": "2025-02"}"#.into())],
        ),
        "reacted, ended completed",
    );
    assert_eq!(case.state.status, Status::Ended(Ending::Completed));
    assert_eq!(
        case.state.outcome.as_deref(),
        Some(r#"{"month": "2025-02"}"#)
    );
    case.refuses(rate(0), "score-out-of-range")
        .refuses(rate(6), "score-out-of-range")
        .yields(rate(5), "rated")
        .refuses(rate(4), "already-rated");
    assert_eq!(case.state.rating, Some(5));
}

#[test]
fn nothing_but_effects_comes_after_the_end() {
    let withdraw = || Command::Withdraw {
        by: "clerk-7".into(),
        reason: "filed twice".into(),
    };
    let mut case = Case::heard(vec![examine("x", &[])], &["registered"]);
    case.yields(
        Command::React {
            to: 1,
            directives: vec![],
            intents: vec![seal("t1", &[])],
        },
        "reacted",
    )
    .yields(withdraw(), "withdrawn, ended withdrawn")
    .refuses(withdraw(), "case-ended")
    .refuses(approves("x"), "case-ended")
    .refuses(Command::Correct(round(1, vec![], "{}")), "case-ended")
    .refuses(
        Command::SupplyMaterial(material("photo", MaterialStatus::Committed)),
        "case-ended",
    )
    .refuses(
        Command::Rate {
            score: 5,
            by: "clerk-7".into(),
            comment: None,
        },
        "not-completed",
    )
    .yields(settles("t1", Ok("{}".into())), "effect-settled t1");
    assert_eq!(case.state.tasks().count(), 0);
}

#[test]
fn withdrawal_is_possible_at_any_time_before() {
    let withdraw = || Command::Withdraw {
        by: "clerk-7".into(),
        reason: String::new(),
    };
    let mut accepting = Case::of(vec![accept("a", &[])]);
    let mut correcting = Case::of(vec![accept("a", &[])]);
    correcting.yields(
        decides("a", Verdict::ReturnForCorrection),
        "decided a, correction-requested a",
    );
    let mut examining = Case::of(vec![examine("x", &[])]);
    for case in [&mut accepting, &mut correcting, &mut examining] {
        case.yields(withdraw(), "withdrawn, ended withdrawn");
    }
}

#[test]
fn materials_that_are_awaited_come_in_once() {
    let supply = |code: &str, status| Command::SupplyMaterial(material(code, status));
    let file = |hash: &str| MaterialStatus::Supplied(hash.into());
    let mut case = Case::of(vec![accept("a", &[])]);
    case.refuses(
        supply("photo", MaterialStatus::Promised("2025-02-01".into())),
        "material-not-supplied",
    )
    .refuses(
        supply("photo", MaterialStatus::NotApplicable),
        "material-not-supplied",
    )
    .yields(supply("photo", file("bb")), "material-supplied photo")
    .refuses(supply("photo", file("bb")), "already-supplied")
    .refuses(supply("photo", file("cc")), "material-not-awaited")
    .refuses(supply("id-card", file("aa")), "already-supplied")
    .refuses(supply("id-card", file("bb")), "material-not-awaited")
    .refuses(supply("passport", file("bb")), "material-not-awaited")
    .yields(
        supply("form-b", MaterialStatus::Licence("L1".into())),
        "material-supplied form-b",
    )
    .refuses(supply("form-b", file("bb")), "material-not-awaited");
    assert_eq!(case.state.submission.materials[1].status, file("bb"));
    assert_eq!(case.state.submission.materials[2].code, "form-b");
    assert!(case.state.assessment.missing.is_empty());
}

pub(super) fn settles(ticket: &str, outcome: Result<Json, Refusal>) -> Command {
    Command::Settle(Settlement {
        ticket: ticket.into(),
        outcome,
    })
}

#[test]
fn effects_settle_once_and_take_along_what_waits_for_them() {
    let mut case = Case::heard(vec![examine("x", &[])], &["registered", "accepted"]);
    let intents = vec![
        seal("t1", &[]),
        seal("t2", &["t1"]),
        seal("t3", &["t2"]),
        seal("t4", &[]),
    ];
    case.yields(
        Command::React {
            to: 1,
            directives: vec![],
            intents,
        },
        "reacted",
    )
    .refuses(settles("t9", Ok("{}".into())), "unknown-ticket")
    .yields(settles("t4", Ok("{}".into())), "effect-settled t4")
    .refuses(settles("t4", Err(refusal("late"))), "already-settled")
    .yields(
        settles("t1", Err(refusal("no-key"))),
        "effect-settled t1, effect-settled t2, effect-settled t3",
    )
    .refuses(settles("t3", Ok("{}".into())), "already-settled")
    // Whatever is asked for after that has no better fate.
    .yields(
        Command::React {
            to: 2,
            directives: vec![],
            intents: vec![seal("t5", &["t3"])],
        },
        "reacted, effect-settled t5",
    );
    let outcomes: Vec<_> = case
        .state
        .view()
        .effects
        .into_iter()
        .map(|effect| effect.outcome.unwrap().map_err(|refusal| refusal.code))
        .collect();
    let failed = Err("prerequisite-failed".to_owned());
    assert_eq!(
        outcomes,
        [
            Err("no-key".to_owned()),
            failed.clone(),
            failed.clone(),
            Ok("{}".to_owned()),
            failed
        ]
    );
}

#[test]
fn a_history_has_one_beginning_and_no_gaps() {
    let mut history = Case::of(vec![examine("x", &[])]).history;
    assert_eq!(State::from_events([]), Err(HistoryError::Empty));
    assert_eq!(
        State::from_events(&history[1..]),
        Err(HistoryError::Number {
            expected: 1,
            found: 2
        })
    );
    assert_eq!(
        State::from_events([&history[0], &history[2]]),
        Err(HistoryError::Number {
            expected: 2,
            found: 3
        })
    );
    let first = history[0].event.clone();
    history[1].event = first;
    assert_eq!(
        State::from_events(&history),
        Err(HistoryError::Registration { n: 2 })
    );
    history[0].event = Event::Accepted;
    assert_eq!(
        State::from_events(&history),
        Err(HistoryError::Registration { n: 1 })
    );
}

#[test]
fn the_shape_of_events_is_kept_for_ever() {
    for (event, json) in [
        (Event::Accepted, r#"{"type":"accepted"}"#),
        (
            Event::StepOpened { step: "a".into() },
            r#"{"type":"step-opened","step":"a"}"#,
        ),
        (
            Event::Ended {
                ending: Ending::Completed,
                outcome: Some("{}".into()),
            },
            r#"{"type":"ended","ending":"completed","outcome":"{}"}"#,
        ),
        (
            Event::Ended {
                ending: Ending::NotCompetent(office("tax")),
                outcome: None,
            },
            r#"{"type":"ended","ending":{"not-competent":{"function":"tax","region":"331102"}}}"#,
        ),
        (
            Event::MaterialSupplied {
                material: material("photo", MaterialStatus::Supplied("bb".into())),
            },
            r#"{"type":"material-supplied","material":{"code":"photo","status":{"supplied":"bb"}}}"#,
        ),
        (
            Event::Reacted {
                to: 3,
                intents: vec![],
            },
            r#"{"type":"reacted","to":3,"intents":[]}"#,
        ),
        (
            Event::Rated {
                score: 5,
                by: "clerk-7".into(),
                comment: None,
            },
            r#"{"type":"rated","score":5,"by":"clerk-7"}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&event).unwrap(), json);
        assert_eq!(serde_json::from_str::<Event>(json).unwrap(), event);
    }
}

#[test]
fn faults_have_names_and_causes() {
    use std::error::Error as _;
    let cause = serde_json::from_str::<()>("x").unwrap_err();
    let error = Error::from(Fault::Derived(cause));
    assert!(error.source().is_some());
    assert_eq!(reason(&error), "bad-assessment");
}
