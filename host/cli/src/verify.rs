//! `onething case verify`: whether cases are as they were written.

use crate::deployment::Deployment;
use crate::say;
use anyhow::bail;
use onething_store::{NotVerified, Store};

/// Check that nobody has changed a case behind the host's back: its chain, its end, its contents.
#[derive(clap::Args)]
pub struct Verify {
    /// The case's id.
    #[arg(required_unless_present = "all")]
    case: Option<String>,
    /// Every case.
    #[arg(long, conflicts_with = "case")]
    all: bool,
}

/// What was counted.
#[derive(Default)]
struct Count {
    cases: u64,
    events: u64,
    erased: u64,
    broken: u64,
}

impl Verify {
    /// Verifies, and fails where a case is not as it was written.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        let store = deployment.store().await?;
        let mut count = Count::default();
        match &self.case {
            Some(case) => count.add(&store, case).await?,
            None => count.add_all(&store).await?,
        }
        let Count {
            cases,
            events,
            erased,
            broken,
        } = count;
        say(&format!(
            "{cases} cases, {events} events, {erased} erased, {broken} broken"
        ));
        if broken > 0 {
            bail!("{broken} of {cases} cases are not as they were written");
        }
        Ok(())
    }
}

impl Count {
    async fn add_all(&mut self, store: &Store) -> anyhow::Result<()> {
        let mut after = String::new();
        loop {
            let page = store.case_ids(&after).await?;
            for case in &page {
                self.add(store, case).await?;
            }
            match page.into_iter().next_back() {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    async fn add(&mut self, store: &Store, case: &str) -> anyhow::Result<()> {
        match onething_engine::verify(store, case).await {
            Ok(verified) => {
                self.events += verified.events;
                self.erased += u64::from(verified.erased);
            }
            Err(NotVerified::Broken(broken)) => {
                self.broken += 1;
                say(&broken.to_string());
            }
            Err(error) => return Err(error.into()),
        }
        self.cases += 1;
        Ok(())
    }
}
