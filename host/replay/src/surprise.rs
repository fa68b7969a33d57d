//! Whether an entry went as the fixture itself says: what is refused must be expected to be, with
//! its code. So `--update` cannot make a wrong refusal, or a missing one, into what is expected.

use crate::transcript::Told;

/// An entry that was refused, or was not, against its `expect-refused`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Surprise {
    /// Refused, or refused otherwise.
    #[error("timeline entry {entry} ({asked}) is refused: {}", codes.join(", "))]
    Refused {
        /// From 1.
        entry: usize,
        /// What was asked.
        asked: String,
        /// With these codes.
        codes: Vec<String>,
    },
    /// Not refused.
    #[error("timeline entry {entry} ({asked}) should be refused with {code}, and is not")]
    NotRefused {
        /// From 1.
        entry: usize,
        /// What was asked.
        asked: String,
        /// What the fixture expects.
        code: String,
    },
}

/// The entry is the `entry`th of the timeline, from 1.
pub(crate) fn surprise(entry: usize, expected: Option<&str>, told: &Told) -> Option<Surprise> {
    let asked = told.asked.clone();
    let codes = &told.refused;
    match expected {
        None if codes.is_empty() => None,
        Some(code) if codes.iter().any(|refused| refused == code) => None,
        Some(code) if codes.is_empty() => Some(Surprise::NotRefused {
            entry,
            asked,
            code: code.to_owned(),
        }),
        _ => Some(Surprise::Refused {
            entry,
            asked,
            codes: codes.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_what_the_fixture_says_or_a_surprise() {
        let told = |codes: &[&str]| Told {
            asked: "submit".to_owned(),
            refused: codes.iter().map(|code| (*code).to_owned()).collect(),
            ..Told::default()
        };
        let said = |expected, codes: &[&str]| {
            surprise(2, expected, &told(codes)).map(|surprise| surprise.to_string())
        };
        assert_eq!(said(None, &[]), None);
        assert_eq!(said(Some("b"), &["a", "b"]), None);
        for (expected, codes, words) in [
            (
                None,
                &["a", "b"][..],
                "timeline entry 2 (submit) is refused: a, b",
            ),
            (Some("c"), &["a"], "timeline entry 2 (submit) is refused: a"),
            (
                Some("c"),
                &[],
                "timeline entry 2 (submit) should be refused with c, and is not",
            ),
        ] {
            assert_eq!(said(expected, codes).as_deref(), Some(words));
        }
    }
}
