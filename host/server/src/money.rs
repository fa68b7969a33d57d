//! Budgets, and payments at the bank: the operator's side of money. Amounts are yuan with two places.

use crate::App;
use crate::callers::{Caller, Role};
use crate::cases::rows;
use crate::extract::Checked;
use crate::now;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use onething_contract::{Effect, PaymentOrder};
use onething_engine::{BankAnswer, yuan};
use onething_store::{BudgetRow, NewBudget, ReservationRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A budget in a path; its name percent-encoded, `payroll%2F331102-2026`.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct BudgetPath {
    /// The name of the budget.
    name: String,
}

/// A payment in a path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PaymentPath {
    /// The ticket of the payment.
    ticket: String,
}

/// Which payments.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichPayments {
    /// How far they are.
    #[serde(default)]
    status: PaymentStatus,
    /// The `next` of the page before.
    after: Option<String>,
    /// How many, 1 to 500; 100 where it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// How far a payment is.
#[derive(Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PaymentStatus {
    /// The bank has it and has not answered.
    #[default]
    Sent,
}

/// A budget to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetAsked {
    /// As bundles name it, `payroll/331102-2026`.
    name: String,
    /// For people.
    title: String,
    /// Whose account the bank pays from.
    holder: String,
    /// The account.
    account: String,
    /// The account's bank, a CNAPS code of 12 digits.
    #[serde(default)]
    bank: Option<String>,
}

/// Money for a budget.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Funds {
    /// In yuan, above zero, two places.
    amount: String,
}

/// Every budget.
#[derive(Serialize, ToSchema)]
pub(crate) struct BudgetList {
    /// By name.
    budgets: Vec<BudgetBody>,
}

/// A budget with its balances: `funded` is the sum of the others.
#[derive(Serialize, ToSchema)]
pub(crate) struct BudgetBody {
    name: String,
    title: String,
    holder: String,
    account: String,
    bank: Option<String>,
    created_at: String,
    /// All that it was ever given.
    funded: String,
    /// Free for new reservations.
    available: String,
    /// Held by cases.
    reserved: String,
    /// At the bank.
    in_transit: String,
    paid: String,
    /// Who waits for it, first come first served; told of one budget, not in a list.
    waiting: Vec<WaitingBody>,
}

/// A case that waits for a budget.
#[derive(Serialize, ToSchema)]
pub(crate) struct WaitingBody {
    case_id: String,
    amount: String,
}

/// A page of payments.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentList {
    payments: Vec<PaymentBody>,
    /// Given as `after` it brings the next page; absent on the last.
    next: Option<String>,
}

/// A payment that the bank has.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentBody {
    ticket: String,
    case_id: String,
    status: PaymentStatus,
    order: PaymentOrder,
}

/// Every budget with its balances.
///
/// Lets in: an operator.
#[utoipa::path(
    get,
    path = "/v1/budgets",
    tag = "money",
    responses((status = 200, description = "By name.", body = BudgetList)),
)]
pub(crate) async fn list_budgets(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<BudgetList>, Problem> {
    caller.must_be(&[Role::Operator])?;
    let budgets = app.engine.store().budgets().await?;
    let bodies = budgets
        .into_iter()
        .map(|budget| BudgetBody::new(budget, Vec::new()));
    Ok(Json(BudgetList {
        budgets: bodies.collect(),
    }))
}

/// Opens a budget without money.
///
/// Lets in: an operator.
#[utoipa::path(
    post,
    path = "/v1/budgets",
    tag = "money",
    request_body = BudgetAsked,
    responses(
        (status = 201, description = "It is open.", body = BudgetBody),
        (status = 409, description = "There is one of this name."),
        (status = 422, description = "A name, holder or account is none."),
    ),
)]
pub(crate) async fn open_budget(
    State(app): State<App>,
    caller: Caller,
    Checked(Json(asked)): Checked<Json<BudgetAsked>>,
) -> Result<(StatusCode, Json<BudgetBody>), Problem> {
    caller.must_be(&[Role::Operator])?;
    let budget = NewBudget {
        name: asked.name,
        title: asked.title,
        holder: asked.holder,
        account: asked.account,
        bank: asked.bank,
    };
    app.engine.open_budget(&budget, now()).await?;
    Ok((StatusCode::CREATED, shown(&app, &budget.name).await?))
}

/// A budget with its balances and who waits for it.
///
/// Lets in: an operator.
#[utoipa::path(
    get,
    path = "/v1/budgets/{name}",
    tag = "money",
    params(BudgetPath),
    responses(
        (status = 200, description = "As of now.", body = BudgetBody),
        (status = 404, description = "There is no such budget."),
    ),
)]
pub(crate) async fn get_budget(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<BudgetPath>>,
) -> Result<Json<BudgetBody>, Problem> {
    caller.must_be(&[Role::Operator])?;
    shown(&app, &path.name).await
}

/// Gives a budget money. Those who wait for it go on in their turn.
///
/// Lets in: an operator.
#[utoipa::path(
    post,
    path = "/v1/budgets/{name}/funds",
    tag = "money",
    params(BudgetPath),
    request_body = Funds,
    responses(
        (status = 200, description = "It has the money.", body = BudgetBody),
        (status = 404, description = "There is no such budget."),
        (status = 422, description = "The amount is none."),
    ),
)]
pub(crate) async fn fund_budget(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<BudgetPath>>,
    Checked(Json(funds)): Checked<Json<Funds>>,
) -> Result<Json<BudgetBody>, Problem> {
    caller.must_be(&[Role::Operator])?;
    let by = caller.person();
    app.engine
        .fund(&path.name, &funds.amount, by, now())
        .await?;
    shown(&app, &path.name).await
}

/// The payments that the bank has and has not answered.
///
/// Lets in: an operator.
#[utoipa::path(
    get,
    path = "/v1/payments",
    tag = "money",
    params(WhichPayments),
    responses((status = 200, description = "A page, by ticket.", body = PaymentList)),
)]
pub(crate) async fn list_payments(
    State(app): State<App>,
    caller: Caller,
    Checked(Query(which)): Checked<Query<WhichPayments>>,
) -> Result<Json<PaymentList>, Problem> {
    caller.must_be(&[Role::Operator])?;
    let limit = rows(which.limit);
    let after = which.after.as_deref();
    let effects = app.engine.store().sent_payments(after, limit).await?;
    let last = effects.last().map(|row| row.intent.ticket.clone());
    let next = last.filter(|_| effects.len() == limit as usize);
    let payments = effects.into_iter().filter_map(|row| {
        let Effect::Payment(order) = row.intent.effect else {
            return None;
        };
        Some(PaymentBody {
            ticket: row.intent.ticket,
            case_id: row.case_id,
            status: which.status,
            order,
        })
    });
    Ok(Json(PaymentList {
        payments: payments.collect(),
        next,
    }))
}

/// The bank's answer to a payment, line by line. What came back is reserved again.
///
/// Lets in: an operator.
#[utoipa::path(
    post,
    path = "/v1/payments/{ticket}/answer",
    tag = "money",
    params(PaymentPath),
    request_body = BankAnswer,
    responses(
        (status = 204, description = "The case has it."),
        (status = 404, description = "There is no such payment."),
        (status = 409, description = "It is not sent yet, or answered already."),
        (status = 422, description = "A line is unknown, missing, twice, or returned without a reason: it is named."),
    ),
)]
pub(crate) async fn answer_payment(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<PaymentPath>>,
    Checked(Json(answer)): Checked<Json<BankAnswer>>,
) -> Result<StatusCode, Problem> {
    caller.must_be(&[Role::Operator])?;
    app.engine.bank_answer(&path.ticket, &answer, now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn shown(app: &App, name: &str) -> Result<Json<BudgetBody>, Problem> {
    let store = app.engine.store();
    let budget = store.budget(name).await?;
    let budget = budget.ok_or_else(|| Problem::unknown("budget", "预算", name))?;
    let waiting = store.waiting(name).await?;
    Ok(Json(BudgetBody::new(budget, waiting)))
}

impl BudgetBody {
    fn new(row: BudgetRow, waiting: Vec<ReservationRow>) -> Self {
        let NewBudget {
            name,
            title,
            holder,
            account,
            bank,
        } = row.budget;
        let waiting = waiting.into_iter().map(|row| WaitingBody {
            amount: yuan(row.wanted),
            case_id: row.case_id,
        });
        Self {
            name,
            title,
            holder,
            account,
            bank,
            created_at: row.created_at,
            funded: yuan(row.balances.funded),
            available: yuan(row.balances.available),
            reserved: yuan(row.balances.reserved),
            in_transit: yuan(row.balances.in_transit),
            paid: yuan(row.balances.paid),
            waiting: waiting.collect(),
        }
    }
}
