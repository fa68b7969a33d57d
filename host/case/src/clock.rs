//! The legal and the promised clock (法定时限、承诺时限) of a case and of its steps, what stops them, and
//! the timers that ring before and after a limit. What a working day is, is the host's to know: a
//! timer says what it counts from, and not when that is.
//!
//! Both clocks start at acceptance and stop only for procedures that the law names. Correction and
//! signing come before acceptance, so no clock runs while the filer's side is at work on them.

use crate::HOST;
use crate::command::Command;
use crate::draft::Draft;
use crate::event::{CommitmentCheck, Event, Recorded};
use crate::ladder::{Ladder, Level, Rung};
use crate::refusals;
use crate::state::{State, Status, StepRecord};
use onething_contract::{
    Decision, Effect, Ending, Intent, MaterialStatus, Message, Phase, Refusal, TimeLimit, Verdict,
};
use serde::{Deserialize, Serialize};

/// 《行政许可法》第四十五条: the time of these is not part of the limit. The code of a hold's first
/// reason names one.
pub const PROCEDURES: [&str; 8] = [
    "hearing",
    "bidding",
    "auction",
    "inspection",
    "testing",
    "quarantine",
    "appraisal",
    "expert-review",
];

/// The timer of what a poor rating asks for (差评整改).
pub const REPAIR_TIMER: &str = "repair";
/// Before the code of a commitment: the timer of its check (承诺核查).
pub const COMMITMENT_TIMER: &str = "commitment/";

/// The limits of a matter, both counted from acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Limits {
    /// By law.
    pub legal: TimeLimit,
    /// By the guide's promise.
    pub promised: TimeLimit,
}

/// Which of the two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ClockKind {
    /// 法定时限.
    Legal,
    /// 承诺时限.
    Promised,
}

/// A clock that runs, or ran to an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// `case`, or `step/<id>/<opening>`: a step that opens again has clocks of its own.
    pub name: String,
    /// Legal or promised.
    pub kind: ClockKind,
    /// The step; `None` of the case's own.
    pub step: Option<String>,
    /// How long.
    pub limit: TimeLimit,
    /// Counted from here, RFC 3339.
    pub started_at: String,
    /// When the law let it stand still, in order.
    pub stopped: Vec<Stop>,
    /// When what it measures was over, RFC 3339.
    pub ended_at: Option<String>,
}

/// A time that does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Stop {
    /// RFC 3339.
    pub from: String,
    /// RFC 3339; `None` while it lasts.
    pub until: Option<String>,
}

/// Something that rings once, unless what it waits for comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// What runs: `clock/case/legal`, `clock/step/<id>/<opening>/promised`,
    /// `acceptance/<id>/<opening>`, `notice/<id>`, `material/<code>`, `signing/<round>`, `repair`,
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

/// What the clocks of a step rest on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    /// How often it has opened.
    opening: u32,
    /// The event that opened it last.
    opened_n: u64,
    /// Its limits count from here; `None` while it is not at work.
    counted_from: Option<String>,
    /// When it was decided, if it is.
    decided_at: Option<String>,
    /// It came into the plan after acceptance, and its limits count from its opening.
    added_late: bool,
}

/// A hold for a procedure that the law names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LegalHold {
    step: String,
    from: (u64, String),
    until: Option<(u64, String)>,
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

impl Clock {
    /// The name of its timer.
    pub fn timer(&self) -> String {
        match self.kind {
            ClockKind::Legal => format!("clock/{}/legal", self.name),
            ClockKind::Promised => format!("clock/{}/promised", self.name),
        }
    }

    /// It stands still now.
    pub fn is_stopped(&self) -> bool {
        self.ended_at.is_none() && self.stopped.iter().any(|stop| stop.until.is_none())
    }
}

impl State {
    /// The clocks of the case and of the steps that are at work or decided: none before acceptance.
    pub fn clocks(&self) -> Vec<Clock> {
        let Some(accepted_at) = &self.accepted_at else {
            return Vec::new();
        };
        let of_case = self.limits.iter().flat_map(|limits| {
            let clock = |kind, limit: &TimeLimit| Clock {
                name: "case".to_owned(),
                kind,
                step: None,
                limit: limit.clone(),
                started_at: accepted_at.clone(),
                stopped: self.holds.iter().map(LegalHold::stop).collect(),
                ended_at: self.ended_at.clone(),
            };
            [
                clock(ClockKind::Legal, &limits.legal),
                clock(ClockKind::Promised, &limits.promised),
            ]
        });
        let of_steps = self.plan().flat_map(|record| self.clocks_of(record));
        of_case.chain(of_steps).collect()
    }

    fn clocks_of(&self, record: &StepRecord) -> Vec<Clock> {
        let timing = &record.timing;
        let Some(from) = &timing.counted_from else {
            return Vec::new();
        };
        if record.step.phase == Phase::Acceptance {
            return Vec::new();
        }
        let clock = |kind, limit: &TimeLimit| Clock {
            name: format!("step/{}/{}", record.step.id, timing.opening),
            kind,
            step: Some(record.step.id.clone()),
            limit: limit.clone(),
            started_at: from.clone(),
            stopped: self.stops_of(record),
            ended_at: timing.decided_at.clone().or(self.ended_at.clone()),
        };
        vec![
            clock(ClockKind::Legal, &record.step.legal_limit),
            clock(ClockKind::Promised, &record.step.promised_limit),
        ]
    }

    /// A step's own holds, and those of others that kept it from opening.
    fn stops_of(&self, record: &StepRecord) -> Vec<Stop> {
        let (opened_n, opened_at) = (record.timing.opened_n, &record.opened_at);
        let stops = self.holds.iter().filter_map(|hold| {
            let own = hold.step == record.step.id;
            match (own, hold.from.0 < opened_n) {
                (true, false) => Some(hold.stop()),
                // Counted from its opening, nothing before matters.
                (_, true) if record.timing.counted_from != *opened_at => {
                    let ended = hold.until.as_ref().filter(|(n, _)| *n < opened_n);
                    Some(Stop {
                        until: ended.map(|(_, at)| at.clone()).or(opened_at.clone()),
                        ..hold.stop()
                    })
                }
                _ => None,
            }
        });
        stops.collect()
    }

    /// Every ring that is still to come. A clock that stands still has none until it goes on, and a
    /// rung that rang is not there any more. After the end only what comes then has some: a repair
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
            ladder.rungs.iter().map(timer).collect::<Vec<_>>()
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
            name: format!("material/{}", promise.code),
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
            name: format!("material/{code}"),
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

    /// Keeps what the clocks rest on. Comes after the event has changed everything else.
    pub(crate) fn clock(&mut self, recorded: &Recorded) {
        let Recorded { n, at, event } = recorded;
        match event {
            Event::StepAdded { step } => {
                let late = self.accepted_at.is_some();
                self.time(&step.id, |timing| timing.added_late = late);
            }
            Event::StepOpened { step } => {
                self.go_on(Some(step), *n, at);
                let accepted_at = self.accepted_at.clone();
                self.time(step, |timing| timing.open(*n, at, accepted_at));
            }
            Event::StepVoided { step } => {
                self.go_on(Some(step), *n, at);
                self.time(step, |timing| {
                    (timing.counted_from, timing.decided_at) = (None, None);
                });
            }
            Event::Decided { decision, .. } => self.clock_decision(decision, *n, at),
            // Steps that stayed open while the filer corrected begin anew.
            Event::Corrected { .. } | Event::Filed { .. } => {
                for record in self.steps.iter_mut().filter(|record| record.is_open()) {
                    record.timing.open(*n, at, None);
                }
            }
            Event::Ended { .. } => self.go_on(None, *n, at),
            Event::Rang {
                timer, rung, to, ..
            } => self.rang.push(Rang {
                timer: timer.clone(),
                rung: rung.clone(),
                to: *to,
                at: at.clone(),
            }),
            _ => {}
        }
    }

    fn clock_decision(&mut self, decision: &Decision, n: u64, at: &str) {
        self.go_on(Some(&decision.step), n, at);
        match &decision.verdict {
            Verdict::Hold if self.accepted_at.is_some() && is_named(decision) => {
                self.holds.push(LegalHold {
                    step: decision.step.clone(),
                    from: (n, at.to_owned()),
                    until: None,
                });
            }
            Verdict::Hold | Verdict::Transfer(_) | Verdict::SendBack(_) => {}
            _ => self.time(&decision.step, |timing| {
                timing.decided_at = Some(at.to_owned());
            }),
        }
    }

    /// Ends the holds of a step, or of all.
    fn go_on(&mut self, step: Option<&str>, n: u64, at: &str) {
        let ends = |hold: &&mut LegalHold| {
            hold.until.is_none() && step.is_none_or(|step| hold.step == step)
        };
        for hold in self.holds.iter_mut().filter(ends) {
            hold.until = Some((n, at.to_owned()));
        }
    }

    fn time(&mut self, step: &str, change: impl FnOnce(&mut Timing)) {
        let mut records = self.steps.iter_mut();
        if let Some(record) = records.find(|record| record.step.id == step) {
            change(&mut record.timing);
        }
    }
}

impl Timing {
    /// The limits of a step of the first plan count from acceptance; those of one that came later, or
    /// opens again, from its opening.
    fn open(&mut self, n: u64, at: &str, accepted_at: Option<String>) {
        let first = self.opening == 0 && !self.added_late;
        self.counted_from = accepted_at
            .filter(|_| first)
            .or_else(|| Some(at.to_owned()));
        self.opening += 1;
        self.opened_n = n;
        self.decided_at = None;
    }
}

impl LegalHold {
    fn stop(&self) -> Stop {
        Stop {
            from: self.from.1.clone(),
            until: self.until.as_ref().map(|(_, at)| at.clone()),
        }
    }
}

fn is_named(decision: &Decision) -> bool {
    let first = decision.reasons.first();
    first.is_some_and(|reason| PROCEDURES.contains(&reason.code.as_str()))
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
