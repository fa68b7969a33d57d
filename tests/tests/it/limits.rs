//! A payroll of ten thousand lines, from its submission to the order to the bank, takes at most half
//! of what the limits of a run allow.

use onething_capabilities::Published;
use onething_contract::{
    Capacity, Channel, Effect, Filer, Office, Party, Subject, SubjectKind, Verdict, identifiers,
};
use onething_engine::{Bundles, Decide, Engine, Folders, HandIn, Submitted};
use onething_runtime::{Limits, Runtime};
use onething_store::{Masters, NewBudget, Store};
use onething_tests::bundles::{bundle, root};
use serde_json::json;
use std::fmt::Write;
use std::path::Path;

const LINES: u32 = 10_000;
const UNIT: &str = "1233110000264001XG";
const CLERK: &str = "331102198411050048";
const BUDGET: &str = "payroll/1233110000264001XG/2026";
const FILED: &str = "2026-03-02T09:00:00+08:00";
const DECIDED: &str = "2026-03-03T10:00:00+08:00";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_lines_take_half_of_the_limits() {
    let data = tempfile::tempdir().unwrap();
    let engine = engine(data.path()).await;
    write_registers(&data.path().join("registers"));
    fund(&engine).await;
    let case = submit(&engine).await;
    decide(&engine, &case).await;
    let state = engine.case(&case).await.unwrap().state;
    assert!(state.parked.is_none(), "{:?}", state.parked);
    let forms = engine.forms(&state, DECIDED.parse().unwrap()).await;
    assert_eq!(forms.unwrap().len(), 4);
    let effects = engine.store().effects(&case).await.unwrap();
    let orders = effects.iter().filter_map(|row| match &row.intent.effect {
        Effect::Payment(order) => Some(order.lines.len()),
        _ => None,
    });
    assert!(orders.max() >= Some(LINES as usize));
}

/// A host that gives its bundle half.
async fn engine(data: &Path) -> Engine {
    let whole = Limits::default();
    let half = Limits {
        fuel: whole.fuel / 2,
        memory_bytes: whole.memory_bytes / 2,
        input_bytes: whole.input_bytes / 2,
        output_bytes: whole.output_bytes / 2,
        host_calls: whole.host_calls / 2,
        time_ms_max: whole.time_ms_max / 2,
        ..whole
    };
    let runtime = Runtime::new(half, None).unwrap();
    let mut bundles = Bundles::default();
    bundles.add(runtime.load(&bundle("payroll")).unwrap());
    let masters = Masters::open(&data.join("keys/master.toml")).unwrap();
    let store = Store::open(&data.join("onething.db"), &masters)
        .await
        .unwrap();
    let parameters = Published::open(&root().join("parameters")).unwrap();
    Engine::new(store, bundles, parameters, Folders::within(data))
}

/// The unit as it was last month: the same lines again, one a person.
fn write_registers(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let write = |register: &str, key: &str, entry: &str| {
        let text = format!(
            "[meta]\ntitle = \"{register}\"\nsource = \"试\"\nas-of = 2026-03-01\n\n[entries.\"{key}\"]\n{entry}"
        );
        std::fs::write(folder.join(register).with_extension("toml"), text).unwrap();
    };
    write(
        "user-centre",
        CLERK,
        &format!("name = \"陈晓\"\nphone = \"0578-2110021\"\nunit-code = \"{UNIT}\"\n"),
    );
    write(
        "establishment-unit",
        UNIT,
        &format!(
            "name = \"莲都区测绘院\"\nsupervising-unit = \"莲都区自然资源局\"\ntype = \"public-one\"\nfunding-form = \"full\"\nposts-approved = {LINES}\n"
        ),
    );
    let (mut roster, mut withheld) = (String::new(), String::new());
    for number in 0..LINES {
        let (id, account) = (citizen(number), account(number));
        writeln!(
            roster,
            "{{ name = \"甲{number}\", citizen-id = \"{id}\", category = \"professional\", post-pay = \"2230.00\", grade-pay = \"1384.00\", allowance = \"2860.00\", bonus = \"4200.00\", other = \"0.00\", base = \"10674.00\", fund-rate = \"12\", deduction = \"2000.00\", account = \"{account}\", bank = \"102343000205\" }},"
        )
        .unwrap();
        writeln!(
            withheld,
            "{{ citizen-id = \"{id}\", months = 2, income = \"21348.00\", deductions = \"9657.22\", tax = \"50.72\" }},"
        )
        .unwrap();
    }
    let month = "month = \"2026-02\"";
    write(
        "payroll-last",
        UNIT,
        &format!("{month}\nroster = [\n{roster}]\n"),
    );
    write(
        "tax-withholding",
        UNIT,
        &format!("{month}\npersons = [\n{withheld}]\n"),
    );
}

fn citizen(number: u32) -> String {
    let (day, order) = (number / 1000, number % 1000);
    let body = format!("33110219850{:03}{order:03}", 301 + day);
    let checks = "0123456789X".chars();
    let mut ids = checks.map(|check| format!("{body}{check}"));
    ids.find(|id| identifiers::citizen_id(id)).unwrap()
}

/// With its check digit (GB/T 16647, the formula of Luhn).
fn account(number: u32) -> String {
    let body = format!("622848033{number:09}");
    let sum: u32 = body
        .bytes()
        .rev()
        .zip([2, 1].into_iter().cycle())
        .map(|(digit, weight)| {
            let digit = u32::from(digit - b'0') * weight;
            digit / 10 + digit % 10
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

async fn fund(engine: &Engine) {
    let budget = NewBudget {
        name: BUDGET.to_owned(),
        title: "工资".to_owned(),
        holder: "莲都区财政局".to_owned(),
        account: "33001696735053000001".to_owned(),
        bank: Some("105343000017".to_owned()),
    };
    assert!(engine.store().open_budget(&budget, FILED).await.unwrap());
    let given = engine.store().fund(BUDGET, 50_000_000_000, "fb", FILED);
    given.await.unwrap();
}

async fn submit(engine: &Engine) -> String {
    let subject = |kind, identifier: &str| Subject {
        kind,
        identifier: identifier.to_owned(),
    };
    let unit = subject(SubjectKind::Organisation, UNIT);
    let filer = Filer {
        person: subject(SubjectKind::Person, CLERK),
        unit: Some(unit.clone()),
        capacity: Capacity::UnitClerk,
    };
    let now = FILED.parse().unwrap();
    let form = engine
        .prefill(
            "payroll",
            filer.clone(),
            unit.clone(),
            "331102",
            "试".to_owned(),
            now,
        )
        .await
        .unwrap();
    let mut answers = json!({ "payroll-month": "2026-03" });
    for known in form.values {
        if let Some(value) = known.value {
            answers[known.element] = serde_json::from_str(&value).unwrap();
        }
    }
    let hand_in = HandIn {
        subject: unit,
        filer,
        parties: vec![Party {
            subject: subject(SubjectKind::Person, "331102197405200084"),
            name: "潘晓云".to_owned(),
            role: "unit-head".to_owned(),
            signed_at: Some("2026-03-02T08:40:00+08:00".to_owned()),
        }],
        region: "331102".to_owned(),
        channel: Channel::Online,
        materials: Vec::new(),
        answers,
        form_digest: None,
    };
    let submitted = engine.submit("payroll", hand_in, "platform", None, now);
    match submitted.await.unwrap() {
        Submitted::Registered { case_id, .. } => case_id,
        Submitted::Refused(mut assessment) => {
            assessment.derived.clear();
            assessment.findings.truncate(5);
            panic!("{assessment:?}")
        }
    }
}

async fn decide(engine: &Engine, case: &str) {
    let office = Office {
        function: "finance".to_owned(),
        region: "331102".to_owned(),
    };
    let approve = Decide {
        round: 0,
        task_version: None,
        verdict: Verdict::Approve,
        reasons: Vec::new(),
        opinion: "同意拨付".to_owned(),
        payload: Some(json!({ "plan_no": "莲财支〔2026〕0312号" })),
        on_behalf_of: None,
    };
    let now = DECIDED.parse().unwrap();
    let decided = engine.decide(case, "finance", approve, "fb-003", &office, now);
    decided.await.unwrap();
}
