//! What the form compiler's output stands on: the rules of elements and forms, the reader of
//! answers, the results of derivations, and the projection of a case into a source form.

pub use crate::contract::Lock;
pub use crate::facts::Facts;
pub use crate::manifest::{MaterialRule, MatterRule, OfficeRule, PartyRule, ScenarioRule, Words};
pub use crate::values::{Coded, Json, Row, RowReader, Value};
pub use chrono::NaiveDate;

use crate::contract::{CaseView, Decision, FilledForm, Finding, Office, Party, Verdict};
use crate::values::At;
use serde_json::Map;
use std::collections::BTreeMap;

/// A merged form's answers, as the form compiler writes them.
pub trait Form: Default {
    /// What `matter.toml` says.
    const MATTER: MatterRule;
    /// The elements of the merged form, in its order.
    const ELEMENTS: &'static [ElementRule];
    /// The registers it is filled from, and what each is looked up by.
    const REGISTERS: &'static [(&'static str, RegisterKey)];
    /// The source forms that it replaces.
    const FORMS: &'static [FormRule];
    /// Reads every element that is answered.
    fn read(answers: &mut Reader<'_>) -> Self;
    /// Computes every derivation, the derived elements among them, which it also sets.
    fn derive(&mut self, facts: &Facts<'_>) -> Derived;
}

/// An element of the merged form.
pub struct ElementRule {
    /// Its code in the dictionary.
    pub code: &'static str,
    /// It may be left empty.
    pub optional: bool,
    /// Where its value comes from.
    pub source: SourceRule,
}

/// Where an element's value comes from.
pub enum SourceRule {
    /// Somebody types it.
    Typed,
    /// A register has it.
    Register {
        /// The register's name.
        register: &'static str,
        /// The field of its entry.
        field: &'static str,
        /// Who may type it nevertheless.
        lock: Lock,
    },
    /// A function computes it.
    Derived,
}

/// What a register is looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterKey {
    /// The subject's identifier.
    Subject,
    /// The filing unit's social credit code.
    Unit,
    /// The filer's own identifier.
    Filer,
}

/// A source form.
pub struct FormRule {
    /// Its name.
    pub name: &'static str,
    /// The function of the office that owns it.
    pub agency: &'static str,
    /// The boxes that an applicant would fill.
    pub fields: &'static [FieldRule],
    /// The boxes that decisions, signatures and seals fill.
    pub boxes: &'static [BoxRule],
}

impl FormRule {
    /// The elements that the form rests on, each once, in the order of its fields.
    pub fn elements(&self) -> Vec<&'static str> {
        let mut elements = Vec::new();
        for field in self.fields {
            let needs = match &field.origin {
                Origin::Element(code) => std::slice::from_ref(code),
                Origin::Function { from, .. } => from,
                Origin::Constant(_) | Origin::FiledOn => &[],
            };
            for code in needs {
                if !elements.contains(code) {
                    elements.push(*code);
                }
            }
        }
        elements
    }
}

/// A field of a source form.
pub struct FieldRule {
    /// Its number, the key of its value.
    pub no: &'static str,
    /// What reproduces it.
    pub origin: Origin,
    /// Of a table: the columns that the form prints.
    pub columns: &'static [&'static str],
    /// The step and payload member whose approval brings the final figure.
    pub decided: Option<(&'static str, &'static str)>,
}

/// What reproduces a source field.
pub enum Origin {
    /// An element of the merged form.
    Element(&'static str),
    /// A derivation.
    Function {
        /// Its name in `rules.rs`.
        name: &'static str,
        /// The elements it is computed from.
        from: &'static [&'static str],
    },
    /// The matter itself.
    Constant(&'static str),
    /// The day of the submission.
    FiledOn,
}

/// A box that nobody applies with.
pub struct BoxRule {
    /// Its number, the key of its value.
    pub no: &'static str,
    /// Who fills it.
    pub by: FilledBy,
    /// What of it is shown.
    pub shows: &'static str,
}

/// Who fills a box.
pub enum FilledBy {
    /// The standing decision of a step.
    Step(&'static str),
    /// A party's signature.
    Party(&'static str),
}

/// Reads answers, gathering what is wrong with their form.
pub struct Reader<'a> {
    answers: &'a Map<String, Json>,
    /// What was found wrong.
    pub findings: Vec<Finding>,
}

impl<'a> Reader<'a> {
    /// Over the answers as they came.
    pub fn new(answers: &'a Map<String, Json>) -> Self {
        Self {
            answers,
            findings: Vec::new(),
        }
    }

    /// An element's value; absent where it is not answered or not of its type.
    pub fn element<T: Value>(&mut self, code: &str, max: Option<u32>) -> Option<T> {
        let json = self.answers.get(code).filter(|json| !json.is_null())?;
        let mut at = At {
            path: format!("/{code}"),
            max,
            findings: &mut self.findings,
        };
        T::read(json, &mut at)
    }
}

/// What the derivations came to.
#[derive(Debug, Default, PartialEq)]
pub struct Derived {
    functions: BTreeMap<&'static str, Json>,
    /// The function that computes each derived element: a long table is kept once.
    elements: BTreeMap<&'static str, &'static str>,
}

impl Derived {
    /// Notes the result of a function; absent where its arguments or parameters are.
    pub fn function<T: Value>(&mut self, name: &'static str, value: Option<&T>) {
        if let Some(value) = value {
            self.functions.insert(name, value.write());
        }
    }

    /// Notes that what the function came to is the value of an element.
    pub fn element(&mut self, code: &'static str, function: &'static str) {
        self.elements.insert(code, function);
    }

    /// What a function came to.
    pub fn of(&self, function: &str) -> Option<&Json> {
        self.functions.get(function)
    }

    /// The value of a derived element.
    pub fn value(&self, element: &str) -> Option<&Json> {
        self.of(self.elements.get(element)?)
    }

    /// The derived elements that have a value, as one JSON object.
    pub fn elements(&self) -> String {
        let known = |element: &&'static str| Some((*element, self.value(element)?));
        let values: BTreeMap<&str, &Json> = self.elements.keys().filter_map(known).collect();
        serde_json::to_string(&values).unwrap_or_default()
    }
}

/// Fills in every source form as far as the case has come.
pub fn project<F: Form>(
    view: &CaseView,
    answers: &Map<String, Json>,
    derived: &Derived,
) -> Vec<FilledForm> {
    let form = |form: &FormRule| {
        let mut values = Map::new();
        for field in form.fields {
            let decided = field
                .decided
                .and_then(|(step, member)| payload(view, step, member));
            let value = decided.or_else(|| match field.origin {
                Origin::Element(code) => {
                    let value = derived.value(code).or_else(|| answers.get(code));
                    value.map(|value| printed(value, field.columns))
                }
                Origin::Function { name, .. } => derived.functions.get(name).cloned(),
                Origin::Constant(constant) => Some(Json::from(constant)),
                Origin::FiledOn => view.submission.filed_at.get(..10).map(Json::from),
            });
            values.insert(field.no.to_owned(), value.unwrap_or(Json::Null));
        }
        for area in form.boxes {
            let value = match area.by {
                FilledBy::Step(step) => by_step(view, step, area.shows),
                FilledBy::Party(role) => by_party(view, role, area.shows),
            };
            values.insert(area.no.to_owned(), value.unwrap_or(Json::Null));
        }
        FilledForm {
            form: form.name.to_owned(),
            office: Office {
                function: form.agency.to_owned(),
                region: view.submission.region.clone(),
            },
            values: Json::Object(values).to_string(),
        }
    };
    F::FORMS.iter().map(form).collect()
}

/// A value as a form prints it: of a table the form's own columns.
fn printed(value: &Json, columns: &[&str]) -> Json {
    let Json::Array(rows) = value else {
        return value.clone();
    };
    if columns.is_empty() {
        return value.clone();
    }
    let cells = |row: &Json| -> Json {
        let cell = |name: &&str| Some(((*name).to_owned(), row.get(*name)?.clone()));
        Json::Object(columns.iter().filter_map(cell).collect())
    };
    rows.iter().map(cells).collect()
}

/// The decision of a step that stands.
pub fn decision<'v>(view: &'v CaseView, step: &str) -> Option<&'v Decision> {
    view.decisions
        .iter()
        .rev()
        .find(|decision| decision.step == step)
}

fn payload(view: &CaseView, step: &str, member: &str) -> Option<Json> {
    let decision = decision(view, step).filter(|decision| approves(decision))?;
    let payload: Json = serde_json::from_str(decision.payload.as_deref()?).ok()?;
    payload
        .get(member)
        .filter(|value| !value.is_null())
        .cloned()
}

fn approves(decision: &Decision) -> bool {
    matches!(decision.verdict, Verdict::Approve | Verdict::NoObjection)
}

fn by_step(view: &CaseView, step: &str, shows: &str) -> Option<Json> {
    if let Some(member) = shows.strip_prefix("payload.") {
        return payload(view, step, member);
    }
    let decision = decision(view, step)?;
    match shows {
        "opinion" => Some(Json::from(decision.opinion.as_str())),
        "by" => Some(Json::from(decision.by.as_str())),
        "on" => decision.at.get(..10).map(Json::from),
        "verdict" => Some(Json::from(verdict_in_words(&decision.verdict))),
        "seal" if approves(decision) => Some(Json::from("（电子签章）")),
        _ => None,
    }
}

fn verdict_in_words(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "同意",
        Verdict::NoObjection => "无异议",
        Verdict::Reject => "不同意",
        Verdict::ReturnForCorrection => "退回补正",
        Verdict::Hold => "暂缓",
        Verdict::NotCompetent(_) => "不属本部门职权",
        Verdict::SendBack(_) => "退回复核",
        Verdict::Transfer(_) => "移送",
    }
}

/// What a role's parties fill, once all of them have signed: their names, the last day.
fn by_party(view: &CaseView, role: &str, shows: &str) -> Option<Json> {
    let of_role = |party: &&Party| party.role == role;
    let parties: Vec<&Party> = view.submission.parties.iter().filter(of_role).collect();
    let signed: Option<Vec<&str>> = parties
        .iter()
        .map(|party| party.signed_at.as_deref())
        .collect();
    let last = signed?.into_iter().max()?;
    match shows {
        "name" => {
            let names: Vec<&str> = parties.iter().map(|party| party.name.as_str()).collect();
            Some(Json::from(names.join("、")))
        }
        "signed-on" => last.get(..10).map(Json::from),
        "seal" => Some(Json::from("（电子签章）")),
        "opinion" => Some(Json::from("情况属实，同意呈报")),
        _ => None,
    }
}
