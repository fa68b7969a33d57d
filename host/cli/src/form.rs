//! `onething form`: the merge report of a matter.

use crate::deployment::Deployment;
use crate::say;
use onething_contract::Lock;
use onething_contract::manifest::{Manifest, Origin, Source};
use onething_runtime::inspect;

/// Show how a matter's source forms were merged.
#[derive(clap::Args)]
pub struct Form {
    /// The name of the matter, or the path of a bundle.
    matter: String,
    /// The figures and the forms as JSON.
    #[arg(long)]
    json: bool,
}

impl Form {
    /// Prints the report.
    pub fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        let manifest = inspect(&deployment.bundle(&self.matter)?)?.manifest;
        if self.json {
            return json(&manifest);
        }
        text(&manifest);
        Ok(())
    }
}

fn json(manifest: &Manifest) -> anyhow::Result<()> {
    let mut report = serde_json::to_value(manifest.report())?;
    report["matter"] = manifest.matter.clone().into();
    report["forms"] = serde_json::to_value(&manifest.source_forms)?;
    report["merged"] = serde_json::to_value(&manifest.merged_form)?;
    say(&serde_json::to_string_pretty(&report)?);
    Ok(())
}

fn text(manifest: &Manifest) {
    let report = manifest.report();
    say(&manifest.merged_form.title.zh);
    say(&format!(
        "{} forms, {} fields -> 1 form, {} fields: {} from registers, {} derived, {} typed",
        report.source_forms,
        report.source_fields,
        report.merged_fields,
        report.from_registers,
        report.derived,
        report.typed
    ));
    for section in &manifest.merged_form.sections {
        say(&format!("\n{}  {}", section.title.zh, section.title.en));
        for field in &section.fields {
            let label = manifest
                .element(&field.element)
                .map_or("", |element| element.label.zh.as_str());
            let source = match &field.source {
                Source::Typed { by } => format!("typed by the {by}"),
                Source::Derived { function, .. } => format!("derived: {function}"),
                Source::Register {
                    register,
                    field,
                    lock,
                } => {
                    format!("{register}.{field}, {}", lock_word(*lock))
                }
            };
            let used = printed_at(manifest, &field.element);
            say(&format!(
                "  {} {label}  [{}]  {source}  ->  {used}",
                field.no, field.element
            ));
        }
    }
    for form in &manifest.source_forms {
        let copied = form
            .fields
            .iter()
            .filter(|field| matches!(field.from, Origin::Element { .. }))
            .count();
        say(&format!(
            "\n{} ({}): {} fields, {copied} copied, {} computed or constant; {} boxes for decisions and seals",
            form.title.zh,
            form.name,
            form.fields.len(),
            form.fields.len() - copied,
            form.boxes.len()
        ));
    }
}

fn lock_word(lock: Lock) -> &'static str {
    match lock {
        Lock::Owner => "locked",
        Lock::Disputable => "disputable",
        Lock::Free => "free",
    }
}

/// The boxes of the source forms that an element fills.
fn printed_at(manifest: &Manifest, element: &str) -> String {
    let fields = manifest.source_forms.iter().flat_map(|form| &form.fields);
    let numbers: Vec<&str> = fields
        .filter(
            |field| matches!(&field.from, Origin::Element { element: copied } if copied == element),
        )
        .map(|field| field.no.as_str())
        .collect();
    numbers.join(" ")
}
