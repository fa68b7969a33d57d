//! The figures come from the sources named in the rules, from public calculators that agree with
//! them, or from a calculation by hand that the comment shows; never from the code.

use super::*;
use crate::testing::{MAN, WOMAN, derived, facts, value};
use onething_sdk::serde_json::json;

fn month(text: &str) -> Month {
    Month::parse(text).unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

/// Someone, by sex and post.
type Kind = (&'static str, StaffCategory, Rank, TechnicalTitle);
const MEN: Kind = (
    MAN,
    StaffCategory::Worker,
    Rank::Worker3,
    TechnicalTitle::None,
);
const CADRE: Kind = (
    WOMAN,
    StaffCategory::CivilServant,
    Rank::Principal1,
    TechnicalTitle::None,
);
const WORKER: Kind = (
    WOMAN,
    StaffCategory::Worker,
    Rank::Worker3,
    TechnicalTitle::None,
);
const COUNTY: Kind = (
    WOMAN,
    StaffCategory::CivilServant,
    Rank::LeadingCountyDeputy,
    TechnicalTitle::None,
);

#[test]
fn retirement_ages() {
    for (kind, born, delay, age, retires) in [
        (MEN, "1964-12", 0, "60岁", "2024-12"),
        (MEN, "1965-01", 1, "60岁1个月", "2025-02"),
        (MEN, "1965-04", 1, "60岁1个月", "2025-05"),
        (MEN, "1965-05", 2, "60岁2个月", "2025-07"),
        (MEN, "1965-12", 3, "60岁3个月", "2026-03"),
        // The last month before the cap, the month that reaches it, and one after.
        (MEN, "1976-08", 35, "62岁11个月", "2039-07"),
        (MEN, "1976-09", 36, "63岁", "2039-09"),
        (MEN, "1990-01", 36, "63岁", "2053-01"),
        (CADRE, "1969-12", 0, "55岁", "2024-12"),
        (CADRE, "1970-01", 1, "55岁1个月", "2025-02"),
        (CADRE, "1971-04", 4, "55岁4个月", "2026-08"),
        (CADRE, "1981-08", 35, "57岁11个月", "2039-07"),
        (CADRE, "1981-09", 36, "58岁", "2039-09"),
        (WORKER, "1974-12", 0, "50岁", "2024-12"),
        (WORKER, "1975-01", 1, "50岁1个月", "2025-02"),
        (WORKER, "1975-02", 1, "50岁1个月", "2025-03"),
        (WORKER, "1975-03", 2, "50岁2个月", "2025-05"),
        (WORKER, "1975-06", 3, "50岁3个月", "2025-09"),
        (WORKER, "1984-10", 59, "54岁11个月", "2039-09"),
        (WORKER, "1984-11", 60, "55岁", "2039-11"),
        (WORKER, "1990-01", 60, "55岁", "2045-01"),
        (COUNTY, "1965-01", 1, "60岁1个月", "2025-02"),
    ] {
        let facts = facts("2025-01-06");
        let (id, category, rank, title) = kind;
        let id: CitizenId = value(json!(id));
        let day = month(born).first_day();
        let found = delay_months(&facts, &id, &day, &category, &rank, &title);
        assert_eq!(found, Some(delay), "{kind:?} {born}");
        let statutory = statutory_month(&facts, &id, &day, &category, &rank, &title).unwrap();
        assert_eq!(statutory, month(retires), "{kind:?} {born}");
        let found = retirement_age(
            &facts,
            &day,
            &RetirementScenario::Statutory,
            None,
            &statutory,
        );
        assert_eq!(found.as_deref(), Some(age), "{kind:?} {born}");
    }
}

#[test]
fn the_post_decides_the_original_age() {
    use StaffCategory::{CivilServant, Management, Technical, Worker};
    use TechnicalTitle::{AssociateSenior, Middle, None, Senior};
    for (id, category, rank, title, years) in [
        (MAN, Worker, Rank::WorkerGeneral, None, 60),
        (MAN, Technical, Rank::Technical1, Senior, 60),
        (WOMAN, Worker, Rank::Worker1, Senior, 50),
        (WOMAN, Technical, Rank::Technical8, Middle, 55),
        (WOMAN, Technical, Rank::Technical7, AssociateSenior, 60),
        (WOMAN, Technical, Rank::Technical4, Senior, 60),
        // A title that goes with no professional post.
        (WOMAN, Management, Rank::Management7, Senior, 55),
        (WOMAN, Management, Rank::Management6, None, 60),
        (WOMAN, Management, Rank::Management7, None, 55),
        (WOMAN, CivilServant, Rank::Consultant4, None, 60),
        (WOMAN, CivilServant, Rank::Principal1, None, 55),
        (WOMAN, CivilServant, Rank::LeadingTownship, None, 55),
    ] {
        let id: CitizenId = value(json!(id));
        let found = original_age(&facts("2025-01-06"), &id, &category, &rank, &title);
        assert_eq!(found, Some(years), "{category:?} {rank:?} {title:?}");
    }
    let nothing = |_: &str, _: NaiveDate| Option::None;
    let unpublished = Facts::new(NaiveDate::default(), &nothing);
    let id: CitizenId = value(json!(WOMAN));
    let unknown = original_age(&unpublished, &id, &Technical, &Rank::Technical8, &Middle);
    assert_eq!(unknown, Option::None);
}

#[test]
fn minimum_contribution_rises_from_2030() {
    for (retired, months) in [
        ("2025-02", 180),
        ("2029-12", 180),
        ("2030-01", 186),
        ("2034-06", 210),
        ("2038-12", 234),
        ("2039-01", 240),
        ("2060-01", 240),
    ] {
        let found = minimum_contribution_months(
            &facts("2025-01-06"),
            &RetirementScenario::Statutory,
            None,
            &month(retired),
        );
        assert_eq!(found, Some(months), "{retired}");
    }
}

#[test]
fn the_scenario_decides_the_month() {
    let (chosen, statutory) = (month("2025-01"), month("2026-03"));
    let facts = facts("2025-01-06");
    let found = |scenario, chosen| retirement_month(&facts, &scenario, chosen, &statutory);
    use RetirementScenario::{FlexibleEarly, Illness, Statutory};
    assert_eq!(found(Statutory, None), Some(statutory));
    assert_eq!(found(Statutory, Some(&chosen)), Some(statutory));
    assert_eq!(found(FlexibleEarly, Some(&chosen)), Some(chosen));
    assert_eq!(found(Illness, None), None);
    let december = month("2025-12");
    let after = month_after_retirement(&facts, &Statutory, None, &december);
    assert_eq!(after, Some(month("2026-01")));
    let exit = exit_date(&facts, &Statutory, None, &december).unwrap();
    assert_eq!(exit.to_string(), "2026-01-01");
    assert_eq!(
        scenario_basis(&facts, &RetirementScenario::CivilServantEarly).as_deref(),
        Some("公务员法第九十三条")
    );
}

#[test]
fn service_leaves_out_what_does_not_count() {
    let line = |from: &str, to: Option<&str>, counts| CareerRow {
        from: month(from),
        to: to.map(month),
        unit: String::new(),
        post: String::new(),
        counts,
    };
    let retired = month("2025-08");
    for (career, months) in [
        (vec![line("1985-08", None, true)], 480),
        (vec![], 0),
        (vec![line("1985-08", Some("2024-07"), true)], 468),
        // A gap of a year; its months on both sides count.
        (
            vec![
                line("1985-08", Some("1990-07"), true),
                line("1991-08", None, true),
            ],
            468,
        ),
        // Three years that do not count, whatever the order of the lines.
        (
            vec![
                line("1993-08", None, true),
                line("1990-08", Some("1993-07"), false),
                line("1985-08", Some("1990-07"), true),
            ],
            444,
        ),
        // Two posts at a time, one within the other, and the month of a change on both lines.
        (
            vec![
                line("1985-08", Some("2000-01"), true),
                line("1990-01", Some("1995-01"), true),
                line("2000-01", None, true),
            ],
            480,
        ),
        // School before the start of work, and a line after the end.
        (
            vec![
                line("1980-09", Some("1990-07"), true),
                line("2026-01", None, true),
            ],
            60,
        ),
    ] {
        let found = service_months(
            &facts("2025-01-06"),
            &month("1985-08"),
            &Rows(career.clone()),
            &RetirementScenario::Statutory,
            None,
            &retired,
        );
        assert_eq!(found, Some(months), "{career:?}");
    }
}

#[test]
fn divisors_between_full_years() {
    let born = month("1975-01").first_day();
    for (years, months, divisor) in [
        (60, 0, "139.0"),
        (60, 1, "138.4"),
        // 139 − 7 × 3 ÷ 12 = 137.25
        (60, 3, "137.3"),
        (50, 1, "194.6"),
        (55, 4, "168.0"),
        (63, 0, "117.0"),
        (70, 0, "56.0"),
        (40, 0, "233.0"),
    ] {
        let retired = month("1975-01").plus(years * 12 + months);
        let found = divisor_months(
            &facts("2025-01-06"),
            &born,
            &RetirementScenario::Statutory,
            None,
            &retired,
        );
        assert_eq!(found.unwrap().to_string(), divisor, "{years}y{months}m");
    }
    for beyond in [39 * 12, 70 * 12 + 1, -1] {
        let retired = month("1975-01").plus(beyond);
        let found = pension::divisor_months(&facts("2025-01-06"), month("1975-01"), retired);
        assert_eq!(found, None, "{beyond}");
    }
}

#[test]
fn pension_formulas() {
    let contribution = |months, index: &str| Contribution::new(months, decimal(index));
    let none = contribution(0, "0");
    for (base, deemed, paid, expected) in [
        ("12049", none, contribution(360, "0.8"), "3253.23"),
        ("8433", none, contribution(456, "1.2"), "3524.99"),
        // (1.5 × 120 + 0.9 × 240) ÷ 360 = 1.1; 10000 × 2.1 ÷ 2 × 30 × 1%
        (
            "10000",
            contribution(120, "1.5"),
            contribution(240, "0.9"),
            "3150.00",
        ),
        ("8433", none, none, "0.00"),
    ] {
        let found = pension::basic(decimal(base), deemed, paid).unwrap();
        assert_eq!(found, money(expected), "{base}");
    }
    let transitional =
        pension::transitional(decimal("8433"), contribution(240, "1.1"), decimal("1.4"));
    assert_eq!(transitional, Some(money("2597.36")));
    assert_eq!(
        pension::spread(money("150000.00"), decimal("137.3")),
        Some(money("1092.50"))
    );
    assert_eq!(pension::spread(money("1.00"), Decimal::ZERO), None);
    let huge = contribution(u32::MAX, "999999999999999.99999999");
    assert_eq!(
        pension::transitional(Decimal::MAX, huge, decimal("1.4")),
        None
    );
    assert_eq!(pension::basic(Decimal::MAX, huge, huge), None);
}

#[test]
fn the_base_is_last_years_while_this_years_is_unpublished() {
    let base = |retired: &str| {
        pension_base(
            &facts("2025-01-06"),
            &RetirementScenario::Statutory,
            None,
            &month(retired),
        )
    };
    assert_eq!(base("2025-12").as_deref(), Some("8433.00"));
    assert_eq!(
        base("2026-01").as_deref(),
        Some("8433.00（2025年基数，预发）")
    );
    assert_eq!(base("2027-01"), None);
}

#[test]
fn the_deemed_index_is_looked_up_by_rank_and_grade() {
    for (rank, grade, index) in [
        (Rank2014::Technical7, 1, Some("1.69")),
        (Rank2014::Technical7, 20, Some("1.69")),
        (Rank2014::Technical7, 21, Some("1.75")),
        (Rank2014::Technical7, 65, Some("1.87")),
        (Rank2014::Technical7, 66, None),
        (Rank2014::LeadingCounty, 16, Some("2.05")),
        (Rank2014::LeadingCounty, 19, None),
        (Rank2014::None, 0, Some("0.00")),
        (Rank2014::None, 1, None),
        (Rank2014::LeadingCounty, 0, None),
    ] {
        let found = deemed_index(&facts("2025-01-06"), &rank, &grade);
        assert_eq!(found, index.map(decimal), "{rank:?} {grade}");
    }
}

/// Every derivation of one person, as the forms print them.
#[test]
fn a_whole_person() {
    let (answers, derived) =
        derived(&json!({"fund-loan": "20000.00", "AAE010": "622202000000000000"}));
    assert_eq!(answers.statutory_month, Some(month("2025-02")));
    assert_eq!(answers.service_months, Some(438));
    for (function, expected) in [
        ("sex", json!("男")),
        ("original_age", json!(60)),
        ("delay_months", json!(1)),
        ("retirement_month", json!("2025-02")),
        ("retirement_age", json!("60岁1个月")),
        ("month_after_retirement", json!("2025-03")),
        ("exit_date", json!("2025-03-01")),
        ("contribution_months", json!(438)),
        ("minimum_contribution_months", json!(180)),
        ("monthly_pay", json!("10598.50")),
        ("pension_base", json!("8433.00")),
        ("deemed_index", json!("1.75")),
        ("divisor_months", json!("138.4")),
        // 8433 × (438 + 1.75 × 314 + 1.2 × 124) ÷ 2400 = 3992.674…
        ("basic_pension", json!("3992.67")),
        // 8433 × 1.75 × 314 ÷ 12 × 1.4% = 5406.255…
        ("transitional_pension", json!("5406.26")),
        // 150000 ÷ 138.4 = 1083.815…
        ("personal_pension", json!("1083.82")),
        ("total_pension", json!("10482.75")),
        // 60000 ÷ 138.4 = 433.526…
        ("annuity_monthly", json!("433.53")),
        ("bank_name", json!("中国工商银行")),
        ("has_loan", json!(true)),
        // 86543.07 − 20000
        ("withdrawal_amount", json!("66543.07")),
        (
            "withdrawal_amount_words",
            json!("陆万陆仟伍佰肆拾叁元零柒分"),
        ),
        ("filled_after", json!(39)),
        ("vacant_after", json!(3)),
    ] {
        assert_eq!(derived.of(function), Some(&expected), "{function}");
    }
}

#[test]
fn what_is_left_never_falls_below_nothing() {
    let facts = facts("2025-01-06");
    let left = withdrawal_amount(&facts, &money("100.00"), &money("100.01")).unwrap();
    assert_eq!(left.to_string(), "0.00");
    let words = withdrawal_amount_words(&facts, &money("100.00"), &money("100.01"));
    assert_eq!(words.as_deref(), Some("零元整"));
    assert_eq!(has_loan(&facts, &money("0.00")), Some(false));
    assert_eq!(filled_after(&facts, &0), Some(0));
    for (approved, filled, vacant) in [(42, 40, 3), (40, 40, 1), (40, 41, 0), (40, 45, 0)] {
        assert_eq!(vacant_after(&facts, &approved, &filled), Some(vacant));
    }
    assert_eq!(contribution_months(&facts, &u32::MAX, &1), None);
    let card: Account = value(json!("79927398713"));
    assert_eq!(bank_name(&facts, &card), None);
}
