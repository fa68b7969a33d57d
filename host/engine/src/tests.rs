//! The engine without a bundle: cases that were put into the store by hand, their money, their
//! signatures and their public notices. What bundles do is tested with the built ones.

mod afterwards;
mod deployment;
mod timers;
mod work;

use super::*;
use chrono::{DateTime, FixedOffset};
use onething_capabilities::{PaymentFile, Payments, Published};
use onething_case::{Command, Event, Registration, Round, State, decide};
use onething_contract::{
    Assessment, Capacity, Channel, Effect, Filer, Intent, Office, Party, Payment, PaymentOrder,
    Phase, PublicNotice, Reservation, ReservationStatus, Step, StepMode, StepStatus, Subject,
    SubjectKind, Submission, Text, TimeLimit, Verdict, WhenShort,
};
use onething_store::{Balances, EffectStatus, NewBudget, Store};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const AT: &str = "2026-04-30T09:00:00+08:00";
const BUDGET: &str = "policy/jobs";
const REGION: &str = "331102";

struct Host {
    engine: Engine,
    folder: tempfile::TempDir,
}

fn at(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}

fn text(zh: &str) -> Text {
    Text {
        zh: zh.into(),
        en: "…".into(),
    }
}

fn person(identifier: &str) -> Subject {
    Subject {
        kind: SubjectKind::Person,
        identifier: identifier.into(),
    }
}

fn step(id: &str, function: &str, mode: StepMode) -> Step {
    Step {
        id: id.into(),
        office: Office {
            function: function.into(),
            region: REGION.into(),
        },
        role: "reviewer".into(),
        title: text("审核"),
        lead: true,
        after: Vec::new(),
        effective_after: Vec::new(),
        legal_limit: TimeLimit::WorkingDays(5),
        promised_limit: TimeLimit::WorkingDays(1),
        mode,
        phase: Phase::Acceptance,
        reads: Vec::new(),
        payload_schema: None,
    }
}

/// A case of a bundle that this host does not have.
fn registration(id: &str, amount: Option<(&str, WhenShort)>) -> Registration {
    let reservation = amount.map(|(amount, when_short)| Reservation {
        budget: BUDGET.into(),
        amount: amount.into(),
        when_short,
    });
    Registration {
        id: id.into(),
        matter: "policy-redemption".into(),
        version: "1".into(),
        digest: "ab".into(),
        hears: Vec::new(),
        legal_date: "2026-04-30".into(),
        appeal_of: None,
        limits: None,
        round: Round {
            submission: Submission {
                subject: person("331102196501150019"),
                filer: Filer {
                    person: person("331102198411050048"),
                    unit: None,
                    capacity: Capacity::Applicant,
                },
                parties: Vec::new(),
                region: REGION.into(),
                channel: Channel::Online,
                filed_at: AT.into(),
                round: 0,
                form_digest: String::new(),
                materials: Vec::new(),
            },
            answers: "{}".into(),
            assessment: Assessment {
                scenario: "application".into(),
                derived: "{}".into(),
                findings: Vec::new(),
                missing: Vec::new(),
                unique_keys: Vec::new(),
                reservations: reservation.into_iter().collect(),
            },
            plan: vec![step("check", "commerce", StepMode::Manual)],
            submitted_by: "platform".into(),
        },
    }
}

impl Host {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let parameters = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../parameters");
        let engine = Engine::new(
            Store::in_memory().await.unwrap(),
            Bundles::default(),
            Published::open(&parameters).unwrap(),
            Folders::within(folder.path()),
        );
        let budget = NewBudget {
            name: BUDGET.into(),
            title: "稳岗补贴".into(),
            holder: "莲都区财政局".into(),
            account: "3310010001".into(),
            bank: Some("102343500013".into()),
        };
        engine.open_budget(&budget, at(AT)).await.unwrap();
        Self { engine, folder }
    }

    async fn fund(&self, amount: &str) {
        let engine = &self.engine;
        engine.fund(BUDGET, amount, "出纳", at(AT)).await.unwrap();
        engine.serve_lines(AT).await.unwrap();
    }

    /// As [`Engine::submit`] does with what a bundle has assessed.
    async fn register(&self, registration: Registration) -> Result<(), Error> {
        let register = Command::Register(Box::new(registration));
        let events = decide(None, AT, &register).unwrap();
        let state = State::from_events(&events).unwrap();
        let commit = self.engine.commit(None, &state, events, &[], None);
        let registered = self.engine.store.register(&commit, None, None).await;
        registered.map_err(engine::refuse)?;
        self.engine.serve_lines(AT).await?;
        Ok(())
    }

    /// As the bundle's answer to the registration would.
    async fn ask(&self, id: &str, intents: Vec<Intent>) {
        let react = |_: &State| {
            Ok(Command::React {
                to: 1,
                directives: Vec::new(),
                intents: intents.clone(),
            })
        };
        let engine = &self.engine;
        let asked = engine.committed(id, AT, Vec::new(), None, react);
        asked.await.unwrap();
    }

    async fn work(&self, now: &str) {
        while self.engine.work(at(now)).await.unwrap() > 0 {}
    }

    async fn state(&self, id: &str) -> State {
        self.engine.case(id).await.unwrap().state
    }

    async fn status(&self, id: &str) -> ReservationStatus {
        self.state(id).await.reservations[0].status
    }

    async fn balances(&self) -> Balances {
        let row = self.engine.store.budget(BUDGET).await.unwrap();
        row.unwrap().balances
    }

    fn outgoing(&self) -> std::path::PathBuf {
        self.folder.path().join("bank/outgoing")
    }
}

fn pay(ticket: &str, amounts: &[&str]) -> Intent {
    let lines = amounts.iter().enumerate().map(|(index, amount)| Payment {
        line: format!("{}", index + 1),
        payee: "丽水某企业".into(),
        account: "6222800001".into(),
        bank: None,
        amount: (*amount).into(),
        purpose: "稳岗补贴".into(),
    });
    Intent {
        ticket: ticket.into(),
        after: Vec::new(),
        effect: Effect::Payment(PaymentOrder {
            budget: BUDGET.into(),
            category: "GOVT".into(),
            execute_on: "2026-05-06".into(),
            lines: lines.collect(),
        }),
    }
}

#[track_caller]
fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result.unwrap_err() {
        Error::Refused(refusal) => refusal.code,
        Error::NoMoney(finding) => finding.code,
        Error::Unknown { what, .. } => format!("unknown {what}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_comes_first_has_the_money_and_the_line_goes_on_when_there_is_more() {
    let host = Host::new().await;
    let now = at(AT);
    host.fund("100.00").await;
    let case = |id: &str, amount, when_short| registration(id, Some((amount, when_short)));
    host.register(case("a", "80.00", WhenShort::Refuse))
        .await
        .unwrap();
    let short = host.register(case("b", "30.00", WhenShort::Refuse)).await;
    let Err(Error::NoMoney(finding)) = short else {
        panic!("{short:?}")
    };
    assert_eq!(finding.code, "budget-short");
    for told in [BUDGET, "20.00", "30.00"] {
        assert!(finding.message.zh.contains(told), "{finding:?}");
        assert!(finding.message.en.contains(told), "{finding:?}");
    }
    let mut elsewhere = case("b", "30.00", WhenShort::Refuse);
    elsewhere.round.assessment.reservations[0].budget = "policy/none".into();
    assert_eq!(code(host.register(elsewhere).await), "unknown-budget");
    assert_eq!(code(host.engine.case("b").await), "unknown case");

    host.register(case("c", "50.00", WhenShort::Wait))
        .await
        .unwrap();
    host.register(case("d", "10.00", WhenShort::Wait))
        .await
        .unwrap();
    let behind = host.register(case("e", "5.00", WhenShort::Refuse)).await;
    let Err(Error::NoMoney(finding)) = behind else {
        panic!("{behind:?}")
    };
    assert!(finding.message.zh.contains("2 件"), "{finding:?}");
    assert_eq!(host.status("c").await, ReservationStatus::Waiting);

    // One withdraws: the money goes on to the next in line, and no further than it reaches.
    host.engine
        .withdraw("a", "张三", "不办了", now)
        .await
        .unwrap();
    host.engine.serve_lines(AT).await.unwrap();
    for id in ["c", "d"] {
        assert_eq!(host.status(id).await, ReservationStatus::Reserved, "{id}");
    }
    host.register(case("f", "60.00", WhenShort::Wait))
        .await
        .unwrap();
    host.register(case("g", "1.00", WhenShort::Wait))
        .await
        .unwrap();
    assert_eq!(host.status("g").await, ReservationStatus::Waiting);
    host.engine
        .withdraw("f", "李四", "不办了", now)
        .await
        .unwrap();
    host.engine.serve_lines(AT).await.unwrap();
    assert_eq!(host.status("g").await, ReservationStatus::Reserved);

    host.register(case("h", "100.00", WhenShort::Wait))
        .await
        .unwrap();
    host.fund("100.00").await;
    let events = host.engine.case("h").await.unwrap().events;
    let reserved = |event: &Event| matches!(event, Event::Reserved { budget } if budget == BUDGET);
    assert!(events.iter().any(|recorded| reserved(&recorded.event)));
    let is = host.balances().await;
    assert_eq!((is.available, is.reserved), (3_900, 16_100));
    assert_eq!(
        code(host.engine.fund(BUDGET, "1", "出纳", now).await),
        "amount"
    );
}

#[tokio::test]
async fn a_payment_is_written_once_and_settled_by_the_bank() {
    let host = Host::new().await;
    let now = at(AT);
    host.fund("100.00").await;
    let mut case = registration("a", Some(("90.00", WhenShort::Refuse)));
    case.hears = vec!["registered".into()];
    host.register(case).await.unwrap();
    let order = pay("a-1-1", &["40.00", "20.50"]);
    let release = Intent {
        ticket: "a-1-2".into(),
        after: vec!["a-1-1".into()],
        effect: Effect::Release {
            budget: BUDGET.into(),
        },
    };
    host.ask("a", vec![order.clone(), release]).await;

    // A process that was killed after it had prepared the file, and before it had said so.
    let Effect::Payment(written) = &order.effect else {
        unreachable!()
    };
    let file = PaymentFile {
        ticket: "a-1-1",
        asked_at: AT,
        holder: "莲都区财政局",
        account: "3310010001",
        bank: Some("102343500013"),
        order: written,
    };
    let total = Payments::new(host.outgoing())
        .prepare(&file, 1)
        .unwrap()
        .unwrap();
    assert_eq!(total, 6_050);
    let path = host.outgoing().join(".prepared/a-1-1.1.xml");
    let bytes = fs::read(&path).unwrap();
    assert_eq!(
        code(
            host.engine
                .bank_answer(
                    "a-1-1",
                    &BankAnswer::returning(written, &BTreeMap::new()),
                    now
                )
                .await
        ),
        "payment-not-sent"
    );
    host.work("2026-04-30T10:00:00+08:00").await;
    let handed_over = fs::read(host.outgoing().join("a-1-1.xml")).unwrap();
    assert_eq!(handed_over, bytes, "the same file, once");
    assert!(!path.exists());
    assert_eq!(Payments::new(host.outgoing()).prepared().unwrap(), []);
    let is = host.balances().await;
    assert_eq!(
        (is.available, is.reserved, is.in_transit),
        (1_000, 2_950, 6_050)
    );

    let answer = |lines: &[(&str, LineStatus)]| BankAnswer {
        lines: lines
            .iter()
            .map(|(line, status)| AnsweredLine {
                line: (*line).into(),
                status: *status,
                reason: (*status == LineStatus::Returned).then(|| "账号不存在".into()),
            })
            .collect(),
    };
    use LineStatus::{Paid, Returned};
    for (ticket, lines, expected) in [
        ("b-1-1", &[("1", Paid), ("2", Paid)][..], "unknown payment"),
        ("a-1-2", &[("1", Paid), ("2", Paid)], "unknown payment"),
        ("a-1-1", &[("1", Paid)], "answer-line"),
        ("a-1-1", &[("1", Paid), ("3", Paid)], "answer-line"),
        ("a-1-1", &[("1", Paid), ("1", Paid)], "answer-line"),
    ] {
        let refused = host.engine.bank_answer(ticket, &answer(lines), now).await;
        assert_eq!(code(refused), expected, "{ticket} {lines:?}");
    }
    let good = answer(&[("2", Returned), ("1", Paid)]);
    host.engine.bank_answer("a-1-1", &good, now).await.unwrap();
    let again = host.engine.bank_answer("a-1-1", &good, now).await;
    assert_eq!(code(again), "payment-answered");
    let is = host.balances().await;
    assert_eq!((is.reserved, is.in_transit, is.paid), (5_000, 0, 4_000));
    let outcome = host.state("a").await.effects[0].outcome.clone();
    let outcome: serde_json::Value = serde_json::from_str(&outcome.unwrap().unwrap()).unwrap();
    assert_eq!(outcome["returned"], "20.50");
    assert_eq!(outcome["lines"][1]["reason"], "账号不存在");

    // The release comes after the payment.
    host.work("2026-04-30T11:00:00+08:00").await;
    let state = host.state("a").await;
    let released = state.effects[1].outcome.clone().unwrap().unwrap();
    assert_eq!(released, r#"{"released":"50.00"}"#);
    let is = host.balances().await;
    assert_eq!((is.available, is.reserved, is.paid), (6_000, 0, 4_000));
}

#[tokio::test]
async fn money_comes_back_when_a_case_has_ended_and_the_bank_has_answered() {
    let host = Host::new().await;
    host.fund("100.00").await;
    let mut case = registration("a", Some(("90.00", WhenShort::Refuse)));
    case.hears = vec!["registered".into()];
    host.register(case).await.unwrap();
    let mut unpayable = pay("a-1-2", &["10.00"]);
    if let Effect::Payment(order) = &mut unpayable.effect {
        order.lines[0].account = String::new();
    }
    host.ask("a", vec![pay("a-1-1", &["40.00"]), unpayable])
        .await;
    let later = "2026-04-30T10:00:00+08:00";
    host.work(later).await;
    let state = host.state("a").await;
    let refused = state.effects[1].outcome.clone().unwrap().unwrap_err();
    assert_eq!(refused.code, "payment-line");
    assert_eq!(
        host.engine
            .store
            .effect("a-1-1")
            .await
            .unwrap()
            .unwrap()
            .status,
        EffectStatus::Sent
    );

    host.engine
        .withdraw("a", "张三", "不办了", at(later))
        .await
        .unwrap();
    let is = host.balances().await;
    assert_eq!(
        (is.available, is.reserved, is.in_transit),
        (1_000, 5_000, 4_000)
    );
    let order = pay("a-1-1", &["40.00"]);
    let Effect::Payment(order) = &order.effect else {
        unreachable!()
    };
    let returned = BTreeMap::from([("1".to_owned(), "已销户".to_owned())]);
    let answer = BankAnswer::returning(order, &returned);
    host.engine
        .bank_answer("a-1-1", &answer, at(later))
        .await
        .unwrap();
    let is = host.balances().await;
    assert_eq!(
        is,
        Balances {
            funded: 10_000,
            available: 10_000,
            ..Balances::default()
        }
    );
}

#[tokio::test]
async fn a_notice_ends_by_itself_unless_somebody_objects() {
    let host = Host::new().await;
    let publishing = |id: &str, filed_at: &str| {
        let mut case = registration(id, None);
        let notice = PublicNotice {
            text: text("拟拨付公示"),
            days: 5,
        };
        case.round.plan[0] = step("publish", "commerce", StepMode::PublicNotice(notice));
        case.round.submission.filed_at = filed_at.into();
        case
    };
    host.register(publishing("a", AT)).await.unwrap();
    host.register(publishing("b", AT)).await.unwrap();
    let due = "2026-05-12T00:00:00+08:00";
    let published = host.engine.store.published(None, 10).await.unwrap();
    assert_eq!(published.len(), 2);
    assert_eq!(
        published[0].notice.as_ref().unwrap().due.as_deref(),
        Some(due)
    );

    let officer = Office {
        function: "commerce".into(),
        region: REGION.into(),
    };
    let approve = Decide {
        round: 0,
        task_version: None,
        verdict: Verdict::Approve,
        reasons: Vec::new(),
        opinion: String::new(),
        payload: None,
        on_behalf_of: None,
    };
    let approve = async |id: &str, opinion: &str, when: &str| {
        let decide = Decide {
            opinion: opinion.into(),
            ..approve.clone()
        };
        let engine = &host.engine;
        engine
            .decide(id, "publish", decide, "王五", &officer, at(when))
            .await
    };
    assert_eq!(code(approve("a", "", AT).await), "notice-running");
    let object = async |text: &str| {
        host.engine
            .object("b", "publish", "赵六", text, at(AT))
            .await
    };
    assert_eq!(code(object("").await), "text");
    object("该企业去年欠缴社保").await.unwrap();
    host.work("2026-05-11T23:59:59+08:00").await;
    assert_eq!(
        host.state("a").await.step("publish").unwrap().status,
        StepStatus::Open
    );
    host.work(due).await;
    let state = host.state("a").await;
    let decision = state.standing("publish").unwrap();
    assert_eq!(
        (&decision.verdict, decision.by.as_str()),
        (&Verdict::NoObjection, "host")
    );
    assert_eq!(
        host.state("b").await.step("publish").unwrap().status,
        StepStatus::Open
    );
    // An objection neither ends the period nor is it passed over in silence.
    let just_before = "2026-05-11T23:59:59+08:00";
    assert_eq!(
        code(approve("b", "不成立", just_before).await),
        "notice-running"
    );
    assert_eq!(code(approve("b", "", due).await), "opinion-missing");
    approve("b", "经核实不成立", due).await.unwrap();
    assert_eq!(host.engine.store.published(None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn the_last_signature_files_a_round() {
    let host = Host::new().await;
    host.fund("10.00").await;
    let mut case = registration("a", Some(("5.00", WhenShort::Refuse)));
    let shareholder = |identifier: &str| Party {
        subject: person(identifier),
        name: "股东".into(),
        role: "shareholder".into(),
        signed_at: None,
    };
    let parties = ["331102196501150019", "331102197104150028"];
    case.round.submission.parties = parties.map(shareholder).into();
    host.register(case).await.unwrap();
    assert_eq!(host.balances().await.reserved, 500, "held while they sign");
    let sign = |identifier: &str| Sign {
        subject: person(identifier),
        role: "shareholder".into(),
        round: 0,
    };
    let later = at("2026-05-06T08:00:00+08:00");
    let sign = async |identifier: &str| {
        let engine = &host.engine;
        engine.sign("a", &sign(identifier), "platform", later).await
    };
    sign(parties[0]).await.unwrap();
    assert_eq!(code(sign(parties[0]).await), "already-signed");
    assert_eq!(code(sign("331121197506300067").await), "not-a-party");
    let unsign = Unsign {
        subject: person(parties[0]),
        role: "shareholder".into(),
        reason: "出资有变".into(),
    };
    let engine = &host.engine;
    engine
        .unsign("a", &unsign, "platform", later)
        .await
        .unwrap();
    sign(parties[1]).await.unwrap();
    assert_eq!(host.state("a").await.status.as_str(), "signing");
    sign(parties[0]).await.unwrap();
    let state = host.state("a").await;
    assert_eq!(state.status.as_str(), "acceptance");
    assert_eq!(state.submission.filed_at, "2026-05-06T08:00:00+08:00");
}
