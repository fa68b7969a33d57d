//! A roster of 10,000 lines through `assess`.

use crate::world::{REGION, World};
use crate::{in_turns, ratio};
use chrono::NaiveDate;
use onething_contract as contract;
use onething_runtime::{Call, Inputs, Limits, Output, Runtime};
use onething_sdk::contract::{
    Capacity, Channel, Filer, Material, MaterialStatus, Party, Subject, SubjectKind, Submission,
};
use onething_tests::bundles::bundle;
use payroll::Payroll;
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;

const LINES: usize = 10_000;
const UNIT: &str = "1233110000264001XG";
const CLERK: &str = "331102199004120066";
const HEAD: &str = "331102197805120032";
const FILED_AT: &str = "2026-03-02T09:00:00+08:00";

pub fn run() {
    let roster = roster();
    let mut world = World::new();
    world.put(
        "user-centre",
        CLERK,
        json!({"name": "蓝小燕", "phone": "0578-2120066", "unit-code": UNIT}),
    );
    world.put(
        "establishment-unit",
        UNIT,
        json!({
            "name": "莲都区测绘院", "supervising-unit": "莲都区自然资源局", "type": "public-one",
            "funding-form": "full", "posts-approved": LINES, "posts-filled": LINES,
        }),
    );
    world.put(
        "payroll-last",
        UNIT,
        json!({"month": "2026-02", "roster": roster}),
    );
    world.put("tax-withholding", UNIT, withheld(&roster));
    let world = Arc::new(world);

    let limits = Limits::default();
    let runtime = Runtime::new(limits, None).unwrap();
    let bundle = runtime.load(&bundle("payroll")).unwrap();
    let mut answers = prefill(&bundle, &world);
    answers["payroll-month"] = json!("2026-03");
    let text: Arc<str> = answers.to_string().into();
    let submission = submission();

    let sandboxed = || {
        let call = Call::Assess {
            submission: for_host(&submission),
        };
        bundle.invoke(&call, inputs(&text, &world))
    };
    let run = sandboxed();
    let assessment = match run.outcome.unwrap().output {
        Output::Assess(assessment) => assessment,
        other => panic!("{}", other.function()),
    };
    assert!(assessment.findings.is_empty(), "{:?}", assessment.findings);
    let natively = || onething_sdk::assess::<Payroll>(&submission, &text, &*world);
    assert_eq!(natively().derived, assessment.derived);

    let [ours, native] = in_turns([&|| drop(black_box(sandboxed())), &|| {
        drop(black_box(natively()))
    }]);
    println!(
        "roster: {LINES} lines, {} bytes of answers; assess {:.0} ms, natively {:.0} ms, ratio {:.2} (at most 4); fuel {} of {}, memory {} MiB of {}, input {} of {}, output {} of {}",
        text.len(),
        ours.as_secs_f64() * 1000.0,
        native.as_secs_f64() * 1000.0,
        ratio(ours, native),
        run.usage.fuel.unwrap_or_default(),
        limits.fuel,
        run.usage.memory_bytes.unwrap_or_default() >> 20,
        limits.memory_bytes >> 20,
        run.usage.input_bytes,
        limits.input_bytes,
        run.usage.output_bytes,
        limits.output_bytes,
    );
}

fn inputs(answers: &Arc<str>, world: &Arc<World>) -> Inputs {
    Inputs {
        answers: Arc::clone(answers),
        now: FILED_AT.to_owned(),
        ticket_prefix: "bench".to_owned(),
        facts: Arc::clone(world) as Arc<dyn onething_runtime::Facts>,
    }
}

fn prefill(bundle: &onething_runtime::Bundle, world: &Arc<World>) -> Value {
    let host = for_host(&submission());
    let call = Call::Prefill {
        filer: host.filer,
        subject: host.subject,
        purpose: "bench".to_owned(),
    };
    let run = bundle.invoke(&call, inputs(&"{}".into(), world));
    let Output::Prefill(Ok(values)) = run.outcome.unwrap().output else {
        panic!("no prefill");
    };
    let known = values.into_iter().filter_map(|prefilled| {
        let value = serde_json::from_str(&prefilled.value?).unwrap();
        Some((prefilled.element, value))
    });
    Value::Object(known.collect())
}

fn subject(kind: SubjectKind, identifier: &str) -> Subject {
    Subject {
        kind,
        identifier: identifier.to_owned(),
    }
}

fn submission() -> Submission {
    Submission {
        subject: subject(SubjectKind::Organisation, UNIT),
        filer: Filer {
            person: subject(SubjectKind::Person, CLERK),
            unit: Some(subject(SubjectKind::Organisation, UNIT)),
            capacity: Capacity::UnitClerk,
        },
        parties: vec![Party {
            subject: subject(SubjectKind::Person, HEAD),
            name: "周建明".to_owned(),
            role: "unit-head".to_owned(),
            signed_at: Some("2026-03-02T08:30:00+08:00".to_owned()),
        }],
        region: REGION.to_owned(),
        channel: Channel::Online,
        filed_at: FILED_AT.to_owned(),
        round: 0,
        form_digest: String::new(),
        materials: vec![Material {
            code: "change-evidence".to_owned(),
            status: MaterialStatus::Shared("personnel-archive".to_owned()),
        }],
    }
}

/// The same submission, as the host has it.
fn for_host(submission: &Submission) -> contract::Submission {
    let person = |subject: &Subject| contract::Subject {
        kind: match subject.kind {
            SubjectKind::Person => contract::SubjectKind::Person,
            _ => contract::SubjectKind::Organisation,
        },
        identifier: subject.identifier.clone(),
    };
    contract::Submission {
        subject: person(&submission.subject),
        filer: contract::Filer {
            person: person(&submission.filer.person),
            unit: submission.filer.unit.as_ref().map(person),
            capacity: contract::Capacity::UnitClerk,
        },
        parties: submission
            .parties
            .iter()
            .map(|party| contract::Party {
                subject: person(&party.subject),
                name: party.name.clone(),
                role: party.role.clone(),
                signed_at: party.signed_at.clone(),
            })
            .collect(),
        region: submission.region.clone(),
        channel: contract::Channel::Online,
        filed_at: submission.filed_at.clone(),
        round: submission.round,
        form_digest: submission.form_digest.clone(),
        materials: vec![contract::Material {
            code: "change-evidence".to_owned(),
            status: contract::MaterialStatus::Shared("personnel-archive".to_owned()),
        }],
    }
}

/// Made-up people with good check characters and cards.
fn roster() -> Value {
    const PAY: [(&str, &str, &str, &str, &str); 3] = [
        ("managerial", "3410.00", "2875.00", "2960.00", "3180.00"),
        ("professional", "2650.00", "2102.00", "2380.00", "2890.00"),
        ("worker", "1940.00", "1582.00", "2010.00", "2450.00"),
    ];
    let born: NaiveDate = "1970-01-01".parse().unwrap();
    let rows = (0..LINES).map(|line| {
        let (category, post, grade, allowance, bonus) = PAY[line % PAY.len()];
        let day = born + chrono::Days::new(line as u64);
        json!({
            "name": format!("职工{}", line + 1),
            "citizen-id": citizen_id(&format!("331102{}{:03}", day.format("%Y%m%d"), line % 1000)),
            "category": category, "post-pay": post, "grade-pay": grade, "allowance": allowance,
            "bonus": bonus, "other": "0.00", "base": "8215.50", "fund-rate": "12",
            "deduction": "1500.00", "account": card(line), "bank": "102343000011",
        })
    });
    rows.collect()
}

fn citizen_id(body: &str) -> String {
    let mut checks = "0123456789X".chars().map(|check| format!("{body}{check}"));
    checks
        .find(|id| onething_contract::identifiers::citizen_id(id))
        .unwrap()
}

/// A card whose last digit makes the Luhn sum right.
fn card(line: usize) -> String {
    let body = format!("622202120{line:09}");
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn withheld(roster: &Value) -> Value {
    let persons = roster.as_array().unwrap().iter().map(|row| {
        json!({
            "citizen-id": row["citizen-id"], "months": 2, "income": "20044.00",
            "deductions": "7354.22", "tax": "80.69",
        })
    });
    json!({"month": "2026-02", "persons": persons.collect::<Vec<_>>()})
}
