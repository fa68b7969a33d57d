//! `onething erase`: destroys the keys of what is over. What was erased is also written to a file
//! beside the data, so that it can be erased again after a backup was restored.

use crate::deployment::{Deployment, now};
use crate::say;
use onething_store::{Erased, Why};
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// Destroy the keys of cases that are over, so that nobody reads them any more.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Erase {
    /// A case, by its id.
    #[arg(long, group = "what")]
    case: Option<String>,
    /// Every case about this subject, and every offer to it. `-` reads the identifier from standard
    /// input, so that it stays out of the shell's history.
    #[arg(long, group = "what")]
    subject: Option<String>,
    /// What was erased before and has come back with a backup, as `restore` prints it.
    #[arg(long, group = "what")]
    scope: Option<String>,
    /// Who has it erased; kept for good.
    #[arg(long)]
    by: String,
    /// Why; kept for good, so without personal data.
    #[arg(long)]
    reason: String,
}

impl Erase {
    /// Erases.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        let store = deployment.store().await?;
        let why = Why {
            by: self.by,
            reason: self.reason,
            at: onething_engine::stamp(now()),
        };
        let list = list(&deployment.data);
        let list = Some(list.as_path());
        let erased = match (self.case, self.subject, self.scope) {
            (Some(case), _, _) => store.erase_case(&case, &why, list).await?,
            (_, Some(subject), _) => {
                let subject = identifier(subject)?;
                store.erase_subject(&subject, &why, list).await?
            }
            (_, _, scope) => {
                let scope = scope.unwrap_or_default();
                store.erase_scope(&scope, &why, list).await?
            }
        };
        store.close().await;
        for case in &erased.cases {
            say(&format!("erased case {case}"));
        }
        let Erased {
            cases,
            materials,
            offers,
            ..
        } = &erased;
        let cases = cases.len();
        say(&format!(
            "{cases} cases, {materials} materials, {offers} offers erased"
        ));
        say("not reached: what was sent and delivered, and backups made before");
        Ok(())
    }
}

fn identifier(given: String) -> anyhow::Result<String> {
    if given != "-" {
        return Ok(given);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// The list of what was erased, beside the data.
pub fn list(data: &Path) -> PathBuf {
    data.join("erasures.jsonl")
}
