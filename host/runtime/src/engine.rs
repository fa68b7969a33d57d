//! The one engine of a process: how wasmtime is set up, and how bundles are loaded into it.

use crate::Limits;
use crate::bundle::Bundle;
use crate::cache::Cache;
use crate::imports;
use crate::inspect::{self, Inspection, LoadError, Outline};
use crate::state::State;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Enabled, Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig,
};

/// Instances alive at once. More than the threads that run them; address space, not memory.
const INSTANCES_MAX: u32 = 1_000;
/// A component of one module and wit-component's two helpers, with room for a few adapters.
const CORE_INSTANCES_PER_BUNDLE_MAX: u32 = 8;
const TABLES_PER_BUNDLE_MAX: u32 = 4;
/// What a slot keeps between two instances instead of giving it back to the kernel and faulting it
/// in again, page by page.
const MEMORY_KEPT_BYTES: usize = 128 << 10;
const TABLE_KEPT_BYTES: usize = 16 << 10;
/// How exact the backstop is.
const TICK_MS: u64 = 10;

/// Loads bundles. Cheap to clone; one a process is enough.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    limits: Limits,
    linker: Linker<State>,
    cache: Option<Cache>,
}

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message says it")]
pub enum Error {
    #[error("setting up the WebAssembly engine")]
    Engine(#[source] wasmtime::Error),
    #[error("starting the thread that ends runs which take too long")]
    Ticker(#[source] std::io::Error),
    #[error("preparing the folder {path} for compiled bundles", path = path.display())]
    Cache {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl Runtime {
    /// A runtime that keeps compiled bundles in `cache_dir`, or compiles each anew.
    ///
    /// # Errors
    /// When the machine lacks address space or threads, or `cache_dir` cannot be made and written.
    pub fn new(limits: Limits, cache_dir: Option<&Path>) -> Result<Self, Error> {
        let engine = Engine::new(&config(&limits)).map_err(Error::Engine)?;
        let mut linker = Linker::new(&engine);
        imports::link(&mut linker).map_err(Error::Engine)?;
        let cache = cache_dir
            .map(|path| {
                Cache::open(path, &engine, &limits).map_err(|source| Error::Cache {
                    path: path.to_owned(),
                    source,
                })
            })
            .transpose()?;
        start_ticker(engine.weak()).map_err(Error::Ticker)?;
        Ok(Self(Arc::new(Inner {
            limits,
            linker,
            cache,
        })))
    }

    /// The limits of every run.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Checks a component, and compiles it and makes one instance on trial, or takes it from the
    /// cache, which holds only what passed: a bundle that loads also runs.
    ///
    /// # Errors
    /// When the component is not a bundle, by the reason. Trouble with the cache is no error.
    pub fn load(&self, component: &[u8]) -> Result<Bundle, LoadError> {
        let outline = Outline::of(component, &self.0.limits)?;
        let digest = inspect::digest(component);
        // Checking what is cached takes about as long as reading the manifest.
        let (manifest, cached) = thread::scope(|scope| {
            let cached = scope.spawn(|| self.0.cache.as_ref()?.get(self.engine(), &digest));
            (outline.manifest(), cached.join().ok().flatten())
        });
        let inspection = outline.inspection(digest, manifest?);
        match cached {
            Some(cached) => self.bundle(inspection, &cached, true),
            None => {
                let compiled = self.compile(component, &inspection)?;
                self.bundle(inspection, &compiled, false)
            }
        }
    }

    /// Compiles, tries, and keeps what passed.
    fn compile(&self, component: &[u8], inspection: &Inspection) -> Result<Component, LoadError> {
        let compiled =
            Component::from_binary(self.engine(), component).map_err(LoadError::Compile)?;
        self.bundle(inspection.clone(), &compiled, false)?
            .try_out()?;
        let kept = match &self.0.cache {
            Some(cache) => cache.keep(self.engine(), &inspection.digest, &compiled),
            None => None,
        };
        Ok(kept.unwrap_or(compiled))
    }

    fn bundle(
        &self,
        inspection: Inspection,
        compiled: &Component,
        from_cache: bool,
    ) -> Result<Bundle, LoadError> {
        let pre =
            self.0
                .linker
                .instantiate_pre(compiled)
                .map_err(|source| LoadError::WrongTypes {
                    what: "imports",
                    source,
                })?;
        Bundle::new(inspection, pre, self.0.limits, from_cache)
    }

    fn engine(&self) -> &Engine {
        self.0.linker.engine()
    }
}

fn config(limits: &Limits) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES_MAX)
        .total_core_instances(INSTANCES_MAX * CORE_INSTANCES_PER_BUNDLE_MAX)
        .max_core_instances_per_component(CORE_INSTANCES_PER_BUNDLE_MAX)
        .total_memories(INSTANCES_MAX)
        .max_memories_per_component(1)
        .max_memory_size(limits.memory_bytes)
        .total_tables(INSTANCES_MAX * TABLES_PER_BUNDLE_MAX)
        .max_tables_per_component(TABLES_PER_BUNDLE_MAX)
        .max_tables_per_module(TABLES_PER_BUNDLE_MAX)
        .table_elements(limits.table_elements)
        .linear_memory_keep_resident(MEMORY_KEPT_BYTES)
        .table_keep_resident(TABLE_KEPT_BYTES)
        .pagemap_scan(Enabled::Auto);

    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_init_cow(true)
        .max_wasm_stack(limits.stack_bytes)
        // Fuel first: it stops the same run at the same instruction everywhere. Epochs behind it.
        .consume_fuel(true)
        .epoch_interruption(true)
        // The same bits on every processor. Threads are not even compiled into this wasmtime.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // A fault carries the guest's own last words; nobody reads backtraces of optimised code,
        // and without the tables for them a compiled bundle is smaller and loads faster.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .native_unwind_info(cfg!(windows));
    config
}

/// Advances the epoch for as long as the engine lives.
fn start_ticker(engine: EngineWeak) -> std::io::Result<()> {
    thread::Builder::new()
        .name("epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(Duration::from_millis(TICK_MS));
            }
        })?;
    Ok(())
}

/// Ticks until a run that starts now has taken too long.
pub(crate) fn ticks_max(limits: &Limits) -> u64 {
    // The tick under way is not a whole one.
    limits.time_ms_max.div_ceil(TICK_MS) + 1
}
