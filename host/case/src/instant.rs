//! Points in time as text, compared as what they mean. Knows no clock: it is told what time it is.

use crate::refusals;
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta};
use onething_contract::{CHINA_SECONDS_EAST, Refusal};

/// How far a clock may lag behind the case; more is a broken clock.
const LAG_SECONDS_MAX: i64 = 60;

/// RFC 3339 with offset.
pub(crate) fn of(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text).ok()
}

pub(crate) fn well_formed(at: &str) -> Result<DateTime<FixedOffset>, Refusal> {
    of(at).ok_or_else(|| refusals::time_malformed(at))
}

/// The time of a command: never before the last event. Two machines differ by seconds; a clock that
/// is further behind would date facts wrongly, and nothing happens.
pub(crate) fn not_before<'a>(last_at: &'a str, at: &'a str) -> Result<&'a str, Refusal> {
    let now = well_formed(at)?;
    match of(last_at) {
        Some(last) if now < last => match last - now {
            lag if lag <= TimeDelta::seconds(LAG_SECONDS_MAX) => Ok(last_at),
            _ => Err(refusals::clock_behind(last_at, at)),
        },
        _ => Ok(at),
    }
}

/// The day in China.
pub(crate) fn day(at: &str) -> Option<NaiveDate> {
    let china = FixedOffset::east_opt(CHINA_SECONDS_EAST)?;
    Some(of(at)?.with_timezone(&china).date_naive())
}

/// `2025-01-10`.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_run_back() {
        let last = "2025-01-06T09:00:00+08:00";
        for (at, expected) in [
            ("2025-01-06T09:00:01+08:00", Ok("2025-01-06T09:00:01+08:00")),
            // Later as text, the same as an instant.
            ("2025-01-06T01:00:00Z", Ok("2025-01-06T01:00:00Z")),
            ("2025-01-06T10:00:00+09:00", Ok("2025-01-06T10:00:00+09:00")),
            ("2025-01-06T08:59:59+08:00", Ok(last)),
            ("2025-01-06T08:59:00+08:00", Ok(last)),
            ("2025-01-06T09:58:59+09:00", Err("clock-behind")),
            ("2024-12-31T23:59:59+08:00", Err("clock-behind")),
            ("2025-01-06 09:00", Err("time-malformed")),
        ] {
            let found = not_before(last, at).map_err(|refusal| refusal.code);
            assert_eq!(found, expected.map_err(str::to_owned), "{at}");
        }
    }

    #[test]
    fn a_day_is_chinas() {
        let day = |at| day(at).map(|day| day.to_string());
        assert_eq!(day("2025-01-09T17:00:00Z").as_deref(), Some("2025-01-10"));
        assert_eq!(day("2025-01-10"), None);
    }
}
