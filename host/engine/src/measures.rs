//! What the engine counts, for whoever shows it. Labels are words of the product and names of
//! matters: never of a case, a caller or a person.
//!
//! The process has one of each: a process is what Prometheus looks at.

use onething_contract::Effect;
use onething_runtime::Usage;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::LazyLock;
use std::time::Duration;

/// Label names and values.
type Labels<const N: usize> = [(&'static str, String); N];

/// From a millisecond to half a minute.
const SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0, 30.0];

/// Everything that is counted.
pub(crate) struct Measures {
    /// Commits of cases that succeeded.
    pub(crate) commits: Counter,
    /// Commits that came too late and were decided again.
    pub(crate) conflicts: Counter,
    /// Events that a bundle has answered.
    pub(crate) reactions: Counter,
    /// Of bundles, by name.
    faults: Family<Labels<1>, Counter>,
    runs: Family<Labels<2>, Histogram>,
    fuel: Family<Labels<2>, Counter>,
    effects: Family<Labels<2>, Counter>,
}

static MEASURES: LazyLock<Measures> = LazyLock::new(|| Measures {
    commits: Counter::default(),
    conflicts: Counter::default(),
    reactions: Counter::default(),
    faults: Family::default(),
    runs: Family::new_with_constructor(|| Histogram::new(SECONDS)),
    fuel: Family::default(),
    effects: Family::default(),
});

/// The process's.
pub(crate) fn measures() -> &'static Measures {
    &MEASURES
}

/// Shows what the engine counts.
pub fn register(registry: &mut Registry) {
    let all = measures();
    registry.register(
        "commits",
        "Commits of cases that succeeded",
        all.commits.clone(),
    );
    registry.register(
        "conflicts",
        "Commits that another writer was faster than, decided again",
        all.conflicts.clone(),
    );
    registry.register(
        "reactions",
        "Events that a bundle has answered",
        all.reactions.clone(),
    );
    registry.register("faults", "Faults of bundles", all.faults.clone());
    registry.register(
        "bundle_run_seconds",
        "How long invocations of bundles took, all passes together",
        all.runs.clone(),
    );
    registry.register(
        "bundle_fuel",
        "Fuel that invocations of bundles used in their last pass",
        all.fuel.clone(),
    );
    registry.register(
        "effects",
        "Effects that were tried, by kind and how that came out",
        all.effects.clone(),
    );
}

impl Measures {
    /// An invocation, whatever became of it.
    pub(crate) fn ran(&self, matter: &str, function: &'static str, usage: &Usage) {
        let labels = [
            ("matter", matter.to_owned()),
            ("function", function.to_owned()),
        ];
        let time = Duration::from_micros(usage.time_us);
        self.runs.get_or_create(&labels).observe(time.as_secs_f64());
        if let Some(fuel) = usage.fuel {
            self.fuel.get_or_create(&labels).inc_by(fuel);
        }
    }

    pub(crate) fn faulted(&self, name: &str) {
        let labels = [("fault", name.to_owned())];
        self.faults.get_or_create(&labels).inc();
    }

    /// `outcome` is `done` or `failed`. A payment that the bank has is done here.
    pub(crate) fn tried(&self, effect: &Effect, outcome: &'static str) {
        let labels = [
            ("kind", kind(effect).to_owned()),
            ("outcome", outcome.to_owned()),
        ];
        self.effects.get_or_create(&labels).inc();
    }
}

/// An effect's kind in one word.
pub fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::Seal { .. } => "seal",
        Effect::Notice { .. } => "notice",
        Effect::Delivery { .. } => "delivery",
        Effect::Payment(_) => "payment",
        Effect::Release { .. } => "release",
    }
}
