//! What a live host answers a bundle: parameters from memory, registers fetched between passes.

use crate::effects::Folders;
use onething_capabilities::Parameters;
use onething_contract::{Found, Lookup};
use onething_runtime::Facts;
use std::sync::Arc;

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
