//! Durable submissions and decisions a second, 64 at once: through the engine; through the store
//! with what the engine had come to once; and, as the ceiling, the statements of the store by
//! nothing but sqlx, with what was read out of the database, closed as it was: nothing is computed,
//! opened, closed or hashed, and nobody waits for anybody between statements.

use crate::record::{Commits, STEP, record};
use crate::rows::{Rows, Statement, between, of_case};
use crate::world::{REGION, World, approve, at_once, cpu, idempotency, office, person};
use crate::{Databases, Kind, float, median, world};
use onething_engine::{Engine, HandIn};
use onething_store::{Registered, Store};
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection as _};
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

/// Turn by turn: jobs a second, and milliseconds of this process's time a job.
type Paces = Vec<(f64, f64)>;

#[derive(Default)]
struct Rates {
    engine: Paces,
    store: Paces,
    sqlx: Paces,
}

impl Rates {
    fn tell(&self, kind: Kind, what: &str) {
        let paces = [&self.engine, &self.store, &self.sqlx];
        let rates = paces.map(|paces| median(&paces.iter().map(|pace| pace.0).collect::<Vec<_>>()));
        let costs = paces.map(|paces| median(&paces.iter().map(|pace| pace.1).collect::<Vec<_>>()));
        let [engine, store, sqlx] = rates;
        println!(
            "rate: {:10} {what:11} {engine:5.0}/s, the store alone {store:5.0}/s, its statements alone {sqlx:5.0}/s; ratio {:.2} (at least 0.5), to the store {:.2}; {:.1}, {:.1} and {:.1} ms of processor time each",
            kind.name(),
            engine / sqlx,
            engine / store,
            costs[0],
            costs[1],
            costs[2],
        );
    }
}

impl Turn {
    async fn note(self, paces: &mut Paces, job: impl Future<Output = Duration>) {
        let before = cpu();
        let took = job.await.as_secs_f64();
        let cost = (cpu() - before) * 1000.0;
        if self.counts {
            paces.push((float(JOBS) / took, cost / float(JOBS)));
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
    turn.note(&mut rates.engine, took).await;
    told.try_iter().collect()
}

async fn engine_decides(engine: &Engine, ids: Vec<String>, turn: Turn, rates: &mut Rates) {
    let (engine, ids) = (engine.clone(), Arc::new(ids));
    let took = at_once(JOBS, SUBMITTERS, move |job| {
        let (engine, ids) = (engine.clone(), ids.clone());
        async move { office_decides(&engine, &ids[job]).await }
    });
    turn.note(&mut rates.engine, took).await;
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
        turn.note(&mut submitted.store, took).await;
        let (store, all) = (self.store.clone(), commits);
        let took = at_once(JOBS, SUBMITTERS, move |job| {
            let (store, all) = (store.clone(), all.clone());
            async move { decide(&store, &all[job]).await }
        });
        turn.note(&mut decided.store, took).await;
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
    store.append(&commits.answered).await.unwrap();
}

/// The same for a decision.
async fn decide(store: &Store, commits: &Commits) {
    let id = &commits.decided.case.id;
    store.load(id).await.unwrap();
    store.append(&commits.decided).await.unwrap();
    store.append(&commits.answered_again).await.unwrap();
}

/// A case of nobody's counter.
fn case_id(number: usize) -> String {
    format!("{REGION}-2024-{number:06}")
}

/// What the store reads when it appends to a case.
const READS: [&str; 3] = [
    "SELECT version, head, erased_at FROM cases WHERE id = $1",
    "SELECT case_id, step, function, region, role, status, version, round, opened_at,
            notice, due, objected FROM tasks WHERE case_id = $1",
    "SELECT name, rung, due FROM timers WHERE case_id = $1 ORDER BY name, rung",
];
/// What it reads before a decision.
const HISTORY: &str = "SELECT n, at, format, body, master, wrapped
    FROM events LEFT JOIN data_keys ON scope = 'case/' || case_id WHERE case_id = $1 ORDER BY n";

/// Nothing but sqlx: everything is there already, and nothing that was read is looked at.
struct Bare {
    kind: Kind,
    pool: AnyPool,
    old: [String; 2],
    /// Registered, answered, decided, answered again.
    writes: Writes,
}

/// The statements of each write of one case.
type Writes = [Vec<Statement>; 4];

/// A case and its writes.
struct Case {
    id: String,
    writes: Writes,
}

/// Which of the writes a job is.
#[derive(Clone, Copy)]
enum Job {
    Submission,
    Decision,
}

impl Job {
    fn writes(self) -> [usize; 2] {
        match self {
            Job::Submission => [0, 1],
            Job::Decision => [2, 3],
        }
    }
}

impl Case {
    async fn before(&self, job: Job, connection: &mut AnyConnection) {
        match job {
            Job::Submission => count(connection).await,
            Job::Decision => read(connection, HISTORY, &self.id).await,
        }
    }

    async fn write(&self, write: usize, connection: &mut AnyConnection) {
        if write > 0 {
            for sql in READS {
                read(connection, sql, &self.id).await;
            }
        }
        for statement in &self.writes[write] {
            statement.run(connection).await;
        }
    }
}

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
        let cases: Arc<Vec<Case>> = Arc::new(cases.collect());
        let submits = self.write(&cases, Job::Submission);
        turn.note(&mut submitted.sqlx, submits).await;
        let decides = self.write(&cases, Job::Decision);
        turn.note(&mut decided.sqlx, decides).await;
    }

    fn renamed(&self, number: usize) -> Case {
        let (id, person) = (case_id(number), person(number));
        let [old_id, old_person] = &self.old;
        let words = [(old_id.as_str(), id.as_str()), (old_person, &person)];
        let renamed = |write: &Vec<Statement>| {
            let statements = write.iter();
            let statements = statements.map(|statement| statement.renamed(&words, number));
            statements.collect()
        };
        let writes = self.writes.each_ref().map(renamed);
        Case { id, writes }
    }

    async fn write(&self, cases: &Arc<Vec<Case>>, job: Job) -> Duration {
        match self.kind {
            Kind::Sqlite => {
                let (pool, cases) = (self.pool.clone(), cases.clone());
                tokio::spawn(in_batches(pool, cases, job)).await.unwrap()
            }
            Kind::Postgres => self.side_by_side(cases, job).await,
        }
    }

    async fn side_by_side(&self, cases: &Arc<Vec<Case>>, job: Job) -> Duration {
        let (pool, cases) = (self.pool.clone(), cases.clone());
        at_once(JOBS, SUBMITTERS, move |number| {
            let (pool, cases) = (pool.clone(), cases.clone());
            async move {
                let case = &cases[number];
                let mut transaction = pool.begin().await.unwrap();
                let quick = "SET LOCAL synchronous_commit = off";
                sqlx::query(quick).execute(&mut *transaction).await.unwrap();
                case.before(job, &mut transaction).await;
                transaction.commit().await.unwrap();
                for write in job.writes() {
                    let mut transaction = pool.begin().await.unwrap();
                    case.write(write, &mut transaction).await;
                    transaction.commit().await.unwrap();
                }
            }
        })
        .await
    }
}

/// As the one writer of the store does, where there are enough jobs at any time.
async fn in_batches(pool: AnyPool, cases: Arc<Vec<Case>>, job: Job) -> Duration {
    let mut connection = pool.acquire().await.unwrap();
    let started = Instant::now();
    for batch in cases.chunks(BATCH) {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
        for case in batch {
            case.before(job, &mut transaction).await;
        }
        transaction.commit().await.unwrap();
        for write in job.writes() {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
            for case in batch {
                let mut savepoint = transaction.begin().await.unwrap();
                case.write(write, &mut savepoint).await;
                savepoint.commit().await.unwrap();
            }
            transaction.commit().await.unwrap();
        }
    }
    started.elapsed()
}

async fn read(connection: &mut AnyConnection, sql: &'static str, id: &str) {
    let rows = sqlx::query(sql).bind(id).fetch_all(connection);
    rows.await.unwrap();
}

async fn count(connection: &mut AnyConnection) {
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
