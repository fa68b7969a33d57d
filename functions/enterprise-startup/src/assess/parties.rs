//! Who has to sign: every shareholder and the legal representative, each once, and nobody else.

use super::Filed;
use crate::answers::ShareholdersRow;
use onething_sdk::Assessing;
use onething_sdk::contract::Party;
use onething_sdk::values::{CitizenId, Uscc};

/// As whom a shareholder signs.
const SHAREHOLDER: &str = "shareholder";
/// As whom the legal representative signs.
pub const LEGAL_REPRESENTATIVE: &str = "legal-representative";
const BASIS: &str = "公司法第三十条、第四十六条";

/// Somebody who has to sign.
struct Signatory<'a> {
    role: &'static str,
    title: (&'static str, &'static str),
    id: &'a str,
    name: &'a str,
}

pub fn check(case: &Filed<'_>, out: &mut Assessing) {
    let signatories = signatories(case);
    let parties = &case.submission.parties;
    let is = |party: &Party, signatory: &Signatory<'_>| {
        party.role == signatory.role && party.subject.identifier == signatory.id
    };
    for signatory in &signatories {
        let Signatory {
            title: (zh, en),
            id,
            name,
            ..
        } = signatory;
        let mut listed = parties.iter().filter(|party| is(party, signatory));
        match (listed.next(), listed.next()) {
            (None, _) => out.error(
                "",
                "party-missing",
                format!("签名人中缺少{zh}{name}（{id}），请加入"),
                format!("{en} {name} ({id}) is not among those who sign; add them"),
                BASIS,
            ),
            (Some(_), Some(_)) => out.error(
                "",
                "party-twice",
                format!("签名人中{zh}{name}列了两次"),
                format!("{en} {name} is listed twice among those who sign"),
                BASIS,
            ),
            (Some(party), None) if party.name != *name => out.error(
                "",
                "party-name-differs",
                format!("签名人{}与表中{zh}的姓名（名称）{name}不一致", party.name),
                format!("who signs is {}, the form names {en} {name}", party.name),
                BASIS,
            ),
            (Some(_), None) => {}
        }
    }
    let mut shareholders = case
        .answers
        .shareholders
        .iter()
        .flat_map(|rows| rows.iter());
    if shareholders.any(|row| identifier(row).is_none()) {
        return; // who that is, its own finding asks
    }
    for party in parties {
        if !signatories.iter().any(|signatory| is(party, signatory)) {
            out.error(
                "",
                "party-unexpected",
                format!(
                    "签名人{}（{}）不是表中的股东或者法定代表人，请删除或者更正表格",
                    party.name, party.subject.identifier
                ),
                format!(
                    "{} ({}) is neither a shareholder nor the legal representative of the form",
                    party.name, party.subject.identifier
                ),
                BASIS,
            );
        }
    }
}

fn signatories<'a>(case: &Filed<'a>) -> Vec<Signatory<'a>> {
    let answers = case.answers;
    let mut signatories = Vec::new();
    for row in answers.shareholders.iter().flat_map(|rows| rows.iter()) {
        if let Some(id) = identifier(row) {
            signatories.push(Signatory {
                role: SHAREHOLDER,
                title: ("股东", "shareholder"),
                id,
                name: &row.name,
            });
        }
    }
    if let (Some(id), Some(name)) = (&answers.legal_rep_id, &answers.legal_rep_name) {
        let title = ("法定代表人", "the legal representative");
        signatories.push(Signatory {
            role: LEGAL_REPRESENTATIVE,
            title,
            id: id.as_str(),
            name,
        });
    }
    signatories
}

fn identifier(row: &ShareholdersRow) -> Option<&str> {
    let person = row.citizen_id.as_ref().map(CitizenId::as_str);
    person.or(row.uscc.as_ref().map(Uscc::as_str))
}
