//! Money of cases: payments to the bank and its answers, and lines of cases that wait for a budget.

use crate::asked::{NAME_CHARS_MAX, check_text};
use crate::effects::{failed, refusal};
use crate::engine::{Case, Engine, refuse, stamp};
use crate::error::{Error, chain};
use crate::sandbox::beside;
use chrono::{DateTime, FixedOffset};
use onething_capabilities::{BankAnswer, PaymentFile, is_cnaps};
use onething_case::{Command, State};
use onething_contract::{
    Effect, Finding, Json, PaymentOrder, Refusal, Settlement, Severity, Text, fen, yuan,
};
use onething_store::{
    CommitError, EffectRow, EffectStatus, NewBudget, ReservationRow, SentPayment,
};
use serde_json::json;

/// Characters of an account (Max34Text of ISO 20022).
const ACCOUNT_CHARS_MAX: usize = 34;

impl Engine {
    /// Hands an order to the bank. `None` where it is there now and settles with the bank's answer.
    pub(crate) async fn pay(
        &self,
        row: &EffectRow,
        case: &Case,
        order: &PaymentOrder,
        at: &str,
    ) -> Result<Option<Refusal>, Error> {
        let (ticket, budget) = (&row.intent.ticket, &order.budget);
        let Some(opened) = self.store.budget(budget).await? else {
            return Ok(Some(refusal(
                "unknown-budget",
                format!("没有预算 {budget}"),
                format!("there is no budget {budget}"),
            )));
        };
        // Before the file: the bank pays what it finds.
        let wanted = order
            .lines
            .iter()
            .filter_map(|line| fen(&line.amount))
            .sum();
        let held = self.store.reservations(&row.case_id).await?;
        let held = held.iter().find(|reserved| reserved.budget == *budget);
        let reserved = held.map_or(0, |held| held.reserved);
        if reserved < wanted {
            return Ok(Some(not_reserved(budget, reserved, wanted)));
        }
        let asked = case.events.iter().find(|event| event.n == row.event);
        let asked_at = asked.map(|event| event.at.clone()).unwrap_or_default();
        let payments = self.folders.payments.clone();
        let (key, order, claim) = (ticket.clone(), order.clone(), row.claim);
        let written = beside(move || {
            let file = PaymentFile {
                ticket: &key,
                asked_at: &asked_at,
                holder: &opened.budget.holder,
                account: &opened.budget.account,
                bank: opened.budget.bank.as_deref(),
                order: &order,
            };
            payments.prepare(&file, claim)
        })
        .await?;
        let total = match written.map_err(failed(ticket))? {
            Ok(total) => total,
            Err(refusal) => return Ok(Some(refusal)),
        };
        self.store.reach("effect.applied")?;
        let sent = SentPayment {
            case_id: row.case_id.clone(),
            ticket: ticket.clone(),
            claim: row.claim,
            budget: budget.clone(),
            fen: total,
            at: at.to_owned(),
        };
        let sent = self.store.send_payment(&sent);
        sent.await.map_err(|error| match error {
            CommitError::Fenced { ticket } => Error::Overtaken { ticket },
            error => failed(ticket)(error),
        })?;
        let handed = self.folders.payments.hand_over(ticket, row.claim);
        handed.map_err(failed(ticket))?;
        Ok(None)
    }

    /// Orders that were noted as sent by somebody who was gone before the bank had them go to it now;
    /// what nobody will hand over any more is taken back.
    pub(crate) async fn hand_over_prepared(&self) -> Result<usize, Error> {
        let payments = &self.folders.payments;
        let prepared = payments
            .prepared()
            .map_err(failed(&"of any case".to_owned()))?;
        let mut handed = 0;
        for (ticket, claim) in prepared {
            let row = self.store.effect(&ticket).await?;
            let status = row.filter(|row| row.claim == claim).map(|row| row.status);
            let done = match status {
                Some(EffectStatus::Pending) => continue, // whoever prepared it is at it
                Some(EffectStatus::Sent) => payments.hand_over(&ticket, claim),
                _ => payments.discard(&ticket, claim),
            };
            done.map_err(failed(&ticket))?;
            handed += 1;
        }
        Ok(handed)
    }

    /// Opens a budget without money.
    ///
    /// # Errors
    /// Refused where there is one of this name, or a member is not what it must be.
    pub async fn open_budget(
        &self,
        budget: &NewBudget,
        now: DateTime<FixedOffset>,
    ) -> Result<(), Error> {
        check_text("name", &budget.name, NAME_CHARS_MAX)?;
        check_text("title", &budget.title, NAME_CHARS_MAX)?;
        check_text("holder", &budget.holder, NAME_CHARS_MAX)?;
        check_text("account", &budget.account, ACCOUNT_CHARS_MAX)?;
        if budget.bank.as_deref().is_some_and(|bank| !is_cnaps(bank)) {
            return Err(Error::refused(
                "bank-code",
                "开户行行号应为 12 位数字",
                "the bank is a CNAPS code of 12 digits",
            ));
        }
        if self.store.open_budget(budget, &stamp(now)).await? {
            return Ok(());
        }
        let name = &budget.name;
        Err(Error::refused(
            "budget-exists",
            format!("预算 {name} 已经存在"),
            format!("there is a budget {name} already"),
        ))
    }

    /// Gives a budget money, `amount` in yuan, and those their turn who wait for it.
    ///
    /// # Errors
    /// Where there is no such budget; refused where the amount is none.
    pub async fn fund(
        &self,
        budget: &str,
        amount: &str,
        by: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<(), Error> {
        check_text("by", by, NAME_CHARS_MAX)?;
        let Some(fen) = fen(amount).filter(|fen| *fen > 0) else {
            return Err(Error::refused(
                "amount",
                "金额应为正数并保留两位小数，如 1000.00",
                "the amount must be above zero with two places, 1000.00",
            ));
        };
        let at = stamp(now);
        match self.store.fund(budget, fen, by, &at).await {
            Ok(()) => {}
            Err(CommitError::UnknownBudget { budget }) => {
                return Err(Error::Unknown {
                    what: "budget",
                    name: budget,
                });
            }
            Err(error) => return Err(refuse(error)),
        }
        // Whose turn it is now is seen to by a worker: the money is given, whatever becomes of that.
        self.wake();
        Ok(())
    }

    /// A status report of the bank's (ISO 20022, pain.002.001.10) as its answer to a payment.
    ///
    /// # Errors
    /// Where there is no such payment, it is not sent yet, or it is answered already; refused where
    /// this is no report about it, or a line of it is not final.
    pub async fn status_report(&self, ticket: &str, xml: &str) -> Result<BankAnswer, Error> {
        let (_, order) = self.sent(ticket).await?;
        BankAnswer::from_status_report(xml, ticket, &order).map_err(Error::Refused)
    }

    /// The bank has answered a payment, line by line.
    ///
    /// # Errors
    /// As [`Engine::status_report`]; refused where a line is unknown, missing or twice.
    pub async fn bank_answer(
        &self,
        ticket: &str,
        answer: &BankAnswer,
        now: DateTime<FixedOffset>,
    ) -> Result<Case, Error> {
        let (row, order) = self.sent(ticket).await?;
        let answered = answer.of(&order).map_err(Error::Refused)?;
        let settlement = Settlement {
            ticket: ticket.to_owned(),
            outcome: Ok(answered.settlement),
        };
        let settle = |_: &State| Ok(Command::Settle(settlement.clone()));
        self.command(&row.case_id, &stamp(now), Vec::new(), settle)
            .await
    }

    async fn sent(&self, ticket: &str) -> Result<(EffectRow, PaymentOrder), Error> {
        let row = self.store.effect(ticket).await?;
        let Some(row) = row else {
            return Err(unknown_payment(ticket));
        };
        let Effect::Payment(order) = &row.intent.effect else {
            return Err(unknown_payment(ticket));
        };
        match row.status {
            EffectStatus::Sent => {
                let order = order.clone();
                Ok((row, order))
            }
            EffectStatus::Pending | EffectStatus::Dead => Err(Error::refused(
                "payment-not-sent",
                format!("拨付 {ticket} 尚未送交银行"),
                format!("payment {ticket} has not gone to the bank yet"),
            )),
            EffectStatus::Done | EffectStatus::Refused => Err(Error::refused(
                "payment-answered",
                format!("拨付 {ticket} 已有结果，不能重复回执"),
                format!("payment {ticket} has its answer already"),
            )),
        }
    }

    /// Gives those their money who wait first for a budget that has it. Answers how many.
    pub(crate) async fn serve_lines(&self, at: &str) -> Result<usize, Error> {
        let mut served = 0;
        loop {
            let mut moved = 0;
            for turn in self.store.in_turn().await? {
                moved += usize::from(self.serve(&turn, at).await?);
            }
            if moved == 0 {
                return Ok(served);
            }
            served += moved;
        }
    }

    /// False where the turn was over before it could be taken.
    async fn serve(&self, turn: &ReservationRow, at: &str) -> Result<bool, Error> {
        let reserve = |_: &State| {
            Ok(Command::Reserve {
                budget: turn.budget.clone(),
            })
        };
        let case_id = &turn.case_id;
        match self.committed(case_id, at, Vec::new(), None, reserve).await {
            Ok(committed) => {
                self.answer(committed).await;
                Ok(true)
            }
            Err(Error::Store(error)) => Err(error.into()),
            Err(error) => {
                tracing::warn!(case = %case_id, error = chain(&error), "a turn was not taken");
                Ok(false)
            }
        }
    }
}

/// What a release gives back, as it settles.
pub(crate) fn released(state: &State, budget: &str) -> Json {
    let left = state.reservation(budget).map(|record| record.reserved());
    json!({ "released": format!("{:.2}", left.unwrap_or_default()) }).to_string()
}

/// Why a budget refuses a round, where it does.
pub(crate) fn no_money(error: &CommitError) -> Option<Finding> {
    let (code, zh, en) = match error {
        CommitError::BudgetShort {
            budget,
            available,
            wanted,
            ahead,
        } => {
            let (available, wanted) = (yuan(*available), yuan(*wanted));
            let (mut zh, mut en) = (
                format!("预算 {budget} 可用 {available} 元，本次需要 {wanted} 元"),
                format!("budget {budget} has {available} yuan, {wanted} are wanted"),
            );
            if *ahead > 0 {
                zh.push_str(&format!("，前面还有 {ahead} 件在排队"));
                en.push_str(&format!("; {ahead} wait in front"));
            }
            ("budget-short", zh, en)
        }
        CommitError::UnknownBudget { budget } => (
            "unknown-budget",
            format!("没有预算 {budget}"),
            format!("there is no budget {budget}"),
        ),
        _ => return None,
    };
    Some(Finding {
        severity: Severity::Error,
        path: String::new(),
        code: code.to_owned(),
        message: Text { zh, en },
        basis: None,
    })
}

fn not_reserved(budget: &str, reserved: u64, wanted: u64) -> Refusal {
    let (reserved, wanted) = (yuan(reserved), yuan(wanted));
    refusal(
        "not-reserved",
        format!("预算 {budget} 为本办件预留 {reserved} 元，不足以拨付 {wanted} 元"),
        format!("budget {budget} holds {reserved} yuan for the case, not the {wanted} to be paid"),
    )
}

fn unknown_payment(ticket: &str) -> Error {
    Error::Unknown {
        what: "payment",
        name: ticket.to_owned(),
    }
}
