//! What the runtime costs: each export through it, with grants, journal and limits, against a bare
//! wasmtime that instantiates the same component under the same settings and calls the same export
//! with the same arguments. Then a fresh instance against a warm one, loading against compiling, and
//! what a resident host holds in memory.
//!
//! Criterion keeps the figures; the ratios, which compare two things of the same minute, are
//! measured in turns and printed first.

#![expect(clippy::print_stdout, reason = "the ratios are the result")]
#![expect(clippy::unwrap_used, reason = "a bench may")]

use criterion::{BatchSize, Criterion};
use onething_contract::{Assessment, CaseView, Directive, Event, FilledForm, Step, Submission};
use onething_runtime::{Bundle, Call, Inputs, Limits, Runtime};
use onething_tests::given::{inputs, population, submission, view};
use onething_tests::hostile;
use std::hint::black_box;
use std::time::{Duration, Instant};

mod bare;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = Runtime::new(Limits::default(), Some(dir.path())).unwrap();
    let component = hostile::component();

    memory(&runtime, component);
    let bundle = runtime.load(component).unwrap();
    let bare = bare::Bare::new(component, &Limits::default());
    ratios(&bundle, &bare);
    loading(&runtime, component);

    let mut criterion = Criterion::default().configure_from_args();
    for (name, call) in calls() {
        let mut group = criterion.benchmark_group(name);
        group.bench_function("bare", |bencher| bencher.iter(|| bare.call(&call)));
        group.bench_function("runtime", |bencher| {
            bencher.iter_batched(
                || (call.clone(), inputs(population())),
                |(call, inputs)| bundle.invoke(call, inputs),
                BatchSize::SmallInput,
            );
        });
        group.bench_function("warm", |bencher| {
            let mut instance = bundle.instantiate().unwrap();
            bencher.iter_batched(
                || (call.clone(), inputs(population())),
                |(call, inputs)| instance.call(call, inputs),
                BatchSize::SmallInput,
            );
        });
        group.finish();
    }
    criterion.bench_function("load/cached", |bencher| {
        bencher.iter(|| runtime.load(component).unwrap());
    });
    criterion.final_summary();
}
