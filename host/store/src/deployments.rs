//! What was ever deployed and put in force: a bundle's row beside its bytes, and a log of
//! activations that is only added to. A rollback is an activation's cancellation, itself an entry.
//!
//! The last number of the log is the deployment's generation: a host that has seen it has nothing
//! new to look for.

use crate::error::{failed, signed, unsigned};
use crate::{Connection, Error, Store, count};

/// A bundle that was deployed; it stays, whatever is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleRow {
    /// SHA-256 of the component, hex; its bytes are the blob of that name.
    pub digest: String,
    /// What it is for.
    pub matter: String,
    /// As its manifest says.
    pub version: String,
    /// The first day of the law that it implements, `2025-01-01`.
    pub since: String,
    /// The day before which that law ends.
    pub until: Option<String>,
    /// RFC 3339.
    pub deployed_at: String,
    /// By whom.
    pub deployed_by: String,
}

/// A bundle to be put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewActivation {
    /// The first legal date that it is taken for, `2025-01-01`.
    pub from_day: String,
    /// RFC 3339.
    pub at: String,
    /// By whom.
    pub by: String,
}

/// An entry of the log that puts a bundle in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivationRow {
    /// Its place in the log.
    pub n: u64,
    /// Which bundle.
    pub bundle: BundleRow,
    /// The first legal date that it is taken for.
    pub from_day: String,
    /// RFC 3339.
    pub at: String,
    /// By whom.
    pub by: String,
    /// When and by whom it was taken back.
    pub cancelled: Option<(String, String)>,
}

/// How a rollback came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rollback {
    /// This activation stands no more.
    Cancelled(Box<ActivationRow>),
    /// Nothing stands before the last activation: it stands still.
    NothingEarlier,
    /// The matter has no activation that stands.
    Unknown,
}

/// Counted first in every transaction that adds to the log: whoever has the number is alone until the
/// transaction ends, so that entries become visible in the order of their numbers.
const COUNTER: &str = "activations";

const ACTIVATIONS: &str = "SELECT a.n, a.from_day, a.at, a.by, c.at, c.by,
            b.digest, b.matter, b.version, b.since, b.until, b.deployed_at, b.deployed_by
     FROM activations a
     JOIN bundles b ON b.digest = a.digest
     LEFT JOIN activations c ON c.cancels = a.n
     WHERE a.cancels IS NULL";

impl Store {
    /// The number of the last entry of the log of activations; 0 where there is none.
    pub async fn generation(&self) -> Result<u64, Error> {
        let n: Option<i64> = sqlx::query_scalar("SELECT max(n) FROM activations")
            .fetch_one(&self.readers)
            .await
            .map_err(failed("read the generation of the bundles"))?;
        unsigned(n.unwrap_or(0), "the generation of the bundles")
    }

    /// Keeps the row of a bundle whose bytes are kept, and puts it in force; false where it is what
    /// was put in force last, from the same day.
    pub async fn activate(
        &self,
        bundle: &BundleRow,
        activation: &NewActivation,
    ) -> Result<bool, Error> {
        let data = (bundle.clone(), activation.clone());
        self.write(
            "put a bundle in force",
            data,
            |(bundle, new), connection| {
                Box::pin(async move {
                    let n = count(COUNTER, connection).await?;
                    keep(connection, bundle).await?;
                    let last = standing(connection, Some(&bundle.matter)).await?.pop();
                    let is_same = |last: &ActivationRow| {
                        last.bundle.digest == bundle.digest && last.from_day == new.from_day
                    };
                    if last.as_ref().is_some_and(is_same) {
                        return Ok(false);
                    }
                    add(connection, n, bundle, new, None).await?;
                    Ok(true)
                })
            },
        )
        .await
    }

    /// As [`Store::activate`] for a bundle that was never deployed; false where it was, even if it
    /// has been rolled back since.
    pub async fn activate_unknown(
        &self,
        bundle: &BundleRow,
        activation: &NewActivation,
    ) -> Result<bool, Error> {
        let data = (bundle.clone(), activation.clone());
        let operation = "put a new bundle in force";
        self.write(operation, data, |(bundle, new), connection| {
            Box::pin(async move {
                let n = count(COUNTER, connection).await?;
                let is_new = keep(connection, bundle).await?;
                if is_new {
                    add(connection, n, bundle, new, None).await?;
                }
                Ok(is_new)
            })
        })
        .await
    }

    /// Takes back the last activation of a matter that stands, where another stands before it.
    pub async fn roll_back(&self, matter: &str, at: &str, by: &str) -> Result<Rollback, Error> {
        let data = (matter.to_owned(), at.to_owned(), by.to_owned());
        self.write(
            "roll a bundle back",
            data,
            |(matter, at, by), connection| {
                Box::pin(async move {
                    let n = count(COUNTER, connection).await?;
                    let mut standing = standing(connection, Some(matter)).await?;
                    let Some(mut last) = standing.pop() else {
                        return Ok(Rollback::Unknown);
                    };
                    if standing.is_empty() {
                        return Ok(Rollback::NothingEarlier);
                    }
                    let new = NewActivation {
                        from_day: last.from_day.clone(),
                        at: at.clone(),
                        by: by.clone(),
                    };
                    add(connection, n, &last.bundle, &new, Some(last.n)).await?;
                    last.cancelled = Some((new.at, new.by));
                    Ok(Rollback::Cancelled(Box::new(last)))
                })
            },
        )
        .await
    }

    /// Every activation, of one matter or of all, in the order of the log; the cancelled ones too.
    pub async fn activations(&self, matter: Option<&str>) -> Result<Vec<ActivationRow>, Error> {
        let operation = "list what was put in force";
        let mut reader = self.readers.acquire().await.map_err(failed(operation))?;
        let mut rows = activations(&mut reader, "", None, operation).await?;
        rows.retain(|row| matter.is_none_or(|matter| row.bundle.matter == matter));
        Ok(rows)
    }

    /// The activations that stand, of one matter or of all, in the order of the log.
    pub async fn standing(&self, matter: Option<&str>) -> Result<Vec<ActivationRow>, Error> {
        let reader = self.readers.acquire().await;
        let mut reader = reader.map_err(failed("list what is in force"))?;
        standing(&mut reader, matter).await
    }

    /// Whether a bundle was ever deployed.
    pub async fn has_bundle(&self, digest: &str) -> Result<bool, Error> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM bundles WHERE digest = $1")
            .bind(digest)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed("look for a bundle"))?;
        Ok(found.is_some())
    }

    /// How many open cases there are of each bundle, by digest.
    pub async fn open_cases(&self) -> Result<Vec<(String, u64)>, Error> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT digest, count(*) FROM cases WHERE ended_at IS NULL GROUP BY digest ORDER BY digest",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(failed("count the open cases of each bundle"))?;
        rows.into_iter()
            .map(|(digest, count)| Ok((digest, unsigned(count, "a count of cases")?)))
            .collect()
    }
}

/// Whether it was not kept before.
async fn keep(connection: &mut Connection, bundle: &BundleRow) -> Result<bool, Error> {
    let kept = sqlx::query(
        "INSERT INTO bundles (digest, matter, version, since, until, deployed_at, deployed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (digest) DO NOTHING",
    )
    .bind(&bundle.digest)
    .bind(&bundle.matter)
    .bind(&bundle.version)
    .bind(&bundle.since)
    .bind(&bundle.until)
    .bind(&bundle.deployed_at)
    .bind(&bundle.deployed_by)
    .execute(connection)
    .await
    .map_err(failed("keep the row of a bundle"))?;
    Ok(kept.rows_affected() > 0)
}

async fn add(
    connection: &mut Connection,
    n: i64,
    bundle: &BundleRow,
    activation: &NewActivation,
    cancels: Option<u64>,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO activations (n, matter, digest, from_day, at, by, cancels)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(n)
    .bind(&bundle.matter)
    .bind(&bundle.digest)
    .bind(&activation.from_day)
    .bind(&activation.at)
    .bind(&activation.by)
    .bind(cancels.map(signed))
    .execute(connection)
    .await
    .map_err(failed("add to the log of activations"))?;
    Ok(())
}

async fn standing(
    connection: &mut Connection,
    matter: Option<&str>,
) -> Result<Vec<ActivationRow>, Error> {
    let which = match matter {
        Some(_) => " AND c.n IS NULL AND a.matter = $1",
        None => " AND c.n IS NULL",
    };
    activations(connection, which, matter, "list what is in force").await
}

type Columns = (
    i64,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    String,
    String,
    String,
    String,
    Option<String>,
    String,
    String,
);

/// `more` is a fixed piece of the condition.
async fn activations(
    connection: &mut Connection,
    more: &'static str,
    matter: Option<&str>,
    operation: &'static str,
) -> Result<Vec<ActivationRow>, Error> {
    let sql = format!("{ACTIVATIONS}{more} ORDER BY a.n");
    let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
    if let Some(matter) = matter {
        query = query.bind(matter);
    }
    let rows: Vec<Columns> = query
        .fetch_all(connection)
        .await
        .map_err(failed(operation))?;
    rows.into_iter().map(activation).collect()
}

fn activation(columns: Columns) -> Result<ActivationRow, Error> {
    let (
        n,
        from_day,
        at,
        by,
        cancelled_at,
        cancelled_by,
        digest,
        matter,
        version,
        since,
        until,
        deployed_at,
        deployed_by,
    ) = columns;
    Ok(ActivationRow {
        n: unsigned(n, "the number of an activation")?,
        bundle: BundleRow {
            digest,
            matter,
            version,
            since,
            until,
            deployed_at,
            deployed_by,
        },
        from_day,
        at,
        by,
        cancelled: cancelled_at.zip(cancelled_by),
    })
}
