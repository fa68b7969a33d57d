//! How bundles come and go while everything else runs on. They live in the store; a host that sees a
//! new entry in the log of activations loads what it lacks beside what it runs, and then exchanges
//! the whole at once. What was loaded stays loaded: an open case goes on with the digest that it
//! began with.

use crate::bundles::{Bundles, BundlesError, Standing, age, read_folder, unknown_matter};
use crate::commits::LAG_MAX;
use crate::effects::Folders;
use crate::engine::{Engine, stamp};
use crate::error::{Error, causes, chain};
use crate::executor::{Embedded, Executor, Quarantine};
use crate::sandbox::{Sandbox, beside};
use crate::work::Work;
use chrono::{DateTime, FixedOffset, NaiveDate};
use onething_capabilities::{LiveDirectory, Parameters, Published};
use onething_case::State;
use onething_runtime::{Bundle, LoadError, Runtime, inspect};
use onething_store::{ActivationRow, BundleRow, NewActivation, Rollback, Store};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, RwLock};
use tokio::sync::broadcast;

/// What the bytes of a bundle are kept as.
const MEDIA_TYPE: &str = "application/wasm";
/// Who deploys the folder's bundles.
const FOLDER: &str = "folder";

/// The bundles of a running host, exchanged as a whole.
#[derive(Default)]
pub(crate) struct Deployed {
    /// Absent where the host runs what it was given and nothing else.
    runtime: Option<Runtime>,
    current: RwLock<Arc<Bundles>>,
    /// Whoever exchanges them has it.
    turn: tokio::sync::Mutex<()>,
}

/// Why a folder's bundles are not deployed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The folder.
    #[error(transparent)]
    Bundles(#[from] BundlesError),
    /// The store, or a bundle in it.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// What a rollback came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// What does not stand any more.
    pub cancelled: ActivationRow,
    /// What stands of the matter, in the order in which it was put in force.
    pub standing: Vec<ActivationRow>,
}

impl Deployed {
    /// These and no others.
    pub fn fixed(bundles: Bundles) -> Self {
        Self {
            current: RwLock::new(Arc::new(bundles)),
            ..Self::default()
        }
    }

    /// None yet; what the store has comes with [`Engine::refresh`].
    pub fn from_store(runtime: Runtime) -> Self {
        Self {
            runtime: Some(runtime),
            ..Self::default()
        }
    }

    pub fn current(&self) -> Arc<Bundles> {
        match self.current.read() {
            Ok(current) => current.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    fn exchange(&self, bundles: Bundles) {
        let bundles = Arc::new(bundles);
        match self.current.write() {
            Ok(mut current) => *current = bundles,
            Err(poisoned) => *poisoned.into_inner() = bundles,
        }
    }
}

impl Engine {
    /// Over a store, with these bundles and no others.
    pub fn new(store: Store, bundles: Bundles, parameters: Published, folders: Folders) -> Self {
        Self::over(store, Deployed::fixed(bundles), parameters, folders)
    }

    /// Over a store, with the bundles that are deployed in it, once [`Engine::refresh`] has looked.
    pub fn deployed(
        store: Store,
        runtime: Runtime,
        parameters: Published,
        folders: Folders,
    ) -> Self {
        Self::over(store, Deployed::from_store(runtime), parameters, folders)
    }

    fn over(store: Store, deployed: Deployed, parameters: Published, folders: Folders) -> Self {
        Self {
            store,
            deployed: Arc::new(deployed),
            parameters,
            folders: Arc::new(folders),
            directory: LiveDirectory::empty(),
            sandbox: Arc::new(Sandbox::new()),
            elsewhere: Arc::default(),
            executor: Arc::new(Embedded),
            commits: broadcast::Sender::new(LAG_MAX),
            work: Arc::new(Work::new()),
        }
    }

    /// The same host, whose bundles run by that executor.
    #[must_use]
    pub fn with_executor(self, executor: Arc<dyn Executor>) -> Self {
        Self { executor, ..self }
    }

    /// The function apps that are not asked now, and why.
    #[must_use]
    pub fn quarantined_apps(&self) -> Vec<Quarantine> {
        self.executor.quarantined()
    }

    /// Lets the function app of a matter answer again.
    ///
    /// # Errors
    /// Where none is quarantined.
    pub fn release_app(&self, matter: &str) -> Result<(), Error> {
        match self.executor.release(matter) {
            true => Ok(()),
            false => Err(Error::Unknown {
                what: "quarantined function app",
                name: matter.to_owned(),
            }),
        }
    }

    /// The bundles as they are now. Whoever answers a request takes them once.
    pub fn bundles(&self) -> Arc<Bundles> {
        self.deployed.current()
    }

    /// The parameters as they are now.
    pub fn parameters(&self) -> Arc<Parameters> {
        self.parameters.current()
    }

    /// Takes up what was put in force or taken back since it last looked, here or on another host;
    /// true where there was something. Nobody waits for it meanwhile.
    ///
    /// # Errors
    /// When the store fails: then everything stays as it was. Where a bundle does not load here its
    /// matter stays as it was, and the others go on.
    pub async fn refresh(&self) -> Result<bool, Error> {
        let Some(runtime) = &self.deployed.runtime else {
            return Ok(false);
        };
        if self.store.generation().await? == self.bundles().generation {
            return Ok(false);
        }
        let _turn = self.deployed.turn.lock().await;
        // Before the list, so that what comes in between is looked at once more.
        let generation = self.store.generation().await?;
        let mut bundles = Bundles::clone(&self.bundles());
        let rows = self.store.standing(None).await?;
        let standing: Vec<_> = rows
            .into_iter()
            .map(|row| Standing {
                matter: row.bundle.matter,
                digest: row.bundle.digest,
                from: row.from_day,
                until: row.bundle.until,
            })
            .collect();
        bundles.put_in_force(standing.clone(), generation);
        let mut lacking = BTreeSet::new();
        for digest in bundles.missing() {
            match self.fetch(runtime, &digest).await {
                Ok(bundle) => bundles.keep(bundle),
                Err(error) if is_the_bundles(&error) => {
                    let mut of_bundle = standing.iter().filter(|one| one.digest == digest);
                    let matter = of_bundle.next().map(|one| one.matter.clone());
                    tracing::error!(
                        matter,
                        digest,
                        error = chain(&error),
                        "a bundle does not load: its matter stays as it was"
                    );
                    lacking.extend(matter);
                }
                Err(error) => return Err(error),
            }
        }
        bundles.stays(&lacking, &self.bundles(), standing);
        self.deployed.exchange(bundles);
        Ok(true)
    }

    /// What loads bundles; absent where the host runs what it was given and nothing else.
    pub fn runtime(&self) -> Option<&Runtime> {
        self.deployed.runtime.as_ref()
    }

    /// The bundle of that digest: every one that was ever deployed is runnable.
    ///
    /// # Errors
    /// Where it was never deployed, does not load here, or the store fails.
    pub async fn pinned(&self, digest: &str) -> Result<Bundle, Error> {
        if let Some(bundle) = self.bundles().pinned(digest) {
            return Ok(bundle.clone());
        }
        let Some(runtime) = &self.deployed.runtime else {
            return Err(unknown_bundle(digest));
        };
        let _turn = self.deployed.turn.lock().await;
        let mut bundles = Bundles::clone(&self.bundles());
        if let Some(bundle) = bundles.pinned(digest) {
            return Ok(bundle.clone());
        }
        let bundle = self.fetch(runtime, digest).await?;
        bundles.keep(bundle.clone());
        self.deployed.exchange(bundles);
        Ok(bundle)
    }

    /// The bundle of a case; `None` where it is nowhere, or is damaged. One that does not load here
    /// may load on another host, of a newer version: that is left to them.
    pub(crate) async fn pinned_if_there(&self, state: &State) -> Result<Option<Bundle>, Error> {
        match self.pinned(&state.digest).await {
            Ok(bundle) => Ok(Some(bundle)),
            Err(Error::Unknown { .. }) => Ok(None),
            Err(error @ Error::Store(onething_store::Error::Damaged { .. })) => {
                tracing::error!(case = %state.id, error = chain(&error), "a case is without its bundle");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps a bundle and puts it in force, at once or for legal dates from a later day on; answers
    /// what stands of its matter. The same again changes nothing. That it does what it should was
    /// checked before.
    ///
    /// # Errors
    /// Where it is no bundle that this host runs, or `from` is after its law.
    pub async fn deploy(
        &self,
        component: Vec<u8>,
        from: Option<NaiveDate>,
        by: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Vec<ActivationRow>, Error> {
        let now = now.fixed_offset();
        let inspected = inspect(&component);
        let manifest = inspected.map_err(not_a_bundle)?.manifest;
        let (matter, law) = (manifest.matter, manifest.valid);
        let from = from.map_or_else(|| law.since.clone(), |day| day.to_string());
        if law.until.as_deref().is_some_and(|until| *until <= *from) {
            return Err(Error::refused(
                "after-its-law",
                format!("该版本实施的规定在 {from} 之前已失效"),
                format!("the law that this version implements has ended before {from}"),
            ));
        }
        let component = self.loading(component).await?.map_err(not_a_bundle)?;
        let row = self.put_bundle(&component, by, now).await?;
        let activation = NewActivation {
            // It is never taken for a day before its law.
            from_day: from.max(law.since),
            at: stamp(now),
            by: by.to_owned(),
        };
        self.store.activate(&row, &activation).await?;
        self.refresh().await?;
        Ok(self.store.standing(Some(&matter)).await?)
    }

    /// Takes back what was put in force last of a matter.
    ///
    /// # Errors
    /// Unknown matter; refused where nothing stood before.
    pub async fn roll_back(
        &self,
        matter: &str,
        by: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<RolledBack, Error> {
        let cancelled = match self.store.roll_back(matter, &stamp(now), by).await? {
            Rollback::Cancelled(row) => *row,
            Rollback::Unknown => return Err(unknown_matter(matter)),
            Rollback::NothingEarlier => {
                return Err(Error::refused(
                    "nothing-earlier",
                    format!("事项 {matter} 只有一个版本生效，没有可以退回的版本"),
                    format!(
                        "nothing was in force of {matter} before: there is nothing to roll back to"
                    ),
                ));
            }
        };
        self.refresh().await?;
        Ok(RolledBack {
            cancelled,
            standing: self.store.standing(Some(matter)).await?,
        })
    }

    /// Deploys and puts in force, in the order of their versions, the bundles of a folder that the
    /// store has never had: a rebuilt one takes over, one that was rolled back stays away.
    ///
    /// # Errors
    /// Where the folder cannot be read or a file in it is no bundle that this host runs.
    pub async fn take_folder(
        &self,
        folder: &Path,
        now: DateTime<FixedOffset>,
    ) -> Result<(), FolderError> {
        let folder = folder.to_owned();
        let mut found = Vec::new();
        for (path, component) in beside(move || read_folder(&folder)).await?? {
            match inspect(&component) {
                Ok(inspection) => found.push((inspection, path, component)),
                Err(source) => {
                    let source = Box::new(source);
                    return Err(BundlesError::Load { path, source }.into());
                }
            }
        }
        found.sort_by_key(|(inspection, ..)| age(&inspection.manifest));
        for (inspection, path, component) in found {
            let known = self.store.has_bundle(&inspection.digest).await;
            if known.map_err(Error::Store)? {
                continue;
            }
            let component = self.loading(component).await?;
            let component = component.map_err(|source| BundlesError::Load {
                path,
                source: Box::new(source),
            })?;
            let row = self.put_bundle(&component, FOLDER, now).await?;
            let activation = NewActivation {
                from_day: inspection.manifest.valid.since,
                at: stamp(now),
                by: FOLDER.to_owned(),
            };
            let activated = self.store.activate_unknown(&row, &activation).await;
            activated.map_err(Error::Store)?;
        }
        Ok(())
    }

    /// Keeps the bytes of a bundle; its row says what they are.
    async fn put_bundle(
        &self,
        component: &[u8],
        by: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<BundleRow, Error> {
        let inspection = inspect(component).map_err(not_a_bundle)?;
        let (manifest, at) = (inspection.manifest, stamp(now));
        if self.store.blob(&inspection.digest).await?.is_none() {
            let size = u64::try_from(component.len()).unwrap_or(u64::MAX);
            let mut writer = self.store.write_blob(size, &at).await?;
            writer.write(component).await?;
            let digest = Some(inspection.digest.as_str());
            writer.finish(digest, MEDIA_TYPE, &at).await?;
        }
        Ok(BundleRow {
            digest: inspection.digest,
            matter: manifest.matter,
            version: manifest.version,
            since: manifest.valid.since,
            until: manifest.valid.until,
            deployed_at: at,
            deployed_by: by.to_owned(),
        })
    }

    async fn fetch(&self, runtime: &Runtime, digest: &str) -> Result<Bundle, Error> {
        let component = component(&self.store, digest).await?;
        let runtime = runtime.clone();
        let loaded = beside(move || runtime.load(&component)).await?;
        loaded.map_err(|source| Error::NotLoaded {
            digest: digest.to_owned(),
            source: Box::new(source),
        })
    }

    /// Loads a bundle that is to come into force, since one that does not load must not do so anywhere;
    /// gives its bytes back.
    async fn loading(&self, component: Vec<u8>) -> Result<Result<Vec<u8>, LoadError>, Error> {
        let Some(runtime) = self.deployed.runtime.clone() else {
            return Ok(Ok(component));
        };
        let (loaded, component) = beside(move || (runtime.load(&component), component)).await?;
        match loaded {
            Ok(bundle) => self.keep_loaded(bundle).await,
            Err(error) => return Ok(Err(error)),
        }
        Ok(Ok(component))
    }

    async fn keep_loaded(&self, bundle: Bundle) {
        let _turn = self.deployed.turn.lock().await;
        let mut bundles = Bundles::clone(&self.bundles());
        bundles.keep(bundle);
        self.deployed.exchange(bundles);
    }
}

/// Not the store's failure, and no other bundle's.
fn is_the_bundles(error: &Error) -> bool {
    matches!(
        error,
        Error::NotLoaded { .. }
            | Error::Unknown { .. }
            | Error::Store(onething_store::Error::Damaged { .. })
    )
}

async fn component(store: &Store, digest: &str) -> Result<Vec<u8>, Error> {
    match store.read_blob(digest).await? {
        Some(reader) => Ok(reader.bytes().await?),
        None => Err(unknown_bundle(digest)),
    }
}

fn unknown_bundle(digest: &str) -> Error {
    Error::Unknown {
        what: "bundle with the digest",
        name: digest.to_owned(),
    }
}

fn not_a_bundle(error: LoadError) -> Error {
    let why = causes(&error);
    Error::refused("not-a-bundle", format!("不是可运行的事项包：{why}"), why)
}
