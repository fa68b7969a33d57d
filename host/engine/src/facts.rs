//! What a live host answers a bundle: parameters from memory, registers fetched between passes, or
//! before the first where it is known which.

use crate::effects::Folders;
use onething_capabilities::Parameters;
use onething_contract::manifest::{Manifest, RegisterKey};
use onething_contract::{Filer, Found, Lookup, Subject};
use onething_runtime::Facts;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Facts of which some were fetched before anybody asked: what a bundle compares with its registers it
/// asks for each time, and a pass less is half the work.
pub(crate) struct Ahead {
    found: BTreeMap<Lookup, Found>,
    rest: Arc<dyn Facts>,
}

impl Ahead {
    /// With every register that the manifest says is looked up by the subject or by who files.
    pub(crate) fn of(
        manifest: &Manifest,
        filer: &Filer,
        subject: &Subject,
        rest: Arc<dyn Facts>,
    ) -> Arc<dyn Facts> {
        let keyed = manifest.grants.registers.iter().filter_map(|grant| {
            let whose = match grant.key {
                RegisterKey::Subject => Some(subject),
                RegisterKey::Unit => filer.unit.as_ref(),
                RegisterKey::Filer => Some(&filer.person),
                RegisterKey::Other => None,
            };
            Some(Lookup::Register {
                register: grant.name.clone(),
                key: whose?.identifier.clone(),
            })
        });
        let expected: Vec<Lookup> = keyed.collect();
        let found = rest.fetch(&expected);
        Arc::new(Self {
            found: expected.into_iter().zip(found).collect(),
            rest,
        })
    }
}

impl Facts for Ahead {
    fn known(&self, lookup: &Lookup) -> Option<Found> {
        let found = self.found.get(lookup).cloned();
        found.or_else(|| self.rest.known(lookup))
    }

    fn fetch(&self, wanted: &[Lookup]) -> Vec<Found> {
        self.rest.fetch(wanted)
    }
}

/// Registers and parameters of a live deployment.
pub struct LiveFacts {
    /// Always at hand.
    pub parameters: Arc<Parameters>,
    /// Where registers are looked up.
    pub folders: Arc<Folders>,
    /// Of the case.
    pub region: String,
}

impl Facts for LiveFacts {
    fn known(&self, lookup: &Lookup) -> Option<Found> {
        match lookup {
            Lookup::Parameter { name, on } => Some(self.parameters.find(name, on, &self.region)),
            Lookup::Family { name, on } => {
                Some(self.parameters.find_family(name, on, &self.region))
            }
            Lookup::Register { .. } => None,
        }
    }

    fn fetch(&self, wanted: &[Lookup]) -> Vec<Found> {
        let questions: Vec<(&str, &str)> = wanted
            .iter()
            .filter_map(|lookup| match lookup {
                Lookup::Register { register, key } => Some((register.as_str(), key.as_str())),
                Lookup::Parameter { .. } | Lookup::Family { .. } => None, // always known
            })
            .collect();
        let found = self.folders.registers.fetch(&questions);
        for ((register, _), found) in questions.iter().zip(&found) {
            if let Found::Unavailable(refusal) = found {
                // Why not may quote the register.
                tracing::warn!(register, code = refusal.code, "a register does not answer");
            }
        }
        found
    }
}
