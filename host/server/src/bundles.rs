//! Bundles are deployed while everything else runs on: an upload is unpacked, checked as
//! `onething bundle check` does, and put in force on every host of the store, or refused with
//! everything that is wrong with it.

use crate::callers::{Caller, Role};
use crate::extract::Checked;
use crate::limits::{
    CHECK_TIME_MAX, UPLOAD_BYTES_MAX, UPLOAD_FILE_BYTES_MAX, UPLOAD_FILES_MAX,
    UPLOAD_NAME_CHARS_MAX,
};
use crate::matters::MatterPath;
use crate::problem::Problem;
use crate::{App, now};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use onething_contract::Text;
use onething_contract::manifest::Validity;
use onething_engine::Engine;
use onething_replay::{Report, check_bundle};
use onething_store::{ActivationRow, ROWS_MAX};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How often a host asks whether another one has deployed something: well within the second in which
/// all of them shall run it.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The rest after it could not be taken up.
const FAILED_REST: Duration = Duration::from_secs(5);
/// In an upload: the bundle, and the folder of its fixtures.
const BUNDLE: &str = "bundle.wasm";
const FIXTURES: &str = "fixtures";

/// From when a bundle is taken.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FromDay {
    /// The first legal date that it is taken for, `2026-01-01`; the first day of its law where it is
    /// not given.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<NaiveDate>,
}

/// Of which matter.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfMatter {
    /// All matters where it is not given.
    matter: Option<String>,
}

/// A bundle that passed and is in force.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeployedBody {
    matter: String,
    version: String,
    /// SHA-256 of the bundle, hex.
    digest: String,
    /// What it was checked for.
    checked: Vec<Text>,
    /// What stands of the matter; of those that cover a legal date the last one is taken.
    in_force: Vec<ActivationBody>,
}

/// What was ever put in force, the latest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivationList {
    activations: Vec<ActivationBody>,
}

/// What a rollback came to.
#[derive(Serialize, ToSchema)]
pub(crate) struct RolledBackBody {
    cancelled: ActivationBody,
    /// What stands of the matter now; of those that cover a legal date the last one is taken.
    in_force: Vec<ActivationBody>,
}

/// A bundle that was put in force.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivationBody {
    /// Its place in the log of activations.
    n: u64,
    matter: String,
    version: String,
    /// SHA-256 of the bundle, hex.
    digest: String,
    /// The law that it implements.
    valid: Validity,
    /// The first legal date that it is taken for.
    from_day: String,
    activated_at: String,
    activated_by: String,
    /// Where it was rolled back.
    cancelled_at: Option<String>,
    cancelled_by: Option<String>,
    /// Open cases that go on with this bundle; told by the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    open_cases: Option<u64>,
}

/// The operations, with their own limit of bytes.
pub(crate) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(deploy_bundle, list_bundles))
        .layer(DefaultBodyLimit::max(UPLOAD_BYTES_MAX))
        .routes(routes!(roll_back))
}

/// Checks a bundle with its fixtures and puts it in force on every host, without a pause.
///
/// The body is a tar of `bundle.wasm` and `fixtures/<case>/…`, at most 32 MiB. The same again changes
/// nothing. Lets in: a reformer, an operator.
#[utoipa::path(
    post,
    path = "/v1/bundles",
    tag = "bundles",
    params(FromDay),
    request_body(content = Vec<u8>, content_type = "application/x-tar", description = "A tar, not compressed."),
    responses(
        (status = 201, description = "It is in force on this host, and on the others within a second.", body = DeployedBody),
        (status = 411, description = "The header Content-Length is missing."),
        (status = 413, description = "The upload is too large."),
        (status = 422, description = "It is no such tar, or the bundle does not pass: every finding; the path of one is its fixture."),
    ),
)]
pub(crate) async fn deploy_bundle(
    State(app): State<App>,
    caller: Caller,
    Checked(Query(asked)): Checked<Query<FromDay>>,
    request: Request,
) -> Result<Response, Problem> {
    caller.must_be(&[Role::Reformer, Role::Operator])?;
    let Ok(turn) = app.checks.clone().try_acquire_owned() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "check-running",
            "正在检查另一个事项包，请稍后重试",
            "another bundle is being checked; try again",
        ));
    };
    if !request.headers().contains_key(header::CONTENT_LENGTH) {
        return Err(Problem::new(
            StatusCode::LENGTH_REQUIRED,
            "length-missing",
            "请在 Content-Length 请求头中说明上传内容的字节数",
            "say in the header Content-Length how many bytes are uploaded",
        ));
    }
    let Checked(bytes) = Checked::<Bytes>::from_request(request, &app).await?;
    let Some(runtime) = app.engine.runtime().cloned() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not-deployable",
            "该主机的事项包是固定的，不能部署",
            "the bundles of this host are fixed: nothing can be deployed to it",
        ));
    };
    let parameters = app.engine.parameters();
    // The turn is over when the work is, even if nobody waits for it any more.
    let work = move || {
        let _turn = turn;
        let upload = Upload::unpack(&bytes)?;
        let fixtures = upload.folder.path().join(FIXTURES);
        let component = upload.component;
        let report = check_bundle(&runtime, &component, &fixtures, parameters, CHECK_TIME_MAX);
        Ok::<_, Problem>((report, component))
    };
    let worked = tokio::task::spawn_blocking(work).await;
    let (report, component) = worked.map_err(|_| Problem::internal())??;
    if !report.is_good() {
        return Err(Problem::bundle_refused(report.findings));
    }
    let by = caller.person();
    let standing = app.engine.deploy(component, asked.from, by, now()).await?;
    tracing::info!(
        matter = report.matter,
        version = report.version,
        digest = report.digest,
        "a bundle was deployed"
    );
    let deployed = Json(DeployedBody::new(report, standing));
    Ok((StatusCode::CREATED, deployed).into_response())
}

/// What was put in force when and by whom, the latest first, at most 500.
///
/// Lets in: a reformer, an operator, a tester.
#[utoipa::path(
    get,
    path = "/v1/bundles",
    tag = "bundles",
    params(OfMatter),
    responses((status = 200, description = "The cancelled ones too.", body = ActivationList)),
)]
pub(crate) async fn list_bundles(
    State(app): State<App>,
    caller: Caller,
    Checked(Query(asked)): Checked<Query<OfMatter>>,
) -> Result<Json<ActivationList>, Problem> {
    caller.must_be(&[Role::Reformer, Role::Operator, Role::Tester])?;
    let store = app.engine.store();
    let rows = store.activations(asked.matter.as_deref()).await?;
    let open: BTreeMap<String, u64> = store.open_cases().await?.into_iter().collect();
    let rows_max = usize::try_from(ROWS_MAX).unwrap_or(usize::MAX);
    let activations = rows.into_iter().rev().take(rows_max).map(|row| {
        let open_cases = open.get(&row.bundle.digest).copied().unwrap_or(0);
        ActivationBody {
            open_cases: Some(open_cases),
            ..row.into()
        }
    });
    Ok(Json(ActivationList {
        activations: activations.collect(),
    }))
}

/// Takes back what was put in force last of a matter: what stood before is taken again, on every
/// host. Open cases go on with the bundle that they began with.
///
/// Lets in: a reformer, an operator.
#[utoipa::path(
    post,
    path = "/v1/bundles/{matter}/rollback",
    tag = "bundles",
    params(MatterPath),
    responses(
        (status = 200, description = "What is in force now.", body = RolledBackBody),
        (status = 404, description = "There is no such matter."),
        (status = 409, description = "Nothing was in force before."),
    ),
)]
pub(crate) async fn roll_back(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<MatterPath>>,
) -> Result<Json<RolledBackBody>, Problem> {
    caller.must_be(&[Role::Reformer, Role::Operator])?;
    let by = caller.person();
    let rolled_back = app.engine.roll_back(&path.matter, by, now()).await?;
    let cancelled = ActivationBody::from(rolled_back.cancelled);
    tracing::info!(
        matter = cancelled.matter,
        version = cancelled.version,
        digest = cancelled.digest,
        "a bundle was rolled back"
    );
    Ok(Json(RolledBackBody {
        cancelled,
        in_force: bodies(rolled_back.standing),
    }))
}

/// Takes up what other hosts deploy, until it is told to stop.
pub(crate) async fn follow(engine: Engine, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let rest = match engine.refresh().await {
            Ok(_) => LOOK_EVERY,
            Err(error) => {
                let cause = std::error::Error::source(&error);
                tracing::error!(%error, cause, "what was deployed cannot be taken up; this host stays as it is");
                FAILED_REST
            }
        };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            _ = stopped.changed() => {}
        }
    }
}

/// An upload, unpacked. The folder goes when it is dropped.
struct Upload {
    folder: tempfile::TempDir,
    component: Vec<u8>,
}

impl Upload {
    /// Takes ordinary files with ordinary names out of a tar, and nothing else.
    fn unpack(bytes: &[u8]) -> Result<Self, Problem> {
        let failed = |error: std::io::Error| {
            tracing::error!(%error, "an upload cannot be unpacked");
            Problem::internal()
        };
        let folder = tempfile::tempdir().map_err(failed)?;
        std::fs::create_dir(folder.path().join(FIXTURES)).map_err(failed)?;
        let (mut component, mut files) = (None, 0);
        let mut archive = tar::Archive::new(bytes);
        for entry in archive.entries().map_err(not_a_tar)? {
            let mut entry = entry.map_err(not_a_tar)?;
            let path = entry.path().map_err(not_a_tar)?.into_owned();
            if entry.header().entry_type().is_dir() {
                continue;
            }
            let parts = parts(&path).filter(|_| entry.header().entry_type().is_file());
            let Some(parts) = parts else {
                return Err(not_taken(&path.display().to_string()));
            };
            files += 1;
            if files > UPLOAD_FILES_MAX || entry.size() > UPLOAD_FILE_BYTES_MAX {
                return Err(unpackable(
                    format!(
                        "文件不得超过 {UPLOAD_FILES_MAX} 个，每个不得超过 {UPLOAD_FILE_BYTES_MAX} 字节"
                    ),
                    format!("at most {UPLOAD_FILES_MAX} files of {UPLOAD_FILE_BYTES_MAX} bytes"),
                ));
            }
            let mut contents = Vec::new();
            entry.read_to_end(&mut contents).map_err(not_a_tar)?;
            match parts.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                [BUNDLE] if component.is_none() => component = Some(contents),
                [FIXTURES, _, _, ..] => {
                    let path = parts
                        .iter()
                        .fold(folder.path().to_owned(), |path, part| path.join(part));
                    let above = path.parent().map(PathBuf::from).unwrap_or_default();
                    std::fs::create_dir_all(above)
                        .and_then(|()| std::fs::File::create_new(&path))
                        .and_then(|mut file| std::io::Write::write_all(&mut file, &contents))
                        .map_err(|_| not_taken(&parts.join("/")))?;
                }
                _ => return Err(not_taken(&parts.join("/"))),
            }
        }
        let component = component.ok_or_else(|| {
            unpackable(
                format!("缺少 {BUNDLE}"),
                format!("{BUNDLE} is missing: the tar has {BUNDLE} and {FIXTURES}/<case>/…"),
            )
        })?;
        Ok(Self { folder, component })
    }
}

/// The names of a path, where it has only ordinary ones and is not too long.
fn parts(path: &std::path::Path) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => parts.push(name.to_str()?.to_owned()),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    let chars: usize = parts.iter().map(|part| part.chars().count() + 1).sum();
    (chars <= UPLOAD_NAME_CHARS_MAX).then_some(parts)
}

fn not_a_tar(error: std::io::Error) -> Problem {
    unpackable(
        format!("不是完整的 tar：{error}"),
        format!("it is not a whole tar: {error}"),
    )
}

fn not_taken(name: &str) -> Problem {
    let name: String = name.chars().take(UPLOAD_NAME_CHARS_MAX).collect();
    unpackable(
        format!(
            "不接受 {name}：只能有一个 {BUNDLE}，以及 {FIXTURES}/<样例>/… 下的普通文件，各一次"
        ),
        format!(
            "{name} is not taken: there may be one {BUNDLE}, and ordinary files below {FIXTURES}/<case>/, each once"
        ),
    )
}

fn unpackable(zh: String, en: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not-an-upload", zh, en)
}

impl DeployedBody {
    fn new(report: Report, standing: Vec<ActivationRow>) -> Self {
        Self {
            matter: report.matter,
            version: report.version,
            digest: report.digest,
            checked: report.checked,
            in_force: bodies(standing),
        }
    }
}

impl From<ActivationRow> for ActivationBody {
    fn from(row: ActivationRow) -> Self {
        let (cancelled_at, cancelled_by) = row.cancelled.unzip();
        Self {
            n: row.n,
            matter: row.bundle.matter,
            version: row.bundle.version,
            digest: row.bundle.digest,
            valid: Validity {
                since: row.bundle.since,
                until: row.bundle.until,
            },
            from_day: row.from_day,
            activated_at: row.at,
            activated_by: row.by,
            cancelled_at,
            cancelled_by,
            open_cases: None,
        }
    }
}

fn bodies(rows: Vec<ActivationRow>) -> Vec<ActivationBody> {
    rows.into_iter().map(ActivationBody::from).collect()
}
