//! What was offered to whom, and what matters came to. Amounts are yuan with two places.

use crate::App;
use crate::callers::{Caller, Role};
use crate::cases::rows;
use crate::extract::Checked;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, Query, State};
use onething_contract::{Refusal, Subject};
use onething_engine::{Count, yuan};
use onething_store::{OfferFilter, OfferRow, StatisticsRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which offers.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichOffers {
    /// Of a matter.
    matter: Option<String>,
    /// To a subject, by its identifier.
    subject: Option<String>,
    /// The `next` of the page before.
    after: Option<u64>,
    /// How many, 1 to 500; 100 where it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A page of offers.
#[derive(Serialize, ToSchema)]
pub(crate) struct OfferList {
    offers: Vec<OfferBody>,
    /// Given as `after` it brings the next page; absent on the last.
    next: Option<u64>,
}

/// What a subject was told that it may have.
#[derive(Serialize, ToSchema)]
pub(crate) struct OfferBody {
    matter: String,
    region: String,
    subject: Subject,
    /// What is offered, `policy/rd-subsidy`.
    code: String,
    /// Which time, where it may be offered again; or empty.
    occasion: String,
    /// What it comes to, where that can be said.
    amount: Option<String>,
    at: String,
    /// Those it is for were told.
    told: bool,
    /// The case that the host opened without an application (免申即享).
    case_id: Option<String>,
    /// Why a notice was not sent or no case opened.
    refused: Vec<Refusal>,
}

/// The matter in the path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct MatterPath {
    /// The matter's name.
    matter: String,
}

/// What is counted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhatCounts {
    /// An element that the matter's manifest lets count by, `policy-code`.
    #[serde(rename = "group-by")]
    group_by: String,
    /// The first month, `2026-01`.
    from: String,
    /// The last month, counted too.
    to: String,
}

/// What a matter came to.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatisticsBody {
    matter: String,
    group_by: String,
    from: String,
    to: String,
    /// By value and month; where nothing happened there is none.
    rows: Vec<StatisticsLine>,
}

/// One value in one month, each thing in the month in which it happened.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatisticsLine {
    value: String,
    /// `2026-03`.
    month: String,
    /// Offers.
    offered: u64,
    /// What they come to, as far as they say it.
    offered_amount: String,
    /// Cases registered.
    applied: u64,
    /// Cases completed.
    completed: u64,
    /// Cases that something was paid for.
    paid: u64,
    /// Reserved by cases; what went back is not taken off.
    reserved_amount: String,
    /// Paid out.
    paid_amount: String,
}

/// What was offered, in the order it was found.
///
/// Lets in: a platform, an operator.
#[utoipa::path(
    get,
    path = "/v1/offers",
    tag = "outreach",
    params(WhichOffers),
    responses((status = 200, description = "A page.", body = OfferList)),
)]
pub(crate) async fn list_offers(
    State(app): State<App>,
    caller: Caller,
    Checked(Query(which)): Checked<Query<WhichOffers>>,
) -> Result<Json<OfferList>, Problem> {
    caller.must_be(&[Role::Platform, Role::Operator])?;
    let limit = rows(which.limit);
    let filter = OfferFilter {
        matter: which.matter.as_deref(),
        subject: which.subject.as_deref(),
        after: which.after,
    };
    let offers = app.engine.store().offers(filter, limit).await?;
    let last = offers.last().map(|row| row.n);
    let next = last.filter(|_| offers.len() == limit as usize);
    Ok(Json(OfferList {
        offers: offers.into_iter().map(OfferBody::from).collect(),
        next,
    }))
}

/// What was offered, applied for and paid, by a value that cases are counted by and by month.
///
/// Lets in: an operator.
#[utoipa::path(
    get,
    path = "/v1/statistics/{matter}",
    tag = "outreach",
    params(MatterPath, WhatCounts),
    responses(
        (status = 200, description = "As of now.", body = StatisticsBody),
        (status = 404, description = "There is no such matter."),
        (status = 422, description = "The matter is not counted by this, or a month is none."),
    ),
)]
pub(crate) async fn get_statistics(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<MatterPath>>,
    Checked(Query(what)): Checked<Query<WhatCounts>>,
) -> Result<Json<StatisticsBody>, Problem> {
    caller.must_be(&[Role::Operator])?;
    let count = Count {
        matter: path.matter,
        group_by: what.group_by,
        from: what.from,
        to: what.to,
    };
    let rows = app.engine.statistics(&count).await?;
    let Count {
        matter,
        group_by,
        from,
        to,
    } = count;
    Ok(Json(StatisticsBody {
        matter,
        group_by,
        from,
        to,
        rows: rows.into_iter().map(StatisticsLine::from).collect(),
    }))
}

impl From<OfferRow> for OfferBody {
    fn from(row: OfferRow) -> Self {
        let refused = row.refused.as_deref();
        Self {
            matter: row.matter,
            region: row.region,
            subject: row.offer.subject,
            code: row.offer.code,
            occasion: row.offer.occasion,
            amount: row.offer.amount,
            at: row.at,
            told: row.done && refused.is_none(),
            case_id: row.case_id,
            refused: refused
                .and_then(|refusals| serde_json::from_str(refusals).ok())
                .unwrap_or_default(),
        }
    }
}

impl From<StatisticsRow> for StatisticsLine {
    fn from(row: StatisticsRow) -> Self {
        Self {
            value: row.value,
            month: row.month,
            offered: row.offered,
            offered_amount: yuan(row.offered_fen),
            applied: row.applied,
            completed: row.completed,
            paid: row.paid_cases,
            reserved_amount: yuan(row.reserved_fen),
            paid_amount: yuan(row.paid_fen),
        }
    }
}
