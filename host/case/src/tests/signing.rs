//! Parties sign one by one; nothing goes on before all have.

use super::*;
use crate::Status;

fn unsigned(mut round: Box<Round>) -> Box<Round> {
    round.submission.parties = vec![party("partner"), party("manager")];
    round
}

fn signing() -> Case {
    let mut registration = registration(
        vec![accept("a", &[]), examine("x", &[])],
        &["registered", "corrected"],
    );
    registration.round = *unsigned(Box::new(registration.round.clone()));
    Case::registered(registration)
}

fn revokes(role: &str) -> Command {
    Command::Unsign {
        subject: party(role).subject,
        role: role.to_owned(),
        by: "clerk-7".into(),
        reason: "the shares are wrong".into(),
    }
}

#[test]
fn the_last_signature_files_the_case() {
    let later = "2025-01-08T16:00:00+08:00";
    let mut case = signing();
    assert_eq!(case.briefs(), "registered");
    assert_eq!(case.state.status.as_str(), "signing");
    assert_eq!(case.state.next_reaction(), None);
    case.refuses(approves("a"), "awaiting-signatures")
        .yields(signs("manager"), "signed manager");
    assert_eq!(case.state.unsigned().next(), Some(&party("partner")));

    let filed = decide(Some(&case.state), later, &signs("partner")).unwrap();
    assert_eq!(brief(&filed), "signed partner, filed, step-opened a");
    let Event::Signed { answers, .. } = &filed[0].event else {
        panic!()
    };
    let of_empty_object = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(answers, of_empty_object);
    let state = case.state.clone().after(&filed).unwrap();
    assert_eq!(state.submission.filed_at, later);
    assert_eq!(
        state.next_reaction(),
        Some(4),
        "registered is heard of when filed"
    );
    assert_eq!(
        filed[1].heard(&state.hears),
        Some(onething_contract::Event::Registered)
    );
}

#[test]
fn who_signs_what_and_when() {
    let mut other_role = signs("partner");
    let Command::Sign { role, .. } = &mut other_role else {
        panic!()
    };
    *role = "manager".into();
    let mut unseen = signs("partner");
    let Command::Sign { round, .. } = &mut unseen else {
        panic!()
    };
    *round = 1;
    signing()
        .refuses(signs("stranger"), "not-a-party")
        .refuses(other_role, "not-a-party")
        .refuses(unseen, "stale-round")
        .refuses(revokes("partner"), "not-signed")
        .yields(signs("partner"), "signed partner")
        .refuses(signs("partner"), "already-signed")
        .yields(revokes("partner"), "signature-revoked partner")
        .yields(signs("manager"), "signed manager")
        .yields(signs("partner"), "signed partner, filed, step-opened a")
        .refuses(signs("partner"), "nothing-to-sign")
        .refuses(revokes("partner"), "nothing-to-sign");
    signing()
        .yields(
            Command::Withdraw {
                by: "clerk-7".into(),
                reason: "a partner will not sign".into(),
            },
            "withdrawn, ended withdrawn",
        )
        .refuses(signs("partner"), "case-ended");
    Case::of(vec![accept("a", &[])]).refuses(signs("partner"), "not-a-party");
}

#[test]
fn a_correction_is_signed_anew_and_moves_no_filing_day() {
    let mut case = signing();
    case.yields(signs("partner"), "signed partner")
        .yields(signs("manager"), "signed manager, filed, step-opened a");
    let to = case.state.next_reaction().unwrap();
    case.yields(reacts(to, vec![]), "reacted").yields(
        decides("a", Verdict::ReturnForCorrection),
        "decided a, correction-requested a",
    );
    let plan = vec![accept("a", &[]), examine("x", &[])];
    let next = unsigned(round(1, plan, "{}"));
    case.yields(Command::Correct(next), "corrected, step-voided a")
        .refuses(signs("partner"), "stale-round");
    let sign = |role: &str| Command::Sign {
        subject: party(role).subject,
        role: role.to_owned(),
        round: 1,
        by: "clerk-7".into(),
    };
    let later = "2025-02-01T09:00:00+08:00";
    case.yields(sign("partner"), "signed partner");
    assert_eq!(case.state.next_reaction(), None);
    let filed = decide(Some(&case.state), later, &sign("manager")).unwrap();
    assert_eq!(brief(&filed), "signed manager, filed, step-opened a");
    let state = case.state.clone().after(&filed).unwrap();
    assert_eq!(state.submission.filed_at, AT);
    assert_eq!(state.status, Status::Acceptance);
    assert_eq!(
        filed[1].heard(&state.hears),
        Some(onething_contract::Event::Corrected)
    );
}

#[test]
fn an_open_step_rests_while_a_correction_is_signed() {
    let plan = || vec![accept("a", &[]), accept("b", &[])];
    let mut case = Case::heard(plan(), &["registered"]);
    case.yields(
        reacts(
            1,
            vec![Directive::ReturnForCorrection(vec![finding("why")])],
        ),
        "reacted, correction-requested",
    )
    .yields(
        Command::Correct(unsigned(round(1, plan(), "{}"))),
        "corrected",
    );
    assert_eq!(case.state.tasks().count(), 0);
    let mut approve = decision("b", Verdict::Approve);
    approve.round = 1;
    case.refuses(
        Command::Decide {
            decision: approve,
            by_office: office("b"),
            task_version: None,
        },
        "awaiting-signatures",
    );
}
