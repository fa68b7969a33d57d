//! `onething directory`: offices, their people, and who decides for whom.

use crate::deployment::{Deployment, now};
use crate::say;
use chrono::NaiveDate;
use onething_capabilities::Directory;
use std::path::PathBuf;

/// What can be done with the directory.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Check the files; a running host reads them again by itself.
    Check {
        /// The folder; that of the deployment where none is given.
        folder: Option<PathBuf>,
    },
    /// Show the offices in force on a day, with their people; or which one decides.
    Show(Show),
}

/// Which offices.
#[derive(clap::Args)]
pub struct Show {
    /// As of which day; today where none is given.
    #[arg(long)]
    on: Option<NaiveDate>,
    /// Only offices of this function, `housing-fund`.
    #[arg(long)]
    function: Option<String>,
    /// Only the office that decides for this region, a GB/T 2260 code.
    #[arg(long, requires = "function")]
    region: Option<String>,
}

impl Command {
    /// Runs the command.
    pub fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        let folder = deployment.directory();
        match self {
            Self::Check { folder: given } => {
                let folder = given.unwrap_or(folder);
                let directory = Directory::load(&folder)?;
                say(&format!(
                    "{}: {} offices, {} people, {} deputies",
                    folder.display(),
                    directory.offices().len(),
                    directory.everybody().len(),
                    directory.deputies().len()
                ));
            }
            Self::Show(show) => show.run(&Directory::load(&folder)?),
        }
        Ok(())
    }
}

impl Show {
    fn run(self, directory: &Directory) {
        let on = self.on.unwrap_or_else(|| now().date_naive());
        let decides = match (&self.function, &self.region) {
            (Some(function), Some(region)) => match directory.competent(function, region, on) {
                Some(office) => Some(office),
                None => return say(&format!("nobody is entered for {function} in {region}")),
            },
            _ => None,
        };
        let shown = directory.offices().iter().filter(|entry| {
            let is_meant = |function: &String| *function == entry.office.function;
            entry.period.covers(on)
                && self.function.as_ref().is_none_or(is_meant)
                && decides
                    .as_ref()
                    .is_none_or(|office| *office == entry.office)
        });
        for entry in shown {
            let office = &entry.office;
            say(&format!(
                "{} {}  {}  covers {}",
                office.function,
                office.region,
                entry.name,
                match entry.covers.is_empty() {
                    true => "itself".to_owned(),
                    false => entry.covers.join(" "),
                }
            ));
            let of_office = directory
                .everybody()
                .iter()
                .filter(|person| person.office == *office && person.period.covers(on));
            for person in of_office {
                say(&format!("  {}  {}", person.name, person.roles.join(" ")));
            }
            let standing_in = directory
                .deputies()
                .iter()
                .filter(|deputy| deputy.office == *office && deputy.period.covers(on));
            for deputy in standing_in {
                say(&format!(
                    "  {}  stands in for {}",
                    deputy.deputy, deputy.person
                ));
            }
        }
    }
}
