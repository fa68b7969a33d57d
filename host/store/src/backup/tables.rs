//! The tables of a schema with their columns, each behind those that it refers to.

use crate::error::failed;
use crate::{Error, schema};
use sqlx::Connection as _;

/// What a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Text,
    Blob,
}

#[derive(Debug)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

#[derive(Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// Quoted.
    key: Vec<String>,
}

type Described = (String, String, String, i64);

/// The tables of schema `version`. Both kinds of store have the same, so one in memory tells.
pub async fn tables(version: i64) -> Result<Vec<Table>, Error> {
    let operation = "see what the schema should be";
    let mut model = schema::model(usize::try_from(version).unwrap_or(0)).await?;
    let described: Vec<Described> = sqlx::query_as(
        "SELECT t.name, c.name, c.type, c.pk
         FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'onething_schema'
         ORDER BY t.rowid, c.cid",
    )
    .fetch_all(&mut model)
    .await
    .map_err(failed(operation))?;
    let refers: Vec<(String, String)> = sqlx::query_as(
        "SELECT t.name, f.\"table\" FROM sqlite_schema AS t
         JOIN pragma_foreign_key_list(t.name) AS f
         WHERE t.type = 'table' AND t.name <> f.\"table\"",
    )
    .fetch_all(&mut model)
    .await
    .map_err(failed(operation))?;
    model.close().await.map_err(failed(operation))?;
    Ok(ordered(grouped(described)?, &refers))
}

fn grouped(described: Vec<Described>) -> Result<Vec<Table>, Error> {
    let mut tables: Vec<Table> = Vec::new();
    let mut keys: Vec<(i64, String)> = Vec::new();
    for (table, name, kind, place) in described {
        if tables.last().is_none_or(|last| last.name != table) {
            keys.clear();
            tables.push(Table {
                name: table,
                columns: Vec::new(),
                key: Vec::new(),
            });
        }
        let Some(table) = tables.last_mut() else {
            continue;
        };
        if place > 0 {
            keys.push((place, quoted(&name)));
            keys.sort();
            table.key = keys.iter().map(|(_, name)| name.clone()).collect();
        }
        let kind = match kind.as_str() {
            "INTEGER" => Kind::Integer,
            "TEXT" => Kind::Text,
            "BLOB" => Kind::Blob,
            _ => {
                return Err(Error::Damaged {
                    what: format!("the column {}.{name} of the schema", table.name),
                });
            }
        };
        table.columns.push(Column { name, kind });
    }
    Ok(tables)
}

/// In the schema's order as far as references allow. A circle ends where it cannot be resolved.
fn ordered(mut left: Vec<Table>, refers: &[(String, String)]) -> Vec<Table> {
    let mut ordered: Vec<Table> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |table: &Table| {
            let mut needs = refers.iter().filter(|(from, _)| *from == table.name);
            needs.any(|(_, to)| left.iter().any(|other| other.name == *to))
        };
        let next = left.iter().position(|table| !waits(table)).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

impl Table {
    pub fn names(&self) -> Vec<String> {
        let names = self.columns.iter().map(|column| column.name.clone());
        names.collect()
    }

    fn quoted_names(&self) -> String {
        let names = self.columns.iter().map(|column| quoted(&column.name));
        names.collect::<Vec<_>>().join(", ")
    }

    /// Every row, by the key.
    pub fn select(&self) -> String {
        let (names, table, key) = (self.quoted_names(), quoted(&self.name), self.key.join(", "));
        format!("SELECT {names} FROM {table} ORDER BY {key}")
    }

    /// A row where there is one.
    pub fn any(&self) -> String {
        format!("SELECT 1 FROM {} LIMIT 1", quoted(&self.name))
    }

    /// One row. `numbers` stands where numbers are given that the database gives otherwise.
    pub fn insert(&self, numbers: &str) -> String {
        let (names, table) = (self.quoted_names(), quoted(&self.name));
        let places = (1..=self.columns.len()).map(|n| format!("${n}"));
        let places = places.collect::<Vec<_>>().join(", ");
        format!("INSERT INTO {table} ({names}){numbers} VALUES ({places})")
    }
}

/// Of our own schema: there is no quote in a name.
fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tables_come_behind_those_they_refer_to() {
        let tables = tables(1).await.unwrap();
        let place = |name: &str| tables.iter().position(|table| table.name == name).unwrap();
        for (table, refers_to) in [
            ("events", "cases"),
            ("effect_prerequisites", "effects"),
            ("material_uses", "materials"),
            ("material_uses", "cases"),
            ("idempotency", "cases"),
            ("offers", "outreach_runs"),
            ("offer_groups", "offers"),
        ] {
            assert!(place(table) > place(refers_to), "{table}");
        }
        let uses = &tables[place("material_uses")];
        let expected = "SELECT \"sha256\", \"case_id\" FROM \"material_uses\" \
                        ORDER BY \"sha256\", \"case_id\"";
        assert_eq!(uses.select(), expected);
        let wraps = &tables[place("data_keys")].columns[2];
        assert_eq!((wraps.name.as_str(), wraps.kind), ("wrapped", Kind::Blob));
    }
}
