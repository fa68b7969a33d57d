//! What a folder says, read again when the folder has changed. What it then says may be nonsense:
//! what was good before stays, and the log says so once.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How long what was read is good without a look at the folder.
const LOOK: Duration = Duration::from_secs(1);

/// A folder and what it says now. A clone is another handle to the same.
#[derive(Debug)]
pub(crate) struct Watched<T, E> {
    what: &'static str,
    folder: Arc<Path>,
    load: fn(&Path) -> Result<T, E>,
    read: Arc<Mutex<Read<T>>>,
}

#[derive(Debug)]
struct Read<T> {
    said: Arc<T>,
    stamp: Vec<(PathBuf, SystemTime, u64)>,
    looked: Instant,
}

impl<T, E> Clone for Watched<T, E> {
    fn clone(&self) -> Self {
        Watched {
            what: self.what,
            folder: self.folder.clone(),
            load: self.load,
            read: self.read.clone(),
        }
    }
}

impl<T, E: Error + 'static> Watched<T, E> {
    /// Reads a folder; `what` is its name in the log.
    ///
    /// # Errors
    /// Whatever `load` says.
    pub fn open(
        what: &'static str,
        folder: &Path,
        load: fn(&Path) -> Result<T, E>,
    ) -> Result<Self, E> {
        // Before reading: what changes meanwhile is seen at the next look.
        let stamp = stamp(folder);
        let said = Arc::new(load(folder)?);
        Ok(Watched {
            what,
            folder: folder.into(),
            load,
            read: Arc::new(Mutex::new(Read {
                said,
                stamp,
                looked: Instant::now(),
            })),
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it says now.
    pub fn current(&self) -> Arc<T> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.looked.elapsed() >= LOOK {
            self.look_again(&mut read);
        }
        Arc::clone(&read.said)
    }

    /// Looks at the folder at once.
    pub fn look(&self) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        self.look_again(&mut read);
    }

    fn look_again(&self, read: &mut Read<T>) {
        read.looked = Instant::now();
        let stamp = stamp(&self.folder);
        if stamp == read.stamp {
            return;
        }
        match (self.load)(&self.folder) {
            Ok(said) => read.said = Arc::new(said),
            Err(error) => {
                tracing::error!(error = &error as &dyn Error, "{} stay as before", self.what);
            }
        }
        // Also of what is no good: it is told once and not every second.
        read.stamp = stamp;
    }
}

/// Which files there are, one folder deep, and when each was last written. What cannot be read is
/// not there: reading it says why.
fn stamp(folder: &Path) -> Vec<(PathBuf, SystemTime, u64)> {
    let entries = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let files = entries(folder)
        .into_iter()
        .flat_map(|path| match path.is_dir() {
            true => entries(&path),
            false => vec![path],
        });
    files
        .filter_map(|file| {
            let meta = file.metadata().ok()?;
            let modified = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            Some((file, modified, meta.len()))
        })
        .collect()
}
