//! What it costs to run a bundle elsewhere: `assess` of the sample retirement by the host's own API,
//! and by the composed function app on a `wasi:http` host with reused and with fresh instances. The
//! same client on the same machine, turn and turn about; the result is the ratio of the medians.

#![allow(missing_docs, reason = "a bench")]
#![allow(clippy::print_stdout, reason = "the figures are the result")]
#![allow(clippy::unwrap_used, reason = "a bench may")]

mod client;
mod sample;

use client::{Asked, rate};
use onething_test_spin::{Instances, Served};
use onething_tests::bundles::root;
use std::time::Instant;

const TURNS: usize = 5;
const REQUESTS: usize = 4_000;
/// Of the bare bundle.
const CALLS: u32 = 2_000;

fn main() {
    let data = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let host = runtime.block_on(sample::host(data.path()));
    let apps = root().join("bundles/spin");
    let [reused, fresh] =
        [Instances::Reused, Instances::Fresh].map(|how| Served::start(&apps, how).unwrap());
    let app = |served: &Served| host.assess_by_app(&served.url());
    let plain = runtime.block_on(sample::plain(&host));
    let all = [
        ("the host's API", host.assess()),
        ("function app, reused", app(&reused)),
        ("function app, fresh", app(&fresh)),
        ("nothing computed", plain),
    ];
    // `cargo bench --bench spin -- <part of a name>` asks that one alone, for a profiler.
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    if let Some((name, asked)) =
        only.and_then(|only| all.iter().find(|(name, _)| name.contains(&only)))
    {
        let rate = runtime.block_on(rate(asked, REQUESTS * TURNS));
        println!("{name}: {rate:.0} requests/s");
        return;
    }
    // Compiles the component, and fills the pools.
    for (name, asked) in &all {
        let warm = runtime.block_on(rate(asked, REQUESTS / 10));
        assert!(warm > 0.0, "{name}");
    }
    let mut rates = all.each_ref().map(|_| Vec::new());
    for _ in 0..TURNS {
        for ((_, asked), rates) in all.iter().zip(&mut rates) {
            rates.push(runtime.block_on(rate(asked, REQUESTS)));
        }
    }
    let medians = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[TURNS / 2]
    });
    let [host_rate, reused_rate, fresh_rate, plain_rate] = medians;
    for ((name, asked), median) in all.iter().zip(medians) {
        println!(
            "{name:22} {median:8.0} requests/s, {} bytes there",
            asked.bytes()
        );
    }
    println!(
        "the host's API to fresh instances  {:5.2}  (goal 3)",
        host_rate / fresh_rate
    );
    println!(
        "the host's API to reused instances {:5.2}  (goal 1)",
        host_rate / reused_rate
    );

    let cores = std::thread::available_parallelism().unwrap().get();
    let micros = |rate: f64| 1e6 / rate;
    let bundle = bare(&host) / f64::from(u32::try_from(cores).unwrap());
    let (transport, reused, fresh) = (micros(plain_rate), micros(reused_rate), micros(fresh_rate));
    println!("of a request to a fresh instance, µs of the whole machine:");
    println!("  transport    {transport:7.1}  the same bytes, nothing computed");
    println!("  bundle       {bundle:7.1}  the bundle alone, embedded");
    println!(
        "  composition  {:7.1}  front and adapter: JSON in the sandbox, records between components",
        reused - transport - bundle
    );
    println!("  start        {:7.1}  an instance each", fresh - reused);
}

/// Microseconds of the bundle's own invocation in a fresh instance, by one thread.
fn bare(host: &sample::Host) -> f64 {
    let (bundle, call, inputs) = host.invocation();
    let started = Instant::now();
    for _ in 0..CALLS {
        let run = bundle.invoke(&call, inputs.clone());
        assert!(run.outcome.is_ok());
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
}

/// Every answer is the one that is expected.
fn assert_answer(asked: &Asked, status: u16, body: &[u8]) {
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(body));
    assert!(
        body.windows(asked.says.len())
            .any(|part| part == asked.says.as_bytes()),
        "{}",
        String::from_utf8_lossy(body)
    );
}
