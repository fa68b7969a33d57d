use super::*;
use crate::testing::{MAN, WOMAN, answers_but, facts, person, submission};
use onething_sdk::Facts;
use onething_sdk::contract::{Material, MaterialStatus, Severity, Submission};
use onething_sdk::form::Json;
use onething_sdk::serde_json::json;

/// What is found, errors with `!`, and the missing materials.
fn found(
    changes: &Json,
    change: impl FnOnce(&mut Submission),
    (disputed, unverified): (&[&'static str], &[&'static str]),
    facts: &Facts<'_>,
) -> Vec<String> {
    let mut submission = submission();
    change(&mut submission);
    let answers = answers_but(changes);
    let mut out = Assessing::default();
    let case = Submitted {
        submission: &submission,
        answers: &answers,
        facts,
        disputed,
        unverified,
    };
    assess(&case, &mut out);
    let findings = out
        .findings
        .into_iter()
        .map(|finding| match finding.severity {
            Severity::Error => format!("!{}", finding.code),
            Severity::Warning => finding.code,
        });
    let missing = out
        .missing
        .into_iter()
        .map(|code| format!("missing {code}"));
    findings.chain(missing).collect()
}

fn with_answers(changes: Json) -> Vec<String> {
    found(&changes, |_| {}, (&[], &[]), &facts("2025-01-06"))
}

fn with_submission(change: impl FnOnce(&mut Submission)) -> Vec<String> {
    found(&json!({}), change, (&[], &[]), &facts("2025-01-06"))
}

#[test]
fn nothing_is_wrong_with_the_example() {
    assert_eq!(with_answers(json!({})), [""; 0]);
    let (submission, facts) = (submission(), facts("2025-01-06"));
    let answers = answers_but(&json!({}));
    let case = Submitted {
        submission: &submission,
        answers: &answers,
        facts: &facts,
        disputed: &[],
        unverified: &[],
    };
    let mut out = Assessing::default();
    assess(&case, &mut out);
    assert_eq!(out.scenario, "statutory");
    assert_eq!(out.unique_keys, [format!("retirement/{MAN}")]);
}

#[test]
fn who_files_and_who_signed() {
    type Change = fn(&mut Submission);
    let cases: [(Change, Vec<&str>); 9] = [
        (
            |s| s.subject = person(WOMAN),
            vec!["!subject-differs", "!signatory-differs"],
        ),
        (
            |s| s.filer.capacity = Capacity::Applicant,
            vec!["!not-by-unit-clerk"],
        ),
        (|s| s.filer.unit = None, vec!["!unit-missing"]),
        (
            |s| s.filer.unit = Some(person("1133110000264001XK")),
            vec!["!unit-differs"],
        ),
        (
            |s| s.parties[0].signed_at = None,
            vec!["!signature-missing"],
        ),
        (
            |s| s.parties.clear(),
            vec!["!signature-missing", "!signature-missing"],
        ),
        (
            |s| s.parties[0].name = "张建".to_owned(),
            vec!["!signatory-differs"],
        ),
        // A city's unit in a county of the city, and one of another city.
        (|s| s.region = "331121".to_owned(), vec![]),
        (|s| s.region = "330100".to_owned(), vec!["region-differs"]),
    ];
    for (change, expected) in cases {
        assert_eq!(with_submission(change), expected);
    }
}

#[test]
fn values_that_do_not_agree() {
    for (changes, expected) in [
        (
            json!({"confirmation": {"name": "张健国", "signed_at": "2025-01-06T08:40:00+08:00"}}),
            vec!["!confirmation-name-differs"],
        ),
        // The name as the population register has it is not known: nothing to compare.
        (
            json!({"AAC003": null, "confirmation": {"name": "张健国", "signed_at": "2025-01-06T08:40:00+08:00"}}),
            vec![],
        ),
        (
            json!({"AAC006": "1965-01-16"}),
            vec!["birth-date-differs", "missing birth-date-finding"],
        ),
        (
            json!({"AAC007": "1965-01", "career": []}),
            vec!["!work-before-birth"],
        ),
        (json!({"AAC007": "1980-12"}), vec!["work-before-sixteen"]),
        (json!({"AAC007": "1981-01"}), vec![]),
        (
            json!({"AAC007": "2025-02"}),
            vec!["!retirement-before-work"],
        ),
        (json!({"AAE010": "79927398710"}), vec!["!account-luhn"]),
        (json!({"fund-loan": "0.01"}), vec!["open-loan"]),
        (json!({"fund-loan": "86543.07"}), vec!["open-loan"]),
        (
            json!({"fund-loan": "86543.08"}),
            vec!["open-loan", "loan-exceeds-balance"],
        ),
        (json!({"posts-filled": 42}), vec![]),
        (json!({"posts-filled": 43}), vec!["over-established"]),
        (
            json!({"deemed-contribution-months": 0, "paid-months": 179}),
            vec!["!contribution-too-short"],
        ),
        (
            json!({"deemed-contribution-months": 0, "paid-months": 180}),
            vec![],
        ),
        // The social insurance is down: what it owns is nobody else's to say.
        (json!({"paid-months": null}), vec![]),
        (json!({"grade-2014": 66}), vec!["deemed-index-unknown"]),
        (
            json!({"grade-2014": 66, "deemed-contribution-months": 0, "paid-months": 438}),
            vec![],
        ),
        (json!({"uplift": []}), vec![]),
        (
            json!({"uplift": ["only-child"]}),
            vec!["missing uplift-evidence"],
        ),
        (
            json!({"chosen-month": "2025-02"}),
            vec!["!chosen-month-not-wanted"],
        ),
    ] {
        assert_eq!(with_answers(changes.clone()), expected, "{changes}");
    }
}

#[test]
fn names_are_compared_by_their_letters() {
    for (one, other, same) in [
        ("买买提·吐尔逊", "买买提•吐尔逊", true),
        ("张 建国", "张建国", true),
        ("𠮷田", "吉田", false),
        ("张建国", "张健国", false),
    ] {
        assert_eq!(same_name(one, other), same, "{one} {other}");
    }
}

/// What each scenario allows, at its boundaries and one month beyond.
#[test]
fn scenarios() {
    let early = |born: &str, chosen: &str| {
        json!({
            "retirement-scenario": "flexible-early", "AAC006": born, "AAC007": "1998-08",
            "chosen-month": chosen,
        })
    };
    let late = |staff: &str, chosen: &str| {
        json!({
            "retirement-scenario": "flexible-late", "staff-category": staff,
            "chosen-month": chosen,
        })
    };
    let civil = |born: &str, started: &str, chosen: &str| {
        json!({
            "retirement-scenario": "civil-servant-early", "staff-category": "civil-servant",
            "rank": "principal-1", "technical-title": "none", "AAC006": born,
            "AAC007": started, "chosen-month": chosen,
            "career": [{"from": started, "unit": "局", "post": "科员", "counts": true}],
        })
    };
    let at_55 = |rank: &str, born: &str, chosen: &str| {
        json!({
            "retirement-scenario": "women-cadre-at-55", "AAC002": WOMAN, "AAC006": born,
            "staff-category": "civil-servant", "rank": rank, "technical-title": "none",
            "chosen-month": chosen,
        })
    };
    let ill = |born: &str, started: &str, staff: &str| {
        json!({
            "retirement-scenario": "illness", "AAC006": born, "AAC007": started,
            "staff-category": staff, "chosen-month": "2025-03",
            "career": [{"from": started, "unit": "局", "post": "科员", "counts": true}],
        })
    };
    for (changes, expected) in [
        // Born 1967-01: original age 2027-01, 7 months of delay, statutory 2027-08.
        (early("1967-01-15", "2027-01"), vec![]),
        (early("1967-01-15", "2027-07"), vec![]),
        (
            early("1967-01-15", "2027-08"),
            vec!["!not-before-statutory"],
        ),
        (early("1967-01-15", "2026-12"), vec!["!below-original-age"]),
        // Born 1976-09: original age 2036-09, statutory 2039-09; both bounds in the same month.
        (early("1976-09-20", "2036-09"), vec![]),
        (
            early("1976-09-20", "2036-08"),
            vec!["!flexible-too-early", "!below-original-age"],
        ),
        // Born 1965-05: original age 2025-05, statutory 2025-07. Three months from January is April.
        (early("1965-05-10", "2025-05"), vec![]),
        (early("1965-01-15", "2025-01"), vec!["notice-to-check"]),
        (
            early("1964-12-15", "2024-12"),
            vec![
                "!not-before-statutory",
                "!chosen-month-past",
                "!flexible-not-open",
                "notice-to-check",
            ],
        ),
        (
            json!({"retirement-scenario": "flexible-early"}),
            vec!["!chosen-month-required"],
        ),
        (late("technical", "2028-02"), vec![]),
        (late("technical", "2028-03"), vec!["!flexible-too-late"]),
        (late("technical", "2025-02"), vec!["!not-after-statutory"]),
        (late("management", "2026-02"), vec!["!flexible-late-closed"]),
        (
            late("civil-servant", "2026-02"),
            vec!["!flexible-late-closed"],
        ),
        (late("worker", "2026-02"), vec![]),
        // Born 1970-01: 16 months of delay, statutory 2031-05. Thirty years of service by 2025-02,
        (civil("1970-01-15", "1995-02", "2025-02"), vec![]),
        (
            civil("1970-01-15", "1995-03", "2025-02"),
            vec!["!service-too-short"],
        ),
        // or twenty within less than five years of the age: 59 months, 60 are not less.
        (civil("1970-01-15", "2006-06", "2026-06"), vec![]),
        (
            civil("1970-01-15", "2006-05", "2026-05"),
            vec!["!service-too-short"],
        ),
        (
            civil("1970-01-15", "2006-07", "2026-06"),
            vec!["!service-too-short"],
        ),
        (
            json!({"retirement-scenario": "civil-servant-early", "chosen-month": "2025-01"}),
            vec!["!not-civil-servant"],
        ),
        (
            at_55("leading-county-deputy", "1971-04-15", "2026-08"),
            vec![],
        ),
        (
            at_55("leading-county-deputy", "1971-04-15", "2026-07"),
            vec!["!before-women-cadre-age"],
        ),
        (
            at_55("principal-1", "1971-04-15", "2026-07"),
            vec!["!not-woman-at-60"],
        ),
        (ill("1975-03-10", "2000-01", "technical"), vec![]),
        (
            ill("1975-04-10", "2000-01", "technical"),
            vec!["!illness-too-young"],
        ),
        (
            ill("1975-03-10", "2015-04", "technical"),
            vec!["!illness-service-too-short"],
        ),
        (ill("1975-04-10", "2015-04", "civil-servant"), vec![]),
    ] {
        // ID and birth date are moved away from the submission's on purpose: another test's.
        let others: Vec<String> = with_answers(changes.clone())
            .into_iter()
            .filter(|found| !found.starts_with("missing"))
            .filter(|found| !["birth-date-differs", "!subject-differs"].contains(&found.as_str()))
            .collect();
        assert_eq!(others, expected, "{changes}");
    }
}

#[test]
fn scenarios_have_their_material() {
    for (scenario, material) in [
        ("flexible-early", "flexible-early-notice"),
        ("civil-servant-early", "voluntary-application"),
        ("women-cadre-at-55", "voluntary-application"),
        ("flexible-late", "flexible-late-agreement"),
        ("illness", "work-capacity-finding"),
    ] {
        let found =
            with_answers(json!({"retirement-scenario": scenario, "chosen-month": "2025-01"}));
        assert!(
            found.contains(&format!("missing {material}")),
            "{scenario} {found:?}"
        );
        assert!(Answers::MATTER.material(material).is_some(), "{material}");
    }
}

#[test]
fn materials_are_asked_for_where_they_are_needed() {
    let promised = |code: &str, by: &str| {
        let material = Material {
            code: code.to_owned(),
            status: MaterialStatus::Promised(by.to_owned()),
        };
        move |s: &mut Submission| s.materials.push(material)
    };
    let uplift = json!({"uplift": ["only-child"]});
    let friday = facts("2025-01-24");
    // The Sunday is worked, so two working days from the Friday end on the Monday before the feast.
    for (by, expected) in [
        ("2025-01-27", vec![]),
        ("2025-01-28", vec!["!promise-too-late"]),
    ] {
        let found = found(
            &uplift,
            promised("uplift-evidence", by),
            (&[], &[]),
            &friday,
        );
        assert_eq!(found, expected, "{by}");
    }
    let found_with = |disputed, unverified| {
        found(
            &json!({}),
            |_| {},
            (disputed, unverified),
            &facts("2025-01-06"),
        )
    };
    assert_eq!(
        found_with(&["education"], &[]),
        ["missing dispute-evidence"]
    );
    assert_eq!(found_with(&[], &["grade-2014"]), ["missing pay-table-2014"]);
    assert_eq!(found_with(&[], &["education"]), [""; 0]);
    assert_eq!(
        with_submission(|s| s.materials.clear()),
        ["missing identity-licences", "missing personnel-archive"]
    );
    let archive = with_submission(|s| {
        s.materials[1].status = MaterialStatus::Promised("2025-01-07".to_owned());
    });
    assert_eq!(archive, ["!not-deferrable", "missing personnel-archive"]);
}

/// A table that is not there lets nothing pass unsaid.
#[test]
fn what_cannot_be_checked_is_said() {
    let known = |name: &str, on| {
        let gone = matches!(name, "flexible-retirement" | "minimum-contribution-months");
        (!gone)
            .then(|| crate::testing::parameter(name, on))
            .flatten()
    };
    let facts = Facts::new("2025-01-06".parse().unwrap(), &known);
    let changes = json!({"retirement-scenario": "flexible-late", "chosen-month": "2026-02"});
    let found = found(&changes, |_| {}, (&[], &[]), &facts);
    assert_eq!(
        found,
        [
            "not-checked",
            "not-checked",
            "missing flexible-late-agreement"
        ]
    );
}
