//! A database of either kind for one test.

use crate::*;
use onething_test_postgres::Postgres;
use sqlx::Connection as _;
use std::sync::LazyLock;

/// The same for every database of a test.
pub(super) fn masters() -> &'static Masters {
    static MASTERS: LazyLock<Masters> = LazyLock::new(|| Masters::in_memory().unwrap());
    &MASTERS
}

/// A database that is there as long as the test. Each opening is another process's.
pub(super) enum Database {
    File(tempfile::TempDir),
    Postgres {
        url: String,
        _server: Option<Postgres>,
    },
}

impl Database {
    pub(super) fn file() -> Database {
        Database::File(tempfile::tempdir().unwrap())
    }

    pub(super) fn postgres() -> Database {
        let server = Postgres::start().unwrap();
        let url = server.database().unwrap();
        let _server = Some(server);
        Database::Postgres { url, _server }
    }

    pub(super) fn url(&self) -> String {
        match self {
            Database::File(folder) => format!("sqlite:{}/onething.db", folder.path().display()),
            Database::Postgres { url, .. } => url.clone(),
        }
    }

    pub(super) async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    pub(super) async fn try_open(&self) -> Result<Store, Error> {
        Store::connect(&self.url(), masters()).await
    }

    /// Lets events be changed, as nobody may.
    pub(super) async fn unlock_events(&self) {
        self.sql(match self {
            Database::File(_) => "DROP TRIGGER events_stay; DROP TRIGGER events_are_kept",
            Database::Postgres { .. } => "ALTER TABLE events DISABLE TRIGGER USER",
        })
        .await;
    }

    /// Behind the store's back.
    pub(super) async fn sql(&self, statements: &'static str) {
        sqlx::any::install_default_drivers();
        let url = self.url()
            + if matches!(self, Database::File(_)) {
                "?mode=rwc"
            } else {
                ""
            };
        let mut connection = Connection::connect(&url).await.unwrap();
        sqlx::raw_sql(statements)
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    }
}
