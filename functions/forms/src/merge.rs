//! The merge itself: checks that every source field is reproduced and every element asked once.

use crate::Problem;
use crate::derivation::{self, Argument, Derivation};
use crate::matter;
use crate::read::{self, File, Sources};
use onething_contract::manifest::{
    Column, Element, FilledBy, Kind, MergedField, Origin, RegisterGrant, RegisterKey, Section,
    Shape, Source, SourceBox, SourceField, SourceForm,
};
use std::collections::BTreeMap;
use toml::Spanned;

/// The checked merge of a bundle's forms.
pub struct Merge {
    /// The elements of the merged form, in its order.
    pub elements: Vec<Element>,
    pub sections: Vec<Section>,
    pub forms: Vec<SourceForm>,
    /// The registers that fill the merged form.
    pub registers: Vec<RegisterGrant>,
    /// Every function that something derives from, once; what others need comes first.
    pub derivations: Vec<Derivation>,
}

pub fn merge(sources: &Sources) -> Result<Merge, Vec<Problem>> {
    let mut merger = Merger {
        sources,
        problems: Vec::new(),
        asked: BTreeMap::new(),
        calls: BTreeMap::new(),
        derivations: Vec::new(),
    };
    let elements = merger.elements();
    let sections = merger.sections();
    let forms: Vec<SourceForm> = sources.forms.iter().map(|form| merger.form(form)).collect();
    merger.nothing_in_vain(&forms);
    merger.numbers_once();
    merger.problems.extend(matter::check(sources));
    let derivations =
        derivation::in_order(std::mem::take(&mut merger.derivations)).unwrap_or_else(|circle| {
            merger.problems.push(Problem {
                file: sources.merged.path.clone(),
                line: 0,
                message: format!("these derive from each other in a circle: {circle}"),
            });
            Vec::new()
        });
    if merger.problems.is_empty() {
        Ok(Merge {
            elements,
            registers: merger.registers(),
            sections,
            forms,
            derivations,
        })
    } else {
        Err(merger.problems)
    }
}

struct Merger<'a> {
    sources: &'a Sources,
    problems: Vec<Problem>,
    /// Merged elements and the line that asks for each.
    asked: BTreeMap<&'a str, usize>,
    /// Functions by name, with where each was first called and how.
    calls: BTreeMap<&'a str, (Problem, &'a [String], Option<Kind>)>,
    derivations: Vec<Derivation>,
}

impl<'a> Merger<'a> {
    fn dictionary(&self, code: &str) -> Option<&'a Spanned<read::Element>> {
        self.sources.elements.content.get(code)
    }

    fn elements(&mut self) -> Vec<Element> {
        let mut elements = Vec::new();
        for (_, field) in merged_fields(self.sources) {
            let Some(entry) = self.dictionary(&field.get_ref().element) else {
                continue; // `sections` says so, with its line
            };
            let file = &self.sources.elements;
            let element = entry.get_ref();
            let code = &field.get_ref().element;
            let listed = matches!(element.kind, Kind::Enum | Kind::EnumList);
            if listed == element.values.is_empty() {
                let message =
                    format!("element `{code}`: `values` belong to enums, and an enum needs them");
                self.problems.push(file.problem(entry, message));
            }
            if (element.kind == Kind::Table) == element.columns.is_empty() {
                let message =
                    format!("element `{code}`: `columns` belong to tables, and a table needs them");
                self.problems.push(file.problem(entry, message));
            }
            for column in element
                .columns
                .iter()
                .filter(|column| !fits_a_cell(&column.shape))
            {
                let message = format!(
                    "element `{code}`: column `{}` cannot be of type {}",
                    column.name,
                    kind_name(column.shape.kind)
                );
                self.problems.push(file.problem(entry, message));
            }
            elements.push(Element {
                code: code.clone(),
                label: element.label.clone(),
                shape: shape(element),
                standard: element.standard.clone(),
            });
        }
        elements
    }

    fn sections(&mut self) -> Vec<Section> {
        let file = &self.sources.merged;
        let mut sections = Vec::new();
        for section in &file.content.sections {
            let mut fields = Vec::new();
            for spanned in &section.fields {
                fields.extend(self.merged_field(spanned));
            }
            sections.push(Section {
                title: section.title.clone(),
                fields,
            });
        }
        // Only now is it known what is asked: a derived element may use a later one.
        for (file, spanned) in merged_fields(self.sources) {
            let field = spanned.get_ref();
            if let Some(function) = &field.derive {
                let kind = self
                    .dictionary(&field.element)
                    .map(|entry| entry.get_ref().kind);
                self.derivation(
                    file,
                    spanned,
                    function,
                    &field.from,
                    kind,
                    Some(&field.element),
                );
            }
        }
        sections
    }

    fn merged_field(&mut self, spanned: &'a Spanned<read::MergedField>) -> Option<MergedField> {
        let file = &self.sources.merged;
        let field = spanned.get_ref();
        let element = field.element.as_str();
        let line = file.line(spanned);
        if self.dictionary(element).is_none() {
            self.problems
                .push(file.problem(spanned, unknown_element(element)));
        }
        if let Some(first) = self.asked.insert(element, line) {
            let message = format!("element `{element}` is asked twice; first at line {first}");
            self.problems.push(file.problem(spanned, message));
        }
        let source = match (&field.by, &field.register, &field.derive) {
            (Some(by), None, None) => Source::Typed { by: by.clone() },
            (None, None, Some(function)) => Source::Derived {
                function: function.clone(),
                from: field.from.clone(),
            },
            (None, Some(path), None) => self.register(spanned, path, field.lock)?,
            _ => {
                let message =
                    format!("element `{element}` needs exactly one of `by`, `register`, `derive`");
                self.problems.push(file.problem(spanned, message));
                return None;
            }
        };
        Some(MergedField {
            no: field.no.clone(),
            element: field.element.clone(),
            source,
            optional: field.optional,
            note: field.note.clone(),
        })
    }

    fn register(
        &mut self,
        at: &Spanned<read::MergedField>,
        path: &str,
        lock: Option<onething_contract::Lock>,
    ) -> Option<Source> {
        let wrong = match (path.split_once('.'), lock) {
            (None, _) => format!("`register = \"{path}\"` is not `register.field`"),
            (_, None) => {
                "a value from a register needs a `lock`: owner, disputable or free".to_owned()
            }
            (Some((register, _)), _)
                if self.sources.matter.content.grants.key(register).is_none() =>
            {
                format!(
                    "register `{register}` is not among the `[[grants.register]]` of matter.toml"
                )
            }
            (Some((register, _)), _)
                if self.sources.matter.content.grants.key(register) == Some(RegisterKey::Other) =>
            {
                format!(
                    "register `{register}` is looked up by the rules, not by subject, unit or filer"
                )
            }
            (Some((register, field)), Some(lock)) => {
                return Some(Source::Register {
                    register: register.to_owned(),
                    field: field.to_owned(),
                    lock,
                });
            }
        };
        self.problems.push(self.sources.merged.problem(at, wrong));
        None
    }

    fn registers(&self) -> Vec<RegisterGrant> {
        let grants = self.sources.matter.content.grants.grants().registers;
        let read = |grant: &RegisterGrant| {
            merged_fields(self.sources).any(|(_, field)| {
                let path = field.get_ref().register.as_deref();
                path.and_then(|path| path.split_once('.'))
                    .is_some_and(|(name, _)| name == grant.name)
            })
        };
        grants.into_iter().filter(read).collect()
    }

    fn form(&mut self, file: &'a File<read::Form>) -> SourceForm {
        let form = &file.content;
        let name = file.path.file_stem().unwrap_or_default();
        SourceForm {
            name: name.to_string_lossy().into_owned(),
            title: form.title.clone(),
            agency: form.agency.get_ref().clone(),
            basis: form.basis.clone(),
            fields: form
                .fields
                .iter()
                .filter_map(|field| self.field(file, field))
                .collect(),
            boxes: form
                .boxes
                .iter()
                .filter_map(|area| self.filled_by(file, area))
                .collect(),
        }
    }

    fn field(
        &mut self,
        file: &'a File<read::Form>,
        spanned: &'a Spanned<read::Field>,
    ) -> Option<SourceField> {
        let field = spanned.get_ref();
        let (from, shape) = match (
            &field.element,
            &field.derive,
            &field.constant,
            &field.system,
        ) {
            (Some(element), None, None, None) => {
                let shape = self.copied(file, spanned, element)?;
                (
                    Origin::Element {
                        element: element.clone(),
                    },
                    shape,
                )
            }
            (None, Some(function), None, None) => {
                let Some(kind) = field.kind.filter(|kind| !composite(*kind)) else {
                    let message = format!(
                        "{}: a derived field says its `type`: text, int, decimal, money, bool, date or month",
                        field.no
                    );
                    self.problems.push(file.problem(spanned, message));
                    return None;
                };
                self.derivation(file, spanned, function, &field.from, Some(kind), None);
                let origin = Origin::Derived {
                    function: function.clone(),
                    from: field.from.clone(),
                };
                (origin, plain(kind))
            }
            (None, None, Some(constant), None) => (
                Origin::Constant {
                    constant: constant.clone(),
                },
                plain(Kind::Text),
            ),
            (None, None, None, Some(system)) if system == "filed-on" => {
                (Origin::FiledOn, plain(Kind::Date))
            }
            (None, None, None, Some(system)) => {
                let message = format!("{}: the system knows `filed-on`, not `{system}`", field.no);
                self.problems.push(file.problem(spanned, message));
                return None;
            }
            _ => {
                let message = format!(
                    "{} ({}) cannot be reproduced: it needs exactly one of `element`, `derive`, `constant`, `system`",
                    field.no, field.label
                );
                self.problems.push(file.problem(spanned, message));
                return None;
            }
        };
        Some(SourceField {
            no: field.no.clone(),
            label: field.label.clone(),
            from,
            shape,
            decided: field.decided.clone(),
        })
    }

    /// The shape of an element that a form copies, where the merged form has it in that type.
    fn copied(
        &mut self,
        file: &File<read::Form>,
        spanned: &Spanned<read::Field>,
        element: &str,
    ) -> Option<Shape> {
        let field = spanned.get_ref();
        let Some(entry) = self.dictionary(element) else {
            self.problems
                .push(file.problem(spanned, unknown_element(element)));
            return None;
        };
        if !self.asked.contains_key(element) {
            let message = format!(
                "{} ({}) cannot be reproduced: the merged form does not have element `{element}`",
                field.no, field.label
            );
            self.problems.push(file.problem(spanned, message));
        }
        let mut shape = shape(entry.get_ref());
        if !field.columns.is_empty() {
            match chosen(&shape.columns, &field.columns) {
                Ok(columns) => shape.columns = columns,
                Err(unknown) => {
                    let message = format!(
                        "{} ({}) prints a column `{unknown}` that element `{element}` does not have",
                        field.no, field.label
                    );
                    self.problems.push(file.problem(spanned, message));
                }
            }
        }
        let known = entry.get_ref().kind;
        if let Some(printed) = field.kind.filter(|&printed| printed != known) {
            let elements = &self.sources.elements;
            let message = format!(
                "{} ({}) prints element `{element}` as {}, but it is {} at {}:{}",
                field.no,
                field.label,
                kind_name(printed),
                kind_name(known),
                elements.path.display(),
                elements.line(entry),
            );
            self.problems.push(file.problem(spanned, message));
        }
        Some(shape)
    }

    /// Notes a call of a function: it must exist, take these arguments, and be the same everywhere.
    fn derivation<S, T>(
        &mut self,
        file: &'a File<S>,
        at: &Spanned<T>,
        function: &'a str,
        from: &'a [String],
        kind: Option<Kind>,
        element: Option<&str>,
    ) {
        let arguments: Vec<Argument> = from.iter().map(|text| Argument::parse(text)).collect();
        for argument in &arguments {
            if !self.asked.contains_key(argument.element.as_str()) {
                let message = format!(
                    "`{function}` cannot be computed: the merged form does not have element `{}`",
                    argument.element
                );
                self.problems.push(file.problem(at, message));
            }
        }
        let rules = &self.sources.rules;
        match rules.content.arguments(function) {
            None => {
                let message = format!(
                    "`derive = \"{function}\"` has no `pub fn {function}` in {}",
                    rules.path.display()
                );
                self.problems.push(file.problem(at, message));
            }
            Some(taken) if taken != from.len() + 1 => {
                let message = format!(
                    "`{function}` takes {taken} arguments; the facts and {} elements are given",
                    from.len()
                );
                self.problems.push(file.problem(at, message));
            }
            Some(_) => {}
        }
        let here = file.problem(at, String::new());
        match self.calls.get(function) {
            None => {
                self.calls.insert(function, (here, from, kind));
                self.derivations.push(Derivation {
                    function: function.to_owned(),
                    kind: kind.unwrap_or(Kind::Text),
                    from: arguments,
                    element: element.map(str::to_owned),
                });
            }
            Some((first, first_from, first_kind)) if (*first_from, *first_kind) != (from, kind) => {
                let message = format!(
                    "`{function}` is derived otherwise (other elements or another type) at {}:{}",
                    first.file.display(),
                    first.line
                );
                self.problems.push(file.problem(at, message));
            }
            Some(_) if element.is_some() => {
                let message = format!("`{function}` computes another element already");
                self.problems.push(file.problem(at, message));
            }
            Some(_) => {}
        }
    }

    fn filled_by(
        &mut self,
        file: &File<read::Form>,
        spanned: &Spanned<read::FormBox>,
    ) -> Option<SourceBox> {
        let area = spanned.get_ref();
        let shows = area.shows.as_str();
        let filled_by = match (&area.step, &area.party) {
            (Some(step), None) if step_shows(shows) => FilledBy::Step {
                step: step.clone(),
                shows: area.shows.clone(),
            },
            (None, Some(party)) if self.is_party(party) && party_shows(shows) => FilledBy::Party {
                party: party.clone(),
                shows: area.shows.clone(),
            },
            _ => {
                let message = format!(
                    "{} ({}) cannot be filled: it needs a `step` that shows opinion, by, on, verdict, seal \
                     or payload.<member>, or a `party` of matter.toml that shows name, signed-on, seal or opinion",
                    area.no, area.label
                );
                self.problems.push(file.problem(spanned, message));
                return None;
            }
        };
        Some(SourceBox {
            no: area.no.clone(),
            label: area.label.clone(),
            filled_by,
        })
    }

    fn is_party(&self, role: &str) -> bool {
        let parties = &self.sources.matter.content.parties;
        parties.iter().any(|party| party.role == role)
    }

    /// An element that no agency's form needs must not be asked of anybody.
    fn nothing_in_vain(&mut self, forms: &[SourceForm]) {
        let copied = forms
            .iter()
            .flat_map(|form| &form.fields)
            .filter_map(|field| match &field.from {
                Origin::Element { element } => Some(element.as_str()),
                _ => None,
            });
        let argued = self
            .derivations
            .iter()
            .flat_map(|derivation| &derivation.from);
        let used: Vec<&str> = copied
            .chain(argued.map(|argument| argument.element.as_str()))
            .collect();
        for (file, spanned) in merged_fields(self.sources) {
            let element = &spanned.get_ref().element;
            if !used.contains(&element.as_str()) {
                let message = format!("element `{element}` is asked, but no source form needs it");
                self.problems.push(file.problem(spanned, message));
            }
        }
    }

    fn numbers_once(&mut self) {
        for file in &self.sources.forms {
            let form = &file.content;
            let mut seen: Vec<&str> = Vec::new();
            let fields = form.fields.iter().map(|f| (&f.get_ref().no, f.span()));
            let boxes = form.boxes.iter().map(|b| (&b.get_ref().no, b.span()));
            for (no, span) in fields.chain(boxes) {
                if seen.contains(&no.as_str()) {
                    let at = Spanned::new(span, ());
                    self.problems
                        .push(file.problem(&at, format!("number `{no}` stands twice")));
                }
                seen.push(no);
            }
        }
    }
}

fn merged_fields(
    sources: &Sources,
) -> impl Iterator<Item = (&File<read::Merged>, &Spanned<read::MergedField>)> {
    let sections = &sources.merged.content.sections;
    sections
        .iter()
        .flat_map(|section| &section.fields)
        .map(|field| (&sources.merged, field))
}

fn step_shows(shows: &str) -> bool {
    matches!(shows, "opinion" | "by" | "on" | "verdict" | "seal") || shows.starts_with("payload.")
}

fn party_shows(shows: &str) -> bool {
    matches!(shows, "name" | "signed-on" | "seal" | "opinion")
}

fn unknown_element(element: &str) -> String {
    format!("element `{element}` is not in elements.toml")
}

fn shape(element: &read::Element) -> Shape {
    Shape {
        kind: element.kind,
        values: element.values.clone(),
        columns: element.columns.clone(),
        max: element.max,
    }
}

fn plain(kind: Kind) -> Shape {
    Shape {
        kind,
        values: Vec::new(),
        columns: Vec::new(),
        max: None,
    }
}

/// The columns of these names, in their order.
///
/// # Errors
/// The first name that is no column.
fn chosen<'n>(columns: &[Column], names: &'n [String]) -> Result<Vec<Column>, &'n str> {
    let named = |name: &'n String| {
        let column = columns.iter().find(|column| column.name == *name);
        column.cloned().ok_or(name.as_str())
    };
    names.iter().map(named).collect()
}

/// A cell holds one value: of an enum, only with its values.
fn fits_a_cell(shape: &Shape) -> bool {
    match shape.kind {
        Kind::Enum => !shape.values.is_empty(),
        kind => !composite(kind) && shape.values.is_empty(),
    }
}

/// Types that are made of an element's own values or columns.
fn composite(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Enum | Kind::EnumList | Kind::Table | Kind::Signature
    )
}

fn kind_name(kind: Kind) -> String {
    serde_json::to_value(kind)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
