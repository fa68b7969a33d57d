//! Can a plan be carried out, and what follows what in it. Knows no case.

use crate::error::PlanError;
use onething_contract::{Phase, Step, TimeLimit};
use std::collections::{HashMap, HashSet};

/// Says what is wrong with a plan. The empty plan is fine: the bundle does everything itself.
pub fn check_plan(plan: &[Step]) -> Result<(), PlanError> {
    let steps = by_id(plan)?;
    for step in plan {
        check_references(step, "after", &step.after, &steps)?;
        check_references(step, "effective-after", &step.effective_after, &steps)?;
        if is_zero(&step.legal_limit) || is_zero(&step.promised_limit) {
            return Err(PlanError::Limit {
                step: step.id.clone(),
            });
        }
    }
    check_acyclic(plan, "after", |step| &step.after)?;
    check_acyclic(plan, "effective-after", |step| &step.effective_after)?;
    match plan.iter().filter(|step| step.lead).count() {
        found if found != 1 && !plan.is_empty() => Err(PlanError::Lead { found }),
        _ => Ok(()),
    }
}

/// `first` and every step that comes after it, directly or not.
pub(crate) fn from_step_on<'a>(
    plan: impl Iterator<Item = &'a Step> + Clone,
    first: &'a str,
) -> HashSet<&'a str> {
    let mut found = HashSet::from([first]);
    loop {
        let before = found.len();
        for step in plan.clone() {
            if step.after.iter().any(|id| found.contains(id.as_str())) {
                found.insert(&step.id);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn by_id(plan: &[Step]) -> Result<HashMap<&str, &Step>, PlanError> {
    let mut steps = HashMap::new();
    for step in plan {
        if step.id.is_empty() || steps.insert(step.id.as_str(), step).is_some() {
            return Err(PlanError::Id {
                step: step.id.clone(),
            });
        }
    }
    Ok(steps)
}

fn check_references(
    step: &Step,
    list: &'static str,
    references: &[String],
    steps: &HashMap<&str, &Step>,
) -> Result<(), PlanError> {
    for names in references {
        let Some(earlier) = steps.get(names.as_str()) else {
            return Err(PlanError::Unknown {
                step: step.id.clone(),
                names: names.clone(),
                list,
            });
        };
        if step.phase == Phase::Acceptance && earlier.phase == Phase::Examination {
            return Err(PlanError::Phase {
                step: step.id.clone(),
                names: names.clone(),
            });
        }
    }
    Ok(())
}

/// Lets every step have its turn whose predecessors had theirs; whoever is left waits in a circle.
fn check_acyclic(
    plan: &[Step],
    list: &'static str,
    predecessors: impl Fn(&Step) -> &[String],
) -> Result<(), PlanError> {
    let mut done: HashSet<&str> = HashSet::new();
    loop {
        let before = done.len();
        for step in plan {
            if predecessors(step)
                .iter()
                .all(|id| done.contains(id.as_str()))
            {
                done.insert(&step.id);
            }
        }
        if done.len() == plan.len() {
            return Ok(());
        }
        if done.len() == before {
            let steps = plan
                .iter()
                .filter(|step| !done.contains(step.id.as_str()))
                .map(|step| step.id.clone())
                .collect();
            return Err(PlanError::Cycle { steps, list });
        }
    }
}

fn is_zero(limit: &TimeLimit) -> bool {
    matches!(
        limit,
        TimeLimit::WorkingDays(0) | TimeLimit::WorkingHours(0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::step;
    use onething_contract::Phase::{Acceptance, Examination};

    #[test]
    fn a_plan_is_sound_or_says_what_is_wrong() {
        let lead = |mut step: Step| {
            step.lead = true;
            step
        };
        let limit = |mut step: Step, limit| {
            step.promised_limit = limit;
            step
        };
        let effective = |mut step: Step, after: &str| {
            step.effective_after = vec![after.into()];
            step
        };
        let a = || lead(step("a", Acceptance, &[]));
        let x = || step("x", Examination, &["a"]);
        let check = |plan: &[Step]| check_plan(plan).map_err(|error| error.to_string());
        let wrong = |text: &str| Err(text.to_owned());

        for (plan, expected) in [
            (vec![], Ok(())),
            (vec![a(), x()], Ok(())),
            // Decided one after the other, in effect in the other order: no circle.
            (
                vec![
                    effective(lead(step("x", Examination, &[])), "y"),
                    step("y", Examination, &["x"]),
                ],
                Ok(()),
            ),
            (
                vec![a(), step("a", Examination, &[])],
                wrong("the step id \"a\" is empty or used twice"),
            ),
            (
                vec![lead(step("", Examination, &[]))],
                wrong("the step id \"\" is empty or used twice"),
            ),
            (
                vec![a(), step("x", Examination, &["b"])],
                wrong("step x names b under after, which the plan does not have"),
            ),
            (
                vec![effective(a(), "b")],
                wrong("step a names b under effective-after, which the plan does not have"),
            ),
            (
                vec![lead(step("x", Examination, &["x"]))],
                wrong("these steps wait for each other under after: x"),
            ),
            (
                vec![
                    a(),
                    effective(step("x", Examination, &[]), "y"),
                    effective(step("y", Examination, &[]), "x"),
                ],
                wrong("these steps wait for each other under effective-after: x, y"),
            ),
            (
                vec![
                    lead(step("b", Acceptance, &["x"])),
                    step("x", Examination, &[]),
                ],
                wrong("the acceptance step b waits for x, an examination step"),
            ),
            (
                vec![step("a", Acceptance, &[])],
                wrong("0 steps lead; a plan has exactly one lead"),
            ),
            (
                vec![a(), lead(x())],
                wrong("2 steps lead; a plan has exactly one lead"),
            ),
            (
                vec![a(), limit(x(), TimeLimit::WorkingHours(0))],
                wrong("step x has a limit of 0"),
            ),
        ] {
            assert_eq!(check(&plan), expected);
        }
    }

    #[test]
    fn what_comes_after_a_step() {
        let plan = [
            step("a", Examination, &[]),
            step("b", Examination, &["a"]),
            step("c", Examination, &["b"]),
            step("d", Examination, &[]),
        ];
        assert_eq!(from_step_on(plan.iter(), "b"), HashSet::from(["b", "c"]));
        assert_eq!(from_step_on(plan.iter(), "d"), HashSet::from(["d"]));
    }
}
