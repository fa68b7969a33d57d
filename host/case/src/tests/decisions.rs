//! Who may decide what, when, and what follows.

use super::*;
use crate::Status;

/// Acceptance `a`; then `x`, `y` after `x`, and `auto`.
fn accepted() -> Case {
    let plan = vec![
        accept("a", &[]),
        examine("x", &[]),
        examine("y", &["x"]),
        automatic(examine("auto", &[])),
    ];
    let mut case = Case::of(plan);
    case.yields(
        approves("a"),
        "decided a, accepted, step-opened x, step-opened auto",
    );
    case
}

fn with(verdict: Verdict, change: fn(&mut Decision)) -> Command {
    let mut decision = decision("x", verdict);
    change(&mut decision);
    Command::Decide {
        decision,
        by_office: office("x"),
        task_version: None,
    }
}

fn seen(task_version: u32, step: &str, verdict: Verdict) -> Command {
    Command::Decide {
        decision: decision(step, verdict),
        by_office: office(step),
        task_version: Some(task_version),
    }
}

#[test]
fn a_decision_is_refused_with_its_own_reason() {
    let tax = || office("tax");
    for (command, code) in [
        (approves("z"), "unknown-step"),
        (approves("y"), "step-not-open"),
        (approves("a"), "already-decided"),
        (with(Verdict::Approve, |d| d.round = 1), "stale-round"),
        (seen(2, "x", Verdict::Approve), "stale-task"),
        (
            Command::Decide {
                decision: decision("x", Verdict::Approve),
                by_office: tax(),
                task_version: None,
            },
            "wrong-office",
        ),
        (approves("auto"), "automatic-step"),
        (
            decides("x", Verdict::ReturnForCorrection),
            "verdict-not-here",
        ),
        (
            decides("x", Verdict::NotCompetent(tax())),
            "verdict-not-here",
        ),
        (
            decides("x", Verdict::SendBack("a".into())),
            "step-not-earlier",
        ),
        (
            with(Verdict::Reject, |d| d.reasons.clear()),
            "reasons-missing",
        ),
        (
            with(Verdict::Reject, |d| {
                d.reasons[0].severity = Severity::Warning
            }),
            "reasons-missing",
        ),
        (
            with(Verdict::Reject, |d| {
                d.reasons.clear();
                d.opinion = "不同意".into();
            }),
            "reasons-missing",
        ),
        (
            with(Verdict::Hold, |d| {
                d.reasons.clear();
                d.opinion = " ".into();
            }),
            "reasons-missing",
        ),
    ] {
        accepted().refuses(command, code);
    }
    let mut accepting = Case::of(vec![accept("a", &[]), accept("b", &["a"])]);
    accepting.refuses(decides("a", Verdict::Hold), "verdict-not-here");
}

#[test]
fn every_refusal_speaks_both_languages_and_names_the_law() {
    let case = accepted();
    let Err(Error::Refused(refusal)) = decide(
        Some(&case.state),
        AT,
        &decides("x", Verdict::ReturnForCorrection),
    ) else {
        panic!()
    };
    assert!(refusal.message.zh.contains("审查"));
    assert!(refusal.message.en.contains("choose another verdict"));
    assert_eq!(refusal.basis.as_deref(), Some("《行政许可法》第三十二条"));
}

#[test]
fn the_same_decision_twice_is_one_decision() {
    accepted()
        .yields(
            seen(1, "x", Verdict::Approve),
            "decided x, step-opened y, step-effective x",
        )
        .refuses(seen(1, "x", Verdict::Approve), "already-decided");
}

#[test]
fn a_rejection_in_examination_opens_nothing() {
    let mut case = accepted();
    case.yields(decides("x", Verdict::Reject), "decided x")
        .refuses(approves("y"), "step-not-open")
        .refuses(approves("x"), "already-decided");
    assert_eq!(case.state.status, Status::Examination);
    assert_eq!(case.state.step("x").unwrap().status, StepStatus::Decided);
}

#[test]
fn acceptance_is_settled_when_every_office_has_spoken() {
    let returns = || Verdict::ReturnForCorrection;
    let elsewhere = || Verdict::NotCompetent(office("tax"));
    for (a, b, expected) in [
        (
            Verdict::Approve,
            Verdict::NoObjection,
            "accepted, step-opened x",
        ),
        (Verdict::Approve, Verdict::Reject, "ended not-accepted"),
        (returns(), Verdict::Reject, "ended not-accepted"),
        (elsewhere(), Verdict::Reject, "ended not-accepted"),
        (elsewhere(), Verdict::Approve, "ended not-competent"),
        (returns(), elsewhere(), "ended not-competent"),
        (returns(), Verdict::Approve, "correction-requested a"),
        (returns(), returns(), "correction-requested a+b"),
    ] {
        let mut case = Case::of(vec![accept("a", &[]), accept("b", &[]), examine("x", &[])]);
        case.yields(decides("b", b), "decided b")
            .yields(decides("a", a), &format!("decided a, {expected}"));
    }
    // A step behind one that said no will never be decided: nobody waits for it.
    Case::of(vec![accept("a", &[]), accept("b", &["a"])]).yields(
        decides("a", Verdict::Reject),
        "decided a, ended not-accepted",
    );
}

#[test]
fn one_refusal_and_one_notice_gather_what_all_offices_found() {
    let decides = |step: &str, verdict, codes: &[&str]| {
        let mut decision = decision(step, verdict);
        decision.reasons = codes.iter().map(|code| finding(code)).collect();
        if let Some(aside) = decision.reasons.iter_mut().find(|r| r.code == "aside") {
            aside.severity = Severity::Warning;
        }
        Command::Decide {
            decision,
            by_office: office(step),
            task_version: None,
        }
    };
    let plan = || vec![accept("a", &[]), accept("b", &[])];

    let mut case = Case::of(plan());
    case.yields(
        decides("b", Verdict::Reject, &["age", "years"]),
        "decided b",
    )
    .yields(
        decides("a", Verdict::Reject, &["aside", "id", "age"]),
        "decided a, ended not-accepted",
    );
    let Status::Ended(Ending::NotAccepted(refusal)) = &case.state.status else {
        panic!()
    };
    assert_eq!(refusal.code, "id");
    assert_eq!(refusal.message.en, "id; age; years");
    assert_eq!(refusal.message.zh, "id。；age。；years。");
    assert_eq!(refusal.basis.as_deref(), Some("依据"));

    let mut case = Case::of(plan());
    let returns = Verdict::ReturnForCorrection;
    case.yields(
        decides("b", returns.clone(), &["age", "years"]),
        "decided b",
    )
    .yields(
        decides("a", returns, &["id", "age"]),
        "decided a, correction-requested a+b",
    );
    let Some(Event::CorrectionRequested { findings, .. }) =
        case.history.last().map(|recorded| &recorded.event)
    else {
        panic!()
    };
    let codes: Vec<&str> = findings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect();
    assert_eq!(codes, ["id", "age", "years"]);
}

#[test]
fn a_held_step_is_decided_again() {
    let mut case = accepted();
    case.yields(
        with(Verdict::Hold, |d| {
            d.reasons.clear();
            d.opinion = "贷款未结清".into();
        }),
        "decided x",
    );
    let held = case.state.step("x").unwrap();
    assert_eq!((held.status, held.task_version), (StepStatus::Held, 2));
    assert_eq!(case.state.standing("x").unwrap().verdict, Verdict::Hold);
    let tasks: Vec<&str> = case
        .state
        .tasks()
        .map(|task| task.step.id.as_str())
        .collect();
    assert_eq!(tasks, ["x"]);

    case.refuses(seen(1, "x", Verdict::Approve), "stale-task")
        .yields(
            seen(2, "x", Verdict::Approve),
            "decided x, step-opened y, step-effective x",
        );
    assert_eq!(case.state.decisions.len(), 2);
}

#[test]
fn sending_back_reopens_an_earlier_step_and_what_rests_on_it() {
    let back = |to: &str| Verdict::SendBack(to.into());
    let plan = vec![
        examine("x", &[]),
        examine("y", &["x"]),
        examine("z", &["y"]),
        examine("still-waiting", &["z"]),
        accept("a", &[]),
        examine("other", &["a"]),
    ];
    let mut case = Case::of(plan);
    case.yields(
        approves("a"),
        "decided a, accepted, step-opened x, step-opened other",
    )
    .yields(approves("x"), "decided x, step-opened y, step-effective x")
    .yields(approves("y"), "decided y, step-opened z, step-effective y")
    .refuses(decides("z", back("z")), "step-not-earlier")
    .refuses(decides("z", back("other")), "step-not-earlier")
    .refuses(decides("z", back("nobody")), "unknown-step")
    .refuses(decides("other", back("a")), "verdict-not-here")
    .yields(
        decides("z", back("x")),
        "decided z, step-voided x, step-voided y, step-voided z, step-opened x",
    );
    assert!(case.state.standing("z").is_none());
    assert_eq!(case.state.step("x").unwrap().task_version, 2);
    case.refuses(approves("z"), "step-not-open")
        .yields(
            seen(2, "x", Verdict::Approve),
            "decided x, step-opened y, step-effective x",
        )
        .yields(approves("y"), "decided y, step-opened z, step-effective y")
        .yields(
            approves("z"),
            "decided z, step-opened still-waiting, step-effective z",
        );
}

#[test]
fn a_transferred_step_belongs_to_the_other_office() {
    let mut case = accepted();
    let at_tax = |verdict| Command::Decide {
        decision: decision("x", verdict),
        by_office: office("tax"),
        task_version: Some(2),
    };
    case.yields(seen(1, "x", Verdict::Transfer(office("tax"))), "decided x")
        .refuses(approves("x"), "wrong-office");
    let record = case.state.step("x").unwrap();
    assert_eq!(
        (record.status, record.office()),
        (StepStatus::Open, &office("tax"))
    );
    assert!(case.state.standing("x").is_none());
    case.yields(
        at_tax(Verdict::Approve),
        "decided x, step-opened y, step-effective x",
    );
}

#[test]
fn effects_wait_for_each_other_and_come_in_one_go() {
    let plan = vec![
        effective_after(effective_after(examine("c", &[]), "b"), "a"),
        effective_after(examine("b", &[]), "a"),
        examine("a", &[]),
        effective_after(examine("d", &[]), "held"),
        examine("held", &[]),
    ];
    let mut case = Case::of(plan);
    case.yields(approves("c"), "decided c")
        .yields(approves("b"), "decided b")
        .yields(approves("d"), "decided d")
        .yields(decides("held", Verdict::Hold), "decided held")
        .yields(
            approves("a"),
            "decided a, step-effective a, step-effective b, step-effective c",
        )
        .yields(decides("held", Verdict::Reject), "decided held");
    assert_eq!(case.state.step("d").unwrap().status, StepStatus::Decided);
}

#[test]
fn the_view_shows_the_plan_and_what_stands() {
    let mut case = accepted();
    case.yields(approves("x"), "decided x, step-opened y, step-effective x");
    let view = case.state.view();
    let steps: Vec<_> = view
        .steps
        .iter()
        .map(|state| (state.step.as_str(), state.status))
        .collect();
    assert_eq!(
        steps,
        [
            ("a", StepStatus::Effective),
            ("x", StepStatus::Effective),
            ("y", StepStatus::Open),
            ("auto", StepStatus::Open),
        ]
    );
    let decided: Vec<&str> = view.decisions.iter().map(|d| d.step.as_str()).collect();
    assert_eq!(decided, ["a", "x"]);
    assert_eq!(view.scenario, "ordinary");
}
