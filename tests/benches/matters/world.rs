//! One world for both sides: the published parameters and made-up registers, for the sandbox as
//! facts, for native rules as the SDK's world.

use chrono::NaiveDate;
use onething_capabilities::Parameters;
use onething_contract::{Entry, Found, Lookup, Parameter};
use onething_runtime::Facts;
use onething_sdk::facts::{InForce, World as Native};
use onething_tests::bundles::root;
use serde_json::Value;
use std::collections::BTreeMap;

pub const REGION: &str = "331102";

pub struct World {
    published: Parameters,
    /// In place of the published ones.
    pub parameters: BTreeMap<String, Value>,
    /// By register and key.
    pub registers: BTreeMap<(String, String), Value>,
}

impl World {
    pub fn new() -> Self {
        Self {
            published: Parameters::load(&root().join("parameters")).unwrap(),
            parameters: BTreeMap::new(),
            registers: BTreeMap::new(),
        }
    }

    pub fn put(&mut self, register: &str, key: &str, value: Value) {
        let place = (register.to_owned(), key.to_owned());
        self.registers.insert(place, value);
    }

    pub fn published(&self, name: &str, on: NaiveDate) -> Option<Value> {
        let found = self.published.in_force(name, on, REGION)?;
        Some(serde_json::from_str(&found.value).unwrap())
    }

    pub fn names(&self, family: &str, on: NaiveDate) -> Vec<String> {
        self.published.family(family, on, REGION)
    }

    fn entry(&self, register: &str, key: &str) -> Option<&Value> {
        self.registers.get(&(register.to_owned(), key.to_owned()))
    }

    fn own_family(&self, family: &str) -> Vec<String> {
        let prefix = format!("{family}/");
        let names = self.parameters.keys();
        names
            .filter(|name| name.starts_with(&prefix))
            .cloned()
            .collect()
    }
}

impl Facts for World {
    fn known(&self, lookup: &Lookup) -> Option<Found> {
        Some(match lookup {
            Lookup::Register { register, key } => {
                Found::Entry(self.entry(register, key).map(|value| Entry {
                    value: value.to_string(),
                    as_of: "2026-03-01".to_owned(),
                    source: register.clone(),
                }))
            }
            Lookup::Parameter { name, on } => match self.parameters.get(name) {
                Some(value) => Found::Parameter(Some(Parameter {
                    value: value.to_string(),
                    since: "2026-01-01".to_owned(),
                    until: None,
                    source: "bench".to_owned(),
                    illustrative: true,
                })),
                None => self.published.find(name, on, REGION),
            },
            Lookup::Family { name, .. } => Found::Names(self.own_family(name)),
        })
    }

    fn fetch(&self, _: &[Lookup]) -> Vec<Found> {
        Vec::new() // everything is known
    }
}

impl Native for World {
    fn parameter(&self, name: &str, on: NaiveDate) -> Option<InForce> {
        let value = match self.parameters.get(name) {
            Some(value) => value.clone(),
            None => self.published(name, on)?,
        };
        Some(InForce {
            value,
            since: "2026-01-01".parse().unwrap(),
            illustrative: true,
        })
    }

    fn family(&self, name: &str, _: NaiveDate) -> Vec<String> {
        self.own_family(name)
    }

    fn entries(&self, register: &str, keys: &[String]) -> Vec<Option<Value>> {
        let entry = |key: &String| self.entry(register, key).cloned();
        keys.iter().map(entry).collect()
    }
}
