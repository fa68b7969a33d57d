//! `onething load`: a bounded, seeded, open-loop load on a host or a function app, with what it came to.
//!
//! It asks over HTTP like anybody else and knows no more of a host than what that answers. Requests are
//! due at seeded moments and are sent then, whatever became of those before; a latency counts from when
//! a request was due. The same seed plans the same arrivals and the same requests; which case or step a
//! request is about follows from what the host has answered until then.

mod api;
mod cases;
mod client;
mod filing;
mod function;
mod own;
mod pace;
mod people;
mod picture;
mod profile;
mod progress;
mod schedule;
mod seeded;
mod span;
mod tally;
mod target;

use crate::deployment::Deployment;
use crate::say;
use anyhow::Context;
use api::{Api, Population, Tokens};
use client::Client;
use function::Function;
use own::Own;
use profile::Profile;
use schedule::{Kind, Loaded, Plan};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tally::Summary;
use target::Target;

/// Made-up people and units at most; who needs more meets the first ones again.
const PEOPLE_MAX: u32 = 20_000;
const UNITS_MAX: u32 = 500;
/// Of people more than are expected to hand in: chance may want some more.
const PEOPLE_SPARE: u32 = 100;
const UNITS_SPARE: u32 = 50;

/// Load a host or a function app, and say how long it took to answer.
///
/// Without an address it starts a host of its own over a temporary data folder, loads that, and stops
/// it. Requests arrive at random (a Poisson process, seeded: the same seed plans the same arrivals and
/// the same requests), and are sent when they are due, whether or not those before are answered.
#[derive(clap::Args)]
pub struct Load {
    /// A running host to load, `http://127.0.0.1:8080`.
    #[arg(long, requires = "token_file", conflicts_with = "executor")]
    server: Option<String>,
    /// A file of its callers: lines of name and token, as `onething serve` prints them. With nothing
    /// but a platform's token, no office looks at its tasks or decides.
    #[arg(long, requires = "server")]
    token_file: Option<PathBuf>,
    /// A function app to load instead, `http://127.0.0.1:3000`: it is asked to assess.
    #[arg(long)]
    executor: Option<String>,
    /// The matter of the function app.
    #[arg(long, default_value = api::RETIREMENT)]
    matter: String,
    /// Also load an address that is not this machine's. Only what is yours to load.
    #[arg(long)]
    beyond_loopback: bool,
    /// How long: 30s, 5m, 2h; at most 24h.
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = span::parse)]
    length: Duration,
    /// Mean arrivals a second, 1 to 10000.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// How the rate goes over the time: `day` and `month` are squeezed into it.
    #[arg(long, value_enum, default_value = "steady")]
    profile: Profile,
    /// Of chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Requests under way at most, 1 to 4096; one that is due beyond is not sent and counts as shed.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    in_flight: u16,
    /// One JSON object instead of words.
    #[arg(long)]
    json: bool,
    /// Draw the run into this file, an SVG.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// The folder with the samples' registers and submissions.
    #[arg(long, default_value = "fixtures/_sample")]
    sample: PathBuf,
    /// Load nothing: write the registers that know the made-up people of this run into a data folder,
    /// for a host that `--server` is then to load.
    #[arg(long, value_name = "DATA", conflicts_with_all = ["server", "executor", "svg"])]
    registers_into: Option<PathBuf>,
}

impl Load {
    /// Runs it; the exit code says whether every request was answered.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<ExitCode> {
        let population = self.population();
        if let Some(data) = &self.registers_into {
            own::fill(data, &self.sample, population)?;
            say(&format!(
                "{} people and {} units are in {}",
                population.people,
                population.units,
                data.join("registers").display()
            ));
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(path) = &self.svg {
            // Before anything is loaded, so that nothing is loaded for a picture that cannot be kept.
            std::fs::write(path, "").with_context(|| format!("cannot write {}", path.display()))?;
        }
        let summary = if let Some(url) = &self.executor {
            self.load_function(url, deployment, population).await?
        } else if let Some(url) = &self.server {
            let path = self.token_file.as_deref().unwrap_or(Path::new(""));
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let tokens = Tokens::parse(&text).with_context(|| path.display().to_string())?;
            self.load_api(url, url, tokens, population).await?
        } else {
            let (own, tokens) = Own::start(deployment, &self.sample, population).await?;
            let url = own.url.clone();
            let name = "a host of its own";
            let loaded = self.load_api(&url, name, tokens, population).await;
            let stopped = own.stop().await;
            let summary = loaded?;
            stopped?;
            summary
        };
        self.tell(&summary)
    }

    async fn load_api(
        &self,
        url: &str,
        name: &str,
        tokens: Tokens,
        population: Population,
    ) -> anyhow::Result<Summary> {
        let client = Client::new(Target::new(url, self.beyond_loopback)?);
        let api = Api::prepare(&client, tokens, &self.sample, population).await?;
        let target = pace::Target::Api(Box::new(api));
        self.paced(name, &client, target, Loaded::Api).await
    }

    async fn load_function(
        &self,
        url: &str,
        deployment: &Deployment,
        population: Population,
    ) -> anyhow::Result<Summary> {
        let client = Client::new(Target::new(url, self.beyond_loopback)?);
        let matter = &self.matter;
        let of = (self.seed, population.people);
        let function = Function::prepare(&client, matter, &self.sample, deployment, of).await?;
        let name = format!("{url}/{matter}/assess");
        let target = pace::Target::Function(function);
        self.paced(&name, &client, target, Loaded::Function).await
    }

    async fn paced(
        &self,
        name: &str,
        client: &Client,
        target: pace::Target,
        loaded: Loaded,
    ) -> anyhow::Result<Summary> {
        let plan = self.plan(loaded);
        let (tally, took) = pace::run(&plan, client, target, self.in_flight.into()).await?;
        let run = format!(
            "{name}, {} {}/s, seed {}",
            self.profile.name(),
            self.rate,
            self.seed
        );
        Ok(tally.summary(run, took))
    }

    fn plan(&self, loaded: Loaded) -> Plan {
        Plan {
            loaded,
            length: self.length,
            rate: self.rate,
            profile: self.profile,
            seed: self.seed,
        }
    }

    /// As many as will be needed.
    fn population(&self) -> Population {
        let plan = self.plan(Loaded::Api);
        let people = plan.expected(Kind::Submit, PEOPLE_MAX);
        let units = plan.expected(Kind::PayrollSubmit, UNITS_MAX);
        let with_spare = |expected: u32, spare: u32, max: u32| {
            let chance = expected / 10 + spare;
            expected.saturating_add(chance).min(max)
        };
        Population {
            people: with_spare(people, PEOPLE_SPARE, PEOPLE_MAX),
            units: match units {
                0 => 0,
                units => with_spare(units, UNITS_SPARE, UNITS_MAX),
            },
            seed: self.seed,
        }
    }

    fn tell(&self, summary: &Summary) -> anyhow::Result<ExitCode> {
        if let Some(path) = &self.svg {
            let svg = picture::draw(summary)?;
            std::fs::write(path, svg)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        if self.json {
            say(&serde_json::to_string(summary)?);
        } else {
            say(&summary.in_words());
        }
        Ok(match summary.errors.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}
