//! Clocks run from acceptance and stop for what the law names; each rung rings once.

use super::*;
use crate::{ClockKind, Ladder, Level, PROCEDURES, Status, Stop, When};

const LATER: &str = "2025-01-08T09:00:00+08:00";
const LAST: &str = "2025-01-09T09:00:00+08:00";

pub(super) fn ladder() -> Ladder {
    Ladder::parse(
        r#"{"rungs": [
            {"name": "reminder", "before-days": 1, "to": "role"},
            {"name": "overdue", "after-days": 0, "to": "head"},
            {"name": "third", "after-days": 3, "to": "principal-leader"}
        ], "signing-days": 5, "repair-days": 5, "commitment-check-days": 20}"#,
    )
    .unwrap()
}

fn rings(timer: &str, rung: &str) -> Command {
    Command::Ring {
        timer: timer.into(),
        rung: rung.into(),
        to: Level::Head,
        notice: Some(Message {
            to: Recipient::Office(office("x")),
            template: "host/deadline".into(),
            values: "{}".into(),
        }),
    }
}

pub(super) fn holds(step: &str, code: &str) -> Command {
    let mut command = decides(step, Verdict::Hold);
    if let Command::Decide { decision, .. } = &mut command {
        decision.reasons = vec![finding(code)];
    }
    command
}

fn tell(case: &mut Case, at: &str, command: &Command) {
    let events = decide(Some(&case.state), at, command).unwrap();
    case.history.extend(events);
    case.state = State::from_events(&case.history).unwrap();
}

/// `step/x/1 legal 2025-01-06 -01-08..-01-09`: days suffice here.
fn clocks(state: &State) -> Vec<String> {
    let day = |at: &str| at.get(4..10).unwrap().to_owned();
    let stop = |stop: &Stop| {
        let until = stop.until.as_deref().map(day).unwrap_or_default();
        format!(" {}..{until}", day(&stop.from))
    };
    let clocks = state.clocks().into_iter().map(|clock| {
        let stops: String = clock.stopped.iter().map(stop).collect();
        let ended = clock
            .ended_at
            .as_deref()
            .map(|at| format!(" to {}", day(at)));
        let kind = match clock.kind {
            ClockKind::Legal => "legal",
            ClockKind::Promised => "promised",
        };
        format!(
            "{} {kind} {}{stops}{}",
            clock.name,
            day(&clock.started_at),
            ended.unwrap_or_default()
        )
    });
    clocks.filter(|clock| clock.contains("legal")).collect()
}

fn timers(state: &State) -> Vec<String> {
    let timers = state.timers(&ladder()).into_iter();
    timers
        .map(|timer| format!("{} {}", timer.name, timer.rung))
        .collect()
}

#[test]
fn no_clock_runs_before_acceptance() {
    let mut case = Case::of(vec![accept("a", &[]), examine("x", &[])]);
    assert!(case.state.clocks().is_empty());
    tell(
        &mut case,
        LATER,
        &decides("a", Verdict::ReturnForCorrection),
    );
    assert_eq!(case.state.status, Status::Correction);
    assert!(case.state.clocks().is_empty());
    let again = round(1, vec![accept("a", &[]), examine("x", &[])], "{}");
    tell(&mut case, LATER, &Command::Correct(again));
    assert!(case.state.clocks().is_empty());
    let mut approve = approves("a");
    if let Command::Decide { decision, .. } = &mut approve {
        decision.round = 1;
    }
    tell(&mut case, LAST, &approve);
    assert_eq!(
        clocks(&case.state),
        ["case legal -01-09", "step/x/1 legal -01-09"]
    );
    let limits: Vec<_> = case.state.clocks().into_iter().map(|c| c.limit).collect();
    let days = TimeLimit::WorkingDays;
    assert_eq!(limits, [days(20), days(5), days(15), days(2)]);
}

#[test]
fn only_what_the_law_names_stops_them() {
    for code in PROCEDURES
        .into_iter()
        .chain(["document-missing", "hearings", ""])
    {
        let mut case = Case::of(vec![examine("x", &[]), examine("y", &[])]);
        tell(&mut case, LATER, &holds("x", code));
        let named = PROCEDURES.contains(&code);
        let stops: Vec<_> = case.state.clocks().iter().map(|c| c.is_stopped()).collect();
        assert_eq!(stops, [named, named, named, named, false, false], "{code}");
        tell(&mut case, LAST, &approves("x"));
        let stop = if named { " -01-08..-01-09" } else { "" };
        assert_eq!(
            clocks(&case.state),
            [
                format!("case legal -01-06{stop}"),
                format!("step/x/1 legal -01-06{stop} to -01-09"),
                "step/y/1 legal -01-06".to_owned(),
            ],
            "{code}"
        );
    }
}

#[test]
fn a_hold_for_something_else_lets_it_go_on() {
    let mut case = Case::of(vec![examine("x", &[])]);
    tell(&mut case, LATER, &holds("x", "hearing"));
    tell(&mut case, LAST, &holds("x", "waiting"));
    let stopped = "legal -01-06 -01-08..-01-09";
    let expected = [format!("case {stopped}"), format!("step/x/1 {stopped}")];
    assert_eq!(clocks(&case.state), expected);
    tell(
        &mut case,
        LAST,
        &decides("x", Verdict::Transfer(office("z"))),
    );
    assert_eq!(clocks(&case.state), expected);
}

#[test]
fn a_step_counts_from_acceptance_and_from_its_reopening() {
    let plan = vec![examine("x", &[]), examine("y", &["x"])];
    let mut case = Case::heard(plan, &["step-decided"]);
    tell(&mut case, LATER, &holds("x", "testing"));
    tell(&mut case, LAST, &decides("x", Verdict::Approve));
    assert_eq!(
        clocks(&case.state),
        [
            "case legal -01-06 -01-08..-01-09",
            "step/x/1 legal -01-06 -01-08..-01-09 to -01-09",
            "step/y/1 legal -01-06 -01-08..-01-09",
        ]
    );
    let late = "2025-01-10T09:00:00+08:00";
    let held = case.state.next_reaction().unwrap();
    tell(&mut case, late, &reacts(held, vec![]));
    let add = reacts(
        case.state.next_reaction().unwrap(),
        vec![Directive::AddStep(examine("z", &[]))],
    );
    tell(&mut case, late, &add);
    assert_eq!(clocks(&case.state)[3], "step/z/1 legal -01-10");
    tell(&mut case, late, &decides("y", Verdict::Reject));
    let to = case.state.next_reaction().unwrap();
    tell(
        &mut case,
        late,
        &reacts(to, vec![Directive::ReopenStep("y".into())]),
    );
    assert_eq!(clocks(&case.state)[2], "step/y/2 legal -01-10");
}

#[test]
fn rungs_hang_on_what_runs() {
    let plan = vec![
        accept("a", &[]),
        notice(examine("x", &[])),
        examine("y", &["x"]),
    ];
    let mut case = Case::of(plan);
    let (over, material) = (
        "material/photo/2025-01-10 over",
        "material/photo/2025-01-10 overdue",
    );
    let acceptance = ["reminder", "overdue", "third"].map(|rung| format!("acceptance/a/1 {rung}"));
    assert_eq!(
        timers(&case.state),
        [&acceptance[..], &[over.into(), material.into()]].concat()
    );
    tell(&mut case, AT, &approves("a"));
    let all = timers(&case.state);
    assert_eq!(all.len(), 4 * 3 + 3);
    for expected in [
        "clock/case/legal reminder",
        "clock/case/promised third",
        "clock/step/x/1/promised overdue",
        "notice/x over",
        material,
    ] {
        assert!(all.iter().any(|timer| timer == expected), "{expected}");
    }
    let at = |name: &str| {
        let mut timers = case.state.timers(&ladder()).into_iter();
        timers.find(|timer| timer.name == name).unwrap().at
    };
    assert_eq!(
        at("material/photo/2025-01-10"),
        When::DayOver("2025-01-10".into())
    );
    assert!(matches!(
        at("clock/case/legal"),
        When::Limit { shift_days: -1, .. }
    ));
    tell(&mut case, AT, &Command::NoticeOver { step: "x".into() });
    tell(&mut case, AT, &holds("y", "auction"));
    assert_eq!(
        timers(&case.state),
        [over, material],
        "what is stopped does not ring"
    );
    case.refuses(rings("clock/case/legal", "overdue"), "not-due");
    let withdraw = Command::Withdraw {
        by: "clerk-7".into(),
        reason: String::new(),
    };
    tell(&mut case, AT, &withdraw);
    assert!(timers(&case.state).is_empty());
    case.refuses(rings("material/photo/2025-01-10", "overdue"), "not-due");
}

#[test]
fn a_rung_rings_once_and_the_bundle_does_not_hear() {
    let mut case = Case::heard(vec![examine("x", &[])], &["settled"]);
    let timer = "clock/step/x/1/legal";
    case.yields(rings(timer, "overdue"), "rang clock/step/x/1/legal overdue")
        .refuses(rings(timer, "overdue"), "not-due")
        .refuses(rings("clock/step/x/2/legal", "overdue"), "not-due")
        .refuses(rings("clock/step/z/1/legal", "overdue"), "not-due");
    assert!(!timers(&case.state).contains(&format!("{timer} overdue")));
    let rang = case.state.rung(timer).unwrap();
    assert_eq!((rang.rung.as_str(), rang.to), ("overdue", Level::Head));
    let ticket = format!("{}-{}-t", case.state.id, case.state.last_event);
    assert_eq!(case.state.effects[0].intent.ticket, ticket);
    assert!(case.state.view().effects.is_empty());
    case.yields(
        life::settles(&ticket, Ok("{}".into())),
        &format!("effect-settled {ticket}"),
    );
    assert_eq!(case.state.next_reaction(), None);
}

#[test]
fn nobody_is_reminded_of_what_is_over() {
    let timer = "clock/step/x/1/legal";
    let all = ["reminder", "overdue", "third"];
    for (rang, left) in [
        (&[][..], &all[..]),
        (&["reminder"], &all[1..]),
        (&["overdue"], &all[2..]),
        (&["third"], &[]),
        (&["reminder", "third"], &[]),
    ] {
        let mut case = Case::of(vec![examine("x", &[])]);
        for rung in rang {
            tell(&mut case, AT, &rings(timer, rung));
        }
        let expected: Vec<_> = left.iter().map(|rung| format!("{timer} {rung}")).collect();
        let mut found = timers(&case.state);
        found.retain(|row| row.starts_with(timer));
        assert_eq!(found, expected, "{rang:?}");
    }
}

#[test]
fn a_material_that_is_promised_anew_rings_anew() {
    let mut case = Case::of(vec![accept("a", &[])]);
    let (first, second) = ("material/photo/2025-01-10", "material/photo/2025-01-20");
    let late = "2025-01-11T09:00:00+08:00";
    let code = "photo".to_owned();
    tell(&mut case, late, &Command::MaterialOverdue { code });
    tell(&mut case, late, &rings(first, "overdue"));
    tell(&mut case, late, &decides("a", Verdict::ReturnForCorrection));
    let mut next = round(1, vec![accept("a", &[])], "{}");
    next.submission.materials[1].status = MaterialStatus::Promised("2025-01-20".into());
    tell(&mut case, late, &Command::Correct(next));
    let mut found = timers(&case.state);
    found.retain(|row| row.starts_with("material/"));
    assert_eq!(
        found,
        [format!("{second} over"), format!("{second} overdue")]
    );
    tell(&mut case, late, &rings(second, "overdue"));
    assert_eq!(case.state.rung(second).unwrap().rung, "overdue");
}

#[test]
fn a_ladder_says_one_side_of_each_rung() {
    let json = |rungs: &str| {
        format!(
            r#"{{"rungs": [{rungs}], "signing-days": 1, "repair-days": 1, "commitment-check-days": 1}}"#
        )
    };
    let rung = |days: &str| format!(r#"{{"name": "a", {days}"to": "role"}}"#);
    let good = rung(r#""after-days": 1, "#);
    for (rungs, says) in [
        (good.clone(), None),
        (format!("{good}, {good}"), Some("twice")),
        (rung(""), Some("before-days or after-days")),
        (
            rung(r#""after-days": 1, "before-days": 1, "#),
            Some("before-days or after-days"),
        ),
        (rung(r#""after": 1, "#), Some("unknown field")),
        (good.replace("role", "boss"), Some("unknown variant")),
    ] {
        let error = Ladder::parse(&json(&rungs)).err();
        let said = error.as_deref().unwrap_or_default();
        assert_eq!(error.is_some(), says.is_some(), "{rungs}: {said}");
        assert!(said.contains(says.unwrap_or_default()), "{rungs}: {said}");
    }
}
