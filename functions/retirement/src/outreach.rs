//! Who reaches the statutory age soon is told, and so is the unit, which files: the choice of a
//! flexible month has to be announced months before.
//!
//! Of a person whose data are not complete nothing is said: a wrong month would be worse than none.

use crate::answers::{Rank, StaffCategory, TechnicalTitle};
use crate::rules::age::Category;
use onething_sdk::contract::{Message, Offer, Recipient, Subject, SubjectKind};
use onething_sdk::form::Json;
use onething_sdk::serde_json::json;
use onething_sdk::values::{At, CitizenId, Month, Value};
use onething_sdk::{Facts, NaiveDate};

/// What is offered.
const CODE: &str = "retirement";

/// The persons of the batch who reach their age within the months of `retirement-outreach`.
pub fn reach(subjects: &[Subject], facts: &Facts<'_>) -> Vec<Offer> {
    let Some(months_ahead) = months_ahead(facts) else {
        return Vec::new();
    };
    let keys: Vec<String> = subjects
        .iter()
        .filter(|subject| subject.kind == SubjectKind::Person)
        .map(|subject| subject.identifier.clone())
        .collect();
    // All are asked before any is used: what the host has yet to fetch, it then fetches together.
    let [archive, staff, population, payroll] = [
        "personnel-archive",
        "establishment-staff",
        "population",
        "payroll",
    ]
    .map(|register| facts.entries(register, &keys));
    let today = Month::of(facts.filed_on());
    let persons = keys.iter().zip(archive).zip(staff);
    persons
        .zip(population.into_iter().zip(payroll))
        .filter_map(|(((id, archive), staff), (population, payroll))| {
            // Whoever is not on the establishment has retired, or is somebody else's.
            let staff = staff?;
            let month = statutory_month(id, &archive?, payroll.as_ref(), facts)?;
            let name = population?.get("name")?.as_str()?.to_owned();
            let ahead = month.since(today);
            (0..=months_ahead)
                .contains(&ahead)
                .then(|| offer(id, &name, month, &staff))
        })
        .collect()
}

fn months_ahead(facts: &Facts<'_>) -> Option<i32> {
    let ahead = facts.parameter("retirement-outreach", facts.filed_on())?;
    i32::try_from(ahead.value.as_i64()?).ok()
}

/// As the case would compute it from the same registers.
fn statutory_month(
    id: &str,
    archive: &Json,
    payroll: Option<&Json>,
    facts: &Facts<'_>,
) -> Option<Month> {
    let id: CitizenId = read(&json!(id))?;
    let born: NaiveDate = read(archive.get("birth-date")?)?;
    let staff: StaffCategory = read(archive.get("staff-category")?)?;
    // Rank and title move the age of women alone.
    let category = match id.is_male() {
        true => Category::Men,
        false => {
            let rank: Rank = read(payroll?.get("rank")?)?;
            let title: TechnicalTitle = read(archive.get("technical-title")?)?;
            Category::of(facts, &id, staff, rank, title)?
        }
    };
    Some(category.age(facts)?.statutory_month(Month::of(born)))
}

fn read<T: Value>(json: &Json) -> Option<T> {
    let mut findings = Vec::new();
    let mut at = At {
        path: String::new(),
        max: None,
        findings: &mut findings,
    };
    let value = T::read(json, &mut at)?;
    findings.is_empty().then_some(value)
}

/// The month is the occasion: where the law or the archive moves it, they are told again.
fn offer(id: &str, name: &str, month: Month, staff: &Json) -> Offer {
    let person = Subject {
        kind: SubjectKind::Person,
        identifier: id.to_owned(),
    };
    let unit = staff.get("unit-code").and_then(Json::as_str);
    let unit = unit.map(|code| Subject {
        kind: SubjectKind::Organisation,
        identifier: code.to_owned(),
    });
    let values = json!({
        "name": name,
        "month": {
            "zh": format!("{}年{}月", month.year(), month.month()),
            "en": month.to_string(),
        },
    })
    .to_string();
    let message = |to: &Subject, template: &str| Message {
        to: Recipient::Subject(to.clone()),
        template: template.to_owned(),
        values: values.clone(),
    };
    let mut notices = vec![message(&person, "age-near")];
    notices.extend(unit.map(|unit| message(&unit, "age-near-unit")));
    Offer {
        subject: person,
        code: CODE.to_owned(),
        occasion: month.to_string(),
        amount: None,
        notices,
        counted_by: Vec::new(),
        answers: None,
    }
}

#[cfg(test)]
mod tests;
