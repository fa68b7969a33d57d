//! `onething outreach`: tells those in a register what they are entitled to.

use crate::deployment::{Deployment, now};
use crate::{case, say};
use chrono::NaiveDate;
use onething_engine::Reach;

/// Go over a register of subjects and tell each what the matter has for them (政策找人).
#[derive(clap::Args)]
pub struct Outreach {
    /// The name of the matter.
    matter: String,
    /// The register whose keys are the subjects.
    #[arg(long)]
    register: String,
    /// The family of parameters that is gone through, `policy`.
    #[arg(long)]
    family: Option<String>,
    /// Where, a GB/T 2260 code.
    #[arg(long)]
    region: String,
    /// As of which day; today where none is given.
    #[arg(long)]
    on: Option<NaiveDate>,
}

impl Outreach {
    /// Runs to the end of the register; a run that was stopped goes on.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        let engine = deployment.open().await?;
        let now = now();
        let reach = Reach {
            on: self.on.unwrap_or_else(|| now.date_naive()),
            matter: self.matter,
            register: self.register,
            family: self.family,
            region: self.region,
        };
        let reached = engine.reach(&reach, now).await?;
        case::drain(&engine, now).await?;
        say(&format!(
            "{} subjects, {} offers; told {} now, {} cases opened, {} wait for their budget, {} refused",
            reached.subjects,
            reached.offers,
            reached.told,
            reached.opened,
            reached.waiting,
            reached.refused
        ));
        Ok(())
    }
}
