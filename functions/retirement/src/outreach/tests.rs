use super::*;
use crate::testing::{MAN, WOMAN, parameter, person};
use onething_sdk::facts::{InForce, World};
use std::collections::BTreeMap;

const UNIT: &str = "1233110000264001XG";

/// The parameters as they are published, and registers of a test's own.
#[derive(Default)]
struct Town(BTreeMap<(&'static str, &'static str), Json>);

impl World for Town {
    fn parameter(&self, name: &str, on: NaiveDate) -> Option<InForce> {
        parameter(name, on)
    }

    fn entries(&self, register: &str, keys: &[String]) -> Vec<Option<Json>> {
        let entry = |key: &String| {
            let mut entries = self.0.iter();
            let found = entries.find(|((known, of), _)| (*known, *of) == (register, key.as_str()));
            found.map(|(_, entry)| entry.clone())
        };
        keys.iter().map(entry).collect()
    }
}

impl Town {
    fn with(mut self, id: &'static str, born: &str, category: &str, title: &str) -> Self {
        let archive = json!({
            "birth-date": born, "staff-category": category, "technical-title": title,
        });
        self.0.insert(("personnel-archive", id), archive);
        let staff = json!({ "unit-code": UNIT });
        self.0.insert(("establishment-staff", id), staff);
        self.0.insert(("population", id), json!({ "name": "某某" }));
        self.0
            .insert(("payroll", id), json!({ "rank": "technical-8" }));
        self
    }

    fn without(mut self, register: &'static str, id: &'static str) -> Self {
        self.0.remove(&(register, id));
        self
    }

    fn set(mut self, register: &'static str, id: &'static str, entry: Json) -> Self {
        self.0.insert((register, id), entry);
        self
    }

    fn reach(&self, ids: &[&str], on: &str) -> Vec<Offer> {
        let subjects: Vec<Subject> = ids.iter().map(|id| person(id)).collect();
        super::reach(&subjects, &Facts::new(on.parse().unwrap(), self))
    }

    fn months(&self, id: &str, on: &str) -> Vec<String> {
        let offers = self.reach(&[id], on).into_iter();
        offers.map(|offer| offer.occasion).collect()
    }
}

/// Born 1965-01, a man: 60 years and a month, 2025-02.
fn man() -> Town {
    Town::default().with(MAN, "1965-01-15", "technical", "associate-senior")
}

/// Born 1971-04, a woman cadre: n = (1971 + 55 − 2025) × 12 + 4 = 16, so 4 months: 2026-08.
fn woman() -> Town {
    Town::default().with(WOMAN, "1971-04-14", "management", "none")
}

#[test]
fn from_six_months_before_to_the_month_itself() {
    for (on, told) in [
        ("2025-02-28", true),
        ("2025-03-01", false),
        ("2025-01-06", true),
    ] {
        assert_eq!(!man().months(MAN, on).is_empty(), told, "{on}");
    }
    for (on, months) in [
        ("2026-01-31", &[][..]),
        ("2026-02-01", &["2026-08"][..]),
        ("2026-08-31", &["2026-08"][..]),
        ("2026-09-01", &[][..]),
    ] {
        assert_eq!(woman().months(WOMAN, on), months, "{on}");
    }
    // Before the day from which the parameter is in force nobody is told.
    assert!(man().months(MAN, "2024-12-31").is_empty());
}

#[test]
fn the_age_is_that_of_category_rank_and_title() {
    // At 60 with a senior title in a professional post: far away in 2026.
    let senior = Town::default().with(WOMAN, "1971-04-14", "technical", "associate-senior");
    assert!(senior.months(WOMAN, "2026-05-01").is_empty());
    let middle = Town::default().with(WOMAN, "1971-04-14", "technical", "middle");
    assert_eq!(middle.months(WOMAN, "2026-05-01"), ["2026-08"]);
    // The archive's date counts, not the number's.
    let archive = Town::default().with(WOMAN, "1971-06-14", "management", "none");
    assert_eq!(archive.months(WOMAN, "2026-05-01"), ["2026-11"]);
}

#[test]
fn who_is_not_known_well_enough_is_not_told() {
    let on = "2026-05-01";
    for register in [
        "personnel-archive",
        "establishment-staff",
        "population",
        "payroll",
    ] {
        let town = woman().without(register, WOMAN);
        assert!(town.months(WOMAN, on).is_empty(), "{register}");
    }
    let unread = woman().set("payroll", WOMAN, json!({ "rank": "marshal" }));
    assert!(unread.months(WOMAN, on).is_empty());
    // A man's age does not depend on the rank.
    let town = man().without("payroll", MAN);
    assert_eq!(town.months(MAN, "2025-01-06"), ["2025-02"]);
}

#[test]
fn the_person_and_the_unit_are_told() {
    let offers = man().reach(&[MAN], "2025-01-06");
    let [offer] = &offers[..] else {
        panic!("{offers:?}")
    };
    assert_eq!(offer.subject, person(MAN));
    assert_eq!((offer.code.as_str(), &offer.answers), ("retirement", &None));
    let told: Vec<(&str, &str)> = offer
        .notices
        .iter()
        .map(|message| match &message.to {
            Recipient::Subject(to) => (to.identifier.as_str(), message.template.as_str()),
            Recipient::Office(office) => panic!("{office:?}"),
        })
        .collect();
    assert_eq!(told, [(MAN, "age-near"), (UNIT, "age-near-unit")]);
    let month = json!({ "zh": "2025年2月", "en": "2025-02" });
    let matter: toml::Table = include_str!("../../matter.toml").parse().unwrap();
    for notice in &offer.notices {
        let values: Json = onething_sdk::serde_json::from_str(&notice.values).unwrap();
        assert_eq!(values, json!({ "name": "某某", "month": month }));
        let mut templates = matter["notice"].as_array().unwrap().iter();
        let template = templates
            .find(|template| template["code"].as_str() == Some(&notice.template))
            .unwrap();
        for language in ["zh", "en"] {
            let text = template["text"][language].as_str().unwrap();
            let rest = text.replace("{name}", "").replace("{month}", "");
            assert!(!rest.contains('{') && rest.len() < text.len(), "{text}");
        }
    }
    // Where the register of posts does not say whose they are, the person is told all the same.
    let alone = man().set("establishment-staff", MAN, json!({}));
    assert_eq!(alone.reach(&[MAN], "2025-01-06")[0].notices.len(), 1);
}

#[test]
fn a_batch_keeps_its_order_and_units_are_no_persons() {
    let mut town = man();
    town.0.extend(woman().0);
    let unit = Subject {
        kind: SubjectKind::Organisation,
        identifier: UNIT.to_owned(),
    };
    let batch = [person(WOMAN), unit, person(MAN), person("nobody")];
    let told = |town: &Town, on: &str| -> Vec<String> {
        let offers = super::reach(&batch, &Facts::new(on.parse().unwrap(), town));
        offers
            .into_iter()
            .map(|offer| offer.subject.identifier)
            .collect()
    };
    assert_eq!(told(&town, "2025-01-06"), [MAN]);
    assert_eq!(told(&town, "2026-05-01"), [WOMAN]);
    // 2025-03: within the same six months as the man.
    let town = town.with(WOMAN, "1970-02-14", "management", "none");
    assert_eq!(told(&town, "2025-01-06"), [WOMAN, MAN]);
}
