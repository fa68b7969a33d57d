//! What the tests share: small plans, and a case that is told one command after the other.

mod afterwards;
mod clocks;
mod corrections;
mod decisions;
mod eyes;
mod golden;
mod life;
mod materials;
mod money;
mod notices;
mod properties;
mod reactions;
mod signing;

use crate::{Command, Error, Event, Recorded, Registration, Round, State, decide};
use onething_contract::*;

pub(crate) const AT: &str = "2025-01-06T09:00:00+08:00";

/// Every kind that this crate reports to a bundle.
pub(crate) use onething_contract::manifest::HEARD as ALL;

/// A manual step of the office that bears its name; it reads the element that bears its name.
pub(crate) fn step(id: &str, phase: Phase, after: &[&str]) -> Step {
    Step {
        id: id.into(),
        office: office(id),
        role: "reviewer".into(),
        title: text(id),
        lead: false,
        after: after.iter().map(|id| (*id).to_owned()).collect(),
        effective_after: vec![],
        legal_limit: TimeLimit::WorkingDays(15),
        promised_limit: TimeLimit::WorkingDays(2),
        mode: StepMode::Manual,
        phase,
        reads: vec![id.into()],
        payload_schema: None,
    }
}

pub(crate) fn accept(id: &str, after: &[&str]) -> Step {
    step(id, Phase::Acceptance, after)
}

pub(crate) fn examine(id: &str, after: &[&str]) -> Step {
    step(id, Phase::Examination, after)
}

pub(crate) fn effective_after(mut step: Step, id: &str) -> Step {
    step.effective_after.push(id.into());
    step
}

pub(crate) fn automatic(mut step: Step) -> Step {
    step.mode = StepMode::Automatic;
    step
}

pub(crate) fn notice(mut step: Step) -> Step {
    step.mode = StepMode::PublicNotice(PublicNotice {
        text: text("recipients"),
        days: 5,
    });
    step
}

pub(crate) fn office(function: &str) -> Office {
    Office {
        function: function.into(),
        region: "331102".into(),
    }
}

pub(crate) fn text(words: &str) -> Text {
    Text {
        zh: format!("{words}。"),
        en: words.into(),
    }
}

pub(crate) fn finding(code: &str) -> Finding {
    Finding {
        severity: Severity::Error,
        path: String::new(),
        code: code.into(),
        message: text(code),
        basis: Some("依据".into()),
    }
}

pub(crate) fn refusal(code: &str) -> Refusal {
    Refusal {
        code: code.into(),
        message: text(code),
        basis: None,
    }
}

/// A round of which the first step leads.
pub(crate) fn round(number: u32, mut plan: Vec<Step>, answers: &str) -> Box<Round> {
    if let Some(first) = plan.first_mut() {
        first.lead = true;
    }
    let person = Subject {
        kind: SubjectKind::Person,
        identifier: "331102196501150019".into(),
    };
    Box::new(Round {
        submission: Submission {
            subject: person.clone(),
            filer: Filer {
                person,
                unit: None,
                capacity: Capacity::Applicant,
            },
            parties: vec![],
            region: "331102".into(),
            channel: Channel::Online,
            filed_at: AT.into(),
            round: number,
            form_digest: "form".into(),
            materials: vec![
                material("id-card", MaterialStatus::Supplied("aa".into())),
                material("photo", MaterialStatus::Promised("2025-01-10".into())),
            ],
        },
        answers: answers.into(),
        assessment: Assessment {
            scenario: "ordinary".into(),
            derived: r#"{"total": "1.00"}"#.into(),
            findings: vec![],
            missing: vec!["form-b".into()],
            unique_keys: vec![],
            reservations: vec![],
        },
        plan,
        submitted_by: "clerk-7".into(),
    })
}

pub(crate) fn registration(plan: Vec<Step>, hears: &[&str]) -> Box<Registration> {
    Box::new(Registration {
        id: "331102-2025-000001".into(),
        matter: "retirement".into(),
        version: "1.0.0".into(),
        digest: "00".into(),
        hears: hears.iter().map(|kind| (*kind).to_owned()).collect(),
        legal_date: "2025-01-06".into(),
        appeal_of: None,
        limits: Some(crate::Limits {
            legal: TimeLimit::WorkingDays(20),
            promised: TimeLimit::WorkingDays(5),
        }),
        round: *round(0, plan, "{}"),
    })
}

pub(crate) fn material(code: &str, status: MaterialStatus) -> Material {
    Material {
        code: code.into(),
        status,
    }
}

/// Still to sign.
pub(crate) fn party(role: &str) -> Party {
    Party {
        subject: Subject {
            kind: SubjectKind::Person,
            identifier: format!("id-of-{role}"),
        },
        name: role.to_owned(),
        role: role.to_owned(),
        signed_at: None,
    }
}

pub(crate) fn signs(role: &str) -> Command {
    Command::Sign {
        subject: party(role).subject,
        role: role.to_owned(),
        round: 0,
        by: "clerk-7".into(),
    }
}

pub(crate) fn reservation(budget: &str, amount: &str, when_short: WhenShort) -> Reservation {
    Reservation {
        budget: budget.into(),
        amount: amount.into(),
        when_short,
    }
}

/// One line an amount, named after its place.
pub(crate) fn pay(ticket: &str, budget: &str, amounts: &[&str]) -> Intent {
    let line = |(index, amount): (usize, &&str)| Payment {
        line: format!("l{}", index + 1),
        payee: "张健国".into(),
        account: "6222".into(),
        bank: None,
        amount: (*amount).to_owned(),
        purpose: "工资".into(),
    };
    Intent {
        ticket: ticket.into(),
        after: vec![],
        effect: Effect::Payment(PaymentOrder {
            budget: budget.into(),
            category: "SALA".into(),
            execute_on: "2025-01-10".into(),
            lines: amounts.iter().enumerate().map(line).collect(),
        }),
    }
}

pub(crate) fn release(ticket: &str, budget: &str) -> Intent {
    Intent {
        ticket: ticket.into(),
        after: vec![],
        effect: Effect::Release {
            budget: budget.into(),
        },
    }
}

/// The bank's answer: `l1 paid, l2 returned`.
pub(crate) fn answers(ticket: &str, lines: &str) -> Command {
    let lines: Vec<serde_json::Value> = lines
        .split(", ")
        .filter_map(|line| line.split_once(' '))
        .map(|(line, status)| serde_json::json!({"line": line, "status": status}))
        .collect();
    let value = serde_json::json!({ "lines": lines });
    life::settles(ticket, Ok(value.to_string()))
}

pub(crate) fn seal(ticket: &str, after: &[&str]) -> Intent {
    Intent {
        ticket: ticket.into(),
        after: after.iter().map(|ticket| (*ticket).to_owned()).collect(),
        effect: Effect::Seal {
            owner: SealOwner::Unit,
            documents: vec![],
        },
    }
}

/// A decision of round 0 that gives a reason, named after the step, where it should.
pub(crate) fn decision(step: &str, verdict: Verdict) -> Decision {
    let reasons = match verdict {
        Verdict::Approve | Verdict::NoObjection | Verdict::Transfer(_) => vec![],
        _ => vec![finding(&format!("{step}-why"))],
    };
    Decision {
        step: step.into(),
        round: 0,
        verdict,
        reasons,
        opinion: String::new(),
        by: "reviewer-1".into(),
        on_behalf_of: None,
        at: AT.into(),
        payload: None,
    }
}

/// The step's own office decides.
pub(crate) fn decides(step: &str, verdict: Verdict) -> Command {
    Command::Decide {
        decision: decision(step, verdict),
        by_office: office(step),
        task_version: None,
    }
}

pub(crate) fn approves(step: &str) -> Command {
    decides(step, Verdict::Approve)
}

pub(crate) fn reacts(to: u64, directives: Vec<Directive>) -> Command {
    Command::React {
        to,
        directives,
        intents: vec![],
    }
}

/// A case that is told one command after the other.
pub(crate) struct Case {
    pub state: State,
    pub history: Vec<Recorded>,
}

impl Case {
    /// Registered, with a bundle that hears nothing.
    pub fn of(plan: Vec<Step>) -> Case {
        Case::heard(plan, &[])
    }

    /// Registered, with a bundle that hears these kinds.
    pub fn heard(plan: Vec<Step>, hears: &[&str]) -> Case {
        Case::registered(registration(plan, hears))
    }

    pub fn registered(registration: Box<Registration>) -> Case {
        let history = decide(None, AT, &Command::Register(registration)).unwrap();
        Case {
            state: State::from_events(&history).unwrap(),
            history,
        }
    }

    pub fn briefs(&self) -> String {
        brief(&self.history)
    }

    /// The command leads to these events.
    #[track_caller]
    pub fn yields(&mut self, command: Command, expected: &str) -> &mut Case {
        self.yields_at(AT, command, expected)
    }

    /// The command, given then, leads to these events.
    #[track_caller]
    pub fn yields_at(&mut self, at: &str, command: Command, expected: &str) -> &mut Case {
        match decide(Some(&self.state), at, &command) {
            Ok(events) => {
                assert_eq!(brief(&events), expected, "{command:?}");
                self.history.extend(events);
                self.state = State::from_events(&self.history).unwrap();
            }
            Err(error) => panic!("{error}, of {command:?}"),
        }
        self
    }

    /// The command leads to nothing, for this reason.
    #[track_caller]
    pub fn refuses(&mut self, command: Command, code: &str) -> &mut Case {
        self.refuses_at(AT, command, code)
    }

    /// The command, given then, leads to nothing, for this reason.
    #[track_caller]
    pub fn refuses_at(&mut self, at: &str, command: Command, code: &str) -> &mut Case {
        match decide(Some(&self.state), at, &command) {
            Ok(events) => panic!("{} of {command:?}", brief(&events)),
            Err(error) => assert_eq!(reason(&error), code, "{error} of {command:?}"),
        }
        self
    }
}

pub(crate) fn reason(error: &Error) -> String {
    match error {
        Error::Refused(refusal) => refusal.code.clone(),
        Error::Fault(fault) => fault.name().into(),
        Error::OutOfTurn { .. } => "out-of-turn".into(),
    }
}

/// `step-opened a, decided a`: the types of events, and the steps or whatever else matters most.
pub(crate) fn brief(events: &[Recorded]) -> String {
    let briefs: Vec<String> = events
        .iter()
        .map(|recorded| {
            let json = serde_json::to_value(&recorded.event).unwrap();
            let kind = json["type"].as_str().unwrap().to_owned();
            let about = match &recorded.event {
                Event::StepAdded { step } => &step.id,
                Event::StepOpened { step }
                | Event::StepVoided { step }
                | Event::StepEffective { step } => step,
                Event::Decided { decision, .. } => &decision.step,
                Event::CorrectionRequested { by, .. } => &by.join("+"),
                Event::Corrected { changed, .. } => &changed.join("+"),
                Event::MaterialSupplied { material } => &material.code,
                Event::MaterialOverdue { code } => code,
                Event::Reopened { step, .. } => step,
                Event::CommitmentChecked(check) => &check.code,
                Event::Appealed { case_id, .. } => case_id,
                Event::EffectSettled(settlement) => &settlement.ticket,
                Event::SettledByHand { ticket, .. } => ticket,
                Event::Signed { role, .. } | Event::SignatureRevoked { role, .. } => role,
                Event::Objected(objection) => &objection.step,
                Event::Reserved { budget } => budget,
                Event::Rang { timer, rung, .. } => &format!("{timer} {rung}"),
                Event::Noted { moot, .. } => {
                    moot.as_ref().map_or("unknown", |refusal| &refusal.code)
                }
                Event::Ended { ending, .. } => crate::Status::Ended(ending.clone()).as_str(),
                _ => "",
            };
            format!("{kind} {about}").trim_end().to_owned()
        })
        .collect();
    briefs.join(", ")
}
