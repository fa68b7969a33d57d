//! A platform and the offices, who keep on until they are answered: what was answered with a yes is
//! remembered, and must be there at the end.

use crate::REGION;
use crate::served::{Answer, Host, Served};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Every step, and whose it is.
pub const STEPS: [(&str, &str); 6] = [
    ("check", "intake"),
    ("north", "north"),
    ("east", "east"),
    ("south", "south"),
    ("west", "west"),
    ("final", "intake"),
];

/// An application from its submission to its last decision.
pub struct Application {
    key: String,
    body: Value,
    pub case_id: Option<String>,
    /// Steps whose decision was answered with a yes.
    pub decided: BTreeSet<&'static str>,
}

/// Nobody answered: the process is gone, or going.
#[derive(Debug)]
pub struct Silence;

/// Every application of a campaign.
#[derive(Default)]
pub struct Driver {
    pub applications: Vec<Application>,
}

impl Driver {
    /// One request more, of the application that is furthest behind; a new one when all are done.
    ///
    /// # Errors
    /// When nobody answers; what it was about is asked again by the next call.
    pub fn go_on(&mut self, host: &Host, served: &Served) -> Result<(), Silence> {
        let open = self
            .applications
            .iter()
            .position(|application| !application.is_done());
        let index = match open {
            Some(index) => index,
            None => {
                self.applications
                    .push(Application::new(self.applications.len()));
                self.applications.len() - 1
            }
        };
        self.applications[index].go_on(host, served)
    }
}

impl Application {
    fn new(number: usize) -> Self {
        let id = citizen_id(number);
        let person = json!({"kind": "person", "identifier": id});
        Self {
            key: format!("application-{number}"),
            body: json!({
                "subject": person,
                "filer": {"person": person, "unit": null, "capacity": "applicant"},
                "region": REGION,
                "answers": {
                    "AAC002": id, "simple-name": "某人", "simple-life": "plain",
                    "simple-amount": "1.00", "simple-account": "62220000", "simple-remark": "-",
                },
            }),
            case_id: None,
            decided: BTreeSet::new(),
        }
    }

    fn is_done(&self) -> bool {
        self.decided.len() == STEPS.len()
    }

    fn go_on(&mut self, host: &Host, served: &Served) -> Result<(), Silence> {
        let Some(id) = &self.case_id else {
            let (token, path) = (&host.tokens["platform"], "/v1/matters/simple/cases");
            let answer = served
                .post(token, path, &self.key, &self.body)
                .ok_or(Silence)?;
            self.case_id = case_id(&answer)?;
            return Ok(());
        };
        let next = STEPS.iter().find(|(step, _)| !self.decided.contains(step));
        let Some((step, function)) = next else {
            return Ok(());
        };
        let token = &host.tokens[&format!("{function}-{REGION}")];
        let path = format!("/v1/cases/{id}/steps/{step}/decisions");
        let body = json!({"round": 0, "verdict": "approve", "opinion": format!("同意 {step}")});
        let key = format!("{}-{step}", self.key);
        let answer = served.post(token, &path, &key, &body).ok_or(Silence)?;
        match (answer.status, answer.body["code"].as_str()) {
            // An answer was lost; a case that is over has all of its decisions.
            (200, _) | (409, Some("already-decided" | "case-ended")) => {
                self.decided.insert(step);
                Ok(())
            }
            // The host fails: the next one says what became of it.
            (500.., _) | (429, _) => Err(Silence),
            (status, _) => panic!("{status} {}", answer.body),
        }
    }
}

fn case_id(answer: &Answer) -> Result<Option<String>, Silence> {
    match answer.status {
        200 | 201 => Ok(Some(answer.body["id"].as_str().unwrap().to_owned())),
        500.. | 429 => Err(Silence),
        status => panic!("{status} {}", answer.body),
    }
}

/// A number of GB 11643, with its check character.
fn citizen_id(number: usize) -> String {
    let digits = format!("33110219800101{:03}", number % 1000);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let values = digits.bytes().map(|digit| u32::from(digit - b'0'));
    let sum: u32 = values
        .zip(weights)
        .map(|(digit, weight)| digit * weight)
        .sum();
    let check = b"10X98765432"[usize::try_from(sum % 11).unwrap()];
    format!("{digits}{}", char::from(check))
}
