//! Reads the TOML files, keeping where each thing stands. Knows the files' shape, not their sense.

use crate::Problem;
use onething_contract::Text;
use onething_contract::manifest::{
    Column, Decided, EnumValue, Grants, Guide, Kind, MaterialRule, NoticeTemplate, OfficeRule,
    PartyRule, Promise, RegisterGrant, RegisterKey, Scenario, Statistics,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Everything that a bundle's forms are made of.
#[derive(Debug)]
pub struct Sources {
    pub files: Vec<PathBuf>,
    pub elements: File<BTreeMap<String, Spanned<Element>>>,
    pub matter: File<Matter>,
    pub merged: File<Merged>,
    /// In the order of their codes.
    pub forms: Vec<File<Form>>,
    /// `src/rules.rs`.
    pub rules: File<crate::rules::Functions>,
}

/// A file's content with its lines at hand.
#[derive(Debug)]
pub struct File<T> {
    pub path: PathBuf,
    text: String,
    pub content: T,
}

impl<T> File<T> {
    pub fn problem<S>(&self, at: &Spanned<S>, message: String) -> Problem {
        Problem {
            file: self.path.clone(),
            line: self.line(at),
            message,
        }
    }

    pub fn line<S>(&self, at: &Spanned<S>) -> usize {
        line_of(&self.text, at.span().start)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Element {
    pub label: Text,
    #[serde(rename = "type")]
    pub kind: Kind,
    #[serde(default)]
    pub values: Vec<EnumValue>,
    #[serde(default)]
    pub columns: Vec<Column>,
    pub max: Option<u32>,
    pub standard: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Form {
    pub code: Spanned<String>,
    pub title: Text,
    pub agency: Spanned<String>,
    pub basis: String,
    #[serde(rename = "field", default)]
    pub fields: Vec<Spanned<Field>>,
    #[serde(rename = "box", default)]
    pub boxes: Vec<Spanned<FormBox>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Field {
    pub no: String,
    pub label: String,
    /// As the agency prints it; must agree with the dictionary and with every other form.
    #[serde(rename = "type")]
    pub kind: Option<Kind>,
    pub element: Option<String>,
    /// Of a table: those that this form prints, in its order. All where none is named.
    #[serde(default)]
    pub columns: Vec<String>,
    pub derive: Option<String>,
    #[serde(default)]
    pub from: Vec<String>,
    pub constant: Option<String>,
    pub system: Option<String>,
    pub decided: Option<Decided>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FormBox {
    pub no: String,
    pub label: String,
    pub step: Option<String>,
    pub party: Option<String>,
    pub shows: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Merged {
    pub title: Text,
    #[serde(rename = "section")]
    pub sections: Vec<MergedSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MergedSection {
    pub title: Text,
    #[serde(rename = "field")]
    pub fields: Vec<Spanned<MergedField>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MergedField {
    pub no: String,
    pub element: String,
    pub by: Option<String>,
    pub register: Option<String>,
    pub lock: Option<onething_contract::Lock>,
    pub derive: Option<String>,
    #[serde(default)]
    pub from: Vec<String>,
    #[serde(default)]
    pub optional: bool,
    pub note: Option<Text>,
}

/// `matter.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Matter {
    pub contract: Spanned<String>,
    pub matter: Spanned<String>,
    pub version: String,
    pub title: Text,
    pub valid: Valid,
    pub legal_date: Option<Spanned<String>>,
    pub hears: Vec<Spanned<String>>,
    pub promise: Promise,
    #[serde(rename = "scenario", default)]
    pub scenarios: Vec<Scenario>,
    #[serde(rename = "material", default)]
    pub materials: Vec<MaterialRule>,
    #[serde(rename = "office", default)]
    pub offices: Vec<OfficeRule>,
    #[serde(rename = "party", default)]
    pub parties: Vec<PartyRule>,
    #[serde(default)]
    pub grants: MatterGrants,
    #[serde(rename = "notice", default)]
    pub notices: Vec<NoticeTemplate>,
    pub statistics: Option<Spanned<Statistics>>,
    pub guide: Guide,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Valid {
    pub since: Spanned<toml::value::Datetime>,
    pub until: Option<Spanned<toml::value::Datetime>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MatterGrants {
    #[serde(rename = "register")]
    registers: Vec<RegisterGrant>,
    parameters: Vec<String>,
    seals: Vec<String>,
    deliveries: Vec<String>,
    payments: Vec<String>,
}

impl MatterGrants {
    pub fn grants(&self) -> Grants {
        Grants {
            registers: self.registers.clone(),
            parameters: self.parameters.clone(),
            seals: self.seals.clone(),
            deliveries: self.deliveries.clone(),
            payments: self.payments.clone(),
        }
    }

    /// What a granted register is looked up by.
    pub fn key(&self, register: &str) -> Option<RegisterKey> {
        let grant = self.registers.iter().find(|grant| grant.name == register)?;
        Some(grant.key)
    }
}

/// Reads the files of the bundle in `dir`; problems of every file are reported together.
pub fn sources(dir: &Path) -> Result<Sources, Vec<Problem>> {
    let mut problems = Vec::new();
    let above = dir.parent().unwrap_or(dir);
    let elements = file(above.join("elements.toml"), toml, &mut problems);
    let matter = file(dir.join("matter.toml"), toml, &mut problems);
    let merged = file(dir.join("forms/merged.toml"), toml, &mut problems);
    let rules = file(
        dir.join("src/rules.rs"),
        crate::rules::functions,
        &mut problems,
    );
    let mut forms = Vec::new();
    for path in form_files(dir, &mut problems) {
        forms.extend(file(path, toml::<Form>, &mut problems));
    }
    forms.sort_by(|a, b| a.content.code.get_ref().cmp(b.content.code.get_ref()));
    match (elements, matter, merged, rules) {
        (Some(elements), Some(matter), Some(merged), Some(rules)) if problems.is_empty() => {
            let mut files = vec![
                elements.path.clone(),
                matter.path.clone(),
                merged.path.clone(),
                rules.path.clone(),
            ];
            files.extend(forms.iter().map(|form| form.path.clone()));
            Ok(Sources {
                files,
                elements,
                matter,
                merged,
                forms,
                rules,
            })
        }
        _ => Err(problems),
    }
}

fn form_files(dir: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let forms = dir.join("forms");
    let entries = match std::fs::read_dir(&forms) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(whole(&forms, format!("cannot be read: {error}")));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .filter(|path| path.file_stem().is_some_and(|stem| stem != "merged"))
        .collect();
    files.sort();
    files
}

/// What is wrong with a text, and at which byte.
pub type Wrong = (String, usize);

fn file<T>(
    path: PathBuf,
    parse: impl FnOnce(&str) -> Result<T, Wrong>,
    problems: &mut Vec<Problem>,
) -> Option<File<T>> {
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(whole(&path, format!("cannot be read: {error}")));
            return None;
        }
    };
    match parse(&text) {
        Ok(content) => Some(File {
            path,
            text,
            content,
        }),
        Err((message, at)) => {
            let line = line_of(&text, at);
            problems.push(Problem {
                file: path,
                line,
                message,
            });
            None
        }
    }
}

fn toml<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        (error.message().to_owned(), at)
    })
}

fn whole(path: &Path, message: String) -> Problem {
    Problem {
        file: path.to_owned(),
        line: 0,
        message,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before.iter().filter(|&&byte| byte == b'\n').count() + 1
}
