//! What a function app is asked: to assess a submission, with every lookup answered beforehand.

use super::client::{Answer, Ask, Client};
use super::filing::{self, Template};
use super::people::Named;
use crate::deployment::Deployment;
use crate::sample::Story;
use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use onething_capabilities::{Parameters, Registers};
use onething_contract::manifest::Manifest;
use onething_contract::{Found, Lookup};
use onething_engine::stamp;
use onething_world::{Call, Output, wire};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use std::path::Path;

/// How often a bundle is asked until nothing is pending, as a host does.
const PASSES_MAX: usize = 8;

/// A function app that is ready to be asked.
pub struct Function {
    path: String,
    request: Template,
    people: u32,
}

#[derive(Deserialize)]
struct About {
    manifest: Manifest,
}

/// Whom it is asked in.
struct World<'a> {
    client: &'a Client,
    matter: &'a str,
    now: String,
    registers: Registers,
    parameters: Parameters,
    region: String,
    known: Vec<(Lookup, Found)>,
}

impl Function {
    /// Asks with the matter's sample, answers what is pending from the sample's registers and the
    /// published parameters, and keeps that for every request.
    pub async fn prepare(
        client: &Client,
        matter: &str,
        sample: &Path,
        deployment: &Deployment,
        (seed, people): (u64, u32),
    ) -> anyhow::Result<Self> {
        let about: About = ask(client, Ask::get(format!("/{matter}"))).await?;
        let mut hand_in = filing::read(sample, matter)?;
        let mut world = World {
            client,
            matter,
            now: stamp(Story::read(sample, matter)?.filed_at()?),
            registers: Registers::new(sample.join("registers")),
            parameters: Parameters::load(&deployment.parameters)?,
            region: hand_in.region.clone(),
            known: Vec::new(),
        };
        let prefill = Call::Prefill {
            filer: hand_in.filer.clone(),
            subject: hand_in.subject.clone(),
            purpose: "load".to_owned(),
        };
        let (values, _) = world.asked(&prefill, &json!({})).await?;
        let Output::Prefill(Ok(values)) = values else {
            bail!("the function app refuses to fill in the sample of {matter}");
        };
        let known = values.into_iter().filter_map(|prefilled| {
            let value = serde_json::from_str(&prefilled.value?).ok()?;
            Some((prefilled.element, value))
        });
        filing::fill(&mut hand_in, known)?;
        let submission = hand_in.submission(&about.manifest, None, &world.now)?;
        world.known.clear();
        let assess = Call::Assess { submission };
        let (_, request) = world.asked(&assess, &hand_in.answers).await?;
        let request = serde_json::to_value(request)?;
        Ok(Self {
            path: format!("/{matter}/assess"),
            request: Template::new(&request, &Named::of(&hand_in, seed)),
            people,
        })
    }

    /// About one of so many people.
    pub fn request(&self, draw: u32) -> Ask {
        let person = draw.checked_rem(self.people).unwrap_or(0);
        Ask::post(self.path.clone(), self.request.of(person))
    }
}

/// What is wrong with an answer that came with 200.
pub fn wrong(body: &Bytes) -> Option<&'static str> {
    match serde_json::from_slice::<wire::Answer>(body) {
        Err(_) => Some("not-an-answer"),
        Ok(told) if !told.pending.is_empty() => Some("pending"),
        Ok(told) if told.fault.is_some() => Some("fault"),
        Ok(told) if told.output.is_none() => Some("no-output"),
        Ok(_) => None,
    }
}

impl World<'_> {
    /// The output once nothing is pending, and the request that it came to.
    async fn asked(
        &mut self,
        call: &Call,
        answers: &Value,
    ) -> anyhow::Result<(Output, wire::Request)> {
        let path = format!("/{}/{}", self.matter, call.function());
        for _ in 0..PASSES_MAX {
            let request = wire::Request {
                arguments: wire::arguments(call)?,
                answers: Some(to_raw_value(answers)?),
                now: self.now.clone(),
                ticket_prefix: String::new(),
                known: self.known.clone(),
            };
            let body = serde_json::to_vec(&request)?;
            let answer: wire::Answer = ask(self.client, Ask::post(path.clone(), body)).await?;
            if answer.pending.is_empty() {
                if let Some(fault) = answer.fault {
                    bail!("{path} fails: {}", fault.message);
                }
                let output = answer.output.context("an answer without output")?;
                return Ok((wire::read_output(call.function(), &output)?, request));
            }
            for lookup in answer.pending {
                let found = self.found(&lookup);
                self.known.push((lookup, found));
            }
        }
        bail!("{path} is still pending after {PASSES_MAX} passes")
    }

    fn found(&self, lookup: &Lookup) -> Found {
        let (parameters, region) = (&self.parameters, &self.region);
        match lookup {
            Lookup::Register { register, key } => {
                let found = self.registers.fetch(&[(register, key)]).pop();
                found.unwrap_or(Found::Entry(None))
            }
            Lookup::Parameter { name, on } => parameters.find(name, on, region),
            Lookup::Family { name, on } => parameters.find_family(name, on, region),
        }
    }
}

async fn ask<T: DeserializeOwned>(client: &Client, ask: Ask) -> anyhow::Result<T> {
    let path = ask.path.clone();
    let asked = client.ask(ask).await;
    let Answer { status, body } = asked.with_context(|| format!("{path} is not answered"))?;
    let said = String::from_utf8_lossy(&body);
    ensure!(status.is_success(), "{path} answers {status}: {said}");
    serde_json::from_slice(&body)
        .with_context(|| format!("{path} answers what no function app does"))
}

#[cfg(test)]
mod tests {
    use super::wrong;
    use serde_json::json;

    #[test]
    fn an_answer_that_is_none_has_a_name() {
        let passed = json!({"name": "too-many-host-calls", "message": ""});
        let lookup = json!({"parameter": {"name": "a", "on": "2025-01-06"}});
        for (pending, fault, output, expected) in [
            (json!([]), json!(null), json!({}), None),
            (json!([lookup]), json!(null), json!(null), Some("pending")),
            (json!([]), passed, json!(null), Some("fault")),
            (json!([]), json!(null), json!(null), Some("no-output")),
            (json!({}), json!(null), json!({}), Some("not-an-answer")),
        ] {
            let usage = json!({
                "input_bytes": 0, "output_bytes": 0, "host_calls": 0, "log_bytes": 0, "log_cut": false,
            });
            let body = json!({
                "digest": "", "output": output, "pending": pending, "lookups": [], "intents": [],
                "fault": fault, "log": [], "usage": usage,
            });
            assert_eq!(wrong(&body.to_string().into()), expected, "{body}");
        }
        assert_eq!(wrong(&"".into()), Some("not-an-answer"));
    }
}
