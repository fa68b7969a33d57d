//! Made-up people and units, as many as a run needs: each is the sample's under another identifier, so
//! that no two submissions are about the same.

use anyhow::Context;
use chrono::{DateTime, FixedOffset, Months};
use onething_contract::{SubjectKind, identifiers};
use onething_engine::{HandIn, stamp};
use std::path::Path;
use toml::{Table, Value};

/// So many there are of each; who needs more begins again.
const MADE_UP: u64 = 50_000;
/// In an area, of one sex and day of birth.
const PER_AREA: u64 = 500;
/// Registers that say for which month they are.
const MONTHLY: [&str; 2] = ["payroll-last", "tax-withholding"];

/// An identifier made up after the sample's: a person's number with another area and sequence, or a
/// unit's code with another number. `None` where the sample's is neither.
pub fn identifier(sample: &str, seed: u64, number: u32) -> Option<String> {
    let number = seed.wrapping_mul(7_919).wrapping_add(number.into()) % MADE_UP;
    let (body, checks, is_good): (_, _, fn(&str) -> bool) = if identifiers::citizen_id(sample) {
        let (area, sequence) = (331_100 + number / PER_AREA, number % PER_AREA * 2);
        // The last digit of the sequence is odd for men.
        let sex = u64::from(sample.as_bytes().get(16)? % 2);
        let born = sample.get(6..14)?;
        let body = format!("{area}{born}{:03}", sequence + sex);
        (body, "0123456789X", identifiers::citizen_id)
    } else if identifiers::uscc(sample) {
        let body = format!("{}{:09}", sample.get(..8)?, 900_000_000 + number);
        (body, "0123456789ABCDEFGHJKLMNPQRTUWXY", identifiers::uscc)
    } else {
        return None;
    };
    let mut made_up = checks.chars().map(|check| format!("{body}{check}"));
    made_up.find(|made_up| is_good(made_up))
}

/// The months of a payroll that is handed in now: the last one that was paid, and the one to be paid.
pub fn payroll_months(now: DateTime<FixedOffset>) -> (String, String) {
    // By China's day, as the host counts.
    let now = DateTime::parse_from_rfc3339(&stamp(now)).unwrap_or(now);
    let month = |day: chrono::NaiveDate| day.format("%Y-%m").to_string();
    let today = now.date_naive();
    let next = today.checked_add_months(Months::new(1)).unwrap_or(today);
    (month(today), month(next))
}

/// The identifiers of a sample in whose place made-up ones stand, all of one number at a time.
#[derive(Debug, Clone)]
pub struct Named {
    identifiers: Vec<String>,
    seed: u64,
}

impl Named {
    /// Of what is handed in: whom it is about; of a unit also its clerk, by whom registers know it.
    pub fn of(hand_in: &HandIn, seed: u64) -> Self {
        let mut identifiers = vec![hand_in.subject.identifier.clone()];
        if hand_in.subject.kind == SubjectKind::Organisation {
            identifiers.push(hand_in.filer.person.identifier.clone());
        }
        Self { identifiers, seed }
    }

    /// The text with the made-up ones of this number; those of which none can be made up stay.
    pub fn replaced(&self, text: &str, number: u32) -> String {
        self.each(text, number, |text, sample, made_up| {
            text.replace(sample, made_up)
        })
    }

    /// The other way.
    pub fn restored(&self, text: &str, number: u32) -> String {
        self.each(text, number, |text, sample, made_up| {
            text.replace(made_up, sample)
        })
    }

    fn each(&self, text: &str, number: u32, put: fn(&str, &str, &str) -> String) -> String {
        let mut text = text.to_owned();
        for sample in &self.identifiers {
            if let Some(made_up) = identifier(sample, self.seed, number) {
                text = put(&text, sample, &made_up);
            }
        }
        text
    }

    /// Adds what registers say of the sample's under so many numbers, to every register of the folder
    /// that knows one of them; `month` is the last one that was paid.
    pub fn add_to_registers(
        &self,
        registers: &Path,
        count: u32,
        month: &str,
    ) -> anyhow::Result<()> {
        let unreadable = || format!("cannot read {}", registers.display());
        for entry in std::fs::read_dir(registers).with_context(unreadable)? {
            let path = entry.with_context(unreadable)?.path();
            self.add_to_register(&path, count, month)
                .with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    fn add_to_register(&self, path: &Path, count: u32, month: &str) -> anyhow::Result<()> {
        let mut register: Table = toml::from_str(&std::fs::read_to_string(path)?)?;
        let Some(Value::Table(entries)) = register.get_mut("entries") else {
            return Ok(());
        };
        let is_monthly = path
            .file_stem()
            .is_some_and(|stem| MONTHLY.iter().any(|name| stem == *name));
        let known: Vec<_> = self
            .identifiers
            .iter()
            .filter_map(|sample| Some((sample, entries.get(sample)?.as_table()?.clone())))
            .collect();
        for (sample, mut fields) in known {
            if is_monthly {
                fields.insert("month".to_owned(), month.into());
            }
            for number in 0..count {
                let mut made_up = fields.clone();
                for (_, value) in &mut made_up {
                    if let Value::String(text) = value {
                        *text = self.replaced(text, number);
                    }
                }
                entries.insert(self.replaced(sample, number), Value::Table(made_up));
            }
        }
        Ok(std::fs::write(path, register.to_string())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn made_up_identifiers_are_good_and_all_different() {
        for (sample, beginning) in [
            ("331102196501150019", "3311"),
            ("331102197104150028", "3311"),
            ("1233110000264001XG", "12331100"),
        ] {
            let made_up: BTreeSet<_> = (0..5_000)
                .map(|number| identifier(sample, 1, number).unwrap())
                .collect();
            assert_eq!(made_up.len(), 5_000);
            for one in &made_up {
                assert!(
                    identifiers::citizen_id(one) || identifiers::uscc(one),
                    "{one}"
                );
                assert!(one.starts_with(beginning) && one != sample, "{one}");
            }
        }
        assert_eq!(identifier("KB-331102-2025-0001", 1, 0), None);
        let born = identifier("331102196501150019", u64::MAX, u32::MAX).unwrap();
        assert_eq!(&born[6..14], "19650115");
    }

    #[test]
    fn a_payroll_is_the_next_months() {
        for (now, months) in [
            ("2026-11-24T08:00:00+08:00", ("2026-11", "2026-12")),
            ("2026-12-31T23:59:59+08:00", ("2026-12", "2027-01")),
            ("2027-01-31T00:00:00+08:00", ("2027-01", "2027-02")),
            ("2027-01-31T20:00:00Z", ("2027-02", "2027-03")),
        ] {
            let (last, next) = payroll_months(now.parse().unwrap());
            assert_eq!((last.as_str(), next.as_str()), months, "{now}");
        }
    }
}
