//! What policies may speak of: the data items of an enterprise (政策数据), declared with their types
//! in the parameter `policy-fields`, and their values. Knows no policy.

use cel::common::types::{CelBool, CelInt, CelList, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use chrono::{Datelike, NaiveDate};
use onething_sdk::Facts;
use onething_sdk::form::Json;
use onething_sdk::serde_json;
use onething_sdk::values::{Money, day};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The parameter.
pub const FIELDS: &str = "policy-fields";
/// Items that a list may have; what an expression costs counts on it.
pub const LIST_MAX: usize = 50;
/// Amounts that expressions write with: `20 * wan` is 200,000 yuan in fen.
const UNITS: [(&str, i64); 2] = [("wan", 1_000_000), ("yuan", 100)];

/// A sentence in both languages, as policies have it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// The type of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// Whole fen in expressions, yuan with two places in registers.
    Money,
    /// The number `20260302` in expressions, `2026-03-02` in registers.
    Date,
    /// A code.
    Text,
    /// Codes, separated by commas in registers.
    List,
}

/// A data item.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Its name for people, in Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// Whose data it is.
    pub owner: String,
}

/// Every data item, by the name that expressions use.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Fields(BTreeMap<String, Field>);

impl Fields {
    /// Those declared on a day; `None` where none are published.
    pub fn in_force(facts: &Facts<'_>, on: NaiveDate) -> Option<Self> {
        let declared = facts.parameter(FIELDS, on)?;
        serde_json::from_value(declared.value.clone()).ok()
    }

    /// An item.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.0.get(name)
    }
}

/// What a unit of money is in fen.
pub fn unit(name: &str) -> Option<i64> {
    let unit = UNITS.iter().find(|(known, _)| *known == name)?;
    Some(unit.1)
}

/// A date as expressions have it.
pub fn number(date: NaiveDate) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

/// The date that a number stands for.
pub fn date(number: i64) -> Option<NaiveDate> {
    let part = |number: i64| u32::try_from(number % 100).ok();
    let year = i32::try_from(number / 10_000).ok()?;
    NaiveDate::from_ymd_opt(year, part(number / 100)?, part(number)?)
}

/// What is known of one enterprise. Items that are not declared, or not of their type, are as good
/// as absent.
#[derive(Debug, Default)]
pub struct Enterprise {
    values: BTreeMap<String, Box<dyn Val>>,
}

impl Enterprise {
    /// Of items and their values as registers write them.
    pub fn new<'a>(fields: &Fields, items: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let units = UNITS.map(|(name, fen)| (name.to_owned(), int(fen)));
        let mut values = BTreeMap::from(units);
        for (name, text) in items {
            let value = fields
                .get(name)
                .and_then(|field| value(field.kind, text.trim()));
            if let Some(value) = value {
                values.insert(name.to_owned(), value);
            }
        }
        Self { values }
    }

    /// Of the rows of the element or register field `policy-facts`.
    pub fn of_rows(fields: &Fields, rows: &Json) -> Self {
        let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
        let items = rows
            .iter()
            .filter_map(|row| Some((row.get("item")?.as_str()?, row.get("value")?.as_str()?)));
        Self::new(fields, items)
    }

    /// Whether an item is known.
    pub fn knows(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }
}

impl VariableResolver for Enterprise {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let value = self.values.get(variable)?;
        Some(CowVal::Borrowed(value.as_ref()))
    }
}

fn int(number: i64) -> Box<dyn Val> {
    Box::new(CelInt::from(number))
}

fn value(kind: Kind, text: &str) -> Option<Box<dyn Val>> {
    let value: Box<dyn Val> = match kind {
        Kind::Bool => Box::new(CelBool::from(text.parse::<bool>().ok()?)),
        Kind::Int => int(text.parse().ok()?),
        Kind::Money => int((Money::parse(text)?.amount() * Decimal::ONE_HUNDRED).to_i64()?),
        Kind::Date => int(number(day(text)?)),
        Kind::Text => Box::new(CelString::from(text.to_owned())),
        Kind::List => {
            let items: Vec<&str> = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .collect();
            if items.len() > LIST_MAX {
                return None;
            }
            let items: Vec<Box<dyn Val>> = items
                .into_iter()
                .map(|item| -> Box<dyn Val> { Box::new(CelString::from(item.to_owned())) })
                .collect();
            Box::new(CelList::from(items))
        }
    };
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_and_its_number() {
        for text in ["2026-03-02", "1999-12-31"] {
            let there: NaiveDate = text.parse().unwrap();
            assert_eq!(date(number(there)), Some(there));
        }
        for none in [0, 20_260_230, 20_261_301, 2_026, -20_260_101, i64::MAX] {
            assert_eq!(date(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_not_of_its_type_is_absent() {
        for (kind, good, bad) in [
            (Kind::Bool, "true", "是"),
            (Kind::Int, "12", "12.5"),
            (Kind::Money, "12.50", "12.5"),
            (Kind::Money, "90000000000000.00", "900000000000000000.00"),
            (Kind::Date, "2026-03-02", "2026-3-2"),
        ] {
            assert!(value(kind, good).is_some(), "{good}");
            assert!(value(kind, bad).is_none(), "{bad}");
        }
        let long = vec!["A"; LIST_MAX + 1].join(",");
        assert!(value(Kind::List, &long).is_none());
    }
}
