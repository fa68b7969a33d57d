//! Writes the Rust module of a bundle's forms: the enums and rows, `Answers`, and its `Form`.
//! Knows the names of the SDK's types and nothing of what they do.

use crate::derivation::{Argument, Derivation};
use crate::merge::Merge;
use crate::read::Matter;
use onething_contract::manifest::{
    Column, Element, FilledBy, Kind, MergedField, Origin, Shape, Source, SourceForm,
};
use onething_contract::{Lock, Text};
use std::collections::BTreeMap;
use std::fmt::Write as _;

pub fn module(merge: &Merge, matter: &Matter) -> String {
    let mut out = String::from(
        "// Made by the form compiler from forms/*.toml, elements.toml and matter.toml.\n\
         use onething_sdk::form::*;\nuse onething_sdk::values::*;\n\n",
    );
    for element in &merge.elements {
        match element.shape.kind {
            Kind::Enum | Kind::EnumList => {
                let name = camel(&element.code);
                enumeration(&mut out, &name, &element.label, &element.shape);
            }
            Kind::Table => {
                for column in &element.shape.columns {
                    if column.shape.kind == Kind::Enum {
                        let name = cell_enum(&element.code, column);
                        enumeration(&mut out, &name, &column.label, &column.shape);
                    }
                }
                rows(&mut out, element);
            }
            _ => {}
        }
    }
    answers(&mut out, merge);
    form(&mut out, merge, matter);
    out
}

fn enumeration(out: &mut String, name: &str, label: &Text, shape: &Shape) {
    let _ = writeln!(out, "/// {}", label.en);
    let _ = writeln!(
        out,
        "#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]\npub enum {name} {{"
    );
    for value in &shape.values {
        let _ = writeln!(out, "    /// {} {}", value.zh, value.en);
        let _ = writeln!(out, "    {},", camel(&value.code));
    }
    let _ = writeln!(out, "}}\nimpl Coded for {name} {{");
    let _ = writeln!(out, "    const ALL: &'static [(&'static str, Self)] = &[");
    for value in &shape.values {
        let _ = writeln!(
            out,
            "        ({:?}, Self::{}),",
            value.code,
            camel(&value.code)
        );
    }
    let _ = writeln!(out, "    ];\n}}\n");
}

fn rows(out: &mut String, element: &Element) {
    let name = row_name(&element.code);
    let _ = writeln!(out, "/// A row of: {}", element.label.en);
    let _ = writeln!(
        out,
        "#[derive(Debug, Clone, PartialEq)]\npub struct {name} {{"
    );
    for column in &element.shape.columns {
        let _ = writeln!(out, "    /// {}", column.label.en);
        let _ = writeln!(
            out,
            "    pub {}: {},",
            ident(&column.name),
            column_type(&element.code, column)
        );
    }
    let _ = writeln!(out, "}}\nimpl Row for {name} {{");
    let _ = writeln!(out, "    const COLUMNS: &'static [&'static str] = &[");
    for column in &element.shape.columns {
        let _ = writeln!(out, "        {:?},", column.name);
    }
    let _ = writeln!(
        out,
        "    ];\n    fn read(row: &mut RowReader<'_>) -> Option<Self> {{"
    );
    // Every cell is read before one may fail, so that all that is wrong is found at once.
    for column in &element.shape.columns {
        let optional = if column.optional {
            "optional"
        } else {
            "required"
        };
        let _ = writeln!(
            out,
            "        let {} = row.{optional}({:?}, {:?});",
            ident(&column.name),
            column.name,
            column.shape.max
        );
    }
    let _ = writeln!(out, "        Some(Self {{");
    for column in &element.shape.columns {
        let name = ident(&column.name);
        let _ = if column.optional {
            writeln!(out, "            {name},")
        } else {
            writeln!(out, "            {name}: {name}?,")
        };
    }
    let _ = writeln!(
        out,
        "        }})\n    }}\n    fn write(&self) -> Vec<Json> {{\n        vec!["
    );
    for column in &element.shape.columns {
        let _ = writeln!(out, "            self.{}.write(),", ident(&column.name));
    }
    let _ = writeln!(out, "        ]\n    }}\n}}\n");
}

fn answers(out: &mut String, merge: &Merge) {
    let _ = writeln!(
        out,
        "/// The answers of the merged form, checked for their types. Absent: not answered, or wrong.\n\
         #[derive(Debug, Clone, Default, PartialEq)]\npub struct Answers {{"
    );
    for element in &merge.elements {
        let _ = writeln!(out, "    /// {} {}", element.label.zh, element.label.en);
        let _ = writeln!(
            out,
            "    pub {}: Option<{}>,",
            ident(&element.code),
            rust_type(&element.code, &element.shape)
        );
    }
    let _ = writeln!(out, "}}\n");
}

fn form(out: &mut String, merge: &Merge, matter: &Matter) {
    let _ = writeln!(out, "impl Form for Answers {{");
    matter_rule(out, matter);
    let _ = writeln!(out, "    const ELEMENTS: &'static [ElementRule] = &[");
    for field in merge.sections.iter().flat_map(|section| &section.fields) {
        let _ = writeln!(out, "        {},", element_rule(field));
    }
    let _ = writeln!(
        out,
        "    ];\n    const REGISTERS: &'static [(&'static str, RegisterKey)] = &["
    );
    for register in &merge.registers {
        let _ = writeln!(
            out,
            "        ({:?}, RegisterKey::{:?}),",
            register.name, register.key
        );
    }
    let _ = writeln!(out, "    ];\n    const FORMS: &'static [FormRule] = &[");
    for form in &merge.forms {
        form_rule(out, form);
    }
    let _ = writeln!(
        out,
        "    ];\n    fn read(answers: &mut Reader<'_>) -> Self {{\n        Self {{"
    );
    for element in &merge.elements {
        let _ = writeln!(
            out,
            "            {}: answers.element({:?}, {:?}),",
            ident(&element.code),
            element.code,
            element.shape.max
        );
    }
    let _ = writeln!(
        out,
        "        }}\n    }}\n    fn derive(&mut self, facts: &Facts<'_>) -> Derived {{"
    );
    let _ = writeln!(out, "        let mut derived = Derived::default();");
    let kinds: BTreeMap<&str, String> = merge
        .elements
        .iter()
        .map(|element| (element.code.as_str(), ident(&element.code)))
        .collect();
    for derivation in &merge.derivations {
        derive(out, derivation, &kinds);
    }
    let _ = writeln!(out, "        derived\n    }}\n}}");
}

fn matter_rule(out: &mut String, matter: &Matter) {
    let words = |text: &Text| format!("Words {{ zh: {:?}, en: {:?} }}", text.zh, text.en);
    let _ = writeln!(
        out,
        "    const MATTER: MatterRule = MatterRule {{\n        name: {:?},\n        legal_days: {},\n        promised_days: {},",
        matter.matter.get_ref(),
        matter.guide.legal_days,
        matter.promise.working_days
    );
    let _ = writeln!(out, "        scenarios: &[");
    for scenario in &matter.scenarios {
        let _ = writeln!(
            out,
            "            ScenarioRule {{ code: {:?}, title: {}, basis: {:?} }},",
            scenario.code,
            words(&scenario.title),
            scenario.basis
        );
    }
    let _ = writeln!(out, "        ],\n        materials: &[");
    for material in &matter.materials {
        let _ = writeln!(
            out,
            "            MaterialRule {{ code: {:?}, title: {}, deferrable: {}, accepts: &{:?} }},",
            material.code,
            words(&material.title),
            material.deferrable,
            material.accepts
        );
    }
    let _ = writeln!(out, "        ],\n        offices: &[");
    for office in &matter.offices {
        let title = words(&office.title);
        let _ = writeln!(
            out,
            "            OfficeRule {{ function: {:?}, title: {title} }},",
            office.function
        );
    }
    let _ = writeln!(out, "        ],\n        parties: &[");
    for party in &matter.parties {
        let title = words(&party.title);
        let _ = writeln!(
            out,
            "            PartyRule {{ role: {:?}, title: {title} }},",
            party.role
        );
    }
    let remedy = words(&matter.guide.remedy);
    let _ = writeln!(out, "        ],\n        remedy: {remedy},\n    }};");
}

fn derive(out: &mut String, derivation: &Derivation, idents: &BTreeMap<&str, String>) {
    let function = &derivation.function;
    let argument = |argument: &Argument| {
        let ident = idents
            .get(argument.element.as_str())
            .cloned()
            .unwrap_or_default();
        let mark = if argument.optional { "" } else { "?" };
        format!(", self.{ident}.as_ref(){mark}")
    };
    let arguments: String = derivation.from.iter().map(argument).collect();
    let _ = writeln!(
        out,
        "        let value: Option<{}> = (|| crate::rules::{function}(facts{arguments}))();",
        type_of(
            derivation.kind,
            derivation.element.as_deref().unwrap_or_default()
        )
    );
    let _ = writeln!(
        out,
        "        derived.function({function:?}, value.as_ref());"
    );
    if let Some(element) = &derivation.element {
        let _ = writeln!(out, "        derived.element({element:?}, {function:?});");
        let _ = writeln!(out, "        self.{} = value;", ident(element));
    }
}

fn element_rule(field: &MergedField) -> String {
    let source = match &field.source {
        Source::Typed { .. } => "SourceRule::Typed".to_owned(),
        Source::Derived { .. } => "SourceRule::Derived".to_owned(),
        Source::Register {
            register,
            field,
            lock,
        } => {
            let lock = match lock {
                Lock::Owner => "Owner",
                Lock::Disputable => "Disputable",
                Lock::Free => "Free",
            };
            format!(
                "SourceRule::Register {{ register: {register:?}, field: {field:?}, lock: Lock::{lock} }}"
            )
        }
    };
    format!(
        "ElementRule {{ code: {:?}, optional: {}, source: {source} }}",
        field.element, field.optional
    )
}

fn form_rule(out: &mut String, form: &SourceForm) {
    let _ = writeln!(
        out,
        "        FormRule {{ name: {:?}, agency: {:?}, fields: &[",
        form.name, form.agency
    );
    for field in &form.fields {
        let origin = match &field.from {
            Origin::Element { element } => format!("Origin::Element({element:?})"),
            Origin::Derived { function, from } => {
                let from: Vec<String> = from
                    .iter()
                    .map(|argument| Argument::parse(argument).element)
                    .collect();
                format!("Origin::Function {{ name: {function:?}, from: &{from:?} }}")
            }
            Origin::Constant { constant } => format!("Origin::Constant({constant:?})"),
            Origin::FiledOn => "Origin::FiledOn".to_owned(),
        };
        let decided = match &field.decided {
            Some(decided) => format!("Some(({:?}, {:?}))", decided.step, decided.value),
            None => "None".to_owned(),
        };
        let _ = writeln!(
            out,
            "            FieldRule {{ no: {:?}, origin: {origin}, columns: &{:?}, decided: {decided} }},",
            field.no,
            field
                .shape
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .collect::<Vec<_>>()
        );
    }
    let _ = writeln!(out, "        ], boxes: &[");
    for area in &form.boxes {
        let (kind, whose, shows) = match &area.filled_by {
            FilledBy::Step { step, shows } => ("Step", step, shows),
            FilledBy::Party { party, shows } => ("Party", party, shows),
        };
        let _ = writeln!(
            out,
            "            BoxRule {{ no: {:?}, by: FilledBy::{kind}({whose:?}), shows: {shows:?} }},",
            area.no
        );
    }
    let _ = writeln!(out, "        ] }},");
}

fn rust_type(code: &str, shape: &Shape) -> String {
    type_of(shape.kind, code)
}

fn type_of(kind: Kind, code: &str) -> String {
    match kind {
        Kind::Text => "String".to_owned(),
        Kind::Int => "u32".to_owned(),
        Kind::Decimal => "Decimal".to_owned(),
        Kind::Money => "Money".to_owned(),
        Kind::Bool => "bool".to_owned(),
        Kind::Date => "NaiveDate".to_owned(),
        Kind::Month => "Month".to_owned(),
        Kind::Enum => camel(code),
        Kind::EnumList => format!("Vec<{}>", camel(code)),
        Kind::Phone => "Phone".to_owned(),
        Kind::CitizenId => "CitizenId".to_owned(),
        Kind::Uscc => "Uscc".to_owned(),
        Kind::Account => "Account".to_owned(),
        Kind::Table => format!("Rows<{}>", row_name(code)),
        Kind::Signature => "Signature".to_owned(),
    }
}

/// The enum of a cell: the same word means different things in different tables.
fn cell_enum(table: &str, column: &Column) -> String {
    camel(table) + &camel(&column.name)
}

fn column_type(table: &str, column: &Column) -> String {
    let inner = match column.shape.kind {
        Kind::Enum => cell_enum(table, column),
        _ => rust_type(&column.name, &column.shape),
    };
    if column.optional {
        format!("Option<{inner}>")
    } else {
        inner
    }
}

fn row_name(code: &str) -> String {
    format!("{}Row", camel(code))
}

/// `rank-2014` → `rank_2014`, `AAC002` → `aac002`.
pub fn ident(code: &str) -> String {
    let name = code.replace('-', "_").to_lowercase();
    match syn::parse_str::<syn::Ident>(&name) {
        Ok(_) => name,
        Err(_) => format!("r#{name}"),
    }
}

/// `unit-clerk` → `UnitClerk`, `12` → `V12`.
fn camel(code: &str) -> String {
    let mut name = String::new();
    for word in code.split(['-', '_']) {
        let mut letters = word.chars();
        if let Some(first) = letters.next() {
            name.extend(first.to_uppercase());
            name.push_str(letters.as_str());
        }
    }
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert(0, 'V');
    }
    name
}
