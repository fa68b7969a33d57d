//! The sandbox against a bundle that does its worst: each misdeed ends with its own name, nothing
//! of it is committed, and the host goes on as before.

use onething_contract::{Directive, Document, Effect, Event, Found, Lookup, Refusal, SealOwner};
use onething_runtime::{Bundle, Call, Facts, Fault, Limits, Outcome, Output, Run, Runtime};
use onething_tests::given::{
    CITIZEN, filer, found, inputs, lookup, office, person, population, submission, text, view,
};
use onething_tests::hostile;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

pub static COMPONENT: LazyLock<Vec<u8>> = LazyLock::new(hostile::component);
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| runtime(Limits::default()));
pub static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| load(&RUNTIME));

#[test]
fn every_misdeed_has_its_name() {
    for (purpose, name) in [
        ("endless-loop", "out-of-fuel"),
        ("memory-bomb", "out-of-memory"),
        ("deep-recursion", "stack-overflow"),
        ("trap", "trapped"),
        ("panic", "trapped"),
        ("call-flood", "too-many-host-calls"),
        ("key-flood", "too-many-host-calls"),
        ("reading-flood", "too-many-host-calls"),
        ("log-endless", "output-too-large"),
        ("output-flood", "output-too-large"),
        ("aliased-output", "output-too-large"),
        ("aliased-keys", "output-too-large"),
        ("invalid-utf8", "malformed-output"),
        ("out-of-bounds", "malformed-output"),
        ("bad-json", "malformed-output"),
        ("lone-surrogate", "malformed-output"),
        ("deep-json", "malformed-output"),
        ("never-settles", "never-settles"),
    ] {
        let run = prefill(purpose, Nobody);
        let fault = run.outcome.expect_err(purpose);
        assert_eq!(fault.name(), name, "{purpose}: {fault}");
        let usage = run.usage;
        let limits = RUNTIME.limits();
        assert!(usage.fuel <= Some(limits.fuel), "{purpose}: {usage:?}");
        assert!(
            usage.memory_bytes <= Some(limits.memory_bytes),
            "{purpose}: {usage:?}"
        );
        // And the host does its work as if nothing had been.
        assert_eq!(
            values(prefill("", population())),
            ["\"张建国\""],
            "after {purpose}"
        );
    }
    // `respond` can flood with effects too, and nothing of it is left to commit.
    let fault = respond("effect-flood").outcome.expect_err("a flood");
    assert_eq!(fault.name(), "output-too-large");
    let fault = respond("bad-values")
        .outcome
        .expect_err("values are an object");
    assert_eq!(fault.name(), "malformed-output");
}

#[test]
fn floods_cost_the_host_no_memory() {
    // The aliased strings are 4 GiB to whoever copies them, the keys 20.
    let before = resident_bytes();
    for purpose in [
        "aliased-output",
        "aliased-keys",
        "output-flood",
        "log-endless",
    ] {
        let fault = prefill(purpose, Nobody).outcome.expect_err(purpose);
        assert_eq!(fault.name(), "output-too-large");
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 128 << 20, "{grown} bytes");
}

#[test]
fn a_trap_tells_the_last_words() {
    let Err(Fault::Trapped { message }) = prefill("panic", Nobody).outcome else {
        panic!("it panics");
    };
    assert!(message.ends_with("panicked: no such element"), "{message}");
}

#[test]
fn the_backstop_stops_what_fuel_does_not() {
    let bundle = load(&runtime(Limits {
        fuel: u64::MAX,
        time_ms_max: 50,
        ..Limits::default()
    }));
    let run = bundle.invoke(&prefill_call("endless-loop"), inputs(Nobody));
    assert_eq!(run.outcome, Err(Fault::OutOfTime { limit_ms: 50 }));
    assert!(run.usage.time_us < 2_000_000, "{:?}", run.usage);
}

#[test]
fn input_is_limited_before_the_bundle_sees_it() {
    let bundle = load(&runtime(Limits {
        input_bytes: 10_000,
        ..Limits::default()
    }));
    let call = prefill_call(&"x".repeat(10_000));
    let run = bundle.invoke(&call, inputs(Nobody));
    assert_eq!(run.outcome, Err(Fault::InputTooLarge { limit: 10_000 }));
    assert_eq!(run.usage.fuel, None);

    // So are answers and what lookups find, each time they are handed over.
    let mut inputs_large = inputs(Nobody);
    inputs_large.answers = format!("{{\"x\": \"{}\"}}", "x".repeat(10_000)).into();
    let call = Call::Assess {
        submission: submission(),
    };
    let run = bundle.invoke(&call, inputs_large);
    assert_eq!(run.outcome, Err(Fault::InputTooLarge { limit: 10_000 }));
    let large = BTreeMap::from([(
        lookup(CITIZEN),
        found(&format!("\"{}\"", "x".repeat(10_000))),
    )]);
    let run = bundle.invoke(&prefill_call(""), inputs(large));
    assert_eq!(run.outcome, Err(Fault::InputTooLarge { limit: 10_000 }));
}

#[test]
fn a_long_log_is_cut_and_the_run_says_so() {
    let run = prefill("log-flood", Nobody);
    assert!(run.outcome.is_ok());
    assert!(run.usage.log_cut);
    let kept: usize = run.log.iter().map(|line| line.message.len()).sum();
    assert_eq!(kept, run.usage.log_bytes);
    let limit = RUNTIME.limits().log_bytes;
    // Cut at a character, each of three bytes.
    assert!(kept <= limit && kept > limit - 3, "{kept}");
}

#[test]
fn what_is_not_granted_is_refused_as_a_value() {
    let run = prefill("not-granted", Nobody);
    assert_eq!(run.usage.passes, 1, "nothing was asked of anybody");
    assert_eq!(values(run), ["\"not-granted\"", "\"not-granted\""]);

    let refused = values(prefill("effect-outside-respond", Nobody));
    assert_eq!(refused, ["\"not-here\""]);

    for (wish, refusals) in [
        ("not-granted", &["not-granted"; 5][..]),
        ("unknown-ticket", &["unknown-ticket"; 4]),
        ("unknown-document", &["unknown-document"; 3]),
    ] {
        let done = outcome(respond(wish));
        assert_eq!(codes_of(&done), refusals, "{wish}");
        assert_eq!(done.intents, [], "{wish}");
    }
}

#[test]
fn a_case_pays_no_more_than_it_holds() {
    let done = outcome(respond("not-reserved"));
    let no = "not-reserved";
    assert_eq!(codes_of(&done), [no, no, no, "r331-7-1", no]);
    assert_eq!(done.intents.len(), 1);
}

#[test]
fn effects_are_promised_in_their_order() {
    let outcome = outcome(respond("all-effects"));
    let tickets = ["r331-7-1", "r331-7-2", "r331-7-3", "r331-7-4", "r331-7-5"];
    assert_eq!(codes_of(&outcome), tickets);
    let promised: Vec<_> = outcome
        .intents
        .iter()
        .map(|intent| intent.ticket.as_str())
        .collect();
    assert_eq!(promised, tickets);
    assert_eq!(outcome.intents[1].after, ["r331-7-1"]);
    assert_eq!(
        outcome.intents[0].effect,
        Effect::Seal {
            owner: SealOwner::Office(office()),
            documents: vec![
                Document::Form("application".to_owned()),
                Document::Decision("review".to_owned()),
            ],
        }
    );
}

#[test]
fn a_pending_pass_is_void_whatever_it_came_to() {
    let at_hand = outcome(prefill("", population()));
    for purpose in ["", "traps-while-pending"] {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let run = prefill(
            purpose,
            Fetching {
                asked: Arc::clone(&asked),
            },
        );
        assert_eq!(run.usage.passes, 2, "{purpose}");
        assert_eq!(*asked.lock().unwrap(), [vec![lookup(CITIZEN)]]);
        let again = outcome(run);
        assert_eq!(again.lookups, at_hand.lookups, "{purpose}");
        if purpose.is_empty() {
            assert_eq!(again.journal(1, "d"), at_hand.journal(1, "d"));
        }
    }
}

#[test]
fn what_never_settles_is_stopped_without_telling_keys() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let run = prefill(
        "never-settles",
        Fetching {
            asked: Arc::clone(&asked),
        },
    );
    let passes = RUNTIME.limits().passes;
    assert_eq!(run.usage.passes, passes);
    let wanted = "population".to_owned();
    assert_eq!(run.outcome, Err(Fault::NeverSettles { passes, wanted }));
    assert_eq!(asked.lock().unwrap().len(), passes as usize - 1);
}

#[test]
fn a_register_that_is_down_is_an_answer() {
    let down = Refusal {
        code: "unavailable".to_owned(),
        message: text("维护中", "down for maintenance"),
        basis: None,
    };
    let facts = BTreeMap::from([(lookup(CITIZEN), Found::Unavailable(down.clone()))]);
    let outcome = outcome(prefill("", facts));
    assert_eq!(outcome.output, Output::Prefill(Err(down)));
}

#[test]
fn the_same_again_gives_the_same_bytes() {
    let calls = || {
        [
            prefill_call(""),
            Call::Assess {
                submission: submission(),
            },
            Call::Plan {
                submission: submission(),
                scenario: "ordinary".to_owned(),
            },
            Call::Project { view: view() },
            respond_call("all-effects"),
            prefill_call("nan"),
        ]
    };
    let mut warm = BUNDLE.instantiate().unwrap();
    let elsewhere = load(&runtime(Limits::default()));
    for (number, call) in calls().into_iter().enumerate() {
        let journal = |run: Run| outcome(run).journal(number as u64, BUNDLE.digest());
        let first = journal(BUNDLE.invoke(&call, inputs(population())));
        assert_eq!(journal(BUNDLE.invoke(&call, inputs(population()))), first);
        assert_eq!(journal(warm.call(&call, inputs(population()))), first);
        assert_eq!(
            journal(elsewhere.invoke(&call, inputs(population()))),
            first
        );

        // And the journal is enough to run it again, and is read back whole.
        let read: Outcome = serde_json::from_slice(&first).unwrap();
        let recorded: BTreeMap<_, _> = read.lookups.iter().cloned().collect();
        assert_eq!(journal(BUNDLE.invoke(&call, inputs(recorded))), first);
        assert_eq!(read.journal(number as u64, BUNDLE.digest()), first);
    }
    let nan = values(prefill("nan", Nobody));
    assert_eq!(nan, [0x7FF8_0000_0000_0000_u64.to_string()], "canonical");
}

#[test]
fn nothing_is_left_from_one_run_to_the_next() {
    for _ in 0..3 {
        assert_eq!(values(prefill("remembers", Nobody)), ["1"]);
    }
    let mut warm = BUNDLE.instantiate().unwrap();
    for calls in ["1", "2"] {
        let run = warm.call(&prefill_call("remembers"), inputs(Nobody));
        assert_eq!(values(run), [calls]);
    }
}

#[test]
fn many_at_once_do_not_meet() {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                assert!(prefill("memory-bomb", Nobody).outcome.is_err());
                for _ in 0..20 {
                    assert_eq!(values(prefill("", population())), ["\"张建国\""]);
                    assert!(prefill("trap", Nobody).outcome.is_err());
                    assert_eq!(values(prefill("remembers", Nobody)), ["1"]);
                }
            });
        }
    });
}

// What the tests are given.

/// A source that knows nothing and is never asked twice.
struct Nobody;

impl Facts for Nobody {
    fn known(&self, _: &Lookup) -> Option<Found> {
        None
    }

    fn fetch(&self, wanted: &[Lookup]) -> Vec<Found> {
        wanted.iter().map(|_| Found::Entry(None)).collect()
    }
}

/// A source that has nothing at hand and can fetch everything.
struct Fetching {
    asked: Arc<Mutex<Vec<Vec<Lookup>>>>,
}

impl Facts for Fetching {
    fn known(&self, _: &Lookup) -> Option<Found> {
        None
    }

    fn fetch(&self, wanted: &[Lookup]) -> Vec<Found> {
        self.asked.lock().unwrap().push(wanted.to_vec());
        wanted.iter().map(|_| found("\"张建国\"")).collect()
    }
}

pub fn runtime(limits: Limits) -> Runtime {
    Runtime::new(limits, None).unwrap()
}

pub fn load(runtime: &Runtime) -> Bundle {
    runtime.load(&COMPONENT).unwrap()
}

fn prefill(purpose: &str, facts: impl Facts + 'static) -> Run {
    BUNDLE.invoke(&prefill_call(purpose), inputs(facts))
}

fn respond(wish: &str) -> Run {
    BUNDLE.invoke(&respond_call(wish), inputs(Nobody))
}

pub fn prefill_call(purpose: &str) -> Call {
    Call::Prefill {
        filer: filer(),
        subject: person(CITIZEN),
        purpose: purpose.to_owned(),
    }
}

fn respond_call(wish: &str) -> Call {
    Call::Respond {
        view: view(),
        event: Event::Other((wish.to_owned(), "null".to_owned())),
    }
}

fn outcome(run: Run) -> Outcome {
    run.outcome.unwrap()
}

/// The values that a `prefill` came to.
pub fn values(run: Run) -> Vec<String> {
    match outcome(run).output {
        Output::Prefill(Ok(prefilled)) => prefilled
            .into_iter()
            .filter_map(|prefilled| prefilled.value)
            .collect(),
        other => panic!("{other:?}"),
    }
}

/// What the calls of a `respond` came to, ticket or refusal.
fn codes_of(outcome: &Outcome) -> Vec<String> {
    match &outcome.output {
        Output::Respond(directives) => match &directives[..] {
            [Directive::Other((_, codes))] => serde_json::from_str(codes).unwrap(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// What the process holds in memory.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kibibytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes << 10
}
