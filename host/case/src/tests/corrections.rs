//! A new round: what it voids, and what stands.

use super::*;
use crate::Status;

fn returns(step: &str) -> Command {
    decides(step, Verdict::ReturnForCorrection)
}

fn of_round(number: u32, command: Command) -> Command {
    match command {
        Command::Decide {
            mut decision,
            by_office,
            task_version,
        } => {
            decision.round = number;
            Command::Decide {
                decision,
                by_office,
                task_version,
            }
        }
        other => other,
    }
}

fn plan() -> Vec<Step> {
    vec![
        accept("a", &[]),
        accept("b", &[]),
        accept("c", &[]),
        examine("x", &[]),
    ]
}

/// `a` asked for a correction, `b` and `c` have no objection.
fn correcting() -> Case {
    let mut case = Case::of(plan());
    case.yields(approves("b"), "decided b")
        .yields(approves("c"), "decided c")
        .yields(returns("a"), "decided a, correction-requested a");
    case
}

#[test]
fn only_what_reads_the_changes_is_void() {
    for (answers, expected) in [
        (r#"{}"#, "corrected, step-voided a, step-opened a"),
        (r#"{"z": 1}"#, "corrected z, step-voided a, step-opened a"),
        (
            r#"{"c": null, "b": [1]}"#,
            "corrected b+c, step-voided a, step-voided b, step-voided c, \
             step-opened a, step-opened b, step-opened c",
        ),
    ] {
        correcting().yields(Command::Correct(round(1, plan(), answers)), expected);
    }
}

#[test]
fn derived_elements_count_as_changes() {
    let mut plan = plan();
    plan[1].reads = vec!["total".into()];
    let mut second = round(1, plan, "{}");
    second.assessment.derived = r#"{"total": "2.00"}"#.into();
    correcting().yields(
        Command::Correct(second),
        "corrected total, step-voided a, step-voided b, step-opened a, step-opened b",
    );
}

#[test]
fn decisions_name_their_round() {
    correcting()
        .refuses(approves("a"), "already-decided")
        .yields(
            Command::Correct(round(1, plan(), "{}")),
            "corrected, step-voided a, step-opened a",
        )
        .refuses(approves("a"), "stale-round")
        .refuses(of_round(1, approves("b")), "already-decided")
        .yields(
            of_round(1, returns("a")),
            "decided a, correction-requested a",
        )
        .yields(
            Command::Correct(round(2, plan(), "{}")),
            "corrected, step-voided a, step-opened a",
        )
        .yields(
            of_round(2, approves("a")),
            "decided a, accepted, step-opened x",
        );
}

#[test]
fn a_round_comes_when_it_is_asked_for_and_in_its_turn() {
    let correct = |number, answers: &str| Command::Correct(round(number, plan(), answers));
    Case::of(plan()).refuses(correct(1, "{}"), "no-correction-awaited");
    Case::of(vec![]).refuses(correct(1, "{}"), "no-correction-awaited");
    correcting()
        .refuses(correct(0, "{}"), "stale-round")
        .refuses(correct(2, "{}"), "stale-round")
        .refuses(correct(1, "3"), "answers-malformed")
        .refuses(
            Command::Correct(round(1, vec![accept("a", &["b"])], "{}")),
            "bad-plan",
        );
}

#[test]
fn a_correction_stays_the_same_matter() {
    let changed = |change: fn(&mut onething_contract::Submission)| {
        let mut next = round(1, plan(), "{}");
        change(&mut next.submission);
        Command::Correct(next)
    };
    let another = "another-matter";
    correcting()
        .refuses(changed(|s| s.subject.identifier.push('X')), another)
        .refuses(changed(|s| s.region = "331121".to_owned()), another)
        .refuses(changed(|s| s.filer.unit = Some(s.subject.clone())), another);
}

#[test]
fn the_new_plan_keeps_drops_and_adds_steps() {
    let plan = vec![accept("a", &[]), accept("d", &[]), accept("e", &["d"])];
    let mut case = correcting();
    case.yields(
        Command::Correct(round(1, plan, "{}")),
        "corrected, step-voided a, step-opened a, step-opened d",
    );
    let steps: Vec<_> = case
        .state
        .steps
        .iter()
        .map(|record| (record.step.id.as_str(), record.status, record.task_version))
        .collect();
    assert_eq!(
        steps,
        [
            ("a", StepStatus::Open, 2),
            ("d", StepStatus::Open, 1),
            ("e", StepStatus::Waiting, 0),
            ("b", StepStatus::Gone, 1),
            ("c", StepStatus::Gone, 1),
            ("x", StepStatus::Gone, 0),
        ]
    );
    assert!(case.state.decisions.is_empty());
    case.refuses(of_round(1, approves("b")), "unknown-step");

    // A step that comes back starts anew.
    case.yields(of_round(1, approves("d")), "decided d, step-opened e")
        .yields(of_round(1, approves("e")), "decided e")
        .yields(
            of_round(1, returns("a")),
            "decided a, correction-requested a",
        )
        .yields(
            Command::Correct(round(2, vec![accept("a", &[]), accept("b", &[])], "{}")),
            "corrected, step-voided a, step-opened a, step-opened b",
        );
    assert_eq!(case.state.step("b").unwrap().task_version, 2);
}

#[test]
fn a_round_that_leaves_nothing_open_settles_acceptance() {
    correcting().yields(
        Command::Correct(round(1, vec![accept("b", &[]), examine("x", &[])], "{}")),
        "corrected, accepted, step-opened x",
    );
}

#[test]
fn a_step_of_another_office_or_phase_is_other_work() {
    let mut moved = plan();
    moved[1].office = office("tax");
    moved[2].phase = Phase::Examination;
    correcting().yields(
        Command::Correct(round(1, moved, "{}")),
        "corrected, step-voided a, step-voided b, step-voided c, step-opened a, step-opened b",
    );
}

#[test]
fn a_transfer_outlives_a_correction_that_plans_the_same() {
    let mut case = Case::of(vec![accept("a", &[]), accept("b", &[])]);
    case.yields(decides("b", Verdict::Transfer(office("tax"))), "decided b")
        .yields(
            Command::Decide {
                decision: decision("b", Verdict::ReturnForCorrection),
                by_office: office("tax"),
                task_version: None,
            },
            "decided b",
        )
        .yields(approves("a"), "decided a, correction-requested b")
        .yields(
            Command::Correct(round(1, vec![accept("a", &[]), accept("b", &[])], "{}")),
            "corrected, step-voided b, step-opened b",
        );
    assert_eq!(case.state.step("b").unwrap().office(), &office("tax"));
}

#[test]
fn the_bundle_too_returns_for_correction_in_the_same_notice() {
    let findings = || vec![finding("bundle-why"), finding("a-why")];
    let mut case = Case::heard(plan(), &["registered"]);
    case.yields(returns("a"), "decided a").yields(
        reacts(1, vec![Directive::ReturnForCorrection(findings())]),
        "reacted, correction-requested a",
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
    assert_eq!(codes, ["a-why", "bundle-why"]);
    assert_eq!(case.state.status, Status::Correction);
    assert_eq!(case.state.tasks().count(), 0);
    case.refuses(approves("b"), "awaiting-correction")
        // `b`, still open, goes on; it does not read what changed.
        .yields(
            Command::Correct(round(1, plan(), r#"{"c": 1}"#)),
            "corrected c, step-voided a, step-voided c, step-opened a, step-opened c",
        )
        .yields(of_round(1, approves("b")), "decided b");
}
