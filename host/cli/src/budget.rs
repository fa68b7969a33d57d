//! `onething budget`: open budgets, give them money and see where it is, straight on the store of the
//! deployment.

use crate::deployment::{Deployment, now};
use crate::say;
use anyhow::bail;
use onething_engine::{Engine, yuan};
use onething_store::{Balances, NewBudget};

/// What can be done with budgets.
#[derive(clap::Subcommand)]
pub enum Budget {
    /// Open a budget without money.
    Open {
        /// As bundles name it, `payroll/331102-2026`.
        name: String,
        /// For people.
        #[arg(long)]
        title: String,
        /// Whose account the bank pays from.
        #[arg(long)]
        holder: String,
        /// The account.
        #[arg(long)]
        account: String,
        /// The account's bank, a CNAPS code of 12 digits.
        #[arg(long)]
        bank: Option<String>,
    },
    /// Give a budget money; those who wait for it get it in their turn.
    Fund {
        /// The budget.
        name: String,
        /// In yuan, two places.
        amount: String,
        /// Who gives it.
        #[arg(long)]
        by: String,
    },
    /// Show a budget's balances and who waits for it.
    Show {
        /// The budget.
        name: String,
    },
    /// List every budget with its balances.
    List,
}

impl Budget {
    /// Runs the command.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        let engine = deployment.open().await?;
        match self {
            Self::Open {
                name,
                title,
                holder,
                account,
                bank,
            } => {
                let budget = NewBudget {
                    name,
                    title,
                    holder,
                    account,
                    bank,
                };
                engine.open_budget(&budget, now()).await?;
                show(&engine, &budget.name).await
            }
            Self::Fund { name, amount, by } => {
                engine.fund(&name, &amount, &by, now()).await?;
                show(&engine, &name).await
            }
            Self::Show { name } => show(&engine, &name).await,
            Self::List => {
                for row in engine.store().budgets().await? {
                    say(&format!("{:32} {}", row.budget.name, row.budget.title));
                    tell_balances(&row.balances);
                }
                Ok(())
            }
        }
    }
}

async fn show(engine: &Engine, name: &str) -> anyhow::Result<()> {
    let Some(row) = engine.store().budget(name).await? else {
        bail!("there is no budget `{name}`; `onething budget list` names them");
    };
    let budget = &row.budget;
    say(&format!("budget      {}  {}", budget.name, budget.title));
    say(&format!(
        "account     {}  {}{}",
        budget.account,
        budget.holder,
        budget
            .bank
            .as_ref()
            .map(|bank| format!("  bank {bank}"))
            .unwrap_or_default()
    ));
    tell_balances(&row.balances);
    for (place, waiting) in engine.store().waiting(name).await?.iter().enumerate() {
        say(&format!(
            "waits {:5} {}  {}",
            place + 1,
            waiting.case_id,
            yuan(waiting.wanted)
        ));
    }
    Ok(())
}

fn tell_balances(balances: &Balances) {
    for (account, fen) in [
        ("funded", balances.funded),
        ("available", balances.available),
        ("reserved", balances.reserved),
        ("in transit", balances.in_transit),
        ("paid", balances.paid),
    ] {
        say(&format!("{account:11} {:>18}", yuan(fen)));
    }
}
