//! A loaded bundle, its instances, and the passes of an invocation.

use crate::call::{Call, Given, Inputs};
use crate::engine::ticks_max;
use crate::exports::Exports;
use crate::inspect::{Inspection, LoadError, OUTREACH, PUBLICATION};
use crate::output::Output;
use crate::run::{Outcome, Run, Usage, json_bytes};
use crate::world::{Fetched, Left, World};
use crate::{Fault, Limits};
use onething_contract::Lookup;
use onething_contract::manifest::Manifest;
use std::sync::Arc;
use std::time::{Duration, Instant};
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
    limits: Limits,
    pre: InstancePre<World>,
    functions: Exports,
    from_cache: bool,
}

impl Bundle {
    pub(crate) fn new(
        inspection: Inspection,
        pre: InstancePre<World>,
        limits: Limits,
        from_cache: bool,
    ) -> Result<Self, LoadError> {
        let functions = Exports::find(pre.component())?;
        Ok(Self(Arc::new(Inner {
            digest: inspection.digest,
            size_bytes: inspection.size_bytes,
            imports: inspection.imports,
            exports: inspection.exports,
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

    /// Runs one export, each pass in a fresh instance.
    #[must_use]
    pub fn invoke(&self, call: Call, inputs: Inputs) -> Run {
        run(self.0.limits, call, inputs, |given, fetched| {
            let mut world = self.idle_world();
            world.turn_to(given, fetched);
            match self.instance(world) {
                Ok(mut instance) => instance.pass(),
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
        World::idle(self.0.limits, Arc::clone(&self.0.manifest))
    }

    fn instance(&self, world: World) -> Result<Instance, Fault> {
        let limits = self.0.limits;
        let mut store = Store::new(self.0.pre.engine(), world);
        store.limiter(|world| world);
        refill(&mut store, &limits)?;
        match self.0.pre.instantiate(&mut store) {
            Ok(exports) => Ok(Instance {
                bundle: self.clone(),
                store,
                exports,
            }),
            Err(error) => {
                let last_error = store.data().left.last_error();
                Err(Fault::of_start(&error, &limits, last_error))
            }
        }
    }
}

/// One instance of a bundle.
pub struct Instance {
    bundle: Bundle,
    store: Store<World>,
    exports: wasmtime::component::Instance,
}

impl Instance {
    /// Runs one export, all passes in this instance. After a fault it is of no more use.
    #[must_use]
    pub fn call(&mut self, call: Call, inputs: Inputs) -> Run {
        let limits = self.bundle.0.limits;
        run(limits, call, inputs, |given, fetched| {
            self.store.data_mut().turn_to(given, fetched);
            match refill(&mut self.store, &limits) {
                Ok(()) => self.pass(),
                Err(fault) => Pass::stopped(fault),
            }
        })
    }

    /// Runs the call that the world has turned to.
    fn pass(&mut self) -> Pass {
        let limits = self.bundle.0.limits;
        let result = self.checked_call();
        let left = std::mem::take(&mut self.store.data_mut().left);
        Pass {
            result: result.map_err(|error| Fault::of_call(&error, &limits, left.last_error())),
            left,
            fuel: limits
                .fuel
                .saturating_sub(self.store.get_fuel().unwrap_or(0)),
            memory_bytes: self.store.data().memory_bytes(),
        }
    }

    fn checked_call(&mut self) -> wasmtime::Result<Output> {
        let given = Arc::clone(&self.store.data().given);
        let Some(call) = &given.call else {
            wasmtime::bail!("nothing was asked of the instance");
        };
        let output = self
            .bundle
            .0
            .functions
            .call(&mut self.store, &self.exports, call)?;
        self.store.data_mut().count_output(json_bytes(&output))?;
        output.check()?;
        Ok(output)
    }
}

/// Gives a store what a pass may use.
fn refill(store: &mut Store<World>, limits: &Limits) -> Result<(), Fault> {
    store.set_epoch_deadline(ticks_max(limits));
    store.set_hostcall_fuel(limits.output_bytes);
    store.set_fuel(limits.fuel).map_err(|error| Fault::Host {
        message: format!("{error:#}"),
    })
}

/// One pass, done.
struct Pass {
    result: Result<Output, Fault>,
    left: Left,
    fuel: u64,
    memory_bytes: usize,
}

impl Pass {
    fn stopped(fault: Fault) -> Self {
        Self {
            result: Err(fault),
            left: Left::default(),
            fuel: 0,
            memory_bytes: 0,
        }
    }
}

/// Passes until nothing is pending. A pass that left something pending is void whatever it came to,
/// a trap included.
fn run(
    limits: Limits,
    call: Call,
    inputs: Inputs,
    mut pass: impl FnMut(Arc<Given>, Fetched) -> Pass,
) -> Run {
    let given = Arc::new(Given::new(call, inputs));
    if given.bytes() > limits.input_bytes {
        let fault = Fault::InputTooLarge {
            limit: limits.input_bytes,
        };
        return finish(Pass::stopped(fault), 0, Duration::ZERO);
    }
    let mut fetched = Fetched::default();
    let mut time = Duration::ZERO;
    let mut passes = 1;
    loop {
        let start = Instant::now();
        let mut done = pass(Arc::clone(&given), Arc::clone(&fetched));
        time += start.elapsed();

        let wanted: Vec<_> = std::mem::take(&mut done.left.wanted).into_iter().collect();
        if let Some(first) = wanted.first() {
            if passes < limits.passes {
                let found = given.inputs.facts.fetch(&wanted);
                Arc::make_mut(&mut fetched).extend(wanted.into_iter().zip(found));
                passes += 1;
                continue;
            }
            done.result = Err(Fault::NeverSettles {
                passes,
                wanted: name_of(first).to_owned(),
            });
        }
        return finish(done, passes, time);
    }
}

fn finish(pass: Pass, passes: u32, time: Duration) -> Run {
    let Pass {
        result,
        left,
        fuel,
        memory_bytes,
    } = pass;
    Run {
        usage: Usage {
            fuel,
            memory_bytes,
            input_bytes: left.input_bytes,
            output_bytes: left.output_bytes,
            host_calls: left.host_calls,
            log_bytes: left.log_bytes,
            log_cut: left.log_cut,
            passes,
            time_us: u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
        },
        outcome: result.map(|output| Outcome {
            lookups: left.lookups.into_iter().collect(),
            output,
            intents: left.intents,
        }),
        log: left.log,
    }
}

/// Without the key, which is often somebody's citizen ID.
fn name_of(lookup: &Lookup) -> &str {
    match lookup {
        Lookup::Register { register, .. } => register,
        Lookup::Parameter { name, .. } | Lookup::Family { name, .. } => name,
    }
}
