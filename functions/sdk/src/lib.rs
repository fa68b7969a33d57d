//! What the author of a bundle uses: the contract's bindings, the typed answers that the form
//! compiler writes, and [`Matter`], the few functions that make a matter.
//!
//! ```ignore
//! onething_sdk::forms!();
//! struct Retirement;
//! impl onething_sdk::Matter for Retirement { /* assess, plan, respond */ }
//! onething_sdk::export!(Retirement);
//! ```
//!
//! Everything here is a function of the invocation's inputs. The crate knows no matter and no host.

pub mod calendar;
pub mod effects;
pub mod facts;
pub mod form;
mod glue;
pub mod manifest;
pub mod materials;
pub mod matter;
pub mod values;

pub use chrono::NaiveDate;
pub use facts::Facts;
pub use matter::{Assessing, Case, Matter, Submitted};
pub use rust_decimal::Decimal;
pub use serde_json;

/// The contract, as `wit-bindgen` reads it from `wit/`.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    unsafe_code,
    reason = "generated; the WIT files are the documentation"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "bundle",
        pub_export_macro: true,
        export_macro_name: "export_bundle",
        default_bindings_module: "onething_sdk::bindings",
        additional_derives: [PartialEq],
    });
}

/// The words of the contract.
pub mod contract {
    pub use crate::bindings::onething::matter::proceedings::{
        Assessment, CaseView, Directive, EffectKind, EffectState, Ending, Event, Lock, Prefilled,
        Reservation, Settlement, StepState, StepStatus,
    };
    pub use crate::bindings::onething::matter::types::{
        Capacity, Channel, Decision, Filer, FilledForm, Finding, LookupFailure, Material,
        MaterialStatus, Office, Party, Phase, Refusal, Severity, Step, StepMode, Subject,
        SubjectKind, Submission, Text, Ticket, TimeLimit, Verdict,
    };
}

/// Includes what the form compiler wrote for this package: `Answers` and its enums and rows.
#[macro_export]
macro_rules! forms {
    () => {
        /// The merged form, made by the form compiler.
        pub mod answers {
            include!(concat!(env!("OUT_DIR"), "/forms.rs"));
        }
    };
}

/// Exports a [`Matter`] as the component's `matter` interface. On another target than wasm, where a
/// bundle's own tests run, there is nothing to export to.
#[macro_export]
macro_rules! export {
    ($matter:ident) => {
        #[doc(hidden)]
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the component ABI")]
        mod exported {
            type Exported = $crate::Exported<super::$matter>;
            $crate::bindings::export_bundle!(Exported with_types_in $crate::bindings);
        }
    };
}

pub use glue::Exported;
