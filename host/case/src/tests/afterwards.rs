//! What an office takes back, and what comes after the end.

use super::*;
use crate::{Status, refusals};

const BY: &str = "reviewer-1";

fn reopen(step: &str, by_office: &str, reason: &str) -> Command {
    Command::Reopen {
        step: step.into(),
        by: BY.into(),
        by_office: office(by_office),
        reason: reason.into(),
    }
}

fn rate(score: u8) -> Command {
    Command::Rate {
        score,
        by: "clerk-7".into(),
        comment: None,
    }
}

fn repair(by_office: &str, text: &str) -> Command {
    Command::Repair {
        by: BY.into(),
        by_office: office(by_office),
        text: text.into(),
    }
}

fn check(code: &str, kept: bool, opinion: &str, by_office: &str) -> Command {
    Command::CheckCommitment {
        code: code.into(),
        kept,
        opinion: opinion.into(),
        by: BY.into(),
        by_office: office(by_office),
    }
}

fn appeal(case_id: &str) -> Command {
    Command::Appeal {
        case_id: case_id.into(),
        by: "clerk-7".into(),
    }
}

/// Completed, with a commitment in place of `domicile`; `x` leads.
pub(super) fn completed() -> Case {
    let plan = vec![examine("x", &[]), examine("y", &[])];
    let mut registration = registration(plan, &["registered", "other"]);
    let materials = &mut registration.round.submission.materials;
    materials.push(material("domicile", MaterialStatus::Committed));
    let mut case = Case::registered(registration);
    case.yields(
        reacts(1, vec![Directive::Complete("{}".into())]),
        "reacted, ended completed",
    );
    case
}

fn rejected() -> Case {
    let mut case = Case::of(vec![accept("a", &[])]);
    case.yields(
        decides("a", Verdict::Reject),
        "decided a, ended not-accepted",
    );
    case
}

#[test]
fn an_office_takes_back_what_has_not_taken_effect() {
    let plan = vec![
        effective_after(examine("x", &[]), "z"),
        examine("y", &["x"]),
        examine("z", &[]),
        automatic(examine("auto", &[])),
    ];
    let mut case = Case::of(plan);
    case.refuses(reopen("x", "x", "mistake"), "step-not-decided")
        .yields(approves("x"), "decided x, step-opened y")
        .yields(decides("y", Verdict::Reject), "decided y")
        .refuses(reopen("x", "tax", "mistake"), "wrong-office")
        .refuses(reopen("nobody", "x", "mistake"), "unknown-step")
        .refuses(reopen("auto", "auto", "mistake"), "automatic-step")
        .refuses(reopen("x", "x", " "), "reason-missing")
        .yields(
            reopen("x", "x", "the wrong months"),
            "reopened x, step-voided x, step-voided y, step-opened x",
        );
    assert!(case.state.decisions.is_empty());
    let task = case.state.step("x").unwrap();
    assert_eq!((task.status, task.task_version), (StepStatus::Open, 2));
    case.yields(decides("z", Verdict::Hold), "decided z")
        .yields(
            reopen("z", "z", "nothing to wait for"),
            "reopened z, step-voided z, step-opened z",
        )
        .yields(approves("x"), "decided x, step-opened y")
        .yields(
            approves("z"),
            "decided z, step-effective z, step-effective x",
        )
        .refuses(reopen("x", "x", "mistake"), "already-effective")
        .yields(
            Command::Withdraw {
                by: "clerk-7".into(),
                reason: String::new(),
            },
            "withdrawn, ended withdrawn",
        )
        .refuses(reopen("x", "x", "mistake"), "case-ended");
}

#[test]
fn nobody_takes_back_during_a_correction_or_what_the_host_decided() {
    let mut case = Case::of(vec![accept("a", &[])]);
    case.yields(
        decides("a", Verdict::ReturnForCorrection),
        "decided a, correction-requested a",
    )
    .refuses(reopen("a", "a", "mistake"), "awaiting-correction");
    let plan = vec![
        effective_after(notice(examine("n", &[])), "x"),
        examine("x", &[]),
    ];
    let mut case = Case::of(plan);
    let over = Command::NoticeOver { step: "n".into() };
    case.yields(over, "decided n")
        .refuses(reopen("n", "n", "mistake"), "step-not-decided");
}

#[test]
fn a_poor_rating_is_mended_once_by_the_lead() {
    for score in [3, 4, 5] {
        let mut case = completed();
        case.yields(rate(score), "rated")
            .refuses(repair("x", "talked"), "nothing-to-repair");
        assert_eq!(case.state.repair_task(), None);
    }
    for score in [1, 2] {
        let mut case = completed();
        case.refuses(repair("x", "talked"), "nothing-to-repair")
            .yields(rate(score), "rated, repair-opened")
            .refuses(rate(5), "already-rated");
        let task = case.state.repair_task().unwrap();
        assert_eq!(
            (task.office, task.role, task.opened_at),
            (&office("x"), "reviewer", AT)
        );
        case.refuses(repair("y", "talked"), "wrong-office")
            .refuses(repair("x", ""), "repair-empty")
            .yields(repair("x", "talked"), "repaired")
            .refuses(repair("x", "talked"), "already-repaired");
        assert_eq!(case.state.repair_task(), None);
        let done = case.state.repair.as_ref().unwrap().done.as_ref().unwrap();
        assert_eq!((done.by.as_str(), done.text.as_str()), (BY, "talked"));
    }
    rejected().refuses(rate(1), "not-completed");
}

#[test]
fn a_commitment_is_checked_once_after_completion() {
    let mut case = completed();
    case.refuses(check("photo", true, "", "x"), "not-committed")
        .refuses(check("domicile", true, "", "tax"), "wrong-office")
        .refuses(check("domicile", false, " ", "x"), "opinion-missing")
        .yields(
            check("domicile", false, "查无此处", "y"),
            "commitment-checked domicile",
        )
        .refuses(check("domicile", true, "", "x"), "already-checked");
    let heard = case.history.last().unwrap().heard(&case.state.hears);
    let what = r#"{"code":"domicile","opinion":"查无此处"}"#.to_owned();
    assert_eq!(
        heard,
        Some(onething_contract::Event::Other((
            "commitment-broken".into(),
            what
        )))
    );
    assert_eq!(case.state.checks[0].at, AT);

    let mut kept = completed();
    kept.yields(
        check("domicile", true, "", "x"),
        "commitment-checked domicile",
    );
    assert_eq!(
        kept.history.last().unwrap().heard(&ALL.map(str::to_owned)),
        None
    );
    rejected().refuses(check("domicile", true, "", "a"), "check-before-completion");
    let mut open = Case::of(vec![examine("x", &[])]);
    open.refuses(check("domicile", true, "", "x"), "check-before-completion");
}

#[test]
fn an_outcome_is_appealed_once() {
    for mut case in [completed(), rejected()] {
        let status = case.state.status.clone();
        case.refuses(appeal("331102-2025-000001"), "another-matter")
            .yields(appeal("331102-2025-000009"), "appealed 331102-2025-000009")
            .refuses(appeal("331102-2025-000010"), "already-appealed");
        assert_eq!(case.state.status, status);
        assert_eq!(case.state.appeal.as_ref().unwrap().by, "clerk-7");
    }
    let mut open = Case::of(vec![accept("a", &[])]);
    open.refuses(appeal("331102-2025-000009"), "not-appealable")
        .yields(
            Command::Withdraw {
                by: "clerk-7".into(),
                reason: String::new(),
            },
            "withdrawn, ended withdrawn",
        )
        .refuses(appeal("331102-2025-000009"), "not-appealable");
    let mut appealed = registration(vec![accept("a", &[])], &[]);
    appealed.appeal_of = Some("331102-2024-000777".into());
    Case::registered(appealed)
        .yields(
            decides("a", Verdict::Reject),
            "decided a, ended not-accepted",
        )
        .refuses(appeal("331102-2025-000009"), "not-appealable");
    let mut elsewhere = Case::of(vec![accept("a", &[])]);
    elsewhere
        .yields(
            decides("a", Verdict::NotCompetent(office("tax"))),
            "decided a, ended not-competent",
        )
        .refuses(appeal("331102-2025-000009"), "not-appealable");
}

#[test]
fn an_appeal_is_judged_by_what_the_case_was_judged_by() {
    let original = rejected().state;
    let appealed = |change: fn(&mut Registration)| {
        let mut appeal = registration(vec![accept("a", &[])], &[]);
        appeal.id = "331102-2025-000009".into();
        appeal.appeal_of = Some(original.id.clone());
        change(&mut appeal);
        let judged = original.may_be_appealed_by(&appeal);
        judged.map_err(|refusal| refusal.code)
    };
    assert_eq!(appealed(|_| {}), Ok(()));
    let changes: [fn(&mut Registration); 6] = [
        |appeal| appeal.appeal_of = None,
        |appeal| appeal.id = "331102-2025-000001".into(),
        |appeal| appeal.digest.push('1'),
        |appeal| appeal.matter.push('1'),
        |appeal| appeal.legal_date = "2026-01-01".into(),
        |appeal| appeal.round.submission.subject.identifier.push('1'),
    ];
    for change in changes {
        assert_eq!(appealed(change), Err("another-matter".to_owned()));
    }
    let mut state = original.clone();
    state.status = Status::Examination;
    let open = registration(vec![], &[]);
    assert_eq!(
        state.may_be_appealed_by(&open).unwrap_err(),
        refusals::not_appealable(&Status::Examination)
    );
}

#[test]
fn a_case_that_nobody_signs_lapses() {
    let lapse = || Command::Lapse { by: "host".into() };
    let mut registration = registration(vec![accept("a", &[])], &["ended"]);
    registration.round.submission.parties = vec![party("partner"), party("manager")];
    let mut case = Case::registered(registration);
    case.refuses(
        Command::MaterialOverdue {
            code: "photo".into(),
        },
        "awaiting-signatures",
    )
    .yields(signs("partner"), "signed partner")
    .yields(lapse(), "withdrawn, ended withdrawn")
    .refuses(lapse(), "case-ended")
    .refuses(signs("manager"), "case-ended");
    let Event::Withdrawn { by, reason } = &case.history[2].event else {
        panic!()
    };
    assert_eq!((by.as_str(), reason.as_str()), ("host", "逾期未签名"));
    Case::of(vec![accept("a", &[])]).refuses(lapse(), "not-signing");
}
