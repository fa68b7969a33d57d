//! A calendar month, `2025-02`.

use super::{At, Json, Value};
use chrono::{Datelike, NaiveDate};
use std::fmt;

/// A month of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// Months since January of year 0.
    months: i32,
}

impl Month {
    /// `month` from 1 to 12.
    pub fn new(year: i32, month: u32) -> Option<Self> {
        let month = i32::try_from(month)
            .ok()
            .filter(|month| (1..=12).contains(month))?;
        (1..=9999).contains(&year).then_some(Self {
            months: year * 12 + month - 1,
        })
    }

    /// The month a day is in.
    pub fn of(day: NaiveDate) -> Self {
        Self {
            months: day.year() * 12 + i32::try_from(day.month0()).unwrap_or(0),
        }
    }

    /// The year.
    pub fn year(self) -> i32 {
        self.months.div_euclid(12)
    }

    /// 1 to 12.
    pub fn month(self) -> u32 {
        self.months.rem_euclid(12).unsigned_abs() + 1
    }

    /// So many months later, or earlier.
    pub fn plus(self, months: i32) -> Self {
        Self {
            months: self.months.saturating_add(months),
        }
    }

    /// Months from `earlier` to this one, negative where it is later.
    pub fn since(self, earlier: Self) -> i32 {
        self.months.saturating_sub(earlier.months)
    }

    /// Its first day.
    pub fn first_day(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.year(), self.month(), 1).unwrap_or(NaiveDate::MAX)
    }

    /// Reads `2025-02`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let digits = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(year, 4) || !digits(month, 2) {
            return None;
        }
        Self::new(year.parse().ok()?, month.parse().ok()?)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}

impl Value for Month {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        match json.as_str().and_then(Self::parse) {
            Some(month) => Some(month),
            None => at.wrong(
                "type",
                "应为年月，如 2025-02",
                "must be a month like 2025-02",
                None,
            ),
        }
    }
    fn write(&self) -> Json {
        Json::String(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_over_the_end_of_a_year() {
        let december = Month::new(2024, 12).unwrap();
        assert_eq!(december.plus(1), Month::new(2025, 1).unwrap());
        assert_eq!(december.plus(-12).to_string(), "2023-12");
        assert_eq!(Month::new(2025, 2).unwrap().since(december), 2);
    }

    #[test]
    fn refuses_what_is_not_a_month() {
        for text in [
            "2025-13", "2025-00", "2025-2", "25-02", "2025/02", "+025-01", "",
        ] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
    }
}
