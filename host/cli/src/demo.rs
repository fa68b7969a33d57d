//! `onething demo`: the main job once, on made-up people, in plain words.
//!
//! It takes the road that a platform and the offices take: prefill, submit, decide step by step. Its
//! clock is the story's, its data directory is its own, everything else is real.

use crate::case;
use crate::deployment::Deployment;
use crate::say;
use anyhow::{Context, bail, ensure};
use chrono::{DateTime, FixedOffset, TimeDelta};
use onething_case::{Event, State};
use onething_contract::manifest::{Manifest, Origin, SourceField};
use onething_contract::{Effect, EffectKind, FilledForm, Verdict};
use onething_engine::{Case, Decide, Engine, Submitted};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// When the clerk files.
const FILED_AT: &str = "2025-01-06T09:00:00+08:00";

/// Run the main job once, from four forms to a sealed case, and say what happened.
#[derive(clap::Args)]
pub struct Demo {
    /// The folder with the sample's registers and submission.
    #[arg(long, default_value = "fixtures/_sample")]
    sample: PathBuf,
}

impl Demo {
    /// Runs the story.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        let deployment = fresh(deployment, &self.sample)?;
        let engine = deployment.open().await?;
        let matter = "retirement";
        let Some(bundle) = engine.bundles().newest(matter).cloned() else {
            bail!("no bundle for {matter}: `onething bundle build functions/{matter}`");
        };
        let manifest = bundle.manifest().clone();
        let report = manifest.report();
        say(&format!("{}  {}", manifest.title.zh, manifest.title.en));
        say(&format!(
            "forms       {} forms, {} fields  ->  1 form, {} fields ({} from registers, {} computed, {} to type)",
            report.source_forms,
            report.source_fields,
            report.merged_fields,
            report.from_registers,
            report.derived,
            report.typed
        ));

        let mut now = DateTime::parse_from_rfc3339(FILED_AT)?;
        let mut hand_in = case::read(&self.sample.join("retirement.json"))?;
        let typed = hand_in.answers.as_object().map_or(0, serde_json::Map::len);
        case::fill(&engine, matter, &mut hand_in, now).await?;
        let filled = hand_in.answers.as_object().map_or(0, serde_json::Map::len);
        say(&format!(
            "prefilled   {} values from {} registers, {typed} typed",
            filled - typed,
            manifest.grants.registers.len()
        ));
        let name = hand_in.answers["AAC003"]
            .as_str()
            .unwrap_or_default()
            .to_owned();

        let id = match engine.submit(matter, hand_in, "demo", None, now).await? {
            Submitted::Registered { case_id, .. } => case_id,
            Submitted::Refused(assessment) => {
                assessment
                    .findings
                    .iter()
                    .for_each(|finding| say(&case::line(finding)));
                bail!(
                    "the sample is refused, missing: {}",
                    assessment.missing.join(", ")
                );
            }
        };
        case::drain(&engine, now).await?;
        let case = engine.case(&id).await?;
        say(&format!(
            "submitted   {name}, by the unit's clerk, as case {id}; version {} in force since {}",
            manifest.version, manifest.valid.since
        ));
        say(&format!(
            "promise     {} working days (was {})",
            manifest.promise.working_days, manifest.promise.before_working_days
        ));
        say(&format!(
            "unit seal   {}",
            seals_in_words(&engine, &case, true).await?
        ));

        while let Some(record) = engine.case(&id).await?.state.tasks().next().cloned() {
            now += TimeDelta::minutes(25);
            let state = engine.case(&id).await?.state;
            let open: Vec<&str> = state.tasks().map(|task| task.step.id.as_str()).collect();
            let forms = engine.forms(&state, now).await?;
            let decide = Decide {
                round: state.round(),
                task_version: Some(record.task_version),
                verdict: Verdict::Approve,
                reasons: Vec::new(),
                opinion: "同意".to_owned(),
                payload: payload(record.step.payload_schema.as_deref(), &forms, &manifest)?,
            };
            let by = format!("{}-021", record.office().function);
            let office = record.office().clone();
            engine
                .decide(&id, &record.step.id, decide, &by, &office, now)
                .await?;
            case::drain(&engine, now).await?;
            say(&format!(
                "approved    {}  {} {}  (open in parallel: {})",
                now.format("%H:%M"),
                record.step.title.zh,
                by,
                open.join(", ")
            ));
        }

        let case = engine.case(&id).await?;
        tell_end(&engine, &case, &manifest, now).await?;
        let data = deployment.data.display();
        say("");
        say(&format!(
            "look        onething --data {data} case show {id} --documents"
        ));
        say(&format!(
            "            {data}/deliveries   the agencies' own forms, filled back in and sealed"
        ));
        say(&format!("            {data}/outbox       the notices"));
        say(
            "next        onething replay   ·   onething form retirement   ·   onething serve, then http://127.0.0.1:8080/v1/matters",
        );
        ensure!(
            case.state.status.as_str() == "completed",
            "the case is {}",
            case.state.status.as_str()
        );
        Ok(())
    }
}

/// What the sealed, completed case is.
async fn tell_end(
    engine: &Engine,
    case: &Case,
    manifest: &Manifest,
    now: DateTime<FixedOffset>,
) -> anyhow::Result<()> {
    let state = &case.state;
    say(&format!(
        "sealed      {}",
        seals_in_words(engine, case, false).await?
    ));
    let forms = engine.forms(state, now).await?;
    let reproduced = reproduced(manifest, state, &forms);
    let fields = manifest.report().source_fields;
    let done = |kind| {
        let effects = state.view().effects;
        effects
            .iter()
            .filter(|effect| effect.kind == kind && matches!(effect.outcome, Some(Ok(_))))
            .count()
    };
    say(&format!(
        "delivered   {} agency forms filled back in, {reproduced} of {fields} fields reproduced",
        done(EffectKind::Delivery)
    ));
    say(&format!(
        "notified    {} notices in the outbox",
        done(EffectKind::Notice)
    ));
    let ended = state.ended_at.as_deref().unwrap_or("not yet");
    say(&format!("case        {}, {ended}", state.status.as_str()));
    if let Some(outcome) = &state.outcome {
        say(&format!("outcome     {outcome}"));
    }
    Ok(())
}

/// Source fields that show what they should: a copied one what was answered, even where that is
/// nothing, a computed one a value.
fn reproduced(manifest: &Manifest, state: &State, forms: &[FilledForm]) -> usize {
    let object = |json: &str| serde_json::from_str::<Value>(json).unwrap_or_default();
    let (answers, derived) = (object(&state.answers), object(&state.assessment.derived));
    let mut count = 0;
    for form in &manifest.source_forms {
        let filled = forms.iter().find(|filled| filled.form == form.name);
        let values = filled
            .map(|filled| object(&filled.values))
            .unwrap_or_default();
        let is_right = |field: &&SourceField| {
            let shown = &values[field.no.as_str()];
            match &field.from {
                Origin::Element { element } => [&derived, &answers]
                    .into_iter()
                    .find_map(|source| source.get(element))
                    .map_or(shown.is_null(), |value| value == shown),
                _ => !shown.is_null(),
            }
        };
        count += form.fields.iter().filter(is_right).count();
    }
    count
}

/// An empty data directory with the sample's registers. Only what an earlier demo left is removed.
fn fresh(deployment: &Deployment, sample: &Path) -> anyhow::Result<Deployment> {
    let data = deployment.data.join("demo");
    for leftover in ["onething.db", "onething.db-wal", "onething.db-shm"] {
        let path = data.join(leftover);
        if path.exists() {
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    for folder in ["registers", "outbox", "deliveries"] {
        let path = data.join(folder);
        if path.exists() {
            std::fs::remove_dir_all(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    let registers = data.join("registers");
    std::fs::create_dir_all(&registers)
        .with_context(|| format!("cannot make {}", registers.display()))?;
    let from = sample.join("registers");
    let entries =
        std::fs::read_dir(&from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let path = entry?.path();
        if let Some(name) = path.file_name() {
            std::fs::copy(&path, registers.join(name))?;
        }
    }
    Ok(Deployment {
        data,
        ..deployment.clone()
    })
}

/// Verifies every seal on the case's documents and counts them by whose they are.
async fn seals_in_words(engine: &Engine, case: &Case, by_unit: bool) -> anyhow::Result<String> {
    let id = &case.state.id;
    let mut owners: Vec<(String, usize)> = Vec::new();
    for info in engine.store().documents(id).await? {
        let stored = engine
            .store()
            .get_document(id, &info.name, Some(info.event))
            .await?;
        let bytes = stored.context("a document is gone")?.bytes;
        for seal in &info.seals {
            let seal: onething_capabilities::Signature = serde_json::from_value(seal.clone())?;
            onething_capabilities::verify(&seal, &bytes).with_context(|| {
                format!("the seal of {} on {} is not good", seal.owner, info.name)
            })?;
            if seal.owner.starts_with("unit-") != by_unit {
                continue;
            }
            match owners.iter_mut().find(|(owner, _)| *owner == seal.owner) {
                Some((_, count)) => *count += 1,
                None => owners.push((seal.owner, 1)),
            }
        }
    }
    ensure!(!owners.is_empty(), "no seals");
    let words: Vec<String> = owners
        .iter()
        .map(|(owner, count)| format!("{owner} on {count} documents"))
        .collect();
    let sealings = case.events.iter().filter(|recorded| match &recorded.event {
        Event::Reacted { intents, .. } => intents
            .iter()
            .any(|intent| matches!(intent.effect, Effect::Seal { .. })),
        _ => false,
    });
    Ok(format!(
        "{} (verified; sealed {} times in all)",
        words.join(", "),
        sealings.count()
    ))
}

/// What the step's schema wants: figures as the office's own form has them, which an office would
/// look at before it signs, and made-up words for the rest.
fn payload(
    schema: Option<&str>,
    forms: &[FilledForm],
    manifest: &Manifest,
) -> anyhow::Result<Option<Value>> {
    let Some(schema) = schema else {
        return Ok(None);
    };
    let schema: Value = serde_json::from_str(schema)?;
    let mut payload = serde_json::Map::new();
    for (member, wanted) in schema["properties"].as_object().into_iter().flatten() {
        let estimate = manifest.source_forms.iter().find_map(|form| {
            let field = form.fields.iter().find(|field| {
                field
                    .decided
                    .as_ref()
                    .is_some_and(|decided| decided.value == *member)
            })?;
            let values = forms.iter().find(|one| one.form == form.name)?;
            let values: Value = serde_json::from_str(&values.values).ok()?;
            values
                .get(&field.no)
                .filter(|value| !value.is_null())
                .cloned()
        });
        let made_up = match wanted["format"].as_str() {
            Some("date") => json!(computed(manifest, forms, "exit_date")),
            _ if member.ends_with("month") => {
                json!(computed(manifest, forms, "retirement_month"))
            }
            _ if member == "interest" => json!("0.00"),
            _ => json!("示例"),
        };
        payload.insert(member.clone(), estimate.unwrap_or(made_up));
    }
    Ok(Some(Value::Object(payload)))
}

/// The value of the first printed field that a function of the rules computes.
fn computed(manifest: &Manifest, forms: &[FilledForm], function: &str) -> Value {
    let found = manifest.source_forms.iter().find_map(|form| {
        let field = form.fields.iter().find(|field| {
            matches!(&field.from, Origin::Derived { function: known, .. } if known == function)
        })?;
        let values = forms.iter().find(|one| one.form == form.name)?;
        let values: Value = serde_json::from_str(&values.values).ok()?;
        values.get(&field.no).cloned()
    });
    found.unwrap_or_default()
}
