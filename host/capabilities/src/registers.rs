//! Registers (共享数据) as TOML files, one a register, read when asked:
//!
//! ```toml
//! [meta]
//! title = "人口库"
//! source = "公安厅人口库"
//! as-of = 2025-01-05
//! available = true          # false: the register is down
//!
//! [entries."330106196501011234"]
//! name = "张三"
//! as-of = 2025-01-01        # where it differs from the register's own
//! ```
//!
//! A register that cannot answer is `unavailable`, with the reason: the bundle goes on without it.

use crate::files::{checked_name, read_if_there};
use crate::tables::{Mistake, object};
use crate::{Error, refusal};
use onething_contract::{Entry, Found, Refusal};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use toml::Spanned;
use toml::value::Datetime;

/// A folder of registers. A clone shares what was read.
#[derive(Debug, Clone)]
pub struct Registers {
    folder: PathBuf,
    /// What each file said when it was last read: a file is read again when it has changed.
    read: Arc<Mutex<BTreeMap<String, Read>>>,
}

#[derive(Debug, Clone)]
struct Read {
    modified: SystemTime,
    bytes: u64,
    entries: Entries,
}

type Entries = Arc<BTreeMap<String, Entry>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    meta: Meta,
    #[serde(default)]
    entries: BTreeMap<String, Spanned<toml::Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Meta {
    title: String,
    source: String,
    as_of: Datetime,
    #[serde(default = "yes")]
    available: bool,
}

fn yes() -> bool {
    true
}

/// The member of an entry that is not one of its fields.
const AS_OF: &str = "as-of";

impl Registers {
    /// The registers in `folder`, `<register>.toml` each.
    pub fn new(folder: impl Into<PathBuf>) -> Registers {
        Registers {
            folder: folder.into(),
            read: Arc::default(),
        }
    }

    /// The keys of a register behind `after`, in their order, at most so many.
    ///
    /// # Errors
    /// Where the register cannot answer.
    pub fn keys(
        &self,
        register: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, Refusal> {
        let entries = self.read(register)?;
        let from = match after {
            Some(after) => Bound::Excluded(after),
            None => Bound::Unbounded,
        };
        let keys = entries.range::<str, _>((from, Bound::Unbounded));
        Ok(keys.take(limit).map(|(key, _)| key.clone()).collect())
    }

    /// One answer for each register and key asked, in their order. A file is read once a call.
    pub fn fetch(&self, questions: &[(&str, &str)]) -> Vec<Found> {
        let mut registers = BTreeMap::new();
        questions
            .iter()
            .map(|(register, key)| {
                let read = registers
                    .entry(*register)
                    .or_insert_with(|| self.read(register));
                match read {
                    Ok(entries) => Found::Entry(entries.get(*key).cloned()),
                    Err(refusal) => Found::Unavailable(refusal.clone()),
                }
            })
            .collect()
    }

    fn read(&self, register: &str) -> Result<Entries, Refusal> {
        let path = self.folder.join(format!("{register}.toml"));
        let stamp = checked_name(register).ok().and_then(|_| {
            let meta = path.metadata().ok()?;
            Some((meta.modified().ok()?, meta.len()))
        });
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = known.get(register)
            && stamp == Some((read.modified, read.bytes))
        {
            return Ok(Arc::clone(&read.entries));
        }
        known.remove(register);
        let entries = Arc::new(self.parse(register)?);
        if let Some((modified, bytes)) = stamp {
            let read = Read {
                modified,
                bytes,
                entries: Arc::clone(&entries),
            };
            known.insert(register.to_owned(), read);
        }
        Ok(entries)
    }

    fn parse(&self, register: &str) -> Result<BTreeMap<String, Entry>, Refusal> {
        let file = format!("{register}.toml");
        let unreadable = |error: Error| {
            refusal(
                "register-unreadable",
                format!("共享数据 {register} 无法读取"),
                format!("the register {register} cannot be read: {error}"),
            )
        };
        let path = self.folder.join(checked_name(&file).map_err(unreadable)?);
        let Some(bytes) = read_if_there(&path).map_err(unreadable)? else {
            return Err(refusal(
                "register-missing",
                format!("本平台没有接入共享数据 {register}"),
                format!("no register {register} is connected here (no file {file})"),
            ));
        };
        let text = String::from_utf8_lossy(&bytes);
        let register = parse(&text).map_err(|mistake| {
            let (line, message) = (mistake.line, mistake.message);
            refusal(
                "register-malformed",
                format!("共享数据文件 {file} 第 {line} 行有误"),
                format!("{file}, line {line}: {message}"),
            )
        })?;
        if !register.meta.available {
            let title = register.meta.title;
            return Err(refusal(
                "register-down",
                format!("{title}暂不可用"),
                format!("the register {title} is down"),
            ));
        }
        Ok(register.entries)
    }
}

struct Parsed {
    meta: Meta,
    entries: BTreeMap<String, Entry>,
}

fn parse(text: &str) -> Result<Parsed, Mistake> {
    let register: Register = toml::from_str(text).map_err(|error| Mistake::of(text, &error))?;
    let meta = register.meta;
    let mut found = BTreeMap::new();
    for (key, entry) in register.entries {
        let span = entry.span();
        let mistake = |message: &str| Mistake::at(text, &span, message);
        let mut fields = entry.into_inner();
        let as_of = match fields.remove(AS_OF) {
            None => meta.as_of.to_string(),
            Some(toml::Value::Datetime(day)) => day.to_string(),
            Some(_) => return Err(mistake("as-of must be a date")),
        };
        let value = object(&fields).map_err(mistake)?;
        found.insert(
            key,
            Entry {
                value: serde_json::Value::Object(value).to_string(),
                as_of,
                source: meta.source.clone(),
            },
        );
    }
    Ok(Parsed {
        meta,
        entries: found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const POPULATION: &str = r#"
[meta]
title = "人口库"
source = "公安厅人口库"
as-of = 2025-01-05

[entries."A"]
name = "𠮷㛃·买买提"
born = 1965-01-01
married = true

[entries."B"]
name = "李四"
as-of = 2024-12-01
"#;

    fn codes(text: &str) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("population.toml"), text).unwrap();
        match Registers::new(folder.path())
            .fetch(&[("population", "A")])
            .remove(0)
        {
            Found::Unavailable(refusal) => (refusal.code, refusal.message.en),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn answers_come_in_order() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("population.toml"), POPULATION).unwrap();
        let registers = Registers::new(folder.path());
        let questions = [
            ("population", "B"),
            ("population", "C"),
            ("population", "A"),
        ];
        let entry = |value: &str, as_of: &str| {
            Found::Entry(Some(Entry {
                value: value.into(),
                as_of: as_of.into(),
                source: "公安厅人口库".into(),
            }))
        };
        let expected = [
            entry(r#"{"name":"李四"}"#, "2024-12-01"),
            Found::Entry(None),
            entry(
                r#"{"born":"1965-01-01","married":true,"name":"𠮷㛃·买买提"}"#,
                "2025-01-05",
            ),
        ];
        assert_eq!(registers.fetch(&questions), expected);
    }

    #[test]
    fn a_register_that_cannot_answer_says_why() {
        let missing = Registers::new("/nonexistent").fetch(&[("population", "A"), ("../x", "A")]);
        let code = |found: &Found| match found {
            Found::Unavailable(refusal) => refusal.code.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(code(&missing[0]), "register-missing");
        assert_eq!(code(&missing[1]), "register-unreadable");

        let down = POPULATION.replace(
            "as-of = 2025-01-05",
            "as-of = 2025-01-05\navailable = false",
        );
        assert_eq!(codes(&down).0, "register-down");
        for (from, to, line) in [
            ("[entries.\"B\"]", "[entries.\"B\"", 12),
            ("source =", "sauce =", 4),
            ("married = true", "married = 1.5", 7),
            ("as-of = 2024-12-01", "as-of = \"lately\"", 12),
        ] {
            let (code, message) = codes(&POPULATION.replace(from, to));
            assert_eq!(code, "register-malformed", "{to}");
            assert!(
                message.starts_with(&format!("population.toml, line {line}: ")),
                "{message}"
            );
            assert!(!message.contains("李四"), "quotes the file: {message}");
        }
    }
}
