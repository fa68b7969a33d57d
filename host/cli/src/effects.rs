//! `onething effects`: what waits to be carried out, and what nobody tries any more, straight on the
//! store of the deployment.

use crate::case::drain;
use crate::deployment::{Deployment, now};
use crate::say;
use onething_engine::{ATTEMPTS_MAX, ByHand, HandVerdict, delivers, kind};
use onething_store::{EffectRow, EffectStatus, Store};

/// Effects that are told at a time.
const PAGE: u32 = 100;

/// What can be done with effects.
#[derive(clap::Subcommand)]
pub enum Effects {
    /// List effects that have not come to their end.
    List {
        /// How far they are.
        #[arg(long, value_enum, default_value = "dead")]
        status: Waiting,
    },
    /// Show an effect and what its channel promises.
    Show {
        /// The effect's ticket.
        ticket: String,
    },
    /// Let an effect that was given up be tried again.
    Retry {
        /// The effect's ticket.
        ticket: String,
        /// Who lets it.
        #[arg(long)]
        by: String,
    },
    /// Say what became of an effect that was given up.
    Settle {
        /// The effect's ticket.
        ticket: String,
        /// The receiver has it (of a notice or a delivery), or it will not be done.
        #[arg(long, value_enum)]
        verdict: Verdict,
        /// Why, and how that is known.
        #[arg(long)]
        opinion: String,
        /// Who says so.
        #[arg(long)]
        by: String,
    },
}

/// How far an effect is.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Waiting {
    /// To be done.
    Pending,
    /// A payment that the bank has and has not answered.
    Sent,
    /// Given up.
    Dead,
}

/// What became of an effect.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Verdict {
    /// The receiver has it.
    Done,
    /// It will not be done.
    Refused,
}

impl Effects {
    /// Runs the command, and what follows from it.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        let engine = deployment.open().await?;
        match self {
            Self::List { status } => list(engine.store(), status).await?,
            Self::Show { ticket } => show(&engine.effect(&ticket).await?),
            Self::Retry { ticket, by } => {
                engine.retry_effect(&ticket, &by, now()).await?;
                drain(&engine, now()).await?;
                show(&engine.effect(&ticket).await?);
            }
            Self::Settle {
                ticket,
                verdict,
                opinion,
                by,
            } => {
                let verdict = match verdict {
                    Verdict::Done => HandVerdict::Done,
                    Verdict::Refused => HandVerdict::Refused,
                };
                let asked = ByHand { verdict, opinion };
                let case = engine.settle_by_hand(&ticket, &asked, &by, now()).await?;
                drain(&engine, now()).await?;
                say(&format!(
                    "{ticket}  settled; case {} is told",
                    case.state.id
                ));
            }
        }
        Ok(())
    }
}

async fn list(store: &Store, status: Waiting) -> anyhow::Result<()> {
    let mut after: Option<String> = None;
    loop {
        let after_this = after.as_deref();
        let page = match status {
            Waiting::Pending => store.pending_effects(after_this, PAGE).await?,
            Waiting::Sent => store.sent_payments(after_this, PAGE).await?,
            Waiting::Dead => store.dead_effects(after_this, PAGE).await?,
        };
        for row in &page {
            say(&line(row));
        }
        match page.last() {
            Some(last) => after = Some(last.intent.ticket.clone()),
            None => return Ok(()),
        }
    }
}

fn line(row: &EffectRow) -> String {
    let error = row.last_error.as_deref().unwrap_or_default();
    format!(
        "{}  {:8}  {:7}  case {}  {} of {ATTEMPTS_MAX} tries  {error}",
        row.intent.ticket,
        kind(&row.intent.effect),
        row.status.as_str(),
        row.case_id,
        row.attempts
    )
    .trim_end()
    .to_owned()
}

fn show(row: &EffectRow) {
    say(&line(row));
    let effect = &row.intent.effect;
    say(&format!("  the channel is {}", delivers(effect).as_str()));
    if !row.intent.after.is_empty() {
        say(&format!("  after {}", row.intent.after.join(", ")));
    }
    if let Some(hand) = &row.by_hand {
        say(&format!("  taken in hand by {} at {}", hand.by, hand.at));
    }
    if row.status == EffectStatus::Dead {
        say("  given up: `onething effects retry` or `onething effects settle`");
    }
}
