//! `onething parameter`: bases, rates, tables and policies, published apart from bundles.

use crate::deployment::{Deployment, now};
use crate::{case, say};
use anyhow::{Context, bail};
use chrono::NaiveDate;
use onething_capabilities::Parameters;
use onething_engine::{Engine, Publication};
use std::path::{Path, PathBuf};

/// What can be done with parameters.
#[derive(clap::Subcommand)]
pub enum Parameter {
    /// Check a file and publish it: a running host goes on with it, without a restart.
    Publish(File),
    /// Check a file against what is published and against the bundles, without publishing it.
    Check(File),
    /// List the names that have a value on a day.
    List {
        /// Only those of a family, `policy`.
        #[arg(long)]
        family: Option<String>,
        #[command(flatten)]
        when: When,
    },
    /// Show the value in force on a day, with its source.
    Show {
        /// The name, `pension-base` or `policy/rd-subsidy`.
        name: String,
        #[command(flatten)]
        when: When,
    },
}

/// A parameter's file.
#[derive(clap::Args)]
pub struct File {
    /// `<name>.toml`.
    file: PathBuf,
    /// The family that it belongs to, `policy`.
    #[arg(long)]
    family: Option<String>,
    /// Whose eyes the bundles see the world with, a GB/T 2260 code, where a value is for more.
    #[arg(long, default_value = "331102")]
    region: String,
}

/// A day and a place.
#[derive(clap::Args)]
pub struct When {
    /// As of which day; today where none is given.
    #[arg(long)]
    on: Option<NaiveDate>,
    /// Where, a GB/T 2260 code.
    #[arg(long, default_value = "331102")]
    region: String,
}

impl Parameter {
    /// Runs the command.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        match self {
            Self::Publish(file) => {
                let (name, text) = file.read()?;
                let engine = deployment.open().await?;
                let (publication, path) = engine.publish(&name, &text, &file.region, now()).await?;
                tell(&name, &publication);
                match path {
                    Some(path) => say(&format!("published {name} as {}", path.display())),
                    None => bail!("{name} is not published"),
                }
            }
            Self::Check(file) => {
                let (name, text) = file.read()?;
                let publication = check(&deployment.open().await?, &file, &name, &text).await?;
                tell(&name, &publication);
                if !publication.is_good() {
                    bail!("{name} has errors");
                }
            }
            Self::List { family, when } => {
                let parameters = Parameters::load(&deployment.parameters)?;
                let of_family =
                    |name: &&str| family.as_ref().is_none_or(|family| in_family(name, family));
                for name in parameters.names().filter(of_family) {
                    if let Some(found) = parameters.in_force(name, when.day(), &when.region) {
                        say(&format!("{name}  since {}", found.since));
                    }
                }
            }
            Self::Show { name, when } => {
                let parameters = Parameters::load(&deployment.parameters)?;
                let found = parameters
                    .in_force(&name, when.day(), &when.region)
                    .with_context(|| format!("{name} has no value on {}", when.day()))?;
                say(&serde_json::to_string_pretty(&serde_json::json!({
                    "name": name,
                    "since": found.since,
                    "until": found.until,
                    "source": found.source,
                    "illustrative": found.illustrative,
                    "value": serde_json::from_str::<serde_json::Value>(&found.value)?,
                }))?);
            }
        }
        Ok(())
    }
}

impl File {
    /// The parameter's name and the text.
    fn read(&self) -> anyhow::Result<(String, String)> {
        let text = std::fs::read_to_string(&self.file)
            .with_context(|| format!("cannot read {}", self.file.display()))?;
        let stem = self.file.file_stem().map(Path::new);
        let stem = stem.context("the file needs a name")?.display();
        let name = match &self.family {
            Some(family) => format!("{family}/{stem}"),
            None => stem.to_string(),
        };
        Ok((name, text))
    }
}

impl When {
    fn day(&self) -> NaiveDate {
        self.on.unwrap_or_else(|| now().date_naive())
    }
}

async fn check(
    engine: &Engine,
    file: &File,
    name: &str,
    text: &str,
) -> anyhow::Result<Publication> {
    let (region, now) = (&file.region, now());
    Ok(engine.check_publication(name, text, region, now).await?)
}

fn in_family(name: &str, family: &str) -> bool {
    name.strip_prefix(family)
        .is_some_and(|rest| rest.starts_with('/'))
}

fn tell(name: &str, publication: &Publication) {
    if publication.additions.is_empty() {
        say(&format!("{name}  nothing new"));
    }
    for addition in &publication.additions {
        let parameter = &addition.parameter;
        let until = match &parameter.until {
            Some(until) => format!(" to before {until}"),
            None => String::new(),
        };
        let region = match addition.region.as_str() {
            "" => String::new(),
            region => format!(" in {region}"),
        };
        say(&format!("{name}  from {}{until}{region}", parameter.since));
    }
    for (matter, finding) in &publication.findings {
        say(&format!("{matter}: {}", case::line(finding)));
    }
}
