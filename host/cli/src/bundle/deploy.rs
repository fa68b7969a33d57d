//! `onething bundle deploy`, `list` and `rollback`: straight on the store of the deployment, or over
//! HTTP where a host is named.

use super::check::{Checked, tell_finding};
use crate::deployment::{Deployment, now};
use crate::say;
use anyhow::{Context, bail, ensure};
use chrono::NaiveDate;
use onething_contract::Finding;
use onething_store::ActivationRow;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use ureq::Agent;
use ureq::http::Response;

/// A host, where the store is not opened directly.
#[derive(clap::Args)]
pub struct Host {
    /// A host to ask over HTTP, `http://127.0.0.1:8080`, instead of opening the store.
    #[arg(long, requires = "token_file")]
    server: Option<String>,
    /// A file with the token of a reformer or an operator.
    #[arg(long, requires = "server")]
    token_file: Option<PathBuf>,
    /// Who does it, where the store is opened directly.
    #[arg(long, env = "USER", default_value = "operator")]
    by: String,
}

/// What to put in force.
#[derive(clap::Args)]
pub struct Deploy {
    #[command(flatten)]
    checked: Checked,
    /// The first legal date that it is taken for; the first day of its law where it is not given.
    #[arg(long)]
    from: Option<NaiveDate>,
    #[command(flatten)]
    host: Host,
}

/// What to list.
#[derive(clap::Args)]
pub struct List {
    /// Only this matter.
    matter: Option<String>,
    #[command(flatten)]
    host: Host,
}

/// What to take back.
#[derive(clap::Args)]
pub struct RollBack {
    /// The matter.
    matter: String,
    #[command(flatten)]
    host: Host,
}

impl Deploy {
    /// Checks it, and puts it in force where nothing is wrong.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<ExitCode> {
        let component = self.checked.component(deployment)?;
        if let Some(remote) = self.host.remote()? {
            let upload = pack(&component, &self.checked.fixtures(&component)?)?;
            let from = self.from.map(|day| format!("?from={day}"));
            let path = format!("/v1/bundles{}", from.unwrap_or_default());
            let answer = remote.post(&path, "application/x-tar", &upload)?;
            let Some(answer) = accepted(answer)? else {
                return Ok(ExitCode::FAILURE);
            };
            for checked in answer["checked"].as_array().into_iter().flatten() {
                say(&format!("checked   {}", text(&checked["en"])));
            }
            tell_in_force(answer["in_force"].as_array().map_or(&[], Vec::as_slice));
            return Ok(ExitCode::SUCCESS);
        }
        if !self.checked.check(deployment, &component)?.is_good() {
            say("not deployed");
            return Ok(ExitCode::FAILURE);
        }
        let engine = deployment.open_store().await?;
        let by = &self.host.by;
        let standing = engine.deploy(component, self.from, by, now()).await?;
        tell_in_force(&rows(standing));
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    /// Tells what was put in force, when and by whom, and how many open cases each bundle has.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<ExitCode> {
        let rows = if let Some(remote) = self.host.remote()? {
            let of = self.matter.map(|matter| format!("?matter={matter}"));
            let answer = remote.get(&format!("/v1/bundles{}", of.unwrap_or_default()))?;
            let Some(mut answer) = accepted(answer)? else {
                return Ok(ExitCode::FAILURE);
            };
            match answer["activations"].take() {
                Value::Array(rows) => rows,
                _ => Vec::new(),
            }
        } else {
            let engine = deployment.open_store().await?;
            let store = engine.store();
            let open: BTreeMap<_, _> = store.open_cases().await?.into_iter().collect();
            let mut rows = rows(store.activations(self.matter.as_deref()).await?);
            for row in &mut rows {
                row["open_cases"] = json!(open.get(text(&row["digest"])).unwrap_or(&0));
            }
            rows.reverse();
            rows
        };
        rows.iter().for_each(tell);
        Ok(ExitCode::SUCCESS)
    }
}

impl RollBack {
    /// Takes back what was put in force last.
    pub async fn run(self, deployment: &Deployment) -> anyhow::Result<ExitCode> {
        if let Some(remote) = self.host.remote()? {
            let path = format!("/v1/bundles/{}/rollback", self.matter);
            let Some(answer) = accepted(remote.post(&path, "application/json", b"")?)? else {
                return Ok(ExitCode::FAILURE);
            };
            tell(&answer["cancelled"]);
            tell_in_force(answer["in_force"].as_array().map_or(&[], Vec::as_slice));
            return Ok(ExitCode::SUCCESS);
        }
        let engine = deployment.open_store().await?;
        let by = &self.host.by;
        let rolled_back = engine.roll_back(&self.matter, by, now()).await?;
        rows(vec![rolled_back.cancelled]).iter().for_each(tell);
        tell_in_force(&rows(rolled_back.standing));
        Ok(ExitCode::SUCCESS)
    }
}

/// A host that is asked over HTTP.
struct Remote {
    url: String,
    token: String,
    agent: Agent,
}

impl Host {
    fn remote(&self) -> anyhow::Result<Option<Remote>> {
        let (Some(url), Some(file)) = (&self.server, &self.token_file) else {
            return Ok(None);
        };
        ensure!(
            url.starts_with("http://"),
            "{url} does not start with http://; where TLS is wanted, go through the proxy's tunnel"
        );
        let token = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let config = Agent::config_builder().http_status_as_error(false).build();
        Ok(Some(Remote {
            url: url.trim_end_matches('/').to_owned(),
            token: token.trim().to_owned(),
            agent: Agent::new_with_config(config),
        }))
    }
}

impl Remote {
    fn get(&self, path: &str) -> anyhow::Result<Response<ureq::Body>> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let request = request.header("authorization", format!("Bearer {}", self.token));
        request
            .call()
            .with_context(|| format!("cannot ask {}", self.url))
    }

    fn post(
        &self,
        path: &str,
        media_type: &str,
        body: &[u8],
    ) -> anyhow::Result<Response<ureq::Body>> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = request
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", media_type)
            // Who is refused hears so before having sent everything.
            .header("expect", "100-continue");
        request
            .send(body)
            .with_context(|| format!("cannot ask {}", self.url))
    }
}

/// The answer, or `None` where it is a refusal, which is told.
fn accepted(mut response: Response<ureq::Body>) -> anyhow::Result<Option<Value>> {
    let status = response.status();
    let said = response.body_mut().read_to_string()?;
    let answer: Value = match serde_json::from_str(&said) {
        Ok(answer) => answer,
        Err(_) => bail!("the host answers {status}: {said}"),
    };
    if status.is_success() {
        return Ok(Some(answer));
    }
    let findings = serde_json::from_value::<Vec<Finding>>(answer["findings"].clone());
    findings.unwrap_or_default().iter().for_each(tell_finding);
    say(&format!(
        "refused   {}  {}",
        text(&answer["code"]),
        text(&answer["detail_en"])
    ));
    say(&format!("          {}", text(&answer["detail"])));
    Ok(None)
}

/// A tar of the bundle and its fixtures, as `POST /v1/bundles` takes it.
fn pack(component: &[u8], fixtures: &Path) -> anyhow::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    tar.follow_symlinks(false);
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::try_from(component.len())?);
    header.set_mode(0o644);
    tar.append_data(&mut header, "bundle.wasm", component)?;
    for entry in std::fs::read_dir(fixtures)
        .with_context(|| format!("cannot read the fixtures in {}", fixtures.display()))?
    {
        let entry = entry?;
        // Beside the fixtures lie their authors' own tools.
        if entry.file_type()?.is_dir() {
            let name = Path::new("fixtures").join(entry.file_name());
            tar.append_dir_all(name, entry.path())
                .with_context(|| entry.path().display().to_string())?;
        }
    }
    Ok(tar.into_inner()?)
}

/// As the API tells them.
fn rows(rows: Vec<ActivationRow>) -> Vec<Value> {
    let row = |row: ActivationRow| {
        let (cancelled_at, cancelled_by) = row.cancelled.unzip();
        json!({
            "matter": row.bundle.matter,
            "version": row.bundle.version,
            "digest": row.bundle.digest,
            "valid": { "since": row.bundle.since, "until": row.bundle.until },
            "from_day": row.from_day,
            "activated_at": row.at,
            "activated_by": row.by,
            "cancelled_at": cancelled_at,
            "cancelled_by": cancelled_by,
        })
    };
    rows.into_iter().map(row).collect()
}

/// Of those that cover a legal date, the last one is taken.
fn tell_in_force(rows: &[Value]) {
    say("in force, a later line before an earlier one:");
    rows.iter().for_each(tell);
}

fn tell(row: &Value) {
    let until = match text(&row["valid"]["until"]) {
        "" => String::new(),
        until => format!(" to before {until}"),
    };
    let stands = match text(&row["cancelled_at"]) {
        "" => "stands".to_owned(),
        at => format!("cancelled {at} by {}", text(&row["cancelled_by"])),
    };
    let open = match row["open_cases"].as_u64() {
        Some(open) => format!("  {open} open cases"),
        None => String::new(),
    };
    say(&format!(
        "{} {}  sha256:{}  law from {}{until}  taken from {}  activated {} by {}  {stands}{open}",
        text(&row["matter"]),
        text(&row["version"]),
        text(&row["digest"]).get(..12).unwrap_or_default(),
        text(&row["valid"]["since"]),
        text(&row["from_day"]),
        text(&row["activated_at"]),
        text(&row["activated_by"]),
    ));
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
