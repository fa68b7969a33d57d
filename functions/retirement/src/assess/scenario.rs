//! The scenarios (办事情形): is the month that the person chose one that the law gives. What is
//! common to all of them is checked elsewhere.

use super::{Filed, not_checked};
use crate::answers::{RetirementScenario, StaffCategory};
use crate::rules;
use crate::rules::age::{Category, RetirementAge, lists, months_between};
use onething_sdk::Assessing;
use onething_sdk::values::{Coded, Json, Month};

/// Checks the chosen month against the scenario.
pub fn check(case: &Filed<'_>, out: &mut Assessing) {
    let answers = case.answers;
    let (Some(scenario), Some(statutory)) = (answers.retirement_scenario, answers.statutory_month)
    else {
        return;
    };
    match (scenario, answers.chosen_month) {
        (RetirementScenario::Statutory, None) => {}
        (RetirementScenario::Statutory, Some(_)) => out.error(
            "/chosen-month",
            "chosen-month-not-wanted",
            "达到法定退休年龄的不选择退休年月，请删除",
            "no month is chosen at the statutory age; leave it out",
            "",
        ),
        (_, None) => out.error(
            "/chosen-month",
            "chosen-month-required",
            "这一情形须填写本人选择的退休年月",
            "this scenario needs the month that the person chooses",
            "",
        ),
        (_, Some(chosen)) => {
            // What else is missing has its own finding.
            if let Some(choice) = Choice::of(case, scenario, statutory, chosen) {
                choice.check(out);
            }
        }
    }
}

/// A chosen month, and what decides whether it may be chosen.
struct Choice<'a> {
    case: &'a Filed<'a>,
    scenario: RetirementScenario,
    /// Its law.
    basis: String,
    chosen: Month,
    statutory: Month,
    born: Month,
    male: bool,
    staff: StaffCategory,
    category: Category,
    age: RetirementAge,
    service_months: Option<u32>,
}

impl<'a> Choice<'a> {
    fn of(
        case: &'a Filed<'a>,
        scenario: RetirementScenario,
        statutory: Month,
        chosen: Month,
    ) -> Option<Self> {
        let answers = case.answers;
        let id = answers.aac002.as_ref()?;
        let staff = answers.staff_category?;
        let category =
            Category::of(case.facts, id, staff, answers.rank?, answers.technical_title?)?;
        Some(Self {
            case,
            scenario,
            basis: rules::scenario_basis(case.facts, &scenario).unwrap_or_default(),
            chosen,
            statutory,
            born: Month::of(answers.aac006?),
            male: id.is_male(),
            staff,
            category,
            age: category.age(case.facts)?,
            service_months: answers.service_months,
        })
    }

    fn check(&self, out: &mut Assessing) {
        let voluntary = match self.scenario {
            RetirementScenario::Statutory => return,
            RetirementScenario::FlexibleEarly => self.flexible_early(out),
            RetirementScenario::CivilServantEarly => self.civil_servant_early(out),
            RetirementScenario::WomenCadreAt55 => self.women_cadre_at_55(out),
            RetirementScenario::FlexibleLate => return self.flexible_late(out),
            RetirementScenario::Illness => {
                self.illness(out);
                false
            }
        };
        if self.chosen >= self.statutory {
            let statutory = self.statutory;
            self.wrong_month(
                out,
                "not-before-statutory",
                format!("所选年月应早于法定退休年月{statutory}；到期退休的请选“达到法定退休年龄”"),
                format!("the month must be before the statutory one, {statutory}; from then on the scenario is `statutory`"),
            );
        }
        if voluntary && self.chosen < Month::of(self.case.facts.filed_on()) {
            self.wrong_month(
                out,
                "chosen-month-past",
                "自愿提前退休不能选择申报之前的年月",
                "a month before the filing cannot be chosen",
            );
        }
    }
}
