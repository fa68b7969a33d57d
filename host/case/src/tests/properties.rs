//! Whatever is asked of a case, in whatever order, some things always hold.

use super::*;
use crate::{COMMITMENT_TIMER, Level, PROCEDURES, REPAIR_TIMER, Status};
use onething_contract::WhenShort::{Refuse, Wait};
use proptest::prelude::*;
use rust_decimal::Decimal;
use std::collections::HashSet;

/// How many [`plans`] there are.
const PLANS: usize = 6;

fn plans() -> Vec<Vec<Step>> {
    vec![
        vec![],
        vec![
            accept("a", &[]),
            accept("b", &["a"]),
            examine("x", &[]),
            examine("y", &["x"]),
        ],
        vec![
            accept("a", &[]),
            automatic(accept("b", &[])),
            examine("x", &["a"]),
            effective_after(examine("y", &[]), "x"),
        ],
        vec![
            examine("x", &[]),
            automatic(examine("y", &["x"])),
            effective_after(examine("a", &["x"]), "y"),
            examine("b", &["y", "a"]),
        ],
        vec![
            notice(accept("a", &[])),
            examine("x", &[]),
            notice(examine("y", &["x"])),
        ],
        // One office, four eyes.
        [
            accept("a", &[]),
            accept("b", &["a"]),
            effective_after(examine("x", &[]), "y"),
            examine("y", &["x"]),
        ]
        .map(|step| Step {
            office: office("fund"),
            ..step
        })
        .to_vec(),
    ]
}

/// The answers, parties and reservations of a round that may be any.
fn filed(number: u32, plan: usize, changed: &str, parties: usize, amounts: (u8, u8)) -> Box<Round> {
    let mut round = round(
        number,
        plans().swap_remove(plan),
        &format!(r#"{{"{changed}": 1}}"#),
    );
    round.submission.parties = ["a", "b"].map(party)[..parties].to_vec();
    round.assessment.reservations = [("one", amounts.0, Refuse), ("two", amounts.1, Wait)]
        .into_iter()
        .filter(|(_, amount, _)| *amount > 0)
        .map(|(budget, amount, when_short)| {
            reservation(budget, &format!("{amount}.00"), when_short)
        })
        .collect();
    round
}

fn a_round() -> impl Strategy<Value = Box<Round>> {
    let amounts = (0..9u8, 0..9u8);
    (0..PLANS, step_id(), 0..3usize, amounts)
        .prop_map(|(plan, changed, parties, amounts)| filed(0, plan, &changed, parties, amounts))
}

fn budget() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["one", "two", "three"]).prop_map(str::to_owned)
}

fn intent() -> impl Strategy<Value = Intent> {
    prop_oneof![
        2 => (ticket(), prop::option::of(ticket())).prop_map(|(ticket, after)| {
            let after: Vec<&str> = after.iter().map(String::as_str).collect();
            seal(&ticket, &after)
        }),
        3 => (ticket(), budget(), 1..5u8).prop_map(|(ticket, budget, amount)| {
            pay(&ticket, &budget, &[&format!("{amount}.50"), "0.50"])
        }),
        1 => (ticket(), budget()).prop_map(|(ticket, budget)| release(&ticket, &budget)),
    ]
}

/// What the host may report of any effect.
fn settlement() -> impl Strategy<Value = Command> {
    let well = || answers("", "l1 paid, l2 returned");
    prop_oneof![Just(well()), Just(life::settles("", Err(refusal("no"))))]
        .prop_flat_map(|command| ticket().prop_map(move |name| named(command.clone(), name)))
}

fn named(mut command: Command, name: String) -> Command {
    if let Command::Settle(settlement) = &mut command {
        settlement.ticket = name;
    }
    command
}

fn step_id() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "x", "y", "z"]).prop_map(str::to_owned)
}

fn person() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["ann", "bob", "cy"]).prop_map(str::to_owned)
}

fn code() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["photo", "id-card", "form-b"]).prop_map(str::to_owned)
}

/// Machines whose clocks differ, and days that pass.
fn time() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        8 => Just(AT),
        1 => Just("2025-01-06T08:59:30+08:00"),
        1 => Just("2025-01-06T02:00:00Z"),
        1 => Just("2025-01-12T09:00:00+08:00"),
    ]
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        6 => Just(Verdict::Approve),
        1 => Just(Verdict::NoObjection),
        1 => Just(Verdict::Reject),
        3 => Just(Verdict::ReturnForCorrection),
        1 => Just(Verdict::Hold),
        1 => Just(Verdict::NotCompetent(office("x"))),
        2 => step_id().prop_map(Verdict::SendBack),
        1 => step_id().prop_map(|step| Verdict::Transfer(office(&step))),
    ]
}

fn directive() -> impl Strategy<Value = Directive> {
    prop_oneof![
        4 => (step_id(), verdict()).prop_map(|(step, verdict)| Directive::Decide(decision(&step, verdict))),
        2 => (step_id(), any::<bool>()).prop_map(|(after, early)| {
            Directive::AddStep(if early { accept("z", &[&after]) } else { examine("z", &[&after]) })
        }),
        2 => step_id().prop_map(Directive::ReopenStep),
        1 => Just(Directive::ReturnForCorrection(vec![finding("why")])),
        1 => Just(Directive::Complete("{}".into())),
        1 => Just(Directive::Reject(refusal("no"))),
        1 => Just(Directive::NotCompetent(office("x"))),
        1 => Just(Directive::Other(("dance".into(), "{}".into()))),
    ]
}

fn ticket() -> impl Strategy<Value = String> {
    (1..5u8).prop_map(|n| format!("t{n}"))
}

/// Commands as they may come from outside: rounds, turns and offices are corrected by [`aimed`].
fn command() -> impl Strategy<Value = Command> {
    let react = (
        prop::collection::vec(directive(), 0..3),
        prop::collection::vec(intent(), 0..2),
    );
    prop_oneof![
        8 => (step_id(), verdict(), person(), prop::option::weighted(0.2, person()))
            .prop_map(|(step, verdict, by, on_behalf_of)| {
                let decision = Decision { by, on_behalf_of, ..decision(&step, verdict) };
                Command::Decide { decision, by_office: office(&step), task_version: None }
            }),
        2 => (step_id(), person()).prop_map(|(step, by)| Command::Reopen {
            by_office: office(&step), step, by, reason: "a slip".into(),
        }),
        1 => code().prop_map(|code| Command::MaterialOverdue { code }),
        1 => Just(Command::Lapse { by: "host".into() }),
        1 => (step_id(), person()).prop_map(|(step, by)| Command::Repair {
            by, by_office: office(&step), text: "talked".into(),
        }),
        1 => (code(), step_id(), any::<bool>()).prop_map(|(code, step, kept)| Command::CheckCommitment {
            code, kept, opinion: "seen".into(), by: "reviewer-1".into(), by_office: office(&step),
        }),
        1 => step_id().prop_map(|case_id| Command::Appeal { case_id, by: "clerk-7".into() }),
        2 => (step_id(), prop::sample::select(vec!["hearing", "late"])).prop_map(|(step, code)| super::clocks::holds(&step, code)),
        3 => a_round().prop_map(Command::Correct),
        4 => step_id().prop_map(|role| signs(&role)),
        1 => step_id().prop_map(|role| Command::Unsign {
            subject: party(&role).subject, role, by: "clerk-7".into(), reason: String::new(),
        }),
        1 => step_id().prop_map(|step| Command::Object { step, by: "citizen-1".into(), text: "no".into() }),
        2 => step_id().prop_map(|step| Command::NoticeOver { step }),
        3 => budget().prop_map(|budget| Command::Reserve { budget }),
        1 => Just(Command::Withdraw { by: "clerk-7".into(), reason: String::new() }),
        1 => Just(Command::SupplyMaterial(material("photo", MaterialStatus::Committed))),
        8 => react.prop_map(|(directives, intents)| Command::React {
            to: 0,
            directives,
            intents,
        }),
        1 => Just(Command::Park { to: 0, function: "respond".into(), fault: "trapped".into(), detail: String::new() }),
        1 => Just(Command::Resume { by: "operator-1".into() }),
        2 => settlement(),
        4 => (0..4usize, prop::sample::select(vec!["reminder", "overdue"])).prop_map(|(index, rung)| Command::Ring {
            timer: index.to_string(), rung: rung.into(), to: Level::Head, notice: None,
        }),
        1 => (0..7u8).prop_map(|score| Command::Rate { score, by: "clerk-7".into(), comment: None }),
    ]
}

/// The same command, with the numbers that make it likely to go through.
fn aimed(mut command: Command, state: &State) -> Command {
    let now = |decision: &mut Decision| decision.round = state.round();
    match &mut command {
        Command::Decide {
            decision,
            by_office,
            ..
        } => {
            now(decision);
            if let Some(record) = state.step(&decision.step) {
                *by_office = record.office().clone();
            }
        }
        Command::Reopen {
            step, by_office, ..
        } => {
            if let Some(record) = state.step(step) {
                *by_office = record.office().clone();
            }
        }
        Command::Repair { by_office, .. } | Command::CheckCommitment { by_office, .. } => {
            if let Some(lead) = state.plan().find(|record| record.step.lead) {
                *by_office = lead.office().clone();
            }
        }
        Command::Correct(round) => round.submission.round = state.round() + 1,
        Command::Sign { round, .. } => *round = state.round(),
        Command::React { to, directives, .. } => {
            *to = state.next_reaction().unwrap_or(0);
            for directive in directives {
                if let Directive::Decide(decision) = directive {
                    now(decision);
                }
            }
        }
        Command::Ring { timer, .. } => {
            let timers = state.timers(&super::clocks::ladder());
            let index: usize = timer.parse().unwrap_or_default();
            if let Some(running) = timers.get(index * timers.len() / 4) {
                timer.clone_from(&running.name);
            }
        }
        Command::Park { to, .. } => *to = state.next_reaction().unwrap_or(0),
        _ => {}
    }
    command
}

fn holds(state: &State, before: &State) {
    let decided: HashSet<&str> = state.decisions.iter().map(|d| d.step.as_str()).collect();
    assert_eq!(
        decided.len(),
        state.decisions.len(),
        "one standing decision a step"
    );
    for record in &state.steps {
        let id = record.step.id.as_str();
        let stands = decided.contains(id);
        match record.status {
            StepStatus::Waiting | StepStatus::Gone | StepStatus::Open => assert!(!stands, "{id}"),
            StepStatus::Held | StepStatus::Decided => assert!(stands, "{id}"),
            StepStatus::Effective => assert!(state.is_approved(id), "{id}"),
        }
        let opened = !matches!(record.status, StepStatus::Waiting | StepStatus::Gone);
        assert!(!opened || record.task_version > 0, "{id}");
        if record.step.phase == Phase::Examination && opened {
            assert!(state.accepted_at.is_some(), "{id} before acceptance");
        }
    }
    if matches!(before.status, Status::Ended(_)) {
        assert_eq!(state.status, before.status, "the end is the end");
        assert_eq!(state.steps, before.steps);
        assert_eq!(state.decisions, before.decisions);
    }
    if matches!(state.status, Status::Acceptance | Status::Examination) {
        assert_eq!(state.unsigned().next(), None, "everybody has signed");
    }
    for record in &state.reservations {
        let held = record.in_transit + record.paid;
        assert!(held <= record.amount, "{record:?}");
        assert!(record.reserved() >= Decimal::ZERO && record.in_transit >= Decimal::ZERO);
        let budget = &record.reservation.budget;
        let earlier = before.reservation(budget);
        let paid = earlier.map_or(Decimal::ZERO, |earlier| earlier.paid);
        assert!(record.paid >= paid, "what is paid is paid");
        if let Some(Status::Ended(_)) = earlier.map(|_| &before.status) {
            assert_eq!(record.amount, earlier.unwrap().amount);
        }
    }
    clocks_hold(state);
    if state.status == Status::Acceptance {
        let open = |record: &crate::StepRecord| record.is_open();
        assert!(state.plan().any(open), "somebody can go on");
    }
    let last = |state: &State| chrono::DateTime::parse_from_rfc3339(&state.last_at).unwrap();
    assert!(last(state) >= last(before), "time runs on");
    assert!(state.overdue.iter().all(|code| code == "photo"));
    let afterwards = state.repair.is_some() || !state.checks.is_empty() || state.appeal.is_some();
    assert!(!afterwards || matches!(state.status, Status::Ended(_)));
    assert_eq!(
        state.repair.is_some(),
        state.rating.is_some_and(|score| score <= 2)
    );
    assert!(state.checks.len() <= 1, "one commitment, one check");
    assert!(before.accepted_at.is_none() || state.accepted_at == before.accepted_at);
    assert!(state.round() == before.round() || state.round() == before.round() + 1);
}

/// Whoever decides for an office has not decided the step before or after it there, nor have those
/// for whom they do, in the whole history.
fn four_eyes(history: &[Recorded], before: &State, decided: &Decision) {
    let record = before.step(&decided.step).unwrap();
    let follows = |one: &Step, other: &Step| other.after.contains(&one.id);
    let neighbours: Vec<&str> = before
        .plan()
        .filter(|other| other.office() == record.office())
        .filter(|other| other.step.phase == record.step.phase)
        .map(|other| &other.step)
        .filter(|other| follows(&record.step, other) || follows(other, &record.step))
        .map(|other| other.id.as_str())
        .collect();
    let persons = |decision: &Decision| [Some(decision.by.clone()), decision.on_behalf_of.clone()];
    let mine = persons(decided);
    for recorded in history.iter().rev() {
        match &recorded.event {
            Event::Decided {
                decision,
                by_office: Some(_),
            } if neighbours.contains(&decision.step.as_str()) => {
                for person in persons(decision).into_iter().flatten() {
                    assert!(
                        !mine.contains(&Some(person)),
                        "{decided:?} after {decision:?}"
                    );
                }
            }
            // What a correction takes out of the plan is another step when it comes back.
            Event::Corrected { .. } => return,
            _ => {}
        }
    }
}

fn clocks_hold(state: &State) {
    let clocks = state.clocks();
    assert!(
        state.accepted_at.is_some() || clocks.is_empty(),
        "{clocks:?}"
    );
    let held = |step: &crate::StepRecord| {
        let standing = state.standing(&step.step.id);
        let reason = standing.and_then(|decision| decision.reasons.first());
        step.status == StepStatus::Held
            && reason.is_some_and(|reason| PROCEDURES.contains(&reason.code.as_str()))
    };
    let ended = matches!(state.status, Status::Ended(_));
    for clock in &clocks {
        let stopped = match &clock.step {
            Some(step) => state.step(step).is_some_and(held),
            None => state.plan().any(held),
        };
        assert_eq!(clock.is_stopped(), stopped && !ended, "{clock:?}");
        assert!(clock.ended_at.is_some() || !ended, "{clock:?}");
    }
    let rung: HashSet<_> = state.rang.iter().map(|r| (&r.timer, &r.rung)).collect();
    assert_eq!(rung.len(), state.rang.len(), "a rung rings once");
    for timer in state.timers(&super::clocks::ladder()) {
        let afterwards = timer.name == REPAIR_TIMER || timer.name.starts_with(COMMITMENT_TIMER);
        assert_eq!(afterwards, ended, "{timer:?}");
        assert!(!rung.contains(&(&timer.name, &timer.rung)), "{timer:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_commands_keeps_the_case_whole(
        first in a_round(),
        commands in prop::collection::vec((command(), prop::bool::weighted(0.9), time()), 1..60),
    ) {
        let mut registration = registration(vec![], &ALL);
        registration.round = *first;
        let mut case = Case::registered(registration);
        for (command, aim, at) in commands {
            let command = if aim { aimed(command, &case.state) } else { command };
            let Ok(events) = decide(Some(&case.state), at, &command) else { continue };
            prop_assert!(!events.is_empty());
            if let Command::Decide { decision, .. } = &command {
                four_eyes(&case.history, &case.state, decision);
            }

            let mut state = case.state.clone();
            for recorded in &events {
                let json = serde_json::to_string(recorded).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Recorded>(&json).unwrap(), recorded);
                let (format, body) = crate::upcast::write(&recorded.event);
                prop_assert_eq!(&crate::upcast::read(format, &body).unwrap(), &recorded.event);
                state = State::evolve(Some(state), recorded).unwrap();
            }
            case.history.extend(events);
            prop_assert_eq!(&State::from_events(&case.history).unwrap(), &state);
            holds(&state, &case.state);
            case.state = state;
        }
    }
}
