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
use onething_contract::{Found, Lookup, Prefilled, Refusal};
use onething_engine::stamp;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
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

/// An answer, as far as it says whether it is one.
#[derive(Deserialize)]
struct Told {
    pending: Vec<IgnoredAny>,
    fault: Option<IgnoredAny>,
    output: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct About {
    manifest: Manifest,
}

#[derive(Deserialize)]
struct Answered<T> {
    output: Option<T>,
    pending: Vec<Lookup>,
    fault: Option<Value>,
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
        let arguments = json!({
            "filer": hand_in.filer, "subject": hand_in.subject, "purpose": "load",
        });
        let (values, _) = world
            .asked::<Result<Vec<Prefilled>, Refusal>>("prefill", &arguments, &json!({}))
            .await?;
        let Ok(values) = values else {
            bail!("the function app refuses to fill in the sample of {matter}");
        };
        let known = values.into_iter().filter_map(|prefilled| {
            let value = serde_json::from_str(&prefilled.value?).ok()?;
            Some((prefilled.element, value))
        });
        filing::fill(&mut hand_in, known)?;
        let submission = hand_in.submission(&about.manifest, None, &world.now)?;
        world.known.clear();
        let arguments = json!({ "submission": submission });
        let (_, request) = world
            .asked::<Value>("assess", &arguments, &hand_in.answers)
            .await?;
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
    match serde_json::from_slice::<Told>(body) {
        Err(_) => Some("not-an-answer"),
        Ok(told) if told.fault.is_some() => Some("fault"),
        Ok(told) if !told.pending.is_empty() => Some("pending"),
        Ok(told) if told.output.is_none() => Some("no-output"),
        Ok(_) => None,
    }
}

impl World<'_> {
    /// The output once nothing is pending, and the request that it came to.
    async fn asked<T: DeserializeOwned>(
        &mut self,
        function: &str,
        arguments: &Value,
        answers: &Value,
    ) -> anyhow::Result<(T, Value)> {
        let path = format!("/{}/{function}", self.matter);
        for _ in 0..PASSES_MAX {
            let request = json!({
                "arguments": arguments, "answers": answers, "now": self.now, "known": self.known,
            });
            let answered: Answered<T> =
                ask(self.client, Ask::post(path.clone(), request.to_string())).await?;
            if let Some(fault) = answered.fault {
                bail!("{path} fails: {fault}");
            }
            if answered.pending.is_empty() {
                let output = answered.output.context("an answer without output")?;
                return Ok((output, request));
            }
            for lookup in answered.pending {
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

    #[test]
    fn an_answer_that_is_none_has_a_name() {
        for (body, expected) in [
            (r#"{"pending":[],"fault":null,"output":{}}"#, None),
            (
                r#"{"pending":[{}],"fault":null,"output":null}"#,
                Some("pending"),
            ),
            (
                r#"{"pending":[],"fault":{"name":"x"},"output":null}"#,
                Some("fault"),
            ),
            (
                r#"{"pending":[],"fault":null,"output":null}"#,
                Some("no-output"),
            ),
            (r#"{"output":{}}"#, Some("not-an-answer")),
            ("", Some("not-an-answer")),
        ] {
            assert_eq!(wrong(&body.into()), expected, "{body}");
        }
    }
}
