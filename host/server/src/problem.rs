//! Every error as an answer: problems by RFC 9457, with a sentence in Chinese and English. The only
//! place where an error becomes a status.
//!
//! What went wrong inside is logged by its operation and told in general; nothing of a bundle's
//! words, of a record or of a person reaches the log by this way.

use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use onething_case::State;
use onething_contract::{Assessment, Finding, Office, Refusal};
use onething_engine::{Error, drive};
use onething_runtime::Fault;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of a problem.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// The code of a problem, beside the answer: for the log and the metrics.
#[derive(Debug, Clone)]
pub(crate) struct Code(pub(crate) String);

/// Why a request was not done.
#[derive(Debug)]
pub(crate) struct Problem(Box<Members>);

/// Why a request was not done (RFC 9457). Nothing has changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Members {
    /// `urn:onething:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// Stable, for machines, kebab-case.
    code: String,
    /// What is wrong and what to do, in Chinese.
    detail: String,
    /// The same in English.
    detail_en: String,
    /// The law and article.
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<String>,
    /// Of a refused submission or bundle: everything that is wrong, at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
    /// Of a refused submission: the codes of the materials that it lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
    /// Of a conflict: how the case stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<Current>,
}

/// How a case stands, where a command came too late for it.
#[derive(Debug, Serialize, ToSchema)]
struct Current {
    /// The status of the case.
    status: String,
    /// Its round.
    round: u32,
    /// The number of its last event.
    last_event: u64,
    /// What can be decided now.
    tasks: Vec<CurrentTask>,
}

/// A task in its version.
#[derive(Debug, Serialize, ToSchema)]
struct CurrentTask {
    step: String,
    office: Office,
    task_version: u32,
}

impl Problem {
    /// A problem in both languages.
    pub(crate) fn new(
        status: StatusCode,
        code: &str,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) -> Self {
        Self(Box::new(Members {
            kind: format!("urn:onething:problem:{code}"),
            title: title(status),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: zh.into(),
            detail_en: en.into(),
            basis: None,
            findings: Vec::new(),
            missing: Vec::new(),
            current: None,
        }))
    }

    /// No caller is known by that token, or there is none.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "请在 Authorization 请求头中提供有效的 Bearer 令牌",
            "give a valid token: Authorization: Bearer …",
        )
    }

    /// The caller is known and may not.
    pub(crate) fn forbidden(code: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, zh, en)
    }

    /// There is no such thing, or it is none of the caller's.
    pub(crate) fn unknown(what: &str, zh: &str, name: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            &format!("unknown-{what}"),
            format!("没有{zh} {name}，或者您无权查看"),
            format!("there is no {what} {name}, or it is not yours to see"),
        )
    }

    /// It was there, and its data are destroyed.
    fn erased() -> Self {
        Self::new(
            StatusCode::GONE,
            "case-erased",
            "该办件已经清除：密钥已销毁，内容无法再读取",
            "the case was erased: its keys are destroyed and nobody can read it any more",
        )
    }

    /// The request itself is not well formed.
    pub(crate) fn malformed(code: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, zh, en)
    }

    /// A submission with errors: every finding, every missing material.
    pub(crate) fn refused(assessment: Assessment) -> Self {
        let (findings, missing) = (assessment.findings.len(), assessment.missing.len());
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "submission-refused",
            format!("未予登记：发现 {findings} 个问题，缺少 {missing} 项材料，请更正后重新提交"),
            format!(
                "nothing was registered: {findings} findings, {missing} materials missing; correct them and hand it in again"
            ),
        );
        problem.0.findings = assessment.findings;
        problem.0.missing = assessment.missing;
        problem
    }

    /// A bundle that does not pass its checks: everything that is wrong with it.
    pub(crate) fn bundle_refused(findings: Vec<Finding>) -> Self {
        let count = findings.len();
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bundle-refused",
            format!("未予部署：发现 {count} 个问题"),
            format!("nothing was deployed: {count} findings"),
        );
        problem.0.findings = findings;
        problem
    }

    /// There is no room for it now. The header `Retry-After` says when there should be.
    pub(crate) fn full(code: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, zh, en)
    }

    /// The body is, or would be, larger than the operation takes.
    pub(crate) fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "请求体过大：JSON 不超过 12 MiB，材料文件不超过 10 MiB，事项包不超过 32 MiB",
            "the body is too large: at most 12 MiB of JSON, 10 MiB of a material, 32 MiB of a bundle",
        )
    }

    /// The body did not arrive in time.
    pub(crate) fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "body-too-slow",
            "请求体未能在时限内传完，请检查网络后重试",
            "the body did not arrive in time; look at the network and try again",
        )
    }

    /// The store is away, full or busy: nothing of the request was committed, or the next look says
    /// what was.
    fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store-unavailable",
            "办件库暂时不可用，请稍后查询并重试",
            "the store is not available now; look again later and try again",
        )
    }

    /// A failure of the host's; the log says which.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "系统内部错误，请稍后查询并重试，或联系运维人员",
            "the host failed; look again later and try again, or tell an operator",
        )
    }

    /// A conflict says how the case stands.
    pub(crate) fn on(mut self, case: &State) -> Self {
        if self.status() != StatusCode::CONFLICT {
            return self;
        }
        let tasks = case.tasks().map(|record| CurrentTask {
            step: record.step.id.clone(),
            office: record.office().clone(),
            task_version: record.task_version,
        });
        self.0.current = Some(Current {
            status: case.status.as_str().to_owned(),
            round: case.round(),
            last_event: case.last_event,
            tasks: tasks.collect(),
        });
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let code = Code(self.0.code.clone());
        let mut response = (status, axum::Json(self.0)).into_response();
        response.extensions_mut().insert(code);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"onething\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Unknown {
                what: "matter",
                name,
            } => Self::unknown("matter", "事项", &name),
            Error::Unknown { what: "case", name } => Self::unknown("case", "办件", &name),
            Error::Unknown {
                what: "budget",
                name,
            } => Self::unknown("budget", "预算", &name),
            Error::Unknown {
                what: "payment",
                name,
            } => Self::unknown("payment", "拨付", &name),
            Error::Unknown {
                what: "quarantined function app",
                name,
            } => Self::unknown("quarantined function app", "停用的函数应用", &name),
            Error::Unknown {
                what: "effect",
                name,
            } => Self::unknown("effect", "事务", &name),
            Error::NoMoney(finding) => Self::new(
                StatusCode::CONFLICT,
                &finding.code,
                finding.message.zh,
                finding.message.en,
            ),
            Error::Busy(_) => Self::full(
                "busy",
                "该办件正被多方同时办理，请稍后重试",
                "the case is written to by others all the time; try again",
            ),
            Error::Overloaded => Self::full(
                "sandbox-full",
                "等待办理的申报过多，请稍后重试",
                "too many requests wait to be run; try again",
            ),
            Error::Store(onething_store::Error::Erased { .. }) => Self::erased(),
            Error::Store(error) if error.is_unavailable() => {
                let error = Error::Store(error).in_log();
                tracing::error!(error, "the store is not available");
                Self::unavailable()
            }
            Error::Unavailable(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "function-unavailable",
                "该事项的函数应用暂时没有响应，未作任何变更，请稍后重试",
                "the function app of the matter does not answer now; nothing was changed, try again",
            ),
            Error::Bundle(drive::Error::Fault { function, fault }) => faulted(function, &fault),
            error => failed(&error.in_log()),
        }
    }
}

impl From<onething_store::Error> for Problem {
    fn from(error: onething_store::Error) -> Self {
        match error {
            onething_store::Error::BlobTooLarge { .. } => Self::too_large(),
            error => Error::from(error).into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = refusal_status(&refusal.code);
        let Refusal {
            code,
            message,
            basis,
        } = refusal;
        let mut problem = Self::new(status, &code, message.zh, message.en);
        problem.0.basis = basis;
        problem
    }
}

/// A "no" that is about how the case stands is a conflict, one about what was sent is not; a code
/// that is not known here is a bundle's, about what was sent.
fn refusal_status(code: &str) -> StatusCode {
    match code {
        "unknown-case" | "unknown-step" => StatusCode::NOT_FOUND,
        "wrong-office" | "same-person" => StatusCode::FORBIDDEN,
        "clock-behind" => StatusCode::SERVICE_UNAVAILABLE,
        "case-ended"
        | "stale-round"
        | "stale-task"
        | "awaiting-correction"
        | "awaiting-signatures"
        | "already-signed"
        | "not-signed"
        | "nothing-to-sign"
        | "notice-running"
        | "notice-objected"
        | "budget-exists"
        | "payment-not-sent"
        | "effect-not-dead"
        | "payment-answered"
        | "already-settled"
        | "no-correction-awaited"
        | "already-accepted"
        | "not-accepted-yet"
        | "step-not-open"
        | "already-decided"
        | "already-effective"
        | "step-not-decided"
        | "not-signing"
        | "promise-not-due"
        | "already-overdue"
        | "check-before-completion"
        | "already-checked"
        | "nothing-to-repair"
        | "already-repaired"
        | "not-appealable"
        | "already-appealed"
        | "material-not-awaited"
        | "already-supplied"
        | "not-parked"
        | "not-completed"
        | "already-rated"
        | "nothing-earlier"
        | "automatic-step"
        | "key-taken"
        | "form-out-of-date" => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// The fault's own words may repeat what the bundle was handed: they are neither logged nor told.
fn faulted(function: &str, fault: &Fault) -> Problem {
    if let Fault::InputTooLarge { limit } = fault {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "input-too-large",
            format!("申报内容过大，该事项的程序最多读取 {limit} 字节"),
            format!("the submission is too large: the bundle reads at most {limit} bytes"),
        );
    }
    tracing::error!(function, fault = fault.name(), "a request failed");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        &format!("bundle-{}", fault.name()),
        "该事项的程序运行失败，未作任何变更，请联系运维人员",
        "the matter's bundle failed and nothing was changed; tell an operator",
    )
}

/// An error of the host's own, logged by its operation.
fn failed(error: &str) -> Problem {
    tracing::error!(error, "a request failed");
    Problem::internal()
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            // The text names the field, the line and the column.
            JsonRejection::JsonSyntaxError(_) | JsonRejection::JsonDataError(_) => {
                let why = rejection.body_text();
                let zh = format!("请求体不是所需的 JSON：{why}");
                Self::malformed("malformed-body", zh, why)
            }
            JsonRejection::MissingJsonContentType(_) => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "请以 Content-Type: application/json 提交",
                "send it as Content-Type: application/json",
            ),
            JsonRejection::BytesRejection(rejection) => rejection.into(),
            _ => unreadable(),
        }
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Self::too_large()
        } else {
            unreadable()
        }
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        let why = rejection.body_text();
        Self::malformed("malformed-query", format!("查询参数有误：{why}"), why)
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        let why = rejection.body_text();
        Self::malformed("malformed-path", format!("请求路径有误：{why}"), why)
    }
}

pub(crate) fn unreadable() -> Problem {
    Problem::malformed(
        "malformed-body",
        "无法读取请求体",
        "the body cannot be read",
    )
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "请求格式有误",
        StatusCode::UNAUTHORIZED => "未认证",
        StatusCode::FORBIDDEN => "没有权限",
        StatusCode::NOT_FOUND => "不存在",
        StatusCode::METHOD_NOT_ALLOWED => "不支持该方法",
        StatusCode::REQUEST_TIMEOUT => "接收超时",
        StatusCode::CONFLICT => "与当前状态冲突",
        StatusCode::GONE => "已经清除",
        StatusCode::PAYLOAD_TOO_LARGE => "请求体过大",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "不支持该媒体类型",
        StatusCode::UNPROCESSABLE_ENTITY => "内容不符合要求",
        StatusCode::TOO_MANY_REQUESTS => "请求过多",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "请求头过大",
        StatusCode::SERVICE_UNAVAILABLE => "暂时无法处理",
        _ => "内部错误",
    }
}
