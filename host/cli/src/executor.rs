//! Where bundles run: embedded, or as function apps that `--executor` names.

use anyhow::ensure;
use onething_engine::{Apps, AppsConfig, Patience};
use onething_runtime::Limits;
use std::sync::Arc;

/// Function apps.
#[derive(Debug, Clone, clap::Args)]
pub struct Executor {
    /// Run bundles as function apps below a base URL, `http://127.0.0.1:3000`, where that of retirement
    /// is `/retirement`; or those of one matter, `retirement=http://127.0.0.1:3000`. Bundles without an
    /// app run here. Plain HTTP: apps stand on this machine or behind a mesh of their own.
    #[arg(long, value_name = "[MATTER=]URL")]
    executor: Vec<String>,
    /// Of how many invocations by apps one is run here as well and compared; 0: none.
    #[arg(long, value_name = "N", default_value_t = 20)]
    compare_one_in: u64,
    /// Which ones are compared.
    #[arg(long, value_name = "N", default_value_t = 1)]
    compare_seed: u64,
}

impl Executor {
    /// The apps; `None` where every bundle runs here.
    pub fn apps(&self) -> anyhow::Result<Option<Arc<Apps>>> {
        self.comparing_one_in(self.compare_one_in)
    }

    /// The apps, compared by somebody else.
    pub fn uncompared(&self) -> anyhow::Result<Option<Arc<Apps>>> {
        self.comparing_one_in(0)
    }

    fn comparing_one_in(&self, compare_one_in: u64) -> anyhow::Result<Option<Arc<Apps>>> {
        if self.executor.is_empty() {
            return Ok(None);
        }
        let bases = self.executor.iter().map(|written| base(written));
        let limits = Limits::default();
        let config = AppsConfig {
            bases: bases.collect::<Result<_, _>>()?,
            compare_one_in,
            seed: self.compare_seed,
            patience: Patience::with(&limits),
        };
        Ok(Some(Arc::new(Apps::new(config, limits))))
    }
}

/// `[matter=]http://host[:port][/path]`.
fn base(written: &str) -> anyhow::Result<(Option<String>, String)> {
    let (matter, url) = match written.split_once('=') {
        Some((matter, url)) if !matter.contains(':') => (Some(matter.to_owned()), url),
        _ => (None, written),
    };
    let authority = url
        .strip_prefix("http://")
        .map(|rest| rest.split('/').next());
    let is_base = authority.flatten().is_some_and(|host| !host.is_empty())
        && !url.contains(['@', '?', '#', ' ']);
    ensure!(
        is_base,
        "--executor {written}: a base URL is like http://127.0.0.1:3000, without user, query and fragment"
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
            ("http:///retirement", None),
            ("http://me:secret@spin", None),
            ("http://spin?x=y", None),
            ("", None),
        ] {
            assert_eq!(base(written).ok(), expected, "{written}");
        }
    }
}
