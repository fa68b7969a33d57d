//! A function app in this process: it answers as the interface says, by the bundles themselves, and
//! as badly as a test wants.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use onething_contract::{Found, Lookup};
use onething_runtime::{Bundle, Facts, Fault, Inputs};
use onething_world::wire::{self, Answer, Counted, Passed, Request};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a test does to an answer; `None` is no answer at all, ever.
pub type Spoil = Box<dyn Fn(Answer) -> Option<Response> + Send + Sync>;

/// A running app, which ends with the process.
pub struct FunctionApp {
    /// Its base; the app of a matter is below.
    pub url: String,
    asked: Arc<AtomicUsize>,
}

struct Serving {
    bundles: BTreeMap<String, Bundle>,
    spoil: Spoil,
    asked: Arc<AtomicUsize>,
}

impl FunctionApp {
    /// One that answers as it should.
    #[must_use]
    pub fn honest(bundles: impl IntoIterator<Item = Bundle>) -> Self {
        Self::spoiled(bundles, Box::new(|answer| Some(said(&answer))))
    }

    /// One whose answers a test changes.
    ///
    /// # Panics
    /// Where nothing can be served on the loopback.
    #[must_use]
    pub fn spoiled(bundles: impl IntoIterator<Item = Bundle>, spoil: Spoil) -> Self {
        let named = |bundle: Bundle| (bundle.manifest().matter.clone(), bundle);
        let asked = Arc::new(AtomicUsize::new(0));
        let serving = Arc::new(Serving {
            bundles: bundles.into_iter().map(named).collect(),
            spoil,
            asked: asked.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
        listener.set_nonblocking(true).expect("a socket");
        let url = format!("http://{}", listener.local_addr().expect("a socket"));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread();
            let runtime = { runtime }.enable_all().build().expect("threads");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
                let router = Router::new()
                    .route("/{matter}", get(about))
                    .route("/{matter}/{function}", post(answer))
                    .layer(DefaultBodyLimit::disable())
                    .with_state(serving);
                axum::serve(listener, router).await.expect("it serves");
            });
        });
        Self { url, asked }
    }

    /// How often it was asked.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Relaxed)
    }
}

/// An answer as it should be said.
///
/// # Panics
/// Never: it is JSON.
#[must_use]
pub fn said(answer: &Answer) -> Response {
    (StatusCode::OK, serde_json::to_string(answer).expect("JSON")).into_response()
}

async fn about(State(serving): State<Arc<Serving>>, Path(matter): Path<String>) -> Response {
    let Some(bundle) = serving.bundles.get(&matter) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (digest, manifest) = (bundle.digest(), bundle.manifest().as_ref());
    let about = json!({"digest": digest, "exports": wire::FUNCTIONS, "manifest": manifest});
    (StatusCode::OK, about.to_string()).into_response()
}

async fn answer(
    State(serving): State<Arc<Serving>>,
    Path((matter, function)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    serving.asked.fetch_add(1, Relaxed);
    let Some(bundle) = serving.bundles.get(&matter).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let computed = tokio::task::spawn_blocking(move || compute(&bundle, &function, &body)).await;
    match computed.map(|answer| (serving.spoil)(answer)) {
        Ok(Some(response)) => response,
        Ok(None) => std::future::pending().await,
        // What a trap looks like from outside.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// What has been told, and what is asked besides.
struct Told {
    known: BTreeMap<Lookup, Found>,
    pending: Mutex<BTreeSet<Lookup>>,
}

impl Facts for Told {
    fn known(&self, lookup: &Lookup) -> Option<Found> {
        self.known.get(lookup).cloned()
    }

    fn fetch(&self, wanted: &[Lookup]) -> Vec<Found> {
        let mut pending = self.pending.lock().expect("no panic");
        pending.extend(wanted.iter().cloned());
        Vec::new()
    }
}

fn compute(bundle: &Bundle, function: &str, body: &[u8]) -> Answer {
    let request: Request = serde_json::from_slice(body).expect("a request of the interface");
    let call = request.call(function).expect("a call of the contract");
    let told = Arc::new(Told {
        known: request.known.iter().cloned().collect(),
        pending: Mutex::default(),
    });
    let inputs = Inputs {
        answers: request.answers().into(),
        now: request.now.clone(),
        ticket_prefix: request.ticket_prefix.clone(),
        facts: told.clone(),
    };
    let run = bundle.invoke(&call, inputs);
    let pending: Vec<Lookup> = told
        .pending
        .lock()
        .expect("no panic")
        .iter()
        .cloned()
        .collect();
    let usage = Counted {
        input_bytes: run.usage.input_bytes,
        output_bytes: run.usage.output_bytes,
        host_calls: run.usage.host_calls,
        log_bytes: run.usage.log_bytes,
        log_cut: run.usage.log_cut,
    };
    let mut answer = Answer {
        digest: bundle.digest().to_owned(),
        output: None,
        pending,
        lookups: Vec::new(),
        intents: Vec::new(),
        fault: None,
        log: run.log,
        usage,
    };
    match run.outcome {
        Ok(outcome) => {
            answer.output = Some(wire::output(&outcome.output).expect("JSON"));
            answer.lookups = outcome.lookups;
            answer.intents = outcome.intents;
        }
        Err(Fault::NeverSettles { .. }) => {}
        Err(fault @ Fault::TooManyHostCalls { .. }) => {
            answer.fault = Some(Passed {
                name: fault.name().to_owned(),
                message: fault.to_string(),
            });
        }
        Err(fault) => panic!("{fault}"),
    }
    answer
}

/// An answer with a change to its JSON.
pub fn changed(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Spoil {
    Box::new(move |answer| {
        let mut json = serde_json::to_value(&answer).expect("JSON");
        change(&mut json);
        Some((StatusCode::OK, json.to_string()).into_response())
    })
}
