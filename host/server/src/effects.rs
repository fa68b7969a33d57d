//! Effects on their way: what waits, what was given up, and what an operator does about that.

use crate::callers::{Caller, Role};
use crate::cases::rows;
use crate::extract::Checked;
use crate::problem::Problem;
use crate::{App, now};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use onething_engine::{ByHand, Delivers, delivers, kind};
use onething_store::EffectRow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// An effect in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct EffectPath {
    /// The ticket of the effect.
    ticket: String,
}

/// Which effects.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichEffects {
    /// How far they are; those that were given up where it is not given.
    #[serde(default)]
    #[param(inline)]
    status: WaitingStatus,
    /// The `next` of the page before.
    after: Option<String>,
    /// How many, 1 to 500; 100 where it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// How far an effect is that has not come to its end.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WaitingStatus {
    /// To be done.
    Pending,
    /// A payment that the bank has and has not answered.
    Sent,
    /// Given up: a person retries it or settles it by hand.
    #[default]
    Dead,
}

/// A page of effects.
#[derive(Serialize, ToSchema)]
pub(crate) struct EffectList {
    effects: Vec<EffectBody>,
    /// Given as `after` it brings the next page; absent on the last.
    next: Option<String>,
}

/// An effect and how far it has come. What it says to whom is the case's and not told here.
#[derive(Serialize, ToSchema)]
pub(crate) struct EffectBody {
    /// By which its receiver knows it again.
    ticket: String,
    case_id: String,
    /// `seal`, `notice`, `delivery`, `payment`, `release`.
    kind: &'static str,
    /// `pending`, `sent`, `done`, `refused`, `dead`.
    status: &'static str,
    delivers: Delivers,
    /// How often it was tried since it was asked for, or since it was last let be tried again.
    attempts: u32,
    /// Why the last try failed.
    last_error: Option<String>,
    /// Who last let it be tried again, or said what became of it.
    by_hand: Option<HandBody>,
}

/// Who took an effect in hand.
#[derive(Serialize, ToSchema)]
pub(crate) struct HandBody {
    by: String,
    /// RFC 3339.
    at: String,
}

/// Effects that have not come to their end, by ticket.
///
/// Lets in: an operator.
#[utoipa::path(
    get,
    path = "/v1/effects",
    tag = "effects",
    params(WhichEffects),
    responses((status = 200, description = "A page, by ticket.", body = EffectList)),
)]
pub(crate) async fn list_effects(
    State(app): State<App>,
    caller: Caller,
    Checked(Query(which)): Checked<Query<WhichEffects>>,
) -> Result<Json<EffectList>, Problem> {
    caller.must_be(&[Role::Operator])?;
    let limit = rows(which.limit);
    let (store, after) = (app.engine.store(), which.after.as_deref());
    let effects = match which.status {
        WaitingStatus::Pending => store.pending_effects(after, limit).await?,
        WaitingStatus::Sent => store.sent_payments(after, limit).await?,
        WaitingStatus::Dead => store.dead_effects(after, limit).await?,
    };
    let last = effects.last().map(|row| row.intent.ticket.clone());
    let is_full = u32::try_from(effects.len()).is_ok_and(|count| count == limit);
    Ok(Json(EffectList {
        effects: effects.into_iter().map(EffectBody::from).collect(),
        next: last.filter(|_| is_full),
    }))
}

/// Lets an effect that was given up be tried again, at once and as often as a new one.
///
/// Lets in: an operator.
#[utoipa::path(
    post,
    path = "/v1/effects/{ticket}/retry",
    tag = "effects",
    params(EffectPath),
    responses(
        (status = 200, description = "It is to be done again.", body = EffectBody),
        (status = 404, description = "There is no such effect."),
        (status = 409, description = "It is not given up."),
    ),
)]
pub(crate) async fn retry_effect(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<EffectPath>>,
) -> Result<Json<EffectBody>, Problem> {
    caller.must_be(&[Role::Operator])?;
    let row = app
        .engine
        .retry_effect(&path.ticket, caller.person(), now());
    Ok(Json(row.await?.into()))
}

/// Says what became of an effect that was given up. The case keeps who said so, and why.
///
/// Lets in: an operator.
#[utoipa::path(
    post,
    path = "/v1/effects/{ticket}/settle",
    tag = "effects",
    params(EffectPath),
    request_body = ByHand,
    responses(
        (status = 204, description = "The case has it."),
        (status = 404, description = "There is no such effect."),
        (status = 409, description = "It is not given up."),
        (status = 422, description = "It does not say why, or this cannot be done by hand."),
    ),
)]
pub(crate) async fn settle_effect(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<EffectPath>>,
    Checked(Json(asked)): Checked<Json<ByHand>>,
) -> Result<StatusCode, Problem> {
    caller.must_be(&[Role::Operator])?;
    let (ticket, by) = (&path.ticket, caller.person());
    app.engine.settle_by_hand(ticket, &asked, by, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<EffectRow> for EffectBody {
    fn from(row: EffectRow) -> Self {
        let effect = &row.intent.effect;
        Self {
            kind: kind(effect),
            delivers: delivers(effect),
            ticket: row.intent.ticket,
            case_id: row.case_id,
            status: row.status.as_str(),
            attempts: row.attempts,
            last_error: row.last_error,
            by_hand: row.by_hand.map(|hand| HandBody {
                by: hand.by,
                at: hand.at,
            }),
        }
    }
}
