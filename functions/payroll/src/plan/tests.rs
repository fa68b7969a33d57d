use super::*;
use crate::testing::{Liandu, answers, computed, facts, submission};

fn planned(scenario: &str) -> Vec<Step> {
    let world = Liandu::default();
    let (facts, submission) = (facts(&world), submission());
    let answers = computed(&world, &answers());
    let case = Submitted {
        submission: &submission,
        answers: &answers,
        facts: &facts,
        disputed: &[],
        unverified: &[],
    };
    plan(&case, scenario)
}

#[test]
fn where_nothing_changed_finance_alone_reviews() {
    let steps = planned("unchanged");
    let [finance] = steps.as_slice() else {
        panic!("{steps:?}");
    };
    assert_eq!(finance.id, FINANCE);
    assert!(finance.lead && finance.effective_after.is_empty());
    assert!(finance.reads.contains(&"payroll-lines".to_owned()));
}

#[test]
fn else_three_review_at_once_and_finance_takes_effect_last() {
    for scenario in ["changed", "new-unit"] {
        let steps = planned(scenario);
        let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["establishment", "personnel", FINANCE]);
        assert!(steps.iter().all(|step| step.after.is_empty()));
        assert_eq!(steps[2].effective_after, ["establishment", "personnel"]);
        assert!(steps.iter().all(|step| step.phase == Phase::Examination));
    }
}
