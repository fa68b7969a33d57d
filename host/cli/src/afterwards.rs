//! What an office takes back, and what comes after the end of a case: part of `onething case`.

use crate::case::{read, registered};
use crate::deployment::now;
use crate::say;
use anyhow::{Context, bail};
use onething_case::State;
use onething_contract::Office;
use onething_engine::{Check, Engine};
use std::path::PathBuf;

/// What is done with what is decided.
#[derive(clap::Subcommand)]
pub enum Afterwards {
    /// Take a step's decision back for its office, before it has taken effect (撤回).
    Reopen {
        /// The case's id.
        case: String,
        /// The step.
        step: String,
        /// Who does.
        #[arg(long)]
        by: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Rate a completed case for its filer (好差评).
    Rate {
        /// The case's id.
        case: String,
        /// 1 (very poor) to 5 (very good); 1 and 2 open a repair.
        score: u8,
        /// Who rates.
        #[arg(long)]
        by: String,
        /// In their own words.
        #[arg(long)]
        comment: Option<String>,
    },
    /// Say for the leading office what was done about a poor rating (差评整改).
    Repair {
        /// The case's id.
        case: String,
        /// Who did it.
        #[arg(long)]
        by: String,
        /// What was done.
        #[arg(long)]
        text: String,
    },
    /// Check for the leading office a commitment that stood for a material (告知承诺核查).
    Check {
        /// The case's id.
        case: String,
        /// The material's code.
        code: String,
        /// It was not kept.
        #[arg(long)]
        broken: bool,
        /// What was found; needed where it was not kept.
        #[arg(long, default_value = "")]
        opinion: String,
        /// Who checks.
        #[arg(long)]
        by: String,
    },
    /// Hand in an appeal of a case, under the version that the case itself was judged by (申诉).
    Appeal {
        /// The id of the case that is appealed.
        case: String,
        /// A submission as the API takes it, JSON.
        file: PathBuf,
    },
}

impl Afterwards {
    /// Does it; answers the case to show.
    pub async fn run(self, engine: &Engine) -> anyhow::Result<String> {
        match self {
            Self::Reopen {
                case,
                step,
                by,
                reason,
            } => {
                let state = engine.case(&case).await?.state;
                let Some(record) = state.step(&step) else {
                    bail!("case {case} has no step `{step}`");
                };
                let office = record.office();
                engine
                    .reopen(&case, &step, &by, office, &reason, now())
                    .await?;
                Ok(case)
            }
            Self::Rate {
                case,
                score,
                by,
                comment,
            } => {
                engine.rate(&case, score, &by, comment, now()).await?;
                Ok(case)
            }
            Self::Repair { case, by, text } => {
                let office = lead(engine, &case).await?;
                engine.repair(&case, &by, &office, &text, now()).await?;
                Ok(case)
            }
            Self::Check {
                case,
                code,
                broken,
                opinion,
                by,
            } => {
                let office = lead(engine, &case).await?;
                let kept = !broken;
                let asked = Check { kept, opinion };
                engine
                    .check_commitment(&case, &code, &asked, &by, &office, now())
                    .await?;
                Ok(case)
            }
            Self::Appeal { case, file } => {
                let hand_in = read(&file)?;
                let by = "command line";
                let submitted = engine.appeal(&case, hand_in, by, None, now()).await?;
                registered(submitted)
            }
        }
    }
}

/// The leading office.
async fn lead(engine: &Engine, case: &str) -> anyhow::Result<Office> {
    let state = engine.case(case).await?.state;
    let lead = state.plan().find(|record| record.step.lead);
    let office = lead.map(|record| record.office().clone());
    office.with_context(|| format!("no step of case {case} leads"))
}

/// What came of it all, a line each.
pub fn tell(state: &State) {
    for code in &state.overdue {
        say(&format!("overdue   {code}"));
    }
    for check in &state.checks {
        let kept = if check.kept { "kept" } else { "not kept" };
        say(&format!(
            "checked   {}  {kept}  {}  by {} {}",
            check.code, check.opinion, check.by, check.at
        ));
    }
    if let Some(score) = state.rating {
        say(&format!("rated     {score}"));
    }
    if let Some(repair) = &state.repair {
        match &repair.done {
            None => say(&format!("repair    open since {}", repair.opened_at)),
            Some(done) => say(&format!(
                "repair    {}  by {} {}",
                done.text, done.by, done.at
            )),
        }
    }
    if let Some(original) = &state.appeal_of {
        say(&format!("appeal    of case {original}"));
    }
    if let Some(appeal) = &state.appeal {
        say(&format!("appealed  as case {}", appeal.case_id));
    }
}
