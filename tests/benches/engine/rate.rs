//! Durable submissions and decisions a second, 64 at once: through the engine; through the store
//! with what the engine had come to once; and the same rows by nothing but sqlx.

use crate::record::{Commits, STEP, record};
use crate::rows::{Rows, Statement, between, of_case};
use crate::world::{REGION, World, approve, at_once, idempotency, office, person};
use crate::{Databases, Kind, float, median, world};
use onething_engine::{Engine, HandIn};
use onething_store::{Registered, Store};
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyPool, AssertSqlSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SUBMITTERS: usize = 64;
/// Of each kind in each turn.
const JOBS: usize = 448;
const TURNS: usize = 5;
/// As the store has them: jobs in one transaction of SQLite, connections to PostgreSQL.
const BATCH: usize = 64;
const CONNECTIONS: u32 = 10;

pub async fn run(world: &World, databases: &Databases, kind: Kind) {
    let url = |name: &str| databases.fresh(kind, name);
    let engine = world.engine(world.store(&url("engine.db")).await);
    let replayed = Replayed::new(world, &url("replayed.db")).await;
    let bare = Bare::new(world, kind, &url("bare.db")).await;
    let (mut submitted, mut decided) = (Rates::default(), Rates::default());
    for turn in 0..=TURNS {
        let turn = Turn {
            first: 1 + turn * JOBS,
            counts: turn > 0,
        };
        let ids = engine_submits(world, &engine, turn, &mut submitted).await;
        engine_decides(&engine, ids, turn, &mut decided).await;
        replayed.turn(turn, &mut submitted, &mut decided).await;
        bare.turn(turn, &mut submitted, &mut decided).await;
    }
    submitted.tell(kind, "submissions");
    decided.tell(kind, "decisions");
}

/// The people of a turn; the first turn warms up.
#[derive(Clone, Copy)]
struct Turn {
    first: usize,
    counts: bool,
}

/// Jobs a second, turn by turn.
#[derive(Default)]
struct Rates {
    engine: Vec<f64>,
    store: Vec<f64>,
    sqlx: Vec<f64>,
}

impl Rates {
    fn tell(&self, kind: Kind, what: &str) {
        let [engine, store, sqlx] = [&self.engine, &self.store, &self.sqlx].map(|one| median(one));
        println!(
            "rate: {:10} {what:11} {engine:5.0}/s, the store alone {store:5.0}/s, sqlx alone {sqlx:5.0}/s; ratio {:.2} (at least 0.5), to sqlx {:.2}",
            kind.name(),
            engine / store,
            engine / sqlx,
        );
    }
}

impl Turn {
    fn note(self, rates: &mut Vec<f64>, took: Duration) {
        if self.counts {
            rates.push(float(JOBS) / took.as_secs_f64());
        }
    }
}

async fn engine_submits(
    world: &World,
    engine: &Engine,
    turn: Turn,
    rates: &mut Rates,
) -> Vec<String> {
    let people = turn.first..turn.first + JOBS;
    let hand_ins: Arc<Vec<HandIn>> = Arc::new(people.map(|one| world.hand_ins.of(one)).collect());
    let (ids, told) = std::sync::mpsc::channel();
    let engine = engine.clone();
    let took = at_once(JOBS, SUBMITTERS, move |job| {
        let (engine, ids) = (engine.clone(), ids.clone());
        let hand_in = hand_ins[job].clone();
        async move {
            let id = world::submit(&engine, turn.first + job, hand_in).await;
            ids.send(id).unwrap();
        }
    });
    turn.note(&mut rates.engine, took.await);
    told.try_iter().collect()
}

async fn engine_decides(engine: &Engine, ids: Vec<String>, turn: Turn, rates: &mut Rates) {
    let (engine, ids) = (engine.clone(), Arc::new(ids));
    let took = at_once(JOBS, SUBMITTERS, move |job| {
        let (engine, ids) = (engine.clone(), ids.clone());
        async move { office_decides(&engine, &ids[job]).await }
    });
    turn.note(&mut rates.engine, took.await);
}

pub async fn office_decides(engine: &Engine, id: &str) {
    approve(engine, id, STEP.0, &office(STEP.1), None).await;
}

/// The store's own methods with values that are there already.
struct Replayed {
    store: Store,
    commits: Commits,
}

impl Replayed {
    async fn new(world: &World, url: &str) -> Replayed {
        let store = world.store(url).await;
        let (_, commits) = record(world, &store, async |_| ()).await;
        Replayed { store, commits }
    }

    async fn turn(&self, turn: Turn, submitted: &mut Rates, decided: &mut Rates) {
        let commits = (0..JOBS).map(|job| {
            let number = turn.first + job;
            self.commits.of(&case_id(number), &person(number))
        });
        let commits: Arc<Vec<Commits>> = Arc::new(commits.collect());
        let (store, all) = (self.store.clone(), commits.clone());
        let took = at_once(JOBS, SUBMITTERS, move |job| {
            let (store, all) = (store.clone(), all.clone());
            async move { submit(&store, &all[job]).await }
        });
        turn.note(&mut submitted.store, took.await);
        let (store, all) = (self.store.clone(), commits);
        let took = at_once(JOBS, SUBMITTERS, move |job| {
            let (store, all) = (store.clone(), all.clone());
            async move { decide(&store, &all[job]).await }
        });
        turn.note(&mut decided.store, took.await);
    }
}

/// What the engine asks of the store for a submission, in its order.
async fn submit(store: &Store, commits: &Commits) {
    let case = &commits.registered.case;
    let request = idempotency(&case.subject);
    assert_eq!(store.find_idempotent(&request).await.unwrap(), None);
    store.next_case_number(REGION, 2025).await.unwrap();
    let registered = store.register(&commits.registered, Some(&request), None);
    assert_eq!(registered.await.unwrap(), Registered::New);
    store.load(&case.id).await.unwrap();
    store.append(&commits.answered).await.unwrap();
}

/// The same for a decision.
async fn decide(store: &Store, commits: &Commits) {
    let id = &commits.decided.case.id;
    store.load(id).await.unwrap();
    store.append(&commits.decided).await.unwrap();
    store.load(id).await.unwrap();
    store.append(&commits.answered_again).await.unwrap();
}

/// A case of nobody's counter.
fn case_id(number: usize) -> String {
    format!("{REGION}-2024-{number:06}")
}

/// Nothing but sqlx: no savepoints, nothing read, nothing encoded.
struct Bare {
    kind: Kind,
    pool: AnyPool,
    old: [String; 2],
    /// Registered, answered, decided, answered again.
    writes: Writes,
}

/// The statements of each write of one case.
type Writes = [Vec<Statement>; 4];

impl Bare {
    async fn new(world: &World, kind: Kind, url: &str) -> Bare {
        let store = world.store(url).await;
        let pool = pool(kind, url).await;
        let mut seen = vec![Rows::new()];
        let look = async |id: &str| {
            let mut connection = pool.acquire().await.unwrap();
            seen.push(of_case(&mut connection, id).await);
        };
        let (id, _) = record(world, &store, look).await;
        store.close().await;
        let write = |write: usize| between(&seen[write], &seen[write + 1]);
        Bare {
            kind,
            old: [id, person(0)],
            writes: [0, 1, 2, 3].map(write),
            pool,
        }
    }

    async fn turn(&self, turn: Turn, submitted: &mut Rates, decided: &mut Rates) {
        let cases = (0..JOBS).map(|job| self.renamed(turn.first + job));
        let cases: Arc<Vec<Writes>> = Arc::new(cases.collect());
        turn.note(&mut submitted.sqlx, self.write(&cases, true, [0, 1]).await);
        turn.note(&mut decided.sqlx, self.write(&cases, false, [2, 3]).await);
    }

    fn renamed(&self, number: usize) -> Writes {
        let (id, person) = (case_id(number), person(number));
        let [old_id, old_person] = &self.old;
        let words = [(old_id.as_str(), id.as_str()), (old_person, &person)];
        let renamed = |write: &Vec<Statement>| {
            let statements = write.iter().map(|statement| statement.renamed(&words, number));
            statements.collect()
        };
        self.writes.each_ref().map(renamed)
    }

    async fn write(
        &self,
        cases: &Arc<Vec<Writes>>,
        numbered: bool,
        writes: [usize; 2],
    ) -> Duration {
        match self.kind {
            Kind::Sqlite => self.in_batches(cases, numbered, writes).await,
            Kind::Postgres => self.side_by_side(cases, numbered, writes).await,
        }
    }

    async fn in_batches(&self, cases: &[Writes], numbered: bool, writes: [usize; 2]) -> Duration {
        let mut connection = self.pool.acquire().await.unwrap();
        let started = Instant::now();
        for batch in cases.chunks(BATCH) {
            if numbered {
                sqlx::query("BEGIN IMMEDIATE")
                    .execute(&mut *connection)
                    .await
                    .unwrap();
                for _ in batch {
                    count(&mut connection).await;
                }
                sqlx::query("COMMIT")
                    .execute(&mut *connection)
                    .await
                    .unwrap();
            }
            for write in writes {
                sqlx::query("BEGIN IMMEDIATE")
                    .execute(&mut *connection)
                    .await
                    .unwrap();
                for statement in batch.iter().flat_map(|case| &case[write]) {
                    statement.run(&mut connection).await;
                }
                sqlx::query("COMMIT")
                    .execute(&mut *connection)
                    .await
                    .unwrap();
            }
        }
        started.elapsed()
    }

    async fn side_by_side(
        &self,
        cases: &Arc<Vec<Writes>>,
        numbered: bool,
        writes: [usize; 2],
    ) -> Duration {
        let (pool, cases) = (self.pool.clone(), cases.clone());
        at_once(JOBS, SUBMITTERS, move |job| {
            let (pool, cases) = (pool.clone(), cases.clone());
            async move {
                if numbered {
                    let mut transaction = pool.begin().await.unwrap();
                    let quick = "SET LOCAL synchronous_commit = off";
                    sqlx::query(quick).execute(&mut *transaction).await.unwrap();
                    count(&mut transaction).await;
                    transaction.commit().await.unwrap();
                }
                for write in writes {
                    let mut transaction = pool.begin().await.unwrap();
                    for statement in &cases[job][write] {
                        statement.run(&mut transaction).await;
                    }
                    transaction.commit().await.unwrap();
                }
            }
        })
        .await
    }
}

async fn count(connection: &mut sqlx::AnyConnection) {
    let counted = sqlx::query(
        "INSERT INTO counters (name, value) VALUES ('bench', 1)
         ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value",
    );
    counted.fetch_one(connection).await.unwrap();
}

pub async fn pool(kind: Kind, url: &str) -> AnyPool {
    let (connections, session) = match kind {
        Kind::Sqlite => (
            1,
            "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000;
             PRAGMA secure_delete = ON;",
        ),
        Kind::Postgres => (CONNECTIONS, "SELECT 1"),
    };
    let pool = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(60));
    let pool = pool.after_connect(move |connection, _| {
        Box::pin(async move {
            sqlx::raw_sql(AssertSqlSafe(session.to_owned()))
                .execute(connection)
                .await?;
            Ok(())
        })
    });
    pool.connect(url).await.unwrap()
}
