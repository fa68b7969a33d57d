//! Carries a [`Matter`] to the contract: reads answers, compares them with the registers, computes
//! the derivations, and answers the five exports.

use crate::bindings::exports::onething::matter::matter::Guest;
use crate::bindings::onething::matter::{intake, log, parameters, registers};
use crate::contract::{
    Assessment, CaseView, Directive, Event, Filer, FilledForm, Finding, Lock, LookupFailure,
    Prefilled, Refusal, Severity, Step, Subject, Submission,
};
use crate::facts::{Facts, InForce, World};
use crate::form::{self, Derived, ElementRule, Form, Reader, RegisterKey, SourceRule};
use crate::matter::{Assessing, Case, Matter, Submitted};
use crate::values::{Json, text};
use chrono::NaiveDate;
use serde_json::Map;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::rc::Rc;

/// A [`Matter`] as the component's exports.
pub struct Exported<M>(PhantomData<M>);

impl<M: Matter> Guest for Exported<M> {
    fn prefill(
        filer: Filer,
        subject: Subject,
        _purpose: String,
    ) -> Result<Vec<Prefilled>, Refusal> {
        tell_panics();
        let known: BTreeMap<&str, Option<registers::Entry>> = keys::<M>(&filer, &subject)
            .map(|(register, key)| (register, key.and_then(|key| look_up(register, key))))
            .collect();
        let values = M::Answers::ELEMENTS.iter().filter_map(|element| {
            let SourceRule::Register {
                register,
                field,
                lock,
            } = element.source
            else {
                return None;
            };
            let entry = known.get(register).and_then(Option::as_ref);
            let value = entry.and_then(|entry| {
                let fields: Json = serde_json::from_str(&entry.value).ok()?;
                fields.get(field).filter(|value| !value.is_null()).cloned()
            });
            Some(Prefilled {
                element: element.code.to_owned(),
                value: value.map(|value| value.to_string()),
                source: entry.map_or_else(|| register.to_owned(), |entry| entry.source.clone()),
                as_of: entry.map(|entry| entry.as_of.clone()),
                lock,
            })
        });
        Ok(values.collect())
    }

    fn assess(submission: Submission) -> Assessment {
        tell_panics();
        assess::<M>(&submission, &intake::answers(), &Host::default())
    }

    fn plan(submission: Submission, scenario: String) -> Vec<Step> {
        tell_panics();
        let host = Host::default();
        let facts = Facts::new(date(&submission.filed_at), &host);
        let (_, answers, _) = answers::<M>(&facts);
        let case = Submitted {
            submission: &submission,
            answers: &answers,
            facts: &facts,
            disputed: &[],
            unverified: &[],
        };
        M::plan(&case, &scenario)
    }

    fn project(view: CaseView) -> Vec<FilledForm> {
        tell_panics();
        let host = Host::default();
        let facts = Facts::new(date(&view.submission.filed_at), &host);
        let (json, _, derived) = answers::<M>(&facts);
        form::project::<M::Answers>(&view, &json, &derived)
    }

    fn respond(view: CaseView, event: Event) -> Vec<Directive> {
        tell_panics();
        let case = Case::new(&view, |view| {
            let host = Host::default();
            let facts = Facts::new(date(&view.submission.filed_at), &host);
            answers::<M>(&facts).1
        });
        M::respond(&case, &event)
    }
}

/// The whole assessment of a submission with its answers, in whatever world.
pub fn assess<M: Matter>(submission: &Submission, answers: &str, world: &dyn World) -> Assessment {
    let (json, mut findings) = object(answers);
    let mut reader = Reader::new(&json);
    let mut answers = M::Answers::read(&mut reader);
    findings.append(&mut reader.findings);
    let mut out = Assessing {
        findings,
        ..Assessing::default()
    };
    unknown_elements::<M>(&json, &mut out);
    let facts = Facts::new(date(&submission.filed_at), world);
    let known = Registers::read::<M>(submission, &facts);
    let doubts = compare::<M>(&json, &known, &mut out);
    let derived = answers.derive(&facts);
    derived_differs::<M>(&json, &derived, &mut out);
    let case = Submitted {
        submission,
        answers: &answers,
        facts: &facts,
        disputed: &doubts.disputed,
        unverified: &doubts.unverified,
    };
    M::assess(&case, &mut out);
    Assessment {
        scenario: out.scenario,
        derived: derived.elements(),
        findings: told(out.findings),
        missing: out.missing,
        unique_keys: out.unique_keys,
        reservations: out.reservations,
    }
}

/// Findings told at once: whoever has that many wrong rows corrects their source and not the rows.
const FINDINGS_MAX: usize = 200;

/// Errors before warnings where there are too many, and how many more there are.
fn told(mut findings: Vec<Finding>) -> Vec<Finding> {
    let more = findings.len().saturating_sub(FINDINGS_MAX);
    if more > 0 {
        findings.sort_by_key(|finding| finding.severity != Severity::Error);
        findings.truncate(FINDINGS_MAX);
        // A list of warnings is no reason to refuse, however long.
        let worst = findings.first().map(|finding| finding.severity);
        findings.push(Finding {
            severity: worst.unwrap_or(Severity::Error),
            path: String::new(),
            code: "more-findings".to_owned(),
            message: text(
                format!("另有{more}个问题未列出，请先改正已列出的"),
                format!("{more} more are not listed; correct these first"),
            ),
            basis: None,
        });
    }
    findings
}

/// A panic's words reach the operator before the trap does.
pub(crate) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        log::write(log::Level::Error, &panic.to_string());
    }));
}

/// The day of a date or of a point in time.
pub(crate) fn date(text: &str) -> NaiveDate {
    text.get(..10)
        .and_then(|day| day.parse().ok())
        .unwrap_or_default()
}

fn object(answers: &str) -> (Map<String, Json>, Vec<Finding>) {
    match serde_json::from_str(answers) {
        Ok(Json::Object(answers)) => (answers, Vec::new()),
        _ => {
            let finding = Finding {
                severity: Severity::Error,
                path: String::new(),
                code: "type".to_owned(),
                message: text(
                    "答案应为一个 JSON 对象",
                    "the answers must be one JSON object",
                ),
                basis: None,
            };
            (Map::new(), vec![finding])
        }
    }
}

/// Answers that passed an assessment before.
fn answers<M: Matter>(facts: &Facts<'_>) -> (Map<String, Json>, M::Answers, Derived) {
    let (json, _) = object(&intake::answers());
    let mut answers = M::Answers::read(&mut Reader::new(&json));
    let derived = answers.derive(facts);
    (json, answers, derived)
}

/// The host behind the imports.
#[derive(Default)]
pub(crate) struct Host {
    /// Registers that did not answer.
    down: RefCell<BTreeSet<String>>,
}

impl World for Host {
    fn parameter(&self, name: &str, on: NaiveDate) -> Option<InForce> {
        let parameter = answer(parameters::in_force(name, &on.to_string()))??;
        Some(InForce {
            value: serde_json::from_str(&parameter.value).ok()?,
            since: date(&parameter.since),
            illustrative: parameter.illustrative,
        })
    }

    fn family(&self, name: &str, on: NaiveDate) -> Vec<String> {
        answer(parameters::family(name, &on.to_string())).unwrap_or_default()
    }

    fn entries(&self, register: &str, keys: &[String]) -> Vec<Option<Json>> {
        let found = registers::lookup(register, keys);
        if let Err(LookupFailure::Unavailable(_)) = &found {
            self.down.borrow_mut().insert(register.to_owned());
        }
        match answer(found) {
            Some(entries) => {
                let value = |entry: registers::Entry| serde_json::from_str(&entry.value).ok();
                entries.into_iter().map(|entry| value(entry?)).collect()
            }
            None => keys.iter().map(|_| None).collect(),
        }
    }

    fn is_down(&self, register: &str) -> bool {
        self.down.borrow().contains(register)
    }
}

/// `None` where it is not there, or not yet.
#[expect(
    clippy::panic,
    reason = "a bundle that asks for what its manifest does not is broken, and a fault says so"
)]
fn answer<T>(answer: Result<T, LookupFailure>) -> Option<T> {
    match answer {
        Ok(found) => Some(found),
        Err(LookupFailure::Pending | LookupFailure::Unavailable(_)) => None,
        Err(LookupFailure::NotGranted(refusal)) => {
            panic!("{}: {}", refusal.code, refusal.message.en)
        }
    }
}

/// The registers of the form, each with the key it is looked up by; `None` without a unit.
fn keys<'a, M: Matter>(
    filer: &'a Filer,
    subject: &'a Subject,
) -> impl Iterator<Item = (&'static str, Option<&'a String>)> {
    M::Answers::REGISTERS.iter().map(move |&(register, key)| {
        let whose = match key {
            RegisterKey::Subject => Some(subject),
            RegisterKey::Unit => filer.unit.as_ref(),
            RegisterKey::Filer => Some(&filer.person),
        };
        (register, whose.map(|whose| &whose.identifier))
    })
}

fn look_up(register: &str, key: &str) -> Option<registers::Entry> {
    let entries = answer(registers::lookup(register, &[key.to_owned()]))?;
    entries.into_iter().next().flatten()
}

/// What the registers say of a filer and a subject.
struct Registers(BTreeMap<&'static str, Option<Rc<Json>>>);

impl Registers {
    /// Asks every register of the form, all before any answer is used: what the host has yet to
    /// fetch, it then fetches together.
    fn read<M: Matter>(submission: &Submission, facts: &Facts<'_>) -> Self {
        let entry = |register, key: Option<&String>| facts.entry(register, key?);
        let asked = keys::<M>(&submission.filer, &submission.subject);
        Self(
            asked
                .map(|(register, key)| (register, entry(register, key)))
                .collect(),
        )
    }

    fn value(&self, register: &str, field: &str) -> Option<&Json> {
        let entry = self.0.get(register)?.as_ref()?;
        entry.get(field).filter(|value| !value.is_null())
    }
}

fn unknown_elements<M: Matter>(json: &Map<String, Json>, out: &mut Assessing) {
    for code in json.keys() {
        if !M::Answers::ELEMENTS
            .iter()
            .any(|element| element.code == code)
        {
            out.error(
                &format!("/{code}"),
                "unknown-element",
                "表单没有这一项，请删除",
                "the form has no such element; leave it out",
                "",
            );
        }
    }
}

/// Elements of registers whose value no register confirms.
#[derive(Default)]
struct Doubts {
    disputed: Vec<&'static str>,
    unverified: Vec<&'static str>,
}

/// Holds what was handed in against the registers: a locked value must be the register's, a
/// disputed one is told, what no register confirms is marked for the reviewer.
fn compare<M: Matter>(json: &Map<String, Json>, known: &Registers, out: &mut Assessing) -> Doubts {
    let mut doubts = Doubts::default();
    for element in M::Answers::ELEMENTS {
        let path = format!("/{}", element.code);
        let given = json.get(element.code).filter(|value| !value.is_null());
        match element.source {
            SourceRule::Typed if given.is_none() && !element.optional => required(&path, out),
            SourceRule::Typed | SourceRule::Derived => {}
            SourceRule::Register {
                register,
                field,
                lock,
            } => {
                let held = known.value(register, field);
                hold_against(element, given, held, lock, &path, out);
                match (given, held, lock) {
                    (Some(given), Some(held), Lock::Disputable) if given != held => {
                        doubts.disputed.push(element.code);
                    }
                    (Some(_), None, Lock::Disputable | Lock::Free) => {
                        doubts.unverified.push(element.code);
                    }
                    _ => {}
                }
            }
        }
    }
    doubts
}

fn hold_against(
    element: &ElementRule,
    given: Option<&Json>,
    held: Option<&Json>,
    lock: Lock,
    path: &str,
    out: &mut Assessing,
) {
    match (given, held, lock) {
        (Some(given), Some(held), _) if given == held => {}
        (None, None, Lock::Owner) => {}
        (None, None, _) if element.optional => {}
        (None, _, _) => required(path, out),
        (Some(_), None, Lock::Owner) => out.error(
            path,
            "not-yours-to-type",
            "该项由主管部门的共享数据提供，暂无数据，不能代填；请留空，由该部门在其环节补齐",
            "this value belongs to the register's owner and is not available; leave it empty, its office supplies it",
            "",
        ),
        (Some(_), None, _) => out.warning(
            path,
            "unverified",
            "未核验：共享数据暂无此项，由经办人填写",
            "not verified: no register confirms what was typed",
            "",
        ),
        (Some(_), Some(_), Lock::Owner) => out.error(
            path,
            "locked",
            "与共享数据不一致；该项只能由数据主管部门更正，请发起数据校核",
            "differs from the register; only the register's owner corrects it",
            "",
        ),
        (Some(_), Some(held), Lock::Disputable) => out.warning(
            path,
            "disputed",
            format!("与共享数据不一致，共享数据为 {held}；两值并存，须附依据"),
            format!("differs from the register, which has {held}; both are kept, evidence is needed"),
            "",
        ),
        (Some(_), Some(_), Lock::Free) => {}
    }
}

fn required(path: &str, out: &mut Assessing) {
    if !out.has_error_at(path) {
        out.error(path, "required", "必填", "is required", "");
    }
}

/// A computed value may be handed in as it was shown, never otherwise, and not where nothing could be
/// computed.
fn derived_differs<M: Matter>(json: &Map<String, Json>, derived: &Derived, out: &mut Assessing) {
    let computed = M::Answers::ELEMENTS
        .iter()
        .filter(|element| matches!(element.source, SourceRule::Derived));
    for element in computed {
        let value = derived.value(element.code);
        let given = json.get(element.code).filter(|given| !given.is_null());
        if given.is_none() || given == value {
            continue;
        }
        let (zh, en) = match value {
            Some(value) => (
                format!("该项由系统计算，应为 {value}"),
                format!("this value is computed and is {value}"),
            ),
            None => (
                "该项由系统计算，现在算不出，请留空".to_owned(),
                "this value is computed and cannot be now; leave it empty".to_owned(),
            ),
        };
        out.error(&format!("/{}", element.code), "derived-differs", zh, en, "");
    }
}
