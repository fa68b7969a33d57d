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
mod optional;
pub mod values;
pub mod words;

pub use chrono::NaiveDate;
pub use facts::Facts;
pub use matter::{Assessing, Case, Matter, Submitted};
pub use optional::{Outreach, Publication};
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

/// The optional export `outreach`, over the same types.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    unsafe_code,
    reason = "generated; the WIT files are the documentation"
)]
pub mod outreach_bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package onething:sdk; world reaching { export onething:matter/outreach@0.1.0; }",
        world: "onething:sdk/reaching",
        pub_export_macro: true,
        export_macro_name: "export_reaching",
        default_bindings_module: "onething_sdk::outreach_bindings",
        with: {
            "onething:matter/types@0.1.0": crate::bindings::onething::matter::types,
            "onething:matter/notices@0.1.0": crate::bindings::onething::matter::notices,
        },
        additional_derives: [PartialEq],
    });
}

/// The optional export `publication`, over the same types.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    unsafe_code,
    reason = "generated; the WIT files are the documentation"
)]
pub mod publication_bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package onething:sdk; world publishing { export onething:matter/publication@0.1.0; }",
        world: "onething:sdk/publishing",
        pub_export_macro: true,
        export_macro_name: "export_publishing",
        default_bindings_module: "onething_sdk::publication_bindings",
        with: { "onething:matter/types@0.1.0": crate::bindings::onething::matter::types },
    });
}

/// The words of the contract.
pub mod contract {
    pub use crate::bindings::onething::matter::notices::Recipient;
    pub use crate::bindings::onething::matter::proceedings::{
        Assessment, CaseView, Directive, EffectKind, EffectState, Ending, Event, Lock, Objection,
        Prefilled, Reservation, ReservationState, ReservationStatus, Settlement, StepState,
        StepStatus, WhenShort,
    };
    pub use crate::bindings::onething::matter::types::{
        Capacity, Channel, Decision, Filer, FilledForm, Finding, LookupFailure, Material,
        MaterialStatus, Office, Party, Phase, PublicNotice, Refusal, Severity, Step, StepMode,
        Subject, SubjectKind, Submission, Text, Ticket, TimeLimit, Verdict,
    };
    pub use crate::outreach_bindings::exports::onething::matter::outreach::{Message, Offer};
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

/// Exports an [`Outreach`] as the component's `outreach` interface, beside [`export!`].
#[macro_export]
macro_rules! export_outreach {
    ($matter:ident) => {
        #[doc(hidden)]
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the component ABI")]
        mod exported_outreach {
            type Exported = $crate::Exported<super::$matter>;
            $crate::outreach_bindings::export_reaching!(Exported with_types_in $crate::outreach_bindings);
        }
    };
}

/// Exports a [`Publication`] as the component's `publication` interface, beside [`export!`].
#[macro_export]
macro_rules! export_publication {
    ($matter:ident) => {
        #[doc(hidden)]
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the component ABI")]
        mod exported_publication {
            type Exported = $crate::Exported<super::$matter>;
            $crate::publication_bindings::export_publishing!(Exported with_types_in $crate::publication_bindings);
        }
    };
}

pub use glue::{Exported, assess};
