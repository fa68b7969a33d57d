//! Holds the materials of a submission against what the matter requires: supplied, proved otherwise
//! as `matter.toml` accepts it, or promised where that may be (容缺受理). Does not look into a file.

use crate::calendar::working_days_after;
use crate::contract::{MaterialStatus, Submission};
use crate::facts::Facts;
use crate::manifest::{MaterialRule, MatterRule};
use crate::matter::Assessing;
use chrono::NaiveDate;

/// Notes what is missing of the required materials, and what is wrong with those that are there.
pub fn check(
    matter: &MatterRule,
    submission: &Submission,
    facts: &Facts<'_>,
    required: &[&str],
    out: &mut Assessing,
) {
    for material in &submission.materials {
        match matter.material(&material.code) {
            Some(rule) => check_status(matter, rule, &material.status, facts, out),
            None => out.error(
                "",
                "unknown-material",
                format!("本事项没有材料“{}”，请删除", material.code),
                format!(
                    "the matter has no material {:?}; leave it out",
                    material.code
                ),
                "",
            ),
        }
    }
    for code in required {
        let there = submission.materials.iter().any(|material| {
            let rule = matter.material(code);
            material.code == *code && rule.is_some_and(|rule| stands(rule, &material.status))
        });
        if !there {
            out.missing(code);
        }
    }
}

/// It is there, or rightly deferred.
fn stands(rule: &MaterialRule, status: &MaterialStatus) -> bool {
    match status {
        MaterialStatus::Supplied(_) => true,
        MaterialStatus::Licence(_) => rule.accepts.contains(&"licence"),
        MaterialStatus::Shared(_) => rule.accepts.contains(&"shared"),
        MaterialStatus::Committed => rule.accepts.contains(&"committed"),
        MaterialStatus::Promised(_) => rule.deferrable,
        MaterialStatus::NotApplicable => false,
    }
}

fn check_status(
    matter: &MatterRule,
    rule: &MaterialRule,
    status: &MaterialStatus,
    facts: &Facts<'_>,
    out: &mut Assessing,
) {
    let (zh, en) = (rule.title.zh, rule.title.en);
    match status {
        MaterialStatus::NotApplicable => {}
        MaterialStatus::Promised(_) if !rule.deferrable => out.error(
            "",
            "not-deferrable",
            format!("“{zh}”不能容缺，须在申报时提交"),
            format!("“{en}” may not follow later; hand it in now"),
            "",
        ),
        MaterialStatus::Promised(by) => check_promise(matter, rule, by, facts, out),
        status if !stands(rule, status) => out.error(
            "",
            "proof-not-accepted",
            format!("“{zh}”不能以这种方式证明，请上传材料"),
            format!("“{en}” is not proved that way; supply the file"),
            "",
        ),
        _ => {}
    }
}

/// The deadline of a deferred material is a day within the promised time of the matter.
fn check_promise(
    matter: &MatterRule,
    rule: &MaterialRule,
    by: &str,
    facts: &Facts<'_>,
    out: &mut Assessing,
) {
    let (zh, en) = (rule.title.zh, rule.title.en);
    let by: Option<NaiveDate> = crate::values::day(by);
    let Some(by) = by.filter(|by| *by >= facts.filed_on()) else {
        return out.error(
            "",
            "promise-not-a-day",
            format!("“{zh}”的承诺补交日期不是申报之日以后的日期"),
            format!("“{en}” is promised for no day from the filing on"),
            "",
        );
    };
    match working_days_after(facts, facts.filed_on(), matter.promised_days) {
        Some(latest) if by > latest => out.error(
            "",
            "promise-too-late",
            format!("“{zh}”应在承诺办结时限内补交，最迟{latest}"),
            format!("“{en}” must follow within the promised time, by {latest} at the latest"),
            "",
        ),
        Some(_) => {}
        None => out.warning(
            "",
            "calendar-unknown",
            format!("没有该年度的工作日历，“{zh}”的补交期限由审核人核对"),
            format!("no calendar of working days for that year: check the deadline of “{en}”"),
            "",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Capacity, Channel, Filer, Material, Subject, SubjectKind};
    use crate::facts::InForce;
    use crate::manifest::Words;
    use serde_json::json;

    const NAME: Words = Words {
        zh: "材料",
        en: "material",
    };
    const MATTER: MatterRule = MatterRule {
        name: "test",
        legal_days: 20,
        promised_days: 2,
        scenarios: &[],
        materials: &[
            MaterialRule {
                code: "now",
                title: NAME,
                deferrable: false,
                accepts: &["licence"],
            },
            MaterialRule {
                code: "later",
                title: NAME,
                deferrable: true,
                accepts: &[],
            },
        ],
        offices: &[],
        parties: &[],
        remedy: NAME,
    };

    fn checked(required: &[&str], materials: &[(&str, MaterialStatus)]) -> Vec<String> {
        let person = Subject {
            kind: SubjectKind::Person,
            identifier: "x".to_owned(),
        };
        let submission = Submission {
            subject: person.clone(),
            filer: Filer {
                person,
                unit: None,
                capacity: Capacity::UnitClerk,
            },
            parties: Vec::new(),
            region: "331102".to_owned(),
            channel: Channel::Online,
            filed_at: String::new(),
            round: 0,
            form_digest: String::new(),
            materials: materials
                .iter()
                .map(|(code, status)| Material {
                    code: (*code).to_owned(),
                    status: status.clone(),
                })
                .collect(),
        };
        let calendar = |_: &str, on: NaiveDate| {
            (on.to_string() == "2025-01-01").then(|| InForce {
                value: json!({"off": [], "worked": []}),
                since: on,
                illustrative: false,
            })
        };
        // A Friday: two working days later it is Tuesday.
        let facts = Facts::new("2025-03-07".parse().unwrap(), &calendar);
        let mut out = Assessing::default();
        check(&MATTER, &submission, &facts, required, &mut out);
        let findings = out.findings.into_iter().map(|finding| finding.code);
        let missing = out
            .missing
            .into_iter()
            .map(|code| format!("missing {code}"));
        findings.chain(missing).collect()
    }

    #[test]
    fn proofs_and_promises() {
        use MaterialStatus::{Committed, Licence, NotApplicable, Promised, Shared, Supplied};
        let text = |text: &str| text.to_owned();
        for (code, status, expected) in [
            ("now", Supplied(text("ab")), vec![]),
            ("now", Licence(text("1")), vec![]),
            (
                "now",
                Shared(text("r")),
                vec!["proof-not-accepted", "missing now"],
            ),
            ("now", Committed, vec!["proof-not-accepted", "missing now"]),
            ("now", NotApplicable, vec!["missing now"]),
            (
                "now",
                Promised(text("2025-03-11")),
                vec!["not-deferrable", "missing now"],
            ),
            ("later", Promised(text("2025-03-07")), vec![]),
            ("later", Promised(text("2025-03-11")), vec![]),
            (
                "later",
                Promised(text("2025-03-12")),
                vec!["promise-too-late"],
            ),
            (
                "later",
                Promised(text("2025-03-06")),
                vec!["promise-not-a-day"],
            ),
            ("later", Promised(text("soon")), vec!["promise-not-a-day"]),
            (
                "later",
                Licence(text("1")),
                vec!["proof-not-accepted", "missing later"],
            ),
        ] {
            let found = checked(&[code], &[(code, status.clone())]);
            assert_eq!(found, expected, "{code} {status:?}");
        }
        assert_eq!(
            checked(&["now", "later"], &[]),
            ["missing now", "missing later"]
        );
        assert_eq!(
            checked(&[], &[("other", NotApplicable)]),
            ["unknown-material"]
        );
        let wrong_though_not_required = ("now", Promised(text("2025-03-11")));
        assert_eq!(
            checked(&[], &[wrong_though_not_required]),
            ["not-deferrable"]
        );
    }
}
