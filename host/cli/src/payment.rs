//! `onething payment`: what the bank has, and its answers, straight on the store of the deployment.

use crate::case::drain;
use crate::deployment::{Deployment, now};
use crate::say;
use anyhow::Context;
use onething_contract::Effect;
use onething_engine::{BankAnswer, fen, yuan};
use std::path::PathBuf;

/// Payments that are told at a time.
const PAGE: u32 = 100;

/// What can be done with payments.
#[derive(clap::Subcommand)]
pub enum Payment {
    /// List the payments that the bank has and has not answered.
    List,
    /// Take in the bank's answer to a payment, line by line.
    Answer {
        /// The payment's ticket.
        ticket: String,
        /// `{"lines": [{"line", "status": "paid" | "returned", "reason"}]}`, or an ISO 20022 status
        /// report, pain.002.001.10, as `.xml`.
        #[arg(long)]
        file: PathBuf,
    },
}

impl Payment {
    /// Runs the command, and what follows from it.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        let engine = deployment.open().await?;
        // What an earlier command was stopped in the middle of.
        drain(&engine, now()).await?;
        match self {
            Self::List => {
                let mut after = None;
                loop {
                    let store = engine.store();
                    let sent = store.sent_payments(after.as_deref(), PAGE).await?;
                    for row in &sent {
                        if let Effect::Payment(order) = &row.intent.effect {
                            let total = order.lines.iter().filter_map(|line| fen(&line.amount));
                            say(&format!(
                                "{}  {}  {} lines  {} yuan  on {}",
                                row.intent.ticket,
                                order.budget,
                                order.lines.len(),
                                yuan(total.sum()),
                                order.execute_on
                            ));
                        }
                    }
                    match sent.last() {
                        Some(last) => after = Some(last.intent.ticket.clone()),
                        None => return Ok(()),
                    }
                }
            }
            Self::Answer { ticket, file } => {
                let text = std::fs::read_to_string(&file)
                    .with_context(|| format!("cannot read {}", file.display()))?;
                let is_xml = file.extension().is_some_and(|extension| extension == "xml");
                let answer = if is_xml {
                    engine.status_report(&ticket, &text).await?
                } else {
                    serde_json::from_str::<BankAnswer>(&text)
                        .with_context(|| format!("{} is not an answer", file.display()))?
                };
                let case = engine.bank_answer(&ticket, &answer, now()).await?;
                drain(&engine, now()).await?;
                let count = answer.lines.len();
                say(&format!(
                    "{ticket}  {count} lines answered; case {} is told",
                    case.state.id
                ));
                Ok(())
            }
        }
    }
}
