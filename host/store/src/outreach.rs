//! Outreach: how far a run has come, and what was offered. An offer is there once however often it
//! is found, and it is there before anybody is told.

use crate::error::{failed, from_json, signed, to_json, unsigned};
use crate::filter::Filter;
use crate::{Connection, Error, ROWS_MAX, Store};
use sqlx::AssertSqlSafe;
use onething_contract::Offer;

/// A run and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutreachRun {
    /// What is gone over, for what, as of when: the same again is the same run.
    pub id: String,
    /// The key of the register that was gone over last.
    pub done_to: Option<String>,
    /// Gone over so far.
    pub subjects: u64,
    /// New ones so far.
    pub offers: u64,
    /// Every subject was gone over, RFC 3339.
    pub ended_at: Option<String>,
}

/// An offer to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOffer {
    /// As the bundle made it.
    pub offer: Offer,
    /// What it comes to.
    pub fen: Option<u64>,
}

/// An offer and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferRow {
    /// Its number.
    pub n: u64,
    /// The matter.
    pub matter: String,
    /// GB/T 2260.
    pub region: String,
    /// As the bundle made it.
    pub offer: Offer,
    /// When it was found, RFC 3339.
    pub at: String,
    /// Those it is for were told, and its case was opened or refused.
    pub done: bool,
    /// The case that the host opened from it.
    pub case_id: Option<String>,
    /// Why it opened none, JSON.
    pub refused: Option<String>,
}

/// Which offers are wanted; `None` is any.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfferFilter<'a> {
    /// Of a matter.
    pub matter: Option<&'a str>,
    /// To a subject.
    pub subject: Option<&'a str>,
    /// Behind this number.
    pub after: Option<u64>,
}

type RunColumns = (String, Option<String>, i64, i64, Option<String>);
type OfferColumns = (
    i64,
    String,
    String,
    String,
    String,
    i64,
    Option<String>,
    Option<String>,
);

impl Store {
    /// The run of this id, begun now where there is none.
    pub async fn outreach_run(&self, id: &str, at: &str) -> Result<OutreachRun, Error> {
        let data = (id.to_owned(), at.to_owned());
        let run: RunColumns = self
            .write("begin an outreach run", data, |(id, at), connection| {
                Box::pin(async move {
                    sqlx::query_as(
                        "INSERT INTO outreach_runs (id, started_at) VALUES ($1, $2)
                         ON CONFLICT (id) DO UPDATE SET id = excluded.id
                         RETURNING id, done_to, subjects, offers, ended_at",
                    )
                    .bind(id)
                    .bind(at)
                    .fetch_one(connection)
                    .await
                    .map_err(failed("begin an outreach run"))
                })
            })
            .await?;
        let (id, done_to, subjects, offers, ended_at) = run;
        Ok(OutreachRun {
            id,
            done_to,
            subjects: unsigned(subjects, "the subjects of a run")?,
            offers: unsigned(offers, "the offers of a run")?,
            ended_at,
        })
    }

    /// A batch was gone over: its offers and the place that the run has come to, in one transaction.
    /// Answers how many of the offers are new.
    pub async fn keep_offers(
        &self,
        run: &OutreachRun,
        matter: &str,
        region: &str,
        offers: &[NewOffer],
        at: &str,
    ) -> Result<u64, Error> {
        let batch = Batch {
            run: run.clone(),
            matter: matter.to_owned(),
            region: region.to_owned(),
            offers: offers.to_vec(),
            at: at.to_owned(),
        };
        self.write("keep offers", batch, |batch, connection| {
            Box::pin(batch.keep(connection))
        })
        .await
    }

    /// Offers of a matter that nobody was told of yet, of whatever run, behind a number, in the order
    /// they were found.
    pub async fn offers_to_do(
        &self,
        matter: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<OfferRow>, Error> {
        let rows: Vec<OfferColumns> = sqlx::query_as(
            "SELECT n, matter, region, body, at, done, case_id, refused FROM offers
             WHERE matter = $1 AND done = 0 AND n > $2 ORDER BY n LIMIT $3",
        )
        .bind(matter)
        .bind(signed(after))
        .bind(i64::from(limit.min(ROWS_MAX)))
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list offers to do"))?;
        rows.into_iter().map(offer).collect()
    }

    /// Those an offer is for were told, and this became of its answers.
    pub async fn offer_done(
        &self,
        n: u64,
        case_id: Option<&str>,
        refused: Option<&str>,
    ) -> Result<(), Error> {
        let data = (signed(n), case_id.map(str::to_owned), refused.map(str::to_owned));
        let operation = "note what became of an offer";
        self.write(operation, data, |(n, case_id, refused), connection| {
            Box::pin(async move {
                sqlx::query("UPDATE offers SET done = 1, case_id = $2, refused = $3 WHERE n = $1")
                    .bind(n)
                    .bind(case_id)
                    .bind(refused)
                    .execute(connection)
                    .await
                    .map_err(failed("note what became of an offer"))?;
                Ok(())
            })
        })
        .await
    }

    /// Offers, in the order they were found.
    pub async fn offers(
        &self,
        filter: OfferFilter<'_>,
        limit: u32,
    ) -> Result<Vec<OfferRow>, Error> {
        let select = "SELECT n, matter, region, body, at, done, case_id, refused FROM offers";
        let query = Filter::new(select)
            .and("matter =", filter.matter)?
            .and("subject =", filter.subject)?
            .and("n >", filter.after.map(signed))?
            .order("n", limit.min(ROWS_MAX))?;
        let rows: Vec<OfferColumns> =
            sqlx::query_as_with(AssertSqlSafe(query.sql), query.arguments)
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list offers"))?;
        rows.into_iter().map(offer).collect()
    }
}

/// Subjects that were gone over, and what was found.
struct Batch {
    run: OutreachRun,
    matter: String,
    region: String,
    offers: Vec<NewOffer>,
    at: String,
}

impl Batch {
    async fn keep(&self, connection: &mut Connection) -> Result<u64, Error> {
        let mut new = 0;
        for offer in &self.offers {
            new += u64::from(self.keep_offer(connection, offer).await?);
        }
        sqlx::query(
            "UPDATE outreach_runs SET done_to = $2, subjects = $3, offers = $4, ended_at = $5
             WHERE id = $1",
        )
        .bind(&self.run.id)
        .bind(&self.run.done_to)
        .bind(signed(self.run.subjects))
        .bind(signed(self.run.offers + new))
        .bind(&self.run.ended_at)
        .execute(connection)
        .await
        .map_err(failed("keep offers"))?;
        Ok(new)
    }

    /// False where it is kept already. Looked for first: an offer that meets itself would cost a
    /// number.
    async fn keep_offer(
        &self,
        connection: &mut Connection,
        NewOffer { offer, fen }: &NewOffer,
    ) -> Result<bool, Error> {
        let operation = "keep offers";
        let kept: Option<i64> = sqlx::query_scalar(
            "INSERT INTO offers (run, matter, region, subject, code, occasion, fen, body, at)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
             WHERE NOT EXISTS (SELECT 1 FROM offers WHERE matter = $2 AND subject = $4
                                                      AND code = $5 AND occasion = $6)
             ON CONFLICT (matter, subject, code, occasion) DO NOTHING
             RETURNING n",
        )
        .bind(&self.run.id)
        .bind(&self.matter)
        .bind(&self.region)
        .bind(&offer.subject.identifier)
        .bind(&offer.code)
        .bind(&offer.occasion)
        .bind(fen.map(signed))
        .bind(to_json(offer, "an offer")?)
        .bind(&self.at)
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed(operation))?;
        let Some(n) = kept else { return Ok(false) };
        for (name, value) in &offer.counted_by {
            sqlx::query("INSERT INTO offer_groups (offer, name, value) VALUES ($1, $2, $3)")
                .bind(n)
                .bind(name)
                .bind(value)
                .execute(&mut *connection)
                .await
                .map_err(failed(operation))?;
        }
        Ok(true)
    }
}

fn offer(
    (n, matter, region, body, at, done, case_id, refused): OfferColumns,
) -> Result<OfferRow, Error> {
    Ok(OfferRow {
        n: unsigned(n, "the number of an offer")?,
        offer: from_json(&body, &format!("offer {n}"))?,
        matter,
        region,
        at,
        done: done != 0,
        case_id,
        refused,
    })
}
