//! What `matter.toml` says, as far as a bundle's own code needs it: written there once, made into
//! constants by the form compiler. The rest of the manifest is the host's.

use crate::contract::Text;

/// A sentence in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
}

impl From<Words> for Text {
    fn from(words: Words) -> Self {
        crate::values::text(words.zh, words.en)
    }
}

/// A matter.
pub struct MatterRule {
    /// Its name.
    pub name: &'static str,
    /// Working days that the law gives, from acceptance.
    pub legal_days: u16,
    /// Working days promised, from acceptance.
    pub promised_days: u16,
    /// The scenarios (办事情形).
    pub scenarios: &'static [ScenarioRule],
    /// The materials (材料).
    pub materials: &'static [MaterialRule],
    /// The offices (部门).
    pub offices: &'static [OfficeRule],
    /// Whoever must have signed.
    pub parties: &'static [PartyRule],
    /// Legal remedies, told with every "no".
    pub remedy: Words,
}

/// A scenario.
pub struct ScenarioRule {
    /// Its code.
    pub code: &'static str,
    /// Its name.
    pub title: Words,
    /// The law that it rests on.
    pub basis: &'static str,
}

/// A material.
pub struct MaterialRule {
    /// Its code.
    pub code: &'static str,
    /// Its name.
    pub title: Words,
    /// It may be promised and handed in later (容缺).
    pub deferrable: bool,
    /// What proves it besides a supplied file: `licence`, `shared`, `committed`.
    pub accepts: &'static [&'static str],
}

/// An office.
pub struct OfficeRule {
    /// Its function.
    pub function: &'static str,
    /// Its name.
    pub title: Words,
}

/// Somebody who must have signed.
pub struct PartyRule {
    /// The role.
    pub role: &'static str,
    /// Its name.
    pub title: Words,
}

impl MatterRule {
    /// A material of the matter.
    pub fn material(&self, code: &str) -> Option<&MaterialRule> {
        self.materials.iter().find(|material| material.code == code)
    }

    /// The name of an office.
    pub fn office(&self, function: &str) -> Option<Words> {
        let office = self
            .offices
            .iter()
            .find(|office| office.function == function)?;
        Some(office.title)
    }
}
