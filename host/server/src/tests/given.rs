//! What the tests start from: a submission as JSON, a case as the engine would have registered it.

use onething_case::{Command, Registration, Round, State, StepRecord, decide};
use onething_contract::{
    Assessment, Capacity, Channel, Filer, Material, MaterialStatus, Office, Phase, Step, StepMode,
    Subject, SubjectKind, Submission, Text, TimeLimit,
};
use onething_store::{CaseRow, Commit, Keys, NoticeRow, TaskRow};
use serde_json::{Value, json};

/// The id of [`case`].
pub const CASE: &str = "331102-2025-000001";
const AT: &str = "2025-01-06T09:00:00+08:00";

/// A submission as a platform sends it.
pub fn hand_in() -> Value {
    json!({
        "subject": {"kind": "person", "identifier": "331102196501150019"},
        "filer": {
            "person": {"kind": "person", "identifier": "331102198411050048"},
            "unit": {"kind": "organisation", "identifier": "12331100002640002Y"},
            "capacity": "unit-clerk",
        },
        "region": "331102",
        "answers": {},
    })
}

/// A case as the engine would register it, of a bundle that hears nothing.
pub fn case() -> Commit {
    commit(registration())
}

pub fn registration() -> Registration {
    let person = |identifier: &str| Subject {
        kind: SubjectKind::Person,
        identifier: identifier.into(),
    };
    let submission = Submission {
        subject: person("331102196501150019"),
        filer: Filer {
            person: person("331102198411050048"),
            unit: None,
            capacity: Capacity::Applicant,
        },
        parties: Vec::new(),
        region: "331102".into(),
        channel: Channel::Online,
        filed_at: AT.into(),
        round: 0,
        form_digest: String::new(),
        materials: vec![Material {
            code: "archive".into(),
            status: MaterialStatus::Promised("2025-02-01".into()),
        }],
    };
    Registration {
        id: CASE.into(),
        matter: "retirement".into(),
        version: "1".into(),
        digest: "ab".into(),
        hears: Vec::new(),
        legal_date: "2025-01-06".into(),
        appeal_of: None,
        limits: None,
        round: Round {
            submission,
            answers: "{}".into(),
            assessment: Assessment {
                scenario: "statutory".into(),
                derived: "{}".into(),
                findings: Vec::new(),
                missing: Vec::new(),
                unique_keys: Vec::new(),
                reservations: Vec::new(),
            },
            plan: vec![
                step("check", "personnel", Phase::Acceptance),
                step("review", "housing-fund", Phase::Examination),
            ],
            submitted_by: "platform".into(),
        },
    }
}

/// What the engine would have committed.
pub fn commit(registration: Registration) -> Commit {
    let events = decide(None, AT, &Command::Register(Box::new(registration))).unwrap();
    let state = State::from_events(&events).unwrap();
    let notice = |task: &StepRecord| match &task.step.mode {
        StepMode::PublicNotice(notice) => Some(NoticeRow {
            notice: notice.clone(),
            due: Some("2025-01-14T00:00:00+08:00".into()),
            objected: false,
        }),
        StepMode::Manual | StepMode::Automatic => None,
    };
    let tasks = state.tasks().map(|task| TaskRow {
        case_id: state.id.clone(),
        step: task.step.id.clone(),
        office: task.office().clone(),
        role: task.step.role.clone(),
        status: "open".into(),
        version: task.task_version,
        round: 0,
        opened_at: AT.into(),
        notice: notice(task),
    });
    Commit {
        tasks: tasks.collect(),
        case: CaseRow {
            id: state.id.clone(),
            region: "331102".into(),
            matter: state.matter.clone(),
            digest: state.digest.clone(),
            subject: state.submission.subject.identifier.clone(),
            submitted_by: state.submitted_by.clone(),
            status: state.status.as_str().into(),
            round: 0,
            version: state.last_event,
            next_reaction: None,
            parked: false,
            registered_at: AT.into(),
            ended_at: None,
        },
        events,
        journal: Vec::new(),
        materials: Vec::new(),
        effects: Vec::new(),
        settled: Vec::new(),
        timers: Vec::new(),
        react_due: None,
        ledger: Vec::new(),
        groups: Vec::new(),
        keys: Keys::Keep,
    }
}

pub fn step(id: &str, function: &str, phase: Phase) -> Step {
    Step {
        id: id.into(),
        office: Office {
            function: function.into(),
            region: "331102".into(),
        },
        role: "reviewer".into(),
        title: Text {
            zh: "审核".into(),
            en: "Review".into(),
        },
        lead: phase == Phase::Acceptance,
        after: Vec::new(),
        effective_after: Vec::new(),
        legal_limit: TimeLimit::WorkingDays(5),
        promised_limit: TimeLimit::WorkingDays(1),
        mode: StepMode::Manual,
        phase,
        reads: Vec::new(),
        payload_schema: None,
    }
}
