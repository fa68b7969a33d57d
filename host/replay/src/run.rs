//! Runs a fixture: prefill, hand in, decide, and after every command everything that follows from
//! it, until nothing is left to do. The clock stands at the entry's time meanwhile.

use crate::error::Error;
use crate::fixture::{Asked, Deciding, Entry, Filing, Fixture};
use crate::follow::SHORT;
use crate::surprise::{Surprise, surprise};
use crate::transcript::{self, Told, Transcript};
use crate::world::World;
use crate::{Suite, commands};
use onething_case::{Command, Recorded, Round, State, decide};
use onething_contract::{Assessment, Decision, Office, Severity, Submission, Verdict};
use onething_engine::drive::{self, Drive, HandedIn, Invoked, Past};
use onething_engine::{Decide, Embedded, Executor, check_notice, check_payload, legal_date, stamp};
use onething_runtime::Bundle;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A fixture, run.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// What it came to.
    pub transcript: Transcript,
    /// The journals of the invocations behind the case, a line each: the same bytes every time.
    pub journal: Vec<u8>,
    /// What happened to the case; empty where none was registered.
    pub events: Vec<Recorded>,
    /// Where the case says itself that it should have gone otherwise; it went no further.
    pub surprise: Option<Surprise>,
}

impl Suite {
    /// Runs a fixture once.
    ///
    /// # Errors
    /// Where it cannot be run to its end; the number is that of the timeline's entry, from 1.
    pub fn run(&self, fixture: &Fixture) -> Result<Replayed, (usize, Error)> {
        self.run_by(fixture, Arc::new(Embedded))
    }

    /// Runs a fixture once, its bundles by an executor.
    pub(crate) fn run_by(
        &self,
        fixture: &Fixture,
        executor: Arc<dyn Executor>,
    ) -> Result<Replayed, (usize, Error)> {
        let mut run = Run {
            suite: self,
            executor,
            fixture,
            filing: fixture.submission.clone(),
            case: None,
            money: fixture.given.money(),
            journal: Vec::new(),
        };
        let mut transcript = Transcript::default();
        let mut surprised = None;
        for (number, entry) in (1..).zip(&fixture.timeline) {
            let told = run.entry(entry).map_err(|error| (number, error))?;
            surprised = surprise(number, entry.expect_refused.as_deref(), &told);
            transcript.timeline.push(told);
            if surprised.is_some() {
                break;
            }
        }
        run.end(&mut transcript)
            .map_err(|error| (fixture.timeline.len(), error))?;
        Ok(Replayed {
            transcript,
            journal: run.journal,
            events: run.case.map_or_else(Vec::new, |case| case.events),
            surprise: surprised,
        })
    }
}

/// A run under way.
pub(crate) struct Run<'a> {
    pub suite: &'a Suite,
    executor: Arc<dyn Executor>,
    pub fixture: &'a Fixture,
    /// What was handed in last.
    filing: Filing,
    pub case: Option<Case>,
    /// All the money that came into a budget.
    pub money: BTreeMap<String, Decimal>,
    journal: Vec<u8>,
}

pub(crate) struct Case {
    pub drive: Drive,
    pub state: State,
    pub events: Vec<Recorded>,
    pub past: Past,
}

impl Run<'_> {
    fn entry(&mut self, entry: &Entry) -> Result<Told, Error> {
        let at = stamp(entry.at);
        let (events, effects) = self
            .case
            .as_ref()
            .map_or((0, 0), |case| (case.events.len(), case.state.effects.len()));
        let mut told = Told {
            at: at.clone(),
            asked: commands::asked(&entry.asked),
            ..Told::default()
        };
        self.pass_time(entry.at, &mut told)?;
        match &entry.asked {
            Asked::Submit(filing) => self.submit(filing, &at, &mut told)?,
            Asked::Correct(filing) => self.correct(filing, &at, &mut told)?,
            Asked::Decide(deciding) => self.decide(deciding, &at, &mut told)?,
            Asked::Approve(steps) => {
                for step in steps {
                    self.approve(step, &at, &mut told)?;
                }
            }
            Asked::Bank(says) => self.bank(&says.returned, &at, &mut told)?,
            Asked::Fund(funding) => {
                let money = self.money.entry(funding.budget.clone()).or_default();
                *money += funding.amount.0;
                self.follow(&at)?;
            }
            Asked::Wait => {}
            plain => {
                let case = self.case.as_ref().ok_or(Error::NoCase)?;
                if let Some(command) = commands::of(case, plain) {
                    self.command(&command, &at, &mut told)?;
                }
            }
        }
        if let Some(case) = &self.case {
            let happened = case.events.iter().skip(events);
            told.events = happened
                .filter_map(|recorded| {
                    let said = transcript::event(recorded)?;
                    // While time passed, before what the entry asks.
                    match recorded.at == at {
                        true => Some(said),
                        false => Some(format!("{} {said}", recorded.at)),
                    }
                })
                .collect();
            let asked_for = case.state.effects.iter().skip(effects);
            told.effects.extend(asked_for.map(transcript::effect));
        }
        Ok(told)
    }

    fn end(&self, transcript: &mut Transcript) -> Result<(), Error> {
        let Some(case) = &self.case else {
            return Ok(());
        };
        let state = &case.state;
        transcript.status = Some(state.status.as_str().to_owned());
        if let Some(outcome) = &state.outcome {
            transcript.outcome = Some(json("outcome", outcome)?);
        }
        transcript.reservations = state
            .reservations
            .iter()
            .map(transcript::reserved)
            .collect();
        for form in case.project(case.last_at())? {
            let values = json(&form.form, &form.values)?;
            transcript.forms.insert(form.form, values);
        }
        Ok(())
    }

    fn submit(&mut self, filing: &Filing, at: &str, told: &mut Told) -> Result<(), Error> {
        if self.case.is_some() {
            return Err(Error::SecondCase);
        }
        self.filing = filing.clone().over(self.fixture.submission.clone());
        let shown = self.drive(at)?;
        let filled = self.fill_in(&shown, at, told)?;
        let manifest = shown.bundle.manifest();
        let legal_date = legal_date(manifest, &Value::Object(filled.clone()), at);
        let drive = self.drive(&legal_date)?;
        let Some((round, invoked)) = self.hand_in(&drive, filled, 0, at, told)? else {
            return Ok(());
        };
        let year = at.get(..4).unwrap_or_default();
        let id = format!("{}-{year}-000001", self.filing.region());
        let events = match drive.register(id, legal_date, None, round) {
            Err(drive::Error::Case(onething_case::Error::Refused(refusal))) => {
                told.refused.push(refusal.code);
                return Ok(());
            }
            registered => registered?,
        };
        let state = State::from_events(&events)?;
        if self.is_short(&state) {
            told.refused.push(SHORT.to_owned());
            return Ok(());
        }
        for one in invoked {
            self.note(1, &one, drive.bundle.digest());
        }
        self.case = Some(Case {
            drive,
            state,
            events,
            past: Past::default(),
        });
        self.follow(at)
    }

    fn correct(&mut self, filing: &Filing, at: &str, told: &mut Told) -> Result<(), Error> {
        let case = self.case.as_ref().ok_or(Error::NoCase)?;
        let (drive, number) = (case.drive.clone(), case.state.round() + 1);
        self.filing = filing.clone().over(self.filing.clone());
        let filled = self.fill_in(&drive, at, told)?;
        let Some((round, invoked)) = self.hand_in(&drive, filled, number, at, told)? else {
            return Ok(());
        };
        let next = self
            .case
            .as_ref()
            .map_or(1, |case| case.state.last_event + 1);
        for one in invoked {
            self.note(next, &one, drive.bundle.digest());
        }
        self.command(&Command::Correct(Box::new(round)), at, told)
    }

    /// As a platform's form does: what was not typed comes from the registers.
    fn fill_in(
        &self,
        drive: &Drive,
        at: &str,
        told: &mut Told,
    ) -> Result<Map<String, Value>, Error> {
        let mut answers = self.filing.typed();
        let hand_in = self.filing.hand_in(Map::new());
        let purpose = self.fixture.matter.clone();
        let prefilled = drive
            .prefill(hand_in.filer, hand_in.subject, purpose, at)?
            .map_err(Error::Prefill)?;
        let handed_in = told.handed_in.insert(transcript::HandedIn::default());
        for known in prefilled {
            match known.value {
                None => handed_in.unfilled.push(known.element),
                Some(value) => {
                    handed_in.prefilled += 1;
                    let value = json(&known.element, &value)?;
                    answers.entry(known.element).or_insert(value);
                }
            }
        }
        answers.retain(|element, _| !self.filing.leaves_out(element));
        Ok(answers)
    }

    /// `None` where it was refused.
    fn hand_in(
        &self,
        drive: &Drive,
        answers: Map<String, Value>,
        round: u32,
        at: &str,
        told: &mut Told,
    ) -> Result<Option<(Round, Vec<Invoked>)>, Error> {
        let hand_in = self.filing.hand_in(answers);
        let before = self
            .case
            .as_ref()
            .filter(|_| round > 0)
            .map(|case| &case.state);
        let submission: Submission = hand_in.submission(drive.bundle.manifest(), before, at)?;
        let by = hand_in.filer.person.identifier;
        let handed_in = told.handed_in.get_or_insert_default();
        match drive.hand_in(submission, &hand_in.answers, &by, at)? {
            HandedIn::Refused(assessment) => {
                handed_in.assessed(&assessment);
                told.refused = reasons(&assessment);
                Ok(None)
            }
            HandedIn::Round { round, invoked } => {
                handed_in.assessed(&round.assessment);
                handed_in.plan = round.plan.iter().map(transcript::step).collect();
                Ok(Some((*round, invoked)))
            }
        }
    }

    /// The routine yes: in the words of the fixture's `approvals`, and with the figures that the
    /// office's own form has computed where the fixture has no others.
    fn approve(&mut self, step: &str, at: &str, told: &mut Told) -> Result<(), Error> {
        let case = self.case.as_ref().ok_or(Error::NoCase)?;
        let approval = self
            .fixture
            .approvals
            .get(step)
            .cloned()
            .unwrap_or_default();
        let record = case.state.step(step);
        let asks = record.is_some_and(|record| record.step.payload_schema.is_some());
        let payload = match asks {
            true => Some(case.payload(step, approval.payload.0, at)?),
            false => None,
        };
        let asked = Decide {
            round: case.state.round(),
            task_version: None,
            verdict: Verdict::Approve,
            reasons: Vec::new(),
            opinion: approval.opinion.unwrap_or_else(|| "同意".to_owned()),
            payload,
            on_behalf_of: None,
        };
        let office = case.office(step);
        self.decision(step, asked, approval.by, office, at, told)
    }

    fn decide(&mut self, deciding: &Deciding, at: &str, told: &mut Told) -> Result<(), Error> {
        let case = self.case.as_ref().ok_or(Error::NoCase)?;
        let asked = Decide {
            round: deciding.round.unwrap_or(case.state.round()),
            task_version: deciding.task_version,
            verdict: deciding.verdict.clone(),
            reasons: deciding.findings(),
            opinion: deciding.opinion.clone(),
            payload: deciding
                .payload
                .clone()
                .map(|payload| Value::Object(payload.0)),
            on_behalf_of: deciding.on_behalf_of.clone(),
        };
        let office = deciding.office.clone();
        let office = office.unwrap_or_else(|| case.office(&deciding.step));
        self.decision(&deciding.step, asked, deciding.by.clone(), office, at, told)
    }

    fn decision(
        &mut self,
        step: &str,
        asked: Decide,
        by: Option<String>,
        by_office: Office,
        at: &str,
        told: &mut Told,
    ) -> Result<(), Error> {
        let case = self.case.as_ref().ok_or(Error::NoCase)?;
        let parameters = &self.suite.parameters;
        let checked = check_notice(&case.state, step, &asked, at, parameters)
            .and_then(|()| check_payload(&case.state, step, &asked));
        match checked {
            Ok(()) => {}
            Err(onething_engine::Error::Refused(refusal)) => {
                told.refused.push(refusal.code);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        let decision = Decision {
            step: step.to_owned(),
            round: asked.round,
            verdict: asked.verdict,
            reasons: asked.reasons,
            opinion: asked.opinion,
            by: by.unwrap_or_else(|| by_office.function.clone()),
            on_behalf_of: asked.on_behalf_of,
            at: at.to_owned(),
            payload: asked.payload.map(|payload| payload.to_string()),
        };
        let command = Command::Decide {
            decision,
            by_office,
            task_version: asked.task_version,
        };
        self.command(&command, at, told)
    }

    pub fn command(&mut self, command: &Command, at: &str, told: &mut Told) -> Result<(), Error> {
        let case = self.case.as_ref().ok_or(Error::NoCase)?;
        match decide(Some(&case.state), at, command) {
            Ok(events) => {
                let state = case.state.clone().after(&events)?;
                if self.is_short(&state) {
                    told.refused.push(SHORT.to_owned());
                    return Ok(());
                }
                if let Some(case) = &mut self.case {
                    case.take(events)?;
                }
            }
            Err(onething_case::Error::Refused(refusal)) => {
                told.refused.push(refusal.code);
                return Ok(());
            }
            Err(error) => return Err(drive::Error::from(error).into()),
        }
        self.follow(at)
    }

    fn drive(&self, on: &str) -> Result<Drive, Error> {
        let day = on.get(..10).unwrap_or(on);
        let fixture = self.fixture;
        let Some(bundle) = self.suite.bundles.on(&fixture.matter, day) else {
            return Err(Error::NoBundle {
                matter: fixture.matter.clone(),
                day: day.to_owned(),
            });
        };
        let first = fixture.timeline.first().map(|entry| stamp(entry.at));
        let bundle: Bundle = bundle.clone();
        let facts = World {
            given: fixture.given.clone(),
            parameters: self.suite.parameters.clone(),
            manifest: bundle.manifest().clone(),
            region: self.filing.region().to_owned(),
            day: first
                .unwrap_or_default()
                .get(..10)
                .unwrap_or(day)
                .to_owned(),
        };
        Ok(Drive {
            bundle,
            facts: Arc::new(facts),
            directory: Arc::default(),
            executor: self.executor.clone(),
        })
    }

    pub fn note(&mut self, event: u64, invoked: &Invoked, digest: &str) {
        self.journal.extend(invoked.outcome.journal(event, digest));
        self.journal.push(b'\n');
    }
}

impl Case {
    pub fn take(&mut self, events: Vec<Recorded>) -> Result<(), Error> {
        self.state = self.state.clone().after(&events)?;
        self.events.extend(events);
        Ok(())
    }

    fn last_at(&self) -> &str {
        self.events.last().map_or("", |event| event.at.as_str())
    }

    /// Whose step it is; of a step that is not there nobody's.
    pub fn office(&self, step: &str) -> Office {
        let nobody = || Office {
            function: "nobody".to_owned(),
            region: self.state.submission.region.clone(),
        };
        let record = self.state.step(step);
        record.map_or_else(nobody, |record| record.office().clone())
    }

    fn project(&self, at: &str) -> Result<Vec<onething_contract::FilledForm>, Error> {
        Ok(self.drive.project(&self.state, at)?)
    }

    /// What the fixture gives, and the figures that the step decides as its form has them so far.
    fn payload(
        &self,
        step: &str,
        mut payload: Map<String, Value>,
        at: &str,
    ) -> Result<Value, Error> {
        let forms = self.project(at)?;
        for form in &self.drive.bundle.manifest().source_forms {
            let Some(filled) = forms.iter().find(|filled| filled.form == form.name) else {
                continue;
            };
            let values: Map<String, Value> = json(&form.name, &filled.values)?;
            for field in &form.fields {
                let decided = field
                    .decided
                    .as_ref()
                    .filter(|decided| decided.step == step);
                let value = values.get(&field.no).filter(|value| !value.is_null());
                if let (Some(decided), Some(value)) = (decided, value) {
                    payload
                        .entry(&decided.value)
                        .or_insert_with(|| value.clone());
                }
            }
        }
        Ok(Value::Object(payload))
    }
}

/// Why a submission was refused: the codes of its errors, and each `missing <material>`.
fn reasons(assessment: &Assessment) -> Vec<String> {
    let errors = assessment
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.code.clone());
    let missing = assessment
        .missing
        .iter()
        .map(|code| format!("missing {code}"));
    errors.chain(missing).collect()
}

fn json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|source| Error::Json {
        what: what.to_owned(),
        source,
    })
}
