//! A bundle that misbehaves on request, for the tests of the sandbox.
//!
//! `prefill` does what its `purpose` names, `respond` what the code of an `other` event names; every
//! name is an arm of a `match` below. Anything else is answered as a good bundle would. It knows
//! nothing of how the host defends itself.

#![expect(
    unsafe_code,
    reason = "strings that are not UTF-8 or point where they must not are made no other way"
)]

mod bindings {
    #![allow(missing_docs, clippy::all, reason = "generated")]
    wit_bindgen::generate!({ path: "../../wit", world: "bundle" });
}

use bindings::exports::onething::matter::matter::Guest;
use bindings::onething::matter::proceedings::{
    Assessment, CaseView, Directive, Event, Lock, Prefilled,
};
use bindings::onething::matter::seals::{Document, Owner};
use bindings::onething::matter::types::{
    Filer, FilledForm, LookupFailure, Office, Phase, Refusal, Step, StepMode, Subject, Submission,
    Text, Ticket, TimeLimit,
};
use bindings::onething::matter::{
    clock, deliveries, intake, log, notices, parameters, payments, registers, seals,
};
use std::cell::Cell;
use std::mem::ManuallyDrop;

struct Hostile;

bindings::export!(Hostile with_types_in bindings);

impl Guest for Hostile {
    fn prefill(_: Filer, subject: Subject, purpose: String) -> Result<Vec<Prefilled>, Refusal> {
        match purpose.as_str() {
            "endless-loop" => endless_loop(),
            "memory-bomb" => memory_bomb(),
            "deep-recursion" => return Ok(vec![value("depth", deep_recursion(0).to_string())]),
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
                return Ok((0..5_000)
                    .map(|_| value("filler", filler.clone()))
                    .collect());
            }
            "aliased-output" => return Ok(aliased_output()),
            "aliased-keys" => {
                let keys: Vec<_> = aliases(20_000, 1 << 20);
                let _ = registers::lookup("population", &keys);
                std::mem::forget(keys);
            }
            "invalid-utf8" => {
                // SAFETY: unsound on purpose; the host must not take it for text.
                let text = unsafe { String::from_utf8_unchecked(vec![b'"', 0xC3, 0x28, b'"']) };
                return Ok(vec![value("broken", text)]);
            }
            "out-of-bounds" => {
                let text = alias(&[], 1 << 30);
                return Ok(vec![Prefilled {
                    value: Some(text),
                    ..value("broken", String::new())
                }]);
            }
            "bad-json" => return Ok(vec![value("broken", "{\"half\": ".to_owned())]),
            "lone-surrogate" => return Ok(vec![value("broken", "\"\\ud800\"".to_owned())]),
            "deep-json" => return Ok(vec![value("broken", "[".repeat(1000) + &"]".repeat(1000))]),
            "not-granted" => return Ok(not_granted(&subject)),
            "never-settles" => never_settles(),
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
            "remembers" => return Ok(vec![value("calls", remember().to_string())]),
            "nan" => return Ok(vec![value("nan", nan_bits().to_string())]),
            _ => return good_prefill(&subject),
        }
        Ok(Vec::new())
    }

    fn assess(_: Submission) -> Assessment {
        Assessment {
            scenario: "ordinary".to_owned(),
            derived: intake::answers(),
            findings: Vec::new(),
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
                en: "Review".to_owned(),
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
                code(payments::pay("unheard-of", &[], &[])),
                code(payments::release("unheard-of")),
            ],
            "unknown-ticket" => {
                let after = ["somebody-else-1".to_owned()];
                vec![
                    code(affix(Owner::Unit, Vec::new(), &after)),
                    code(notify("done", "{}", &after)),
                    code(deliveries::push("application", &office(region), &after)),
                    code(payments::pay("relief", &[], &after)),
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
    let line = payments::Payment {
        line: "1".to_owned(),
        payee: "张建国".to_owned(),
        account: "6222000000000000000".to_owned(),
        amount: "1200.00".to_owned(),
        purpose: "relief".to_owned(),
    };
    vec![
        seal,
        code(deliveries::push("application", &office(region), &after)),
        code(notify("done", "{\"name\": \"张建国\"}", &after)),
        code(payments::pay("relief", &[line], &[])),
        code(payments::release("relief")),
    ]
}

fn endless_loop() {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

fn memory_bomb() {
    let mut held = Vec::new();
    loop {
        held.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&held);
    }
}

#[expect(unconditional_recursion, reason = "that is the point")]
fn deep_recursion(depth: u64) -> u64 {
    std::hint::black_box(deep_recursion(std::hint::black_box(depth + 1))) + 1
}

/// Gigabytes for the host to copy out of one guest megabyte.
fn aliased_output() -> Vec<Prefilled> {
    aliases(4096, 1 << 20)
        .into_iter()
        .map(|text| value("alias", text))
        .collect()
}

/// Many strings over the same bytes.
fn aliases(count: usize, bytes: usize) -> Vec<String> {
    let text = ManuallyDrop::new("1".repeat(bytes));
    (0..count).map(|_| alias(text.as_bytes(), bytes)).collect()
}

fn alias(bytes: &[u8], length: usize) -> String {
    // SAFETY: unsound on purpose; nobody frees it before the host has looked.
    unsafe { String::from_raw_parts(bytes.as_ptr().cast_mut(), length, length) }
}

fn not_granted(subject: &Subject) -> Vec<Prefilled> {
    let register = registers::lookup("tax", std::slice::from_ref(&subject.identifier)).map(drop);
    let parameter = parameters::in_force("tax-rate", &clock::today()).map(drop);
    [register, parameter]
        .into_iter()
        .map(|result| match result {
            Err(LookupFailure::NotGranted(refusal)) => refusal.code,
            Err(LookupFailure::Pending) => "pending".to_owned(),
            Err(LookupFailure::Unavailable(_)) => "unavailable".to_owned(),
            Ok(()) => "answered".to_owned(),
        })
        .map(|code| value("refused", quoted(&code)))
        .collect()
}

/// Asks one thing more each time that everything before was answered.
fn never_settles() {
    for number in 0.. {
        if registers::lookup("population", &[number.to_string()]).is_err() {
            return;
        }
    }
}

/// How often this instance was called.
fn remember() -> u32 {
    thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });
    CALLS.with(|calls| {
        calls.set(calls.get() + 1);
        calls.get()
    })
}

/// The bits of a NaN out of arithmetic, which processors choose differently.
fn nan_bits() -> u64 {
    let zero = std::hint::black_box(0.0_f64);
    (zero / -zero).to_bits()
}
