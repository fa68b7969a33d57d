//! The ceiling: wasmtime set up as the runtime sets it up, `InstancePre`, and imports that answer
//! at once. No grants, no limit but fuel, no counting, no journal.

use onething_contract::{
    Assessment, CaseView, Directive, Document, Entry, Event, Filer, FilledForm, Found, Json,
    Lookup, LookupFailure, Office, Parameter, Payment, Prefilled, Recipient, Refusal, SealOwner,
    Step, Subject, Submission, Ticket,
};
use onething_runtime::{Call, Inputs, Level, Limits, Output};
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, ComponentType, Instance, InstancePre,
    Lift, Linker, Lower,
};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
};

pub struct Bare {
    pre: InstancePre<Inputs>,
    exports: [ComponentExportIndex; 5],
    fuel: u64,
}

impl Bare {
    pub fn new(component: &[u8], limits: &Limits) -> Self {
        let engine = Engine::new(&config(limits)).unwrap();
        let component = Component::from_binary(&engine, component).unwrap();
        let mut linker = Linker::new(&engine);
        link(&mut linker).unwrap();
        let matter = component.get_export_index(None, "onething:matter/matter@0.1.0");
        Self {
            exports: ["prefill", "assess", "plan", "project", "respond"]
                .map(|name| component.get_export_index(matter.as_ref(), name).unwrap()),
            pre: linker.instantiate_pre(&component).unwrap(),
            fuel: limits.fuel,
        }
    }

    /// A fresh instance, one call.
    pub fn invoke(&self, call: &Call, inputs: Inputs) -> Output {
        let mut store = Store::new(self.pre.engine(), inputs);
        store.set_fuel(self.fuel).unwrap();
        store.set_epoch_deadline(1_000);
        let instance = self.pre.instantiate(&mut store).unwrap();
        self.call(&mut store, &instance, call)
    }

    fn call(&self, store: &mut Store<Inputs>, instance: &Instance, call: &Call) -> Output {
        let [prefill, assess, plan, project, respond] = self.exports;
        match call {
            Call::Prefill {
                filer,
                subject,
                purpose,
            } => Output::Prefill(typed::<
                (&Filer, &Subject, &str),
                Result<Vec<Prefilled>, Refusal>,
            >(
                store, instance, prefill, (filer, subject, purpose)
            )),
            Call::Assess { submission } => Output::Assess(typed::<(&Submission,), Assessment>(
                store,
                instance,
                assess,
                (submission,),
            )),
            Call::Plan {
                submission,
                scenario,
            } => Output::Plan(typed::<(&Submission, &str), Vec<Step>>(
                store,
                instance,
                plan,
                (submission, scenario),
            )),
            Call::Project { view } => Output::Project(typed::<(&CaseView,), Vec<FilledForm>>(
                store,
                instance,
                project,
                (view,),
            )),
            Call::Respond { view, event } => {
                Output::Respond(typed::<(&CaseView, &Event), Vec<Directive>>(
                    store,
                    instance,
                    respond,
                    (view, event),
                ))
            }
            Call::Reach { .. } | Call::Check { .. } => {
                unreachable!("no case has calls of the optional exports")
            }
        }
    }
}

fn typed<Params, Return>(
    store: &mut Store<Inputs>,
    instance: &Instance,
    export: ComponentExportIndex,
    params: Params,
) -> Return
where
    Params: ComponentNamedList + Lower,
    Return: Lift + 'static,
{
    let function = instance
        .get_typed_func::<Params, (Return,)>(&mut *store, export)
        .unwrap();
    function.call(store, params).unwrap().0
}

fn config(limits: &Limits) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        .linear_memory_keep_resident(128 << 10)
        .table_keep_resident(16 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .max_wasm_stack(limits.stack_bytes)
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .native_unwind_info(cfg!(windows));
    config
}

#[derive(ComponentType, Lift)]
#[component(record)]
#[expect(dead_code, reason = "lifted, as a host must")]
struct SealRequest {
    seal: SealOwner,
    documents: Vec<Document>,
    after: Vec<Ticket>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
#[expect(dead_code, reason = "lifted, as a host must")]
struct Notice {
    to: Recipient,
    template: String,
    values: Json,
    after: Vec<Ticket>,
}

type Promised = (Result<Ticket, Refusal>,);
type Entries = (Result<Vec<Option<Entry>>, LookupFailure>,);
type InForce = (Result<Option<Parameter>, LookupFailure>,);

fn link(linker: &mut Linker<Inputs>) -> wasmtime::Result<()> {
    let promised = || -> Promised { (Ok("t".to_owned()),) };
    linker
        .instance("onething:matter/intake@0.1.0")?
        .func_wrap("answers", |store, (): ()| {
            Ok((store.data().answers.clone(),))
        })?;
    linker
        .instance("onething:matter/registers@0.1.0")?
        .func_wrap(
            "lookup",
            |store, (register, keys): (String, Vec<String>)| -> wasmtime::Result<Entries> {
                let entries = keys.into_iter().map(|key| {
                    let register = register.clone();
                    match store
                        .data()
                        .facts
                        .known(&Lookup::Register { register, key })
                    {
                        Some(Found::Entry(entry)) => Ok(entry),
                        Some(Found::Unavailable(refusal)) => {
                            Err(LookupFailure::Unavailable(refusal))
                        }
                        _ => Err(LookupFailure::Pending),
                    }
                });
                Ok((entries.collect(),))
            },
        )?;
    linker
        .instance("onething:matter/parameters@0.1.0")?
        .func_wrap(
            "in-force",
            |store, (name, on): (String, String)| -> wasmtime::Result<InForce> {
                Ok((
                    match store.data().facts.known(&Lookup::Parameter { name, on }) {
                        Some(Found::Parameter(parameter)) => Ok(parameter),
                        Some(Found::Unavailable(refusal)) => {
                            Err(LookupFailure::Unavailable(refusal))
                        }
                        _ => Err(LookupFailure::Pending),
                    },
                ))
            },
        )?;
    linker
        .instance("onething:matter/seals@0.1.0")?
        .func_wrap("affix", move |_, (_,): (SealRequest,)| Ok(promised()))?;
    linker
        .instance("onething:matter/notices@0.1.0")?
        .func_wrap("send", move |_, (_,): (Notice,)| Ok(promised()))?;
    linker
        .instance("onething:matter/deliveries@0.1.0")?
        .func_wrap(
            "push",
            move |_, (_, _, _): (String, Office, Vec<Ticket>)| Ok(promised()),
        )?;
    let mut payments = linker.instance("onething:matter/payments@0.1.0")?;
    payments.func_wrap(
        "pay",
        move |_, (_, _, _): (String, Vec<Payment>, Vec<Ticket>)| Ok(promised()),
    )?;
    payments.func_wrap("release", move |_, (_,): (String,)| Ok(promised()))?;
    let mut clock = linker.instance("onething:matter/clock@0.1.0")?;
    clock.func_wrap("now", |store, (): ()| Ok((store.data().now.clone(),)))?;
    clock.func_wrap("today", |store, (): ()| {
        Ok((store.data().now[..10].to_owned(),))
    })?;
    linker
        .instance("onething:matter/log@0.1.0")?
        .func_wrap("write", |_, (_, _): (Level, String)| Ok(()))?;
    linker.instance("onething:matter/types@0.1.0")?;
    linker.instance("onething:matter/proceedings@0.1.0")?;
    Ok(())
}
