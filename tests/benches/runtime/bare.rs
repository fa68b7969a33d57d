//! The ceiling: wasmtime as the runtime sets it up, `InstancePre`, and imports that answer at once.
//! No grants, no limits but fuel, no counting, no journal.

use onething_contract::{
    Assessment, CaseView, Directive, Entry, Event, FilledForm, Filer, Found, Json, LookupFailure,
    Parameter, Prefilled, Refusal, SealOwner, Step, Subject, Submission, Document, Office,
    Payment, Recipient, Ticket,
};
use onething_runtime::{Call, Limits, Output};
use onething_tests::given::population;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, ComponentType, InstancePre, Lift, Linker,
    Lower,
};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
};

pub struct Bare {
    pre: InstancePre<()>,
    matter: ComponentExportIndex,
    fuel: u64,
}

impl Bare {
    pub fn new(component: &[u8], limits: &Limits) -> Self {
        let engine = Engine::new(&config(limits)).unwrap();
        let component = Component::from_binary(&engine, component).unwrap();
        let mut linker = Linker::new(&engine);
        link(&mut linker).unwrap();
        Self {
            pre: linker.instantiate_pre(&component).unwrap(),
            matter: component
                .get_export_index(None, "onething:matter/matter@0.1.0")
                .unwrap(),
            fuel: limits.fuel,
        }
    }

    /// A fresh instance, one call.
    pub fn call(&self, call: &Call) -> Output {
        let mut store = Store::new(self.pre.engine(), ());
        store.set_fuel(self.fuel).unwrap();
        store.set_epoch_deadline(1_000_000);
        let instance = self.pre.instantiate(&mut store).unwrap();
        self.export(&mut store, &instance, call)
    }
}
