//! What an entry of the timeline asks, as a command and in words. Entries that need the bundle or a
//! whole form first (handing in, deciding) and the world's (the bank, money) are not commands as they
//! stand: those are in `run` and `follow`.

use crate::fixture::{Asked, Signing, subject};
use crate::run::Case;
use crate::transcript;
use onething_case::{Command, HOST};
use onething_contract::{Office, Subject, SubjectKind};

/// `None` where it is no command as it stands.
pub(crate) fn of(case: &Case, asked: &Asked) -> Option<Command> {
    let by = |signing: &Signing| signing.by.as_ref().unwrap_or(&signing.subject).clone();
    Some(match asked {
        Asked::Sign(signing) => Command::Sign {
            subject: party(case, signing),
            role: signing.role.clone(),
            round: signing.round.unwrap_or(case.state.round()),
            by: by(signing),
        },
        Asked::Unsign(signing) => Command::Unsign {
            subject: party(case, signing),
            role: signing.role.clone(),
            by: by(signing),
            reason: signing.reason.clone(),
        },
        Asked::Object(objecting) => Command::Object {
            step: objecting.step.clone(),
            by: objecting.by.clone(),
            text: objecting.text.clone(),
        },
        Asked::Withdraw(withdrawing) => Command::Withdraw {
            by: withdrawing.by.clone(),
            reason: withdrawing.reason.clone(),
        },
        Asked::Supply(material) => Command::SupplyMaterial(material.clone()),
        Asked::Overdue(code) => Command::MaterialOverdue { code: code.clone() },
        Asked::Lapse => Command::Lapse {
            by: HOST.to_owned(),
        },
        Asked::Reopen(reopening) => Command::Reopen {
            step: reopening.step.clone(),
            by: reopening.by.clone(),
            by_office: reopening
                .office
                .clone()
                .unwrap_or_else(|| case.office(&reopening.step)),
            reason: reopening.reason.clone(),
        },
        Asked::Rate(rating) => Command::Rate {
            score: rating.score,
            by: rating.by.clone(),
            comment: rating.comment.clone(),
        },
        Asked::Repair(repairing) => Command::Repair {
            by: repairing.by.clone(),
            by_office: or_lead(case, repairing.office.as_ref()),
            text: repairing.text.clone(),
        },
        Asked::Check(checking) => Command::CheckCommitment {
            code: checking.material.clone(),
            kept: checking.kept,
            opinion: checking.opinion.clone(),
            by: checking.by.clone(),
            by_office: or_lead(case, checking.office.as_ref()),
        },
        Asked::Submit(_)
        | Asked::Correct(_)
        | Asked::Decide(_)
        | Asked::Approve(_)
        | Asked::Bank(_)
        | Asked::Fund(_)
        | Asked::Wait => return None,
    })
}

/// The party meant; where there is none, somebody the case will not know.
fn party(case: &Case, signing: &Signing) -> Subject {
    let parties = &case.state.submission.parties;
    let meant = parties
        .iter()
        .find(|party| party.subject.identifier == signing.subject);
    meant.map_or_else(
        || subject(SubjectKind::Person, &signing.subject),
        |party| party.subject.clone(),
    )
}

fn or_lead(case: &Case, office: Option<&Office>) -> Office {
    let lead = || {
        let lead = case.state.plan().find(|record| record.step.lead);
        case.office(lead.map_or("", |record| record.step.id.as_str()))
    };
    office.cloned().unwrap_or_else(lead)
}

pub(crate) fn asked(asked: &Asked) -> String {
    match asked {
        Asked::Submit(_) => "submit".to_owned(),
        Asked::Correct(_) => "correct".to_owned(),
        Asked::Sign(signing) => format!("sign {} {}", signing.role, signing.subject),
        Asked::Unsign(signing) => format!("unsign {} {}", signing.role, signing.subject),
        Asked::Object(objecting) => format!("object {}", objecting.step),
        Asked::Bank(_) => "bank answers".to_owned(),
        Asked::Fund(funding) => format!("fund {}: {:.2}", funding.budget, funding.amount.0),
        Asked::Wait => "wait".to_owned(),
        Asked::Decide(deciding) => format!(
            "decide {}: {}",
            deciding.step,
            transcript::verdict(&deciding.verdict)
        ),
        Asked::Approve(steps) => format!("approve {}", steps.join(", ")),
        Asked::Withdraw(_) => "withdraw".to_owned(),
        Asked::Supply(material) => format!("supply {}", material.code),
        Asked::Overdue(code) => format!("overdue {code}"),
        Asked::Lapse => "lapse".to_owned(),
        Asked::Reopen(reopening) => format!("reopen {}", reopening.step),
        Asked::Rate(rating) => format!("rate {}", rating.score),
        Asked::Repair(_) => "repair".to_owned(),
        Asked::Check(checking) => format!("check {}", checking.material),
    }
}
