//! A list's condition. Only what is asked becomes SQL, so that each question finds its index.

use crate::Error;
use sqlx::any::{Any, AnyArguments};
use sqlx::{Arguments, Encode, Type};
use std::fmt::Write;

/// A query that grows by the filters that are given. Its text is made of fixed pieces.
pub(crate) struct Filter {
    pub sql: String,
    pub arguments: AnyArguments,
}

impl Filter {
    /// `select` ends with a `WHERE` that the filters add to.
    pub fn new(select: &'static str) -> Self {
        Self {
            sql: select.to_owned(),
            arguments: AnyArguments::default(),
        }
    }

    /// `condition` ends where the value comes: `region =`.
    pub fn and<'q, T>(mut self, condition: &'static str, value: Option<T>) -> Result<Self, Error>
    where
        T: Encode<'q, Any> + Type<Any>,
    {
        if let Some(value) = value {
            self.put(&format!(" AND {condition}"), value)?;
        }
        Ok(self)
    }

    /// The order and how many at most.
    pub fn order(mut self, by: &'static str, limit: u32) -> Result<Self, Error> {
        self.put(&format!(" ORDER BY {by} LIMIT"), i64::from(limit))?;
        Ok(self)
    }

    fn put<'q, T>(&mut self, text: &str, value: T) -> Result<(), Error>
    where
        T: Encode<'q, Any> + Type<Any>,
    {
        self.arguments
            .add(value)
            .map_err(|source| Error::Database {
                operation: "bind a filter",
                source: sqlx::Error::Encode(source),
            })?;
        let n = self.arguments.len();
        // Writing to a string does not fail.
        let _ = write!(self.sql, "{text} ${n}");
        Ok(())
    }
}
