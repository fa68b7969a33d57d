//! For tests only: `ONETHING_KILL_AT=store.written:3` kills the process with SIGKILL as it reaches a
//! named boundary for the third time. Without the variable there is nothing of this.

use anyhow::{Context, ensure};
use onething_store::{Boundary, Error, Store};
use rustix::process::{Signal, getpid, kill_process};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const VARIABLE: &str = "ONETHING_KILL_AT";

struct KillAt {
    name: String,
    left: AtomicU32,
}

impl Boundary for KillAt {
    fn reach(&self, name: &'static str) -> Result<(), Error> {
        if name == self.name && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // A process may always kill itself.
            let _ = kill_process(getpid(), Signal::KILL);
        }
        Ok(())
    }
}

/// The store, which kills the process where the environment says so.
pub fn armed(store: Store) -> anyhow::Result<Store> {
    let Ok(place) = std::env::var(VARIABLE) else {
        return Ok(store);
    };
    let wanted = || format!("{VARIABLE} is like store.written:3, not `{place}`");
    let (name, nth) = place.split_once(':').with_context(wanted)?;
    let nth = nth.parse().with_context(wanted)?;
    ensure!(nth > 0, wanted());
    Ok(store.with_boundary(Arc::new(KillAt {
        name: name.to_owned(),
        left: AtomicU32::new(nth),
    })))
}
