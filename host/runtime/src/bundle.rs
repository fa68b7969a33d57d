//! A loaded bundle, its instances, and the passes of an invocation.

use crate::engine::ticks_max;
use crate::exports::Exports;
use crate::fault;
use crate::inspect::{Inspection, LoadError, OUTREACH, PUBLICATION};
use crate::state::State;
use crate::{Call, Fault, Inputs, Limits, Output, Run};
use onething_contract::manifest::Manifest;
use onething_world::{Fetched, Given, Granted, Pass, World, json_bytes, passes};
use std::convert::Infallible;
use std::sync::Arc;
use wasmtime::Store;
use wasmtime::component::InstancePre;

/// A component that was checked, compiled and tried. Cheap to clone.
#[derive(Clone)]
pub struct Bundle(Arc<Inner>);

struct Inner {
    digest: String,
    size_bytes: usize,
    imports: Vec<String>,
    exports: Vec<String>,
    manifest: Arc<Manifest>,
    granted: Arc<Granted>,
    limits: Limits,
    pre: InstancePre<State>,
    functions: Exports,
    from_cache: bool,
}

impl Bundle {
    pub(crate) fn new(
        inspection: Inspection,
        pre: InstancePre<State>,
        limits: Limits,
        from_cache: bool,
    ) -> Result<Self, LoadError> {
        let functions = Exports::find(pre.component())?;
        Ok(Self(Arc::new(Inner {
            digest: inspection.digest,
            size_bytes: inspection.size_bytes,
            imports: inspection.imports,
            exports: inspection.exports,
            granted: Arc::new(Granted::from(&inspection.manifest)),
            manifest: Arc::new(inspection.manifest),
            limits,
            pre,
            functions,
            from_cache,
        })))
    }

    /// SHA-256 of the component, hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    /// The component with its manifest, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.0.size_bytes
    }

    /// The interfaces it imports.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// The interfaces it exports.
    #[must_use]
    pub fn exports(&self) -> &[String] {
        &self.0.exports
    }

    /// It exports `outreach`.
    #[must_use]
    pub fn reaches_out(&self) -> bool {
        self.exports().iter().any(|name| name == OUTREACH)
    }

    /// It exports `publication`.
    #[must_use]
    pub fn checks_publications(&self) -> bool {
        self.exports().iter().any(|name| name == PUBLICATION)
    }

    /// What it is.
    #[must_use]
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.0.manifest
    }

    /// It was not compiled for this load.
    #[must_use]
    pub fn from_cache(&self) -> bool {
        self.0.from_cache
    }

    /// What its imports may be asked for.
    #[must_use]
    pub fn granted(&self) -> &Arc<Granted> {
        &self.0.granted
    }

    /// The limits of its runs.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Runs one export, each pass in a fresh instance.
    #[must_use]
    pub fn invoke(&self, call: &Call, inputs: Inputs) -> Run {
        let given = Arc::new(Given::new(call, inputs));
        run(&self.0.limits, &given, |fetched| {
            let mut world = self.idle_world();
            world.turn_to(Arc::clone(&given), Arc::clone(fetched));
            match self.instance(world) {
                Ok(mut instance) => instance.pass(call),
                Err(fault) => Pass::stopped(fault),
            }
        })
    }

    /// An instance that stays. Cases are not run on it, for one run could leave something to the
    /// next; tests and benches tell by it what a fresh one costs.
    ///
    /// # Errors
    /// When no instance can be made.
    pub fn instantiate(&self) -> Result<Instance, Fault> {
        self.instance(self.idle_world())
    }

    /// Makes an instance and holds its exports to the contract's types.
    pub(crate) fn try_out(&self) -> Result<(), LoadError> {
        let mut instance = self.instantiate().map_err(LoadError::Start)?;
        self.0
            .functions
            .check(&mut instance.store, &instance.exports)
            .map_err(|source| LoadError::WrongTypes {
                what: "exports",
                source,
            })
    }

    fn idle_world(&self) -> World {
        World::idle(self.0.limits, Arc::clone(&self.0.granted))
    }

    fn instance(&self, world: World) -> Result<Instance, Fault> {
        let limits = self.0.limits;
        let mut store = Store::new(self.0.pre.engine(), State::new(world, limits));
        store.limiter(|state| state);
        refill(&mut store, &limits)?;
        match self.0.pre.instantiate(&mut store) {
            Ok(exports) => Ok(Instance {
                bundle: self.clone(),
                store,
                exports,
            }),
            Err(error) => {
                let last_error = store.data().world.left().last_error();
                Err(fault::of_start(&error, &limits, last_error))
            }
        }
    }
}

/// One instance of a bundle.
pub struct Instance {
    bundle: Bundle,
    store: Store<State>,
    exports: wasmtime::component::Instance,
}

impl Instance {
    /// Runs one export, all passes in this instance. After a fault it is of no more use.
    #[must_use]
    pub fn call(&mut self, call: &Call, inputs: Inputs) -> Run {
        let limits = self.bundle.0.limits;
        let given = Arc::new(Given::new(call, inputs));
        run(&limits, &given, |fetched| {
            let world = &mut self.store.data_mut().world;
            world.turn_to(Arc::clone(&given), Arc::clone(fetched));
            match refill(&mut self.store, &limits) {
                Ok(()) => self.pass(call),
                Err(fault) => Pass::stopped(fault),
            }
        })
    }

    /// Runs a call that the world has turned to.
    fn pass(&mut self, call: &Call) -> Pass {
        let limits = self.bundle.0.limits;
        let result = self.checked_call(call);
        let left = self.store.data_mut().world.take_left();
        let fuel_left = self.store.get_fuel().unwrap_or(0);
        Pass {
            result: result.map_err(|error| fault::of_call(&error, &limits, left.last_error())),
            left,
            fuel: Some(limits.fuel.saturating_sub(fuel_left)),
            memory_bytes: Some(self.store.data().memory_bytes()),
        }
    }

    fn checked_call(&mut self, call: &Call) -> wasmtime::Result<Output> {
        let functions = &self.bundle.0.functions;
        let output = functions.call(&mut self.store, &self.exports, call)?;
        let world = &mut self.store.data_mut().world;
        world.count_output(json_bytes(&output))?;
        output.check()?;
        Ok(output)
    }
}

/// Passes in this process, each of which comes to something.
fn run(limits: &Limits, given: &Arc<Given>, mut pass: impl FnMut(&Fetched) -> Pass) -> Run {
    let run = passes(limits, given, |fetched| Ok::<_, Infallible>(pass(fetched)));
    match run {
        Ok(run) => run,
        Err(never) => match never {},
    }
}

/// Gives a store what a pass may use.
fn refill(store: &mut Store<State>, limits: &Limits) -> Result<(), Fault> {
    store.set_epoch_deadline(ticks_max(limits));
    store.set_hostcall_fuel(limits.output_bytes);
    store.set_fuel(limits.fuel).map_err(|error| Fault::Host {
        message: format!("{error:#}"),
    })
}
