//! What the load generator knows of the cases that it handed in: as much as a platform and an office
//! need for what they do next.

use onething_contract::Office;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Cases that are kept in mind; later ones are left to themselves.
const CASES_MAX: usize = 2_000;

/// A case as the API answers it, as far as it is looked at.
#[derive(Debug, Clone, Deserialize)]
pub struct Seen {
    pub id: String,
    ended_at: Option<String>,
    round: u32,
    last_event: u64,
    steps: Vec<Step>,
}

/// A step of its plan.
#[derive(Debug, Clone, Deserialize)]
pub struct Step {
    pub id: String,
    pub office: Office,
    mode: Value,
    status: String,
    task_version: u32,
    payload_schema: Option<Value>,
}

/// Cases that are not over.
#[derive(Debug, Default)]
pub struct Cases {
    open: BTreeMap<String, Seen>,
    /// What is being decided: until that is answered, others see it as open.
    taken: BTreeSet<Taken>,
}

/// A case and its step.
pub type Taken = (String, String);

impl Cases {
    /// Takes in a case that was just handed in.
    pub fn begin(&mut self, seen: Seen) {
        if seen.ended_at.is_none() && self.open.len() < CASES_MAX {
            self.open.insert(seen.id.clone(), seen);
        }
    }

    /// Takes in how a case stands. An answer that was overtaken changes nothing, nor does one about a
    /// case that was seen to be over.
    pub fn note(&mut self, seen: Seen) {
        let Some(known) = self.open.get_mut(&seen.id) else {
            return;
        };
        if seen.ended_at.is_some() {
            self.open.remove(&seen.id);
        } else if known.last_event <= seen.last_event {
            *known = seen;
        }
    }

    /// One of them.
    pub fn any(&self, draw: u32) -> Option<&str> {
        let place = usize::try_from(draw).ok()?.checked_rem(self.open.len())?;
        self.open.keys().nth(place).map(String::as_str)
    }

    /// The first step that an office can decide by itself, and its case. Nobody else is given it
    /// before it is given back.
    pub fn take_step(&mut self, decides: impl Fn(&Office) -> bool) -> Option<Task> {
        let taken = &mut self.taken;
        self.open.values_mut().find_map(|case| {
            let is_free = |step: &Step| {
                let is_open = step.status == "open" && step.mode == "manual";
                let is_taken = || taken.contains(&(case.id.clone(), step.id.clone()));
                is_open && decides(&step.office) && !is_taken()
            };
            let place = case.steps.iter().position(is_free)?;
            let step = case.steps.remove(place);
            taken.insert((case.id.clone(), step.id.clone()));
            Some(Task {
                case: case.id.clone(),
                round: case.round,
                step,
            })
        })
    }

    /// Its decision was answered, one way or the other.
    pub fn give_back(&mut self, taken: &Taken) {
        self.taken.remove(taken);
    }
}

/// A step to be decided.
#[derive(Debug)]
pub struct Task {
    pub case: String,
    round: u32,
    pub step: Step,
}

impl Task {
    /// A yes, with what the step wants to know: the story's words, and what is made up where it has
    /// none.
    pub fn approval(&self, mut words: Map<String, Value>) -> Value {
        let payload = self.step.payload_schema.as_ref().map(|schema| {
            let wanted = schema["properties"].as_object();
            for (member, wanted) in wanted.into_iter().flatten() {
                words.entry(member).or_insert_with(|| made_up(wanted));
            }
            Value::Object(words)
        });
        json!({
            "round": self.round,
            "task_version": self.step.task_version,
            "verdict": "approve",
            "opinion": "同意",
            "payload": payload,
        })
    }
}

/// A value of the schema's form. Whether it is the right one is for the host to say.
fn made_up(schema: &Value) -> Value {
    match schema["pattern"].as_str() {
        Some(money) if money.contains(r"\.") => json!("100.00"),
        Some(_) if schema["format"] == "date" => json!("2025-01-31"),
        Some(_) => json!("2025-02"),
        None => json!("示例"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, event: u64, statuses: &[&str]) -> Seen {
        let step = |(place, status): (usize, &&str)| {
            json!({
                "id": format!("s{place}"), "office": { "function": "f", "region": "331102" },
                "mode": "manual", "status": status, "task_version": 1,
                "payload_schema": { "properties": {
                    "fen": { "pattern": r"^\d+\.\d\d$" }, "word": {},
                }},
            })
        };
        let steps: Vec<_> = statuses.iter().enumerate().map(step).collect();
        let case = json!({ "id": id, "round": 0, "last_event": event, "steps": steps });
        serde_json::from_value(case).unwrap()
    }

    #[test]
    fn a_step_is_decided_once_and_what_was_overtaken_changes_nothing() {
        let mut cases = Cases::default();
        assert!(cases.any(7).is_none() && cases.take_step(|_| true).is_none());
        cases.begin(seen("a", 3, &["waiting", "open"]));
        cases.note(seen("a", 2, &["open", "open"]));
        assert!(cases.take_step(|office| office.function == "g").is_none());
        let task = cases.take_step(|_| true).unwrap();
        assert_eq!((task.case.as_str(), task.step.id.as_str()), ("a", "s1"));
        assert!(cases.take_step(|_| true).is_none());
        // Somebody who looked meanwhile saw it open.
        cases.note(seen("a", 3, &["waiting", "open"]));
        assert!(cases.take_step(|_| true).is_none());
        cases.give_back(&("a".to_owned(), "s1".to_owned()));
        cases.note(seen("a", 4, &["open", "decided"]));
        assert_eq!(cases.take_step(|_| true).unwrap().step.id, "s0");
        let words = json!({ "word": "甲" });
        let approval = task.approval(words.as_object().unwrap().clone());
        assert_eq!(
            approval["payload"],
            json!({ "fen": "100.00", "word": "甲" })
        );
        assert_eq!(cases.any(7), Some("a"));
        let mut over = seen("a", 9, &[]);
        over.ended_at = Some("2026-03-02T09:00:00+08:00".to_owned());
        cases.note(over);
        cases.note(seen("a", 8, &["open"]));
        assert!(cases.any(7).is_none());
    }
}
