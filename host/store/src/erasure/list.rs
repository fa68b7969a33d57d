//! The list of what was erased, a file beside the database: a backup that was made before has it still,
//! and a restore says what is to be erased again. JSON, one erasure a line.

use crate::Error;
use crate::error::malformed;
use chrono::{DateTime, FixedOffset, TimeDelta};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

/// A backup may be of a moment before an erasure that is dated earlier: clocks differ, and what is
/// erased is dated before it is committed.
const MARGIN_HOURS: i64 = 1;

/// An erasure in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRecord {
    /// RFC 3339.
    pub at: String,
    /// `case/<id>` or `subject/<tag>`; a whole line where that cannot be read.
    pub scope: String,
}

impl ErasureRecord {
    /// On the disk when it returns.
    pub(super) fn append_to(&self, path: &Path) -> Result<(), Error> {
        let line = serde_json::to_string(self).map_err(|error| malformed("an erasure", error))?;
        let append = || -> io::Result<()> {
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            // The one before may have been torn.
            file.write_all(format!("\n{line}\n").as_bytes())?;
            file.sync_all()
        };
        append().map_err(|source| Error::ErasureList {
            path: path.to_owned(),
            source,
        })
    }

    /// What a backup of this moment may still have: all that was erased since, and in the hour before.
    ///
    /// # Errors
    /// Where the list cannot be read.
    pub fn since(path: &Path, at: DateTime<FixedOffset>) -> Result<Vec<ErasureRecord>, Error> {
        let failed = |source| Error::ErasureList {
            path: path.to_owned(),
            source,
        };
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            file => file.map_err(failed)?,
        };
        let from = at - TimeDelta::hours(MARGIN_HOURS);
        let mut records = Vec::new();
        for line in BufReader::new(file).lines() {
            let line = line.map_err(failed)?;
            if line.is_empty() {
                continue;
            }
            // One that cannot be read is told rather than lost.
            let record = serde_json::from_str(&line).unwrap_or_else(|_| ErasureRecord {
                at: String::new(),
                scope: line,
            });
            let erased = DateTime::parse_from_rfc3339(&record.at);
            if erased.is_ok_and(|erased| erased < from) || records.contains(&record) {
                continue;
            }
            records.push(record);
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_is_told_from_an_hour_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("erasures.jsonl");
        let since = |at| ErasureRecord::since(&path, DateTime::parse_from_rfc3339(at).unwrap());
        assert_eq!(since("2026-01-06T09:00:00+08:00").unwrap(), []);
        let times = ["08:59:59", "09:00:00", "10:00:00", "10:00:00"];
        for at in times {
            let record = ErasureRecord {
                at: format!("2026-01-06T{at}+08:00"),
                scope: "case/c".into(),
            };
            record.append_to(&path).unwrap();
        }
        let found = since("2026-01-06T02:00:00Z").unwrap();
        let found: Vec<_> = found.iter().map(|record| &record.at[11..19]).collect();
        assert_eq!(found, ["09:00:00", "10:00:00"]);
        std::fs::write(&path, "torn").unwrap();
        let record = &since("2026-01-06T02:00:00Z").unwrap()[0];
        assert_eq!(record.scope, "torn");
        let later = ErasureRecord {
            at: "2026-01-06T12:00:00+08:00".into(),
            scope: "case/d".into(),
        };
        later.append_to(&path).unwrap();
        assert_eq!(since("2026-01-06T02:00:00Z").unwrap()[1], later);
    }
}
