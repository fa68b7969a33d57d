//! `onething demo`: every matter once, on made-up people, in plain words.
//!
//! It takes the road that platforms, parties, offices and the bank take: prefill, submit, sign, decide
//! step by step, answer payments. Its clock is the story's, its data directory is its own, everything
//! else is real.

use crate::deployment::Deployment;
use crate::sample::{Story, copy_registers, stories};
use crate::{case, say};
use anyhow::{Context, bail, ensure};
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta};
use onething_capabilities::{AnsweredLine, BankAnswer, LineStatus};
use onething_case::{Event, State, Status, StepRecord};
use onething_contract::manifest::{Manifest, Origin, SourceField};
use onething_contract::{Effect, EffectKind, FilledForm, PaymentOrder, StepMode, Verdict};
use onething_engine::{Case, Decide, Engine, Reach, Sign, Submitted};
use onething_store::NewBudget;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Run every matter once, from the agencies' forms to a sealed case, and say what happened.
#[derive(clap::Args)]
pub struct Demo {
    /// Only this matter.
    matter: Option<String>,
    /// The folder with the samples' registers, submissions and stories.
    #[arg(long, default_value = "fixtures/_sample")]
    sample: PathBuf,
}

impl Demo {
    /// Runs the stories.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<()> {
        let deployment = fresh(deployment, &self.sample)?;
        let engine = deployment.open().await?;
        let mut cases = Vec::new();
        for matter in stories(&self.sample)? {
            if self.matter.as_ref().is_none_or(|only| *only == matter) {
                cases.push(tell_story(&engine, &self.sample, &matter).await?);
                say("");
            }
        }
        let Some(last) = cases.last() else {
            bail!("no story in {}", self.sample.display());
        };
        let data = deployment.data.display();
        say(&format!(
            "look        onething --data {data} case show {last} --documents"
        ));
        say(&format!(
            "            {data}/deliveries   the agencies' own forms, filled back in and sealed"
        ));
        say(&format!(
            "            {data}/outbox       the notices; {data}/bank the payment files"
        ));
        say(
            "next        onething replay   ·   onething guide --reductions   ·   onething serve, then http://127.0.0.1:8080/v1/matters",
        );
        Ok(())
    }
}

/// A matter from its forms to its end; answers the case's id.
async fn tell_story(engine: &Engine, sample: &Path, matter: &str) -> anyhow::Result<String> {
    let story = Story::read(sample, matter)?;
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
    let mut now = story.filed_at()?;
    prepare(engine, matter, &story, now).await?;
    pay(engine, &mut now.clone()).await?;
    let id = submit(engine, sample, &manifest, now).await?;
    sign(engine, &id, &mut now).await?;
    let case = engine.case(&id).await?;
    if let Some(seals) = seals_in_words(engine, &case, true).await? {
        say(&format!("unit seal   {seals}"));
    }
    loop {
        let state = engine.case(&id).await?.state;
        let paid = pay(engine, &mut now).await?;
        let Some(record) = state.tasks().next().cloned() else {
            if paid {
                continue;
            }
            break;
        };
        match &record.step.mode {
            StepMode::PublicNotice(notice) => {
                say(&format!("published   {}", notice.text.zh));
                now = over(engine, &id, &record, now).await?;
                let title = &record.step.title.zh;
                say(&format!(
                    "no objection {}  {title}",
                    now.format("%m-%d %H:%M")
                ));
            }
            StepMode::Manual | StepMode::Automatic => {
                now += TimeDelta::minutes(25);
                approve(engine, &manifest, &story, &state, &record, now).await?;
            }
        }
    }
    let case = engine.case(&id).await?;
    tell_end(engine, &case, &manifest, now).await?;
    ensure!(
        case.state.status.as_str() == "completed",
        "the case {id} is {}",
        case.state.status.as_str()
    );
    Ok(id)
}

/// Money into the budgets, and word to those who are entitled.
async fn prepare(
    engine: &Engine,
    matter: &str,
    story: &Story,
    now: DateTime<FixedOffset>,
) -> anyhow::Result<()> {
    for budget in &story.budgets {
        let opened = NewBudget {
            name: budget.name.clone(),
            title: budget.title.clone(),
            holder: budget.holder.clone(),
            account: budget.account.clone(),
            bank: None,
        };
        engine.open_budget(&opened, now).await?;
        engine.fund(&budget.name, &budget.fund, "demo", now).await?;
        say(&format!("budget      {} {} yuan", budget.name, budget.fund));
    }
    if let Some(outreach) = &story.outreach {
        let on: NaiveDate = now.date_naive();
        let reach = Reach {
            matter: matter.to_owned(),
            register: outreach.register.clone(),
            family: outreach.family.clone(),
            region: outreach.region.clone(),
            on,
        };
        let reached = engine.reach(&reach, now).await?;
        case::drain(engine, now).await?;
        say(&format!(
            "reached     {} in the register {}: {} offers told, {} cases opened without an application",
            reached.subjects, outreach.register, reached.told, reached.opened
        ));
    }
    Ok(())
}

async fn submit(
    engine: &Engine,
    sample: &Path,
    manifest: &Manifest,
    now: DateTime<FixedOffset>,
) -> anyhow::Result<String> {
    let matter = &manifest.matter;
    let mut hand_in = case::read(&sample.join(format!("{matter}.json")))?;
    let typed = hand_in.answers.as_object().map_or(0, Map::len);
    case::fill(engine, matter, &mut hand_in, now).await?;
    let filled = hand_in.answers.as_object().map_or(0, Map::len);
    say(&format!(
        "prefilled   {} values from {} registers, {typed} typed",
        filled - typed,
        manifest.grants.registers.len()
    ));
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
    case::drain(engine, now).await?;
    say(&format!(
        "submitted   as case {id}; version {} in force since {}; promise: {} working days (was {})",
        manifest.version,
        manifest.valid.since,
        manifest.promise.working_days,
        manifest.promise.before_working_days
    ));
    Ok(id)
}

/// Every party signs, one after the other.
async fn sign(engine: &Engine, id: &str, now: &mut DateTime<FixedOffset>) -> anyhow::Result<()> {
    let state = engine.case(id).await?.state;
    if state.status != Status::Signing {
        return Ok(());
    }
    let parties: Vec<_> = state.unsigned().cloned().collect();
    for party in &parties {
        *now += TimeDelta::minutes(5);
        let sign = Sign {
            subject: party.subject.clone(),
            role: party.role.clone(),
            round: state.round(),
        };
        engine.sign(id, &sign, "demo", *now).await?;
        say(&format!(
            "signed      {}  {} ({})",
            now.format("%H:%M"),
            party.name,
            party.role
        ));
    }
    case::drain(engine, *now).await
}

/// Time passes until nobody has objected to a notice; answers when that is.
async fn over(
    engine: &Engine,
    id: &str,
    record: &StepRecord,
    now: DateTime<FixedOffset>,
) -> anyhow::Result<DateTime<FixedOffset>> {
    let published = engine
        .store()
        .published(None, onething_store::ROWS_MAX)
        .await?;
    let task = published
        .iter()
        .find(|task| task.case_id == id && task.step == record.step.id);
    let due = task.and_then(|task| task.notice.as_ref()?.due.clone());
    let due = due.context("the calendar of the notice's days is not published")?;
    let over = DateTime::parse_from_rfc3339(&due)?.max(now);
    case::drain(engine, over).await?;
    // The offices go on in the morning.
    Ok(over + TimeDelta::hours(9))
}

async fn approve(
    engine: &Engine,
    manifest: &Manifest,
    story: &Story,
    state: &State,
    record: &StepRecord,
    now: DateTime<FixedOffset>,
) -> anyhow::Result<()> {
    let open: Vec<&str> = state.tasks().map(|task| task.step.id.as_str()).collect();
    let forms = engine.forms(state, now).await?;
    let step = record.step.id.as_str();
    let decide = Decide {
        round: state.round(),
        task_version: Some(record.task_version),
        verdict: Verdict::Approve,
        reasons: Vec::new(),
        opinion: "同意".to_owned(),
        payload: match record.step.payload_schema {
            Some(_) => Some(payload(story, manifest, &forms, step)?),
            None => None,
        },
        on_behalf_of: None,
    };
    let office = record.office().clone();
    let by = format!("{}-021", office.function);
    let decided = engine
        .decide(&state.id, step, decide, &by, &office, now)
        .await;
    decided.with_context(|| format!("step {step}"))?;
    case::drain(engine, now).await?;
    say(&format!(
        "approved    {}  {} {by}  (open in parallel: {})",
        now.format("%m-%d %H:%M"),
        record.step.title.zh,
        open.join(", ")
    ));
    Ok(())
}

/// The story's words, and the figures that the office's own form has for its decision.
fn payload(
    story: &Story,
    manifest: &Manifest,
    forms: &[FilledForm],
    step: &str,
) -> anyhow::Result<Value> {
    let mut payload = story.payload(step)?;
    for form in &manifest.source_forms {
        let Some(filled) = forms.iter().find(|filled| filled.form == form.name) else {
            continue;
        };
        let values: Map<String, Value> = serde_json::from_str(&filled.values)?;
        for field in &form.fields {
            let decided = field
                .decided
                .as_ref()
                .filter(|decided| decided.step == step);
            let value = values.get(&field.no).filter(|value| !value.is_null());
            if let (Some(decided), Some(value)) = (decided, value) {
                payload
                    .entry(&decided.value)
                    .or_insert_with(|| value.clone());
            }
        }
    }
    Ok(Value::Object(payload))
}

/// The bank pays what it was sent, on the day that each order names; false where it has nothing to
/// pay.
async fn pay(engine: &Engine, now: &mut DateTime<FixedOffset>) -> anyhow::Result<bool> {
    let store = engine.store();
    let sent = store.sent_payments(None, onething_store::ROWS_MAX).await?;
    for row in &sent {
        let Effect::Payment(order) = &row.intent.effect else {
            continue;
        };
        let day: NaiveDate = order.execute_on.parse()?;
        *now += TimeDelta::minutes(30);
        while now.date_naive() < day {
            *now += TimeDelta::days(1);
        }
        let line = |line: &onething_contract::Payment| AnsweredLine {
            line: line.line.clone(),
            status: LineStatus::Paid,
            reason: None,
        };
        let answer = BankAnswer {
            lines: order.lines.iter().map(line).collect(),
        };
        engine
            .bank_answer(&row.intent.ticket, &answer, *now)
            .await?;
        case::drain(engine, *now).await?;
        say(&format!(
            "paid        {}  case {}: {} lines, {} yuan out of {}",
            now.format("%m-%d %H:%M"),
            row.case_id,
            order.lines.len(),
            total(order)?,
            order.budget
        ));
    }
    Ok(!sent.is_empty())
}

fn total(order: &PaymentOrder) -> anyhow::Result<String> {
    let mut fen = 0;
    for line in &order.lines {
        fen += onething_contract::fen(&line.amount).context("an amount is no money")?;
    }
    Ok(onething_contract::yuan(fen))
}

/// What the sealed, completed case is.
async fn tell_end(
    engine: &Engine,
    case: &Case,
    manifest: &Manifest,
    now: DateTime<FixedOffset>,
) -> anyhow::Result<()> {
    let state = &case.state;
    if let Some(seals) = seals_in_words(engine, case, false).await? {
        say(&format!("sealed      {seals}"));
    }
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
        "delivered   {} agency forms filled back in, {reproduced} of {fields} fields filled",
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
    for folder in ["registers", "outbox", "deliveries", "bank"] {
        let path = data.join(folder);
        if path.exists() {
            std::fs::remove_dir_all(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    copy_registers(sample, &data)?;
    Ok(Deployment {
        database: None,
        data,
        ..deployment.clone()
    })
}

/// Verifies every seal on the case's documents and counts them by whose they are; `None` without any.
async fn seals_in_words(
    engine: &Engine,
    case: &Case,
    by_unit: bool,
) -> anyhow::Result<Option<String>> {
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
    if owners.is_empty() {
        return Ok(None);
    }
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
    Ok(Some(format!(
        "{} (verified; sealed {} times in all)",
        words.join(", "),
        sealings.count()
    )))
}
