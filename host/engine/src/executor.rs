//! Where bundles run: in this process, or as function apps elsewhere.
//!
//! An app is an optimisation of where, never of what: the bundle itself is here as well, and judges
//! it. Whatever an app says that is not a plain outcome is settled by a run of the bundle here, and so
//! is a sample of the plain ones; an app that answered otherwise is quarantined by name, and its bundle
//! runs here from then on. An app that does not answer at all is nobody's fault but its own: the caller
//! hears so, and what was committed waits.

use crate::measures::measures;
use onething_remote::{App, Distrust, Patience, Trouble, Unavailable};
use onething_runtime::{Bundle, Call, Fault, Inputs, Limits, Run};
use onething_world::{Given, json_bytes, passes};
use serde::Serialize;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Runs invocations of bundles.
pub trait Executor: Send + Sync {
    /// Runs one export.
    ///
    /// # Errors
    /// Where the bundle runs elsewhere, and nobody answers there.
    fn run(&self, bundle: &Bundle, call: &Call, inputs: Inputs) -> Result<Run, Unavailable>;

    /// A run waits for somebody else instead of computing here.
    fn is_elsewhere(&self, _: &Bundle) -> bool {
        false
    }

    /// The apps that are not asked now, and why.
    fn quarantined(&self) -> Vec<Quarantine> {
        Vec::new()
    }

    /// Lets the app of a matter answer again; false where none was quarantined.
    fn release(&self, _matter: &str) -> bool {
        false
    }
}

/// In this process, each pass in a fresh instance.
#[derive(Debug, Clone, Copy, Default)]
pub struct Embedded;

impl Executor for Embedded {
    fn run(&self, bundle: &Bundle, call: &Call, inputs: Inputs) -> Result<Run, Unavailable> {
        Ok(bundle.invoke(call, inputs))
    }
}

/// How long an app that runs another bundle, or fails, is not asked again: it may be deployed meanwhile.
const REST: Duration = Duration::from_secs(60);

/// Which apps there are, and how much they are trusted.
#[derive(Debug, Clone)]
pub struct AppsConfig {
    /// Base URLs, `http://127.0.0.1:3000`, each of one matter or, without one, of all the others. An
    /// app is `<base>/<matter>`.
    pub bases: Vec<(Option<String>, String)>,
    /// One of how many invocations is run here as well and compared; 0 compares none.
    pub compare_one_in: u64,
    /// Which ones those are.
    pub seed: u64,
    /// How long an app is waited for.
    pub patience: Patience,
}

/// Function apps.
pub struct Apps {
    config: AppsConfig,
    limits: Limits,
    apps: Mutex<BTreeMap<String, Arc<App>>>,
    /// By digest.
    quarantined: Mutex<BTreeMap<String, Quarantine>>,
    /// Whoever runs a bundle here in the place of an app has it: one at a time, beside the cores' own.
    judging: Mutex<()>,
    answered: AtomicU64,
    here: AtomicU64,
}

/// An app that is not asked for a bundle.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Quarantine {
    /// Of the bundle.
    pub matter: String,
    /// Likewise.
    pub digest: String,
    /// The app.
    pub url: String,
    /// Why, by name.
    pub reason: &'static str,
    /// What it was asked.
    pub function: &'static str,
    /// Until it may have been deployed; without, until somebody lets it answer again.
    #[serde(skip)]
    until: Option<Instant>,
}

impl Apps {
    /// These; none is asked yet.
    #[must_use]
    pub fn new(config: AppsConfig, limits: Limits) -> Self {
        Self {
            config,
            limits,
            apps: Mutex::default(),
            quarantined: Mutex::default(),
            judging: Mutex::default(),
            answered: AtomicU64::new(0),
            here: AtomicU64::new(0),
        }
    }

    /// How many invocations apps have answered, and how many that are theirs were run here.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.answered.load(Relaxed), self.here.load(Relaxed))
    }

    fn app(&self, matter: &str) -> Option<Arc<App>> {
        let mut apps = lock(&self.apps);
        if let Some(app) = apps.get(matter) {
            return Some(app.clone());
        }
        let bases = &self.config.bases;
        let own = bases.iter().find(|(of, _)| of.as_deref() == Some(matter));
        let (_, base) = own.or_else(|| bases.iter().find(|(of, _)| of.is_none()))?;
        let url = format!("{}/{matter}", base.trim_end_matches('/'));
        let app = Arc::new(App::new(&url, self.limits, self.config.patience));
        apps.insert(matter.to_owned(), app.clone());
        Some(app)
    }

    fn is_quarantined(&self, digest: &str) -> bool {
        let mut all = lock(&self.quarantined);
        let Some(one) = all.get(digest) else {
            return false;
        };
        let stays = one.until.is_none_or(|until| Instant::now() < until);
        if !stays && let Some(one) = all.remove(digest) {
            tell(&all, &one.matter);
        }
        stays
    }

    fn quarantine(&self, app: &App, bundle: &Bundle, call: &Call, reason: Distrust) {
        let matter = &bundle.manifest().matter;
        let one = Quarantine {
            matter: matter.clone(),
            digest: bundle.digest().to_owned(),
            url: app.url().to_owned(),
            reason: reason.name(),
            function: call.function(),
            until: reason.may_pass().then(|| Instant::now() + REST),
        };
        if one.is_deployment() {
            let reason = one.reason;
            tracing::warn!(
                matter,
                reason,
                "a function app is not deployed: its bundle runs here"
            );
        } else {
            tracing::error!(
                matter,
                function = one.function,
                reason = one.reason,
                "a function app is quarantined: its bundle runs here"
            );
        }
        let mut all = lock(&self.quarantined);
        // An answer that was on its way does not let anybody out.
        let stands = all
            .get(bundle.digest())
            .is_some_and(|one| one.until.is_none());
        if !stands {
            all.insert(bundle.digest().to_owned(), one);
        }
        tell(&all, matter);
    }

    /// The same invocations each time, whoever asks and whenever.
    fn is_compared(&self, call: &Call, inputs: &Inputs) -> bool {
        let one_in = self.config.compare_one_in;
        if one_in == 0 {
            return false;
        }
        let mut hasher = DefaultHasher::new();
        self.config.seed.hash(&mut hasher);
        (call.function(), json_bytes(call)).hash(&mut hasher);
        (&inputs.answers, &inputs.now, &inputs.ticket_prefix).hash(&mut hasher);
        hasher.finish().is_multiple_of(one_in)
    }

    fn ask(&self, app: &App, bundle: &Bundle, call: &Call, inputs: Inputs) -> Result<Run, Trouble> {
        let given = Arc::new(Given::new(call, inputs));
        let started = Instant::now();
        passes(&self.limits, &given, |fetched| {
            if started.elapsed() > self.config.patience.invocation {
                return Err(app.too_slow().into());
            }
            app.pass(bundle.digest(), bundle.granted(), call, &given, fetched)
        })
    }

    /// What is wrong with a run of an app; of most nothing is asked.
    fn judged(&self, bundle: &Bundle, call: &Call, inputs: &Inputs, run: &Run) -> Option<Distrust> {
        let Ok(outcome) = &run.outcome else {
            // No case is stopped on an app's word.
            return Some(Distrust::Failed);
        };
        if !self.is_compared(call, inputs) {
            return None;
        }
        let told = outcome.lookups.iter().cloned();
        let facts = Arc::new(told.collect::<BTreeMap<_, _>>());
        let inputs = Inputs {
            facts,
            ..inputs.clone()
        };
        let turn = lock(&self.judging);
        let again = bundle.invoke(call, inputs);
        drop(turn);
        match again.outcome {
            // The machine's doing, and no judgement.
            Err(Fault::OutOfTime { .. } | Fault::Host { .. }) => None,
            again => (again.as_ref() != Ok(outcome)).then_some(Distrust::Differs),
        }
    }

    fn run_here(&self, bundle: &Bundle, call: &Call, inputs: Inputs, why: &'static str) -> Run {
        self.here.fetch_add(1, Relaxed);
        measures().asked_app(&bundle.manifest().matter, why);
        bundle.invoke(call, inputs)
    }
}

impl Executor for Apps {
    fn run(&self, bundle: &Bundle, call: &Call, inputs: Inputs) -> Result<Run, Unavailable> {
        let matter = &bundle.manifest().matter;
        let Some(app) = self.app(matter) else {
            return Ok(bundle.invoke(call, inputs));
        };
        if self.is_quarantined(bundle.digest()) {
            return Ok(self.run_here(bundle, call, inputs, "quarantined"));
        }
        let distrust = match self.ask(&app, bundle, call, inputs.clone()) {
            Ok(run) => match self.judged(bundle, call, &inputs, &run) {
                None => {
                    self.answered.fetch_add(1, Relaxed);
                    measures().asked_app(matter, "answered");
                    return Ok(run);
                }
                Some(distrust) => distrust,
            },
            Err(Trouble::Distrust(distrust)) => distrust,
            Err(Trouble::Unavailable(error)) => {
                measures().asked_app(matter, error.why);
                tracing::warn!(
                    matter,
                    url = error.url,
                    why = error.why,
                    "a function app does not answer"
                );
                return Err(error);
            }
        };
        let turn = lock(&self.judging);
        let run = self.run_here(bundle, call, inputs, distrust.name());
        drop(turn);
        // Where the bundle fails as well, the app has done what it could.
        if distrust != Distrust::Failed || run.outcome.is_ok() {
            self.quarantine(&app, bundle, call, distrust);
        }
        Ok(run)
    }

    fn is_elsewhere(&self, bundle: &Bundle) -> bool {
        self.app(&bundle.manifest().matter).is_some() && !self.is_quarantined(bundle.digest())
    }

    fn quarantined(&self) -> Vec<Quarantine> {
        let now = Instant::now();
        let all = lock(&self.quarantined);
        let stays = |one: &&Quarantine| one.until.is_none_or(|until| now < until);
        all.values().filter(stays).cloned().collect()
    }

    fn release(&self, matter: &str) -> bool {
        let mut all = lock(&self.quarantined);
        let before = all.len();
        all.retain(|_, one| one.matter != matter);
        let released = all.len() < before;
        if released {
            tell(&all, matter);
        }
        released
    }
}

impl Quarantine {
    /// In the course of a deployment, and nothing to mend.
    fn is_deployment(&self) -> bool {
        self.reason == Distrust::OtherDigest.name()
    }
}

/// Shows how it stands with a matter's app.
fn tell(all: &BTreeMap<String, Quarantine>, matter: &str) {
    let mut of_matter = all.values().filter(|one| one.matter == matter);
    measures().quarantined(matter, of_matter.any(|one| !one.is_deployment()));
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
