//! The standard entries of business scope (经营范围规范表述), as they are published.

use crate::answers::BusinessScopeRow;
use onething_sdk::Facts;
use onething_sdk::facts::InForce;
use onething_sdk::form::Json;
use std::rc::Rc;

/// The published entries.
pub struct Entries(Rc<InForce>);

/// One of them.
pub struct Entry {
    /// As the licence prints it.
    pub name: String,
    /// GB/T 4754-2017.
    pub industry: String,
    /// What that code is called.
    pub trade: String,
    /// 1 to 8.
    pub injury_class: u32,
    /// The licence it needs, where it needs one.
    pub permit: Option<Permit>,
}

/// A licence that an entry needs.
pub struct Permit {
    /// It must be there before the company is registered (前置).
    pub prior: bool,
    /// What it is called.
    pub licence: String,
    /// Who grants it.
    pub authority: String,
}

impl Entries {
    /// Those in force when it was filed.
    pub fn of(facts: &Facts<'_>) -> Option<Self> {
        facts
            .parameter("business-scope", facts.filed_on())
            .map(Self)
    }

    /// By its code.
    pub fn entry(&self, code: &str) -> Option<Entry> {
        let entry = self.0.value.get(code)?;
        let words = |name: &str| entry.get(name).and_then(Json::as_str).map(str::to_owned);
        let permit = || {
            Some(Permit {
                prior: words("permit")? == "prior",
                licence: words("licence")?,
                authority: words("authority")?,
            })
        };
        Some(Entry {
            name: words("name")?,
            industry: words("industry")?,
            trade: words("trade")?,
            injury_class: u32::try_from(entry.get("injury-class")?.as_u64()?).ok()?,
            permit: permit(),
        })
    }

    /// The main one of those chosen; `None` unless exactly one is marked.
    pub fn main(&self, chosen: &[BusinessScopeRow]) -> Option<Entry> {
        let mut marked = chosen.iter().filter(|row| row.main);
        match (marked.next(), marked.next()) {
            (Some(row), None) => self.entry(&row.code),
            _ => None,
        }
    }

    /// The words of the licence; `None` where an entry is unknown.
    pub fn printed(&self, chosen: &[BusinessScopeRow]) -> Option<String> {
        let entries: Vec<Entry> = chosen
            .iter()
            .map(|row| self.entry(&row.code))
            .collect::<Option<_>>()?;
        let names = |licensed: bool| -> Option<String> {
            let names: Vec<&str> = entries
                .iter()
                .filter(|entry| entry.permit.is_some() == licensed)
                .map(|entry| entry.name.as_str())
                .collect();
            (!names.is_empty()).then(|| names.join("；"))
        };
        let general = names(false).map(|names| {
            format!("一般项目：{names}（除依法须经批准的项目外，凭营业执照依法自主开展经营活动）。")
        });
        let licensed = names(true).map(|names| {
            format!("许可项目：{names}（依法须经批准的项目，经相关部门批准后方可开展经营活动，具体经营项目以审批结果为准）。")
        });
        let parts: Vec<String> = general.into_iter().chain(licensed).collect();
        (!parts.is_empty()).then(|| parts.concat())
    }
}
