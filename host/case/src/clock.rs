//! The legal and the promised clock (法定时限、承诺时限) of a case and of its steps, and what stops them.
//!
//! Both clocks start at acceptance and stop only for procedures that the law names. Correction and
//! signing come before acceptance, so no clock runs while the filer's side is at work on them.

use crate::event::{Event, Recorded};
use crate::state::{State, StepRecord};
use crate::timer::Rang;
use onething_contract::{Decision, Phase, TimeLimit, Verdict};
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

/// What the clocks of a step rest on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    /// How often it has opened.
    pub opening: u32,
    /// The event that opened it last.
    opened_n: u64,
    /// Its limits count from here; `None` while it is not at work.
    pub counted_from: Option<String>,
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
