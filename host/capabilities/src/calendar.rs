//! Working days, by the calendar that the State Council publishes for each year: the parameter
//! `working-calendar` has for a year the days `off` and the weekend days `worked` (调休); other days
//! are as in any week. A year without a calendar is not guessed at: the answer is `None`.

use crate::Parameters;
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveTime, Weekday};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The parameter.
const CALENDAR: &str = "working-calendar";
/// China has one time and no summer time.
const CHINA_SECONDS_EAST: i32 = 8 * 3600;

/// The working days of a region.
struct Calendar<'a> {
    parameters: &'a Parameters,
    region: &'a str,
    /// What was read so far.
    years: BTreeMap<i32, Option<Year>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Year {
    off: Vec<NaiveDate>,
    worked: Vec<NaiveDate>,
}

impl<'a> Calendar<'a> {
    /// Of a region, GB/T 2260.
    fn of(parameters: &'a Parameters, region: &'a str) -> Self {
        Self {
            parameters,
            region,
            years: BTreeMap::new(),
        }
    }

    /// Whether people work on that day.
    fn is_working_day(&mut self, day: NaiveDate) -> Option<bool> {
        let year = self.year(day.year())?;
        Some(match day.weekday() {
            Weekday::Sat | Weekday::Sun => year.worked.contains(&day),
            _ => !year.off.contains(&day),
        })
    }

    /// The last of so many working days after a day, which itself does not count.
    fn after(&mut self, day: NaiveDate, days: u16) -> Option<NaiveDate> {
        let (mut day, mut left) = (day, days);
        while left > 0 {
            day = day.succ_opt()?;
            if self.is_working_day(day)? {
                left -= 1;
            }
        }
        Some(day)
    }

    fn year(&mut self, year: i32) -> Option<&Year> {
        let (parameters, region) = (self.parameters, self.region);
        self.years
            .entry(year)
            .or_insert_with(|| {
                let first = NaiveDate::from_ymd_opt(year, 1, 1)?;
                let published = parameters.in_force(CALENDAR, first, region)?;
                serde_json::from_str(&published.value).ok()
            })
            .as_ref()
    }
}

/// When a public notice of so many working days is over that began at `opened_at`: as the last of
/// them has ended, at midnight in China. `None` where a year on the way has no calendar.
pub fn notice_over(
    parameters: &Parameters,
    region: &str,
    opened_at: DateTime<FixedOffset>,
    days: u16,
) -> Option<DateTime<FixedOffset>> {
    let china = FixedOffset::east_opt(CHINA_SECONDS_EAST)?;
    let began = opened_at.with_timezone(&china).date_naive();
    let last = Calendar::of(parameters, region).after(began, days)?;
    last.succ_opt()?
        .and_time(NaiveTime::MIN)
        .and_local_timezone(china)
        .single()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const REGION: &str = "331102";

    fn parameters() -> Parameters {
        Parameters::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../parameters")).unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn counts_over_holidays_and_moved_days() {
        let parameters = parameters();
        let mut calendar = Calendar::of(&parameters, REGION);
        for (from, days, expected) in [
            ("2026-02-12", 0, Some("2026-02-12")),
            ("2026-02-12", 2, Some("2026-02-14")),
            ("2026-02-12", 3, Some("2026-02-24")),
            ("2026-04-30", 5, Some("2026-05-11")),
            ("2026-09-30", 3, Some("2026-10-10")),
            ("2025-12-31", 1, Some("2026-01-04")),
            ("2099-12-30", 1, None),
        ] {
            let counted = calendar.after(day(from), days);
            assert_eq!(counted, expected.map(day), "{from} + {days}");
        }
    }

    #[test]
    fn a_notice_is_over_as_its_last_day_has_ended() {
        let parameters = parameters();
        for (opened_at, days, expected) in [
            (
                "2026-04-30T09:00:00+08:00",
                5,
                Some("2026-05-12T00:00:00+08:00"),
            ),
            // Midnight in China, whatever the clock of the caller says.
            (
                "2026-04-29T17:30:00+00:00",
                5,
                Some("2026-05-12T00:00:00+08:00"),
            ),
            ("2099-04-30T09:00:00+08:00", 5, None),
        ] {
            let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap();
            let over = notice_over(&parameters, REGION, at(opened_at), days);
            assert_eq!(over, expected.map(at), "{opened_at} + {days}");
        }
    }
}
