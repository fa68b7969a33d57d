//! The types of data elements. Each reads itself from JSON, saying everything that is wrong, and
//! writes itself back to the same JSON.

mod identifiers;
mod money;
mod month;

pub use identifiers::{Account, CitizenId, Phone, Uscc};
pub use money::Money;
pub use month::Month;
pub use rust_decimal::Decimal;
pub use serde_json::Value as Json;

use crate::contract::{Finding, Severity, Text};
use chrono::{DateTime, NaiveDate};
use serde_json::{Map, json};

/// A value of a data element.
pub trait Value: Sized {
    /// Reads the value, or notes what is wrong with it.
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self>;
    /// The JSON it was read from.
    fn write(&self) -> Json;
}

/// Where a value stands in the answers, and what was found wrong so far.
pub struct At<'a> {
    /// JSON Pointer.
    pub path: String,
    /// Characters of a text, rows of a table.
    pub max: Option<u32>,
    /// All findings of the answers.
    pub findings: &'a mut Vec<Finding>,
}

impl At<'_> {
    /// Notes an error of the form of a value.
    pub fn wrong<T>(&mut self, code: &str, zh: &str, en: &str, basis: Option<&str>) -> Option<T> {
        self.findings.push(Finding {
            severity: Severity::Error,
            path: self.path.clone(),
            code: code.to_owned(),
            message: text(zh, en),
            basis: basis.map(str::to_owned),
        });
        None
    }

    fn text<'j>(&mut self, json: &'j Json) -> Option<&'j str> {
        match json.as_str() {
            Some(text) => Some(text),
            None => self.wrong("type", "应为文本（带引号）", "must be a string", None),
        }
    }
}

/// A sentence in both languages.
pub fn text(zh: impl Into<String>, en: impl Into<String>) -> Text {
    Text {
        zh: zh.into(),
        en: en.into(),
    }
}

impl Value for String {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        let text = at.text(json)?;
        let length = text.chars().count();
        if text.trim().is_empty() {
            return at.wrong("empty", "不能为空白", "must not be blank", None);
        }
        if text.chars().any(char::is_control) {
            return at.wrong(
                "control-character",
                "含有控制字符",
                "has a control character",
                None,
            );
        }
        match at.max {
            Some(max) if length > max as usize => at.wrong(
                "too-long",
                &format!("最多 {max} 字，现为 {length} 字"),
                &format!("at most {max} characters, has {length}"),
                None,
            ),
            _ => Some(text.to_owned()),
        }
    }
    fn write(&self) -> Json {
        Json::String(self.clone())
    }
}

impl Value for u32 {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        match json.as_u64().and_then(|number| Self::try_from(number).ok()) {
            Some(number) => Some(number),
            None => at.wrong(
                "type",
                "应为不带引号的非负整数",
                "must be a whole number, not negative, without quotes",
                None,
            ),
        }
    }
    fn write(&self) -> Json {
        json!(self)
    }
}

impl Value for bool {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        match json.as_bool() {
            Some(value) => Some(value),
            None => at.wrong("type", "应为 true 或 false", "must be true or false", None),
        }
    }
    fn write(&self) -> Json {
        json!(self)
    }
}

impl Value for Decimal {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        let parsed = json
            .as_str()
            .filter(|text| plain_decimal(text))
            .and_then(|text| text.parse().ok());
        match parsed {
            Some(number) => Some(number),
            None => at.wrong(
                "type",
                "应为带引号的十进制数，如 \"1.2345\"",
                "must be a decimal number in quotes, like \"1.2345\"",
                None,
            ),
        }
    }
    fn write(&self) -> Json {
        Json::String(self.to_string())
    }
}

/// `-?[0-9]{1,15}(\.[0-9]{1,8})?`
fn plain_decimal(text: &str) -> bool {
    let (whole, fraction) = match text.strip_prefix('-').unwrap_or(text).split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text.strip_prefix('-').unwrap_or(text), None),
    };
    let digits = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    digits(whole, 15) && fraction.is_none_or(|fraction| digits(fraction, 8))
}

impl Value for NaiveDate {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        let date = json.as_str().and_then(day);
        match date {
            Some(date) => Some(date),
            None => at.wrong(
                "type",
                "应为存在的日期，如 2025-03-02",
                "must be a date that exists, like 2025-03-02",
                None,
            ),
        }
    }
    fn write(&self) -> Json {
        Json::String(self.to_string())
    }
}

/// Reads `2025-03-02`, and no other way to write the day.
pub fn day(text: &str) -> Option<NaiveDate> {
    let day: NaiveDate = text.parse().ok()?;
    (day.to_string() == text).then_some(day)
}

/// An enum whose values have codes.
pub trait Coded: Copy + PartialEq + 'static {
    /// Every code and value.
    const ALL: &'static [(&'static str, Self)];

    /// The code.
    fn code(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, value)| *value == self);
        found.map_or("", |(code, _)| code)
    }
}

impl<E: Coded> Value for E {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        let code = json.as_str();
        match E::ALL.iter().find(|(known, _)| Some(*known) == code) {
            Some((_, value)) => Some(*value),
            None => {
                let known: Vec<&str> = E::ALL.iter().map(|(code, _)| *code).collect();
                let known = known.join(" | ");
                at.wrong(
                    "not-a-value",
                    &format!("应为其中之一：{known}"),
                    &format!("must be one of {known}"),
                    None,
                )
            }
        }
    }
    fn write(&self) -> Json {
        Json::String(self.code().to_owned())
    }
}

impl<E: Coded> Value for Vec<E> {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        let Some(items) = json.as_array() else {
            return at.wrong("type", "应为列表 […]", "must be a list […]", None);
        };
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let mut here = At {
                path: format!("{}/{index}", at.path),
                max: None,
                findings: at.findings,
            };
            match E::read(item, &mut here) {
                Some(value) if values.contains(&value) => {
                    here.wrong::<()>("twice", "重复", "stands twice", None);
                }
                read => values.extend(read),
            }
        }
        (values.len() == items.len()).then_some(values)
    }
    fn write(&self) -> Json {
        self.iter().map(Value::write).collect()
    }
}

/// A row of a table.
pub trait Row: Sized {
    /// The names of the columns.
    const COLUMNS: &'static [&'static str];
    /// Reads every cell before it gives up, so that all that is wrong is found at once.
    fn read(row: &mut RowReader<'_>) -> Option<Self>;
    /// The cells in the order of the columns.
    fn write(&self) -> Vec<Json>;
}

/// The rows of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows<R>(pub Vec<R>);

impl<R> std::ops::Deref for Rows<R> {
    type Target = Vec<R>;
    fn deref(&self) -> &Vec<R> {
        &self.0
    }
}

impl<R: Row> Value for Rows<R> {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        let Some(items) = json.as_array() else {
            return at.wrong(
                "type",
                "应为表格行的列表 […]",
                "must be a list of rows […]",
                None,
            );
        };
        if let Some(max) = at.max.filter(|&max| items.len() > max as usize) {
            let (zh, en) = (format!("最多 {max} 行"), format!("at most {max} rows"));
            return at.wrong("too-many-rows", &zh, &en, None);
        }
        let mut rows = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let mut here = At {
                path: format!("{}/{index}", at.path),
                max: None,
                findings: at.findings,
            };
            let Some(cells) = item.as_object() else {
                here.wrong::<()>("type", "应为一行 {…}", "must be a row {…}", None);
                continue;
            };
            for unknown in cells
                .keys()
                .filter(|name| !R::COLUMNS.contains(&name.as_str()))
            {
                let (zh, en) = (
                    format!("没有“{unknown}”这一列"),
                    format!("no column `{unknown}`"),
                );
                here.wrong::<()>("unknown-column", &zh, &en, None);
            }
            rows.extend(R::read(&mut RowReader { cells, at: here }));
        }
        (rows.len() == items.len()).then_some(Self(rows))
    }
    fn write(&self) -> Json {
        let row = |row: &R| -> Json {
            let cells = R::COLUMNS
                .iter()
                .map(|name| (*name).to_owned())
                .zip(row.write());
            Json::Object(cells.filter(|(_, cell)| !cell.is_null()).collect())
        };
        self.0.iter().map(row).collect()
    }
}

/// Reads the cells of one row.
pub struct RowReader<'a> {
    cells: &'a Map<String, Json>,
    at: At<'a>,
}

impl RowReader<'_> {
    /// A cell that must be there.
    pub fn required<T: Value>(&mut self, column: &str, max: Option<u32>) -> Option<T> {
        if self.cells.get(column).is_none_or(Json::is_null) {
            self.at.path.push('/');
            self.at.path.push_str(column);
            self.at.wrong::<()>("required", "必填", "is required", None);
            self.leave(column);
            return None;
        }
        self.optional(column, max)
    }

    /// A cell that may be absent or null.
    pub fn optional<T: Value>(&mut self, column: &str, max: Option<u32>) -> Option<T> {
        let cell = self.cells.get(column).filter(|cell| !cell.is_null())?;
        self.at.path.push('/');
        self.at.path.push_str(column);
        // The path goes to the cell and back: long tables have no time to copy it.
        let mut here = At {
            path: std::mem::take(&mut self.at.path),
            max,
            findings: self.at.findings,
        };
        let value = T::read(cell, &mut here);
        self.at.path = here.path;
        self.leave(column);
        value
    }

    fn leave(&mut self, column: &str) {
        let parent = self.at.path.len().saturating_sub(column.len() + 1);
        self.at.path.truncate(parent);
    }
}

impl<T: Value> Value for Option<T> {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        match json {
            Json::Null => Some(None),
            json => T::read(json, at).map(Some),
        }
    }
    fn write(&self) -> Json {
        self.as_ref().map_or(Json::Null, Value::write)
    }
}

/// An electronic signature as the platform took it: who, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name signed with.
    pub name: String,
    /// RFC 3339.
    pub signed_at: String,
}

impl Value for Signature {
    fn read(json: &Json, at: &mut At<'_>) -> Option<Self> {
        let member = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
        match (member("name"), member("signed_at")) {
            (Some(name), Some(signed_at))
                if !name.trim().is_empty() && DateTime::parse_from_rfc3339(&signed_at).is_ok() =>
            {
                Some(Self { name, signed_at })
            }
            _ => at.wrong(
                "type",
                "应为签名：{\"name\": \"…\", \"signed_at\": \"2025-01-06T09:00:00+08:00\"}",
                "must be a signature: {\"name\": \"…\", \"signed_at\": \"2025-01-06T09:00:00+08:00\"}",
                None,
            ),
        }
    }
    fn write(&self) -> Json {
        json!({"name": self.name, "signed_at": self.signed_at})
    }
}
