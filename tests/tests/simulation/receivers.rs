//! The outside world, as the oracle: what the receivers of effects ever found in their folders, under
//! which ticket. The bank takes its files away and remembers them.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What was ever received.
#[derive(Default)]
pub struct Receivers {
    folder: PathBuf,
    /// Ticket to letter.
    pub notices: BTreeMap<String, Vec<u8>>,
    /// Ticket to receipt, page and values.
    pub deliveries: BTreeMap<String, Vec<u8>>,
    /// Ticket to file.
    pub payments: BTreeMap<String, Vec<u8>>,
    /// Place of a delivery to the tickets that lay there, one after the other.
    places: BTreeMap<PathBuf, Vec<String>>,
    /// What the bank has taken.
    pub taken: BTreeSet<String>,
    /// The first thing that was wrong.
    wrong: Option<String>,
}

impl Receivers {
    /// Over the data folder of a world.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            ..Self::default()
        }
    }

    /// Looks into every folder, each time that something may have come.
    pub fn look(&mut self) {
        if let Err(wrong) = self.look_into_all() {
            self.wrong.get_or_insert(wrong);
        }
    }

    /// # Errors
    /// What came twice, ever.
    pub fn check(&self) -> Result<(), String> {
        self.wrong.clone().map_or(Ok(()), Err)
    }

    fn look_into_all(&mut self) -> Result<(), String> {
        for (path, name) in files(&self.folder.join("outbox"), ".json") {
            same(&mut self.notices, name, fs::read(path).unwrap())?;
        }
        for (path, name) in files(&self.folder.join("bank/outgoing"), ".xml") {
            if self.taken.contains(&name) {
                return Err(format!("doubled: payment {name} is there again"));
            }
            same(&mut self.payments, name, fs::read(path).unwrap())?;
        }
        for office in folders(&self.folder.join("deliveries")) {
            for case in folders(&office) {
                for (receipt, form) in files(&case, ".seals.json") {
                    self.delivered(&case, &receipt, &form)?;
                }
            }
        }
        Ok(())
    }

    fn delivered(&mut self, case: &Path, receipt: &Path, form: &str) -> Result<(), String> {
        let place = case.join(form);
        let mut bytes = fs::read(receipt).unwrap();
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        let ticket = read["ticket"].as_str().unwrap().to_owned();
        let page = fs::read(place.with_extension("html")).unwrap();
        bytes.extend(&page);
        bytes.extend(fs::read(place.with_extension("json")).unwrap());
        let before = self.places.entry(place).or_default();
        if before.last() != Some(&ticket) {
            if before.contains(&ticket) {
                return Err(format!("doubled: delivery {ticket} came over a later one"));
            }
            before.push(ticket.clone());
        }
        same(&mut self.deliveries, ticket, bytes)
    }

    /// The bank takes away what there is, after a look.
    pub fn collect(&mut self) -> usize {
        self.look();
        let files: Vec<_> = files(&self.folder.join("bank/outgoing"), ".xml").collect();
        for (path, ticket) in &files {
            fs::remove_file(path).unwrap();
            self.taken.insert(ticket.clone());
        }
        files.len()
    }
}

/// One artefact a ticket.
fn same(
    known: &mut BTreeMap<String, Vec<u8>>,
    ticket: String,
    bytes: Vec<u8>,
) -> Result<(), String> {
    match known.get(&ticket) {
        Some(before) if *before != bytes => Err(format!(
            "doubled: {ticket} came as two different things:\n{}\n{}",
            String::from_utf8_lossy(before),
            String::from_utf8_lossy(&bytes)
        )),
        Some(_) => Ok(()),
        None => {
            known.insert(ticket, bytes);
            Ok(())
        }
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path())
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).filter(|path| path.is_dir()).collect()
}

/// Files by name without the ending; drafts have none of the endings.
fn files(folder: &Path, ending: &'static str) -> impl Iterator<Item = (PathBuf, String)> {
    entries(folder).filter_map(move |path| {
        let name = path.file_name()?.to_str()?.strip_suffix(ending)?.to_owned();
        (!name.starts_with('.')).then_some((path, name))
    })
}
