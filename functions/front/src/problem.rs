//! What is wrong with a request: a status, and a problem (RFC 9457) in Chinese and English.

use serde_json::json;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request is not answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is not what the interface takes; what is wrong, and where.
    Malformed(String),
    /// The bundle has no function of that name; those that it has, a JSON list.
    UnknownFunction(String, String),
    /// Neither `GET` nor `POST`.
    Method,
    /// The body is larger than so many bytes.
    TooLarge(usize),
}

impl Problem {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Problem::Malformed(_) => 400,
            Problem::UnknownFunction(..) => 404,
            Problem::Method => 405,
            Problem::TooLarge(_) => 413,
        }
    }

    /// The body.
    pub fn json(&self) -> String {
        let (code, zh, en) = match self {
            Problem::Malformed(what) => (
                "malformed-request",
                format!("请求不符合接口要求，请更正：{what}"),
                what.clone(),
            ),
            Problem::UnknownFunction(name, exports) => (
                "unknown-function",
                format!("本事项没有函数“{name}”，可以调用的有：{exports}"),
                format!("this bundle has no function `{name}`; it has {exports}"),
            ),
            Problem::Method => (
                "method-not-allowed",
                "只接受 GET 和 POST".to_owned(),
                "only GET and POST are answered".to_owned(),
            ),
            Problem::TooLarge(max) => (
                "body-too-large",
                format!("请求体超过 {max} 字节"),
                format!("the body has more than {max} bytes"),
            ),
        };
        json!({ "code": code, "detail": zh, "detail_en": en }).to_string()
    }
}
