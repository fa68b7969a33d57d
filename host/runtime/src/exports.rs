//! The exports of a bundle: found once, typed by the contract, called with borrowed arguments.

use crate::inspect::{EXPORT, LoadError, OUTREACH, PUBLICATION};
use crate::state::State;
use crate::{Call, Output};
use onething_contract::{
    Assessment, CaseView, Directive, Event, Filer, FilledForm, Finding, Offer, Prefilled, Refusal,
    Step, Subject, Submission,
};
use wasmtime::Store;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, TypedFunc,
};

type Prefill<'a> = TypedFunc<(&'a Filer, &'a Subject, &'a str), (Result<Vec<Prefilled>, Refusal>,)>;
type Assess<'a> = TypedFunc<(&'a Submission,), (Assessment,)>;
type Plan<'a> = TypedFunc<(&'a Submission, &'a str), (Vec<Step>,)>;
type Project<'a> = TypedFunc<(&'a CaseView,), (Vec<FilledForm>,)>;
type Respond<'a> = TypedFunc<(&'a CaseView, &'a Event), (Vec<Directive>,)>;
type Reach<'a> = TypedFunc<(&'a [Subject], &'a [String], &'a str), (Vec<Offer>,)>;
type Check<'a> = TypedFunc<(&'a str, &'a str, &'a str, &'a Option<String>), (Vec<Finding>,)>;

/// Where the functions of `matter`, and those of the optional interfaces, stand in a component.
pub(crate) struct Exports {
    prefill: ComponentExportIndex,
    assess: ComponentExportIndex,
    plan: ComponentExportIndex,
    project: ComponentExportIndex,
    respond: ComponentExportIndex,
    reach: Option<ComponentExportIndex>,
    check: Option<ComponentExportIndex>,
}

impl Exports {
    pub fn find(component: &Component) -> Result<Self, LoadError> {
        let interface = |name| component.get_export_index(None, name);
        let function = |(of, interface), name| {
            component
                .get_export_index(Some(&of), name)
                .ok_or(LoadError::MissingFunction { interface, name })
        };
        let matter = interface(EXPORT).ok_or(LoadError::MissingExport)?;
        let find = |name| function((matter, EXPORT), name);
        let optional = |of, name| {
            interface(of)
                .map(|found| function((found, of), name))
                .transpose()
        };
        Ok(Self {
            prefill: find("prefill")?,
            assess: find("assess")?,
            plan: find("plan")?,
            project: find("project")?,
            respond: find("respond")?,
            reach: optional(OUTREACH, "reach")?,
            check: optional(PUBLICATION, "check")?,
        })
    }

    /// Holds every function to the contract's types, which only an instance can tell.
    pub fn check(&self, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<()> {
        let _: Prefill = typed(store, instance, self.prefill)?;
        let _: Assess = typed(store, instance, self.assess)?;
        let _: Plan = typed(store, instance, self.plan)?;
        let _: Project = typed(store, instance, self.project)?;
        let _: Respond = typed(store, instance, self.respond)?;
        if let Some(reach) = self.reach {
            let _: Reach = typed(store, instance, reach)?;
        }
        if let Some(check) = self.check {
            let _: Check = typed(store, instance, check)?;
        }
        Ok(())
    }

    pub fn call(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
        call: &Call,
    ) -> wasmtime::Result<Output> {
        Ok(match call {
            Call::Prefill {
                filer,
                subject,
                purpose,
            } => {
                let function: Prefill = typed(store, instance, self.prefill)?;
                Output::Prefill(function.call(store, (filer, subject, purpose))?.0)
            }
            Call::Assess { submission } => {
                let function: Assess = typed(store, instance, self.assess)?;
                Output::Assess(function.call(store, (submission,))?.0)
            }
            Call::Plan {
                submission,
                scenario,
            } => {
                let function: Plan = typed(store, instance, self.plan)?;
                Output::Plan(function.call(store, (submission, scenario))?.0)
            }
            Call::Project { view } => {
                let function: Project = typed(store, instance, self.project)?;
                Output::Project(function.call(store, (view,))?.0)
            }
            Call::Respond { view, event } => {
                let function: Respond = typed(store, instance, self.respond)?;
                Output::Respond(function.call(store, (view, event))?.0)
            }
            Call::Reach {
                subjects,
                codes,
                on,
            } => {
                let reach = exported(self.reach, OUTREACH)?;
                let function: Reach = typed(store, instance, reach)?;
                Output::Reach(function.call(store, (subjects, codes, on))?.0)
            }
            Call::Check {
                name,
                value,
                since,
                until,
            } => {
                let check = exported(self.check, PUBLICATION)?;
                let function: Check = typed(store, instance, check)?;
                Output::Check(function.call(store, (name, value, since, until))?.0)
            }
        })
    }
}

fn exported(
    function: Option<ComponentExportIndex>,
    interface: &str,
) -> wasmtime::Result<ComponentExportIndex> {
    match function {
        Some(function) => Ok(function),
        None => wasmtime::bail!("the bundle does not export {interface}"),
    }
}

fn typed<Params, Return>(
    store: &mut Store<State>,
    instance: &Instance,
    function: ComponentExportIndex,
) -> wasmtime::Result<TypedFunc<Params, Return>>
where
    Params: ComponentNamedList + Lower,
    Return: ComponentNamedList + Lift,
{
    instance.get_typed_func(store, function)
}
