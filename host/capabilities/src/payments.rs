//! Payments (拨付): an order to the bank as an ISO 20022 customer credit transfer, pain.001.001.09 in
//! a profile for CNY, one file a ticket: `outgoing/<ticket>.xml`. What the bank answers is read in
//! [`answer`].
//!
//! The bank takes files away, so that a file that is written again would be paid again. An order is
//! therefore prepared where the bank does not look, noted as sent, and handed over by a rename, which
//! happens once.
//!
//! The profile: one `PmtInf` a file, accounts as `Othr`, banks by their CNAPS code, every amount in
//! CNY with two places, `CtrlSum` and `NbOfTxs` at both levels.

pub mod answer;

use crate::files::{TAKEN, checked_name, replace, sync_folder_of};
use crate::{Error, refusal};
use chrono::{DateTime, NaiveDate};
use onething_contract::{Payment, PaymentOrder, Refusal, fen, yuan};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";
/// The clearing system whose member codes are given (ExternalClearingSystemIdentification1Code).
const CLEARING_SYSTEM: &str = "CNAPS";
/// Within the outgoing folder, on the same disk: what is prepared and not handed over.
const PREPARED: &str = ".prepared";
/// Where the standard wants a bank and none is known.
const NOT_PROVIDED: &str = "NOTPROVIDED";
/// Max35Text, less the number of a line: what a ticket may take of an `EndToEndId`.
const STEM_CHARS_MAX: usize = 28;
/// Max140Text: names and purposes.
const TEXT_CHARS_MAX: usize = 140;
/// Max34Text: accounts.
const ACCOUNT_CHARS_MAX: usize = 34;
/// What an `EndToEndId` can still number.
const LINES_MAX: usize = 99_999;

/// The folder that the bank collects from.
#[derive(Debug, Clone)]
pub struct Payments {
    outgoing: PathBuf,
}

/// An order, and out of which account it is paid.
#[derive(Debug, Clone, Copy)]
pub struct PaymentFile<'a> {
    /// The promise it fulfils.
    pub ticket: &'a str,
    /// When it was asked for, RFC 3339: not when it is written, so that it is written twice alike.
    pub asked_at: &'a str,
    /// Whose account it is.
    pub holder: &'a str,
    /// The account.
    pub account: &'a str,
    /// Its bank, a CNAPS code.
    pub bank: Option<&'a str>,
    /// What is paid to whom.
    pub order: &'a PaymentOrder,
}

impl Payments {
    /// Files within `outgoing`, made when first needed.
    pub fn new(outgoing: impl Into<PathBuf>) -> Payments {
        Payments {
            outgoing: outgoing.into(),
        }
    }

    /// Writes the order under the claim of whoever hands it over, whole or not at all; the same
    /// ticket gives the same bytes. Answers its total in fen. Refused where a line cannot be paid,
    /// naming the line.
    pub fn prepare(
        &self,
        file: &PaymentFile<'_>,
        claim: u64,
    ) -> Result<Result<u64, Refusal>, Error> {
        let path = self.prepared_path(file.ticket, claim)?;
        let total = match check(file.order) {
            Ok(total) => total,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // A store that was brought back from an earlier day does not know that the bank has it.
        if !self.has_bank(file.ticket) {
            let bytes = document(file, total).map_err(Error::io("write", &path))?;
            replace(&path, &bytes)?;
        }
        Ok(Ok(total))
    }

    /// The bank has the order, as far as its folder says: it lies there, or in `taken` within it,
    /// where a bank may leave what it has taken.
    fn has_bank(&self, ticket: &str) -> bool {
        let file = format!("{ticket}.xml");
        let places = [
            self.outgoing.join(&file),
            self.outgoing.join(TAKEN).join(&file),
        ];
        places.iter().any(|place| place.exists())
    }

    /// Lets the bank have what was prepared, once: whoever comes second finds nothing to hand over.
    pub fn hand_over(&self, ticket: &str, claim: u64) -> Result<(), Error> {
        let path = self.prepared_path(ticket, claim)?;
        let outgoing = self.outgoing.join(format!("{ticket}.xml"));
        match fs::rename(&path, &outgoing) {
            Ok(()) => sync_folder_of(&outgoing),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io("hand over", &path)(error)),
        }
    }

    /// Takes back what was prepared and is not to be handed over.
    pub fn discard(&self, ticket: &str, claim: u64) -> Result<(), Error> {
        let path = self.prepared_path(ticket, claim)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// What is prepared and not handed over, ticket and claim.
    pub fn prepared(&self) -> Result<Vec<(String, u64)>, Error> {
        let folder = self.outgoing.join(PREPARED);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("read", &folder)(error)),
        };
        let mut prepared = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            prepared.extend(named(&path));
        }
        prepared.sort();
        Ok(prepared)
    }

    fn prepared_path(&self, ticket: &str, claim: u64) -> Result<PathBuf, Error> {
        let ticket = checked_name(ticket)?;
        Ok(self
            .outgoing
            .join(PREPARED)
            .join(format!("{ticket}.{claim}.xml")))
    }
}

/// Ticket and claim of a prepared file; drafts are none.
fn named(path: &Path) -> Option<(String, u64)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".xml")?;
    let (ticket, claim) = name.rsplit_once('.')?;
    Some((ticket.to_owned(), claim.parse().ok()?))
}

/// The name of a ticket's message at the bank (`MsgId`).
pub fn message_id(ticket: &str) -> String {
    if ticket.len() <= STEM_CHARS_MAX {
        return ticket.to_owned();
    }
    let mut hash = hex::encode(Sha256::digest(ticket));
    hash.truncate(STEM_CHARS_MAX);
    hash
}

/// The name of an order's line at the bank (`EndToEndId`); `index` from 0.
fn end_to_end_id(message_id: &str, index: usize) -> String {
    format!("{message_id}-{}", index + 1)
}

/// The order's total in fen, if every line can be written as the standard wants it.
fn check(order: &PaymentOrder) -> Result<u64, Refusal> {
    if order.lines.is_empty() || order.lines.len() > LINES_MAX {
        return Err(refusal(
            "payment-lines",
            format!("一次拨付应有 1 至 {LINES_MAX} 笔"),
            format!("an order has 1 to {LINES_MAX} lines"),
        ));
    }
    if order.execute_on.parse::<NaiveDate>().is_err() {
        return Err(refusal(
            "payment-date",
            format!("付款日期 {} 无效", order.execute_on),
            format!("{} is no date to pay on", order.execute_on),
        ));
    }
    let letters = order.category.bytes().all(|byte| byte.is_ascii_uppercase());
    if order.category.len() != 4 || !letters {
        return Err(refusal(
            "payment-category",
            format!("付款类别 {} 无效", order.category),
            format!(
                "{} is no ISO 20022 category purpose of four letters",
                order.category
            ),
        ));
    }
    let mut seen = BTreeSet::new();
    let mut total = 0;
    for line in &order.lines {
        if !seen.insert(line.line.as_str()) {
            return Err(unpayable(line, "同一笔列了两次", "is listed twice"));
        }
        total += check_line(line)?;
    }
    Ok(total)
}

fn check_line(line: &Payment) -> Result<u64, Refusal> {
    let written = |text: &str, chars_max: usize| {
        text.chars().count() <= chars_max && !text.chars().any(|letter| !printable(letter))
    };
    let filled = |text: &str, chars_max| !text.trim().is_empty() && written(text, chars_max);
    if !filled(&line.payee, TEXT_CHARS_MAX) {
        return Err(unpayable(
            line,
            "收款人应为 1 至 140 字",
            "needs a payee of 1 to 140 characters",
        ));
    }
    if !filled(&line.account, ACCOUNT_CHARS_MAX) {
        return Err(unpayable(
            line,
            "收款账号应为 1 至 34 位",
            "needs an account of 1 to 34 characters",
        ));
    }
    if line.bank.as_deref().is_some_and(|bank| !is_cnaps(bank)) {
        return Err(unpayable(
            line,
            "开户行行号应为 12 位数字",
            "needs a bank code of 12 digits, or none",
        ));
    }
    if !written(&line.purpose, TEXT_CHARS_MAX) {
        return Err(unpayable(
            line,
            "用途不超过 140 字",
            "has a purpose of more than 140 characters",
        ));
    }
    match fen(&line.amount) {
        Some(fen) if fen > 0 => Ok(fen),
        _ => Err(unpayable(
            line,
            "金额应为正数并保留两位小数",
            "needs an amount above zero with two places",
        )),
    }
}

/// Whether a text has the digits of a bank's CNAPS code.
pub fn is_cnaps(bank: &str) -> bool {
    bank.len() == 12 && bank.bytes().all(|digit| digit.is_ascii_digit())
}

/// What XML 1.0 can hold and a bank can print.
fn printable(letter: char) -> bool {
    !letter.is_control() && !matches!(letter, '\u{fffe}' | '\u{ffff}')
}

fn unpayable(line: &Payment, zh: &str, en: &str) -> Refusal {
    refusal(
        "payment-line",
        format!("第 {} 笔不能拨付：{zh}", line.line),
        format!("line {} cannot be paid: it {en}", line.line),
    )
}

/// The elements in the order of the standard's sequences.
fn document(file: &PaymentFile<'_>, total: u64) -> io::Result<Vec<u8>> {
    let order = file.order;
    let id = message_id(file.ticket);
    let count = order.lines.len().to_string();
    let sum = yuan(total);
    let mut xml = Xml(Writer::new_with_indent(Vec::new(), b' ', 1));
    xml.0
        .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.0
        .create_element("Document")
        .with_attribute(("xmlns", NAMESPACE))
        .write_inner_content(|writer| {
            let mut xml = Xml(writer);
            xml.within("CstmrCdtTrfInitn", |xml| {
                xml.within("GrpHdr", |xml| {
                    xml.text("MsgId", &id)?;
                    xml.text("CreDtTm", &date_time(file.asked_at))?;
                    xml.text("NbOfTxs", &count)?;
                    xml.text("CtrlSum", &sum)?;
                    xml.within("InitgPty", |xml| xml.text("Nm", file.holder))
                })?;
                xml.within("PmtInf", |xml| {
                    xml.text("PmtInfId", &id)?;
                    xml.text("PmtMtd", "TRF")?;
                    xml.text("BtchBookg", "true")?;
                    xml.text("NbOfTxs", &count)?;
                    xml.text("CtrlSum", &sum)?;
                    xml.within("PmtTpInf", |xml| {
                        xml.within("CtgyPurp", |xml| xml.text("Cd", &order.category))
                    })?;
                    xml.within("ReqdExctnDt", |xml| xml.text("Dt", &order.execute_on))?;
                    xml.within("Dbtr", |xml| xml.text("Nm", file.holder))?;
                    xml.within("DbtrAcct", |xml| {
                        xml.account(file.account)?;
                        xml.text("Ccy", "CNY")
                    })?;
                    xml.within("DbtrAgt", |xml| match file.bank {
                        Some(bank) => xml.bank(bank),
                        None => xml.within("FinInstnId", |xml| {
                            xml.within("Othr", |xml| xml.text("Id", NOT_PROVIDED))
                        }),
                    })?;
                    for (index, line) in order.lines.iter().enumerate() {
                        xml.within("CdtTrfTxInf", |xml| {
                            xml.transfer(&end_to_end_id(&id, index), line)
                        })?;
                    }
                    Ok(())
                })
            })
        })?;
    let mut bytes = xml.0.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// The standard's ISODateTime; a time that is none stays as it is.
fn date_time(at: &str) -> String {
    DateTime::parse_from_rfc3339(at).map_or_else(
        |_| at.to_owned(),
        |at| at.format("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    )
}

struct Xml<W>(W);

impl Xml<&mut Writer<Vec<u8>>> {
    fn within(
        &mut self,
        name: &str,
        content: impl FnOnce(&mut Xml<&mut Writer<Vec<u8>>>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.0
            .create_element(name)
            .write_inner_content(|writer| content(&mut Xml(writer)))?;
        Ok(())
    }

    fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.0
            .create_element(name)
            .write_text_content(BytesText::new(text))?;
        Ok(())
    }

    fn account(&mut self, account: &str) -> io::Result<()> {
        self.within("Id", |xml| {
            xml.within("Othr", |xml| xml.text("Id", account))
        })
    }

    fn bank(&mut self, code: &str) -> io::Result<()> {
        self.within("FinInstnId", |xml| {
            xml.within("ClrSysMmbId", |xml| {
                xml.within("ClrSysId", |xml| xml.text("Cd", CLEARING_SYSTEM))?;
                xml.text("MmbId", code)
            })
        })
    }

    fn transfer(&mut self, id: &str, line: &Payment) -> io::Result<()> {
        self.within("PmtId", |xml| xml.text("EndToEndId", id))?;
        self.within("Amt", |xml| {
            xml.0
                .create_element("InstdAmt")
                .with_attribute(("Ccy", "CNY"))
                .write_text_content(BytesText::new(&line.amount))?;
            Ok(())
        })?;
        if let Some(bank) = &line.bank {
            self.within("CdtrAgt", |xml| xml.bank(bank))?;
        }
        self.within("Cdtr", |xml| xml.text("Nm", &line.payee))?;
        self.within("CdtrAcct", |xml| xml.account(&line.account))?;
        if line.purpose.trim().is_empty() {
            return Ok(());
        }
        self.within("RmtInf", |xml| xml.text("Ustrd", &line.purpose))
    }
}

#[cfg(test)]
mod tests;
