//! What a derivation may consult besides the answers: the filing day and published parameters.

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

/// A parameter's name, and a day.
type Asked = (String, NaiveDate);

/// The world of a derivation.
pub struct Facts<'a> {
    filed_on: NaiveDate,
    parameters: &'a dyn Fn(&str, NaiveDate) -> Option<InForce>,
    /// Tables are large and several derivations read the same one.
    read: RefCell<BTreeMap<Asked, Option<Rc<InForce>>>>,
}

impl<'a> Facts<'a> {
    /// `parameters` answers for a name and a day; in a bundle it is the host, in a test a table.
    pub fn new(
        filed_on: NaiveDate,
        parameters: &'a dyn Fn(&str, NaiveDate) -> Option<InForce>,
    ) -> Self {
        Self {
            filed_on,
            parameters,
            read: RefCell::default(),
        }
    }

    /// The day the submission was filed.
    pub fn filed_on(&self) -> NaiveDate {
        self.filed_on
    }

    /// The parameter in force on that day; `None` where it is not published yet.
    pub fn parameter(&self, name: &str, on: NaiveDate) -> Option<Rc<InForce>> {
        let key = (name.to_owned(), on);
        if let Some(read) = self.read.borrow().get(&key) {
            return read.clone();
        }
        let found = (self.parameters)(name, on).map(Rc::new);
        self.read.borrow_mut().insert(key, found.clone());
        found
    }
}
