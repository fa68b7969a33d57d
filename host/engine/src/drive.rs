//! What one invocation leads to, without a store: a submission handed in, an event answered, the
//! forms filled in. The same functions serve the live host and replay.

use crate::directory;
use crate::executor::Executor;
use crate::facts::Ahead;
use crate::measures::measures;
use chrono::NaiveDate;
use onething_capabilities::Directory;
use onething_case::{Command, Limits, Recorded, Registration, Round, State, decide};
use onething_contract::{
    Assessment, Filer, FilledForm, Finding, Offer, Parameter, Prefilled, Refusal, Severity,
    Subject, Submission, TimeLimit,
};
use onething_remote::Unavailable;
use onething_runtime::{Bundle, Call, Facts, Fault, Inputs, Outcome, Output, Run, Usage};
use serde_json::Value;
use std::sync::Arc;
use tracing::field::Empty;

/// How much of a digest a trace shows.
const DIGEST_SHOWN: usize = 12;

/// A bundle with the world it may ask.
#[derive(Clone)]
pub struct Drive {
    /// The bundle.
    pub bundle: Bundle,
    /// Registers and parameters, for the region of the case.
    pub facts: Arc<dyn Facts>,
    /// Which offices are competent for what is planned.
    pub directory: Arc<Directory>,
    /// Where the bundle runs.
    pub executor: Arc<dyn Executor>,
}

/// An invocation that had an outcome.
#[derive(Debug, Clone)]
pub struct Invoked {
    /// What it came to; its journal is made of this.
    pub outcome: Outcome,
    /// Measurements beside it.
    pub usage: Usage,
}

/// What was handed in, assessed.
#[derive(Debug)]
pub enum HandedIn {
    /// It may become a round of a case.
    Round {
        /// Assessed and planned.
        round: Box<Round>,
        /// The two invocations behind it.
        invoked: Vec<Invoked>,
    },
    /// It has errors or lacks materials: every finding at once, nothing was registered.
    Refused(Assessment),
}

/// Where the two differ.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bundle failed.
    #[error("{function} failed")]
    Fault {
        /// The export that was called.
        function: &'static str,
        /// How.
        #[source]
        fault: Fault,
    },
    /// The bundle runs elsewhere, and nobody answers there.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The case does not allow it, or the bundle wanted what it may not.
    #[error(transparent)]
    Case(#[from] onething_case::Error),
    /// The history of the case is damaged.
    #[error("the history of the case is damaged")]
    History(#[from] onething_case::HistoryError),
}

impl Drive {
    /// What registers already know.
    ///
    /// # Errors
    /// When the bundle faults.
    pub fn prefill(
        &self,
        filer: Filer,
        subject: Subject,
        purpose: String,
        now: &str,
    ) -> Result<Result<Vec<Prefilled>, Refusal>, Error> {
        let ahead = self.ahead(&filer, &subject);
        let call = Call::Prefill {
            filer,
            subject,
            purpose,
        };
        match ahead
            .invoke(call, "{}".into(), now, String::new())?
            .outcome
            .output
        {
            Output::Prefill(values) => Ok(values),
            other => Err(mixed_up("prefill", &other)),
        }
    }

    /// Assesses a submission, handed in `now`.
    ///
    /// # Errors
    /// When the bundle faults.
    pub fn assess(
        &self,
        submission: Submission,
        answers: &Value,
        now: &str,
    ) -> Result<Assessment, Error> {
        let ahead = self.ahead(&submission.filer, &submission.subject);
        let (assessment, _) = ahead.assessed(submission, answers.to_string().into(), now)?;
        Ok(assessment)
    }

    /// With the registers at hand that the bundle will ask for, so that one pass is enough.
    fn ahead(&self, filer: &Filer, subject: &Subject) -> Self {
        let facts = Ahead::of(self.bundle.manifest(), filer, subject, self.facts.clone());
        Self {
            facts,
            ..self.clone()
        }
    }

    fn assessed(
        &self,
        submission: Submission,
        answers: Arc<str>,
        now: &str,
    ) -> Result<(Assessment, Invoked), Error> {
        let call = Call::Assess { submission };
        let invoked = self.invoke(call, answers, now, String::new())?;
        match &invoked.outcome.output {
            Output::Assess(assessment) => Ok((assessment.clone(), invoked)),
            other => Err(mixed_up("assess", other)),
        }
    }

    /// Assesses a submission, handed in `now`, and, where it has no errors, plans the work.
    ///
    /// # Errors
    /// When the bundle faults.
    pub fn hand_in(
        &self,
        submission: Submission,
        answers: &Value,
        submitted_by: &str,
        now: &str,
    ) -> Result<HandedIn, Error> {
        let text: Arc<str> = answers.to_string().into();
        let ahead = self.ahead(&submission.filer, &submission.subject);
        let (assessment, assessed) = ahead.assessed(submission.clone(), text.clone(), now)?;
        let is_error = |severity| severity == Severity::Error;
        if assessment
            .findings
            .iter()
            .any(|finding| is_error(finding.severity))
            || !assessment.missing.is_empty()
        {
            return Ok(HandedIn::Refused(assessment));
        }
        let call = Call::Plan {
            submission: submission.clone(),
            scenario: assessment.scenario.clone(),
        };
        let planned = ahead.invoke(call, text.clone(), now, String::new())?;
        let mut plan = match &planned.outcome.output {
            Output::Plan(plan) => plan.clone(),
            other => return Err(mixed_up("plan", other)),
        };
        directory::resolve(&self.directory, &mut plan, now);
        Ok(HandedIn::Round {
            round: Box::new(Round {
                submission,
                answers: text.to_string(),
                assessment,
                plan,
                submitted_by: submitted_by.to_owned(),
            }),
            invoked: vec![assessed, planned],
        })
    }

    /// Opens a case with its first round; `appeal_of` is the case that it goes over, if it is an appeal.
    ///
    /// # Errors
    /// When the bundle's plan cannot be carried out.
    pub fn register(
        &self,
        id: String,
        legal_date: String,
        appeal_of: Option<String>,
        round: Round,
    ) -> Result<Vec<Recorded>, Error> {
        let manifest = self.bundle.manifest();
        let at = round.submission.filed_at.clone();
        let registration = Registration {
            id,
            matter: manifest.matter.clone(),
            version: manifest.version.clone(),
            digest: self.bundle.digest().to_owned(),
            hears: manifest.hears.clone(),
            legal_date,
            appeal_of,
            limits: Some(Limits {
                legal: TimeLimit::WorkingDays(manifest.guide.legal_days),
                promised: TimeLimit::WorkingDays(manifest.guide.promised_days),
            }),
            round,
        };
        Ok(decide(
            None,
            &at,
            &Command::Register(Box::new(registration)),
        )?)
    }

    /// The bundle's answer to the next event of the case; `None` where it has answered all. A bundle
    /// that fails parks the case.
    ///
    /// # Errors
    /// When the history is damaged.
    pub fn react(
        &self,
        events: &[Recorded],
        state: &State,
        past: &mut Past,
    ) -> Result<Option<Reaction>, Error> {
        let Some(to) = state.next_reaction() else {
            return Ok(None);
        };
        let (then, heard) = past.at(events, state, to)?;
        let Some(event) = heard.heard(&state.hears) else {
            return Err(onething_case::HistoryError::Empty.into());
        };
        let call = Call::Respond {
            view: then.view(),
            event,
        };
        let prefix = format!("{}-{to}", state.id);
        let invoked = self.invoke(call, then.answers.as_str().into(), &heard.at, prefix);
        let park = |fault: &str, detail: String| Command::Park {
            to,
            function: "respond".to_owned(),
            fault: fault.to_owned(),
            detail,
        };
        // The bundle's clock is the event's; what follows from it is not dated before what is there.
        let at = events
            .last()
            .map_or(heard.at.as_str(), |last| last.at.as_str());
        let (command, invoked) = match invoked {
            Ok(invoked) => {
                let mut directives = match &invoked.outcome.output {
                    Output::Respond(directives) => directives.clone(),
                    other => return Err(mixed_up("respond", other)),
                };
                directory::resolve(&self.directory, directory::added(&mut directives), at);
                let command = Command::React {
                    to,
                    directives,
                    intents: invoked.outcome.intents.clone(),
                };
                (command, Some(invoked))
            }
            Err(Error::Fault { fault, .. }) => (park(fault.name(), fault.to_string()), None),
            Err(error) => return Err(error),
        };
        match decide(Some(state), at, &command) {
            Ok(events) => Ok(Some(Reaction {
                to,
                events,
                invoked,
            })),
            Err(onething_case::Error::Fault(fault)) => {
                let command = park(fault.name(), fault.to_string());
                let events = decide(Some(state), at, &command)?;
                Ok(Some(Reaction {
                    to,
                    events,
                    invoked: None,
                }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What the bundle offers to subjects.
    ///
    /// # Errors
    /// When the bundle faults.
    pub fn reach(
        &self,
        subjects: Vec<Subject>,
        codes: Vec<String>,
        on: NaiveDate,
        now: &str,
    ) -> Result<Vec<Offer>, Error> {
        let call = Call::Reach {
            subjects,
            codes,
            on: on.to_string(),
        };
        match self
            .invoke(call, "{}".into(), now, String::new())?
            .outcome
            .output
        {
            Output::Reach(offers) => Ok(offers),
            other => Err(mixed_up("reach", &other)),
        }
    }

    /// What is wrong with a parameter that shall be published.
    ///
    /// # Errors
    /// When the bundle faults.
    pub fn check(
        &self,
        name: String,
        parameter: Parameter,
        now: &str,
    ) -> Result<Vec<Finding>, Error> {
        let call = Call::Check {
            name,
            value: parameter.value,
            since: parameter.since,
            until: parameter.until,
        };
        match self
            .invoke(call, "{}".into(), now, String::new())?
            .outcome
            .output
        {
            Output::Check(findings) => Ok(findings),
            other => Err(mixed_up("check", &other)),
        }
    }

    /// Every source form as far as the case has come.
    ///
    /// # Errors
    /// When the bundle faults.
    pub fn project(&self, state: &State, now: &str) -> Result<Vec<FilledForm>, Error> {
        let call = Call::Project { view: state.view() };
        match self
            .invoke(call, state.answers.as_str().into(), now, String::new())?
            .outcome
            .output
        {
            Output::Project(forms) => Ok(forms),
            other => Err(mixed_up("project", &other)),
        }
    }

    fn invoke(
        &self,
        call: Call,
        answers: Arc<str>,
        now: &str,
        ticket_prefix: String,
    ) -> Result<Invoked, Error> {
        let function = call.function();
        let inputs = Inputs {
            answers,
            now: now.to_owned(),
            ticket_prefix,
            facts: self.facts.clone(),
        };
        let run = self.traced(function, || self.executor.run(&self.bundle, &call, inputs))?;
        match run.outcome {
            Ok(outcome) => Ok(Invoked {
                outcome,
                usage: run.usage,
            }),
            Err(fault) => Err(Error::Fault { function, fault }),
        }
    }
}

impl Drive {
    /// A run in a span of its own, counted. What the bundle logged or said of a fault may repeat what
    /// it was handed, and stays out of both.
    fn traced(
        &self,
        function: &'static str,
        run: impl FnOnce() -> Result<Run, Unavailable>,
    ) -> Result<Run, Unavailable> {
        let manifest = self.bundle.manifest();
        let span = tracing::info_span!(
            "bundle run",
            matter = manifest.matter,
            version = manifest.version,
            digest = self.bundle.digest().get(..DIGEST_SHOWN),
            function,
            fuel = Empty,
            memory_bytes = Empty,
            passes = Empty,
            time_us = Empty,
        );
        let _entered = span.enter();
        let run = run()?;
        let usage = &run.usage;
        measures().ran(&manifest.matter, function, usage);
        span.record("fuel", usage.fuel);
        span.record("memory_bytes", usage.memory_bytes);
        span.record("passes", usage.passes);
        span.record("time_us", usage.time_us);
        if let Err(fault) = &run.outcome {
            measures().faulted(fault.name());
            tracing::warn!(fault = fault.name(), "a bundle failed");
        }
        Ok(run)
    }
}

/// The case as of the event that was answered last: the next reaction goes on from there instead of
/// reading the whole history again.
#[derive(Debug, Default)]
pub struct Past(Option<State>);

impl Past {
    /// For the next reaction, when the last one was to the last event of this case.
    pub fn of(state: State) -> Self {
        Self(Some(state))
    }

    /// The case as of event `n`, and the event; `now` is the case as of its last one.
    fn at<'a>(
        &'a mut self,
        events: &'a [Recorded],
        now: &'a State,
        n: u64,
    ) -> Result<(&'a State, &'a Recorded), onething_case::HistoryError> {
        if let Some(last) = events.last()
            && (last.n, now.last_event) == (n, n)
        {
            return Ok((now, last));
        }
        let mut state = self.0.take().filter(|state| state.last_event <= n);
        let seen = state.as_ref().map_or(0, |state| state.last_event);
        for recorded in events
            .iter()
            .filter(|recorded| recorded.n > seen && recorded.n <= n)
        {
            state = Some(State::evolve(state, recorded)?);
        }
        let heard = events.iter().rfind(|recorded| recorded.n == n);
        match (state, heard) {
            (Some(state), Some(heard)) => Ok((self.0.insert(state), heard)),
            _ => Err(onething_case::HistoryError::Empty),
        }
    }
}

/// What followed from an event.
#[derive(Debug)]
pub struct Reaction {
    /// The number of the event.
    pub to: u64,
    /// What happened.
    pub events: Vec<Recorded>,
    /// The invocation behind it; absent where it failed.
    pub invoked: Option<Invoked>,
}

fn mixed_up(function: &'static str, output: &Output) -> Error {
    Error::Fault {
        function,
        fault: Fault::Host {
            message: format!("{function} was called and {} answered", output.function()),
        },
    }
}
