//! `onething erase`: destroys the keys of what is over. What was erased is also written to a file
//! beside the data, so that it can be erased again after a backup was restored.

use crate::deployment::{Deployment, now};
use crate::say;
use anyhow::Context;
use onething_store::{Erased, Why};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
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

/// An erasure, as the file beside the data has it: JSON, one a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// RFC 3339.
    pub at: String,
    /// `case/<id>` or `subject/<tag>`.
    pub scope: String,
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
        let erased = match (self.case, self.subject, self.scope) {
            (Some(case), _, _) => store.erase_case(&case, &why).await?,
            (_, Some(subject), _) => store.erase_subject(&identifier(subject)?, &why).await?,
            (_, _, scope) => store.erase_scope(&scope.unwrap_or_default(), &why).await?,
        };
        store.close().await;
        note(&deployment.data, &erased, &why.at)?;
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

fn file(data: &Path) -> PathBuf {
    data.join("erasures.jsonl")
}

fn note(data: &Path, erased: &Erased, at: &str) -> anyhow::Result<()> {
    let path = file(data);
    let record = Record {
        at: at.to_owned(),
        scope: erased.scope.clone(),
    };
    let line = serde_json::to_string(&record)? + "\n";
    let unwritten = || format!("erased, but not noted in {}: {line}", path.display());
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(unwritten)?;
    file.write_all(line.as_bytes()).with_context(unwritten)?;
    file.sync_all().with_context(unwritten)
}

/// What was erased from a moment on: a backup that was made then still has it.
pub fn since(
    data: &Path,
    at: chrono::DateTime<chrono::FixedOffset>,
) -> anyhow::Result<Vec<Record>> {
    let path = file(data);
    let Ok(file) = std::fs::File::open(&path) else {
        return Ok(Vec::new());
    };
    let mut records = Vec::new();
    for line in BufReader::new(file).lines() {
        let record: Record = serde_json::from_str(&line?)
            .with_context(|| format!("{} is not a list of erasures", path.display()))?;
        let erased = chrono::DateTime::parse_from_rfc3339(&record.at);
        if erased.is_ok_and(|erased| erased >= at) {
            records.push(record);
        }
    }
    Ok(records)
}
