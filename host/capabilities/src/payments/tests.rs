//! The bank's files both ways. What is written is read back, not searched for.

use super::answer::{AnsweredLine, BankAnswer, LineStatus};
use super::*;
use onething_contract::yuan;
use quick_xml::Reader;
use std::collections::BTreeMap;
use std::fs;

const TICKET: &str = "331102-2026-000001-12-1";

fn line(id: &str, payee: &str, amount: &str) -> Payment {
    Payment {
        line: id.into(),
        payee: payee.into(),
        account: "6222 8000-01".into(),
        bank: Some("102343500013".into()),
        amount: amount.into(),
        purpose: "2026年3月工资".into(),
    }
}

fn order(lines: Vec<Payment>) -> PaymentOrder {
    PaymentOrder {
        budget: "payroll/331102".into(),
        category: "SALA".into(),
        execute_on: "2026-03-10".into(),
        lines,
    }
}

fn file<'a>(ticket: &'a str, order: &'a PaymentOrder) -> PaymentFile<'a> {
    PaymentFile {
        ticket,
        asked_at: "2026-03-06T09:00:00+08:00",
        holder: "莲都区财政局 <国库>",
        account: "3310010001",
        bank: None,
        order,
    }
}

fn write(payments: &Payments, file: &PaymentFile<'_>) -> Result<Result<u64, Refusal>, Error> {
    let written = payments.prepare(file, 1)?;
    payments.hand_over(file.ticket, 1)?;
    Ok(written)
}

#[test]
fn an_order_is_handed_over_once() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::new(folder.path());
    let order = order(vec![line("1", "张三", "1.00")]);
    for claim in [1, 2] {
        payments
            .prepare(&file(TICKET, &order), claim)
            .unwrap()
            .unwrap();
    }
    let prepared = |claim| (TICKET.to_owned(), claim);
    assert_eq!(payments.prepared().unwrap(), [prepared(1), prepared(2)]);
    let there = folder.path().join(format!("{TICKET}.xml"));
    payments.hand_over(TICKET, 1).unwrap();
    assert!(there.exists());
    // The bank takes it away; a second hand finds nothing, and a leftover goes.
    fs::remove_file(&there).unwrap();
    payments.hand_over(TICKET, 1).unwrap();
    payments.discard(TICKET, 2).unwrap();
    payments.discard(TICKET, 2).unwrap();
    assert!(!there.exists());
    assert_eq!(payments.prepared().unwrap(), []);
}

/// Path of names to texts, in the order of the document; attributes as `@`.
fn leaves(xml: &str) -> Vec<(String, String)> {
    let mut reader = Reader::from_str(xml);
    let (mut path, mut text, mut found): (Vec<String>, _, _) = (vec![], String::new(), vec![]);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                path.push(start.name().as_ref().to_owned());
                text.clear();
                for attribute in start.attributes() {
                    let attribute = attribute.unwrap();
                    let name = format!("{}/@{}", path.join("/"), attribute.key.as_ref());
                    found.push((name, attribute.value.into_owned()));
                }
            }
            Event::Text(part) => text.push_str(&part),
            Event::GeneralRef(entity) => {
                let escaped = format!("&{};", &*entity);
                text.push_str(&quick_xml::escape::unescape(&escaped).unwrap());
            }
            Event::End(_) => {
                if !text.trim().is_empty() {
                    found.push((path.join("/"), text.clone()));
                }
                path.pop();
                text.clear();
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

#[test]
fn an_order_is_a_pain_001() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::new(folder.path().join("outgoing"));
    let mut second = line("2", "买买提·𠮷 & Söhne", "0.10");
    (second.bank, second.purpose) = (None, String::new());
    let order = order(vec![line("1", "张三", "12345.60"), second]);
    let written = write(&payments, &file(TICKET, &order)).unwrap();
    assert_eq!(written, Ok(1_234_570));

    let path = folder.path().join(format!("outgoing/{TICKET}.xml"));
    let bytes = fs::read(&path).unwrap();
    assert_eq!(write(&payments, &file(TICKET, &order)).unwrap(), written);
    assert_eq!(fs::read(&path).unwrap(), bytes, "the same again");

    let text = String::from_utf8(bytes).unwrap();
    let found = leaves(&text);
    let payment = "Document/CstmrCdtTrfInitn/PmtInf";
    let expected: Vec<(String, String)> = [
        ("Document/@xmlns", NAMESPACE),
        ("Document/CstmrCdtTrfInitn/GrpHdr/MsgId", TICKET),
        (
            "Document/CstmrCdtTrfInitn/GrpHdr/CreDtTm",
            "2026-03-06T09:00:00+08:00",
        ),
        ("Document/CstmrCdtTrfInitn/GrpHdr/NbOfTxs", "2"),
        ("Document/CstmrCdtTrfInitn/GrpHdr/CtrlSum", "12345.70"),
        (
            "Document/CstmrCdtTrfInitn/GrpHdr/InitgPty/Nm",
            "莲都区财政局 <国库>",
        ),
        ("P/PmtInfId", TICKET),
        ("P/PmtMtd", "TRF"),
        ("P/BtchBookg", "true"),
        ("P/NbOfTxs", "2"),
        ("P/CtrlSum", "12345.70"),
        ("P/PmtTpInf/CtgyPurp/Cd", "SALA"),
        ("P/ReqdExctnDt/Dt", "2026-03-10"),
        ("P/Dbtr/Nm", "莲都区财政局 <国库>"),
        ("P/DbtrAcct/Id/Othr/Id", "3310010001"),
        ("P/DbtrAcct/Ccy", "CNY"),
        ("P/DbtrAgt/FinInstnId/Othr/Id", "NOTPROVIDED"),
        (
            "P/CdtTrfTxInf/PmtId/EndToEndId",
            "331102-2026-000001-12-1-1",
        ),
        ("P/CdtTrfTxInf/Amt/InstdAmt/@Ccy", "CNY"),
        ("P/CdtTrfTxInf/Amt/InstdAmt", "12345.60"),
        (
            "P/CdtTrfTxInf/CdtrAgt/FinInstnId/ClrSysMmbId/ClrSysId/Cd",
            "CNAPS",
        ),
        (
            "P/CdtTrfTxInf/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId",
            "102343500013",
        ),
        ("P/CdtTrfTxInf/Cdtr/Nm", "张三"),
        ("P/CdtTrfTxInf/CdtrAcct/Id/Othr/Id", "6222 8000-01"),
        ("P/CdtTrfTxInf/RmtInf/Ustrd", "2026年3月工资"),
        (
            "P/CdtTrfTxInf/PmtId/EndToEndId",
            "331102-2026-000001-12-1-2",
        ),
        ("P/CdtTrfTxInf/Amt/InstdAmt/@Ccy", "CNY"),
        ("P/CdtTrfTxInf/Amt/InstdAmt", "0.10"),
        ("P/CdtTrfTxInf/Cdtr/Nm", "买买提·𠮷 & Söhne"),
        ("P/CdtTrfTxInf/CdtrAcct/Id/Othr/Id", "6222 8000-01"),
    ]
    .map(|(path, text)| (path.replacen("P/", &format!("{payment}/"), 1), text.into()))
    .into();
    assert_eq!(found, expected);
}

#[test]
fn ten_thousand_lines_add_up_to_the_cent() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::new(folder.path());
    let lines: Vec<_> = (1..=10_000_u64)
        .map(|n| line(&n.to_string(), "张三", &yuan(n * 7 + 333_333)))
        .collect();
    let order = order(lines);
    // A ticket too long for the standard keeps its place by its hash.
    let ticket = format!("{TICKET}-{}", "9".repeat(40));
    let total = write(&payments, &file(&ticket, &order)).unwrap().unwrap();
    let text = fs::read_to_string(folder.path().join(format!("{ticket}.xml"))).unwrap();
    let found = leaves(&text);
    let all = |name: &str| -> Vec<&str> {
        let named = found.iter().filter(|(path, _)| path.ends_with(name));
        named.map(|(_, text)| text.as_str()).collect()
    };
    let sum: u64 = all("/InstdAmt")
        .into_iter()
        .map(|text| fen(text).unwrap())
        .sum();
    assert_eq!(sum, total);
    assert_eq!(all("/CtrlSum"), [yuan(sum), yuan(sum)]);
    assert_eq!(all("/NbOfTxs"), ["10000", "10000"]);
    let ids: BTreeSet<&str> = all("/EndToEndId").into_iter().collect();
    assert_eq!(ids.len(), 10_000);
    assert!(ids.iter().chain(&all("/MsgId")).all(|id| id.len() <= 35));
}

#[test]
fn what_cannot_be_paid_is_refused_by_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::new(folder.path());
    let changed = |change: fn(&mut PaymentOrder)| {
        let mut order = order(vec![line("1", "张三", "1.00"), line("2", "李四", "2.00")]);
        change(&mut order);
        write(&payments, &file(TICKET, &order))
            .unwrap()
            .unwrap_err()
    };
    for (change, code, named) in [
        (
            (|o| o.lines.clear()) as fn(&mut PaymentOrder),
            "payment-lines",
            "",
        ),
        (|o| o.execute_on = "soon".into(), "payment-date", "soon"),
        (|o| o.category = "wage".into(), "payment-category", "wage"),
        (|o| o.lines[1].line = "1".into(), "payment-line", "line 1"),
        (|o| o.lines[1].payee = " ".into(), "payment-line", "line 2"),
        (
            |o| o.lines[1].payee = "李\u{b}四".into(),
            "payment-line",
            "line 2",
        ),
        (
            |o| o.lines[1].payee = "李".repeat(141),
            "payment-line",
            "line 2",
        ),
        (
            |o| o.lines[1].account = "6".repeat(35),
            "payment-line",
            "line 2",
        ),
        (
            |o| o.lines[1].bank = Some("ICBC".into()),
            "payment-line",
            "line 2",
        ),
        (
            |o| o.lines[1].amount = "0.00".into(),
            "payment-line",
            "line 2",
        ),
        (
            |o| o.lines[1].amount = "1.005".into(),
            "payment-line",
            "line 2",
        ),
        (
            |o| o.lines[1].purpose = "资".repeat(141),
            "payment-line",
            "line 2",
        ),
    ] {
        let refusal = changed(change);
        assert_eq!(refusal.code, code, "{refusal:?}");
        assert!(refusal.message.en.contains(named), "{refusal:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let order = order(vec![line("1", "张三", "1.00")]);
    let outside = write(&payments, &file("../x", &order));
    assert!(matches!(outside, Err(Error::Name { .. })), "{outside:?}");
}

#[test]
fn an_answer_fits_its_order_line_by_line() {
    let order = order(vec![
        line("a", "张三", "100.00"),
        line("b", "李四", "20.05"),
        line("c", "王五", "0.30"),
    ]);
    let returned = BTreeMap::from([("b".to_owned(), "账号已销户".to_owned())]);
    let mut answer = BankAnswer::returning(&order, &returned);
    answer.lines.reverse();
    let answered = answer.of(&order).unwrap();
    assert_eq!((answered.paid, answered.returned), (10_030, 2_005));
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&answered.settlement).unwrap(),
        serde_json::json!({
            "lines": [
                {"line": "a", "status": "paid", "reason": null},
                {"line": "b", "status": "returned", "reason": "账号已销户"},
                {"line": "c", "status": "paid", "reason": null},
            ],
            "paid": "100.30",
            "returned": "20.05",
        })
    );

    let line = |line: &str, status, reason: Option<&str>| AnsweredLine {
        line: line.into(),
        status,
        reason: reason.map(str::to_owned),
    };
    let paid = |id| line(id, LineStatus::Paid, None);
    for (lines, named) in [
        (vec![paid("a"), paid("b")], "line c"),
        (vec![paid("a"), paid("b"), paid("c"), paid("d")], "line d"),
        (vec![paid("a"), paid("b"), paid("c"), paid("a")], "line a"),
        (
            vec![line("a", LineStatus::Returned, None), paid("b"), paid("c")],
            "line a",
        ),
        (vec![], "line a"),
    ] {
        let refusal = BankAnswer { lines }.of(&order).unwrap_err();
        assert_eq!(refusal.code, "answer-line");
        assert!(refusal.message.en.starts_with(named), "{refusal:?}");
    }
}

#[test]
fn a_status_report_is_an_answer() {
    let order = order(vec![
        line("a", "张三", "100.00"),
        line("b", "李四", "20.05"),
    ]);
    let report = |message: &str, transactions: &str| {
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
              <GrpHdr><MsgId>R1</MsgId><CreDtTm>2026-03-10T18:00:00</CreDtTm></GrpHdr>
              <OrgnlGrpInfAndSts><OrgnlMsgId>{message}</OrgnlMsgId>
                <OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInfAndSts>
              <OrgnlPmtInfAndSts><OrgnlPmtInfId>{message}</OrgnlPmtInfId>{transactions}
              </OrgnlPmtInfAndSts>
            </CstmrPmtStsRpt></Document>"#
        )
    };
    let transaction = |n: u8, status: &str| {
        format!(
            "<TxInfAndSts><OrgnlEndToEndId>{TICKET}-{n}</OrgnlEndToEndId>
             <TxSts>{status}</TxSts></TxInfAndSts>"
        )
    };
    let rejected = format!(
        "<TxInfAndSts><OrgnlEndToEndId>{TICKET}-2</OrgnlEndToEndId><TxSts>RJCT</TxSts>
         <StsRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>已销户 &amp; &#x505C;用</AddtlInf></StsRsnInf>
         </TxInfAndSts>"
    );
    let good = report(TICKET, &(transaction(1, "ACSC") + &rejected));
    let answer = BankAnswer::from_status_report(&good, TICKET, &order).unwrap();
    let expected = BankAnswer {
        lines: vec![
            AnsweredLine {
                line: "a".into(),
                status: LineStatus::Paid,
                reason: None,
            },
            AnsweredLine {
                line: "b".into(),
                status: LineStatus::Returned,
                reason: Some("AC04 已销户 & 停用".into()),
            },
        ],
    };
    assert_eq!(answer, expected);

    let entity = good.replace("<Document", "<!DOCTYPE x [<!ENTITY e \"e\">]><Document");
    for (xml, code, named) in [
        (report("other", &rejected), "other-message", "other"),
        (report(TICKET, &transaction(9, "ACSC")), "answer-line", "-9"),
        (
            report(TICKET, &transaction(1, "PDNG")),
            "answer-line",
            "PDNG",
        ),
        (entity, "status-report", "document type"),
        (good.replace("&amp;", "&x;"), "status-report", "entity"),
        (
            good.replace("</CstmrPmtStsRpt></Document>", ""),
            "status-report",
            "",
        ),
        (r#"{"lines": []}"#.to_owned(), "status-report", "OrgnlMsgId"),
        ("<a><b></a>".to_owned(), "status-report", ""),
    ] {
        let refusal = BankAnswer::from_status_report(&xml, TICKET, &order).unwrap_err();
        assert_eq!(refusal.code, code, "{refusal:?}");
        assert!(refusal.message.en.contains(named), "{refusal:?}");
    }
}
