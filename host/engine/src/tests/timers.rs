//! Timers over a store: when they are due, what they do, and who decides and is told.

use super::*;
use crate::timers::{ClockState, Due, rows};
use onething_capabilities::LiveDirectory;
use onething_case::{ClockKind, Ladder, Limits};
use onething_contract::Recipient;

const ID: &str = "331102-2026-000001";
const TIMER: &str = "clock/step/check/1/legal";
const DIRECTORY: &str = r#"
[[office]]
function = "commerce"
region = "331100"
name = "市商务局"
since = 2024-01-01
covers = ["3311"]

[[person]]
name = "王五"
office = { function = "commerce", region = "331100" }
roles = ["reviewer"]
since = 2024-01-01

[[person]]
name = "钱局长"
office = { function = "commerce", region = "331100" }
roles = ["head"]
since = 2024-01-01
"#;

/// Accepted at once: one office examines.
fn examined() -> Registration {
    let mut case = registration(ID, None);
    case.limits = Some(Limits {
        legal: TimeLimit::WorkingDays(20),
        promised: TimeLimit::WorkingDays(0),
    });
    case.round.plan[0].phase = Phase::Examination;
    case
}

fn state(registration: Registration, registered_at: &str) -> State {
    let register = Command::Register(Box::new(registration));
    State::from_events(&decide(None, registered_at, &register).unwrap()).unwrap()
}

fn parameters() -> Published {
    Published::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../parameters")).unwrap()
}

/// `<name> <rung> <when, in China>`.
fn told(rows: &[onething_store::TimerRow]) -> Vec<String> {
    let china = at(AT).timezone();
    let rows = rows.iter().map(|row| {
        let due = row.due.map(|due| {
            let due = DateTime::from_timestamp_millis(due).unwrap();
            due.with_timezone(&china).format("%m-%d %H:%M").to_string()
        });
        let due = due.unwrap_or_else(|| "?".to_owned());
        format!("{} {} {due}", row.name, row.rung)
    });
    rows.collect()
}

#[test]
fn every_rung_has_its_time() {
    let parameters = parameters();
    let mut case = examined();
    case.round.submission.materials = vec![onething_contract::Material {
        code: "photo".into(),
        status: onething_contract::MaterialStatus::Promised("2026-05-20".into()),
    }];
    let rows = rows(&state(case, AT), &parameters.current());
    assert_eq!(
        told(&rows),
        [
            "clock/case/legal reminder 05-30 00:00",
            "clock/case/legal overdue 06-02 00:00",
            "clock/case/legal overdue-1 06-03 00:00",
            "clock/case/legal overdue-3 06-05 00:00",
            // 即办: a reminder would come before it began.
            "clock/case/promised overdue 05-01 00:00",
            "clock/case/promised overdue-1 05-07 00:00",
            "clock/case/promised overdue-3 05-09 00:00",
            "clock/step/check/1/legal reminder 05-10 00:00",
            "clock/step/check/1/legal overdue 05-12 00:00",
            "clock/step/check/1/legal overdue-1 05-13 00:00",
            "clock/step/check/1/legal overdue-3 05-15 00:00",
            "clock/step/check/1/promised reminder 05-01 00:00",
            "clock/step/check/1/promised overdue 05-07 00:00",
            "clock/step/check/1/promised overdue-1 05-08 00:00",
            "clock/step/check/1/promised overdue-3 05-10 00:00",
            "material/photo/2026-05-20 over 05-21 00:00",
            "material/photo/2026-05-20 overdue 05-21 00:00",
        ]
    );
}

#[test]
fn over_the_years_end_a_timer_waits_for_its_calendar() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../parameters");
    let calendar = "working-calendar.toml";
    fs::copy(shipped.join(calendar), folder.path().join(calendar)).unwrap();
    let state = state(examined(), "2026-12-28T09:00:00+08:00");
    let overdue = || {
        let published = Published::open(folder.path()).unwrap();
        let rows = rows(&state, &published.current());
        let told = told(&rows).into_iter();
        let mut overdue = told.filter(|row| row.starts_with("clock/step/check/1/legal overdue "));
        overdue.next().unwrap()
    };
    assert_eq!(overdue(), "clock/step/check/1/legal overdue ?");
    let next = "\n[[value]]\nsince = 2027-01-01\nuntil = 2028-01-01\nsource = \"示例\"\nillustrative = true\nvalue = { off = [\"2027-01-01\"], worked = [] }\n";
    let known = fs::read_to_string(folder.path().join(calendar)).unwrap();
    fs::write(folder.path().join(calendar), known + next).unwrap();
    assert_eq!(overdue(), "clock/step/check/1/legal overdue 01-06 00:00");
}

#[test]
fn the_shipped_ladder_is_the_default() {
    let parameters = parameters().current();
    let published = parameters.in_force("escalation", "2026-01-01".parse().unwrap(), REGION);
    let ladder = Ladder::parse(&published.unwrap().value).unwrap();
    assert_eq!(ladder, Ladder::default());
}

#[tokio::test]
async fn a_timer_rings_once_and_tells_the_office() {
    let host = Host::new().await;
    host.register(examined()).await.unwrap();
    let engine = &host.engine;
    let (early, late) = (
        at("2026-05-11T23:59:59+08:00"),
        at("2026-05-12T00:00:00+08:00"),
    );
    assert!(!engine.ring(ID, TIMER, "overdue", early).await.unwrap());
    assert!(!engine.ring(ID, TIMER, "dance", late).await.unwrap());
    assert!(
        !engine
            .ring(ID, "clock/step/check/2/legal", "overdue", late)
            .await
            .unwrap()
    );
    assert!(engine.ring(ID, TIMER, "overdue", late).await.unwrap());
    assert!(!engine.ring(ID, TIMER, "overdue", late).await.unwrap());

    let rung = engine.clocks(&host.state(ID).await);
    host.work("2026-05-12T00:00:00+08:00").await;
    let state = host.state(ID).await;
    // Every other rung that is due has rung by now; this was the first.
    let effect = state.effects.first().unwrap();
    let Effect::Notice { to, .. } = &effect.intent.effect else {
        panic!("{effect:?}")
    };
    assert!(matches!(to, Recipient::Office(office) if office.function == "commerce"));
    assert!(matches!(effect.outcome, Some(Ok(_))), "{effect:?}");
    let file = format!("outbox/{}.json", effect.intent.ticket);
    let letter = fs::read_to_string(host.folder.path().join(file)).unwrap();
    let said = "部门负责人：办件331102-2026-000001环节“审核”的法定时限已于2026-05-11 24:00届满";
    assert!(letter.contains(said), "{letter}");

    let legal =
        |clock: &&ClockState| clock.clock.step.is_some() && clock.clock.kind == ClockKind::Legal;
    let clock = rung.iter().find(legal).unwrap();
    assert_eq!(clock.due, Due::At(late));
    assert_eq!(clock.rang.as_ref().unwrap().rung, "overdue");
    let left = rows(&state, &engine.parameters.current());
    assert!(
        !told(&left)
            .iter()
            .any(|row| row.contains("legal overdue 05-12"))
    );
}

#[tokio::test]
async fn a_host_that_comes_late_rings_the_highest_rung_and_no_other() {
    let host = Host::new().await;
    host.register(examined()).await.unwrap();
    // The step's legal limit was over on the 12th, the next level's on the 13th.
    let late = "2026-05-13T00:00:00+08:00";
    assert!(
        host.engine
            .ring(ID, TIMER, "reminder", at(late))
            .await
            .unwrap()
    );
    assert_eq!(host.state(ID).await.rung(TIMER).unwrap().rung, "overdue-1");
    host.work(late).await;
    let case = host.engine.case(ID).await.unwrap();
    let rang = case.events.iter().filter_map(|event| match &event.event {
        onething_case::Event::Rang { timer, rung, .. } => Some((timer.as_str(), rung.as_str())),
        _ => None,
    });
    let rang: Vec<_> = rang.collect();
    let expected = [
        (TIMER, "overdue-1"),
        ("clock/case/promised", "overdue-3"),
        ("clock/step/check/1/promised", "overdue-3"),
    ];
    assert_eq!(rang, expected);
}

#[tokio::test]
async fn a_notice_that_is_over_and_a_material_that_has_not_come() {
    let host = Host::new().await;
    let mut case = examined();
    case.round.plan[0].mode = StepMode::PublicNotice(PublicNotice {
        text: text("公示"),
        days: 5,
    });
    case.round.submission.materials = vec![onething_contract::Material {
        code: "photo".into(),
        status: onething_contract::MaterialStatus::Promised("2026-05-02".into()),
    }];
    host.register(case).await.unwrap();
    let engine = &host.engine;
    let day = at("2026-05-03T00:00:00+08:00");
    assert!(
        engine
            .ring(ID, "material/photo/2026-05-02", "overdue", day)
            .await
            .unwrap()
    );
    assert!(!engine.ring(ID, "notice/check", "over", day).await.unwrap());
    let over = at("2026-05-12T00:00:00+08:00");
    assert!(engine.ring(ID, "notice/check", "over", over).await.unwrap());
    assert!(!engine.ring(ID, "notice/check", "over", over).await.unwrap());
    let state = host.state(ID).await;
    assert_eq!(state.step("check").unwrap().status, StepStatus::Effective);
    let rung = state.rung("material/photo/2026-05-02").unwrap();
    assert_eq!(rung.at, "2026-05-03T00:00:00+08:00");
}

#[tokio::test]
async fn the_directory_says_who_decides_and_who_is_told() {
    let mut host = Host::new().await;
    let folder = host.folder.path().join("directory");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("city.toml"), DIRECTORY).unwrap();
    let directory = LiveDirectory::open(&folder).unwrap();
    host.engine = host.engine.with_directory(directory);

    let mut case = examined();
    directory::resolve(&host.engine.directory(), &mut case.round.plan, AT);
    let office = case.round.plan[0].office.clone();
    assert_eq!(
        office.region, "331100",
        "the city's office covers the district"
    );
    host.register(case).await.unwrap();
    let name = host.engine.office_name(&office, at(AT));
    assert_eq!(name.as_deref(), Some("市商务局"));

    let late = "2026-05-12T00:00:00+08:00";
    assert!(
        host.engine
            .ring(ID, TIMER, "overdue", at(late))
            .await
            .unwrap()
    );
    let state = host.state(ID).await;
    let Effect::Notice { values, .. } = &state.effects[0].intent.effect else {
        panic!("{:?}", state.effects)
    };
    assert!(values.contains("钱局长"), "{values}");

    let approve = Decide {
        round: 0,
        task_version: None,
        on_behalf_of: None,
        verdict: Verdict::Approve,
        reasons: Vec::new(),
        opinion: String::new(),
        payload: None,
    };
    let decide = async |by: &str| {
        let engine = &host.engine;
        engine
            .decide(ID, "check", approve.clone(), by, &office, at(late))
            .await
    };
    assert_eq!(code(decide("钱局长").await), "not-in-role");
    decide("王五").await.unwrap();
}
