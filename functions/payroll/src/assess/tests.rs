use super::rows::ROW_FINDINGS_MAX;
use crate::testing::{FILED_ON, Liandu, answers, answers_but, assess, codes, row_but};
use onething_sdk::contract::{Capacity, Severity, WhenShort};
use onething_sdk::form::Json;
use onething_sdk::serde_json::json;

/// With changes the unit states its totals.
fn stated(mut answers: Json) -> Json {
    let computed = crate::testing::computed(&Liandu::default(), &answers);
    let lines = computed.payroll_lines.unwrap();
    let world = Liandu::default();
    let facts = crate::testing::facts(&world);
    let total = |total: Option<onething_sdk::values::Money>| json!(total.unwrap().to_string());
    answers["payroll-stated-gross"] = total(crate::rules::gross_total(&facts, &lines));
    answers["payroll-stated-net"] = total(crate::rules::net_total(&facts, &lines));
    answers
}

/// The findings of a roster with one row changed and rightly explained.
fn adjusted(changes: Json) -> Vec<String> {
    let mut changes = changes;
    changes["change"] = json!("adjusted");
    changes["explanation"] = json!("丽人社〔2026〕8号");
    codes(&Liandu::default(), &stated(row_but(1, &changes)))
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn last_months_roster_confirmed_holds_the_money() {
    let assessment = assess(&Liandu::default(), &answers());
    assert_eq!(assessment.findings, []);
    assert_eq!(assessment.scenario, "unchanged");
    assert_eq!(
        assessment.unique_keys,
        ["payroll/1233110000264001XG/2026-03"]
    );
    let [held] = assessment.reservations.as_slice() else {
        panic!("{:?}", assessment.reservations);
    };
    assert_eq!(held.budget, "payroll/1233110000264001XG/2026");
    // 31399 of gross pay; 16% + 8% + 8% + 0.5% + 0.2% and 12% on top.
    assert_eq!(held.amount, "45434.36");
    assert_eq!(held.when_short, WhenShort::Refuse);
    assert_eq!(assessment.missing, none());
}

#[test]
fn an_explained_change() {
    let changed = stated(row_but(
        1,
        &json!({"bonus": "5300.00", "change": "adjusted", "explanation": "丽人社〔2026〕8号"}),
    ));
    let assessment = assess(&Liandu::default(), &changed);
    assert_eq!(assessment.findings, []);
    assert_eq!(assessment.scenario, "changed");
}

#[test]
fn a_unit_that_was_never_paid_has_nothing_to_explain() {
    let mut world = Liandu::default();
    world
        .registers
        .insert("payroll-last", json!({"roster": []}));
    world.registers.remove("tax-withholding");
    let assessment = assess(&world, &stated(answers()));
    assert_eq!(assessment.scenario, "new-unit");
    assert_eq!(assessment.missing, ["joining-approval"]);
    let errors = assessment.findings.iter();
    assert_eq!(
        errors
            .filter(|finding| finding.severity == Severity::Error)
            .count(),
        0
    );
}

#[test]
fn the_month_is_the_next_one() {
    let world = Liandu::default();
    let of = |month: &str| codes(&world, &answers_but(&json!({"payroll-month": month})));
    assert!(of("2026-02").contains(&"month-not-next".to_owned()));
    let later = of("2026-05");
    assert!(later.contains(&"month-not-next".to_owned()));
    assert!(later.contains(&"month-too-early".to_owned()));
    assert!(later.contains(&"tax-figures-missing".to_owned()));
}

#[test]
fn rows_of_other_months() {
    let world = Liandu::default();
    let of = |month: &str| codes(&world, &row_but(0, &json!({"month": month})));
    assert_eq!(of("2026-03"), none());
    assert_eq!(of("2026-02"), ["month-mixed"]);
}

#[test]
fn a_person_and_an_account_stand_once() {
    let world = Liandu::default();
    let twice = row_but(1, &answers()["payroll-roster"][0]);
    let found = codes(&world, &twice);
    assert!(found.contains(&"person-twice".to_owned()), "{found:?}");
    let account = answers()["payroll-roster"][0]["account"].clone();
    assert_eq!(
        codes(
            &world,
            &stated(row_but(
                1,
                &json!({"account": account, "change": "account", "explanation": "本人申请"})
            ))
        ),
        ["account-twice?"]
    );
}

#[test]
fn accounts_and_banks() {
    let with = |cells: Json| {
        let mut cells = cells;
        cells["change"] = json!("account");
        cells["explanation"] = json!("本人申请");
        codes(&Liandu::default(), &stated(row_but(1, &cells)))
    };
    assert_eq!(
        with(json!({"account": "6228480330000001026"})),
        ["account-checksum"]
    );
    assert_eq!(
        with(json!({"account": "1210200029049600013"})),
        ["account-not-a-card?"]
    );
    assert_eq!(with(json!({"bank": "10234300020"})), ["bank-code-form"]);
    assert_eq!(with(json!({"bank": "102343000206"})), none());
    assert_eq!(with(json!({"bank": null})), none());
}

#[test]
fn amounts() {
    assert_eq!(adjusted(json!({"bonus": "-1.00"})), ["amount-negative"]);
    assert_eq!(adjusted(json!({"other": "-300.00"})), none());
    assert_eq!(adjusted(json!({"other": "-11000.00"})), ["net-negative"]);
    assert_eq!(adjusted(json!({"base": "4579.99"})), ["base-out-of-bounds"]);
    assert_eq!(adjusted(json!({"base": "4580.00"})), none());
    assert_eq!(
        adjusted(json!({"base": "22900.01"})),
        ["base-out-of-bounds"]
    );
    assert_eq!(
        adjusted(json!({"fund-rate": "4"})),
        ["fund-rate-out-of-bounds"]
    );
    assert_eq!(adjusted(json!({"fund-rate": "5"})), none());
}

#[test]
fn categories() {
    assert_eq!(
        adjusted(json!({"category": "civil-servant"})),
        ["category-not-of-unit"]
    );
    assert_eq!(adjusted(json!({"category": "professional"})), none());
}

#[test]
fn heads_against_the_establishment() {
    let with = |approved: u32| {
        let mut world = Liandu::default();
        world.registers.get_mut("establishment-unit").unwrap()["posts-approved"] = json!(approved);
        codes(&world, &answers_but(&json!({"posts-approved": approved})))
    };
    assert_eq!(with(3), none());
    assert_eq!(with(2), ["posts-exceeded"]);
}

#[test]
fn changes_are_explained() {
    let world = Liandu::default();
    let found = |cells: Json| codes(&world, &stated(row_but(1, &cells)));
    assert_eq!(found(json!({"bonus": "5300.00"})), ["change-unexplained"]);
    assert_eq!(
        found(json!({"change": "adjusted", "explanation": "无"})),
        ["change-without-difference"]
    );
    assert_eq!(
        found(json!({"bonus": "5300.00", "change": "adjusted"})),
        ["explanation-missing"]
    );
    assert_eq!(
        found(json!({"bonus": "5300.00", "change": "account", "explanation": "更换"})),
        ["change-not-so"]
    );
    assert_eq!(
        found(json!({"bonus": "5300.00", "change": "transferred-in", "explanation": "调令"})),
        ["change-not-so"]
    );
    assert_eq!(
        found(json!({"bank": "102343000206", "change": "promoted", "explanation": "任职"})),
        ["change-not-so"]
    );
}

fn without_the_last(more: Json) -> Json {
    let mut json = answers();
    json["payroll-roster"].as_array_mut().unwrap().pop();
    json.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    stated(json)
}

fn leaver(row: usize) -> Json {
    let row = &answers()["payroll-roster"][row];
    json!({"name": row["name"], "citizen-id": row["citizen-id"], "reason": "resigned", "explanation": "2026年2月辞职"})
}

#[test]
fn who_is_gone_is_explained() {
    let world = Liandu::default();
    let found = |leavers: Json| {
        codes(
            &world,
            &without_the_last(json!({"payroll-leavers": leavers})),
        )
    };
    assert_eq!(found(json!([leaver(2)])), none());
    assert_eq!(found(json!([])), ["leaver-unexplained"]);
    assert_eq!(found(json!([leaver(2), leaver(2)])), ["leaver-twice"]);
    assert_eq!(found(json!([leaver(2), leaver(0)])), ["leaver-on-roster"]);
    let mut stranger = leaver(2);
    stranger["citizen-id"] = json!("331121197506300067");
    assert_eq!(found(json!([leaver(2), stranger])), ["leaver-unknown"]);
}

#[test]
fn who_is_new_is_explained() {
    let mut world = Liandu::default();
    let last = &mut world.registers.get_mut("payroll-last").unwrap()["roster"];
    last.as_array_mut().unwrap().pop();
    let found = |cells: Json| codes(&world, &stated(row_but(2, &cells)));
    assert_eq!(found(json!({})), ["change-unexplained"]);
    assert_eq!(
        found(json!({"change": "promoted", "explanation": "任职"})),
        ["change-not-so"]
    );
    assert_eq!(
        found(json!({"change": "recruited", "explanation": "丽人社〔2026〕9号"})),
        none()
    );
}

#[test]
fn totals_agree_to_the_cent() {
    let world = Liandu::default();
    let mut json = stated(answers());
    assert_eq!(codes(&world, &json), none());
    json["payroll-stated-gross"] = json!("31399.01");
    let assessment = assess(&world, &json);
    let [finding] = assessment.findings.as_slice() else {
        panic!("{:?}", assessment.findings);
    };
    assert_eq!(finding.code, "total-differs");
    assert!(finding.message.zh.contains("相差0.01元"), "{finding:?}");
    let missing = row_but(
        1,
        &json!({"bonus": "5300.00", "change": "adjusted", "explanation": "丽人社〔2026〕8号"}),
    );
    assert_eq!(codes(&world, &missing), ["total-missing", "total-missing"]);
}

#[test]
fn without_its_parameters_nothing_is_paid() {
    for parameter in [
        "payroll-contributions",
        "income-tax-withholding",
        "remittance-accounts",
    ] {
        let world = Liandu {
            without_parameter: parameter,
            ..Liandu::default()
        };
        let assessment = assess(&world, &answers());
        let codes: Vec<&str> = assessment
            .findings
            .iter()
            .map(|finding| finding.code.as_str())
            .collect();
        assert_eq!(codes, ["parameter-missing"], "{parameter}");
        assert!(assessment.reservations.is_empty());
    }
    let world = Liandu {
        without_parameter: "working-calendar",
        ..Liandu::default()
    };
    assert_eq!(codes(&world, &answers()), ["pay-day-unknown?"]);
}

#[test]
fn the_tax_figures_are_needed() {
    let mut world = Liandu::default();
    world.registers.remove("tax-withholding");
    assert_eq!(codes(&world, &answers()), ["tax-figures-missing"]);
}

#[test]
fn a_register_that_is_down_leaves_the_check_to_the_reviewers() {
    let mut world = Liandu::default();
    world.registers.remove("payroll-last");
    let assessment = assess(&world, &stated(answers()));
    assert_eq!(assessment.scenario, "changed");
    let codes: Vec<&str> = assessment
        .findings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect();
    assert_eq!(codes, ["unverified", "last-month-unknown"]);
}

#[test]
fn the_units_own_clerk_files_and_its_head_signs() {
    use crate::Payroll;
    let found = |change: fn(&mut onething_sdk::contract::Submission)| {
        let mut submission = crate::testing::submission();
        change(&mut submission);
        let text = answers().to_string();
        let assessment = onething_sdk::assess::<Payroll>(&submission, &text, &Liandu::default());
        let codes: Vec<String> = assessment
            .findings
            .into_iter()
            .map(|finding| finding.code)
            .collect();
        codes
    };
    assert_eq!(found(|_| ()), none());
    assert_eq!(
        found(|submission| submission.parties.clear()),
        ["signatory-missing"]
    );
    assert_eq!(
        found(|submission| submission.filer.capacity = Capacity::Agent),
        ["not-by-unit-clerk"]
    );
    let elsewhere = found(|submission| {
        submission.subject.identifier = "1133110000264001XK".to_owned();
    });
    assert_eq!(elsewhere, ["subject-differs", "not-by-unit-clerk"]);
    let late = found(|submission| submission.filed_at = "2026-03-11T09:00:00+08:00".to_owned());
    assert_eq!(late, ["after-pay-day"]);
    assert!(FILED_ON < "2026-03-10");
}

#[test]
fn a_roster_that_is_wrong_throughout_is_told_so_briefly() {
    let mut json = answers();
    let row = json["payroll-roster"][0].clone();
    json["payroll-roster"] = (0..1000).map(|_| row.clone()).collect();
    let assessment = assess(&Liandu::default(), &json);
    let of = |code: &str| {
        let findings = assessment.findings.iter();
        findings.filter(|finding| finding.code == code).count()
    };
    assert_eq!(of("person-twice"), ROW_FINDINGS_MAX);
    assert_eq!(of("more-findings"), 1);
}

#[test]
fn nobody_on_the_roster() {
    let found = codes(
        &Liandu::default(),
        &answers_but(&json!({"payroll-roster": []})),
    );
    assert!(found.contains(&"roster-empty".to_owned()), "{found:?}");
}
