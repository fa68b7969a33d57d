//! The rows that a write adds, changes and takes away, read out of the database itself, to be
//! written again by nothing but sqlx.

use crate::record::replaced;
use sqlx::any::{Any, AnyArguments, AnyRow, AnyTypeInfoKind};
use sqlx::query::Query;
use sqlx::{AnyConnection, AssertSqlSafe, Column, Row, TypeInfo, ValueRef};
use std::collections::BTreeMap;

/// A table, the columns of its key, and which of its rows are a case's. In an order in which they
/// can be written.
const TABLES: [(&str, &[&str], &str); 12] = [
    ("idempotency", &["caller", "key"], "case_id = $1"),
    ("cases", &["id"], "id = $1"),
    ("data_keys", &["scope"], "scope = 'case/' || $1"),
    ("events", &["case_id", "n"], "case_id = $1"),
    ("journal", &["case_id", "n"], "case_id = $1"),
    ("material_uses", &["sha256", "case_id"], "case_id = $1"),
    ("tasks", &["case_id", "step"], "case_id = $1"),
    ("case_groups", &["case_id", "name"], "case_id = $1"),
    ("timers", &["case_id", "name", "rung"], "case_id = $1"),
    ("effects", &["ticket"], "case_id = $1"),
    (
        "effect_prerequisites",
        &["ticket", "prerequisite"],
        "ticket IN (SELECT ticket FROM effects WHERE case_id = $1)",
    ),
    ("unique_keys", &["key"], "case_id = $1"),
];

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// What stands for a person or a key: another one in each case.
    Tag(Vec<u8>),
}

type Columns = Vec<(String, Value)>;

/// A case's rows, by the place of their table and their key.
pub type Rows = BTreeMap<(usize, String), Columns>;

/// A statement and its values.
#[derive(Debug, Clone)]
pub struct Statement {
    sql: String,
    values: Vec<Value>,
}

pub async fn of_case(connection: &mut AnyConnection, id: &str) -> Rows {
    let mut rows = Rows::new();
    for (place, (table, key, whose)) in TABLES.iter().enumerate() {
        let sql = format!("SELECT * FROM {table} WHERE {whose}");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(id);
        for row in query.fetch_all(&mut *connection).await.unwrap() {
            let columns = columns(&row);
            let key: Vec<_> = columns
                .iter()
                .filter(|(name, _)| is_in(key, name))
                .collect();
            rows.insert((place, format!("{key:?}")), columns);
        }
    }
    rows
}

fn is_in(names: &[&str], name: &str) -> bool {
    names.contains(&name)
}

pub fn columns(row: &AnyRow) -> Columns {
    let value = |place: usize| {
        let raw = row.try_get_raw(place).unwrap();
        if raw.is_null() {
            return Value::Null;
        }
        let kind = raw.type_info().into_owned();
        match kind.kind() {
            AnyTypeInfoKind::Text => Value::Text(row.get(place)),
            AnyTypeInfoKind::Blob if matches!(row.column(place).name(), "key" | "subject") => {
                Value::Tag(row.get(place))
            }
            AnyTypeInfoKind::Blob => Value::Bytes(row.get(place)),
            AnyTypeInfoKind::Null => Value::Null,
            AnyTypeInfoKind::BigInt | AnyTypeInfoKind::Integer => Value::Number(row.get(place)),
            _ => panic!("a column of type {}", kind.name()),
        }
    };
    let names = row.columns().iter().map(|column| column.name().to_owned());
    names
        .enumerate()
        .map(|(place, name)| (name, value(place)))
        .collect()
}

/// What makes the one of the other.
pub fn between(before: &Rows, after: &Rows) -> Vec<Statement> {
    let mut statements = Vec::new();
    for ((place, key), columns) in after {
        match before.get(&(*place, key.clone())) {
            None => statements.push(insert(TABLES[*place].0, columns)),
            Some(known) if known == columns => {}
            Some(known) => statements.push(update(*place, known, columns)),
        }
    }
    let gone = before.iter().filter(|(key, _)| !after.contains_key(key));
    statements.extend(gone.map(|((place, _), columns)| delete(*place, columns)));
    statements
}

/// What is NULL is left out: a database wants to know the type of what it is given.
fn insert(table: &str, columns: &Columns) -> Statement {
    let given: Vec<_> = columns
        .iter()
        .filter(|(_, value)| *value != Value::Null)
        .collect();
    let names: Vec<_> = given.iter().map(|(name, _)| name.as_str()).collect();
    let places: Vec<_> = (1..=given.len()).map(|place| format!("${place}")).collect();
    let (names, places) = (names.join(", "), places.join(", "));
    Statement {
        sql: format!("INSERT INTO {table} ({names}) VALUES ({places})"),
        values: given.into_iter().map(|(_, value)| value.clone()).collect(),
    }
}

fn update(place: usize, before: &Columns, after: &Columns) -> Statement {
    let mut values = Vec::new();
    let changed = after.iter().filter(|column| !before.contains(column));
    let set: Vec<_> = changed
        .map(|(name, value)| match value {
            Value::Null => format!("{name} = NULL"),
            value => {
                values.push(value.clone());
                format!("{name} = ${}", values.len())
            }
        })
        .collect();
    let whose = whose(place, after, &mut values);
    Statement {
        sql: format!(
            "UPDATE {} SET {} WHERE {whose}",
            TABLES[place].0,
            set.join(", ")
        ),
        values,
    }
}

fn delete(place: usize, columns: &Columns) -> Statement {
    let mut values = Vec::new();
    let whose = whose(place, columns, &mut values);
    Statement {
        sql: format!("DELETE FROM {} WHERE {whose}", TABLES[place].0),
        values,
    }
}

fn whose(place: usize, columns: &Columns, values: &mut Vec<Value>) -> String {
    let key = columns
        .iter()
        .filter(|(name, _)| is_in(TABLES[place].1, name));
    let key = key.map(|(name, value)| {
        values.push(value.clone());
        format!("{name} = ${}", values.len())
    });
    key.collect::<Vec<_>>().join(" AND ")
}

impl Statement {
    /// The same of another case and person.
    pub fn renamed(&self, words: &[(&str, &str)], number: usize) -> Statement {
        let renamed = |value: &Value| match value {
            Value::Text(text) => Value::Text(replaced(text, words)),
            // Anywhere in its index, as a MAC is.
            Value::Tag(tag) => {
                let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
                let mixed = tag.iter().zip(scattered.iter().cycle());
                Value::Tag(mixed.map(|(one, other)| one ^ other).collect())
            }
            other => other.clone(),
        };
        Statement {
            sql: self.sql.clone(),
            values: self.values.iter().map(renamed).collect(),
        }
    }

    pub async fn run(&self, connection: &mut AnyConnection) {
        let mut query: Query<'_, Any, AnyArguments> = sqlx::query(AssertSqlSafe(self.sql.clone()));
        for value in &self.values {
            query = match value {
                Value::Null => query,
                Value::Number(number) => query.bind(*number),
                Value::Text(text) => query.bind(text.clone()),
                Value::Bytes(bytes) | Value::Tag(bytes) => query.bind(bytes.clone()),
            };
        }
        let done = query.execute(connection).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{}", self.sql);
    }
}
