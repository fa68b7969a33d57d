//! Working time, by the calendar that the State Council publishes for each year: the parameter
//! `working-calendar` has for a year the days `off` and the weekend days `worked` (调休); other days
//! are as in any week. A year without a calendar is not guessed at: the answer is `None`.

use crate::Parameters;
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use chrono::{Days, TimeDelta};
use onething_contract::{CHINA_SECONDS_EAST, TimeLimit};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The parameter.
const CALENDAR: &str = "working-calendar";
/// The hours of a working day where the parameter names none, minutes after midnight.
const HOURS: [(u16, u16); 2] = [(8 * 60 + 30, 12 * 60), (14 * 60, 17 * 60 + 30)];

/// The working time of a region.
pub struct Calendar<'a> {
    parameters: &'a Parameters,
    region: &'a str,
    /// What was read so far.
    years: BTreeMap<i32, Option<Year>>,
}

/// A time that does not count towards a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Its beginning.
    pub from: DateTime<FixedOffset>,
    /// Its end.
    pub until: DateTime<FixedOffset>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Year {
    off: Vec<NaiveDate>,
    worked: Vec<NaiveDate>,
    /// From and until, `["08:30", "12:00"]`.
    hours: Vec<(Clock, Clock)>,
}

/// A time of day, `08:30`, as minutes after midnight.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Clock(u16);

impl TryFrom<String> for Clock {
    type Error = String;

    fn try_from(text: String) -> Result<Clock, String> {
        let minutes = || {
            let (hours, minutes) = text.split_once(':')?;
            let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
            (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
        };
        let no_time = || format!("{text} is no time of day like 08:30");
        minutes().map(Clock).ok_or_else(no_time)
    }
}

/// A moment of a day, so long after its beginning; its 24:00 belongs to it.
#[derive(Clone, Copy)]
struct Moment {
    day: NaiveDate,
    after: TimeDelta,
}

impl<'a> Calendar<'a> {
    /// Of a region, GB/T 2260.
    pub fn of(parameters: &'a Parameters, region: &'a str) -> Self {
        Self {
            parameters,
            region,
            years: BTreeMap::new(),
        }
    }

    /// When a limit that counts from `started_at` is over, moved by working days (back where
    /// negative). `None` where a year on the way has no calendar.
    ///
    /// A limit of days is over as its last day has ended, 24:00 in China; the day of the start does
    /// not count, nor do the days of a pause, but that on which it ends. A limit of hours counts the
    /// hours that people work, less the pauses, to the second.
    pub fn due(
        &mut self,
        started_at: DateTime<FixedOffset>,
        limit: &TimeLimit,
        pauses: &[Pause],
        shift_days: i32,
    ) -> Option<DateTime<FixedOffset>> {
        let started_at = in_china(started_at);
        let mut pauses: Vec<(NaiveDateTime, NaiveDateTime)> = pauses
            .iter()
            .map(|pause| (in_china(pause.from), in_china(pause.until)))
            .collect();
        pauses.sort_unstable();
        let Moment { day, after } = match limit {
            TimeLimit::WorkingDays(days) => Moment {
                day: self.days_after(started_at.date(), *days, &pauses)?,
                after: TimeDelta::days(1),
            },
            TimeLimit::WorkingHours(hours) => self.hours_after(started_at, *hours, &pauses)?,
        };
        let day = self.shifted(day, shift_days)?;
        at_china(day.and_time(NaiveTime::MIN).checked_add_signed(after)?)
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
    fn days_after(
        &mut self,
        day: NaiveDate,
        days: u16,
        pauses: &[(NaiveDateTime, NaiveDateTime)],
    ) -> Option<NaiveDate> {
        let (mut day, mut left) = (day, days);
        while left > 0 {
            day = day.succ_opt()?;
            let paused = pauses
                .iter()
                .any(|(from, until)| from.date() <= day && day < until.date());
            if self.is_working_day(day)? && !paused {
                left -= 1;
            }
        }
        Some(day)
    }

    fn hours_after(
        &mut self,
        started_at: NaiveDateTime,
        hours: u16,
        pauses: &[(NaiveDateTime, NaiveDateTime)],
    ) -> Option<Moment> {
        let mut left = TimeDelta::hours(hours.into());
        let mut day = started_at.date();
        let at = |moment: NaiveDateTime| Moment {
            day: moment.date(),
            after: moment.time().signed_duration_since(NaiveTime::MIN),
        };
        if left.is_zero() {
            return Some(at(started_at));
        }
        loop {
            if self.is_working_day(day)? {
                for (from, until) in self.hours(day)? {
                    match spend(from.max(started_at), until, pauses, left) {
                        Ok(moment) => return Some(at(moment)),
                        Err(rest) => left = rest,
                    }
                }
            }
            day = day.succ_opt()?;
        }
    }

    /// When people work on a working day.
    fn hours(&mut self, day: NaiveDate) -> Option<Vec<(NaiveDateTime, NaiveDateTime)>> {
        let named = &self.year(day.year())?.hours;
        let hours = match named.is_empty() {
            true => HOURS.to_vec(),
            false => named
                .iter()
                .map(|(from, until)| (from.0, until.0))
                .collect(),
        };
        let at = |minutes: u16| day.and_time(NaiveTime::MIN) + TimeDelta::minutes(minutes.into());
        let hours = hours.into_iter();
        Some(hours.map(|(from, until)| (at(from), at(until))).collect())
    }

    /// So many working days later, or earlier.
    fn shifted(&mut self, day: NaiveDate, days: i32) -> Option<NaiveDate> {
        let (mut day, mut left) = (day, days.unsigned_abs());
        while left > 0 {
            let one = Days::new(1);
            day = match days < 0 {
                true => day.checked_sub_days(one)?,
                false => day.checked_add_days(one)?,
            };
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

/// Spends time between two moments, but for the pauses (in order): when all of it is spent, or what
/// is left of it.
fn spend(
    from: NaiveDateTime,
    until: NaiveDateTime,
    pauses: &[(NaiveDateTime, NaiveDateTime)],
    left: TimeDelta,
) -> Result<NaiveDateTime, TimeDelta> {
    let (mut now, mut left) = (from, left);
    let end = (until, until);
    for (pause, resume) in pauses.iter().chain([&end]) {
        let stretch = (*pause).min(until) - now;
        if stretch >= left {
            return Ok(now + left);
        }
        left -= stretch.max(TimeDelta::zero());
        now = now.max(*resume);
    }
    Err(left)
}

/// When a public notice of so many working days is over that began at `opened_at`.
/// `None` where a year on the way has no calendar.
pub fn notice_over(
    parameters: &Parameters,
    region: &str,
    opened_at: DateTime<FixedOffset>,
    days: u16,
) -> Option<DateTime<FixedOffset>> {
    Calendar::of(parameters, region).due(opened_at, &TimeLimit::WorkingDays(days), &[], 0)
}

/// As a day has ended, 24:00 in China.
pub fn day_over(day: NaiveDate) -> Option<DateTime<FixedOffset>> {
    at_china(day.succ_opt()?.and_time(NaiveTime::MIN))
}

fn in_china(at: DateTime<FixedOffset>) -> NaiveDateTime {
    at.naive_utc() + TimeDelta::seconds(CHINA_SECONDS_EAST.into())
}

fn at_china(moment: NaiveDateTime) -> Option<DateTime<FixedOffset>> {
    let china = FixedOffset::east_opt(CHINA_SECONDS_EAST)?;
    moment.and_local_timezone(china).single()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::LazyLock;

    const REGION: &str = "331102";

    static PARAMETERS: LazyLock<Parameters> = LazyLock::new(|| {
        Parameters::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../parameters")).unwrap()
    });

    /// `2026-02-12 09:00`, in China.
    fn at(text: &str) -> DateTime<FixedOffset> {
        let text = format!("{}:00+08:00", text.replace(' ', "T"));
        DateTime::parse_from_rfc3339(&text).unwrap()
    }

    fn pauses(text: &str) -> Vec<Pause> {
        let pauses = text
            .split(", ")
            .filter_map(|pause| pause.split_once(" to "));
        pauses
            .map(|(from, until)| Pause {
                from: at(from),
                until: at(until),
            })
            .collect()
    }

    #[track_caller]
    fn check(started_at: &str, limit: &TimeLimit, paused: &str, shift_days: i32, expected: &str) {
        let mut calendar = Calendar::of(&PARAMETERS, REGION);
        let due = calendar.due(at(started_at), limit, &pauses(paused), shift_days);
        let due = due.map(|due| due.format("%Y-%m-%d %H:%M").to_string());
        let due = due.unwrap_or_else(|| "?".to_owned());
        assert_eq!(
            due, expected,
            "{started_at} + {limit:?}, {paused}, {shift_days}"
        );
    }

    #[test]
    fn days_end_as_the_last_of_them_has_ended() {
        for (started_at, days, expected) in [
            ("2026-02-12 09:00", 0, "2026-02-13 00:00"),
            ("2026-02-12 09:00", 2, "2026-02-15 00:00"),
            ("2026-02-12 23:59", 2, "2026-02-15 00:00"),
            ("2026-02-13 00:00", 2, "2026-02-25 00:00"),
            // Over Spring Festival, with its moved days.
            ("2026-02-12 09:00", 3, "2026-02-25 00:00"),
            ("2025-01-24 09:00", 1, "2025-01-27 00:00"),
            ("2025-01-24 09:00", 2, "2025-01-28 00:00"),
            ("2025-01-24 09:00", 3, "2025-02-06 00:00"),
            ("2025-01-24 09:00", 6, "2025-02-09 00:00"),
            ("2026-04-30 09:00", 5, "2026-05-12 00:00"),
            // National Day.
            ("2026-09-30 09:00", 3, "2026-10-11 00:00"),
            ("2025-09-27 09:00", 4, "2025-10-10 00:00"),
            // On a day off, and over New Year.
            ("2026-10-03 09:00", 1, "2026-10-09 00:00"),
            ("2025-12-31 09:00", 1, "2026-01-05 00:00"),
            ("2025-12-30 09:00", 20, "2026-01-29 00:00"),
            // No calendar yet.
            ("2026-12-30 09:00", 1, "2027-01-01 00:00"),
            ("2026-12-30 09:00", 2, "?"),
            ("2099-12-30 09:00", 1, "?"),
        ] {
            check(started_at, &TimeLimit::WorkingDays(days), "", 0, expected);
        }
    }

    #[test]
    fn hours_are_those_that_people_work() {
        for (started_at, hours, expected) in [
            ("2026-03-02 08:30", 0, "2026-03-02 08:30"),
            ("2026-03-02 08:30", 1, "2026-03-02 09:30"),
            // Over lunch, before work, after work.
            ("2026-03-02 08:30", 4, "2026-03-02 14:30"),
            ("2026-03-02 11:30", 1, "2026-03-02 14:30"),
            ("2026-03-02 12:59", 1, "2026-03-02 15:00"),
            ("2026-03-02 03:00", 7, "2026-03-02 17:30"),
            ("2026-03-02 20:00", 7, "2026-03-03 17:30"),
            // Over a weekend, and one that is worked.
            ("2026-03-06 17:00", 1, "2026-03-09 09:00"),
            ("2026-02-27 17:00", 1, "2026-02-28 09:00"),
            ("2026-03-07 10:00", 2, "2026-03-09 10:30"),
            ("2026-02-14 17:00", 8, "2026-02-25 09:00"),
            ("2026-12-31 17:00", 1, "?"),
        ] {
            check(started_at, &TimeLimit::WorkingHours(hours), "", 0, expected);
        }
    }

    #[test]
    fn what_does_not_count_comes_on_top() {
        let days = &TimeLimit::WorkingDays(3);
        let hours = &TimeLimit::WorkingHours(4);
        for (limit, paused, expected) in [
            (days, "", "2026-03-06 00:00"),
            (
                days,
                "2026-03-03 09:00 to 2026-03-03 17:00",
                "2026-03-06 00:00",
            ),
            (
                days,
                "2026-03-03 09:00 to 2026-03-04 10:00",
                "2026-03-07 00:00",
            ),
            // A weekend in between costs nothing.
            (
                days,
                "2026-03-05 09:00 to 2026-03-10 10:00",
                "2026-03-11 00:00",
            ),
            (
                days,
                "2026-03-03 09:00 to 2026-03-05 10:00, 2026-03-04 09:00 to 2026-03-05 09:00",
                "2026-03-10 00:00",
            ),
            // After the end.
            (
                days,
                "2026-03-06 01:00 to 2026-03-09 10:00",
                "2026-03-06 00:00",
            ),
            // Before the beginning.
            (
                days,
                "2026-02-05 23:00 to 2026-03-01 10:00",
                "2026-03-06 00:00",
            ),
            (hours, "", "2026-03-02 15:30"),
            (
                hours,
                "2026-03-02 10:00 to 2026-03-02 10:20",
                "2026-03-02 15:50",
            ),
            (
                hours,
                "2026-03-02 11:30 to 2026-03-02 14:30",
                "2026-03-02 16:30",
            ),
            (
                hours,
                "2026-03-02 12:00 to 2026-03-02 14:00",
                "2026-03-02 15:30",
            ),
            (
                hours,
                "2026-03-02 10:00 to 2026-03-02 11:00, 2026-03-02 10:30 to 2026-03-02 10:40",
                "2026-03-02 16:30",
            ),
            (
                hours,
                "2026-03-02 10:00 to 2026-03-06 17:00",
                "2026-03-09 11:30",
            ),
        ] {
            check("2026-03-02 09:30", limit, paused, 0, expected);
        }
    }

    #[test]
    fn before_and_after_are_working_days_too() {
        let days = &TimeLimit::WorkingDays(5);
        let hours = &TimeLimit::WorkingHours(2);
        for (started_at, limit, shift_days, expected) in [
            ("2026-03-02 09:30", days, -1, "2026-03-07 00:00"),
            ("2026-03-02 09:30", days, 0, "2026-03-10 00:00"),
            ("2026-03-02 09:30", days, 1, "2026-03-11 00:00"),
            ("2026-03-02 09:30", days, 5, "2026-03-17 00:00"),
            ("2026-03-06 16:30", hours, 0, "2026-03-09 09:30"),
            ("2026-03-06 16:30", hours, -1, "2026-03-06 09:30"),
            ("2026-03-06 16:30", hours, 1, "2026-03-10 09:30"),
            ("2026-12-24 09:30", days, -1, "2026-12-31 00:00"),
            ("2026-12-24 09:30", days, 1, "?"),
        ] {
            check(started_at, limit, "", shift_days, expected);
        }
    }

    #[test]
    fn a_notice_is_over_as_its_last_day_has_ended() {
        // Midnight in China, whatever the clock of the caller says.
        let opened_at = DateTime::parse_from_rfc3339("2026-04-29T17:30:00+00:00").unwrap();
        let over = notice_over(&PARAMETERS, REGION, opened_at, 5);
        assert_eq!(over, Some(at("2026-05-12 00:00")));
        assert_eq!(day_over("2026-05-11".parse().unwrap()), over);
    }

    #[test]
    fn a_place_may_have_hours_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"
            title = { zh = "工作日历", en = "Calendar" }
            unit = "dates"
            [[value]]
            since = 2026-01-01
            source = "示例"
            illustrative = true
            value = { off = [], worked = [], hours = [["09:00", "13:00"]] }
        "#;
        std::fs::write(folder.path().join("working-calendar.toml"), text).unwrap();
        let parameters = Parameters::load(folder.path()).unwrap();
        let mut calendar = Calendar::of(&parameters, REGION);
        let hours = &TimeLimit::WorkingHours(3);
        let due = calendar.due(at("2026-03-02 11:00"), hours, &[], 0);
        assert_eq!(due, Some(at("2026-03-03 10:00")));
        for (text, minutes) in [
            ("08:30", Some(510)),
            ("24:00", None),
            ("8", None),
            ("a:b", None),
        ] {
            let clock = Clock::try_from(text.to_owned()).ok();
            assert_eq!(clock.map(|clock| clock.0), minutes, "{text}");
        }
    }
}
