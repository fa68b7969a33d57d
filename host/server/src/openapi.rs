//! The operations, and their description. What every operation has in common is written here once:
//! the bearer token, and the problems that any of them may answer with.

use crate::problem::{MEDIA_TYPE, Members, Problem};
use crate::{
    App, afterwards, bundles, cases, commands, documents, effects, functions, health, live,
    materials, matters, metrics, money, offices, outreach, parties,
};
use axum::Json;
use axum::http::{Method, StatusCode, Uri};
use onething_contract::manifest::Column;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};
use utoipa::{OpenApi as _, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The name of the bearer token's scheme.
const BEARER: &str = "bearer";
/// What any operation that asks for a token may answer with besides its own problems.
const PROBLEMS: [(&str, &str); 5] = [
    (
        "400",
        "The request is not well formed: the field, line or parameter is named.",
    ),
    ("401", "No valid bearer token."),
    (
        "403",
        "The caller may not: the role or office that is needed is named.",
    ),
    (
        "429",
        "There is no room now: too many requests of this caller or of all; Retry-After says when to come back.",
    ),
    ("503", "The request took too long."),
];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "onething",
        description = "One-thing (一件事) services: a platform hands in one submission, the offices decide in parallel, every agency's own form comes out filled in and sealed.\n\nTimes are RFC 3339 at +08:00. Enum values are kebab-case. Errors are problems by RFC 9457 with `code` for machines, `detail` in Chinese and `detail_en` in English.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    security(("bearer" = [])),
    tags(
        (name = "matters", description = "What can be handed in, and its form."),
        (name = "cases", description = "Handing in, and following a case to its end."),
        (name = "offices", description = "Work of the offices."),
        (name = "materials", description = "Files that go with a submission."),
        (name = "money", description = "Budgets, and payments at the bank."),
        (name = "effects", description = "What is to be done outside the case, and what of it was given up."),
        (name = "outreach", description = "What was offered to whom, and what matters came to."),
        (name = "bundles", description = "What is deployed, and what of it is in force."),
        (name = "host", description = "The host itself."),
    ),
    // A column refers to itself and is found by nobody else.
    components(schemas(Members, Column)),
)]
struct Description;

/// Every operation with its route.
pub(crate) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(matters::list_matters))
        .routes(routes!(matters::get_matter))
        .routes(routes!(matters::get_guide))
        .routes(routes!(matters::get_form))
        .routes(routes!(matters::prefill))
        .routes(routes!(matters::assess))
        .routes(routes!(commands::submit))
        .routes(routes!(cases::list_cases))
        .routes(routes!(cases::get_case))
        .routes(routes!(cases::list_events))
        .routes(routes!(live::stream))
        .routes(routes!(cases::get_receipt))
        .routes(routes!(documents::list_forms))
        .routes(routes!(documents::get_form_page))
        .routes(routes!(documents::list_documents))
        .routes(routes!(documents::get_document))
        .routes(routes!(commands::correct))
        .routes(routes!(commands::withdraw))
        .routes(routes!(commands::supply))
        .routes(routes!(afterwards::rate))
        .routes(routes!(afterwards::appeal))
        .routes(routes!(commands::resume))
        .routes(routes!(parties::sign))
        .routes(routes!(parties::unsign))
        .routes(routes!(parties::list_notices))
        .routes(routes!(parties::object))
        .routes(routes!(offices::list_tasks))
        .routes(routes!(offices::decide))
        .routes(routes!(afterwards::reopen))
        .routes(routes!(afterwards::repair))
        .routes(routes!(afterwards::check_commitment))
        .routes(routes!(money::list_budgets, money::open_budget))
        .routes(routes!(money::get_budget))
        .routes(routes!(money::fund_budget))
        .routes(routes!(money::list_payments))
        .routes(routes!(money::answer_payment))
        .routes(routes!(effects::list_effects))
        .routes(routes!(functions::list_quarantined_apps))
        .routes(routes!(functions::release_app))
        .routes(routes!(effects::retry_effect))
        .routes(routes!(effects::settle_effect))
        .routes(routes!(outreach::list_offers))
        .routes(routes!(outreach::get_statistics))
        .routes(routes!(materials::put_material))
        .routes(routes!(materials::get_material))
        .merge(bundles::operations())
        .routes(routes!(get_openapi))
}

/// What is asked of the host itself, whatever else it has to do.
pub(crate) fn beside() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
}

/// Adds what the operations have in common.
pub(crate) fn describe(mut api: OpenApi) -> OpenApi {
    let components = api.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A caller's token, from the host's file of callers."))
        .build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    for item in api.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            if operation.security.is_none() {
                for (status, description) in PROBLEMS {
                    let problem = || RefOr::T(Response::new(description));
                    responses.entry(status.to_owned()).or_insert_with(problem);
                }
            }
            for (status, response) in responses {
                if let RefOr::T(response) = response
                    && status.as_str() >= "400"
                {
                    let schema = Ref::from_schema_name(Members::name());
                    let content = Content::new(Some(schema));
                    response
                        .content
                        .insert(MEDIA_TYPE.to_owned(), RefOr::T(content));
                }
            }
        }
    }
    api
}

pub(crate) async fn unknown_path(uri: Uri) -> Problem {
    Problem::unknown("path", "路径", uri.path())
}

pub(crate) async fn unknown_method(method: Method, uri: Uri) -> Problem {
    let path = uri.path();
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "unknown-method",
        format!("{path} 不支持 {method}；可用的方法见 Allow 响应头"),
        format!("{path} does not take {method}; the header Allow says what it takes"),
    )
}

/// This description.
///
/// Lets in: anybody.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    tag = "host",
    security(()),
    responses((status = 200, description = "OpenAPI 3.1.", body = serde_json::Value)),
)]
async fn get_openapi() -> Json<OpenApi> {
    Json(crate::openapi())
}
