//! Journals of every released version are read for ever. A life is kept as `golden/<version>/*.jsonl`,
//! an event a line, with what it comes to beside it. Those of this version are written anew by
//! `ONETHING_GOLDEN=write cargo test -p onething-case golden`; those of earlier ones never change.

use super::*;
use crate::{Status, upcast};
use onething_contract::WhenShort;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// An event as a store keeps it.
#[derive(Serialize, Deserialize)]
struct Line {
    n: u64,
    at: String,
    format: u32,
    event: Value,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

#[test]
fn the_journals_of_every_version_come_to_what_they_came_to() {
    let this_version = folder().join(env!("CARGO_PKG_VERSION"));
    if std::env::var_os("ONETHING_GOLDEN").is_some_and(|mode| mode == "write") {
        for (name, case) in lives() {
            write(&this_version, name, &case);
        }
    }
    let mut names = Vec::new();
    for path in files(&folder()) {
        let history = read(&path).unwrap();
        let state = State::from_events(&history).unwrap();
        let expected = std::fs::read_to_string(path.with_extension("state.json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        assert_eq!(summary(&state), expected, "{}", path.display());
        if path.starts_with(&this_version) {
            names.push(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
    let mut expected: Vec<_> = lives().into_iter().map(|(name, _)| name).collect();
    expected.sort_unstable();
    assert_eq!(names, expected, "every life of this version is kept");
}

/// What a newer version may have written: members that are not known here, in a format that may be
/// newer; and what cannot be read says so.
#[test]
fn a_future_journal_is_read_as_far_as_it_is_known() {
    let path = folder().join("future.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Line> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (unknown, known) = lines.split_last().unwrap();
    let history: Vec<Recorded> = known.iter().map(|line| recorded(line).unwrap()).collect();
    let state = State::from_events(&history).unwrap();
    assert_eq!(state.status, Status::Examination);
    let error = recorded(unknown).unwrap_err();
    let said = "the event of type danced is in format 2, and this binary knows formats up to 1: run a newer one";
    assert_eq!(error.to_string(), said);
}

fn recorded(line: &Line) -> Result<Recorded, upcast::UpcastError> {
    Ok(Recorded {
        n: line.n,
        at: line.at.clone(),
        event: upcast::read(line.format, &line.event.to_string())?,
    })
}

fn read(path: &Path) -> Result<Vec<Recorded>, upcast::UpcastError> {
    let text = std::fs::read_to_string(path).unwrap();
    let line = |line: &str| recorded(&serde_json::from_str(line).unwrap());
    text.lines().map(line).collect()
}

/// The journals of all versions, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let versions = entries(folder).into_iter().filter(|path| path.is_dir());
    let mut files: Vec<PathBuf> = versions
        .flat_map(|version| entries(&version))
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .collect();
    files.sort();
    files
}

fn write(folder: &Path, name: &str, case: &Case) {
    std::fs::create_dir_all(folder).unwrap();
    let line = |recorded: &Recorded| {
        let (format, body) = upcast::write(&recorded.event);
        let line = Line {
            n: recorded.n,
            at: recorded.at.clone(),
            format,
            event: serde_json::from_str(&body).unwrap(),
        };
        serde_json::to_string(&line).unwrap() + "\n"
    };
    let journal: String = case.history.iter().map(line).collect();
    std::fs::write(folder.join(format!("{name}.jsonl")), journal).unwrap();
    let state = serde_json::to_string_pretty(&summary(&case.state)).unwrap() + "\n";
    std::fs::write(folder.join(format!("{name}.state.json")), state).unwrap();
}

/// What matters of a case whatever its representation.
fn summary(state: &State) -> Value {
    let steps = state.steps.iter().map(|record| {
        json!([
            record.step.id,
            record.office(),
            record.status,
            record.task_version,
            record.decided_by
        ])
    });
    let decisions = state.decisions.iter().map(|one| {
        json!([
            one.step,
            one.round,
            one.verdict,
            one.by,
            one.on_behalf_of,
            one.at
        ])
    });
    let effects = state.effects.iter().map(|effect| {
        let outcome = match &effect.outcome {
            None => json!("pending"),
            Some(Ok(value)) => json!({ "done": value }),
            Some(Err(refusal)) => json!({ "refused": refusal.code }),
        };
        json!([effect.intent.ticket, outcome])
    });
    let reservations = state.reservations.iter().map(|held| {
        let amounts = [held.amount, held.in_transit, held.paid].map(|yuan| yuan.to_string());
        json!([held.reservation.budget, held.status, amounts])
    });
    let materials = state.submission.materials.iter();
    json!({
        "status": state.status.as_str(),
        "round": state.round(),
        "last-event": state.last_event,
        "last-at": state.last_at,
        "next-reaction": state.next_reaction(),
        "filed-at": state.submission.filed_at,
        "accepted-at": state.accepted_at,
        "ended-at": state.ended_at,
        "outcome": state.outcome,
        "parked": state.parked.as_ref().map(|parked| &parked.fault),
        "steps": steps.collect::<Vec<_>>(),
        "decisions": decisions.collect::<Vec<_>>(),
        "effects": effects.collect::<Vec<_>>(),
        "reservations": reservations.collect::<Vec<_>>(),
        "materials": materials.map(|one| json!([one.code, one.status])).collect::<Vec<_>>(),
        "overdue": state.overdue,
        "checks": state.checks.iter().map(|check| json!([check.code, check.kept])).collect::<Vec<_>>(),
        "rating": state.rating,
        "repaired": state.repair.as_ref().map(|repair| repair.done.is_some()),
        "appeal-of": state.appeal_of,
        "appeal": state.appeal.as_ref().map(|appeal| &appeal.case_id),
    })
}

fn lives() -> Vec<(&'static str, Case)> {
    vec![
        ("appeal", appeal()),
        ("completed", completed()),
        ("corrected", corrected()),
        ("parked", parked()),
        ("payroll", payroll()),
        ("rejected", rejected()),
        ("repair", repair()),
        ("signing", signing()),
        ("withdrawn", withdrawn()),
    ]
}

fn by(person: &str, command: Command) -> Command {
    let mut command = command;
    if let Command::Decide { decision, .. } = &mut command {
        decision.by = person.into();
        decision.on_behalf_of = Some("head-1".into());
    }
    command
}

/// What the bundle still has to answer, answered with this.
fn answer(case: &mut Case, directives: Vec<Directive>, intents: Vec<Intent>, expected: &str) {
    let to = case.state.next_reaction().unwrap();
    let react = Command::React {
        to,
        directives,
        intents,
    };
    case.yields(react, expected);
}

fn completed() -> Case {
    let plan = vec![
        accept("a", &[]),
        examine("x", &[]),
        effective_after(examine("y", &["x"]), "n"),
        notice(examine("n", &[])),
        automatic(examine("auto", &["y"])),
    ];
    let mut case = Case::heard(
        plan,
        &["step-decided", "material-supplied", "overdue", "other"],
    );
    case.yields(
        approves("a"),
        "decided a, accepted, step-opened x, step-opened n",
    );
    answer(
        &mut case,
        vec![Directive::Other(("dance".into(), "{}".into()))],
        vec![seal("t1", &[]), seal("t2", &["t1"])],
        "reacted, noted unknown",
    );
    let photo = || "photo".to_owned();
    case.yields(
        by("deputy-1", approves("x")),
        "decided x, step-opened y, step-effective x",
    )
    .yields_at(
        "2025-01-11T00:00:00+08:00",
        Command::MaterialOverdue { code: photo() },
        "material-overdue photo",
    )
    .yields_at(
        "2025-01-12T09:00:00+08:00",
        Command::SupplyMaterial(material("photo", MaterialStatus::Committed)),
        "material-supplied photo",
    );
    let at = "2025-01-13T09:00:00+08:00";
    case.yields_at(at, approves("y"), "decided y, step-opened auto")
        .yields_at(
            at,
            Command::Reopen {
                step: "y".into(),
                by: "reviewer-1".into(),
                by_office: office("y"),
                reason: "a slip".into(),
            },
            "reopened y, step-voided y, step-voided auto, step-opened y",
        )
        .yields_at(at, decides("y", Verdict::Hold), "decided y")
        .yields_at(
            at,
            decides("y", Verdict::SendBack("x".into())),
            "decided y, step-voided x, step-voided y, step-opened x",
        )
        .yields_at(
            at,
            decides("x", Verdict::Transfer(office("tax"))),
            "decided x",
        )
        .yields_at(
            at,
            Command::NoticeOver { step: "n".into() },
            "decided n, step-effective n",
        )
        .yields_at(
            at,
            life::settles("t1", Err(refusal("no-key"))),
            "effect-settled t1, effect-settled t2",
        );
    while case
        .state
        .next_reaction()
        .is_some_and(|to| to < case.state.last_event)
    {
        let to = case.state.next_reaction().unwrap();
        case.yields_at(at, reacts(to, vec![]), "reacted");
    }
    case.yields_at(
        at,
        Command::Decide {
            decision: decision("x", Verdict::Approve),
            by_office: office("tax"),
            task_version: Some(3),
        },
        "decided x, step-opened y, step-effective x",
    );
    let to = case.state.next_reaction().unwrap();
    case.yields_at(
        at,
        reacts(
            to,
            vec![Directive::Complete(r#"{"month": "2025-02"}"#.into())],
        ),
        "reacted, ended completed",
    );
    let check = Command::CheckCommitment {
        code: photo(),
        kept: false,
        opinion: "不符".into(),
        by: "reviewer-2".into(),
        by_office: office("y"),
    };
    case.yields_at(
        "2025-03-01T09:00:00+08:00",
        check,
        "commitment-checked photo",
    );
    case
}

fn corrected() -> Case {
    let plan = || vec![accept("a", &[]), accept("b", &[]), examine("x", &[])];
    let mut case = Case::heard(plan(), &["correction-requested", "corrected"]);
    case.yields(approves("b"), "decided b").yields(
        decides("a", Verdict::ReturnForCorrection),
        "decided a, correction-requested a",
    );
    answer(&mut case, vec![], vec![], "reacted");
    let next = round(1, vec![accept("a", &[]), accept("b", &[])], r#"{"b": 1}"#);
    case.yields(
        Command::Correct(next),
        "corrected b, step-voided a, step-voided b, step-opened a, step-opened b",
    );
    answer(
        &mut case,
        vec![Directive::AddStep(accept("z", &["a"]))],
        vec![],
        "reacted, step-added z",
    );
    case
}

fn rejected() -> Case {
    let mut case = Case::heard(vec![examine("x", &[])], &["step-decided", "ended"]);
    case.yields(decides("x", Verdict::Reject), "decided x");
    answer(
        &mut case,
        vec![Directive::Reject(refusal("too-young"))],
        vec![],
        "reacted, ended rejected",
    );
    case
}

fn appeal() -> Case {
    let mut registration = registration(vec![examine("x", &[])], &[]);
    registration.appeal_of = Some("331102-2024-000777".into());
    let mut case = Case::registered(registration);
    case.state = State::from_events(&case.history).unwrap();
    case.yields(
        Command::Withdraw {
            by: "clerk-7".into(),
            reason: "settled".into(),
        },
        "withdrawn, ended withdrawn",
    );
    case
}

fn parked() -> Case {
    let mut case = Case::heard(vec![examine("x", &[])], &["registered", "accepted"]);
    let park = |to| Command::Park {
        to,
        function: "respond".into(),
        fault: "trapped".into(),
        detail: "unreachable".into(),
    };
    let resume = Command::Resume {
        by: "operator-1".into(),
    };
    case.yields(park(1), "parked").yields(resume, "resumed");
    answer(&mut case, vec![], vec![], "reacted");
    case.yields(park(2), "parked");
    case
}

fn payroll() -> Case {
    let mut registration = registration(
        vec![examine("x", &[])],
        &["registered", "settled", "reserved"],
    );
    registration.round.assessment.reservations = vec![
        reservation("one", "10.00", WhenShort::Refuse),
        reservation("two", "5.00", WhenShort::Wait),
    ];
    let mut case = Case::registered(registration);
    case.yields(
        Command::Reserve {
            budget: "two".into(),
        },
        "reserved two",
    );
    answer(
        &mut case,
        vec![],
        vec![pay("t1", "one", &["6.00", "3.00"]), release("t2", "two")],
        "reacted",
    );
    case.yields(answers("t1", "l1 paid, l2 returned"), "effect-settled t1");
    case
}

fn repair() -> Case {
    let mut case = afterwards::completed();
    case.yields(
        Command::Rate {
            score: 1,
            by: "clerk-7".into(),
            comment: Some("太慢".into()),
        },
        "rated, repair-opened",
    )
    .yields(
        Command::Repair {
            by: "reviewer-1".into(),
            by_office: office("x"),
            text: "已致电说明".into(),
        },
        "repaired",
    )
    .yields(
        Command::Appeal {
            case_id: "331102-2025-000009".into(),
            by: "clerk-7".into(),
        },
        "appealed 331102-2025-000009",
    );
    case
}

fn signing() -> Case {
    let plan = vec![notice(accept("a", &[])), examine("x", &[])];
    let mut registration = registration(plan, &["registered"]);
    registration.round.submission.parties = vec![party("partner"), party("manager")];
    let mut case = Case::registered(registration);
    let unsign = Command::Unsign {
        subject: party("partner").subject,
        role: "partner".into(),
        by: "clerk-7".into(),
        reason: "a slip".into(),
    };
    let object = Command::Object {
        step: "a".into(),
        by: "citizen-1".into(),
        text: "no".into(),
    };
    let later = "2025-01-08T16:00:00+08:00";
    case.yields(signs("partner"), "signed partner")
        .yields(unsign, "signature-revoked partner")
        .yields(signs("manager"), "signed manager")
        .yields_at(
            later,
            signs("partner"),
            "signed partner, filed, step-opened a",
        )
        .yields_at(later, object, "objected a");
    case
}

fn withdrawn() -> Case {
    let mut registration = registration(vec![accept("a", &[])], &["ended"]);
    registration.round.submission.parties = vec![party("partner")];
    let mut case = Case::registered(registration);
    case.yields(
        Command::Lapse { by: "host".into() },
        "withdrawn, ended withdrawn",
    );
    case
}
