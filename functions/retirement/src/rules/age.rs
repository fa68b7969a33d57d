//! The retirement age: who retires at which age, and the gradual delay of it. Knows no scenario.

use crate::answers::{Rank, StaffCategory, TechnicalTitle};
use onething_sdk::Facts;
use onething_sdk::values::{CitizenId, Coded, Json, Month};

/// Who shares an original age and a delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Men.
    Men,
    /// Women in management, professional and civil service posts.
    WomenCadre,
    /// Women in workers' posts.
    WomenWorker,
    /// Women cadres of county-division rank, and women professionals with a senior title
    /// (组通字〔2015〕14号).
    WomenAt60,
}

impl Category {
    /// The category of a person. The post decides, not the sex alone: a woman in a worker's post
    /// is a worker whatever rank or title she has, and a senior title counts in a professional post.
    pub fn of(
        facts: &Facts<'_>,
        id: &CitizenId,
        category: StaffCategory,
        rank: Rank,
        title: TechnicalTitle,
    ) -> Option<Self> {
        if id.is_male() {
            return Some(Self::Men);
        }
        if category == StaffCategory::Worker {
            return Some(Self::WomenWorker);
        }
        let at_60 = facts.parameter("women-retiring-at-60", facts.filed_on())?;
        let at_60 = &at_60.value;
        let by_rank = lists(at_60, "ranks", rank.code());
        let by_title =
            category == StaffCategory::Technical && lists(at_60, "technical-titles", title.code());
        Some(if by_rank || by_title {
            Self::WomenAt60
        } else {
            Self::WomenCadre
        })
    }

    /// Its retirement age, as the law stands on the day of filing.
    pub fn age(self, facts: &Facts<'_>) -> Option<RetirementAge> {
        let table = facts.parameter("retirement-age-delay", facts.filed_on())?;
        let table = &table.value;
        let row = table.get(match self {
            Self::Men => "men",
            Self::WomenCadre => "women-cadre",
            Self::WomenWorker => "women-worker",
            Self::WomenAt60 => "women-at-60",
        })?;
        let number = |name: &str| i32::try_from(row.get(name)?.as_i64()?).ok();
        Some(RetirementAge {
            original_years: number("original-age")?,
            starts: Month::parse(table.get("starts")?.as_str()?)?,
            step: number("step").filter(|&step| step > 0)?,
            cap: number("cap")?,
        })
    }
}

/// An original age and how it is delayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetirementAge {
    /// Years.
    pub original_years: i32,
    /// Whoever reaches the original age before this month is not delayed.
    starts: Month,
    /// Each so many months of birth delay by one month more.
    step: i32,
    /// The greatest delay, in months.
    cap: i32,
}

impl RetirementAge {
    /// The month in which the original age is reached.
    pub fn original_month(self, born: Month) -> Month {
        born.plus(self.original_years.saturating_mul(12))
    }

    /// Months of delay: with n = (year of birth + original age − 2025) × 12 + month of birth, none
    /// where n ≤ 0, else n ÷ step rounded up, at most the cap.
    pub fn delay(self, born: Month) -> i32 {
        let n = self.original_month(born).since(self.starts) + 1;
        match n {
            ..=0 => 0,
            n => ((n - 1) / self.step + 1).min(self.cap),
        }
    }

    /// The statutory month of retirement.
    pub fn statutory_month(self, born: Month) -> Month {
        self.original_month(born).plus(self.delay(born))
    }
}

/// Whole months from one month to a later one; `None` where it is not later or the same.
pub fn months_between(from: Month, to: Month) -> Option<u32> {
    u32::try_from(to.since(from)).ok()
}

/// Whether a list of the parameter's names the code.
pub fn lists(parameter: &Json, list: &str, code: &str) -> bool {
    parameter
        .get(list)
        .and_then(Json::as_array)
        .is_some_and(|codes| codes.iter().any(|listed| listed == code))
}
