//! Deliveries (推送): an agency's own form, as it prints it and as data, with the seals it bears,
//! put into the folder of the office that owns it:
//! `<function>-<region>/<case id>/<form>.html`, `.json` and `.seals.json`, the last one last.
//!
//! A form is delivered again in a case's next round, to the same place. One that was held up does
//! not come over the one of a later event.

use crate::files::{checked_name, read_if_there, replace};
use crate::{Error, Outcome};
use onething_contract::Office;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// The offices' folders.
#[derive(Debug, Clone)]
pub struct Deliveries {
    folder: PathBuf,
}

/// A form to deliver.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The promise it fulfils.
    pub ticket: &'a str,
    /// The case it belongs to.
    pub case_id: &'a str,
    /// The event of the case as of which it is: the later one stands.
    pub event: u64,
    /// The form's name.
    pub form: &'a str,
    /// To whom.
    pub to: &'a Office,
    /// The form as it is printed: the bytes that were sealed.
    pub page: &'a [u8],
    /// Box number to value.
    pub values: &'a Map<String, Value>,
    /// The signatures over `page`.
    pub seals: &'a [Value],
}

impl Deliveries {
    /// Offices' folders within `folder`, made when first needed.
    pub fn new(folder: impl Into<PathBuf>) -> Deliveries {
        Deliveries {
            folder: folder.into(),
        }
    }

    /// Delivers the form. Once its seals are there under the same ticket it is delivered, and stays
    /// as it is. Settles with `{"office", "form", "file", "sha256"}`; `file` is within the offices'
    /// folders, `sha256` of the page. Where a later one lies there already, its ticket is told as
    /// `superseded_by`.
    pub fn push(&self, delivery: &Delivery<'_>) -> Result<Outcome, Error> {
        let place = Place::of(delivery.case_id, delivery.form, delivery.to)?;
        let (folder, form) = (self.folder.join(&place.folder), &place.form);
        let sha256 = hex::encode(Sha256::digest(delivery.page));
        let receipt = pretty(
            "the seals of a form",
            &json!({
                "ticket": delivery.ticket,
                "event": delivery.event,
                "sha256": sha256,
                "seals": delivery.seals,
            }),
        )?;
        let receipt_path = folder.join(format!("{form}.seals.json"));
        let there = read_if_there(&receipt_path)?;
        let later = there
            .as_deref()
            .and_then(|there| later(there, delivery.event));
        if later.is_none() && there.as_deref() != Some(&receipt) {
            replace(&folder.join(format!("{form}.html")), delivery.page)?;
            let values = pretty("the values of a form", delivery.values)?;
            replace(&folder.join(format!("{form}.json")), &values)?;
            replace(&receipt_path, &receipt)?;
        }
        Ok(place.delivered(&sha256, later))
    }

    /// What became of a delivery, where its receipt lies in the folder of its office.
    pub fn look(
        &self,
        ticket: &str,
        case_id: &str,
        form: &str,
        to: &Office,
    ) -> Result<Option<Outcome>, Error> {
        let place = Place::of(case_id, form, to)?;
        let receipt = self.folder.join(&place.folder);
        let receipt = read_if_there(&receipt.join(format!("{}.seals.json", place.form)))?;
        let receipt: Receipt = match receipt.map(|receipt| serde_json::from_slice(&receipt)) {
            Some(Ok(receipt)) => receipt,
            Some(Err(_)) | None => return Ok(None),
        };
        Ok((receipt.ticket == ticket).then(|| place.delivered(&receipt.sha256, None)))
    }
}

/// Where a form goes.
struct Place {
    office: String,
    folder: String,
    form: String,
}

/// What is looked at of the last file of a delivery.
#[derive(Deserialize)]
struct Receipt {
    ticket: String,
    sha256: String,
}

impl Place {
    fn of(case_id: &str, form: &str, to: &Office) -> Result<Place, Error> {
        let office = format!("{}-{}", to.function, to.region);
        let office = checked_name(&office)?.to_owned();
        Ok(Place {
            folder: format!("{office}/{}", checked_name(case_id)?),
            form: checked_name(form)?.to_owned(),
            office,
        })
    }

    fn delivered(&self, sha256: &str, later: Option<String>) -> Outcome {
        let mut outcome = json!({
            "office": self.office,
            "form": self.form,
            "file": format!("{}/{}.html", self.folder, self.form),
            "sha256": sha256,
        });
        if let Some(ticket) = later {
            outcome["superseded_by"] = Value::String(ticket);
        }
        Ok(outcome.to_string())
    }
}

/// The ticket of a receipt that is of a later event.
fn later(receipt: &[u8], event: u64) -> Option<String> {
    let receipt: Value = serde_json::from_slice(receipt).ok()?;
    let is_later = receipt["event"].as_u64()? > event;
    is_later.then(|| receipt["ticket"].as_str().map(str::to_owned))?
}

fn pretty(what: &'static str, value: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec_pretty(value).map_err(|source| Error::Json { what, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_form_lies_in_the_folder_of_its_office() {
        let folder = tempfile::tempdir().unwrap();
        let deliveries = Deliveries::new(folder.path());
        let ticket = "t-1";
        let office = Office {
            function: "social-insurance".into(),
            region: "331102".into(),
        };
        let values = json!({ "B01": "𠮷" }).as_object().unwrap().clone();
        let seals = [json!({ "signature": "MEUC" })];
        let delivery = Delivery {
            ticket,
            case_id: "331102-2025-000001",
            event: 7,
            form: "pension-benefit",
            to: &office,
            page: b"<html>",
            values: &values,
            seals: &seals,
        };
        let outcome = deliveries.push(&delivery).unwrap().unwrap();
        assert_eq!(deliveries.push(&delivery).unwrap().unwrap(), outcome);
        let outcome: Value = serde_json::from_str(&outcome).unwrap();
        assert_eq!(
            outcome["file"],
            "social-insurance-331102/331102-2025-000001/pension-benefit.html"
        );
        let page = folder.path().join(outcome["file"].as_str().unwrap());
        assert_eq!(fs::read(&page).unwrap(), b"<html>");
        let read = |extension| -> Value {
            serde_json::from_slice(&fs::read(page.with_extension(extension)).unwrap()).unwrap()
        };
        assert_eq!(read("json"), json!({ "B01": "𠮷" }));
        assert_eq!(read("seals.json")["seals"], json!(seals));
        assert_eq!(read("seals.json")["sha256"], outcome["sha256"]);

        // Half a delivery is done again, whole.
        fs::write(&page, "half").unwrap();
        fs::remove_file(page.with_extension("seals.json")).unwrap();
        deliveries.push(&delivery).unwrap().unwrap();
        assert_eq!(fs::read(&page).unwrap(), b"<html>");

        // One that was held up does not come over it.
        let late = Delivery {
            ticket: "t-0",
            event: 1,
            page: b"<old>",
            ..delivery
        };
        let late: Value = serde_json::from_str(&deliveries.push(&late).unwrap().unwrap()).unwrap();
        assert_eq!(late["superseded_by"], ticket);
        assert_eq!(fs::read(&page).unwrap(), b"<html>");

        for bad in [
            Delivery {
                case_id: "..",
                ..delivery
            },
            Delivery {
                form: "a/b",
                ..delivery
            },
            Delivery {
                to: &Office {
                    function: "../x".into(),
                    region: "1".into(),
                },
                ..delivery
            },
        ] {
            assert!(
                matches!(deliveries.push(&bad), Err(Error::Name { .. })),
                "{bad:?}"
            );
        }
    }
}
