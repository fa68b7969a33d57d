//! What a bundle *is*: the manifest, packed as JSON into the component's custom section
//! [`SECTION`]. People write it as TOML (`matter.toml`, `forms/*.toml`); the form compiler makes
//! this of it; the host reads it without running anything.

use crate::Text;
pub use crate::guide::{Faq, Figures, Guide};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The custom section that holds the manifest.
pub const SECTION: &str = "onething:manifest";
/// The package that a bundle implements.
pub const CONTRACT: &str = "onething:matter@0.1.0";

/// The kinds of `proceedings.event` that the host sends, as a manifest's `hears` names them.
/// `other` so far is one: `commitment-broken`, `{"code", "opinion"}`, of a commitment that was checked
/// and not kept.
pub const HEARD: [&str; 15] = [
    "registered",
    "accepted",
    "step-opened",
    "step-decided",
    "step-effective",
    "correction-requested",
    "corrected",
    "material-supplied",
    "overdue",
    "settled",
    "reserved",
    "objected",
    "ended",
    "rated",
    "other",
];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`CONTRACT`].
    pub contract: String,
    /// The matter's name in URLs, kebab-case.
    pub matter: String,
    pub version: String,
    pub title: Text,
    pub valid: Validity,
    /// The element that holds the legal date; the filing day where there is none.
    #[serde(default)]
    pub legal_date: Option<String>,
    /// Kinds of `proceedings.event` that `respond` is called for.
    pub hears: Vec<String>,
    pub promise: Promise,
    pub scenarios: Vec<Scenario>,
    pub materials: Vec<MaterialRule>,
    pub offices: Vec<OfficeRule>,
    /// Whoever must have signed before a submission counts.
    pub parties: Vec<PartyRule>,
    pub grants: Grants,
    pub notices: Vec<NoticeTemplate>,
    #[serde(default)]
    pub statistics: Statistics,
    pub guide: Guide,
    /// The elements of the merged form, in its order.
    pub elements: Vec<Element>,
    pub source_forms: Vec<SourceForm>,
    pub merged_form: MergedForm,
    /// JSON Schema (2020-12) of the answers.
    pub schema: Value,
}

/// Days in law, `2025-01-01`; `until` is the first day it is no longer valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Validity {
    pub since: String,
    #[serde(default)]
    pub until: Option<String>,
}

/// In working days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Promise {
    #[serde(alias = "working-days")]
    pub working_days: u16,
    #[serde(alias = "before-working-days")]
    pub before_working_days: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Scenario {
    pub code: String,
    pub title: Text,
    pub basis: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MaterialRule {
    pub code: String,
    pub title: Text,
    /// When it is wanted.
    pub when: Text,
    /// It may be promised and handed in later (容缺).
    #[serde(default)]
    pub deferrable: bool,
    /// Kinds of `types.material-status` that prove it besides a supplied file.
    #[serde(default)]
    pub accepts: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OfficeRule {
    pub function: String,
    pub title: Text,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PartyRule {
    pub role: String,
    pub title: Text,
}

/// What the bundle asks to be allowed. Everything else is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    pub registers: Vec<RegisterGrant>,
    /// Parameters; a whole family as `policy/*`.
    pub parameters: Vec<String>,
    /// `unit` or office functions.
    pub seals: Vec<String>,
    /// Office functions that forms are delivered to.
    pub deliveries: Vec<String>,
    /// Budgets; of a whole family `policy/*`.
    pub payments: Vec<String>,
}

/// Whether a grant, a name or a whole family as `policy/*`, covers the name.
pub fn covers(grant: &str, name: &str) -> bool {
    match grant.strip_suffix("/*") {
        Some(family) => {
            let rest = name.strip_prefix(family);
            rest.is_some_and(|rest| rest.starts_with('/'))
        }
        None => grant == name,
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterGrant {
    pub name: String,
    pub title: Text,
    pub key: RegisterKey,
}

/// What a register is looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegisterKey {
    /// The subject's identifier.
    Subject,
    /// The filing unit's social credit code.
    Unit,
    /// The filer's citizen ID.
    Filer,
    /// By the rules of the bundle.
    Other,
}

/// What the cases of a matter are counted by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Statistics {
    /// Elements, derived or answered.
    #[serde(alias = "group-by")]
    pub group_by: Vec<String>,
}

/// `{name}` in the text stands for a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeTemplate {
    pub code: String,
    pub text: Text,
}

/// A data element (数据元).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Element {
    pub code: String,
    pub label: Text,
    #[serde(flatten)]
    pub shape: Shape,
    /// Where the code comes from, `GB/T 40217-2021`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard: Option<String>,
}

/// The type of an element or a printed box.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Shape {
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Of `enum` and `enum-list`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<EnumValue>,
    /// Of `table`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(no_recursion))]
    pub columns: Vec<Column>,
    /// Characters of a text, rows of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Text,
    /// A whole number, not negative.
    Int,
    /// A decimal number as text.
    Decimal,
    /// Yuan as text, two places.
    Money,
    Bool,
    /// `2026-03-02`.
    Date,
    /// `2026-03`.
    Month,
    Enum,
    EnumList,
    Phone,
    /// GB 11643.
    CitizenId,
    /// GB 32100.
    Uscc,
    /// A bank account.
    Account,
    /// Rows.
    Table,
    /// `{"name", "signed_at"}`.
    Signature,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnumValue {
    pub code: String,
    pub zh: String,
    pub en: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Column {
    pub name: String,
    pub label: Text,
    #[serde(default)]
    pub optional: bool,
    #[serde(flatten)]
    pub shape: Shape,
}

/// An agency's form as it prints it (原表单).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceForm {
    /// Its file's stem, `pension-benefit`.
    pub name: String,
    pub title: Text,
    /// The function of the office that owns it.
    pub agency: String,
    pub basis: String,
    pub fields: Vec<SourceField>,
    /// What decisions, signatures and seals fill; nobody applies with them, they are not counted.
    pub boxes: Vec<SourceBox>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceField {
    pub no: String,
    pub label: String,
    #[serde(flatten)]
    pub from: Origin,
    #[serde(flatten)]
    pub shape: Shape,
    /// The decision that carries the final figure; until then it is an estimate (※).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
}

/// Where a source field is reproduced from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "origin")]
pub enum Origin {
    /// Copied from the merged form.
    Element {
        element: String,
    },
    /// Computed by a function of the bundle from merged elements.
    Derived {
        function: String,
        from: Vec<String>,
    },
    Constant {
        constant: String,
    },
    /// The day the submission was filed.
    FiledOn,
}

/// A member of a step's payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    pub step: String,
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceBox {
    pub no: String,
    pub label: String,
    #[serde(flatten)]
    pub filled_by: FilledBy,
}

/// Who fills a box that no applicant fills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "filled_by")]
pub enum FilledBy {
    /// The standing decision of a step: `opinion`, `by`, `on`, `verdict`, `seal`, or a member of its
    /// payload, `payload.document-no`.
    Step { step: String, shows: String },
    /// A party: `name`, `signed-on`, `seal`, or `opinion`.
    Party { party: String, shows: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MergedForm {
    pub title: Text,
    /// SHA-256 over its content, hex: what `submission.form-digest` names.
    pub digest: String,
    pub sections: Vec<Section>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Section {
    pub title: Text,
    pub fields: Vec<MergedField>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MergedField {
    pub no: String,
    pub element: String,
    #[serde(flatten)]
    pub source: Source,
    /// It may be left empty; the rules say when.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

/// Where a value of the merged form comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case", tag = "mode")]
pub enum Source {
    /// Typed, by whom: a role, `clerk`.
    Typed {
        by: String,
    },
    Register {
        register: String,
        field: String,
        lock: crate::Lock,
    },
    Derived {
        function: String,
        from: Vec<String>,
    },
}

/// What the merge achieved: the figures of `onething form <matter> --json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MergeReport {
    pub source_forms: usize,
    pub source_fields: usize,
    pub merged_fields: usize,
    pub from_registers: usize,
    pub derived: usize,
    pub typed: usize,
}

impl Manifest {
    /// Counts the forms: one printed box to be filled is one field, a table is one field.
    pub fn report(&self) -> MergeReport {
        let merged = || self.merged_form.fields();
        let registers = |field: &&MergedField| matches!(field.source, Source::Register { .. });
        let derived = |field: &&MergedField| matches!(field.source, Source::Derived { .. });
        MergeReport {
            source_forms: self.source_forms.len(),
            source_fields: self.source_forms.iter().map(|form| form.fields.len()).sum(),
            merged_fields: merged().count(),
            from_registers: merged().filter(registers).count(),
            derived: merged().filter(derived).count(),
            typed: merged()
                .filter(|field| matches!(field.source, Source::Typed { .. }))
                .count(),
        }
    }

    pub fn element(&self, code: &str) -> Option<&Element> {
        self.elements.iter().find(|element| element.code == code)
    }

    pub fn source_form(&self, name: &str) -> Option<&SourceForm> {
        self.source_forms.iter().find(|form| form.name == name)
    }
}

impl MergedForm {
    /// Every field in the order of the form.
    pub fn fields(&self) -> impl Iterator<Item = &MergedField> {
        self.sections.iter().flat_map(|section| &section.fields)
    }
}
