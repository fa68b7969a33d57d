//! The imports of a bundle that runs as a function app, answered from the request at hand: a thin
//! layer over `onething-world`, so that every answer is the host's own.
//!
//! It knows no HTTP, does no I/O and keeps nothing: [`control`] replaces everything before each call.
//! A limit that was passed cannot stop the bundle here; it is noted, the bundle goes on with empty
//! answers, and what it comes to is void.

mod exports;
mod pass;

/// The contract and the front's own interfaces, as `wit-bindgen` reads them.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    unsafe_code,
    dead_code,
    reason = "generated; the WIT files are the documentation"
)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "../front/wit"],
        world: "onething:function/adapter",
        with: {
            "onething:matter/types@0.1.0": onething_contract::guest,
            "onething:matter/proceedings@0.1.0": onething_contract::guest,
            "onething:matter/registers@0.1.0/entry": onething_contract::Entry,
            "onething:matter/parameters@0.1.0/parameter": onething_contract::Parameter,
            "onething:matter/payments@0.1.0/payment": onething_contract::Payment,
            "onething:matter/notices@0.1.0/recipient": onething_contract::Recipient,
            "onething:matter/seals@0.1.0/owner": onething_contract::SealOwner,
            "onething:matter/seals@0.1.0/document": onething_contract::Document,
            "onething:matter/log@0.1.0/level": onething_contract::Level,
            "onething:matter/outreach@0.1.0/offer": onething_contract::Offer,
            "onething:matter/outreach@0.1.0/message": onething_contract::Message,
        },
    });
}
