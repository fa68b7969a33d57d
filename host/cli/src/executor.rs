//! Where bundles run: embedded, or as function apps that `--executor` names.

use anyhow::ensure;
use hyper::Uri;
use onething_engine::{Apps, AppsConfig, Patience};
use onething_runtime::Limits;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// Which bundles run as function apps.
#[derive(Debug, Clone, clap::Args)]
pub struct Executor {
    /// Run bundles as function apps below a base URL, `http://127.0.0.1:3000`, where that of retirement
    /// is `/retirement`; or those of one matter, `retirement=http://127.0.0.1:3000`. Bundles without an
    /// app run here. Plain HTTP: apps stand on this machine or behind a mesh of their own.
    #[arg(long, value_name = "[MATTER=]URL")]
    executor: Vec<String>,
}

/// How much of what apps answer is run here as well.
#[derive(Debug, Clone, clap::Args)]
pub struct Comparison {
    /// Of how many invocations by apps one is run here as well and compared; 0: none.
    #[arg(long, value_name = "N", default_value_t = 20)]
    compare_one_in: u64,
    /// Which ones are compared; by default an app cannot know it.
    #[arg(long, value_name = "N")]
    compare_seed: Option<u64>,
}

impl Comparison {
    /// None: somebody else compares.
    pub fn none() -> Self {
        Self {
            compare_one_in: 0,
            compare_seed: None,
        }
    }
}

impl Executor {
    /// The apps; `None` where every bundle runs here.
    pub fn apps(&self, comparison: &Comparison) -> anyhow::Result<Option<Arc<Apps>>> {
        if self.executor.is_empty() {
            return Ok(None);
        }
        let bases = self.executor.iter().map(|written| base(written));
        let bases = bases.collect::<Result<Vec<_>, _>>()?;
        let mut matters = BTreeSet::new();
        for (matter, _) in &bases {
            ensure!(
                matters.insert(matter),
                "--executor names two bases for {}",
                matter.as_deref().unwrap_or("all matters")
            );
        }
        let limits = Limits::default();
        let drawn = || RandomState::new().hash_one(std::process::id());
        let config = AppsConfig {
            bases,
            compare_one_in: comparison.compare_one_in,
            seed: comparison.compare_seed.unwrap_or_else(drawn),
            patience: Patience::with(&limits),
        };
        Ok(Some(Arc::new(Apps::new(config, limits))))
    }
}

/// `[matter=]http://host[:port][/path]`.
fn base(written: &str) -> anyhow::Result<(Option<String>, String)> {
    let (matter, url) = match written.split_once('=') {
        Some((matter, url)) if !matter.contains(':') => {
            ensure!(
                !matter.is_empty(),
                "--executor: a matter stands before the `=`"
            );
            (Some(matter.to_owned()), url)
        }
        _ => (None, written),
    };
    let uri = url.parse::<Uri>().ok();
    let uri = uri.filter(|uri| uri.scheme_str() == Some("http"));
    let is_base = uri.is_some_and(|uri| uri.host().is_some_and(|host| !host.is_empty()))
        && !url.contains(['@', '?', '#', ' ']);
    // What is refused may hold a password.
    ensure!(
        is_base,
        "--executor: a base URL is like http://127.0.0.1:3000, without user, query and fragment"
    );
    Ok((matter, url.trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn a_base_is_of_all_matters_or_of_one() {
        let of =
            |matter: Option<&str>, url: &str| Some((matter.map(str::to_owned), url.to_owned()));
        for (written, expected) in [
            ("http://127.0.0.1:3000", of(None, "http://127.0.0.1:3000")),
            ("http://spin/apps/", of(None, "http://spin/apps")),
            (
                "payroll=http://[::1]:80",
                of(Some("payroll"), "http://[::1]:80"),
            ),
            ("https://spin", None),
            ("spin:3000", None),
            ("http://", None),
            ("http://[::1", None),
            ("http:///retirement", None),
            ("http://me:secret@spin", None),
            ("http://spin?x=y", None),
            ("", None),
            ("=http://spin", None),
        ] {
            assert_eq!(base(written).ok(), expected, "{written}");
        }
    }
}
