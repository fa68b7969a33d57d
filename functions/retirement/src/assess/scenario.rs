//! The scenarios (办事情形): is the month that the person chose one that the law gives. What is
//! common to all of them is checked elsewhere.

use super::{Filed, not_checked};
use crate::answers::{RetirementScenario, StaffCategory};
use crate::rules;
use crate::rules::age::{Category, RetirementAge, lists};
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
        let category = Category::of(
            case.facts,
            id,
            staff,
            answers.rank?,
            answers.technical_title?,
        )?;
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
        match self.scenario {
            RetirementScenario::Statutory => {}
            RetirementScenario::FlexibleEarly => {
                self.voluntarily_early(out);
                self.flexible_early(out);
            }
            RetirementScenario::CivilServantEarly => {
                self.voluntarily_early(out);
                self.civil_servant_early(out);
            }
            RetirementScenario::WomenCadreAt55 => {
                self.voluntarily_early(out);
                self.women_cadre_at_55(out);
            }
            RetirementScenario::FlexibleLate => self.flexible_late(out),
            RetirementScenario::Illness => {
                self.early(out);
                self.illness(out);
            }
        }
    }

    fn early(&self, out: &mut Assessing) {
        if self.chosen >= self.statutory {
            let statutory = self.statutory;
            self.wrong_month(
                out,
                "not-before-statutory",
                format!("所选年月应早于法定退休年月{statutory}"),
                format!("the month must be before the statutory one, {statutory}"),
            );
        }
    }

    /// What a person chooses for the future cannot have been chosen for the past.
    fn voluntarily_early(&self, out: &mut Assessing) {
        self.early(out);
        if self.chosen < Month::of(self.case.facts.filed_on()) {
            self.wrong_month(
                out,
                "chosen-month-past",
                "自愿提前退休不能选择申报以前的年月",
                "a month before the filing cannot be chosen",
            );
        }
    }

    fn flexible_early(&self, out: &mut Assessing) {
        let Some(rule) = self.parameter("flexible-retirement", out) else {
            return;
        };
        self.flexible(&rule, out);
        let earliest = number(&rule, "early-months-max").map(|months| self.statutory.plus(-months));
        if let Some(earliest) = earliest.filter(|earliest| self.chosen < *earliest) {
            self.wrong_month(
                out,
                "flexible-too-early",
                format!("超过弹性提前的最长期限，最早为{earliest}"),
                format!("earlier than the rule lets anybody retire: {earliest} at the earliest"),
            );
        }
        let original = self.age.original_month(self.born);
        if self.chosen < original {
            self.wrong_month(
                out,
                "below-original-age",
                format!("不得早于原法定退休年龄，最早为{original}"),
                format!("before the original retirement age, which is reached in {original}"),
            );
        }
        // The notice went to the unit, perhaps long before the unit files: its date is on the
        // notice. Where the filing itself is in time, so was the notice.
        let notice = number(&rule, "early-notice-months").unwrap_or(0);
        if self.chosen.since(Month::of(self.case.facts.filed_on())) < notice {
            out.warning(
                "/chosen-month",
                "notice-to-check",
                format!("申报时距所选退休年月不足{notice}个月，请核对书面告知书的日期"),
                format!("filed less than {notice} months before the chosen month: check the date of the written notice"),
                &self.basis,
            );
        }
    }

    fn flexible_late(&self, out: &mut Assessing) {
        let Some(rule) = self.parameter("flexible-retirement", out) else {
            return;
        };
        self.flexible(&rule, out);
        let leads = self.case.answers.leading_post == Some(true);
        if leads || lists(&rule, "late-closed-to", self.staff.code()) {
            self.not_open(
                out,
                "flexible-late-closed",
                "公务员、领导人员和其他管理人员到龄应当退休，不适用弹性延迟",
                "civil servants, leaders and management staff retire at the statutory age",
            );
        }
        let statutory = self.statutory;
        if self.chosen <= statutory {
            self.wrong_month(
                out,
                "not-after-statutory",
                format!("弹性延迟的退休年月应晚于法定退休年月{statutory}"),
                format!("the month must be after the statutory one, {statutory}"),
            );
        }
        let latest = number(&rule, "late-months-max").map(|months| statutory.plus(months));
        if let Some(latest) = latest.filter(|latest| self.chosen > *latest) {
            self.wrong_month(
                out,
                "flexible-too-late",
                format!("超过弹性延迟的最长期限，最晚为{latest}"),
                format!("later than the rule lets anybody stay: {latest} at the latest"),
            );
        }
    }

    /// The measures do not reach back to those who had the original age before them.
    fn flexible(&self, rule: &Json, out: &mut Assessing) {
        let from = rule
            .get("original-age-reached-from")
            .and_then(Json::as_str)
            .and_then(Month::parse);
        if let Some(from) = from.filter(|from| self.age.original_month(self.born) < *from) {
            self.not_open(
                out,
                "flexible-not-open",
                format!("{from}以前已达到原法定退休年龄的，不适用弹性退休"),
                format!("not open to whoever reached the original age before {from}"),
            );
        }
    }

    fn civil_servant_early(&self, out: &mut Assessing) {
        let Some(rule) = self.parameter("civil-servant-early", out) else {
            return;
        };
        if !lists(&rule, "categories", self.staff.code()) {
            self.not_open(
                out,
                "not-civil-servant",
                "只适用于公务员和参照公务员法管理的人员",
                "open to civil servants and staff managed as such only",
            );
        }
        let Some(service) = self.service_months else {
            return;
        };
        let reaches = |name: &str| {
            number(&rule, name).is_some_and(|months| i64::from(service) >= i64::from(months))
        };
        // 不足五年: five years exactly are not less than five.
        let near_age = number(&rule, "months-before-age-max")
            .is_some_and(|months| self.statutory.since(self.chosen) < months);
        let enough = reaches("service-months") || (near_age && reaches("service-months-near-age"));
        if !enough {
            self.wrong_month(
                out,
                "service-too-short",
                format!("到所选年月工作年限{service}个月：未满30年，也不符合距法定退休年龄不足5年且满20年"),
                format!("{service} months of service by then: neither 30 years, nor 20 years within 5 years of the age"),
            );
        }
    }

    fn women_cadre_at_55(&self, out: &mut Assessing) {
        if self.category != Category::WomenAt60 {
            self.not_open(
                out,
                "not-woman-at-60",
                "只适用于原法定退休年龄为60周岁的女性县处级以上干部、高级专业技术人员",
                "open only to women of county-division rank or with a senior title, whose original age is 60",
            );
            return;
        }
        let Some(cadre) = Category::WomenCadre.age(self.case.facts) else {
            return not_checked(
                out,
                "/chosen-month",
                "女干部的退休年龄",
                "the age of women cadres",
            );
        };
        let earliest = cadre.statutory_month(self.born);
        if self.chosen < earliest {
            self.wrong_month(
                out,
                "before-women-cadre-age",
                format!("不得早于女干部的法定退休年月{earliest}"),
                format!("before the month in which women cadres retire, {earliest}"),
            );
        }
    }

    /// Whether somebody can no longer work is the finding's to say; this is age and service.
    fn illness(&self, out: &mut Assessing) {
        let Some(rule) = self.parameter("illness-retirement", out) else {
            return;
        };
        if lists(&rule, "exempt", self.staff.code()) {
            return;
        }
        let years = number(&rule, if self.male { "men-age" } else { "women-age" });
        let young = |years: &i32| self.chosen < self.born.plus(years.saturating_mul(12));
        if let Some(years) = years.filter(young) {
            self.wrong_month(
                out,
                "illness-too-young",
                format!("因病提前退休须年满{years}周岁"),
                format!("early retirement for illness is open from the age of {years}"),
            );
        }
        let needed = number(&rule, "service-months").and_then(|months| u32::try_from(months).ok());
        if let (Some(needed), Some(service)) = (needed, self.service_months)
            && service < needed
        {
            self.wrong_month(
                out,
                "illness-service-too-short",
                format!("因病提前退休须工作满{needed}个月，现为{service}个月"),
                format!("early retirement for illness needs {needed} months of service, there are {service}"),
            );
        }
    }

    fn parameter(&self, name: &str, out: &mut Assessing) -> Option<Json> {
        let facts = self.case.facts;
        let rule = facts.parameter(name, facts.filed_on());
        if rule.is_none() {
            not_checked(
                out,
                "/retirement-scenario",
                "这一情形的条件",
                "the conditions of this scenario",
            );
        }
        rule.map(|rule| rule.value.clone())
    }

    fn wrong_month(
        &self,
        out: &mut Assessing,
        code: &str,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) {
        out.error("/chosen-month", code, zh, en, &self.basis);
    }

    fn not_open(
        &self,
        out: &mut Assessing,
        code: &str,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) {
        out.error("/retirement-scenario", code, zh, en, &self.basis);
    }
}

fn number(parameter: &Json, name: &str) -> Option<i32> {
    i32::try_from(parameter.get(name)?.as_i64()?).ok()
}
