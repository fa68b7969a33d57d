//! What the bank answers to an order: what became of each line. As JSON, or as an ISO 20022 status
//! report (pain.002.001.10), which names lines by their `EndToEndId`.

use super::{end_to_end_id, message_id};
use crate::refusal;
use onething_contract::{PaymentOrder, Refusal, fen, yuan};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

/// What became of each line of an order, in any order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BankAnswer {
    /// Every line of the order, once.
    pub lines: Vec<AnsweredLine>,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AnsweredLine {
    /// As the order names it.
    pub line: String,
    /// Whether the money has arrived.
    pub status: LineStatus,
    /// Why it came back.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Whether the money has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LineStatus {
    /// It has.
    Paid,
    /// It came back.
    Returned,
}

/// An answer that fits its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What the bundle hears: `{"lines", "paid", "returned"}`, the lines as the order has them.
    pub settlement: String,
    /// Fen.
    pub paid: u64,
    /// Fen.
    pub returned: u64,
}

impl BankAnswer {
    /// Some lines returned, by line and reason, all others paid.
    pub fn returning(order: &PaymentOrder, returned: &BTreeMap<String, String>) -> BankAnswer {
        let lines = order.lines.iter().map(|line| {
            let reason = returned.get(&line.line);
            AnsweredLine {
                line: line.line.clone(),
                status: reason.map_or(LineStatus::Paid, |_| LineStatus::Returned),
                reason: reason.cloned(),
            }
        });
        BankAnswer {
            lines: lines.collect(),
        }
    }

    /// Whether it says of each line of the order what became of it, once.
    ///
    /// # Errors
    /// Refused, naming the line that is unknown, twice, missing, or returned without a reason.
    pub fn of(&self, order: &PaymentOrder) -> Result<Answered, Refusal> {
        let ordered: BTreeSet<&str> = order.lines.iter().map(|line| line.line.as_str()).collect();
        let mut answers = BTreeMap::new();
        for answer in &self.lines {
            let line = &answer.line;
            if !ordered.contains(line.as_str()) {
                return Err(wrong_line(
                    line,
                    "不在该笔拨付中",
                    "is not one of the payment's",
                ));
            }
            let reason = answer.reason.as_deref().unwrap_or_default();
            if answer.status == LineStatus::Returned && reason.trim().is_empty() {
                return Err(wrong_line(
                    line,
                    "退回未说明原因",
                    "is returned without a reason",
                ));
            }
            if answers.insert(line.as_str(), answer).is_some() {
                return Err(wrong_line(line, "列了两次", "is listed twice"));
            }
        }
        let (mut paid, mut returned) = (0, 0);
        let mut lines = Vec::with_capacity(order.lines.len());
        for ordered in &order.lines {
            let Some(answer) = answers.get(ordered.line.as_str()) else {
                return Err(wrong_line(
                    &ordered.line,
                    "没有回执",
                    "has no answer: one for each line, please",
                ));
            };
            let sum = match answer.status {
                LineStatus::Paid => &mut paid,
                LineStatus::Returned => &mut returned,
            };
            *sum += fen(&ordered.amount).unwrap_or(0);
            lines.push(json!({
                "line": answer.line,
                "status": answer.status,
                "reason": answer.reason.as_ref().filter(|_| answer.status == LineStatus::Returned),
            }));
        }
        let settlement = json!({
            "lines": lines,
            "paid": yuan(paid),
            "returned": yuan(returned),
        });
        Ok(Answered {
            settlement: settlement.to_string(),
            paid,
            returned,
        })
    }

    /// Reads a status report on the order that was sent under the ticket.
    ///
    /// # Errors
    /// Refused where it is no such report, is about another message, or leaves a line open.
    pub fn from_status_report(
        xml: &str,
        ticket: &str,
        order: &PaymentOrder,
    ) -> Result<BankAnswer, Refusal> {
        let expected = message_id(ticket);
        let ids: BTreeMap<String, &str> = order
            .lines
            .iter()
            .enumerate()
            .map(|(index, line)| (end_to_end_id(&expected, index), line.line.as_str()))
            .collect();
        let report = Report::read(xml).map_err(|why| {
            refusal(
                "status-report",
                format!("银行回执不是有效的 pain.002 报文：{why}"),
                format!("this is no pain.002 status report: {why}"),
            )
        })?;
        if report.message_id != expected {
            return Err(refusal(
                "other-message",
                format!("回执针对的报文是 {}，不是 {expected}", report.message_id),
                format!(
                    "the report is about the message {}, not {expected}",
                    report.message_id
                ),
            ));
        }
        let mut lines = Vec::with_capacity(report.transactions.len());
        for transaction in report.transactions {
            let id = &transaction.end_to_end_id;
            let Some(line) = ids.get(id) else {
                return Err(wrong_line(
                    id,
                    "不在该笔拨付中",
                    "is not one of the payment's",
                ));
            };
            let status = match transaction.status.as_str() {
                "ACSC" | "ACCC" => LineStatus::Paid,
                "RJCT" => LineStatus::Returned,
                open => {
                    return Err(wrong_line(
                        line,
                        &format!("状态 {open} 不是最终结果"),
                        &format!("has the status {open}, which is not final"),
                    ));
                }
            };
            lines.push(AnsweredLine {
                line: (*line).to_owned(),
                status,
                reason: Some(transaction.reason).filter(|reason| !reason.is_empty()),
            });
        }
        Ok(BankAnswer { lines })
    }
}

fn wrong_line(line: &str, zh: &str, en: &str) -> Refusal {
    refusal(
        "answer-line",
        format!("回执第 {line} 笔{zh}"),
        format!("line {line} of the answer {en}"),
    )
}

#[derive(Default)]
struct Report {
    message_id: String,
    transactions: Vec<Transaction>,
}

#[derive(Default)]
struct Transaction {
    end_to_end_id: String,
    status: String,
    /// Its code and what the bank adds.
    reason: String,
}

impl Report {
    fn read(xml: &str) -> Result<Report, String> {
        let mut reader = Reader::from_str(xml);
        let mut report = Report::default();
        let mut path: Vec<String> = Vec::new();
        let mut text = String::new();
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(start) => {
                    let name = start.local_name().as_ref().to_owned();
                    if name == "TxInfAndSts" {
                        report.transactions.push(Transaction::default());
                    }
                    path.push(name);
                    text.clear();
                }
                Event::Text(part) => text.push_str(&part),
                Event::CData(part) => text.push_str(&part),
                Event::GeneralRef(reference) => text.push(letter(&reference)?),
                Event::End(_) => {
                    report.take(&path, text.trim());
                    path.pop();
                    text.clear();
                }
                // What an entity declared here stands for could be anything.
                Event::DocType(_) => return Err("a document type is not allowed".to_owned()),
                Event::Eof => break,
                _ => {}
            }
        }
        if !path.is_empty() || report.message_id.is_empty() {
            return Err("OrgnlMsgId is missing".to_owned());
        }
        Ok(report)
    }

    fn take(&mut self, path: &[String], text: &str) {
        let [document, report, path @ ..] = path else {
            return;
        };
        if document != "Document" || report != "CstmrPmtStsRpt" {
            return;
        }
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        if path == ["OrgnlGrpInfAndSts", "OrgnlMsgId"] {
            self.message_id = text.to_owned();
        }
        let ["OrgnlPmtInfAndSts", "TxInfAndSts", path @ ..] = path.as_slice() else {
            return;
        };
        let Some(transaction) = self.transactions.last_mut() else {
            return;
        };
        match path {
            ["OrgnlEndToEndId"] => transaction.end_to_end_id = text.to_owned(),
            ["TxSts"] => transaction.status = text.to_owned(),
            ["StsRsnInf", "Rsn", "Cd" | "Prtry"] | ["StsRsnInf", "AddtlInf"] => {
                if !transaction.reason.is_empty() {
                    transaction.reason.push(' ');
                }
                transaction.reason.push_str(text);
            }
            _ => {}
        }
    }
}

/// A character reference, or one of XML's own five entities.
fn letter(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, String> {
    if let Some(letter) = reference
        .resolve_char_ref()
        .map_err(|error| error.to_string())?
    {
        return Ok(letter);
    }
    match reference.deref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        other => Err(format!("the entity {other} is unknown")),
    }
}
