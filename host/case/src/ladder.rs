//! The ladder of escalation (督办): when who is told that a limit is near or over. Data, the parameter
//! `escalation`; knows no case.

use serde::{Deserialize, Serialize};

/// Who is told of a deadline, from the desk upwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Whoever has the step's role in its office.
    Role,
    /// The office's head.
    Head,
    /// The leader who supervises the office (分管领导).
    SupervisingLeader,
    /// The principal leader (主要领导).
    PrincipalLeader,
}

/// When who is told, and how long some things may take: the parameter `escalation`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ladder {
    /// From the first to the last.
    pub rungs: Vec<Rung>,
    /// Working days that the parties have to sign.
    pub signing_days: u16,
    /// Working days for putting right what a bad rating complains of.
    pub repair_days: u16,
    /// Working days after completion within which a commitment is checked.
    pub commitment_check_days: u16,
}

/// One rung of the ladder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Rung {
    /// `reminder`, `overdue` …
    pub name: String,
    /// Working days after the limit; before it where negative.
    pub shift_days: i32,
    /// Who is told.
    pub to: Level,
}

/// What holds where a deployment publishes no ladder: the same as the parameter that is shipped.
impl Default for Ladder {
    fn default() -> Self {
        let rung = |name: &str, shift_days, to| Rung {
            name: name.to_owned(),
            shift_days,
            to,
        };
        Ladder {
            rungs: vec![
                rung("reminder", -1, Level::Role),
                rung("overdue", 0, Level::Head),
                rung("overdue-1", 1, Level::SupervisingLeader),
                rung("overdue-3", 3, Level::PrincipalLeader),
            ],
            signing_days: 5,
            repair_days: 5,
            commitment_check_days: 20,
        }
    }
}

impl Ladder {
    /// Reads the parameter's value, JSON.
    ///
    /// # Errors
    /// Where it is no ladder, or two rungs have one name: the second would never ring.
    pub fn parse(json: &str) -> Result<Ladder, String> {
        let ladder: Ladder = serde_json::from_str(json).map_err(|error| error.to_string())?;
        for (index, rung) in ladder.rungs.iter().enumerate() {
            let mut earlier = ladder.rungs.iter().take(index);
            if earlier.any(|earlier| earlier.name == rung.name) {
                return Err(format!("rung {}: the name is there twice", rung.name));
            }
        }
        Ok(ladder)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
    name: String,
    before_days: Option<u16>,
    after_days: Option<u16>,
    to: Level,
}

impl TryFrom<Written> for Rung {
    type Error = String;

    fn try_from(written: Written) -> Result<Rung, String> {
        let name = written.name;
        let shift_days = match (written.before_days, written.after_days) {
            (Some(days), None) => -i32::from(days),
            (None, Some(days)) => i32::from(days),
            _ => return Err(format!("rung {name}: give before-days or after-days")),
        };
        let to = written.to;
        Ok(Rung {
            name,
            shift_days,
            to,
        })
    }
}
