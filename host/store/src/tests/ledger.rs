//! Money against what the ledger promises, with many cases at once over one file.

use super::*;
use onething_contract::{Payment, PaymentOrder, PublicNotice};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use sqlx::Row;

const BUDGETS: [&str; 2] = ["payroll/331102", "policy/jobs"];

fn budget(name: &str) -> NewBudget {
    NewBudget {
        name: name.into(),
        title: "工资统发".into(),
        holder: "莲都区财政局".into(),
        account: "3310010001".into(),
        bank: None,
    }
}

fn payment(ticket: &str, budget: &str) -> NewEffect {
    let line = Payment {
        line: "1".into(),
        payee: "张三".into(),
        account: "79927398713".into(),
        bank: None,
        amount: "0.01".into(),
        purpose: "工资".into(),
    };
    NewEffect {
        event: 1,
        intent: Intent {
            ticket: ticket.into(),
            after: Vec::new(),
            effect: Effect::Payment(PaymentOrder {
                budget: budget.into(),
                category: "SALA".into(),
                execute_on: "2026-03-10".into(),
                lines: vec![line],
            }),
        },
    }
}

fn sent(case_id: &str, ticket: &str, budget: &str, fen: u64) -> SentPayment {
    SentPayment {
        case_id: case_id.into(),
        ticket: ticket.into(),
        claim: 0,
        budget: budget.into(),
        fen,
        at: AT.into(),
    }
}

fn doing(case_id: &str, n: u64, ledger: Vec<Instruction>) -> Commit {
    let mut commit = commit(case_id, n, n);
    commit.ledger = ledger;
    commit
}

fn hold(budget: &str, fen: u64) -> Instruction {
    Instruction::Hold {
        budget: budget.into(),
        fen,
    }
}

fn queue(budget: &str, fen: u64) -> Instruction {
    Instruction::Queue {
        budget: budget.into(),
        fen,
    }
}

async fn balances(store: &Store, name: &str) -> Balances {
    store.budget(name).await.unwrap().unwrap().balances
}

/// What one case does with its money.
#[derive(Debug, Clone)]
struct Script {
    budget: usize,
    fen: u64,
    waits: bool,
    /// Another amount in its second round.
    corrected: Option<u64>,
    /// Paid out of what it holds, and of that returned, in percent; more than all is refused.
    pays: Option<(u64, u64)>,
    withdrawn_early: bool,
}

fn script() -> impl Strategy<Value = Script> {
    (
        0..BUDGETS.len(),
        1..400_u64,
        any::<bool>(),
        proptest::option::of(1..400_u64),
        proptest::option::of((1..130_u64, 0..=100_u64)),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(budget, fen, waits, corrected, pays, withdrawn_early)| Script {
                budget,
                fen,
                waits,
                corrected,
                pays,
                withdrawn_early,
            },
        )
}

/// A case and the number of its last event; whoever serves the line moves it on too.
struct Life<'a> {
    store: &'a Store,
    id: &'a str,
}

impl Life<'_> {
    /// Appends on what it has read, as often as somebody else was first; false where the budget is
    /// short, or there is nothing to do.
    async fn does(&self, change: impl Fn(&ReservationRow, &mut Commit) -> bool) -> bool {
        loop {
            let filter = CaseFilter {
                id: Some(self.id.into()),
                ..CaseFilter::default()
            };
            let n = self.store.cases(&filter, 1).await.unwrap()[0].version + 1;
            let mut next = commit(self.id, n, n);
            if !change(&self.has().await, &mut next) {
                return false;
            }
            match self.store.append(&next).await {
                Ok(()) => return true,
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::BudgetShort { .. }) => return false,
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    async fn has(&self) -> ReservationRow {
        let mut rows = self.store.reservations(self.id).await.unwrap();
        rows.pop().unwrap()
    }
}

/// As the engine does: whose turn it is gets the money.
async fn serve(store: &Store) {
    for turn in store.in_turn().await.unwrap() {
        let life = Life {
            store,
            id: &turn.case_id,
        };
        life.does(|has, next| {
            next.ledger = vec![hold(&has.budget, has.wanted)];
            has.waits
        })
        .await;
    }
}

async fn live(store: Store, id: String, script: Script) {
    let budget = BUDGETS[script.budget];
    let ask = |fen| match script.waits {
        true => queue(budget, fen),
        false => hold(budget, fen),
    };
    match store
        .register(&doing(&id, 1, vec![ask(script.fen)]), None, None)
        .await
    {
        Ok(_) => {}
        Err(CommitError::BudgetShort {
            available,
            wanted,
            ahead,
            ..
        }) => {
            assert!(
                wanted > available || ahead > 0,
                "{wanted} of {available}, {ahead}"
            );
            return;
        }
        Err(error) => panic!("{error:?}"),
    }
    let life = Life {
        store: &store,
        id: &id,
    };
    serve(&store).await;
    if let Some(fen) = script.corrected {
        life.does(|_, next| {
            next.ledger = vec![ask(fen)];
            true
        })
        .await;
        serve(&store).await;
    }
    if let Some((pays, returned)) = script.pays.filter(|_| !script.withdrawn_early)
        && !life.has().await.waits
    {
        let ticket = format!("{id}-1");
        life.does(|_, next| {
            next.effects = vec![payment(&ticket, budget)];
            true
        })
        .await;
        let fen = life.has().await.reserved * pays / 100;
        match store.send_payment(&sent(&id, &ticket, budget, fen)).await {
            Ok(()) => {
                let returned = fen * returned / 100;
                let settle = Instruction::Settle {
                    budget: budget.into(),
                    ticket: ticket.clone(),
                    paid: fen - returned,
                    returned,
                };
                life.does(|_, next| {
                    next.settled = vec![outcome(&ticket, true)];
                    next.ledger = vec![settle.clone()];
                    true
                })
                .await;
            }
            Err(CommitError::NotReserved { reserved, .. }) => assert!(reserved < fen),
            Err(error) => panic!("{error:?}"),
        }
    }
    let ended = life.does(|has, next| {
        next.ledger = vec![hold(budget, has.spent)];
        true
    });
    assert!(ended.await);
    serve(&store).await;
}

async fn numbers(store: &Store, sql: &'static str, budget: &str) -> Vec<i64> {
    let rows = sqlx::query(sql)
        .bind(budget)
        .fetch_all(&store.readers)
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn check(store: &Store, cases: usize) {
    for budget in BUDGETS {
        let is = balances(store, budget).await;
        assert_eq!(
            is.funded,
            is.available + is.reserved + is.in_transit + is.paid,
            "{is:?}"
        );
        let booked = "SELECT b.fen - coalesce((SELECT CAST(sum(fen) AS BIGINT) FROM postings
                          WHERE budget = $1 AND to_account = b.account), 0)
                        + coalesce((SELECT CAST(sum(fen) AS BIGINT) FROM postings
                          WHERE budget = $1 AND from_account = b.account), 0)
                      FROM balances AS b WHERE budget = $1";
        assert_eq!(
            numbers(store, booked, budget).await,
            [0; 5],
            "postings add up to balances"
        );
        let held =
            "SELECT CAST(coalesce(sum(reserved), 0) AS BIGINT) FROM reservations WHERE budget = $1";
        assert_eq!(
            numbers(store, held, budget).await,
            [signed_fen(is.reserved)]
        );
        let served = "SELECT line FROM reservations AS r
                      JOIN (SELECT case_id, min(n) AS first FROM postings
                            WHERE budget = $1 AND movement = 'reserve' GROUP BY case_id) AS p
                        ON p.case_id = r.case_id
                      WHERE r.budget = $1 ORDER BY p.first";
        let served = numbers(store, served, budget).await;
        assert!(
            served.is_sorted(),
            "nobody overtakes, among {cases}: {served:?}"
        );
        assert_eq!(
            is.in_transit + is.reserved,
            0,
            "every case has ended: {is:?}"
        );
    }
}

fn signed_fen(fen: u64) -> i64 {
    i64::try_from(fen).unwrap()
}

/// Many cases at once over two processes.
async fn crowd(database: &Database, scripts: Vec<Script>, funds: Vec<(usize, u64)>) {
    let stores = [database.open().await, database.open().await];
    for name in BUDGETS {
        assert!(stores[0].open_budget(&budget(name), AT).await.unwrap());
    }
    let mut tasks = Vec::new();
    for (budget, fen) in funds {
        let store = stores[0].clone();
        tasks.push(tokio::spawn(async move {
            store.fund(BUDGETS[budget], fen, "出纳", AT).await.unwrap();
            serve(&store).await;
        }));
    }
    let cases = scripts.len();
    for (n, script) in scripts.into_iter().enumerate() {
        let id = format!("331102-2026-{n:06}");
        tasks.push(tokio::spawn(live(stores[n % 2].clone(), id, script)));
    }
    for task in tasks {
        task.await.unwrap();
    }
    check(&stores[0], cases).await;
    for store in stores {
        store.close().await;
    }
}

fn never_overspend(database: impl Fn() -> Database) {
    let lives = (
        vec(script(), 8..24),
        vec((0..BUDGETS.len(), 1..600_u64), 1..8),
    );
    let config = ProptestConfig {
        cases: 12,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(&lives, |(scripts, funds)| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(crowd(&database(), scripts, funds));
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn many_cases_at_once_never_overspend_a_file() {
    never_overspend(Database::file);
}

#[test]
fn many_cases_at_once_never_overspend_postgres() {
    let server = Postgres::start().unwrap();
    never_overspend(|| Database::Postgres {
        url: server.database().unwrap(),
        _server: None,
    });
}

async fn first_come_first_served(database: Database) {
    let store = database.open().await;
    let [name, _] = BUDGETS;
    assert!(store.open_budget(&budget(name), AT).await.unwrap());
    assert!(!store.open_budget(&budget(name), AT).await.unwrap());
    store.fund(name, 100, "出纳", AT).await.unwrap();

    let register = async |id: &str, instruction| {
        let result = store
            .register(&doing(id, 1, vec![instruction]), None, None)
            .await;
        result.map(drop)
    };
    register("a", hold(name, 80)).await.unwrap();
    let short = register("b", hold(name, 30)).await;
    assert!(
        matches!(
            short,
            Err(CommitError::BudgetShort {
                available: 20,
                wanted: 30,
                ahead: 0,
                ..
            })
        ),
        "{short:?}"
    );
    assert_eq!(
        store.load("b").await.unwrap(),
        [],
        "nothing of it was registered"
    );
    register("c", queue(name, 50)).await.unwrap();
    register("d", queue(name, 10)).await.unwrap();
    assert_eq!(
        store.in_turn().await.unwrap(),
        [],
        "d's turn is not before c's"
    );
    let overtakes = store
        .append(&doing("d", 2, vec![hold(name, 10)]))
        .await
        .unwrap_err();
    assert!(
        matches!(
            overtakes,
            CommitError::BudgetShort {
                available: 20,
                ahead: 1,
                ..
            }
        ),
        "{overtakes:?}"
    );
    let overtakes = register("e", hold(name, 10)).await.unwrap_err();
    assert!(
        matches!(overtakes, CommitError::BudgetShort { ahead: 2, .. }),
        "{overtakes:?}"
    );

    // A round with less gives back the difference, and it is c's turn.
    store
        .append(&doing("a", 2, vec![hold(name, 50)]))
        .await
        .unwrap();
    let line: Vec<_> = store.waiting(name).await.unwrap();
    assert_eq!(
        line.iter().map(|row| &row.case_id).collect::<Vec<_>>(),
        ["c", "d"]
    );
    let turn = store.in_turn().await.unwrap();
    assert_eq!(turn, line[..1]);
    store
        .append(&doing("c", 2, vec![hold(name, 50)]))
        .await
        .unwrap();
    assert_eq!(store.in_turn().await.unwrap(), []);
    // Who leaves the line is not waited for.
    store.fund(name, 10, "出纳", AT).await.unwrap();
    store
        .append(&doing("d", 2, vec![hold(name, 0)]))
        .await
        .unwrap();
    register("f", hold(name, 10)).await.unwrap();
    let is = balances(&store, name).await;
    assert_eq!((is.funded, is.available, is.reserved), (110, 0, 110));

    let unknown = register("g", hold("nobody", 1)).await.unwrap_err();
    assert!(matches!(unknown, CommitError::UnknownBudget { .. }));
    let unknown = store.fund("nobody", 1, "出纳", AT).await.unwrap_err();
    assert!(matches!(unknown, CommitError::UnknownBudget { .. }));
}

async fn a_payment_rests_at_the_bank_until_it_answers(database: Database) {
    let store = database.open().await;
    let [name, _] = BUDGETS;
    store.open_budget(&budget(name), AT).await.unwrap();
    store.fund(name, 100, "出纳", AT).await.unwrap();
    let mut first = doing(CASE, 1, vec![hold(name, 60)]);
    first.effects = vec![payment("t-1", name), payment("t-2", name)];
    store.register(&first, None, None).await.unwrap();

    let send = async |ticket: &str, fen| store.send_payment(&sent(CASE, ticket, name, fen)).await;
    send("t-1", 45).await.unwrap();
    let short = send("t-2", 20).await.unwrap_err();
    assert!(
        matches!(short, CommitError::NotReserved { reserved: 15, .. }),
        "{short:?}"
    );
    assert!(matches!(
        send("t-1", 1).await,
        Err(CommitError::Store(Error::UnknownEffect { .. }))
    ));
    let claimed = store
        .claim_effects(at_second(0), Duration::ZERO, 10)
        .await
        .unwrap();
    assert_eq!(tickets(&claimed), ["t-2"], "what is sent is not done again");
    let sent = store.sent_payments(None, 10).await.unwrap();
    assert_eq!(tickets(&sent), ["t-1"]);
    assert_eq!(
        store.sent_payments(Some("t-1"), 10).await.unwrap(),
        Vec::new()
    );

    let mut answered = doing(
        CASE,
        2,
        vec![Instruction::Settle {
            budget: name.into(),
            ticket: "t-1".into(),
            paid: 40,
            returned: 5,
        }],
    );
    answered.settled = vec![outcome("t-1", true)];
    store.append(&answered).await.unwrap();
    let is = balances(&store, name).await;
    assert_eq!(
        is,
        Balances {
            funded: 100,
            available: 40,
            reserved: 20,
            in_transit: 0,
            paid: 40
        }
    );
    let row = &store.reservations(CASE).await.unwrap()[0];
    assert_eq!((row.wanted, row.reserved, row.spent), (60, 20, 40));
    let status = store.effect("t-1").await.unwrap().unwrap().status;
    assert_eq!(status, EffectStatus::Done);

    for change in ["UPDATE postings SET fen = 1", "DELETE FROM postings"] {
        assert!(
            sqlx::query(change)
                .execute(store.writer.pool())
                .await
                .is_err()
        );
    }
}

async fn public_notices_are_listed_with_their_end(database: Database) {
    let store = database.open().await;
    let published = |step: &str, due: Option<&str>, objected| TaskRow {
        notice: Some(NoticeRow {
            notice: PublicNotice {
                text: Text {
                    zh: "公示".into(),
                    en: "notice".into(),
                },
                days: 5,
            },
            due: due.map(str::to_owned),
            objected,
        }),
        ..task(CASE, step)
    };
    let due = "2026-05-12T00:00:00+08:00";
    let mut first = commit(CASE, 1, 1);
    first.tasks = vec![
        published("a", None, false),
        published("b", Some(due), false),
        published("c", Some(due), true),
        task(CASE, "d"),
    ];
    store.register(&first, None, None).await.unwrap();
    let public = store.published(None, 10).await.unwrap();
    assert_eq!(public, first.tasks[..3]);
    let after = TaskKey {
        case_id: CASE.into(),
        step: "b".into(),
    };
    assert_eq!(
        store.published(Some(&after), 10).await.unwrap(),
        first.tasks[2..3]
    );
}

on_both!(
    first_come_first_served,
    a_payment_rests_at_the_bank_until_it_answers,
    public_notices_are_listed_with_their_end,
);
