//! The HTTP client: bounded in time and bytes, no redirects, no proxy, plain HTTP (an app stands on
//! the same machine or behind a mesh of its own).

use crate::believe::believe;
use crate::{Answered, Distrust, Trouble, Unavailable};
use onething_world::wire::{self, Answer, Request};
use onething_world::{Call, Fetched, Given, Granted, Limits};
use serde_json::value::RawValue;
use std::io;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;
use ureq::Agent;
use ureq::http::StatusCode;

/// How long an app is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// To connect.
    pub connect: Duration,
    /// For an answer, connecting included.
    pub answer: Duration,
    /// For all passes of an invocation together.
    pub invocation: Duration,
    /// Before each further try, where an app was not reached or had no room.
    pub retries: [Duration; 2],
}

impl Patience {
    /// As long as a bundle may run, and the way there and back.
    #[must_use]
    pub fn with(limits: &Limits) -> Self {
        Self {
            connect: Duration::from_secs(2),
            answer: Duration::from_millis(limits.time_ms_max) + Duration::from_secs(5),
            invocation: Duration::from_secs(50),
            retries: [Duration::from_millis(50), Duration::from_millis(250)],
        }
    }
}

/// Text around what is counted: names, brackets, escapes of a text within a text.
const AROUND_BYTES: usize = 1 << 20;

/// A bundle that runs as a function app.
pub struct App {
    url: String,
    agent: Agent,
    patience: Patience,
    limits: Limits,
}

impl App {
    /// The app at a base URL, `http://127.0.0.1:3000/retirement`.
    #[must_use]
    pub fn new(url: &str, limits: Limits, patience: Patience) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(patience.connect))
            .timeout_global(Some(patience.answer))
            .max_idle_connections_per_host(64)
            .build();
        Self {
            url: url.trim_end_matches('/').to_owned(),
            agent: Agent::new_with_config(config),
            patience,
            limits,
        }
    }

    /// That the app was too slow.
    #[must_use]
    pub fn too_slow(&self) -> Unavailable {
        self.unavailable("timeout")
    }

    /// Its base.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// One pass of a call by the bundle of that digest.
    ///
    /// # Errors
    /// Where nobody answers, or somebody whom one cannot rely on.
    pub fn pass(
        &self,
        digest: &str,
        granted: &Arc<Granted>,
        call: &Call,
        given: &Arc<Given>,
        fetched: &Fetched,
    ) -> Answered {
        let request = request(call, given, fetched).map_err(|_| Distrust::Malformed)?;
        let answer = self.ask(call.function(), &request)?;
        if answer.digest != digest {
            return Err(Distrust::OtherDigest.into());
        }
        believe(answer, self.limits, granted, call, given, fetched)
    }

    /// Asks until somebody answers: a pass changes nothing, so a second try does no harm.
    fn ask(&self, function: &str, request: &[u8]) -> Result<Answer, Trouble> {
        let url = format!("{}/{function}", self.url);
        let mut retries = self.patience.retries.iter();
        loop {
            match self.ask_once(&url, request) {
                Err(Trouble::Unavailable(error)) if error.why != "timeout" => {
                    match retries.next() {
                        Some(pause) => sleep(*pause),
                        None => return Err(error.into()),
                    }
                }
                asked => return asked,
            }
        }
    }

    fn ask_once(&self, url: &str, request: &[u8]) -> Result<Answer, Trouble> {
        let post = self.agent.post(url).content_type("application/json");
        let mut response = post.send(request).map_err(|error| self.no_answer(&error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => return Err(self.unavailable("overloaded").into()),
            _ => return Err(Distrust::Failed.into()),
        }
        let Limits {
            input_bytes,
            output_bytes,
            log_bytes,
            ..
        } = self.limits;
        let answer_bytes_max = 2 * (input_bytes + output_bytes + log_bytes) + AROUND_BYTES;
        let body = response.body_mut().with_config();
        let body = body.limit(u64::try_from(answer_bytes_max).unwrap_or(u64::MAX));
        let json = body.read_to_vec().map_err(|error| self.no_answer(&error))?;
        serde_json::from_slice(&json).map_err(|_| Distrust::Malformed.into())
    }

    /// What became of a request that was not answered whole.
    fn no_answer(&self, error: &ureq::Error) -> Trouble {
        let why = match error {
            ureq::Error::BodyExceedsLimit(_) => return Distrust::TooLarge.into(),
            ureq::Error::Protocol(_)
            | ureq::Error::Http(_)
            | ureq::Error::LargeResponseHeader(..) => {
                return Distrust::Malformed.into();
            }
            ureq::Error::Timeout(_) => "timeout",
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => "timeout",
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => "refused",
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => "refused",
            _ => "broken-off",
        };
        self.unavailable(why).into()
    }

    fn unavailable(&self, why: &'static str) -> Unavailable {
        Unavailable {
            url: self.url.clone(),
            why,
        }
    }
}

fn request(call: &Call, given: &Given, fetched: &Fetched) -> Result<Vec<u8>, serde_json::Error> {
    let inputs = &given.inputs;
    let known = fetched.iter();
    serde_json::to_vec(&Request {
        arguments: wire::arguments(call)?,
        answers: Some(RawValue::from_string(inputs.answers.to_string())?),
        now: inputs.now.clone(),
        ticket_prefix: inputs.ticket_prefix.clone(),
        known: known
            .map(|(lookup, found)| (lookup.clone(), found.clone()))
            .collect(),
    })
}
