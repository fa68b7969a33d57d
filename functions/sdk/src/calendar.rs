//! Working days, by the dated calendar that the State Council publishes for each year. The parameter
//! `working-calendar` has for a year the days `off` and the weekend days `worked` (调休); other days
//! are as in any week. A year without a calendar is not guessed at.

use crate::facts::Facts;
use crate::values::Json;
use chrono::{Datelike, NaiveDate, Weekday};

/// The parameter.
const CALENDAR: &str = "working-calendar";

/// The last of so many working days after a day; `None` where a year on the way has no calendar.
pub fn working_days_after(facts: &Facts<'_>, from: NaiveDate, days: u16) -> Option<NaiveDate> {
    let mut day = from;
    let mut left = days;
    while left > 0 {
        day = day.succ_opt()?;
        if is_working_day(facts, day)? {
            left -= 1;
        }
    }
    Some(day)
}

/// The day itself where it is worked, else the last one before it that is: where a payment falls on
/// a holiday, it moves earlier.
pub fn working_day_on_or_before(facts: &Facts<'_>, day: NaiveDate) -> Option<NaiveDate> {
    let mut day = day;
    while !is_working_day(facts, day)? {
        day = day.pred_opt()?;
    }
    Some(day)
}

/// Whether it is worked; `None` where its year has no calendar.
pub fn is_working_day(facts: &Facts<'_>, day: NaiveDate) -> Option<bool> {
    let first = NaiveDate::from_ymd_opt(day.year(), 1, 1)?;
    Some(is_worked(&facts.parameter(CALENDAR, first)?.value, day))
}

fn is_worked(calendar: &Json, day: NaiveDate) -> bool {
    let text = day.to_string();
    let lists = |list: &str| {
        calendar
            .get(list)
            .and_then(Json::as_array)
            .is_some_and(|days| days.iter().any(|listed| listed == text.as_str()))
    };
    match day.weekday() {
        Weekday::Sat | Weekday::Sun => lists("worked"),
        _ => !lists("off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::InForce;
    use serde_json::json;

    #[test]
    fn counts_over_holidays_and_moved_days() {
        // The State Council's calendar for 2026.
        let known = |_: &str, on: NaiveDate| {
            (on.year() == 2026).then(|| InForce {
                value: json!({
                    "off": [
                        "2026-01-01", "2026-01-02", "2026-02-16", "2026-02-17", "2026-02-18",
                        "2026-02-19", "2026-02-20", "2026-02-23", "2026-04-06", "2026-05-01",
                        "2026-05-04", "2026-05-05", "2026-06-19", "2026-09-25", "2026-10-01",
                        "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07",
                    ],
                    "worked": [
                        "2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20",
                        "2026-10-10",
                    ],
                }),
                since: on,
                illustrative: false,
            })
        };
        let facts = Facts::new(NaiveDate::default(), &known);
        for (from, days, expected) in [
            ("2026-02-12", 0, Some("2026-02-12")),
            ("2026-02-12", 2, Some("2026-02-14")),
            ("2026-02-12", 3, Some("2026-02-24")),
            ("2026-04-30", 5, Some("2026-05-11")),
            ("2026-09-30", 3, Some("2026-10-10")),
            ("2026-12-30", 1, Some("2026-12-31")),
            ("2026-12-30", 2, None),
        ] {
            let expected = expected.map(|day| day.parse().unwrap());
            let counted = working_days_after(&facts, from.parse().unwrap(), days);
            assert_eq!(counted, expected, "{from} + {days}");
        }
        for (day, expected) in [
            ("2026-02-14", Some("2026-02-14")),
            ("2026-02-22", Some("2026-02-14")),
            ("2026-10-10", Some("2026-10-10")),
            ("2026-10-04", Some("2026-09-30")),
            ("2026-01-01", None),
        ] {
            let expected = expected.map(|day| day.parse().unwrap());
            let moved = working_day_on_or_before(&facts, day.parse().unwrap());
            assert_eq!(moved, expected, "{day}");
        }
    }
}
