//! Effects that nobody tries any more: a person lets them be tried again, or says what became of them.

use crate::asked::{NAME_CHARS_MAX, TEXT_CHARS_MAX, check_text};
use crate::effects::refusal;
use crate::engine::{Case, Engine, stamp};
use crate::error::Error;
use crate::work::LEASE;
use chrono::{DateTime, FixedOffset};
use onething_case::{Command, State};
use onething_contract::{Effect, Settlement};
use onething_store::{EffectRow, EffectStatus, Hand};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What a person says of an effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ByHand {
    /// What became of it.
    pub verdict: Verdict,
    /// Why, and how that is known.
    pub opinion: String,
}

/// What became of an effect, by a person's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = HandVerdict))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The receiver has it; of a notice or a delivery only.
    Done,
    /// It will not be done.
    Refused,
}

impl Engine {
    /// An effect by its ticket.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn effect(&self, ticket: &str) -> Result<EffectRow, Error> {
        let row = self.store.effect(ticket).await?;
        row.ok_or_else(|| Error::Unknown {
            what: "effect",
            name: ticket.to_owned(),
        })
    }

    /// Lets an effect that was given up, or that rests for long, be tried again, at once and as often
    /// as a new one; who did is kept with it.
    ///
    /// # Errors
    /// Refused where it was not given up, and does not rest.
    pub async fn retry_effect(
        &self,
        ticket: &str,
        by: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<EffectRow, Error> {
        check_text("by", by, NAME_CHARS_MAX)?;
        self.effect(ticket).await?;
        let hand = Hand {
            by: by.to_owned(),
            at: stamp(now),
        };
        // What is being worked on is due within a lease.
        let resting_after = now.to_utc() + LEASE;
        let revived = self.store.revive_effect(ticket, &hand, resting_after);
        if !revived.await? {
            return Err(not_dead(ticket));
        }
        tracing::info!(%ticket, "an effect is tried again by an operator's word");
        self.wake();
        self.effect(ticket).await
    }

    /// Settles an effect that was given up by a person's word, which the case keeps.
    ///
    /// # Errors
    /// Refused where it was not given up, where no reason is given, and where a payment or a seal
    /// is said to be done: the bank answers for the one, nobody can make the other by hand.
    pub async fn settle_by_hand(
        &self,
        ticket: &str,
        asked: &ByHand,
        by: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        check_text("by", by, NAME_CHARS_MAX)?;
        check_text("opinion", &asked.opinion, TEXT_CHARS_MAX)?;
        let row = self.effect(ticket).await?;
        if row.status != EffectStatus::Dead {
            return Err(not_dead(ticket));
        }
        let by_nature = matches!(
            row.intent.effect,
            Effect::Notice { .. } | Effect::Delivery { .. }
        );
        let outcome = match asked.verdict {
            Verdict::Done if !by_nature => {
                return Err(Error::refused(
                    "not-done-by-hand",
                    "只有通知和推送可以人工确认已送达；签章、拨付和释放请重试或者确认不再办理",
                    "only a notice or a delivery can be said to be done; retry this one, or say that it is refused",
                ));
            }
            Verdict::Done => Ok(json!({"channel": "by-hand", "by": by}).to_string()),
            Verdict::Refused => Err(refusal(
                "settled-by-hand",
                format!("经人工确认不再办理：{}", asked.opinion),
                format!("an operator settled it: {}", asked.opinion),
            )),
        };
        let settlement = Settlement {
            ticket: ticket.to_owned(),
            outcome,
        };
        let settle = |_: &State| {
            Ok(Command::SettleByHand {
                settlement: settlement.clone(),
                by: by.to_owned(),
                opinion: asked.opinion.clone(),
            })
        };
        // Under its last claim: where somebody had it tried again meanwhile, that goes first.
        let (case_id, claim) = (&row.case_id, Some(row.claim));
        let at = stamp(now);
        let settled = self.committed(case_id, &at, Vec::new(), claim, settle);
        let settled = match settled.await {
            Err(Error::Overtaken { ticket }) => return Err(not_dead(&ticket)),
            settled => settled?,
        };
        Ok(self.answer(settled.clone()).await.unwrap_or(settled))
    }
}

fn not_dead(ticket: &str) -> Error {
    Error::refused(
        "effect-not-dead",
        format!("{ticket} 没有停止重试，不能人工处理"),
        format!("{ticket} is not given up: there is nothing to do by hand"),
    )
}
