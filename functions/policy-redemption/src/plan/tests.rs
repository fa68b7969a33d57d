use super::*;
use crate::testing::{DAY, HIGH_TECH, Published, answers, read, submission};
use onething_sdk::Facts;

fn planned(policy: &str) -> Vec<Step> {
    let world = Published::default();
    let facts = Facts::new(DAY.parse().unwrap(), &world);
    let answers = read(&answers(policy, HIGH_TECH, json!({})), &facts);
    let case = Submitted {
        submission: &submission(),
        answers: &answers,
        facts: &facts,
        disputed: &[],
        unverified: &[],
    };
    plan(&case, "")
}

#[test]
fn the_order_of_work_is_the_policys() {
    let order = |policy: &str| -> Vec<(String, String, Vec<String>)> {
        let steps = planned(policy).into_iter();
        steps
            .map(|step| (step.id, step.office.function, step.after))
            .collect()
    };
    let step = |id: &str, office: &str, after: &[&str]| {
        let after = after.iter().map(|step| (*step).to_owned()).collect();
        (id.to_owned(), office.to_owned(), after)
    };
    assert_eq!(
        order("policy/rd-subsidy"),
        [
            step(CHECK, "science", &[]),
            step(REVIEW, "science", &[]),
            step(NOTICE, "science", &[REVIEW]),
            step(FINANCE, "finance", &[NOTICE]),
        ]
    );
    assert_eq!(
        order("policy/exhibition"),
        [
            step(CHECK, "commerce", &[]),
            step(REVIEW, "commerce", &[]),
            step(FINANCE, "finance", &[REVIEW]),
        ]
    );
    assert_eq!(
        order("policy/skills"),
        [step(INSTANT, "human-resources", &[])]
    );
    assert_eq!(
        order("policy/little-giant"),
        [
            step(INSTANT, "industry", &[]),
            step(NOTICE, "industry", &[INSTANT])
        ]
    );
}

#[test]
fn the_notice_runs_as_long_as_the_policy_says() {
    let notice = planned("policy/rd-subsidy")
        .into_iter()
        .find(|step| step.id == NOTICE);
    let notice = notice.unwrap();
    let StepMode::PublicNotice(published) = &notice.mode else {
        panic!("{:?}", notice.mode);
    };
    assert_eq!(published.days, 5);
    assert!(published.text.zh.contains("丽水云和精密科技有限公司"));
    assert_eq!(notice.promised_limit, TimeLimit::WorkingDays(12));
}

#[test]
fn the_account_is_corrected_by_whoever_applied() {
    for (before, id) in [(0, "account-1"), (1, "account-2")] {
        let step = account("331102", before);
        assert_eq!(
            (step.id.as_str(), step.office.function.as_str()),
            (id, "filer")
        );
        assert!(is_account(&step.id));
    }
    assert!(!is_account(FINANCE));
}
