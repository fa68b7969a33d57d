//! What the case engine costs beside its database. Every figure that decides is a ratio of two
//! things measured in turns in one run: the machine has other things to do as well.
//!
//! `-- rate life nodes recovery million` runs some parts only, `-- sqlite` or `-- postgres` those of
//! one database; `million` asks for `ONETHING_BENCH_MILLION=1` beside, since its rows take minutes
//! and gigabytes.

#![allow(missing_docs, reason = "a bench")]
#![allow(clippy::print_stdout, reason = "the figures are the result")]
#![allow(clippy::unwrap_used, reason = "a bench may")]

mod life;
mod million;
mod nodes;
mod rate;
mod record;
mod recovery;
mod rows;
mod world;

use onething_test_postgres::Postgres;
use std::path::Path;
use std::time::Duration;
use world::World;

/// Set in a process that this one has started; what it is to do.
const CHILD: &str = "ONETHING_BENCH_CHILD";
const MILLION: &str = "ONETHING_BENCH_MILLION";

/// The two databases.
#[derive(Clone, Copy)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// Where databases are made.
pub struct Databases {
    postgres: Postgres,
    folder: tempfile::TempDir,
}

impl Databases {
    /// The address of an empty one.
    pub fn fresh(&self, kind: Kind, name: &str) -> String {
        match kind {
            Kind::Sqlite => format!("sqlite:{}", self.folder.path().join(name).display()),
            Kind::Postgres => self.postgres.database().unwrap(),
        }
    }

    /// Seconds of processor time that PostgreSQL's processes have used so far.
    pub fn cpu(&self) -> f64 {
        world::cpu_of_children(self.postgres.process().unwrap())
    }
}

impl Kind {
    pub const BOTH: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

    fn word(self) -> &'static str {
        match self {
            Kind::Sqlite => "sqlite",
            Kind::Postgres => "postgres",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Kind::Sqlite => "SQLite",
            Kind::Postgres => "PostgreSQL",
        }
    }
}

fn main() {
    if let Ok(what) = std::env::var(CHILD) {
        return match what.as_str() {
            "node" => nodes::child(),
            _ => recovery::child(),
        };
    }
    let words = std::env::args().skip(1);
    let words = words.filter(|word| !word.starts_with('-'));
    let (kinds, parts): (Vec<_>, Vec<_>) =
        words.partition(|word| Kind::BOTH.iter().any(|kind| kind.word() == word));
    let is_asked =
        |asked: &[String], word: &str| asked.is_empty() || asked.iter().any(|asked| asked == word);
    let asked = |part: &str| is_asked(&parts, part);
    let kinds = Kind::BOTH
        .into_iter()
        .filter(|kind| is_asked(&kinds, kind.word()));
    let databases = Databases {
        postgres: Postgres::start_durable().unwrap(),
        folder: scratch(),
    };
    let home = scratch();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::make(home.path(), world::PEOPLE));
    println!(
        "engine: {} cores, SQLite on {}, PostgreSQL with fsync on {}",
        std::thread::available_parallelism().unwrap(),
        world::file_system(databases.folder.path()),
        world::file_system(&std::env::temp_dir()),
    );
    for kind in kinds.clone() {
        if asked("rate") {
            runtime.block_on(rate::run(&world, &databases, kind));
        }
        if asked("life") {
            runtime.block_on(life::run(&world, &databases, kind));
        }
    }
    if asked("nodes") {
        nodes::run(&world, &databases);
    }
    for kind in kinds {
        if asked("recovery") {
            runtime.block_on(recovery::run(&databases, kind));
        }
        if asked("million") && std::env::var(MILLION).is_ok() {
            runtime.block_on(million::run(&world, &databases, kind));
        }
    }
}

/// A folder on the disk that the build is on: the system's own may lie in memory.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap()
}

pub fn median<T: PartialOrd + Copy>(values: &[T]) -> T {
    let mut values = values.to_vec();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    values[values.len() / 2]
}

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Counts here are small.
pub fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}
