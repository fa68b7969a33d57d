//! What a replayed case came to, in lines that people read and compare: findings, events and
//! effects are one line each, in their order. It is written as `expected.json`.

use onething_capabilities::{AnsweredLine, LineStatus};
use onething_case::{EffectRecord, Event, Recorded, ReservationRecord};
use onething_contract::{
    Assessment, Document, Effect, Ending, Finding, Office, PaymentOrder, Phase, Recipient,
    Reservation, ReservationStatus, SealOwner, Severity, Step, StepMode, TimeLimit, Verdict,
    WhenShort,
};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value};

/// A whole case.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Transcript {
    /// Entry by entry of the fixture's timeline.
    pub timeline: Vec<Told>,
    /// How far the case came; absent where none was registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What a completed case came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Value>,
    /// What became of the money it asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<String>,
    /// The agencies' own forms as the case ends, by name: box number to value.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub forms: Map<String, Value>,
}

/// What one entry of the timeline led to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Told {
    /// When, RFC 3339.
    pub at: String,
    /// What was asked.
    pub asked: String,
    /// What the bundle said of a submission.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub handed_in: Option<HandedIn>,
    /// The codes it was refused with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// What happened, but for the bundle's answers and what effects came to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// What the bundle asked for, and payments that the bank has answered now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<String>,
}

/// A submission, assessed and planned.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HandedIn {
    /// How many elements the registers filled in.
    pub prefilled: usize,
    /// The elements that a register should have filled in and did not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unfilled: Vec<String>,
    /// The scenario.
    pub scenario: String,
    /// The derived elements.
    pub derived: Value,
    /// Severity, path and code of each finding.
    pub findings: Vec<String>,
    /// Required materials that are not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// What no other case may hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unique_keys: Vec<String>,
    /// The money that must be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<String>,
    /// The order of work.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<String>,
}

impl HandedIn {
    /// Takes in what the bundle said.
    pub(crate) fn assessed(&mut self, assessment: &Assessment) {
        self.scenario.clone_from(&assessment.scenario);
        self.derived = serde_json::from_str(&assessment.derived).unwrap_or_default();
        self.findings = assessment.findings.iter().map(finding).collect();
        self.missing.clone_from(&assessment.missing);
        self.unique_keys.clone_from(&assessment.unique_keys);
        self.reservations = assessment.reservations.iter().map(reservation).collect();
    }
}

/// `payroll/2026: 100000.00, or refused`.
fn reservation(reservation: &Reservation) -> String {
    let short = match reservation.when_short {
        WhenShort::Refuse => "refused",
        WhenShort::Wait => "waits",
    };
    format!("{}: {}, or {short}", reservation.budget, reservation.amount)
}

/// `payroll/2026: 100000.00, paid 99000.00, given back 1000.00`.
pub(crate) fn reserved(record: &ReservationRecord) -> String {
    let left = record.amount - record.in_transit - record.paid;
    let mut said = vec![format!(
        "{}: {}",
        record.reservation.budget, record.reservation.amount
    )];
    let left_is = match record.status {
        ReservationStatus::Waiting => "waited for",
        ReservationStatus::Reserved => "reserved",
        ReservationStatus::Released => "given back",
    };
    let parts = [
        ("paid", record.paid),
        ("at the bank", record.in_transit),
        (left_is, left),
    ];
    let told = parts.iter().filter(|(_, amount)| !amount.is_zero());
    said.extend(told.map(|(is, amount)| format!("{is} {amount:.2}")));
    said.join(", ")
}

fn finding(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let path = match finding.path.as_str() {
        "" => "/",
        path => path,
    };
    format!("{severity} {path} {}", finding.code)
}

/// `personnel: personnel, examination, lead, after supervising, 2 of 20 working days`.
pub(crate) fn step(step: &Step) -> String {
    let mut said = vec![step.office.function.clone()];
    said.push(match step.phase {
        Phase::Acceptance => "acceptance".to_owned(),
        Phase::Examination => "examination".to_owned(),
    });
    if step.lead {
        said.push("lead".to_owned());
    }
    match &step.mode {
        StepMode::Manual => {}
        StepMode::Automatic => said.push("automatic".to_owned()),
        StepMode::PublicNotice(notice) => {
            said.push(format!("public notice of {} working days", notice.days));
        }
    }
    if !step.after.is_empty() {
        said.push(format!("after {}", step.after.join(" and ")));
    }
    if !step.effective_after.is_empty() {
        said.push(format!(
            "effective after {}",
            step.effective_after.join(" and ")
        ));
    }
    let limit = |limit: &TimeLimit| match limit {
        TimeLimit::WorkingDays(days) => format!("{days} working days"),
        TimeLimit::WorkingHours(hours) => format!("{hours} working hours"),
    };
    said.push(format!("legal {}", limit(&step.legal_limit)));
    said.push(format!("promised {}", limit(&step.promised_limit)));
    format!("{}: {}", step.id, said.join(", "))
}

/// One line of what happened; `None` for what the effects' lines tell.
pub(crate) fn event(recorded: &Recorded) -> Option<String> {
    Some(match &recorded.event {
        Event::Registered(_) => "registered".to_owned(),
        Event::Signed { subject, role, .. } => format!("signed {role} {}", subject.identifier),
        Event::SignatureRevoked { subject, role, .. } => {
            format!("signature-revoked {role} {}", subject.identifier)
        }
        Event::Filed { .. } => "filed".to_owned(),
        Event::Objected(objection) => format!("objected {} by {}", objection.step, objection.by),
        Event::Reserved { budget } => format!("reserved {budget}"),
        Event::Accepted => "accepted".to_owned(),
        Event::StepAdded { step } => format!("step-added {}", step.id),
        Event::StepOpened { step } => format!("step-opened {step}"),
        Event::StepVoided { step } => format!("step-voided {step}"),
        Event::StepEffective { step } => format!("step-effective {step}"),
        Event::Decided { decision, .. } => {
            let for_whom = decision.on_behalf_of.as_ref();
            let for_whom = for_whom.map(|whom| format!(" on behalf of {whom}"));
            let verdict = verdict(&decision.verdict);
            format!(
                "decided {}: {verdict}{}",
                decision.step,
                for_whom.unwrap_or_default()
            )
        }
        Event::CorrectionRequested { findings, by } => {
            let codes: Vec<&str> = findings.iter().map(|one| one.code.as_str()).collect();
            format!(
                "correction-requested by {}: {}",
                by.join(", "),
                codes.join(", ")
            )
        }
        Event::Corrected { round, changed } => format!(
            "corrected in round {}: {}",
            round.submission.round,
            changed.join(", ")
        ),
        Event::MaterialSupplied { material } => format!("material-supplied {}", material.code),
        Event::MaterialOverdue { code } => format!("material-overdue {code}"),
        Event::Reopened { step, reason, .. } => format!("reopened {step}: {reason}"),
        Event::RepairOpened => "repair-opened".to_owned(),
        Event::Repaired { text, .. } => format!("repaired: {text}"),
        Event::CommitmentChecked(check) => {
            let kept = if check.kept { "kept" } else { "not kept" };
            format!("commitment-checked {}: {kept}", check.code)
        }
        Event::Appealed { case_id, .. } => format!("appealed as {case_id}"),
        Event::SettledByHand { ticket, by, .. } => format!("settled {ticket} by hand by {by}"),
        Event::Rang { timer, rung, .. } => format!("rang {timer}: {rung}"),
        Event::Reacted { .. } | Event::EffectSettled(_) => return None,
        Event::Noted { directive, moot } => {
            let name = serde_json::to_value(directive).unwrap_or_default();
            let name = match &name {
                Value::Object(tagged) => tagged.keys().next().cloned().unwrap_or_default(),
                name => name.as_str().unwrap_or_default().to_owned(),
            };
            match moot {
                Some(refusal) => format!("noted {name}: {}", refusal.code),
                None => format!("noted {name}"),
            }
        }
        Event::Parked {
            function,
            fault,
            detail,
            ..
        } => format!("parked in {function}: {fault}: {detail}"),
        Event::Resumed { .. } => "resumed".to_owned(),
        Event::Withdrawn { .. } => "withdrawn".to_owned(),
        Event::Ended { ending, .. } => format!("ended: {}", ended(ending)),
        Event::Rated { score, .. } => format!("rated {score}"),
    })
}

/// The verdict in its word, with what it names.
pub(crate) fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Approve => "approve".to_owned(),
        Verdict::NoObjection => "no-objection".to_owned(),
        Verdict::Reject => "reject".to_owned(),
        Verdict::ReturnForCorrection => "return-for-correction".to_owned(),
        Verdict::Hold => "hold".to_owned(),
        Verdict::NotCompetent(office) => {
            format!("not-competent, but {} {}", office.function, office.region)
        }
        Verdict::SendBack(step) => format!("send-back to {step}"),
        Verdict::Transfer(office) => format!("transfer to {} {}", office.function, office.region),
    }
}

fn ended(ending: &Ending) -> String {
    match ending {
        Ending::Completed => "completed".to_owned(),
        Ending::Rejected(refusal) => format!("rejected, {}", refusal.code),
        Ending::NotAccepted(refusal) => format!("not-accepted, {}", refusal.code),
        Ending::NotCompetent(office) => {
            format!("not-competent, but {} {}", office.function, office.region)
        }
        Ending::Withdrawn => "withdrawn".to_owned(),
    }
}

/// An effect with what it came to, if that is not simply done.
pub(crate) fn effect(record: &EffectRecord) -> String {
    let asked = effect_asked(&record.intent.effect);
    match (&record.outcome, &record.intent.effect) {
        (Some(Ok(value)), Effect::Payment(_)) => format!("{asked}{}", returned(value)),
        (Some(Ok(_)), _) => asked,
        (Some(Err(refusal)), _) => format!("{asked}  REFUSED {}", refusal.code),
        (None, Effect::Payment(_)) => format!("{asked}  AT THE BANK"),
        (None, _) => format!("{asked}  NOT DONE"),
    }
}

/// `  RETURNED l7 (账号户名不符)`; nothing where all is paid.
fn returned(settlement: &str) -> String {
    let answer = serde_json::from_str::<Value>(settlement).unwrap_or_default();
    let lines = answer["lines"].clone();
    let lines = serde_json::from_value::<Vec<AnsweredLine>>(lines).unwrap_or_default();
    let returned: Vec<String> = lines
        .iter()
        .filter(|line| line.status == LineStatus::Returned)
        .map(|line| {
            let reason = line.reason.as_deref().unwrap_or_default();
            format!("{} ({reason})", line.line)
        })
        .collect();
    match returned.as_slice() {
        [] => String::new(),
        lines => format!("  RETURNED {}", lines.join(", ")),
    }
}

/// `seal housing-fund-331102: decision fund, form fund-withdrawal`.
pub(crate) fn effect_asked(effect: &Effect) -> String {
    match effect {
        Effect::Seal { owner, documents } => {
            let owner = match owner {
                SealOwner::Unit => "unit".to_owned(),
                SealOwner::Office(office) => office_name(office),
            };
            let documents: Vec<String> = documents
                .iter()
                .map(|document| match document {
                    Document::Form(form) => format!("form {form}"),
                    Document::Decision(step) => format!("decision {step}"),
                })
                .collect();
            format!("seal {owner}: {}", documents.join(", "))
        }
        Effect::Notice {
            to,
            template,
            values,
        } => {
            let to = match to {
                Recipient::Subject(subject) => &subject.identifier,
                Recipient::Office(office) => &office.function,
            };
            format!("notice {template} to {to}: {}", notice_values(values))
        }
        Effect::Delivery { form, to } => format!("delivery {form} to {}", office_name(to)),
        Effect::Payment(order) => payment(order),
        Effect::Release { budget } => format!("release {budget}"),
    }
}

/// `payment payroll/2026: SALA on 2026-03-10, 9998 lines, 61234567.89`.
fn payment(order: &PaymentOrder) -> String {
    let amounts = order
        .lines
        .iter()
        .map(|line| line.amount.parse::<Decimal>());
    let total: Decimal = amounts.filter_map(Result::ok).sum();
    let count = match order.lines.len() {
        1 => "1 line".to_owned(),
        count => format!("{count} lines"),
    };
    format!(
        "payment {}: {} on {}, {count}, {total:.2}",
        order.budget, order.category, order.execute_on
    )
}

fn office_name(office: &Office) -> String {
    format!("{}-{}", office.function, office.region)
}

/// `amount 6871.40, month 2025-03`: of what differs by language the Chinese.
fn notice_values(values: &str) -> String {
    let values: Map<String, Value> = serde_json::from_str(values).unwrap_or_default();
    let value = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Object(both) => both
            .get("zh")
            .and_then(Value::as_str)
            .map_or_else(|| value.to_string(), str::to_owned),
        value => value.to_string(),
    };
    let said: Vec<String> = values
        .iter()
        .map(|(name, said)| format!("{name} {}", value(said)))
        .collect();
    said.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use onething_capabilities::BankAnswer;
    use onething_contract::{Intent, Payment};
    use std::collections::BTreeMap;

    fn order() -> PaymentOrder {
        let line = |line: &str, amount: &str| Payment {
            line: line.to_owned(),
            payee: "张健国".to_owned(),
            account: "6222".to_owned(),
            bank: None,
            amount: amount.to_owned(),
            purpose: "工资".to_owned(),
        };
        PaymentOrder {
            budget: "payroll/2026".to_owned(),
            category: "SALA".to_owned(),
            execute_on: "2026-03-10".to_owned(),
            lines: vec![line("l1", "6000.10"), line("l2", "5000.90")],
        }
    }

    #[test]
    fn a_payment_is_one_line_with_what_came_back() {
        let returned = BTreeMap::from([("l2".to_owned(), "账号户名不符".to_owned())]);
        let settled = |returned| {
            let answer = BankAnswer::returning(&order(), returned).of(&order());
            Some(answer.map(|answer| answer.settlement))
        };
        let asked = "payment payroll/2026: SALA on 2026-03-10, 2 lines, 11001.00";
        for (outcome, expected) in [
            (None, "  AT THE BANK"),
            (settled(&BTreeMap::new()), ""),
            (settled(&returned), "  RETURNED l2 (账号户名不符)"),
        ] {
            let record = EffectRecord {
                intent: Intent {
                    ticket: "t1".to_owned(),
                    after: Vec::new(),
                    effect: Effect::Payment(order()),
                },
                outcome,
            };
            assert_eq!(effect(&record), format!("{asked}{expected}"));
        }
    }

    #[test]
    fn money_is_told_by_where_it_is() {
        for (status, in_transit, paid, expected) in [
            (ReservationStatus::Waiting, 0, 0, "waited for 100.00"),
            (
                ReservationStatus::Reserved,
                30,
                0,
                "at the bank 30.00, reserved 70.00",
            ),
            (
                ReservationStatus::Released,
                0,
                60,
                "paid 60.00, given back 40.00",
            ),
            (ReservationStatus::Released, 0, 100, "paid 100.00"),
        ] {
            let record = ReservationRecord {
                reservation: Reservation {
                    budget: "policy/rd".to_owned(),
                    amount: "100.00".to_owned(),
                    when_short: WhenShort::Wait,
                },
                amount: Decimal::from(100),
                status,
                in_transit: Decimal::from(in_transit),
                paid: Decimal::from(paid),
            };
            assert_eq!(reserved(&record), format!("policy/rd: 100.00, {expected}"));
        }
    }
}
