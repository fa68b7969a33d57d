//! The HTTP interface of a bundle that runs as a function app, composed with the bundle and the
//! adapter by `onething bundle build --spin`:
//!
//! - `POST …/{function}` runs the export of that name on what the request says, and on nothing else:
//!   a lookup that the request does not answer comes back as `pending`, effects come back as data.
//! - `GET …` tells what the bundle is.
//!
//! The records are those of `onething-world`'s `wire`. It knows no case and no rule, does no I/O and
//! keeps nothing from one request to the next.

mod app;
mod asked;
mod problem;
pub mod service;

/// The bundle, the adapter and what the build says of the bundle, as `wit-bindgen` reads them.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    unsafe_code,
    reason = "generated; the WIT files are the documentation"
)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        world: "onething:function/front",
        with: {
            "onething:matter/types@0.1.0": onething_contract::guest,
            "onething:matter/proceedings@0.1.0": onething_contract::guest,
            "onething:matter/notices@0.1.0/recipient": onething_contract::Recipient,
            "onething:matter/outreach@0.1.0/offer": onething_contract::Offer,
            "onething:matter/outreach@0.1.0/message": onething_contract::Message,
        },
        generate_all,
    });
}
