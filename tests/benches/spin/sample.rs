//! A host in this process with the sample retirement, and the same `assess` as a function app's.

use crate::client::Asked;
use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use onething_capabilities::Published;
use onething_engine::{Bundles, Engine, Folders, HandIn, Submitted, stamp};
use onething_runtime::{Bundle, Call, Inputs, Limits, Outcome, Runtime};
use onething_server::Callers;
use onething_store::{Masters, Store};
use onething_tests::bundles::{bundle, root};
use onething_world::wire::{self, Request};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

const REGION: &str = "331102";
const NOW: &str = "2025-01-06T09:00:00+08:00";

pub struct Host {
    authority: String,
    token: String,
    hand_in: HandIn,
    bundle: Bundle,
    call: Call,
    lookups: Outcome,
}

pub async fn host(data: &Path) -> Host {
    let masters = Masters::open(&data.join("keys/master.toml")).unwrap();
    let store = Store::open(&data.join("onething.db"), &masters)
        .await
        .unwrap();
    let parameters = Published::open(&root().join("parameters")).unwrap();
    let registers = data.join("registers");
    std::fs::create_dir_all(&registers).unwrap();
    for entry in std::fs::read_dir(root().join("fixtures/_sample/registers")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, registers.join(path.file_name().unwrap())).unwrap();
    }
    let runtime = Runtime::new(Limits::default(), None).unwrap();
    let retirement = runtime.load(&bundle("retirement")).unwrap();
    let mut bundles = Bundles::default();
    bundles.add(retirement.clone());
    let engine = Engine::new(store, bundles, parameters, Folders::within(data));

    let hand_in = filled(&engine).await;
    let submitted = engine.submit("retirement", hand_in.clone(), "bench", None, now());
    let Submitted::Registered { case_id, .. } = submitted.await.unwrap() else {
        panic!("the sample is refused");
    };
    let journal = engine.store().journal(&case_id).await.unwrap();
    let lookups: Outcome = serde_json::from_slice(&journal[0].body).unwrap();
    let submission = hand_in
        .submission(retirement.manifest(), None, NOW)
        .unwrap();

    let sample = Callers::sample(REGION, std::iter::empty()).unwrap();
    let path = data.join("callers.toml");
    std::fs::write(&path, &sample.file).unwrap();
    let callers = Callers::load(&path).unwrap();
    let token = sample.tokens.iter().find(|(name, _)| name == "platform");
    let token = token.unwrap().1.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    tokio::spawn(onething_server::serve(
        engine,
        callers,
        listener,
        std::future::pending(),
        Duration::ZERO,
    ));
    Host {
        authority,
        token,
        hand_in,
        bundle: retirement,
        call: Call::Assess { submission },
        lookups,
    }
}

impl Host {
    /// By the host's API, which keeps nothing of it.
    pub fn assess(&self) -> Asked {
        Asked {
            authority: self.authority.clone(),
            path: "/v1/matters/retirement/assess".to_owned(),
            bearer: Some(self.token.clone()),
            body: serde_json::to_vec(&self.hand_in).unwrap().into(),
            says: "\"findings\"",
        }
    }

    /// By a function app that is told everything at once.
    pub fn assess_by_app(&self, url: &str) -> Asked {
        let request = Request {
            arguments: wire::arguments(&self.call).unwrap(),
            answers: Some(serde_json::value::to_raw_value(&self.hand_in.answers).unwrap()),
            now: NOW.to_owned(),
            ticket_prefix: String::new(),
            known: self.lookups.lookups.clone(),
        };
        Asked {
            authority: url.strip_prefix("http://").unwrap().to_owned(),
            path: "/retirement/assess".to_owned(),
            bearer: None,
            body: serde_json::to_vec(&request).unwrap().into(),
            says: "\"pending\":[]",
        }
    }

    /// The same, of the bundle itself.
    pub fn invocation(&self) -> (Bundle, Call, Inputs) {
        let known = self.lookups.lookups.iter().cloned();
        let facts: std::collections::BTreeMap<_, _> = known.collect();
        let inputs = Inputs {
            answers: self.hand_in.answers.to_string().into(),
            now: NOW.to_owned(),
            ticket_prefix: String::new(),
            facts: Arc::new(facts),
        };
        (self.bundle.clone(), self.call.clone(), inputs)
    }
}

/// A server that reads what a function app is sent, and answers what one answers, at once.
pub async fn plain(host: &Host) -> Asked {
    let (bundle, call, inputs) = host.invocation();
    let outcome = bundle.invoke(&call, inputs).outcome.unwrap();
    let answer = format!(
        "{{\"pending\":[],{}",
        serde_json::to_string(&outcome).unwrap()
    );
    let answer = Bytes::from(answer);
    let router = axum::Router::new().route(
        "/retirement/assess",
        axum::routing::post(move |_: Bytes| std::future::ready(answer.clone())),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    host.assess_by_app(&url)
}

/// The sample, with what registers know.
async fn filled(engine: &Engine) -> HandIn {
    let text = std::fs::read_to_string(root().join("fixtures/_sample/retirement.json")).unwrap();
    let mut hand_in: HandIn = serde_json::from_str(&text).unwrap();
    let (filer, subject) = (hand_in.filer.clone(), hand_in.subject.clone());
    let form = engine.prefill(
        "retirement",
        filer,
        subject,
        REGION,
        "bench".to_owned(),
        now(),
    );
    for prefilled in form.await.unwrap().values {
        if let Some(value) = prefilled.value {
            hand_in.answers[prefilled.element] = serde_json::from_str::<Value>(&value).unwrap();
        }
    }
    hand_in
}

fn now() -> DateTime<FixedOffset> {
    let now = DateTime::parse_from_rfc3339(NOW).unwrap();
    assert_eq!(stamp(now), NOW);
    now
}
