//! What the runtime costs: each export through it, with grants, journal and limits, against a bare
//! wasmtime that instantiates the same component under the same settings and calls the same export
//! with the same inputs. Then a fresh instance against a warm one, loading against compiling, and
//! what a resident host holds in memory.
//!
//! Criterion keeps the figures. The ratios compare two things in the same minute: they are measured
//! in turns, and printed first.

#![allow(missing_docs, reason = "a bench")]
#![allow(clippy::print_stdout, reason = "the ratios are the result")]
#![allow(clippy::unwrap_used, reason = "a bench may")]

mod bare;
mod work;

use bare::Bare;
use criterion::{BatchSize, Criterion};
use onething_runtime::{Bundle, Call, Inputs, Limits, Runtime};
use onething_tests::bundles::bundle;
use onething_tests::hostile::with_section;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let component = &*bundle("retirement");
    // First, before the compiler has spread out in this process.
    memory(component, dir.path());
    loading(component, dir.path());

    let runtime = Runtime::new(Limits::default(), Some(dir.path())).unwrap();
    let bundle = runtime.load(component).unwrap();
    let bare = Bare::new(component, &Limits::default());
    let calls = work::calls(&bundle);
    ratios(&calls, &bundle, &bare);

    let mut criterion = Criterion::default().configure_from_args();
    for (call, inputs) in &calls {
        let given = || (call.clone(), inputs.clone());
        let mut group = criterion.benchmark_group(call.function());
        group.bench_function("bare", |bencher| {
            bencher.iter_batched(
                given,
                |(call, inputs)| bare.invoke(&call, inputs),
                BatchSize::SmallInput,
            );
        });
        group.bench_function("fresh", |bencher| {
            bencher.iter_batched(
                given,
                |(call, inputs)| bundle.invoke(&call, inputs),
                BatchSize::SmallInput,
            );
        });
        group.bench_function("warm", |bencher| {
            let mut instance = bundle.instantiate().unwrap();
            bencher.iter_batched(
                given,
                |(call, inputs)| instance.call(&call, inputs),
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

/// The runtime, journal included, against the bare call, and fresh against warm.
fn ratios(calls: &[(Call, Inputs)], bundle: &Bundle, bare: &Bare) {
    println!("export      bare µs  runtime µs   ratio   warm µs  fresh/warm");
    for (call, inputs) in calls {
        let mut warm = bundle.instantiate().unwrap();
        let [bare, fresh, warm] = in_turns(
            || (call.clone(), inputs.clone()),
            [
                &mut |(call, inputs)| {
                    black_box(bare.invoke(&call, inputs));
                },
                &mut |(call, inputs)| {
                    let outcome = bundle.invoke(&call, inputs).outcome.unwrap();
                    black_box(outcome.journal(1, bundle.digest()));
                },
                &mut |(call, inputs)| {
                    let outcome = warm.call(&call, inputs).outcome.unwrap();
                    black_box(outcome.journal(1, bundle.digest()));
                },
            ],
        );
        println!(
            "{:10} {bare:8.1} {fresh:11.1} {:7.2} {warm:9.1} {:11.1}",
            call.function(),
            fresh / bare,
            fresh / warm,
        );
    }
}

/// The median of each in microseconds, one after the other in every round, so that whatever else
/// the machine does falls on all of them.
fn in_turns<T, const N: usize>(
    given: impl Fn() -> T,
    mut runs: [&mut dyn FnMut(T); N],
) -> [f64; N] {
    const FOR: Duration = Duration::from_secs(3);
    let mut times = [const { Vec::new() }; N];
    let begun = Instant::now();
    while begun.elapsed() < FOR {
        for (run, times) in runs.iter_mut().zip(&mut times) {
            let given = given();
            let start = Instant::now();
            run(given);
            times.push(start.elapsed());
        }
    }
    times.map(|mut times| median(&mut times).as_secs_f64() * 1e6)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// From the cache, against compiling.
fn loading(component: &[u8], dir: &Path) {
    let compiling = Runtime::new(Limits::default(), None).unwrap();
    let cached = Runtime::new(Limits::default(), Some(dir)).unwrap();
    let time = |runtime: &Runtime, rounds: usize| {
        let mut times: Vec<_> = (0..rounds)
            .map(|_| {
                let start = Instant::now();
                black_box(runtime.load(component).unwrap());
                start.elapsed()
            })
            .collect();
        median(&mut times).as_secs_f64() * 1e3
    };
    let (compiled, loaded) = (time(&compiling, 5), time(&cached, 200));
    println!(
        "load: compiled {compiled:.1} ms, cached {loaded:.3} ms, {:.0} times faster\n",
        compiled / loaded
    );
}

/// What a host holds with one bundle, and what each further idle one costs.
fn memory(component: &[u8], dir: &Path) {
    const FURTHER: usize = 20;
    let others: Vec<_> = (0..FURTHER)
        .map(|number| with_section(component, "filler", &[u8::try_from(number).unwrap()]))
        .collect();
    // Compiled beforehand, by a host that is gone when the measured one starts.
    let compiling = Runtime::new(Limits::default(), Some(dir)).unwrap();
    for bytes in others.iter().map(Vec::as_slice).chain([component]) {
        compiling.load(bytes).unwrap();
    }
    drop(compiling);

    let empty = private_kib();
    let runtime = Runtime::new(Limits::default(), Some(dir)).unwrap();
    let first = runtime.load(component).unwrap();
    for (call, inputs) in work::calls(&first) {
        first.invoke(&call, inputs).outcome.unwrap();
    }
    let one = private_kib();
    let further: Vec<_> = others
        .iter()
        .map(|bytes| runtime.load(bytes).unwrap())
        .collect();
    let all = private_kib();
    println!(
        "memory: {} MiB resident with one bundle ({} KiB of it for the runtime and the bundle), \
         {} KiB private for each further idle bundle",
        memory_kib("Rss:") >> 10,
        one.saturating_sub(empty),
        all.saturating_sub(one) / further.len(),
    );
}

fn private_kib() -> usize {
    memory_kib("Private_Clean:") + memory_kib("Private_Dirty:")
}

fn memory_kib(member: &str) -> usize {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = rollup
        .lines()
        .find(|line| line.starts_with(member))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
