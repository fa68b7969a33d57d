//! The bundle's answers: their order, what they may do, and what happens where they come too late.

use super::*;
use crate::Status;

fn withdraw() -> Command {
    Command::Withdraw {
        by: "clerk-7".into(),
        reason: String::new(),
    }
}

#[test]
fn a_bundle_hears_what_its_manifest_lists() {
    let case = Case::of(vec![examine("x", &[])]);
    let heard = |hears: &[&str]| -> Vec<Option<onething_contract::Event>> {
        let hears: Vec<String> = hears.iter().map(|kind| (*kind).to_owned()).collect();
        case.history
            .iter()
            .map(|recorded| recorded.heard(&hears))
            .collect()
    };
    let opened = onething_contract::Event::StepOpened("x".into());
    assert_eq!(heard(&[]), [None, None, None]);
    assert_eq!(heard(&["step-opened", "x"]), [None, None, Some(opened)]);
    assert!(heard(&ALL).iter().all(Option::is_some));
}

#[test]
fn reactions_are_serial() {
    let mut case = Case::heard(vec![examine("x", &[])], &["registered", "step-opened"]);
    case.refuses(reacts(3, vec![]), "out-of-turn")
        .refuses(reacts(2, vec![]), "out-of-turn")
        .yields(reacts(1, vec![]), "reacted")
        .refuses(reacts(1, vec![]), "out-of-turn");
    assert_eq!(
        (case.state.reacted_to, case.state.next_reaction()),
        (1, Some(3))
    );
    case.yields(reacts(3, vec![]), "reacted")
        .refuses(reacts(5, vec![]), "out-of-turn");
    assert_eq!(case.state.next_reaction(), None);
}

#[test]
fn a_parked_case_rests_until_it_is_resumed_and_takes_decisions_meanwhile() {
    let park = |to| Command::Park {
        to,
        function: "respond".into(),
        fault: "out-of-fuel".into(),
        detail: String::new(),
    };
    let resume = || Command::Resume {
        by: "operator-1".into(),
    };
    let mut case = Case::heard(vec![examine("x", &[])], &["registered"]);
    case.refuses(resume(), "not-parked")
        .refuses(park(2), "out-of-turn")
        .yields(park(1), "parked")
        .refuses(park(1), "out-of-turn")
        .refuses(reacts(1, vec![]), "out-of-turn")
        .yields(approves("x"), "decided x, step-effective x");
    assert_eq!(case.state.parked.as_ref().map(|parked| parked.to), Some(1));
    case.yields(resume(), "resumed")
        .yields(reacts(1, vec![]), "reacted");
}

#[test]
fn directives_are_checked_like_commands() {
    let before = || {
        vec![
            accept("a", &[]),
            automatic(accept("auto", &[])),
            examine("x", &[]),
        ]
    };
    let after = || {
        vec![
            examine("x", &[]),
            automatic(examine("auto", &[])),
            examine("y", &["x"]),
        ]
    };
    let decide = |step| Directive::Decide(decision(step, Verdict::Approve));
    let reopen = |step: &str| Directive::ReopenStep(step.into());
    let complete = || Directive::Complete("{}".into());
    let lead = || Step {
        lead: true,
        ..examine("z", &[])
    };
    // Directives in answer to the first step that opened, one plan in acceptance, one in examination.
    for (plan, directive, expected) in [
        (before(), decide("auto"), "reacted, decided auto"),
        (before(), decide("a"), "bad-directive"),
        (before(), decide("nobody"), "bad-directive"),
        (before(), reopen("a"), "bad-directive"),
        (before(), reopen("nobody"), "bad-directive"),
        (
            before(),
            Directive::AddStep(accept("b", &[])),
            "reacted, step-added b, step-opened b",
        ),
        (
            before(),
            Directive::AddStep(examine("y", &["a"])),
            "reacted, step-added y",
        ),
        (before(), Directive::AddStep(accept("a", &[])), "bad-plan"),
        (before(), Directive::AddStep(lead()), "bad-plan"),
        (
            before(),
            Directive::ReturnForCorrection(vec![finding("why")]),
            "reacted, correction-requested",
        ),
        (
            before(),
            Directive::ReturnForCorrection(vec![]),
            "bad-directive",
        ),
        (before(), complete(), "bad-directive"),
        (
            before(),
            Directive::Reject(refusal("no")),
            "reacted, ended not-accepted",
        ),
        (
            before(),
            Directive::NotCompetent(office("tax")),
            "reacted, ended not-competent",
        ),
        (
            before(),
            Directive::Other(("dance".into(), "{}".into())),
            "reacted, noted unknown",
        ),
        (
            after(),
            decide("auto"),
            "reacted, decided auto, step-effective auto",
        ),
        (after(), decide("x"), "bad-directive"),
        (
            after(),
            Directive::AddStep(accept("b", &[])),
            "bad-directive",
        ),
        (
            after(),
            Directive::AddStep(examine("z", &["y"])),
            "reacted, step-added z",
        ),
        (
            after(),
            Directive::AddStep(examine("z", &["nobody"])),
            "bad-plan",
        ),
        (
            after(),
            Directive::ReturnForCorrection(vec![finding("why")]),
            "bad-directive",
        ),
        (
            after(),
            Directive::NotCompetent(office("tax")),
            "bad-directive",
        ),
        (after(), complete(), "reacted, ended completed"),
        (
            after(),
            Directive::Reject(refusal("no")),
            "reacted, ended rejected",
        ),
    ] {
        let mut case = Case::heard(plan, &["step-opened"]);
        let to = case.state.next_reaction().unwrap();
        let command = reacts(to, vec![directive]);
        if expected.starts_with("reacted") {
            case.yields(command, expected);
        } else {
            case.refuses(command, expected);
        }
    }
}

#[test]
fn a_refused_directive_undoes_the_whole_reaction() {
    let mut case = Case::heard(vec![examine("x", &[])], &["step-opened"]);
    let directives = vec![
        Directive::AddStep(examine("y", &[])),
        Directive::Complete("{}".into()),
        Directive::Complete("{}".into()),
    ];
    let error = decide(Some(&case.state), AT, &reacts(3, directives)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("directive 3 is refused, case-ended"),
        "{error}"
    );
    case.yields(approves("x"), "decided x, step-effective x");
}

#[test]
fn reopening_takes_back_what_has_no_effect_yet() {
    let plan = vec![
        effective_after(examine("x", &[]), "lead"),
        examine("lead", &[]),
        examine("y", &["x"]),
    ];
    let reopen = |step: &str| vec![Directive::ReopenStep(step.into())];
    let mut case = Case::heard(plan, &["step-decided"]);
    case.yields(approves("x"), "decided x, step-opened y")
        .yields(approves("y"), "decided y, step-effective y");
    let to = case.state.next_reaction().unwrap();
    case.yields(reacts(to, vec![]), "reacted");
    let to = case.state.next_reaction().unwrap();
    case.yields(
        reacts(to, reopen("x")),
        "reacted, step-voided x, step-voided y, step-opened x",
    );
    assert_eq!(case.state.step("x").unwrap().task_version, 2);

    case.yields(decides("lead", Verdict::Hold), "decided lead");
    let to = case.state.next_reaction().unwrap();
    case.yields(
        reacts(to, reopen("lead")),
        "reacted, step-voided lead, step-opened lead",
    );
    case.yields(approves("lead"), "decided lead, step-effective lead");
    let to = case.state.next_reaction().unwrap();
    // Its effect came after the event that is answered: too late, and no fault.
    case.yields(
        reacts(to, reopen("lead")),
        "reacted, noted already-effective",
    );
}

#[test]
fn what_comes_too_late_is_noted_and_not_obeyed() {
    let complete = || vec![Directive::Complete("{}".into())];
    let mut case = Case::heard(vec![examine("x", &[])], &["step-opened", "ended"]);
    case.yields(withdraw(), "withdrawn, ended withdrawn")
        .yields(
            Command::React {
                to: 3,
                directives: complete(),
                intents: vec![seal("t1", &[])],
            },
            "reacted, noted case-ended",
        );
    assert_eq!(case.state.status, Status::Ended(Ending::Withdrawn));
    assert_eq!(case.state.effects.len(), 1);
    // In answer to the end itself it is the bundle's own fault; effects are welcome.
    case.refuses(reacts(5, complete()), "bad-directive").yields(
        Command::React {
            to: 5,
            directives: vec![],
            intents: vec![seal("t2", &["t1"])],
        },
        "reacted",
    );
}

#[test]
fn an_effect_has_a_ticket_of_its_own_and_waits_for_earlier_ones() {
    let mut case = Case::heard(vec![examine("x", &[])], &["registered", "accepted"]);
    let asks = |to, intents| Command::React {
        to,
        directives: vec![],
        intents,
    };
    case.refuses(
        asks(1, vec![seal("t1", &["t2"]), seal("t2", &[])]),
        "bad-effect",
    )
    .refuses(asks(1, vec![seal("t1", &["t1"])]), "bad-effect")
    .refuses(
        asks(1, vec![seal("t1", &[]), seal("t1", &[])]),
        "bad-effect",
    )
    .yields(
        asks(1, vec![seal("t1", &[]), seal("t2", &["t1"])]),
        "reacted",
    )
    .refuses(asks(2, vec![seal("t1", &[])]), "bad-effect")
    .yields(asks(2, vec![seal("t3", &["t1"])]), "reacted");
}
