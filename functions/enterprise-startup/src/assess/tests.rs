mod people;

use super::*;
use crate::testing::{CHEN, LIN, Liandu, answers_but, facts, party, submission};
use onething_sdk::contract::{MaterialStatus, Severity, Submission};
use onething_sdk::form::Json;
use onething_sdk::serde_json::json;

/// `error code` or `warning code path`, and `missing material`, in their order.
fn found(changes: &Json, change: impl FnOnce(&mut Submission, &mut Liandu)) -> Vec<String> {
    let mut submission = submission();
    let mut world = Liandu::default();
    change(&mut submission, &mut world);
    let answers = answers_but(changes);
    let facts = facts(&world);
    let mut out = Assessing::default();
    let case = Submitted {
        submission: &submission,
        answers: &answers,
        facts: &facts,
        disputed: &[],
        unverified: &[],
    };
    assess(&case, &mut out);
    let findings = out
        .findings
        .into_iter()
        .map(|finding| match finding.severity {
            Severity::Error => format!("error {} {}", finding.code, finding.path),
            Severity::Warning => format!("warning {} {}", finding.code, finding.path),
        });
    let missing = out
        .missing
        .into_iter()
        .map(|code| format!("missing {code}"));
    findings.chain(missing).collect()
}

#[track_caller]
fn check(changes: Json, expected: &[&str]) {
    let found = found(&changes, |_, _| {});
    let found: Vec<&str> = found.iter().map(|finding| finding.trim_end()).collect();
    assert_eq!(found, expected, "{changes}");
}

#[test]
fn nothing_is_wrong() {
    check(json!({}), &[]);
}

#[test]
fn scenario_and_keys() {
    let submission = submission();
    let world = Liandu::default();
    for (changes, scenario) in [
        (json!({}), "limited-company"),
        (
            json!({"shareholders": [{"name": "陈明", "citizen-id": CHEN, "amount": "1000000.00", "percentage": "100", "way": "money", "due": "2030-03-03"}]}),
            "one-person-company",
        ),
    ] {
        let answers = answers_but(&changes);
        let facts = facts(&world);
        let mut out = Assessing::default();
        let case = Submitted {
            submission: &submission,
            answers: &answers,
            facts: &facts,
            disputed: &[],
            unverified: &[],
        };
        assess(&case, &mut out);
        assert_eq!(out.scenario, scenario);
        assert_eq!(
            out.unique_keys,
            [
                "enterprise-startup/KB-331102-2025-0001",
                "enterprise-name/331102/丽水市莲都区云和山舍软件有限公司"
            ]
        );
    }
}

#[test]
fn names() {
    for (changes, expected) in [
        (json!({"name-mark": "云"}), "error name-mark /name-mark"),
        (json!({"name-mark": "云和A"}), "error name-mark /name-mark"),
        (json!({"name-mark": "云和"}), ""),
        (json!({"name-mark": "一二三四五六七八"}), ""),
        (
            json!({"name-mark": "一二三四五六七八九"}),
            "error name-mark-long /name-mark",
        ),
        (
            json!({"name-mark": "莲都区"}),
            "error name-mark-is-region /name-mark",
        ),
        (
            json!({"name-mark": "国家级优选"}),
            "error name-forbidden-word /name-mark",
        ),
        (
            json!({"name-trade": "中国软件"}),
            "error name-needs-approval /name-trade",
        ),
        (
            json!({"name-division": "浙江省"}),
            "error name-division /name-division",
        ),
        (json!({"name-division": "莲都区"}), ""),
    ] {
        let found = found(&changes, |_, _| {});
        let first = found.first().map_or("", String::as_str);
        assert_eq!(first, expected, "{changes}: {found:?}");
    }
}

#[test]
fn names_of_others() {
    let name = || "331102/丽水市莲都区云和山舍软件有限公司".to_owned();
    for (entry, expected) in [
        (
            json!({"holder": "91331102MA2E1KX035"}),
            vec!["error name-taken /name-mark"],
        ),
        (
            json!({"holder": "KB-331102-2025-0009", "reserved-until": "2025-03-03"}),
            vec!["error name-reserved /name-mark"],
        ),
        (
            json!({"holder": "KB-331102-2025-0009", "reserved-until": "2025-03-02"}),
            vec![],
        ),
        (
            json!({"holder": "KB-331102-2025-0001", "reserved-until": "2025-04-02"}),
            vec![],
        ),
    ] {
        let found = found(&json!({}), |_, world| {
            world
                .registers
                .insert(("enterprise-names", name()), entry.clone());
        });
        assert_eq!(found, expected, "{entry}");
    }
}

#[test]
fn domicile() {
    check(
        json!({"domicile-region": "331121"}),
        &["error domicile-elsewhere /domicile-region"],
    );
    check(
        json!({"domicile-region": "3311"}),
        &["error region-form /domicile-region"],
    );
    check(
        json!({"postcode": "32300"}),
        &["error postcode-form /postcode"],
    );
    check(
        json!({"premises-area": "0"}),
        &["error premises-area /premises-area"],
    );
    check(json!({"premises-area": "0.1"}), &[]);
    // A city's office has the whole city.
    let of_city = found(&json!({}), |submission, _| {
        submission.region = "331100".to_owned()
    });
    assert_eq!(of_city, Vec::<String>::new());
}

#[test]
fn scope() {
    check(
        json!({"/business-scope/0/main": false}),
        &["error one-main-entry /business-scope"],
    );
    check(
        json!({"/business-scope/1/main": true}),
        &["error one-main-entry /business-scope"],
    );
    check(
        json!({"/business-scope/1/code": "I3006"}),
        &["error scope-twice /business-scope/1/code"],
    );
    check(
        json!({"/business-scope/1/code": "Z9999"}),
        &["error scope-unknown /business-scope/1/code"],
    );
    check(
        json!({"/business-scope/1/code": "H1001"}),
        &["warning licence-to-follow /business-scope/1/code"],
    );
    check(
        json!({"/business-scope/1/code": "J1030"}),
        &["missing prior-licence"],
    );
}

#[test]
fn capital() {
    let (first, second) = ("/shareholders/0/percentage", "/shareholders/1/percentage");
    check(
        json!({second: "39.99"}),
        &[
            "error percentages-not-100 /shareholders",
            "error percentage-differs /shareholders/1/percentage",
        ],
    );
    check(
        json!({first: "70", second: "30"}),
        &[
            "error percentage-differs /shareholders/0/percentage",
            "error percentage-differs /shareholders/1/percentage",
        ],
    );
    check(
        json!({"registered-capital": "1000000.01"}),
        &["error capital-not-subscribed /registered-capital"],
    );
    check(
        json!({"registered-capital": "0.00"}),
        &["error capital-not-positive /registered-capital"],
    );
    check(
        json!({"/shareholders/0/due": "2030-03-04"}),
        &["error contribution-late /shareholders/0/due"],
    );
    check(
        json!({"/shareholders/0/uscc": null, "/shareholders/0/citizen-id": null}),
        &["error one-identifier /shareholders/0/citizen-id"],
    );
}

/// Thirds do not come out even: one of them is rounded up.
#[test]
fn thirds_add_up() {
    let thirds = |percentages: [&str; 3]| {
        let ids = [CHEN, LIN, "33110219920317004X"];
        let names = ["陈明", "林小燕", "周慧"];
        let rows: Vec<Json> = (0..3)
            .map(|n| json!({"name": names[n], "citizen-id": ids[n], "amount": "300000.00", "percentage": percentages[n], "way": "money", "due": "2030-03-03"}))
            .collect();
        found(
            &json!({"registered-capital": "900000.00", "shareholders": rows}),
            |submission, _| {
                let third = party("shareholder", ids[2], names[2]);
                submission.parties.push(third);
            },
        )
    };
    assert_eq!(thirds(["33.33", "33.33", "33.34"]), Vec::<String>::new());
    assert_eq!(
        thirds(["33.33", "33.33", "33.33"]),
        ["error percentages-not-100 /shareholders"]
    );
}

#[test]
fn who_signs() {
    let lin = || party("shareholder", LIN, "林小燕");
    type Change = fn(&mut Submission);
    let cases: [(Change, &[&str]); 5] = [
        (
            |submission| drop(submission.parties.pop()),
            &["error party-missing "],
        ),
        (
            |submission| drop(submission.parties.remove(0)),
            &["error party-missing "],
        ),
        (
            |submission| {
                submission
                    .parties
                    .push(party("shareholder", "33110219920317004X", "周慧"))
            },
            &["error party-unexpected "],
        ),
        (
            |submission| submission.parties[2].name = "林晓燕".to_owned(),
            &["error party-name-differs "],
        ),
        (
            |submission| {
                submission.parties[2].signed_at = Some("2025-03-03T09:00:00+08:00".to_owned())
            },
            &[],
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(
            found(&json!({}), |submission, _| change(submission)),
            expected
        );
    }
    let twice = found(&json!({}), |submission, _| submission.parties.push(lin()));
    assert_eq!(twice, ["error party-twice "]);
}

#[test]
fn who_files() {
    type Change = fn(&mut Submission);
    let cases: [(Change, &[&str]); 3] = [
        (
            |submission| submission.filer.capacity = Capacity::Applicant,
            &["error capacity "],
        ),
        (
            |submission| submission.subject.kind = SubjectKind::Organisation,
            &["error subject-not-provisional "],
        ),
        (
            |submission| submission.filer.capacity = Capacity::Agent,
            &["missing power-of-attorney"],
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(
            found(&json!({}), |submission, _| change(submission)),
            expected
        );
    }
    check(
        json!({"filer-id": LIN, "filer-name": "林小燕"}),
        &["error filer-differs /filer-id"],
    );
    let other = found(
        &json!({"filer-id": LIN, "filer-name": "林小燕"}),
        |submission, _| {
            submission.filer.person.identifier = LIN.to_owned();
        },
    );
    assert_eq!(
        other,
        ["error filer-not-legal-representative /legal-rep-id"]
    );
}

#[test]
fn seals_tax_and_bank() {
    for (changes, expected) in [
        (
            json!({"seal-kinds": ["finance"]}),
            &["error company-seal-missing /seal-kinds"][..],
        ),
        (
            json!({"taxpayer-kind": "general"}),
            &["error quarter-for-general-taxpayer /vat-period"],
        ),
        (
            json!({"taxpayer-kind": "general", "vat-period": "month"}),
            &[],
        ),
        (
            json!({"invoice-quota": "0.00"}),
            &["error invoice-quota /invoice-quota"],
        ),
        (json!({"invoice-quota": "0.00", "invoice-kinds": []}), &[]),
        (
            json!({"invoice-kinds": ["special"]}),
            &["warning special-invoices-of-small-scale /invoice-kinds"],
        ),
        (
            json!({"bank-account": true}),
            &[
                "error bank-branch-missing /bank-branch",
                "error bank-visit-missing /bank-visit",
            ],
        ),
        (
            json!({"bank-account": true, "bank-branch": "中国银行丽水市分行", "bank-visit": "2025-03-02"}),
            &["error bank-visit-past /bank-visit"],
        ),
        (
            json!({"bank-account": true, "bank-branch": "中国银行丽水市分行", "bank-visit": "2025-03-03"}),
            &[],
        ),
    ] {
        check(changes, expected);
    }
}

#[test]
fn employees() {
    for (changes, expected) in [
        (json!({"employees": [], "staff-count": 0}), &[][..]),
        (
            json!({"staff-count": 1}),
            &["error staff-count /staff-count"],
        ),
        (
            json!({"/employees/1/insured": false}),
            &["warning employee-not-insured /employees/1/insured"],
        ),
        (
            json!({"/employees/1/wage": "2259.99"}),
            &["warning below-minimum-wage /employees/1/wage"],
        ),
        (json!({"/employees/1/wage": "2260.00"}), &[]),
        (json!({"fund-rate": 4}), &["error fund-rate /fund-rate"]),
        (json!({"fund-rate": 5}), &[]),
        (json!({"fund-rate": 12}), &[]),
        (json!({"fund-rate": 13}), &["error fund-rate /fund-rate"]),
        (
            json!({"insured-from": "2025-02"}),
            &["error month-past /insured-from"],
        ),
        (
            json!({"fund-from": "2025-02"}),
            &["error month-past /fund-from"],
        ),
        (json!({"pay-day": 0}), &["error pay-day /pay-day"]),
        (json!({"pay-day": 29}), &["error pay-day /pay-day"]),
        (
            json!({"/employees/1/citizen-id": "33110219920317004X", "/employees/1/name": "周慧"}),
            &["error employee-twice /employees/1/citizen-id"],
        ),
    ] {
        check(changes, expected);
    }
}

#[test]
fn without_its_parameter_it_is_not_checked() {
    for (parameter, expected) in [
        ("business-scope", "warning not-checked /business-scope"),
        ("enterprise-name-rules", "warning not-checked /name-mark"),
        ("minimum-wage", "warning not-checked /employees"),
        ("housing-fund-deposit", "warning not-checked /fund-rate"),
    ] {
        let found = found(&json!({}), |_, world| world.without_parameter = parameter);
        assert_eq!(found, [expected]);
    }
}

#[test]
fn materials_by_what_is_filed() {
    check(
        json!({"articles": "own"}),
        &["missing articles-of-association"],
    );
    let company = found(
        &json!({
            "/shareholders/1": {"name": "丽水绿谷投资有限公司", "uscc": "91331100MA2E5RT21D", "amount": "400000.00", "percentage": "40", "way": "money", "due": "2028-12-31"},
        }),
        |submission, _| {
            submission.parties[2] =
                party("shareholder", "91331100MA2E5RT21D", "丽水绿谷投资有限公司");
        },
    );
    assert_eq!(company, ["missing shareholder-licence"]);
    let promised = found(&json!({}), |submission, _| {
        submission.materials[1].status = MaterialStatus::Promised("2025-03-04".to_owned());
    });
    assert_eq!(
        promised,
        ["error not-deferrable ", "missing premises-proof"]
    );
}
