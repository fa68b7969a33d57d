//! Timers: what the pure engine counts from, with the calendar, is a point in time; and what follows
//! when one rings. Which rungs there are is the parameter `escalation`.

use crate::directory::day;
use crate::engine::{Engine, stamp};
use crate::error::Error;
use crate::host_notices::{MATERIAL, OVERDUE, REMINDER};
use chrono::{DateTime, FixedOffset, NaiveTime, TimeDelta};
use onething_capabilities::{Calendar, Directory, Parameters, Pause, day_over};
use onething_case::{
    COMMITMENT_TIMER, Clock, ClockKind, Command, Ladder, Level, MATERIAL_TIMER, REPAIR_TIMER, Rang,
    State, StepRecord, Stop, Timer, When,
};
use onething_contract::{FILER, Message, Recipient, Text};
use onething_store::{CaseTimer, ROWS_MAX, TimerKey, TimerRow};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The parameter of the ladder.
const LADDER: &str = "escalation";

/// A clock and when it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockState {
    /// The clock.
    pub clock: Clock,
    /// When its limit is over.
    pub due: Due,
    /// The last rung that rang.
    pub rang: Option<Rang>,
}

/// When a limit is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Then.
    At(DateTime<FixedOffset>),
    /// The working days of a year on the way are not published yet.
    AwaitingCalendar,
    /// It stands still for a procedure that the law names.
    Stopped,
}

/// The calendars of the regions that were asked for.
struct Calendars<'a> {
    parameters: &'a Parameters,
    by_region: BTreeMap<&'a str, Calendar<'a>>,
}

impl<'a> Calendars<'a> {
    fn of(parameters: &'a Parameters) -> Self {
        Self {
            parameters,
            by_region: BTreeMap::new(),
        }
    }

    /// `None` where a year on the way has no calendar.
    fn due(&mut self, region: &'a str, at: &When) -> Option<DateTime<FixedOffset>> {
        match at {
            When::DayOver(day) => day_over(day.parse().ok()?),
            When::Limit {
                started_at,
                limit,
                stopped,
                shift_days,
            } => {
                let parameters = self.parameters;
                let calendar = self
                    .by_region
                    .entry(region)
                    .or_insert_with(|| Calendar::of(parameters, region));
                let pauses: Vec<Pause> = stopped.iter().filter_map(pause).collect();
                calendar.due(moment(started_at)?, limit, &pauses, *shift_days)
            }
        }
    }
}

fn moment(at: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(at).ok()
}

fn pause(stop: &Stop) -> Option<Pause> {
    Some(Pause {
        from: moment(&stop.from)?,
        until: moment(stop.until.as_deref()?)?,
    })
}

/// The ladder that the case goes by: the one in force when it was received.
pub fn ladder(state: &State, parameters: &Parameters) -> Ladder {
    let on = day(&state.registered_at).unwrap_or_default();
    let published = parameters.in_force(LADDER, on, &state.submission.region);
    let Some(published) = published else {
        return Ladder::default();
    };
    Ladder::parse(&published.value).unwrap_or_else(|error| {
        tracing::error!(%error, "the parameter {LADDER} is no ladder; the default is used");
        Ladder::default()
    })
}

/// The timers of a case, as of its last event: they take the place of those it had. A reminder whose
/// time would be before its clock began is not among them.
pub fn rows(state: &State, parameters: &Parameters) -> Vec<TimerRow> {
    let timers = state.timers(&ladder(state, parameters));
    let mut calendars = Calendars::of(parameters);
    let rows = timers.iter().filter_map(|timer| {
        let due = calendars.due(&timer.region, &timer.at);
        let too_early = due.is_some_and(|due| is_too_early(timer, due));
        (!too_early).then(|| TimerRow {
            name: timer.name.clone(),
            rung: timer.rung.clone(),
            due: due.map(|due| due.timestamp_millis()),
        })
    });
    rows.collect()
}

fn is_too_early(timer: &Timer, due: DateTime<FixedOffset>) -> bool {
    match &timer.at {
        When::Limit {
            started_at,
            shift_days,
            ..
        } => *shift_days < 0 && moment(started_at).is_some_and(|started_at| due <= started_at),
        When::DayOver(_) => false,
    }
}

/// Trying again does not help.
fn is_the_cases(error: &onething_store::Error) -> bool {
    use onething_store::Error;
    matches!(
        error,
        Error::Erased { .. }
            | Error::Damaged { .. }
            | Error::Malformed { .. }
            | Error::Event { .. }
    )
}

impl Engine {
    /// Gives those rungs their moment that waited for a calendar, after parameters were published.
    ///
    /// # Errors
    /// When the store fails; then it is done again.
    pub(crate) async fn set_awaiting(&self) -> Result<(), Error> {
        let parameters = self.parameters.current();
        // Another worker is at it.
        let Ok(mut seen) = self.work.calendars.try_lock() else {
            return Ok(());
        };
        if seen
            .as_ref()
            .is_some_and(|seen| Arc::ptr_eq(seen, &parameters))
        {
            return Ok(());
        }
        let mut after = None;
        loop {
            let waiting = self.store.timers_awaiting(after.as_ref(), ROWS_MAX).await?;
            let Some(last) = waiting.last() else { break };
            after = Some(key(last));
            let mut case_id = String::new();
            for timer in waiting {
                if timer.case_id != case_id {
                    case_id = timer.case_id;
                    self.set_awaiting_or_log(&case_id, &parameters).await?;
                }
            }
        }
        *seen = Some(parameters);
        Ok(())
    }

    /// A case that cannot be read keeps no other waiting.
    async fn set_awaiting_or_log(
        &self,
        case_id: &str,
        parameters: &Parameters,
    ) -> Result<(), Error> {
        match self.set_awaiting_of(case_id, parameters).await {
            Err(Error::Store(error)) if !is_the_cases(&error) => Err(error.into()),
            Err(error) => {
                tracing::error!(case = %case_id, error = error.in_log(), "its timers wait on");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn set_awaiting_of(&self, case_id: &str, parameters: &Parameters) -> Result<(), Error> {
        let state = self.case(case_id).await?.state;
        for row in rows(&state, parameters) {
            let Some(due) = row.due else { continue };
            let timer = CaseTimer {
                case_id: case_id.to_owned(),
                timer: row,
            };
            self.store.set_timer_due(&key(&timer), due).await?;
        }
        Ok(())
    }

    /// A case's clocks, and when each is over.
    pub fn clocks(&self, state: &State) -> Vec<ClockState> {
        let parameters = self.parameters.current();
        let clocks = state.clocks();
        let mut calendars = Calendars::of(&parameters);
        let due = |clock: &Clock| {
            let step = clock.step.as_deref().and_then(|step| state.step(step));
            let region = step.map_or(&state.submission.region, |step| &step.office().region);
            let at = When::Limit {
                started_at: clock.started_at.clone(),
                limit: clock.limit.clone(),
                stopped: clock.stopped.clone(),
                shift_days: 0,
            };
            match calendars.due(region, &at) {
                _ if clock.is_stopped() => Due::Stopped,
                Some(due) => Due::At(due),
                None => Due::AwaitingCalendar,
            }
        };
        let dues: Vec<Due> = clocks.iter().map(due).collect();
        let clocks = clocks.into_iter().zip(dues);
        clocks
            .map(|(clock, due)| ClockState {
                rang: state.rung(&clock.timer()).cloned(),
                clock,
                due,
            })
            .collect()
    }

    /// A rung is due: does what it is for, or rings the highest one of its timer that is due by now,
    /// after which those below have no use. Answers `false` where it came too late or too early: the
    /// case has moved on, or somebody else was first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ring(
        &self,
        case_id: &str,
        name: &str,
        rung: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<bool, Error> {
        let rings = |state: &State| self.rings(state, name, rung, now);
        match self.command(case_id, &stamp(now), Vec::new(), rings).await {
            Ok(_) => Ok(true),
            Err(Error::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn rings(
        &self,
        state: &State,
        name: &str,
        rung: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Command, Error> {
        let parameters = self.parameters.current();
        let timers = state.timers(&ladder(state, &parameters));
        let due = |region: &str, at: &When| Calendars::of(&parameters).due(region, at);
        let is_due = |timer: &Timer| due(&timer.region, &timer.at).is_some_and(|due| due <= now);
        let asked = timers
            .iter()
            .find(|timer| timer.name == name && timer.rung == rung);
        let asked = asked.filter(|timer| is_due(timer));
        let asked = asked.ok_or_else(|| not_due(name, rung))?;
        if let Some(does) = &asked.does {
            return Ok(Command::clone(does));
        }
        // Where the host comes late, the highest rung that is due stands for those below.
        let higher = timers
            .iter()
            .filter(|timer| timer.name == name && timer.to.is_some());
        let highest = higher
            .filter(|timer| is_due(timer))
            .max_by_key(|timer| shift(timer));
        let timer = highest.unwrap_or(asked);
        let to = timer.to.ok_or_else(|| not_due(name, rung))?;
        let over = due(&timer.region, &unshifted(&timer.at));
        Ok(Command::Ring {
            timer: timer.name.clone(),
            rung: timer.rung.clone(),
            to,
            notice: over.and_then(|over| notice(state, timer, to, over, &self.directory(), now)),
        })
    }
}

/// How the store names it.
pub(crate) fn key(timer: &CaseTimer) -> TimerKey {
    TimerKey {
        case_id: timer.case_id.clone(),
        name: timer.timer.name.clone(),
        rung: timer.timer.rung.clone(),
    }
}

fn not_due(name: &str, rung: &str) -> Error {
    Error::refused(
        "not-due",
        format!("计时{name}的{rung}尚未到期或者已经结束"),
        format!("the rung {rung} of the timer {name} is not due, or the timer does not run"),
    )
}

fn shift(timer: &Timer) -> i32 {
    match timer.at {
        When::Limit { shift_days, .. } => shift_days,
        When::DayOver(_) => 0,
    }
}

/// The limit itself.
fn unshifted(at: &When) -> When {
    let mut at = at.clone();
    if let When::Limit { shift_days, .. } = &mut at {
        *shift_days = 0;
    }
    at
}

/// What is told, to whom: the office whose step it is, by the names of its people; or the filer, of
/// a step that is the filer's.
fn notice(
    state: &State,
    timer: &Timer,
    to: Level,
    over: DateTime<FixedOffset>,
    directory: &Directory,
    now: DateTime<FixedOffset>,
) -> Option<Message> {
    let record = state.answerable(timer.step.as_deref())?;
    let office = record.office();
    let template = match &timer.at {
        When::DayOver(_) => MATERIAL,
        When::Limit { shift_days, .. } if *shift_days < 0 => REMINDER,
        When::Limit { .. } => OVERDUE,
    };
    let values = json!({
        "case": state.id,
        "people": people(record, to, directory, now),
        "what": what(state, timer, record),
        "due": told(over),
    });
    let recipient = match office.function.as_str() {
        FILER => Recipient::Subject(state.submission.filer.person.clone()),
        _ => Recipient::Office(office.clone()),
    };
    Some(Message {
        to: recipient,
        template: template.to_owned(),
        values: values.to_string(),
    })
}

/// Their names; where the directory has none, what they are.
fn people(
    record: &StepRecord,
    to: Level,
    directory: &Directory,
    now: DateTime<FixedOffset>,
) -> Value {
    let (role, zh, en) = match to {
        Level::Role => (record.step.role.as_str(), "经办人员", "whoever handles it"),
        Level::Head => ("head", "部门负责人", "the head of the office"),
        Level::SupervisingLeader => ("supervising-leader", "分管领导", "the supervising leader"),
        Level::PrincipalLeader => ("principal-leader", "主要领导", "the principal leader"),
    };
    let office = record.office();
    if office.function == FILER {
        return json!({"zh": "申报人", "en": "the filer"});
    }
    let on = day(&stamp(now)).unwrap_or_default();
    match directory.escalate_to(office, role, on).join("、") {
        names if names.is_empty() => json!({"zh": zh, "en": en}),
        names => json!(names),
    }
}

/// `环节“审核”的法定时限`.
fn what(state: &State, timer: &Timer, record: &StepRecord) -> Text {
    if let When::DayOver(_) = timer.at {
        let name = timer.name.strip_prefix(MATERIAL_TIMER);
        let code = name.and_then(|name| name.rsplit_once('/'));
        let code = code.map_or(timer.name.as_str(), |(code, _)| code);
        return Text {
            zh: format!("材料{code}"),
            en: format!("the material {code}"),
        };
    }
    if timer.name == REPAIR_TIMER {
        return Text {
            zh: "的差评整改时限".to_owned(),
            en: "the time for mending what the rating complains of".to_owned(),
        };
    }
    if let Some(code) = timer.name.strip_prefix(COMMITMENT_TIMER) {
        return Text {
            zh: format!("承诺{code}的核查时限"),
            en: format!("the time for checking the commitment {code}"),
        };
    }
    let mut clocks = state.clocks().into_iter();
    let kind = clocks
        .find(|clock| clock.timer() == timer.name)
        .map(|clock| clock.kind);
    let (zh, en) = match kind {
        Some(ClockKind::Legal) => ("法定时限", "legal limit"),
        Some(ClockKind::Promised) => ("承诺时限", "promised limit"),
        None => ("受理时限", "time for acceptance"),
    };
    match timer.step {
        None => Text {
            zh: format!("的{zh}"),
            en: format!("the {en}"),
        },
        Some(_) => Text {
            zh: format!("环节“{}”的{zh}", record.step.title.zh),
            en: format!("the {en} of the step \"{}\"", record.step.title.en),
        },
    }
}

/// A day's end is told as that day's 24:00.
fn told(over: DateTime<FixedOffset>) -> String {
    match over.time() == NaiveTime::MIN {
        true => (over - TimeDelta::days(1))
            .format("%Y-%m-%d 24:00")
            .to_string(),
        false => over.format("%Y-%m-%d %H:%M").to_string(),
    }
}
