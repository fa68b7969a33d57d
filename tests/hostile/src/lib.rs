//! A bundle that misbehaves on request, for the tests of the sandbox.
//!
//! `prefill` does what its `purpose` names, `respond` what the code of an `other` event names, `reach`
//! what a subject's identifier names; every name is an arm of a `match` below. Anything else is answered as a good bundle would. It knows
//! nothing of how the host defends itself.

mod rules;

mod bindings {
    #![allow(missing_docs, unsafe_code, clippy::all, reason = "generated")]
    wit_bindgen::generate!({ path: "../../wit", world: "outreach-bundle" });
}

use bindings::exports::onething::matter::matter::Guest;
use bindings::exports::onething::matter::outreach::{Guest as Outreach, Offer};
use bindings::onething::matter::proceedings::{
    Assessment, CaseView, Directive, Event, Lock, Prefilled,
};
use bindings::onething::matter::seals::{Document, Owner};
use bindings::onething::matter::types::{
    Filer, FilledForm, Finding, LookupFailure, Office, Phase, Refusal, Severity, Step, StepMode,
    Subject, Submission, Text, Ticket, TimeLimit,
};
use bindings::onething::matter::{
    clock, deliveries, intake, log, notices, payments, registers, seals,
};

struct Hostile;

/// What tests write over in the component to make another version of the same size: `assess` and
/// `plan` both say it, so that it shows when the two were answered by different versions.
static VARIANT: [u8; 16] = *b"hostile-variant0";

fn variant() -> String {
    // Read from memory, so that it stays in the component as it stands here.
    let bytes = std::hint::black_box(&VARIANT);
    String::from_utf8_lossy(bytes).into_owned()
}

mod exported {
    #![allow(unsafe_code, reason = "generated: the component ABI")]
    use super::{Hostile, bindings};
    bindings::export!(Hostile with_types_in bindings);
}

impl Guest for Hostile {
    fn prefill(_: Filer, subject: Subject, purpose: String) -> Result<Vec<Prefilled>, Refusal> {
        match purpose.as_str() {
            "endless-loop" => rules::endless_loop(),
            "memory-bomb" => rules::memory_bomb(),
            "deep-recursion" => {
                return Ok(vec![value("depth", rules::deep_recursion(0).to_string())]);
            }
            "trap" => std::process::abort(),
            "panic" => {
                log::write(log::Level::Error, "panicked: no such element");
                std::process::abort()
            }
            "call-flood" => loop {
                clock::now();
            },
            "key-flood" => {
                // One call, many keys.
                let keys = vec![String::new(); 100_000];
                let _ = registers::lookup("population", &keys);
            }
            "reading-flood" => loop {
                intake::answers();
            },
            "log-flood" => {
                for _ in 0..100 {
                    log::write(log::Level::Info, &"养老".repeat(500));
                }
            }
            "log-endless" => loop {
                log::write(log::Level::Info, &"x".repeat(100_000));
            },
            "output-flood" => {
                let filler = format!("\"{}\"", "x".repeat(1000));
                return Ok((0..50_000)
                    .map(|_| value("filler", filler.clone()))
                    .collect());
            }
            "aliased-output" => return Ok(rules::aliased_output()),
            "aliased-keys" => {
                let keys: Vec<_> = rules::aliases(20_000, 1 << 20);
                let _ = registers::lookup("population", &keys);
                std::mem::forget(keys);
            }
            "invalid-utf8" => return Ok(vec![value("broken", rules::invalid_utf8())]),
            "out-of-bounds" => {
                let text = rules::alias(&[], 1 << 30);
                return Ok(vec![Prefilled {
                    value: Some(text),
                    ..value("broken", String::new())
                }]);
            }
            "bad-json" => return Ok(vec![value("broken", "{\"half\": ".to_owned())]),
            "lone-surrogate" => return Ok(vec![value("broken", "\"\\ud800\"".to_owned())]),
            "deep-json" => return Ok(vec![value("broken", "[".repeat(1000) + &"]".repeat(1000))]),
            "not-granted" => return Ok(rules::not_granted(&subject)),
            "never-settles" => rules::never_settles(),
            "traps-while-pending" => {
                if registers::lookup("population", &[subject.identifier]).is_err() {
                    std::process::abort();
                }
            }
            "effect-outside-respond" => {
                let refused = seals::affix(&seals::Request {
                    seal: Owner::Unit,
                    documents: Vec::new(),
                    after: Vec::new(),
                });
                return Ok(vec![value("seal", quoted(&code(refused)))]);
            }
            "remembers" => return Ok(vec![value("calls", rules::remember().to_string())]),
            "nan" => return Ok(vec![value("nan", rules::nan_bits().to_string())]),
            _ => return good_prefill(&subject),
        }
        Ok(Vec::new())
    }

    fn assess(_: Submission) -> Assessment {
        Assessment {
            scenario: "ordinary".to_owned(),
            derived: intake::answers(),
            findings: vec![Finding {
                severity: Severity::Warning,
                path: String::new(),
                code: variant(),
                message: Text {
                    zh: "版本".to_owned(),
                    en: "Variant".to_owned(),
                },
                basis: None,
            }],
            missing: Vec::new(),
            unique_keys: Vec::new(),
            reservations: Vec::new(),
        }
    }

    fn plan(submission: Submission, _: String) -> Vec<Step> {
        vec![Step {
            id: "review".to_owned(),
            office: office(&submission.region),
            role: "reviewer".to_owned(),
            title: Text {
                zh: "审核".to_owned(),
                en: variant(),
            },
            lead: true,
            after: Vec::new(),
            effective_after: Vec::new(),
            legal_limit: TimeLimit::WorkingDays(15),
            promised_limit: TimeLimit::WorkingDays(2),
            mode: StepMode::Manual,
            phase: Phase::Examination,
            reads: Vec::new(),
            payload_schema: None,
        }]
    }

    fn project(view: CaseView) -> Vec<FilledForm> {
        vec![FilledForm {
            form: "application".to_owned(),
            office: office(&view.submission.region),
            values: intake::answers(),
        }]
    }

    fn respond(view: CaseView, event: Event) -> Vec<Directive> {
        let Event::Other((wish, _)) = event else {
            return Vec::new();
        };
        let region = &view.submission.region;
        let codes = match wish.as_str() {
            "all-effects" => all_effects(region),
            "not-granted" => vec![
                code(affix(Owner::Office(stranger(region)), Vec::new(), &[])),
                code(notify("unheard-of", "{}", &[])),
                code(deliveries::push("application", &stranger(region), &[])),
                code(pay("unheard-of", &[], &[])),
                code(payments::release("unheard-of")),
            ],
            "unknown-ticket" => {
                let after = ["somebody-else-1".to_owned()];
                vec![
                    code(affix(Owner::Unit, Vec::new(), &after)),
                    code(notify("done", "{}", &after)),
                    code(deliveries::push("application", &office(region), &after)),
                    code(pay("relief", &[], &after)),
                ]
            }
            "unknown-document" => vec![
                code(affix(
                    Owner::Unit,
                    vec![Document::Form("unheard-of".to_owned())],
                    &[],
                )),
                code(affix(
                    Owner::Unit,
                    vec![Document::Decision("unheard-of".to_owned())],
                    &[],
                )),
                code(deliveries::push("unheard-of", &office(region), &[])),
            ],
            "not-reserved" => vec![
                code(pay("relief", &["1200.01"], &[])),
                code(pay("relief", &["1000.00", "-1.00"], &[])),
                code(pay("relief", &["much"], &[])),
                code(pay("relief", &["1000.00", "200.00"], &[])),
                code(pay("relief", &["0.01"], &[])),
            ],
            "bad-values" => vec![code(notify("done", "[1, 2]", &[]))],
            "effect-flood" => loop {
                let _ = notify(
                    "done",
                    &format!("{{\"filler\": \"{}\"}}", "x".repeat(10_000)),
                    &[],
                );
            },
            _ => Vec::new(),
        };
        let list = codes.iter().map(|code| quoted(code)).collect::<Vec<_>>();
        vec![Directive::Other((wish, format!("[{}]", list.join(","))))]
    }
}

impl Outreach for Hostile {
    fn reach(subjects: Vec<Subject>, _: Vec<String>, _: String) -> Vec<Offer> {
        subjects.into_iter().map(offer).collect()
    }
}

fn offer(subject: Subject) -> Offer {
    let good = Offer {
        code: "relief".to_owned(),
        occasion: "2025".to_owned(),
        amount: Some("1.00".to_owned()),
        notices: Vec::new(),
        counted_by: Vec::new(),
        answers: None,
        subject,
    };
    match good.subject.identifier.as_str() {
        "trap" => std::process::abort(),
        "stranger" => Offer {
            subject: Subject {
                identifier: "somebody-else".to_owned(),
                ..good.subject
            },
            ..good
        },
        "no-amount" => Offer {
            amount: Some("much".to_owned()),
            ..good
        },
        "no-code" => Offer {
            code: String::new(),
            ..good
        },
        _ => good,
    }
}

fn good_prefill(subject: &Subject) -> Result<Vec<Prefilled>, Refusal> {
    match registers::lookup("population", std::slice::from_ref(&subject.identifier)) {
        Ok(entries) => Ok(entries
            .into_iter()
            .flatten()
            .map(|entry| Prefilled {
                as_of: Some(entry.as_of),
                source: entry.source,
                ..value("AAC003", entry.value)
            })
            .collect()),
        Err(LookupFailure::Pending) => Ok(Vec::new()),
        Err(LookupFailure::NotGranted(refusal) | LookupFailure::Unavailable(refusal)) => {
            Err(refusal)
        }
    }
}

fn value(element: &str, value: String) -> Prefilled {
    Prefilled {
        element: element.to_owned(),
        value: Some(value),
        source: String::new(),
        as_of: None,
        lock: Lock::Free,
    }
}

/// A code as a JSON string.
fn quoted(code: &str) -> String {
    format!("\"{code}\"")
}

fn office(region: &str) -> Office {
    Office {
        function: "social-insurance".to_owned(),
        region: region.to_owned(),
    }
}

/// An office that the manifest does not name.
fn stranger(region: &str) -> Office {
    Office {
        function: "tax".to_owned(),
        region: region.to_owned(),
    }
}

fn affix(seal: Owner, documents: Vec<Document>, after: &[Ticket]) -> Result<Ticket, Refusal> {
    seals::affix(&seals::Request {
        seal,
        documents,
        after: after.to_vec(),
    })
}

fn notify(template: &str, values: &str, after: &[Ticket]) -> Result<Ticket, Refusal> {
    notices::send(&notices::Notice {
        to: notices::Recipient::Office(office("331102")),
        template: template.to_owned(),
        values: values.to_owned(),
        after: after.to_vec(),
    })
}

fn pay(budget: &str, amounts: &[&str], after: &[Ticket]) -> Result<Ticket, Refusal> {
    let line = |(number, amount): (u32, &&str)| payments::Payment {
        line: number.to_string(),
        payee: "张建国".to_owned(),
        account: "6222000000000000000".to_owned(),
        bank: None,
        amount: (*amount).to_owned(),
        purpose: "relief".to_owned(),
    };
    payments::pay(&payments::Order {
        budget: budget.to_owned(),
        category: "GOVT".to_owned(),
        execute_on: "2025-01-10".to_owned(),
        lines: (1..).zip(amounts).map(line).collect(),
        after: after.to_vec(),
    })
}

/// The ticket, or the refusal's code.
fn code(result: Result<Ticket, Refusal>) -> String {
    result.unwrap_or_else(|refusal| refusal.code)
}

fn all_effects(region: &str) -> Vec<String> {
    let documents = vec![
        Document::Form("application".to_owned()),
        Document::Decision("review".to_owned()),
    ];
    let seal = code(affix(Owner::Office(office(region)), documents, &[]));
    let after = [seal.clone()];
    vec![
        seal,
        code(deliveries::push("application", &office(region), &after)),
        code(notify("done", "{\"name\": \"张建国\"}", &after)),
        code(pay("relief", &["1200.00"], &[])),
        code(payments::release("relief")),
    ]
}
