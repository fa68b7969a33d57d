//! Whose database it is, and what is refused.

use super::*;

/// Whether an error is the one that was expected.
type Check = fn(&Error) -> bool;

async fn refused(database: &Database, expected: Check) {
    let error = database.try_open().await.unwrap_err();
    assert!(expected(&error), "{error:?}");
}

async fn anothers_database_is_refused(database: Database) {
    database.sql("CREATE TABLE cases (id TEXT)").await;
    refused(&database, |error| matches!(error, Error::Foreign { .. })).await;
    database.sql("DROP TABLE cases").await;
    database.open().await;
}

async fn a_newer_schema_is_refused_unless_it_may_be_read(database: Database) {
    database.open().await.close().await;
    database
        .sql("UPDATE onething_schema SET version = 99, min_reader = 98")
        .await;
    refused(&database, |error| {
        matches!(error, Error::Newer { found: 99, .. })
    })
    .await;
    database
        .sql("UPDATE onething_schema SET min_reader = 1")
        .await;
    let store = database.open().await;
    store
        .register(&commit(CASE, 1, 1), None, None)
        .await
        .unwrap();
    let version = "SELECT version FROM onething_schema";
    let version: i64 = sqlx::query_scalar(version)
        .fetch_one(&store.readers)
        .await
        .unwrap();
    assert_eq!(version, 99, "it is left to those who know it");
}

async fn a_half_applied_migration_is_refused(database: Database) {
    database.open().await.close().await;
    let lacks = async |what: &str| {
        let error = database.try_open().await.unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert!(matches!(error, Error::Incomplete { .. }));
    };
    database
        .sql("ALTER TABLE effects DROP COLUMN last_error")
        .await;
    lacks("the column effects.last_error").await;
    database.sql("DROP TABLE timers").await;
    lacks("the table timers").await;
    database.sql("DELETE FROM onething_schema").await;
    lacks("the row of onething_schema").await;
    database
        .sql("INSERT INTO onething_schema VALUES ('another', 1, 1)")
        .await;
    refused(&database, |error| matches!(error, Error::Foreign { .. })).await;
}

async fn two_nodes_may_start_at_once(database: Database) {
    let (one, other) = tokio::join!(database.try_open(), database.try_open());
    one.unwrap();
    other.unwrap();
}

async fn both_have_the_same_tables(database: Database) {
    let store = database.open().await;
    let is: Vec<(String, String)> = sqlx::query_as(store.backend.catalogue())
        .fetch_all(&store.readers)
        .await
        .unwrap();
    let known = store.backend.migrations().len();
    assert_eq!(is, crate::schema::expected(known).await.unwrap());
}

on_both!(
    anothers_database_is_refused,
    a_newer_schema_is_refused_unless_it_may_be_read,
    a_half_applied_migration_is_refused,
    two_nodes_may_start_at_once,
    both_have_the_same_tables,
);

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused_unchanged() {
    let database = Database::file();
    let Database::File(folder) = &database else {
        unreachable!()
    };
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("text"), "not a database, only a text\n").unwrap();
    database
        .sql("PRAGMA application_id = 7; CREATE TABLE t (x)")
        .await;
    std::fs::rename(path("onething.db"), path("named")).unwrap();
    database.open().await.close().await;
    let mut torn = std::fs::read(path("onething.db")).unwrap();
    torn.truncate(4096);
    torn[100..].fill(7);
    std::fs::write(path("torn"), torn).unwrap();
    std::fs::write(path("empty"), "").unwrap();
    std::fs::write(path("empty-wal"), "what only the log has").unwrap();

    let cases: [(&str, Check); 4] = [
        ("text", |error| matches!(error, Error::NotADatabase { .. })),
        ("named", |error| {
            matches!(
                error,
                Error::Foreign {
                    application_id: 7,
                    ..
                }
            )
        }),
        ("torn", |error| matches!(error, Error::Corrupt { .. })),
        ("empty", |error| {
            matches!(error, Error::EmptyBesideLog { .. })
        }),
    ];
    for (name, expected) in cases {
        let before = std::fs::read(path(name)).unwrap();
        let error = Store::open(&path(name), masters()).await.unwrap_err();
        assert!(expected(&error), "{name}: {error:?}");
        let after = std::fs::read(path(name)).unwrap();
        assert_eq!(after, before, "{name} is unchanged");
    }
    let nowhere = Store::open(&path("no/such/folder"), masters())
        .await
        .unwrap_err();
    assert!(matches!(
        nowhere,
        Error::Database {
            operation: "open the database",
            ..
        }
    ));
    std::fs::write(path("new ?#%办件"), "").unwrap();
    let empty = Store::open(&path("new ?#%办件"), masters()).await;
    let store = empty.expect("an empty file is a new database");
    let pragma = |sql| sqlx::query_scalar::<_, String>(sql).fetch_one(store.writer.pool());
    let journal = "SELECT journal_mode FROM pragma_journal_mode";
    assert_eq!(pragma(journal).await.unwrap(), "wal");
    let synchronous = "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous";
    assert_eq!(pragma(synchronous).await.unwrap(), "2", "full");
}

#[tokio::test]
async fn an_address_is_one_of_a_database() {
    for url in ["mysql://user:secret@host/x", "", "onething.db"] {
        let error = Store::connect(url, masters()).await.unwrap_err();
        assert!(matches!(error, Error::Url { .. }), "{error:?}");
        assert!(!error.to_string().contains("secret"));
    }
}
