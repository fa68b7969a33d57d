//! Notices (消息提醒): a template of the manifest filled with values, put into an outbox from where
//! a channel may take it. The outbox has each ticket once; how often a channel sends what it finds
//! there is the channel's to say.

use crate::files::{TAKEN, checked_name, replace};
use crate::{Error, Outcome, refusal};
use onething_contract::manifest::NoticeTemplate;
use onething_contract::{Recipient, Refusal, Text};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// An outbox.
#[derive(Debug, Clone)]
pub struct Notices {
    outbox: PathBuf,
}

/// A notice to send.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// The promise it fulfils.
    pub ticket: &'a str,
    /// The case it is about; an offer is about none.
    pub case_id: Option<&'a str>,
    /// To whom.
    pub to: &'a Recipient,
    /// What it says.
    pub template: &'a NoticeTemplate,
    /// For its placeholders; a value that differs by language is `{"zh": …, "en": …}`.
    pub values: &'a Map<String, Value>,
}

/// A notice as it lies in the outbox.
#[derive(Serialize)]
struct Letter<'a> {
    ticket: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    case_id: Option<&'a str>,
    to: &'a Recipient,
    template: &'a str,
    text: Text,
}

impl Notices {
    /// An outbox in `folder`, made when first needed.
    pub fn new(folder: impl Into<PathBuf>) -> Notices {
        Notices {
            outbox: folder.into(),
        }
    }

    /// Puts the notice into the outbox as `<ticket>.json`; under the same ticket, never again.
    /// Settles with `{"channel": "outbox", "file": …}`; refused where a value is missing.
    pub fn send(&self, notice: &Notice<'_>) -> Result<Outcome, Error> {
        let text = match render(notice.template, notice.values) {
            Ok(text) => text,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Some(outcome) = self.look(notice.ticket)? {
            return Ok(outcome);
        }
        let file = file(notice.ticket)?;
        let path = self.outbox.join(&file);
        let letter = Letter {
            ticket: notice.ticket,
            case_id: notice.case_id,
            to: notice.to,
            template: &notice.template.code,
            text,
        };
        let bytes = serde_json::to_vec_pretty(&letter).map_err(|source| Error::Json {
            what: "a notice",
            source,
        })?;
        replace(&path, &bytes)?;
        Ok(sent(&file))
    }

    /// What became of a notice, where it lies in the outbox, or in its folder `taken`: whoever takes
    /// letters away and leaves them there never gets one twice.
    pub fn look(&self, ticket: &str) -> Result<Option<Outcome>, Error> {
        let file = file(ticket)?;
        let places = [self.outbox.join(&file), self.outbox.join(TAKEN).join(&file)];
        let there = places.iter().any(|place| place.exists());
        Ok(there.then(|| sent(&file)))
    }
}

fn file(ticket: &str) -> Result<String, Error> {
    Ok(format!("{}.json", checked_name(ticket)?))
}

fn sent(file: &str) -> Outcome {
    Ok(json!({ "channel": "outbox", "file": file }).to_string())
}

fn render(template: &NoticeTemplate, values: &Map<String, Value>) -> Result<Text, Refusal> {
    let fill = |text: &str, language: &str| {
        fill(text, values, language).map_err(|placeholder| {
            let code = &template.code;
            refusal(
                "placeholder-missing",
                format!("消息模板 {code} 缺少 {placeholder}"),
                format!("the notice {code} was given no value for {{{placeholder}}}"),
            )
        })
    };
    Ok(Text {
        zh: fill(&template.text.zh, "zh")?,
        en: fill(&template.text.en, "en")?,
    })
}

/// Values are put in as they are and not looked at again: a value may hold braces.
fn fill<'t>(
    template: &'t str,
    values: &Map<String, Value>,
    language: &str,
) -> Result<String, &'t str> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (placeholder, after) = after.split_once('}').ok_or(after)?;
        filled.push_str(before);
        let value = match values.get(placeholder) {
            Some(Value::Object(by_language)) => by_language.get(language),
            value => value,
        };
        match value {
            None | Some(Value::Null) => return Err(placeholder),
            Some(Value::String(text)) => filled.push_str(text),
            Some(other) => filled.push_str(&other.to_string()),
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use onething_contract::{Office, Subject, SubjectKind};
    use std::fs;

    fn template(zh: &str) -> NoticeTemplate {
        NoticeTemplate {
            code: "registered".into(),
            text: Text {
                zh: zh.into(),
                en: "{name}: case {case}".into(),
            },
        }
    }

    fn values(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn templates() {
        let given = values(json!({
            "name": "𠮷{case}", "case": 7, "gone": null,
            "office": { "zh": "编办", "en": "establishment office" }, "half": { "en": "only" },
        }));
        for (zh, expected) in [
            ("{name}您好，办件{case}。", Ok("𠮷{case}您好，办件7。")),
            ("没有占位", Ok("没有占位")),
            ("{missing}", Err("missing")),
            ("{gone}", Err("gone")),
            ("请向{office}提出", Ok("请向编办提出")),
            ("{half}", Err("half")),
            ("{open", Err("open")),
            ("{}", Err("")),
        ] {
            assert_eq!(
                fill(zh, &given, "zh").as_deref(),
                expected.as_ref().map(|s| *s),
                "{zh}"
            );
        }
    }

    #[test]
    fn a_ticket_is_sent_once() {
        let folder = tempfile::tempdir().unwrap();
        let notices = Notices::new(folder.path().join("outbox"));
        let (ticket, template) = ("331102-2025-000001-1-2", template("{name}{case}"));
        let to = Recipient::Subject(Subject {
            kind: SubjectKind::Person,
            identifier: "330106196501011234".into(),
        });
        let send = |given: &Map<String, Value>| {
            notices.send(&Notice {
                ticket,
                case_id: Some("c"),
                to: &to,
                template: &template,
                values: given,
            })
        };
        let first = send(&values(json!({ "name": "甲", "case": "c" })))
            .unwrap()
            .unwrap();
        let file = folder.path().join("outbox/331102-2025-000001-1-2.json");
        let kept = fs::read(&file).unwrap();
        let letter: Value = serde_json::from_slice(&kept).unwrap();
        assert_eq!(letter["text"], json!({ "zh": "甲c", "en": "甲: case c" }));
        assert_eq!(letter["to"]["subject"]["identifier"], "330106196501011234");
        let again = send(&values(json!({ "name": "乙", "case": "c" })))
            .unwrap()
            .unwrap();
        assert_eq!(first, again);
        assert_eq!(
            fs::read(&file).unwrap(),
            kept,
            "a second send changes nothing"
        );
    }

    #[test]
    fn what_is_missing_is_a_refusal_and_a_bad_ticket_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let notices = Notices::new(folder.path());
        let to = Recipient::Office(Office {
            function: "personnel".into(),
            region: "331102".into(),
        });
        let template = template("{name}");
        let given = values(json!({ "name": "甲" }));
        let notice = |ticket| Notice {
            ticket,
            case_id: Some("c"),
            to: &to,
            template: &template,
            values: &given,
        };
        let refused = notices.send(&notice("t-1")).unwrap().unwrap_err();
        assert_eq!(refused.code, "placeholder-missing");
        assert!(refused.message.en.contains("{case}"));
        let full = values(json!({ "name": "甲", "case": "c" }));
        let bad = notices.send(&Notice {
            values: &full,
            ..notice("../t-1")
        });
        assert!(matches!(bad, Err(Error::Name { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
