//! Two steps of one office of which one comes right after the other: never the same person.

use super::*;

fn of(mut step: Step, function: &str) -> Step {
    step.office = office(function);
    step
}

/// First and second review of the fund, a third by another office, and one that comes after the
/// second only.
fn reviewed() -> Case {
    Case::of(vec![
        of(examine("first", &[]), "fund"),
        of(examine("second", &["first"]), "fund"),
        of(examine("third", &["second"]), "tax"),
        of(examine("last", &["second"]), "fund"),
        automatic(of(examine("auto", &["last"]), "fund")),
    ])
}

fn says(step: &str, verdict: Verdict, by: &str, for_whom: Option<&str>) -> Command {
    let mut decision = decision(step, verdict);
    decision.by = by.into();
    decision.on_behalf_of = for_whom.map(str::to_owned);
    Command::Decide {
        decision,
        by_office: office(if step == "third" { "tax" } else { "fund" }),
        task_version: None,
    }
}

fn yes(step: &str, by: &str, for_whom: Option<&str>) -> Command {
    says(step, Verdict::Approve, by, for_whom)
}

#[test]
fn the_second_reviewer_is_somebody_else() {
    for (first, second, same) in [
        (("ann", None), ("ann", None), true),
        (("ann", None), ("bob", Some("ann")), true),
        (("ann", Some("cy")), ("bob", Some("cy")), true),
        (("ann", Some("bob")), ("bob", None), true),
        (("ann", None), ("bob", None), false),
        (("ann", Some("cy")), ("bob", Some("dan")), false),
    ] {
        let mut case = reviewed();
        case.yields(
            yes("first", first.0, first.1),
            "decided first, step-opened second, step-effective first",
        );
        let command = yes("second", second.0, second.1);
        match same {
            true => case.refuses(command, "same-person"),
            false => case.yields(
                command,
                "decided second, step-opened third, step-opened last, step-effective second",
            ),
        };
    }
}

#[test]
fn other_offices_and_steps_that_do_not_follow_are_free() {
    reviewed()
        .yields(
            yes("first", "ann", None),
            "decided first, step-opened second, step-effective first",
        )
        .yields(
            yes("second", "bob", None),
            "decided second, step-opened third, step-opened last, step-effective second",
        )
        .refuses(yes("last", "bob", None), "same-person")
        .yields(
            yes("third", "bob", None),
            "decided third, step-effective third",
        )
        .yields(
            yes("last", "ann", None),
            "decided last, step-opened auto, step-effective last",
        );
    // The filer answers for itself, as often as it is asked.
    let mut filers = Case::of(vec![
        of(examine("first", &[]), "filer"),
        of(examine("second", &["first"]), "filer"),
    ]);
    let yes = |step: &str| Command::Decide {
        decision: decision(step, Verdict::Approve),
        by_office: office("filer"),
        task_version: None,
    };
    filers
        .yields(
            yes("first"),
            "decided first, step-opened second, step-effective first",
        )
        .yields(yes("second"), "decided second, step-effective second");
    // Acceptance and examination are two looks at two things.
    let mut phases = Case::of(vec![
        of(accept("check", &[]), "fund"),
        of(examine("first", &["check"]), "fund"),
    ]);
    phases
        .yields(
            self::yes("check", "ann", None),
            "decided check, accepted, step-opened first",
        )
        .yields(
            self::yes("first", "ann", None),
            "decided first, step-effective first",
        );
}

#[test]
fn who_sent_a_step_back_does_not_decide_it() {
    let mut case = reviewed();
    case.yields(
        yes("first", "ann", None),
        "decided first, step-opened second, step-effective first",
    )
    .refuses(
        says("second", Verdict::SendBack("first".into()), "ann", None),
        "same-person",
    )
    .yields(
        says("second", Verdict::SendBack("first".into()), "bob", None),
        "decided second, step-voided first, step-voided second, step-opened first",
    )
    .refuses(yes("first", "bob", None), "same-person")
    .refuses(yes("first", "cy", Some("bob")), "same-person")
    .yields(
        yes("first", "ann", None),
        "decided first, step-opened second, step-effective first",
    )
    .refuses(yes("second", "ann", None), "same-person")
    .yields(
        yes("second", "bob", None),
        "decided second, step-opened third, step-opened last, step-effective second",
    );
    assert_eq!(case.state.step("second").unwrap().decided_by, ["bob"]);
}

#[test]
fn a_deputy_decides_for_somebody_else() {
    let mut case = reviewed();
    case.refuses(yes("first", "ann", Some("ann")), "deputy-of-self")
        .refuses(yes("first", "ann", Some(" ")), "deputy-of-self")
        .yields(
            yes("first", "ann", Some("cy")),
            "decided first, step-opened second, step-effective first",
        );
    let standing = case.state.standing("first").unwrap();
    assert_eq!(standing.on_behalf_of.as_deref(), Some("cy"));
    assert_eq!(case.state.step("first").unwrap().decided_by, ["ann", "cy"]);
}
