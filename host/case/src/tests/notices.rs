//! Public notices run their time, unless somebody objects.

use super::*;
use crate::HOST;

fn published() -> Case {
    let plan = vec![
        examine("check", &[]),
        notice(examine("publish", &["check"])),
        examine("pay", &["publish"]),
    ];
    let mut case = Case::heard(plan, &["objected"]);
    case.yields(
        approves("check"),
        "decided check, step-opened publish, step-effective check",
    );
    case
}

fn objects(step: &str, text: &str) -> Command {
    Command::Object {
        step: step.into(),
        by: "citizen-1".into(),
        text: text.into(),
    }
}

fn over(step: &str) -> Command {
    Command::NoticeOver { step: step.into() }
}

#[test]
fn a_notice_passes_when_nobody_objects() {
    let mut case = published();
    let running: Vec<_> = case.state.notices().collect();
    assert_eq!(running.len(), 1);
    assert_eq!(
        (
            running[0].notice.days,
            running[0].opened_at,
            running[0].objected
        ),
        (5, AT, false)
    );
    case.yields(
        over("publish"),
        "decided publish, step-opened pay, step-effective publish",
    );
    let decision = case.state.standing("publish").unwrap();
    assert_eq!(decision.verdict, Verdict::NoObjection);
    assert_eq!(decision.by, HOST);
    assert_eq!(decision.opinion, "公示期满无异议");
    assert_eq!(case.state.notices().count(), 0);
    case.refuses(over("publish"), "already-decided")
        .refuses(objects("publish", "too late"), "already-decided");
}

#[test]
fn nobody_cuts_it_short_but_with_a_no() {
    for verdict in [Verdict::Approve, Verdict::NoObjection, Verdict::Hold] {
        published().refuses(decides("publish", verdict), "notice-running");
    }
    published().yields(decides("publish", Verdict::Reject), "decided publish");
    published().yields(
        decides("publish", Verdict::SendBack("check".into())),
        "decided publish, step-voided check, step-voided publish, step-opened check",
    );
}

#[test]
fn after_an_objection_the_office_decides() {
    let mut case = published();
    case.yields(objects("publish", "未公开测算依据"), "objected publish")
        .refuses(over("publish"), "notice-objected");
    let heard = case.history.last().unwrap().heard(&case.state.hears);
    let Some(onething_contract::Event::Objected(objection)) = heard else {
        panic!()
    };
    assert_eq!(
        (objection.by.as_str(), objection.at.as_str()),
        ("citizen-1", AT)
    );
    case.yields(decides("publish", Verdict::Hold), "decided publish")
        .refuses(over("publish"), "notice-objected")
        .yields(
            approves("publish"),
            "decided publish, step-opened pay, step-effective publish",
        );
}

#[test]
fn a_notice_published_again_has_no_objections_yet() {
    let mut case = published();
    case.yields(objects("publish", "金额有误"), "objected publish")
        .yields(decides("publish", Verdict::Reject), "decided publish");
    let to = case.state.next_reaction().unwrap();
    case.yields(
        reacts(to, vec![Directive::ReopenStep("publish".into())]),
        "reacted, step-voided publish, step-opened publish",
    )
    .refuses(approves("publish"), "notice-running")
    .yields(
        over("publish"),
        "decided publish, step-opened pay, step-effective publish",
    );
}

#[test]
fn only_a_running_notice_is_objected_to_or_over() {
    for command in [
        |step: &str| objects(step, "不同意"),
        |step: &str| over(step),
    ] {
        let mut case = published();
        case.refuses(command("check"), "not-a-notice")
            .refuses(command("z"), "unknown-step");
        case.yields(
            Command::Withdraw {
                by: "clerk-7".into(),
                reason: String::new(),
            },
            "withdrawn, ended withdrawn",
        )
        .refuses(command("publish"), "case-ended");
        Case::of(vec![examine("x", &[]), notice(examine("y", &["x"]))])
            .refuses(command("y"), "step-not-open");
    }
    published().refuses(objects("publish", " "), "objection-empty");
}
