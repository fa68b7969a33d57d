//! Work of the offices: what waits for them, and their decisions.

use crate::App;
use crate::callers::{Caller, Role};
use crate::cases::{rows, seen};
use crate::commands::answered;
use crate::extract::Checked;
use crate::now;
use crate::problem::Problem;
use crate::records::{CaseBody, TaskBody, TaskList};
use axum::Json;
use axum::extract::{Path, Query, State};
use onething_case::StepRecord;
use onething_contract::{FILER, Office};
use onething_engine::Decide;
use onething_store::{TaskKey, TaskRow};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which tasks.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichTasks {
    /// The function of the office; the caller's own where it is not given.
    function: Option<String>,
    /// The region of the office, a GB/T 2260 code; the caller's own where it is not given.
    region: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// How many, 1 to 500; 100 where it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A step in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct StepPath {
    /// The id of the case.
    pub(crate) id: String,
    /// The id of the step.
    pub(crate) step: String,
}

/// The steps that wait for an office.
///
/// Lets in: an officer, for its own office; an operator, for any that it names.
#[utoipa::path(
    get,
    path = "/v1/tasks",
    tag = "offices",
    params(WhichTasks),
    responses((status = 200, description = "A page, by case and step.", body = TaskList)),
)]
pub(crate) async fn list_tasks(
    State(app): State<App>,
    caller: Caller,
    Checked(Query(which)): Checked<Query<WhichTasks>>,
) -> Result<Json<TaskList>, Problem> {
    let office = office(&caller, which.function, which.region)?;
    let after = which.after.as_deref().map(task_key).transpose()?;
    let limit = rows(which.limit);
    let store = app.engine.store();
    let tasks = store.tasks(&office, after.as_ref(), limit).await?;
    let office_name = app.engine.office_name(&office, now());
    let last = tasks.last().map(address);
    Ok(Json(TaskList {
        next: last.filter(|_| tasks.len() == limit as usize),
        tasks: tasks
            .into_iter()
            .map(|task| TaskBody::new(task, office_name.clone()))
            .collect(),
    }))
}

/// Decides a step, for the caller's office or as the filer, and in its person's name. The decision is a fact once this
/// answers; what follows from it may still be under way.
///
/// Lets in: an officer of the office whose step it is; the caller that handed the case in, for a step
/// of the filer's.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/steps/{step}/decisions",
    tag = "offices",
    params(StepPath),
    request_body = Decide,
    responses(
        (status = 200, description = "It is decided.", body = CaseBody),
        (status = 404, description = "There is no such case or step, or it is not the caller's to see."),
        (status = 409, description = "The step is not open, decided already, or in another round or version than was looked at; `current` says how the case stands."),
        (status = 422, description = "Reasons are missing, the verdict is not possible here, or the payload is not what the step wants."),
    ),
)]
pub(crate) async fn decide(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<StepPath>>,
    Checked(Json(asked)): Checked<Json<Decide>>,
) -> Result<Json<CaseBody>, Problem> {
    let state = seen(&app, &caller, &path.id).await?.state;
    let office = match state.step(&path.step).map(StepRecord::office) {
        Some(office) if office.function == FILER => {
            caller.must_have_filed(&state)?;
            office
        }
        _ => caller.office()?,
    };
    let (person, at) = (caller.person(), now());
    let case = app
        .engine
        .decide(&path.id, &path.step, asked, person, office, at)
        .await;
    answered(&app, &path.id, case).await
}

/// The office whose tasks are asked for.
fn office(
    caller: &Caller,
    function: Option<String>,
    region: Option<String>,
) -> Result<Office, Problem> {
    let own = caller.office();
    match (function, region) {
        (None, None) => own.cloned(),
        (Some(function), Some(region)) if caller.has(Role::Operator) => {
            Ok(Office { function, region })
        }
        (function, region) => {
            let own = own?;
            let is_own =
                |asked: Option<String>, own: &String| asked.is_none_or(|asked| asked == *own);
            if is_own(function, &own.function) && is_own(region, &own.region) {
                return Ok(own.clone());
            }
            Err(Problem::forbidden(
                "other-office",
                "部门人员只能查看本部门的任务",
                "an officer sees the tasks of its own office only",
            ))
        }
    }
}

/// A task as `next` and `after` name it.
pub(crate) fn address(task: &TaskRow) -> String {
    format!("{}/{}", task.case_id, task.step)
}

pub(crate) fn task_key(after: &str) -> Result<TaskKey, Problem> {
    let (case_id, step) = after.split_once('/').ok_or_else(|| {
        Problem::malformed(
            "malformed-query",
            "查询参数 after 应为上一页的 next",
            "the parameter after is the next of the page before",
        )
    })?;
    Ok(TaskKey {
        case_id: case_id.to_owned(),
        step: step.to_owned(),
    })
}
