//! A submission and the lists at a million stored cases against a thousand. The first cases are real
//! ones, and lists begin with them; the others are copies of one, written in bulk, their bodies cut
//! short and without the keys to open them, since nobody asks for them.

use crate::rate::{office_decides, pool};
use crate::record::{record, register};
use crate::rows::{Value, columns};
use crate::world::{self, REGION, World, now, office, person};
use crate::{Databases, Kind, median, milliseconds};
use chrono::{TimeDelta, Utc};
use onething_engine::Engine;
use onething_store::CaseFilter;
use sqlx::{AnyConnection, AssertSqlSafe};
use std::time::{Duration, Instant};

const SIZES: [usize; 2] = [1_000, 1_000_000];
/// The first so many are real.
const REAL: usize = 500;
/// Rows are made in portions of so many cases.
const PORTION: usize = 50_000;
const TURNS: usize = 101;
const PAGE: u32 = 50;
/// Every table with rows of a case, and the columns that name it.
const TABLES: [(&str, &str); 11] = [
    ("cases", "id"),
    ("data_keys", "scope"),
    ("case_groups", "case_id"),
    ("events", "case_id"),
    ("journal", "case_id"),
    ("tasks", "case_id"),
    ("timers", "case_id"),
    ("effects", "case_id"),
    ("effect_prerequisites", "ticket"),
    ("unique_keys", "case_id"),
    ("idempotency", "case_id"),
];

pub async fn run(world: &World, databases: &Databases, kind: Kind) {
    let mut hosts = Vec::new();
    for size in SIZES {
        let url = databases.fresh(kind, &format!("{size}.db"));
        let started = Instant::now();
        fill(world, kind, &url, size).await;
        println!(
            "million: {:10} {size} cases written in {:.0} s",
            kind.name(),
            started.elapsed().as_secs_f64()
        );
        let store = world.store(&url).await;
        hosts.push((world.engine(store), Vec::new()));
    }
    for question in QUESTIONS {
        let mut times = [Vec::new(), Vec::new()];
        for turn in 0..TURNS {
            for ((engine, ids), times) in hosts.iter_mut().zip(&mut times) {
                times.push(ask(world, engine, ids, question, turn).await);
            }
        }
        let [few, many] = times.map(|times| milliseconds(median(&times)));
        println!(
            "million: {:10} {:34} {few:7.2} ms at 1,000, {many:7.2} ms at 1,000,000, ratio {:.2}",
            kind.name(),
            question.name(),
            many / few
        );
    }
}

/// What is asked.
#[derive(Clone, Copy)]
enum Question {
    Submission,
    Decision,
    Inbox,
    Cases(&'static str),
    Work(&'static str),
}

const QUESTIONS: [Question; 11] = [
    Question::Submission,
    Question::Decision,
    Question::Inbox,
    Question::Cases("all"),
    Question::Cases("of a caller"),
    Question::Cases("of a caller and region"),
    Question::Cases("of a caller, completed"),
    Question::Cases("parked"),
    Question::Work("a reaction"),
    Question::Work("a timer"),
    Question::Work("an effect"),
];

impl Question {
    fn name(self) -> String {
        match self {
            Question::Submission => "a submission (at most 1.3)".to_owned(),
            Question::Decision => "a decision".to_owned(),
            Question::Inbox => "an inbox's page (at most 1.3)".to_owned(),
            Question::Cases(which) => format!("cases, {which}"),
            Question::Work(what) => format!("a worker's look for {what}"),
        }
    }
}

/// `ids` are the cases that were submitted here, turn by turn.
async fn ask(
    world: &World,
    engine: &Engine,
    ids: &mut Vec<String>,
    question: Question,
    turn: usize,
) -> Duration {
    let store = engine.store();
    let hand_in = world.hand_ins.of(1 + turn);
    // What was claimed a turn before is free again.
    let hours = TimeDelta::hours(1 + i64::try_from(turn).unwrap());
    let (now, lease) = (now().with_timezone(&Utc) + hours, Duration::from_secs(1));
    let started = Instant::now();
    match question {
        Question::Submission => ids.push(world::submit(engine, 1 + turn, hand_in).await),
        Question::Decision => office_decides(engine, &ids[turn]).await,
        Question::Inbox => {
            let tasks = store.tasks(&office("personnel"), None, PAGE).await;
            assert_eq!(tasks.unwrap().len(), 50);
        }
        Question::Cases(which) => drop(store.cases(&filter(which), PAGE).await.unwrap()),
        Question::Work("a reaction") => drop(store.claim_reactions(now, lease, 1).await.unwrap()),
        Question::Work("a timer") => drop(store.claim_timers(now, lease, 1).await.unwrap()),
        Question::Work(_) => drop(store.claim_effects(now, lease, 1).await.unwrap()),
    }
    started.elapsed()
}

fn filter(which: &str) -> CaseFilter {
    let caller = which.starts_with("of a caller");
    CaseFilter {
        submitted_by: caller.then(|| "platform".to_owned()),
        region: which.ends_with("region").then(|| REGION.to_owned()),
        status: which.ends_with("completed").then(|| "completed".to_owned()),
        parked: (which == "parked").then_some(true),
        ..CaseFilter::default()
    }
}

/// Before all that is submitted later.
fn real_id(number: usize) -> String {
    format!("{REGION}-2023-{number:07}")
}

/// Copies of one case behind the real ones. Every fifth is of our region, every tenth open, the
/// others completed.
async fn fill(world: &World, kind: Kind, url: &str, size: usize) {
    let store = world.store(url).await;
    let (template, commits) = record(world, &store, async |_| ()).await;
    register(&store, commits, 0..REAL, real_id, REAL).await;
    store.close().await;
    let pool = pool(kind, url).await;
    let mut connection = pool.acquire().await.unwrap();
    let quick = match kind {
        Kind::Sqlite => {
            "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -500000"
        }
        Kind::Postgres => "SET session_replication_role = replica; SET synchronous_commit = off",
    };
    let quick = sqlx::raw_sql(quick).execute(&mut *connection);
    quick.await.unwrap();
    let tag = match kind {
        Kind::Sqlite => "randomblob(32)",
        Kind::Postgres => "sha256(CAST(CAST(random() AS TEXT) AS BYTEA))",
    };
    let mut copies = Vec::new();
    for (table, key) in TABLES {
        copies.extend(copy(&mut connection, table, key, &template).await);
    }
    let mut from = REAL;
    while from < size {
        let to = size.min(from + PORTION);
        for copy in &copies {
            let sql = copy
                .replace("$tag", tag)
                .replace("$from", &from.to_string())
                .replace("$to", &to.to_string());
            let written = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection);
            written.await.unwrap();
        }
        from = to;
    }
    let settle = match kind {
        Kind::Sqlite => "PRAGMA wal_checkpoint(TRUNCATE)",
        Kind::Postgres => "VACUUM ANALYZE",
    };
    sqlx::raw_sql(settle)
        .execute(&mut *connection)
        .await
        .unwrap();
    drop(connection);
    pool.close().await;
}

/// The statement that copies a case's rows of a table for the cases from `$from` to before `$to`.
async fn copy(
    connection: &mut AnyConnection,
    table: &str,
    key: &str,
    template: &str,
) -> Option<String> {
    let named = match table {
        "data_keys" => format!("case/{template}"),
        _ => template.to_owned(),
    };
    let of_template = format!("t.{key} >= '{named}' AND t.{key} < '{named}~'");
    let sql = format!("SELECT * FROM {table} AS t WHERE {of_template}");
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(connection);
    let row = row.await.unwrap()?;
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (name, value) in columns(&row) {
        // What the database numbers by itself is in none of these tables.
        values.push(copied(table, &name, &value, template));
        names.push(name);
    }
    let only_open = match table {
        "tasks" | "timers" => "AND i % 10 = 0",
        _ => "",
    };
    Some(format!(
        "WITH RECURSIVE numbers (i) AS (SELECT $from UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < $to)
         INSERT INTO {table} ({}) SELECT {} FROM numbers, {table} AS t WHERE {of_template} {only_open}",
        names.join(", "),
        values.join(", "),
    ))
}

/// A column of a copy, as SQL.
fn copied(table: &str, name: &str, value: &Value, template: &str) -> String {
    let number = "substr(CAST(10000000 + i AS TEXT), 2)";
    match (table, name, value) {
        (_, "region", _) => {
            let others = "'331' || CAST(121 + i % 9 AS TEXT)";
            format!("CASE WHEN i % 5 = 0 THEN t.region ELSE {others} END")
        }
        ("cases", "status", _) => {
            "CASE WHEN i % 10 = 0 THEN t.status ELSE 'completed' END".to_owned()
        }
        ("cases", "ended_at", _) => {
            "CASE WHEN i % 10 = 0 THEN NULL ELSE t.registered_at END".to_owned()
        }
        ("effects", "status", _) => "CASE WHEN i % 10 = 0 THEN t.status ELSE 'done' END".to_owned(),
        // A key that opens nothing is under a name that nobody looks for.
        ("data_keys", "scope", _) => format!("'copy/' || {number}"),
        // Nothing that is open waits for a worker as long as the real ones are there.
        ("effects", "due", _) => "4102444800000".to_owned(),
        (_, _, Value::Tag(_)) => "$tag".to_owned(),
        (_, _, Value::Bytes(_)) => format!("substr(t.{name}, 1, 200)"),
        (_, _, Value::Text(_)) => {
            let named = format!("replace(t.{name}, '{template}', '{REGION}-2024-' || {number})");
            format!("replace({named}, '{}', 'made-up-' || {number})", person(0))
        }
        _ => format!("t.{name}"),
    }
}
