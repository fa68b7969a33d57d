//! What a bundle may ask of its world: the part of a manifest that imports look at.

use onething_contract::Lookup;
use onething_contract::manifest::{Manifest, covers};
use serde::{Deserialize, Serialize};

/// The grants, and the names that effects may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// Registers that may be looked up.
    pub registers: Vec<String>,
    /// Parameters; a whole family as `policy/*`.
    pub parameters: Vec<String>,
    /// `unit` or office functions.
    pub seals: Vec<String>,
    /// Office functions that forms are delivered to.
    pub deliveries: Vec<String>,
    /// Budgets; of a whole family `policy/*`.
    pub payments: Vec<String>,
    /// Codes of notice templates.
    pub templates: Vec<String>,
    /// Names of source forms.
    pub forms: Vec<String>,
}

impl From<&Manifest> for Granted {
    fn from(manifest: &Manifest) -> Self {
        let grants = &manifest.grants;
        let registers = grants.registers.iter();
        let templates = manifest.notices.iter();
        let forms = manifest.source_forms.iter();
        Self {
            registers: registers.map(|grant| grant.name.clone()).collect(),
            parameters: grants.parameters.clone(),
            seals: grants.seals.clone(),
            deliveries: grants.deliveries.clone(),
            payments: grants.payments.clone(),
            templates: templates.map(|template| template.code.clone()).collect(),
            forms: forms.map(|form| form.name.clone()).collect(),
        }
    }
}

impl Granted {
    /// Whether that may be looked up.
    #[must_use]
    pub fn allows(&self, lookup: &Lookup) -> bool {
        match lookup {
            Lookup::Register { register, .. } => self.registers.contains(register),
            Lookup::Parameter { name, .. } => {
                self.parameters.iter().any(|grant| covers(grant, name))
            }
            Lookup::Family { name, .. } => self.parameters.contains(&format!("{name}/*")),
        }
    }
}
