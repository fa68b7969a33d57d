//! The clocks of a case as the API shows them.

use onething_case::{ClockKind, Level, Stop};
use onething_contract::TimeLimit;
use onething_engine::stamp;
use onething_engine::timers::{ClockState, Due};
use serde::Serialize;
use utoipa::ToSchema;

/// A clock (法定时限、承诺时限) of a case or of a step. None runs before acceptance.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClockBody {
    /// `case`, or `step/<id>/<opening>`.
    name: String,
    kind: ClockKind,
    /// Absent for the case's own.
    step: Option<String>,
    limit: TimeLimit,
    started_at: String,
    /// When the limit is over; absent while the clock stands still or awaits a calendar.
    due: Option<String>,
    /// The working days of a year on the way are not published yet.
    awaiting_calendar: bool,
    /// It stands still now, for a procedure that the law names.
    is_stopped: bool,
    /// The times that do not count.
    stopped: Vec<Stop>,
    /// When what it measures was over.
    ended_at: Option<String>,
    /// The last reminder or warning that went out.
    rung: Option<RungBody>,
}

/// A reminder or warning that went out.
#[derive(Serialize, ToSchema)]
pub(crate) struct RungBody {
    rung: String,
    to: Level,
    at: String,
}

impl From<ClockState> for ClockBody {
    fn from(state: ClockState) -> Self {
        let clock = state.clock;
        Self {
            due: match state.due {
                Due::At(due) => Some(stamp(due)),
                Due::AwaitingCalendar | Due::Stopped => None,
            },
            awaiting_calendar: state.due == Due::AwaitingCalendar,
            is_stopped: state.due == Due::Stopped,
            name: clock.name,
            kind: clock.kind,
            step: clock.step,
            limit: clock.limit,
            started_at: clock.started_at,
            stopped: clock.stopped,
            ended_at: clock.ended_at,
            rung: state.rang.map(|rang| RungBody {
                rung: rang.rung,
                to: rang.to,
                at: rang.at,
            }),
        }
    }
}
