//! Lengths of time as people write them.

use std::time::Duration;

/// The longest that is taken.
const SPAN_MAX: Duration = Duration::from_secs(24 * 3600);

/// `30s`, `5m`, `2h`: a whole number and its unit, from one second to a day.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is no length of time: give seconds, minutes or hours as 30s, 5m, 2h");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds_each = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(wrong()),
    };
    let digits = text.strip_suffix(unit).unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(wrong());
    }
    // So many digits that they are no number are too long as well.
    let count: u64 = digits.parse().unwrap_or(u64::MAX);
    let span = Duration::from_secs(count.saturating_mul(seconds_each));
    if span.is_zero() || span > SPAN_MAX {
        return Err(format!("`{text}` is not from one second to 24 hours"));
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn lengths_of_time_are_read_and_bounded() {
        for (text, seconds) in [("1s", 1), ("30s", 30), ("5m", 300), ("24h", 86_400)] {
            assert_eq!(parse(text).unwrap().as_secs(), seconds, "{text}");
        }
        for (text, says) in [
            ("", "no length"),
            ("30", "no length"),
            ("s", "no length"),
            ("-3s", "no length"),
            ("1.5m", "no length"),
            ("30秒", "no length"),
            ("0s", "not from"),
            ("25h", "not from"),
            ("99999999999999999999999h", "not from"),
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.contains(says), "{text}: {told}");
        }
    }
}
