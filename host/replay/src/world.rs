//! The world of a fixture: what registers and parameters say, and which effects are refused. All of
//! it is at hand at once, so that a bundle needs one pass.

use crate::fixture::{Amount, Object};
use chrono::NaiveDate;
use onething_capabilities::Parameters;
use onething_contract::manifest::Manifest;
use onething_contract::{Entry, Found, Lookup, Parameter, Refusal, Text};
use onething_runtime::Facts;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use toml::value::Datetime;

/// What a file says of the world.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Given {
    /// How old the registers' values are; the day of the first entry where no file says.
    as_of: Option<Datetime>,
    /// By register and key.
    registers: BTreeMap<String, BTreeMap<String, Object>>,
    /// Registers that are down.
    down: BTreeSet<String>,
    /// `register` knows nobody, `register.field` is not there.
    without: BTreeSet<String>,
    /// In place of the published ones.
    parameters: BTreeMap<String, Vec<Period>>,
    /// What budgets have; one that is not named has nothing.
    budgets: BTreeMap<String, Amount>,
    /// Who says what became of a payment; the bank, at once and well, where no file says.
    bank: Option<Bank>,
    /// By the beginning of an effect's line in the transcript: the code it is refused with.
    fail: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Bank {
    /// The timeline.
    Manual,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    #[serde(deserialize_with = "day")]
    since: NaiveDate,
    #[serde(default, deserialize_with = "some_day")]
    until: Option<NaiveDate>,
    #[serde(deserialize_with = "json")]
    value: Value,
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    let written = Datetime::deserialize(deserializer)?.to_string();
    written.parse().map_err(serde::de::Error::custom)
}

fn some_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    day(deserializer).map(Some)
}

fn json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let value = toml::Value::deserialize(deserializer)?;
    onething_capabilities::tables::to_json(&value).map_err(serde::de::Error::custom)
}

impl Given {
    /// This goes over the other, field by field of a register's entry.
    pub fn over(self, base: Given) -> Given {
        let mut whole = base;
        for (register, entries) in self.registers {
            let known = whole.registers.entry(register).or_default();
            for (key, fields) in entries {
                known.entry(key).or_default().0.extend(fields.0);
            }
        }
        whole.as_of = self.as_of.or(whole.as_of);
        whole.down.extend(self.down);
        whole.without.extend(self.without);
        whole.parameters.extend(self.parameters);
        whole.budgets.extend(self.budgets);
        whole.bank = self.bank.or(whole.bank);
        whole.fail.extend(self.fail);
        whole
    }

    /// The money there is, by budget.
    pub fn money(&self) -> BTreeMap<String, Decimal> {
        let amount = |(budget, amount): (&String, &Amount)| (budget.clone(), amount.0);
        self.budgets.iter().map(amount).collect()
    }

    /// Payments wait for the timeline's word.
    pub fn bank_waits(&self) -> bool {
        self.bank == Some(Bank::Manual)
    }

    /// The refusal that the effect of this line comes to, if it does.
    pub fn refuses(&self, effect: &str) -> Option<Refusal> {
        let (_, code) = self
            .fail
            .iter()
            .find(|(beginning, _)| effect.starts_with(beginning.as_str()))?;
        Some(refusal(
            code,
            "按用例设定拒绝",
            "refused, as the fixture says",
        ))
    }
}

/// The world of a run.
pub(crate) struct World {
    pub given: Given,
    pub parameters: Arc<Parameters>,
    pub manifest: Arc<Manifest>,
    pub region: String,
    /// The day of the first entry.
    pub day: String,
}

impl Facts for World {
    fn known(&self, lookup: &Lookup) -> Option<Found> {
        Some(match lookup {
            Lookup::Register { register, key } => self.register(register, key),
            Lookup::Parameter { name, on } => self.parameter(name, on),
            Lookup::Family { name, on } => Found::Names(self.family(name, on)),
        })
    }

    fn fetch(&self, _: &[Lookup]) -> Vec<Found> {
        Vec::new() // everything is known
    }
}

impl World {
    fn register(&self, register: &str, key: &str) -> Found {
        let title = self
            .manifest
            .grants
            .registers
            .iter()
            .find(|grant| grant.name == register)
            .map_or(register, |grant| grant.title.zh.as_str());
        if self.given.down.contains(register) {
            return Found::Unavailable(refusal(
                "register-down",
                &format!("{title}暂不可用"),
                &format!("the register {register} is down"),
            ));
        }
        if self.given.without.contains(register) {
            return Found::Entry(None);
        }
        let fields = self
            .given
            .registers
            .get(register)
            .and_then(|entries| entries.get(key));
        Found::Entry(fields.map(|Object(fields)| {
            let mut fields = fields.clone();
            fields.retain(|field, _| !self.given.without.contains(&format!("{register}.{field}")));
            let as_of = self.given.as_of.map(|as_of| as_of.to_string());
            Entry {
                value: Value::Object(fields).to_string(),
                as_of: as_of.unwrap_or_else(|| self.day.clone()),
                source: title.to_owned(),
            }
        }))
    }

    /// The published names, but for those that the fixture says itself.
    fn family(&self, name: &str, on: &str) -> Vec<String> {
        let given = &self.given.parameters;
        let Ok(day) = on.parse() else {
            return Vec::new();
        };
        let published = self.parameters.family(name, day, &self.region);
        let mut names: BTreeSet<String> = published
            .into_iter()
            .filter(|name| !given.contains_key(name))
            .collect();
        let family = format!("{name}/");
        let in_force = given.iter().filter(|(name, periods)| {
            name.starts_with(&family) && in_force(periods, day).is_some()
        });
        names.extend(in_force.map(|(name, _)| name.clone()));
        names.into_iter().collect()
    }

    fn parameter(&self, name: &str, on: &str) -> Found {
        let Some(periods) = self.given.parameters.get(name) else {
            return self.parameters.find(name, on, &self.region);
        };
        let in_force = on.parse().ok().and_then(|on| in_force(periods, on));
        Found::Parameter(in_force.map(|period| Parameter {
            value: period.value.to_string(),
            since: period.since.to_string(),
            until: period.until.map(|until| until.to_string()),
            source: "fixture".to_owned(),
            illustrative: true,
        }))
    }
}

/// The period that holds on that day.
fn in_force(periods: &[Period], on: NaiveDate) -> Option<&Period> {
    periods
        .iter()
        .find(|period| period.since <= on && period.until.is_none_or(|until| on < until))
}

fn refusal(code: &str, zh: &str, en: &str) -> Refusal {
    Refusal {
        code: code.to_owned(),
        message: Text {
            zh: zh.to_owned(),
            en: en.to_owned(),
        },
        basis: None,
    }
}
