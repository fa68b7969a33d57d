//! The timers that ring before and after a limit, and as other days end. What a working day is, is the
//! host's to know: a timer says what it counts from, and not when that is.

use crate::HOST;
use crate::clock::Stop;
use crate::command::Command;
use crate::draft::Draft;
use crate::event::{CommitmentCheck, Event};
use crate::ladder::{Ladder, Level, Rung};
use crate::refusals;
use crate::state::{State, Status, StepRecord};
use onething_contract::{
    Effect, Ending, Intent, MaterialStatus, Message, Phase, Refusal, TimeLimit,
};

/// The timer of what a poor rating asks for (差评整改).
pub const REPAIR_TIMER: &str = "repair";
/// Before the code of a commitment: the timer of its check (承诺核查).
pub const COMMITMENT_TIMER: &str = "commitment/";
/// Before the code of a material and the day that it is promised for: the timer of its coming in.
pub const MATERIAL_TIMER: &str = "material/";

/// Something that rings once, unless what it waits for comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// What runs: `clock/case/legal`, `clock/step/<id>/<opening>/promised`,
    /// `acceptance/<id>/<opening>`, `notice/<id>`, `material/<code>/<day>`, `signing/<round>`, `repair`,
    /// `commitment/<code>`.
    pub name: String,
    /// Which of its rings.
    pub rung: String,
    /// Who is told; `None` where the host acts and nobody is told.
    pub to: Option<Level>,
    /// What the host does by itself then; `None` where somebody is told.
    pub does: Option<Box<Command>>,
    /// The step; `None` where it is about the whole case.
    pub step: Option<String>,
    /// Whose working days count, GB/T 2260.
    pub region: String,
    /// When.
    pub at: When,
}

/// When a timer rings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// So many working days after the end of a limit; before it where negative.
    Limit {
        /// Counted from here, RFC 3339.
        started_at: String,
        /// How long.
        limit: TimeLimit,
        /// What does not count, each with its end.
        stopped: Vec<Stop>,
        /// Working days.
        shift_days: i32,
    },
    /// As this day has ended, in China.
    DayOver(String),
}

/// A rung that rang.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rang {
    /// The timer.
    pub timer: String,
    /// Its rung.
    pub rung: String,
    /// Who was told.
    pub to: Level,
    /// RFC 3339.
    pub at: String,
}

/// What runs now, with all its rungs before it.
struct Running {
    name: String,
    /// Nobody below is told.
    from: Level,
    step: Option<String>,
    region: String,
    started_at: String,
    limit: TimeLimit,
    stopped: Vec<Stop>,
}

impl State {
    /// Every ring that is still to come. A clock that stands still has none until it goes on, and a
    /// rung that rang is not there any more, nor one below it: whoever is told that a limit is over
    /// needs no reminder of it. After the end only what comes then has some: a repair
    /// and the checks of commitments.
    pub fn timers(&self, ladder: &Ladder) -> Vec<Timer> {
        let rungs = self.running(ladder).into_iter().flat_map(|running| {
            let timer = |rung: &Rung| Timer {
                name: running.name.clone(),
                rung: rung.name.clone(),
                to: Some(rung.to.max(running.from)),
                does: None,
                step: running.step.clone(),
                region: running.region.clone(),
                at: When::Limit {
                    started_at: running.started_at.clone(),
                    limit: running.limit.clone(),
                    stopped: running.stopped.clone(),
                    shift_days: rung.shift_days,
                },
            };
            let passed = self.passed(ladder, &running.name);
            let left = ladder
                .rungs
                .iter()
                .filter(|rung| passed.is_none_or(|passed| rung.shift_days >= passed));
            left.map(timer).collect::<Vec<_>>()
        });
        rungs
            .chain(self.notices_over())
            .chain(self.signing_over(ladder))
            .chain(self.promises_over())
            .chain(self.materials_overdue())
            .filter(|timer| !self.has_rung(&timer.name, &timer.rung))
            .collect()
    }

    /// The last rung of a timer that rang.
    pub fn rung(&self, timer: &str) -> Option<&Rang> {
        self.rang.iter().rfind(|rang| rang.timer == timer)
    }

    /// How far up its ladder a timer has come: the highest rung that rang.
    fn passed(&self, ladder: &Ladder, timer: &str) -> Option<i32> {
        let rang = ladder
            .rungs
            .iter()
            .filter(|rung| self.has_rung(timer, &rung.name));
        rang.map(|rung| rung.shift_days).max()
    }

    fn has_rung(&self, timer: &str, rung: &str) -> bool {
        let is_it = |rang: &Rang| rang.timer == timer && rang.rung == rung;
        self.rang.iter().any(is_it)
    }

    /// What the ladder's rungs are hung on.
    fn running(&self, ladder: &Ladder) -> Vec<Running> {
        if matches!(self.status, Status::Ended(_)) {
            return self.running_afterwards(ladder);
        }
        let of_clocks = self.clocks().into_iter().filter_map(|clock| {
            let region = match &clock.step {
                Some(step) => &self.step(step)?.office().region,
                None => &self.submission.region,
            };
            (clock.ended_at.is_none() && !clock.is_stopped()).then(|| Running {
                name: clock.timer(),
                from: Level::Role,
                region: region.clone(),
                step: clock.step,
                started_at: clock.started_at,
                limit: clock.limit,
                stopped: clock.stopped,
            })
        });
        // Neither clock runs before acceptance, but the office's work on it has its days all the same.
        let in_acceptance = |record: &&StepRecord| {
            self.status == Status::Acceptance
                && record.step.phase == Phase::Acceptance
                && record.is_open()
        };
        let of_acceptance = self.plan().filter(in_acceptance).filter_map(|record| {
            Some(Running {
                name: format!("acceptance/{}/{}", record.step.id, record.timing.opening),
                from: Level::Role,
                step: Some(record.step.id.clone()),
                region: record.office().region.clone(),
                started_at: record.timing.counted_from.clone()?,
                limit: record.step.promised_limit.clone(),
                stopped: Vec::new(),
            })
        });
        of_clocks.chain(of_acceptance).collect()
    }

    /// What a poor rating asks for, and the commitments that nobody has checked: work of the leading
    /// office.
    fn running_afterwards(&self, ladder: &Ladder) -> Vec<Running> {
        let Some(lead) = self.answerable(None) else {
            return Vec::new();
        };
        let running = |name: String, from, started_at: &str, days| Running {
            name,
            from,
            step: Some(lead.step.id.clone()),
            region: lead.office().region.clone(),
            started_at: started_at.to_owned(),
            limit: TimeLimit::WorkingDays(days),
            stopped: Vec::new(),
        };
        let repair = self.repair_task().map(|task| {
            let since = task.opened_at;
            running(
                REPAIR_TIMER.to_owned(),
                Level::Head,
                since,
                ladder.repair_days,
            )
        });
        let completed = self.status == Status::Ended(Ending::Completed);
        let completed_at = self.ended_at.as_deref().filter(|_| completed);
        let checks = completed_at.into_iter().flat_map(|at| {
            let days = ladder.commitment_check_days;
            self.unchecked().map(move |code| {
                running(format!("{COMMITMENT_TIMER}{code}"), Level::Role, at, days)
            })
        });
        repair.into_iter().chain(checks).collect()
    }

    /// The commitments that nobody has checked.
    fn unchecked(&self) -> impl Iterator<Item = &str> {
        let committed = self.submission.materials.iter().filter(|material| {
            let checked = |check: &CommitmentCheck| check.code == material.code;
            material.status == MaterialStatus::Committed && !self.checks.iter().any(checked)
        });
        committed.map(|material| material.code.as_str())
    }

    fn signing_over(&self, ladder: &Ladder) -> Option<Timer> {
        (self.status == Status::Signing).then(|| Timer {
            name: format!("signing/{}", self.round()),
            rung: "over".to_owned(),
            to: None,
            does: Some(Box::new(Command::Lapse {
                by: HOST.to_owned(),
            })),
            step: None,
            region: self.submission.region.clone(),
            at: When::Limit {
                started_at: self.submission.filed_at.clone(),
                limit: TimeLimit::WorkingDays(ladder.signing_days),
                stopped: Vec::new(),
                shift_days: 0,
            },
        })
    }

    /// The bundle hears that a promise was not kept, and somebody is told: two rungs, each of which
    /// happens whatever becomes of the other.
    fn promises_over(&self) -> impl Iterator<Item = Timer> {
        self.promises().map(|promise| Timer {
            name: material_timer(promise.code, promise.by),
            rung: "over".to_owned(),
            to: None,
            does: Some(Box::new(Command::MaterialOverdue {
                code: promise.code.to_owned(),
            })),
            step: None,
            region: self.submission.region.clone(),
            at: When::DayOver(promise.by.to_owned()),
        })
    }

    fn notices_over(&self) -> impl Iterator<Item = Timer> {
        let running = self.notices().filter(|running| !running.objected);
        running.map(|running| Timer {
            name: format!("notice/{}", running.step.step.id),
            rung: "over".to_owned(),
            to: None,
            does: Some(Box::new(Command::NoticeOver {
                step: running.step.step.id.clone(),
            })),
            step: Some(running.step.step.id.clone()),
            region: running.step.office().region.clone(),
            at: When::Limit {
                started_at: running.opened_at.to_owned(),
                limit: TimeLimit::WorkingDays(running.notice.days),
                stopped: Vec::new(),
                shift_days: 0,
            },
        })
    }

    fn materials_overdue(&self) -> impl Iterator<Item = Timer> {
        let waits = !matches!(self.status, Status::Signing | Status::Ended(_));
        let promised = self
            .submission
            .materials
            .iter()
            .filter_map(move |material| {
                let MaterialStatus::Promised(day) = &material.status else {
                    return None;
                };
                waits.then(|| (material.code.clone(), day.clone()))
            });
        promised.map(|(code, day)| Timer {
            name: material_timer(&code, &day),
            rung: "overdue".to_owned(),
            to: Some(Level::Role),
            does: None,
            step: None,
            region: self.submission.region.clone(),
            at: When::DayOver(day),
        })
    }

    /// Whose a timer is: the step's, or the lead's where it is about the whole case.
    pub fn answerable(&self, step: Option<&str>) -> Option<&StepRecord> {
        match step {
            Some(step) => self.step(step),
            None => self.plan().find(|record| record.step.lead),
        }
    }
}

/// A rung rings once, and only while its timer runs: what it waited for may have come meanwhile.
pub(crate) fn ring(
    draft: &mut Draft,
    timer: &str,
    rung: &str,
    to: Level,
    notice: Option<&Message>,
) -> Result<(), Refusal> {
    let state = &draft.state;
    let step = step_of(state, timer).filter(|_| !state.has_rung(timer, rung));
    let step = step.ok_or_else(|| refusals::not_due(timer, rung))?;
    let ticket = format!("{}-{}-{HOST_TICKET}", state.id, state.last_event + 1);
    let intent = notice.map(|notice| Intent {
        ticket,
        after: Vec::new(),
        effect: Effect::Notice {
            to: notice.to.clone(),
            template: notice.template.clone(),
            values: notice.values.clone(),
        },
    });
    draft.push(Event::Rang {
        timer: timer.to_owned(),
        rung: rung.to_owned(),
        to,
        step,
        intent,
    });
    Ok(())
}

/// A material that is promised anew, for another day, has a timer of its own.
fn material_timer(code: &str, day: &str) -> String {
    format!("{MATERIAL_TIMER}{code}/{day}")
}

/// The end of a ticket of the host's own; a bundle's end in a number.
const HOST_TICKET: &str = "t";

/// Whether the host promised this effect by itself: the bundle did not ask and does not hear.
pub(crate) fn is_hosts(ticket: &str) -> bool {
    ticket
        .rsplit('-')
        .next()
        .is_some_and(|end| end == HOST_TICKET)
}

/// The step that a running timer is about; `None` where no such timer runs.
fn step_of(state: &State, timer: &str) -> Option<Option<String>> {
    let of_rungs = state
        .running(&Ladder::default())
        .into_iter()
        .map(|running| (running.name, running.step));
    let of_materials = state
        .materials_overdue()
        .map(|material| (material.name, material.step));
    of_rungs
        .chain(of_materials)
        .find(|(name, _)| name == timer)
        .map(|(_, step)| step)
}
