//! Puts the manifest together from the matter's own words and the merged forms.

use crate::merge::Merge;
use crate::read::Sources;
use crate::schema;
use onething_contract::manifest::{Manifest, MergedField, MergedForm, Section, Validity};
use sha2::{Digest, Sha256};

pub fn manifest(sources: &Sources, merge: Merge) -> Manifest {
    let matter = &sources.matter.content;
    let title = &sources.merged.content.title;
    let fields: Vec<&MergedField> = merge
        .sections
        .iter()
        .flat_map(|section| &section.fields)
        .collect();
    let schema = schema::schema(&title.zh, &fields, &merge.elements);
    Manifest {
        contract: matter.contract.get_ref().clone(),
        matter: matter.matter.get_ref().clone(),
        version: matter.version.clone(),
        title: matter.title.clone(),
        valid: Validity {
            since: matter.valid.since.get_ref().to_string(),
            until: matter
                .valid
                .until
                .as_ref()
                .map(|until| until.get_ref().to_string()),
        },
        legal_date: matter
            .legal_date
            .as_ref()
            .map(|element| element.get_ref().clone()),
        hears: matter
            .hears
            .iter()
            .map(|kind| kind.get_ref().clone())
            .collect(),
        promise: matter.promise.clone(),
        scenarios: matter.scenarios.clone(),
        materials: matter.materials.clone(),
        offices: matter.offices.clone(),
        parties: matter.parties.clone(),
        grants: matter.grants.grants(),
        notices: matter.notices.clone(),
        statistics: matter
            .statistics
            .as_ref()
            .map(|statistics| statistics.get_ref().clone())
            .unwrap_or_default(),
        guide: matter.guide.clone(),
        merged_form: MergedForm {
            title: title.clone(),
            digest: digest(&merge.sections, &schema),
            sections: merge.sections,
        },
        elements: merge.elements,
        source_forms: merge.forms,
        schema,
    }
}

fn digest(sections: &[Section], schema: &serde_json::Value) -> String {
    let content = serde_json::json!({ "sections": sections, "schema": schema });
    hex::encode(Sha256::digest(content.to_string()))
}
