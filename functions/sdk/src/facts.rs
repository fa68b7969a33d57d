//! What rules may consult besides the answers: the filing day, published parameters, and the
//! registers that the rules themselves look into.

use crate::values::Json;
use chrono::NaiveDate;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A base, rate or table in force on a day.
#[derive(Debug, Clone, PartialEq)]
pub struct InForce {
    /// The value, as its table has it; decimals are strings.
    pub value: Json,
    /// The first day it is in force.
    pub since: NaiveDate,
    /// The official figure is not known to whoever published the table.
    pub illustrative: bool,
}

/// What answers: in a bundle the host, in a test a table. Whatever is not there, or not yet, is
/// `None`; the host asks again once it has fetched it.
pub trait World {
    /// The parameter in force on that day.
    fn parameter(&self, name: &str, on: NaiveDate) -> Option<InForce>;

    /// The names of a family of parameters that are in force on that day.
    fn family(&self, _name: &str, _on: NaiveDate) -> Vec<String> {
        Vec::new()
    }

    /// A register's entries, one a key in their order.
    fn entries(&self, _register: &str, keys: &[String]) -> Vec<Option<Json>> {
        keys.iter().map(|_| None).collect()
    }

    /// A register that was asked does not answer now, so that not knowing a key means nothing.
    fn is_down(&self, _register: &str) -> bool {
        false
    }
}

/// A world of parameters alone.
impl<F: Fn(&str, NaiveDate) -> Option<InForce>> World for F {
    fn parameter(&self, name: &str, on: NaiveDate) -> Option<InForce> {
        self(name, on)
    }
}

/// By name and day.
type Parameters = BTreeMap<(String, NaiveDate), Option<Rc<InForce>>>;
/// By register and key.
type Entries = BTreeMap<(String, String), Option<Rc<Json>>>;

/// The world as of a filing day.
pub struct Facts<'a> {
    filed_on: NaiveDate,
    world: &'a dyn World,
    /// Tables are large and several derivations read the same one.
    parameters: RefCell<Parameters>,
    entries: RefCell<Entries>,
}

impl<'a> Facts<'a> {
    /// What `world` says to whoever filed on that day.
    pub fn new(filed_on: NaiveDate, world: &'a dyn World) -> Self {
        Self {
            filed_on,
            world,
            parameters: RefCell::default(),
            entries: RefCell::default(),
        }
    }

    /// The day the submission was filed.
    pub fn filed_on(&self) -> NaiveDate {
        self.filed_on
    }

    /// The parameter in force on that day; `None` where it is not published yet.
    pub fn parameter(&self, name: &str, on: NaiveDate) -> Option<Rc<InForce>> {
        let key = (name.to_owned(), on);
        if let Some(read) = self.parameters.borrow().get(&key) {
            return read.clone();
        }
        let found = self.world.parameter(name, on).map(Rc::new);
        self.parameters.borrow_mut().insert(key, found.clone());
        found
    }

    /// The names of a family of parameters in force on that day, `policy/…` of `policy`.
    pub fn family(&self, name: &str, on: NaiveDate) -> Vec<String> {
        self.world.family(name, on)
    }

    /// What a register has under a key of the rules' own.
    pub fn entry(&self, register: &str, key: &str) -> Option<Rc<Json>> {
        let asked = (register.to_owned(), key.to_owned());
        if let Some(read) = self.entries.borrow().get(&asked) {
            return read.clone();
        }
        let found = self.world.entries(register, std::slice::from_ref(&asked.1));
        let found = found.into_iter().next().flatten().map(Rc::new);
        self.entries.borrow_mut().insert(asked, found.clone());
        found
    }

    /// A register that was asked does not answer now: what it has nothing of is not checked.
    pub fn is_down(&self, register: &str) -> bool {
        self.world.is_down(register)
    }

    /// What a register has under many keys, in their order. Read once, not kept.
    pub fn entries(&self, register: &str, keys: &[String]) -> Vec<Option<Json>> {
        self.world.entries(register, keys)
    }
}
