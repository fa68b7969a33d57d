//! Outreach: how far a run has come, and what was offered. An offer is there once however often it
//! is found, and it is there before anybody is told.

use crate::backend::joined;
use crate::error::{failed, signed, to_json, unsigned};
use crate::filter::Filter;
use crate::keyring::{self, Keyring};
use crate::read::{opened, text};
use crate::vault::DataKey;
use crate::{Connection, Error, ROWS_MAX, Store};
use onething_contract::Offer;
use sqlx::AssertSqlSafe;

/// A run and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutreachRun {
    /// What is gone over, for what, as of when: the same again is the same run.
    pub id: String,
    /// The key of the register that was gone over last; none when all were.
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

type RunColumns = (String, Option<Vec<u8>>, i64, i64, Option<String>);
type OfferColumns = (
    i64,
    String,
    String,
    Vec<u8>,
    String,
    String,
    Vec<u8>,
    String,
    i64,
    Option<String>,
    Option<Vec<u8>>,
);

/// Without those that were erased.
const SELECT_OFFERS: &str =
    "SELECT n, matter, region, subject, code, occasion, body, at, done, case_id,
        refused
 FROM offers WHERE body IS NOT NULL";

/// Where an offer lies. Its number is not known yet when it is closed.
fn place(matter: &str, code: &str, occasion: &str) -> String {
    format!("offer/{matter}/{code}/{occasion}")
}

fn place_of_refusal(n: i64) -> String {
    format!("offer-refused/{n}")
}

fn place_of_run(id: &str) -> String {
    format!("outreach-run/{id}")
}

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
        let done_to = done_to.map(|closed| {
            let open = self.keyring.host().open(&place_of_run(&id), &closed)?;
            text(open, "an outreach run")
        });
        Ok(OutreachRun {
            done_to: done_to.transpose()?,
            id,
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
            keyring: self.keyring.clone(),
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
        let sql = joined(format!(
            "{SELECT_OFFERS} AND matter = $1 AND done = 0 AND n > $2 ORDER BY n LIMIT $3"
        ));
        let rows: Vec<OfferColumns> = sqlx::query_as(sql)
            .bind(matter)
            .bind(signed(after))
            .bind(i64::from(limit.min(ROWS_MAX)))
            .fetch_all(&self.readers)
            .await
            .map_err(failed("list offers to do"))?;
        self.opened_offers(rows).await
    }

    /// Those an offer is for were told, and this became of its answers.
    pub async fn offer_done(
        &self,
        n: u64,
        case_id: Option<&str>,
        refused: Option<&str>,
    ) -> Result<(), Error> {
        let done = OfferDone {
            keyring: self.keyring.clone(),
            n: signed(n),
            case_id: case_id.map(str::to_owned),
            refused: refused.map(str::to_owned),
        };
        self.write("note what became of an offer", done, |done, connection| {
            Box::pin(done.note(connection))
        })
        .await
    }

    /// Offers, in the order they were found.
    pub async fn offers(
        &self,
        filter: OfferFilter<'_>,
        limit: u32,
    ) -> Result<Vec<OfferRow>, Error> {
        let subject = filter.subject.map(|subject| self.keyring.subject(subject));
        let query = Filter::new(SELECT_OFFERS)
            .and("matter =", filter.matter)?
            .and("subject =", subject)?
            .and("n >", filter.after.map(signed))?
            .order("n", limit.min(ROWS_MAX))?;
        let rows: Vec<OfferColumns> =
            sqlx::query_as_with(AssertSqlSafe(query.sql), query.arguments)
                .fetch_all(&self.readers)
                .await
                .map_err(failed("list offers"))?;
        self.opened_offers(rows).await
    }

    /// Those whose subject was not erased meanwhile.
    async fn opened_offers(&self, rows: Vec<OfferColumns>) -> Result<Vec<OfferRow>, Error> {
        let operation = "read the keys of offers";
        let connection = self.readers.acquire().await;
        let mut connection = connection.map_err(failed(operation))?;
        let mut offers = Vec::with_capacity(rows.len());
        for columns in rows {
            let scope = keyring::of_subject(&columns.3);
            if let Some(key) = self.keyring.find(&mut connection, &scope).await? {
                offers.push(offer(&key, columns)?);
            }
        }
        Ok(offers)
    }
}

/// What became of an offer.
struct OfferDone {
    keyring: Keyring,
    n: i64,
    case_id: Option<String>,
    refused: Option<String>,
}

impl OfferDone {
    async fn note(&self, connection: &mut Connection) -> Result<(), Error> {
        let operation = "note what became of an offer";
        let refused = match &self.refused {
            Some(refused) => self.close(connection, refused).await?,
            None => None,
        };
        sqlx::query("UPDATE offers SET done = 1, case_id = $2, refused = $3 WHERE n = $1")
            .bind(self.n)
            .bind(&self.case_id)
            .bind(refused)
            .execute(connection)
            .await
            .map_err(failed(operation))?;
        Ok(())
    }

    /// `None` where there is no such offer, or it was erased.
    async fn close(
        &self,
        connection: &mut Connection,
        refused: &str,
    ) -> Result<Option<Vec<u8>>, Error> {
        let subject: Option<Option<Vec<u8>>> =
            sqlx::query_scalar("SELECT subject FROM offers WHERE n = $1")
                .bind(self.n)
                .fetch_optional(&mut *connection)
                .await
                .map_err(failed("read the subject of an offer"))?;
        let Some(subject) = subject.flatten() else {
            return Ok(None);
        };
        let scope = keyring::of_subject(&subject);
        let key = self.keyring.find(connection, &scope).await?;
        key.map(|key| key.close(&place_of_refusal(self.n), refused.as_bytes()))
            .transpose()
    }
}

/// Subjects that were gone over, and what was found.
struct Batch {
    keyring: Keyring,
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
        let done_to = self
            .run
            .done_to
            .as_ref()
            .filter(|_| self.run.ended_at.is_none());
        let place = place_of_run(&self.run.id);
        let close = |key: &String| self.keyring.host().close(&place, key.as_bytes());
        sqlx::query(
            "UPDATE outreach_runs SET done_to = $2, subjects = $3, offers = $4, ended_at = $5
             WHERE id = $1",
        )
        .bind(&self.run.id)
        .bind(done_to.map(close).transpose()?)
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
        let subject = self.keyring.subject(&offer.subject.identifier);
        let scope = keyring::of_subject(&subject);
        let key = self.keyring.find_or_make(connection, &scope).await?;
        let place = place(&self.matter, &offer.code, &offer.occasion);
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
        .bind(subject)
        .bind(&offer.code)
        .bind(&offer.occasion)
        .bind(fen.map(signed))
        .bind(key.close(&place, to_json(offer, "an offer")?.as_bytes())?)
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

fn offer(key: &DataKey, columns: OfferColumns) -> Result<OfferRow, Error> {
    let (n, matter, region, _, code, occasion, body, at, done, case_id, refused) = columns;
    let refused = refused.map(|closed| text(key.open(&place_of_refusal(n), &closed)?, "an offer"));
    Ok(OfferRow {
        n: unsigned(n, "the number of an offer")?,
        offer: opened(key, &place(&matter, &code, &occasion), &body)?,
        matter,
        region,
        at,
        done: done != 0,
        case_id,
        refused: refused.transpose()?,
    })
}
