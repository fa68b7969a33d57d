use super::*;
use crate::testing::{self, Liandu, answers, computed, row_but};
use onething_sdk::serde_json::json;

fn cells(line: &PayrollLinesRow) -> Vec<String> {
    [
        line.gross,
        line.pension,
        line.annuity,
        line.medical,
        line.unemployment,
        line.fund,
        line.taxable,
        line.tax,
        line.net,
    ]
    .iter()
    .map(Money::to_string)
    .collect()
}

/// 张丽娟: 10674 on a base of 10674; nothing so far this year, one month of 5000.
#[test]
fn a_line() {
    let answers = computed(&Liandu::default(), &answers());
    let lines = answers.payroll_lines.unwrap();
    let expected = [
        "10674.00", "853.92", "426.96", "213.48", "53.37", "1280.88", "845.39", "25.36", "7820.03",
    ];
    assert_eq!(cells(&lines[0]), expected);
    assert_eq!(lines[0].line, "00001");
}

#[test]
fn tax_goes_on_from_last_months_figures() {
    let mut world = Liandu::default();
    world.registers.insert(
        "tax-withholding",
        json!({"month": "2026-02", "persons": [{
            "citizen-id": "331102198503160025", "months": 2,
            "income": "60000.00", "deductions": "9657.22", "tax": "1000.00",
        }]}),
    );
    let answers = computed(&world, &answers());
    let line = &answers.payroll_lines.unwrap()[0];
    // 60000 + 10674 - 15000 - 9657.22 - 4828.61 = 41188.17, taxed 4118.817 - 2520.
    assert_eq!(line.taxable.to_string(), "41188.17");
    assert_eq!(line.tax.to_string(), "598.82");
}

#[test]
fn unemployment_insurance_is_of_public_institutions() {
    let mut json = answers();
    json["unit-type"] = json!("organ");
    let answers = computed(&Liandu::default(), &json);
    let lines = answers.payroll_lines.unwrap();
    assert_eq!(lines[0].unemployment.to_string(), "0.00");
    let remitted = answers.payroll_remittances.unwrap();
    assert!(remitted.iter().all(|row| row.line != "unemployment"));
}

#[test]
fn what_is_paid_is_gross_pay_and_the_units_part() {
    let world = Liandu::default();
    let facts = testing::facts(&world);
    let answers = computed(&world, &answers());
    let (lines, remitted) = (
        answers.payroll_lines.unwrap(),
        answers.payroll_remittances.unwrap(),
    );
    let cash = cash_total(&facts, &lines, &remitted).unwrap();
    let gross = gross_total(&facts, &lines).unwrap();
    assert_eq!(cash, gross + unit_total(&facts, &remitted).unwrap());
    let row = |line: &str| {
        let row = remitted.iter().find(|row| row.line == line).unwrap();
        (row.withheld.to_string(), row.unit.to_string())
    };
    // On bases of 31399.00 together.
    assert_eq!(row("pension"), ("2511.92".into(), "5023.84".into()));
    assert_eq!(row("injury"), ("0.00".into(), "62.80".into()));
    assert_eq!(row("fund"), ("3767.88".into(), "3767.88".into()));
}

#[test]
fn the_pay_day_moves_earlier() {
    let world = Liandu::default();
    let facts = testing::facts(&world);
    for (month, day) in [
        ("2026-03", Some("2026-03-10")),
        ("2026-01", Some("2026-01-09")), // Saturday
        ("2026-05", Some("2026-05-09")), // Sunday after a worked Saturday
        ("2026-10", Some("2026-10-10")), // a worked Saturday
        ("2027-03", None),               // no calendar
    ] {
        let day = day.map(|day| day.parse().unwrap());
        assert_eq!(
            pay_day(&facts, &Month::parse(month).unwrap()),
            day,
            "{month}"
        );
    }
}

#[test]
fn changes_are_what_differs_from_last_month() {
    let world = Liandu::default();
    assert!(
        computed(&world, &answers())
            .payroll_changes
            .unwrap()
            .is_empty()
    );
    let promoted = row_but(
        1,
        &json!({"post-pay": "3260.00", "change": "promoted", "explanation": "丽人社〔2026〕8号"}),
    );
    let facts = testing::facts(&world);
    let promoted_answers = computed(&world, &promoted);
    let unit = promoted_answers.bab010.unwrap();
    assert_eq!(left(&facts, &unit, &Rows(Vec::new())), Some(3));
    let changes = computed(&world, &promoted).payroll_changes.unwrap();
    assert_eq!(changes.len(), 1);
    let change = &changes[0];
    assert_eq!(change.change, "职务职级（岗位）变动");
    let figures = [change.before, change.now].map(|figure| figure.unwrap().to_string());
    assert_eq!(figures, ["13165.00", "13465.00"]);
}

#[test]
fn counts() {
    let mut world = Liandu::default();
    world.registers.insert("payroll-last", json!({}));
    let facts = testing::facts(&world);
    let answers = computed(&world, &answers());
    let roster = answers.payroll_roster.unwrap();
    let unit = answers.bab010.unwrap();
    assert_eq!(headcount(&facts, &roster), Some(3));
    assert_eq!(joined(&facts, &unit, &roster), Some(3));
    assert_eq!(last_headcount(&facts, &unit), Some(0));
    assert_eq!(vacant_posts(&facts, &4, &roster), Some(1));
    assert_eq!(vacant_posts(&facts, &2, &roster), Some(0));
    assert_eq!(left(&facts, &unit, &roster), Some(0));
    assert_eq!(line_count(&facts, &answers.payroll_lines.unwrap()), Some(3));
}
