//! The organs of the company and the people named: who may be what, and that each is who they say.

use super::{Filed, check_is_up};
use crate::answers::{Answers, LegalRepPost, OfficersRow, Supervision};
use onething_sdk::values::{CitizenId, Coded};
use onething_sdk::{Assessing, NaiveDate};
use std::collections::{BTreeMap, BTreeSet};

/// 公司法 第六十八条, 第七十六条: a board has three members or more.
const BOARD_MIN: usize = 3;
/// 民法典 第十七条, 第十八条: full capacity, from 16 where one lives by one's own work.
const ADULT_YEARS: u32 = 18;
const WORKING_YEARS: u32 = 16;

/// Somebody whom the form names, and where.
struct Named<'a> {
    path: String,
    name: &'a str,
    id: &'a CitizenId,
}

pub fn check(case: &Filed<'_>, out: &mut Assessing) {
    if let Some(officers) = &case.answers.officers {
        check_board(officers, out);
        check_supervision(officers, case.answers.supervision, out);
        check_combinations(officers, case.answers, out);
        check_legal_representative(officers, case.answers, out);
    }
    check_ages(case, out);
    check_restrictions(case, out);
    check_identities(case, out);
}

fn check_board(officers: &[OfficersRow], out: &mut Assessing) {
    let count = |is: fn(&OfficersRow) -> bool| officers.iter().filter(|row| is(row)).count();
    let directors = count(|row| row.director);
    if directors != 1 && directors < BOARD_MIN {
        out.error(
            "/officers",
            "director-count",
            format!("董事应为1名（不设董事会）或者3名以上（设董事会），现为{directors}名"),
            format!(
                "a company has one director, or a board of three or more; {directors} are named"
            ),
            "公司法第六十八条、第七十五条",
        );
    }
    let chairs = count(|row| row.chair);
    let wanted = usize::from(directors >= BOARD_MIN);
    if chairs != wanted {
        out.error(
            "/officers",
            "chair-count",
            format!("设董事会的有一名董事长，不设的没有；现有董事{directors}名、董事长{chairs}名"),
            format!("a board has one chair, and without a board there is none; {directors} directors and {chairs} chairs are named"),
            "公司法第六十八条、第七十五条",
        );
    }
    let managers = count(|row| row.manager);
    if managers > 1 {
        out.error(
            "/officers",
            "manager-count",
            format!("经理最多一名，现为{managers}名"),
            format!("a company has one manager at most; {managers} are named"),
            "公司法第七十四条",
        );
    }
    let mut seen = BTreeSet::new();
    for (index, row) in officers.iter().enumerate() {
        if !seen.insert(row.citizen_id.as_str()) {
            out.error(
                &format!("/officers/{index}/citizen-id"),
                "officer-twice",
                format!(
                    "第{}行{}列了两次，一人一行，兼任的在同一行勾选",
                    index + 1,
                    row.name
                ),
                format!(
                    "row {}: {} stands twice; one row a person, with every post marked",
                    index + 1,
                    row.name
                ),
                "",
            );
        }
        if row.chair && !row.director {
            out.error(
                &format!("/officers/{index}/chair"),
                "chair-not-director",
                format!("第{}行{}是董事长，也应是董事", index + 1, row.name),
                format!(
                    "row {}: {} chairs the board and is a director too",
                    index + 1,
                    row.name
                ),
                "公司法第六十八条",
            );
        }
    }
}

fn check_supervision(officers: &[OfficersRow], kind: Option<Supervision>, out: &mut Assessing) {
    let Some(kind) = kind else {
        return;
    };
    let supervisors = officers.iter().filter(|row| row.supervisor).count();
    let directors = officers.iter().filter(|row| row.director).count();
    let (fits, zh, en, basis) = match kind {
        Supervision::Supervisor => (
            supervisors == 1,
            "设监事的应有一名监事",
            "one supervisor is named where there is one",
            "公司法第八十三条",
        ),
        Supervision::Board => (
            supervisors >= BOARD_MIN,
            "监事会成员应为三人以上",
            "a board of supervisors has three members or more",
            "公司法第七十六条",
        ),
        Supervision::AuditCommittee => (
            supervisors == 0 && directors >= BOARD_MIN,
            "设审计委员会的，应设董事会，不设监事",
            "an audit committee belongs to a board of directors and replaces supervisors",
            "公司法第六十九条",
        ),
        Supervision::None => (
            supervisors == 0,
            "不设监事的不应有监事",
            "without supervision nobody is named supervisor",
            "公司法第八十三条",
        ),
    };
    if !fits {
        out.error(
            "/supervision",
            "supervisor-count",
            format!("{zh}；现有监事{supervisors}名、董事{directors}名"),
            format!("{en}; {supervisors} supervisors and {directors} directors are named"),
            basis,
        );
    }
}

/// 公司法 第七十六条: directors and senior managers, the financial officer among them (第二百六十五条),
/// do not supervise themselves.
fn check_combinations(officers: &[OfficersRow], answers: &Answers, out: &mut Assessing) {
    for (index, row) in officers
        .iter()
        .enumerate()
        .filter(|(_, row)| row.supervisor)
    {
        let also = if row.director {
            ("董事", "a director")
        } else if row.manager {
            ("经理", "the manager")
        } else if answers.finance_id.as_ref() == Some(&row.citizen_id) {
            ("财务负责人", "the financial officer")
        } else {
            continue;
        };
        out.error(
            &format!("/officers/{index}/supervisor"),
            "supervisor-combination",
            format!("第{}行{}是监事，不得兼任{}", index + 1, row.name, also.0),
            format!(
                "row {}: {} is a supervisor and cannot be {} too",
                index + 1,
                row.name,
                also.1
            ),
            "公司法第七十六条、第二百六十五条",
        );
    }
    if let (Some(legal), Some(finance), Some(invoices)) = (
        &answers.legal_rep_id,
        &answers.finance_id,
        &answers.invoice_holder_id,
    ) && legal == finance
        && finance == invoices
    {
        out.warning(
            "/invoice-holder-id",
            "one-person-all-roles",
            "法定代表人、财务负责人、办税（领票）人是同一人，请税务机关关注",
            "legal representative, financial officer and holder of invoices are one person: for the tax office to note",
            "发票管理办法第十五条",
        );
    }
}

fn check_legal_representative(officers: &[OfficersRow], answers: &Answers, out: &mut Assessing) {
    let (Some(id), Some(post)) = (&answers.legal_rep_id, answers.legal_rep_post) else {
        return;
    };
    let holds = officers
        .iter()
        .find(|row| row.citizen_id == *id)
        .is_some_and(|row| match post {
            LegalRepPost::Chair => row.chair,
            LegalRepPost::Director => row.director,
            LegalRepPost::Manager => row.manager,
        });
    if !holds {
        let title = match post {
            LegalRepPost::Chair => "董事长",
            LegalRepPost::Director => "董事",
            LegalRepPost::Manager => "经理",
        };
        out.error(
            "/legal-rep-post",
            "legal-representative-no-officer",
            format!("法定代表人由代表公司执行事务的董事或者经理担任；董事、监事、经理表中此人没有{title}一职"),
            format!("a director or the manager is the legal representative; the table of officers does not have this person as {}", post.code()),
            "公司法第十条",
        );
    }
}

fn check_ages(case: &Filed<'_>, out: &mut Assessing) {
    for Named { path, name, id } in leading(case.answers) {
        let Some(years) = id.born().and_then(|born| age(born, case.facts.filed_on())) else {
            continue;
        };
        if years < WORKING_YEARS {
            out.error(
                &path,
                "officer-minor",
                format!("{name}未满16周岁，不得担任法定代表人、董事、监事、高级管理人员"),
                format!("{name} is under 16 and cannot be legal representative, director, supervisor or manager"),
                "公司法第一百七十八条；民法典第十八条",
            );
        } else if years < ADULT_YEARS {
            out.warning(
                &path,
                "officer-under-18",
                format!("{name}未满18周岁，须以自己的劳动收入为主要生活来源，请登记机关核对"),
                format!("{name} is under 18 and must live by their own work: for the registration office to check"),
                "公司法第一百七十八条；民法典第十八条",
            );
        }
    }
    for (index, row) in case
        .answers
        .shareholders
        .iter()
        .flat_map(|rows| rows.iter())
        .enumerate()
    {
        let born = row.citizen_id.as_ref().and_then(CitizenId::born);
        let years = born.and_then(|born| age(born, case.facts.filed_on()));
        if years.is_some_and(|years| years < ADULT_YEARS) {
            out.warning(
                &format!("/shareholders/{index}/citizen-id"),
                "shareholder-minor",
                format!("股东{}未满18周岁，由法定代理人代为签名，请登记机关核对", row.name),
                format!("shareholder {} is under 18; the guardian signs: for the registration office to check", row.name),
                "民法典第十九条、第二十三条",
            );
        }
    }
}

fn age(born: NaiveDate, on: NaiveDate) -> Option<u32> {
    on.years_since(born)
}

/// Whoever leads: the legal representative, the officers, the financial officer; each once.
fn leading(answers: &Answers) -> Vec<Named<'_>> {
    let mut named = Vec::new();
    for (index, row) in answers
        .officers
        .iter()
        .flat_map(|rows| rows.iter())
        .enumerate()
    {
        named.push(Named {
            path: format!("/officers/{index}/citizen-id"),
            name: &row.name,
            id: &row.citizen_id,
        });
    }
    for (path, name, id) in [
        (
            "/legal-rep-id",
            &answers.legal_rep_name,
            &answers.legal_rep_id,
        ),
        ("/finance-id", &answers.finance_name, &answers.finance_id),
    ] {
        named.extend(single(path, name, id));
    }
    let mut seen = BTreeSet::new();
    named.retain(|one| seen.insert(one.id.as_str()));
    named
}

fn single<'a>(
    path: &str,
    name: &'a Option<String>,
    id: &'a Option<CitizenId>,
) -> Option<Named<'a>> {
    Some(Named {
        path: path.to_owned(),
        name: name.as_deref()?,
        id: id.as_ref()?,
    })
}

/// 公司法 第一百七十八条: whom a court or a register keeps from office.
fn check_restrictions(case: &Filed<'_>, out: &mut Assessing) {
    let named = leading(case.answers);
    let ids: Vec<String> = named.iter().map(|one| one.id.as_str().to_owned()).collect();
    let entries = case.facts.entries("officer-restrictions", &ids);
    check_is_up(
        case,
        out,
        "officer-restrictions",
        "任职限制",
        "who is barred from office",
    );
    for (Named { path, name, .. }, entry) in named.iter().zip(entries) {
        let Some(entry) = entry else {
            continue;
        };
        let words = |member: &str| entry.get(member).and_then(|word| word.as_str());
        let until = words("until").and_then(onething_sdk::values::day);
        if until.is_some_and(|until| until < case.facts.filed_on()) {
            continue;
        }
        let reason = words("reason").unwrap_or("任职限制");
        out.error(
            path,
            "barred-from-office",
            format!("{name}被限制任职（{reason}），不得担任法定代表人、董事、监事、高级管理人员"),
            format!("{name} is barred from office ({reason}) and cannot be legal representative, director, supervisor or manager"),
            "公司法第一百七十八条",
        );
    }
}

/// One person has one name, here and in the population register.
fn check_identities(case: &Filed<'_>, out: &mut Assessing) {
    let mut names: BTreeMap<&str, Named<'_>> = BTreeMap::new();
    for one in everybody(case.answers) {
        match names.get(one.id.as_str()) {
            Some(known) if known.name != one.name => out.error(
                &one.path,
                "person-named-otherwise",
                format!(
                    "{}在表中的姓名不一致：{}、{}",
                    one.id.as_str(),
                    known.name,
                    one.name
                ),
                format!(
                    "{} has two names in the form: {} and {}",
                    one.id.as_str(),
                    known.name,
                    one.name
                ),
                "",
            ),
            Some(_) => {}
            None => {
                names.insert(one.id.as_str(), one);
            }
        }
    }
    let ids: Vec<String> = names.keys().map(|id| (*id).to_owned()).collect();
    let entries = case.facts.entries("population", &ids);
    let mut unverified = Vec::new();
    for (one, entry) in names.values().zip(entries) {
        let registered = entry.as_ref().and_then(|entry| entry.get("name")?.as_str());
        match registered {
            Some(name) if name != one.name => out.error(
                &one.path,
                "name-differs-from-population",
                format!("{}的姓名与人口库不一致，请与身份证核对", one.name),
                format!("the name {} is not the population register's for this number; compare it with the card", one.name),
                "市场主体登记管理条例第十五条",
            ),
            Some(_) => {}
            None => unverified.push(one.name),
        }
    }
    if !unverified.is_empty() {
        let names = unverified.join("、");
        out.warning(
            "",
            "identity-unverified",
            format!("人口库未能核验：{names}，请登记机关核对身份证"),
            format!("the population register could not confirm {names}: check their cards"),
            "市场主体登记管理条例第十五条",
        );
    }
}

fn everybody(answers: &Answers) -> Vec<Named<'_>> {
    let mut named: Vec<Named<'_>> = [
        (
            "/legal-rep-name",
            &answers.legal_rep_name,
            &answers.legal_rep_id,
        ),
        ("/finance-name", &answers.finance_name, &answers.finance_id),
        ("/contact-name", &answers.contact_name, &answers.contact_id),
        (
            "/invoice-holder-name",
            &answers.invoice_holder_name,
            &answers.invoice_holder_id,
        ),
        ("/filer-name", &answers.filer_name, &answers.filer_id),
    ]
    .into_iter()
    .filter_map(|(path, name, id)| single(path, name, id))
    .collect();
    for (index, row) in answers
        .shareholders
        .iter()
        .flat_map(|rows| rows.iter())
        .enumerate()
    {
        if let Some(id) = &row.citizen_id {
            named.push(Named {
                path: format!("/shareholders/{index}/name"),
                name: &row.name,
                id,
            });
        }
    }
    for (index, row) in answers
        .officers
        .iter()
        .flat_map(|rows| rows.iter())
        .enumerate()
    {
        named.push(Named {
            path: format!("/officers/{index}/name"),
            name: &row.name,
            id: &row.citizen_id,
        });
    }
    for (index, row) in answers
        .employees
        .iter()
        .flat_map(|rows| rows.iter())
        .enumerate()
    {
        named.push(Named {
            path: format!("/employees/{index}/name"),
            name: &row.name,
            id: &row.citizen_id,
        });
    }
    named
}
