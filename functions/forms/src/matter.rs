//! Checks the matter's own words (`matter.toml`) against the forms and the contract.

use crate::Problem;
use crate::read::Sources;
use onething_contract::manifest::{CONTRACT, HEARD};

/// The matter's own words: names that must be known, dates that must be days.
pub fn check(sources: &Sources) -> Vec<Problem> {
    let mut problems = Vec::new();
    let file = &sources.matter;
    let matter = &file.content;
    let contract = matter.contract.get_ref();
    if contract != CONTRACT {
        let message = format!("this compiler knows the contract `{CONTRACT}`, not `{contract}`");
        problems.push(file.problem(&matter.contract, message));
    }
    for kind in &matter.hears {
        if !HEARD.contains(&kind.get_ref().as_str()) {
            let message = format!(
                "`hears` knows {}, not `{}`",
                HEARD.join(", "),
                kind.get_ref()
            );
            problems.push(file.problem(kind, message));
        }
    }
    for day in std::iter::once(&matter.valid.since).chain(&matter.valid.until) {
        if day.get_ref().date.is_none() || day.get_ref().time.is_some() {
            let message = format!("`{}` is not a day like 2025-01-01", day.get_ref());
            problems.push(file.problem(day, message));
        }
    }
    if let Some(element) = &matter.legal_date
        && !is_merged(sources, element.get_ref())
    {
        let message = format!(
            "the merged form does not have element `{}`",
            element.get_ref()
        );
        problems.push(file.problem(element, message));
    }
    if let Some(statistics) = &matter.statistics {
        for element in &statistics.get_ref().group_by {
            if !is_merged(sources, element) {
                let message = format!("the merged form does not have element `{element}`");
                problems.push(file.problem(statistics, message));
            }
        }
    }
    for form in &sources.forms {
        let agency = &form.content.agency;
        if !matter
            .offices
            .iter()
            .any(|office| office.function == *agency.get_ref())
        {
            let message = format!(
                "`{}` is not an `[[office]]` of matter.toml",
                agency.get_ref()
            );
            problems.push(form.problem(agency, message));
        }
    }
    problems
}

fn is_merged(sources: &Sources, element: &str) -> bool {
    let mut sections = sources.merged.content.sections.iter();
    sections.any(|section| {
        let mut fields = section.fields.iter();
        fields.any(|field| field.get_ref().element == element)
    })
}
