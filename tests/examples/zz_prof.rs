#![allow(unsafe_code, missing_docs)]
use onething_runtime::{Limits, Runtime};
use onething_tests::{bundles, hostile};
use std::time::Instant;
fn t(name: &str, mut f: impl FnMut()) {
    let mut v: Vec<f64> = (0..200)
        .map(|_| {
            let s = Instant::now();
            f();
            s.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    v.sort_by(f64::total_cmp);
    println!("{name}: {:.1} us", v[100]);
}
fn smaps(tag: &str) {
    let s = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut m: std::collections::BTreeMap<String, (usize, usize)> = Default::default();
    let mut cur = String::new();
    for l in s.lines() {
        let w: Vec<_> = l.split_whitespace().collect();
        if w[0].contains('-') && !w[0].ends_with(':') {
            cur = w
                .get(5)
                .map(|p| {
                    if p.contains("cwasm") {
                        format!("cwasm {}", w[1])
                    } else {
                        p.to_string()
                    }
                })
                .unwrap_or(format!("anon {}", w[1]));
        } else if w[0] == "Private_Clean:" {
            m.entry(cur.clone()).or_default().0 += w[1].parse::<usize>().unwrap();
        } else if w[0] == "Private_Dirty:" {
            m.entry(cur.clone()).or_default().1 += w[1].parse::<usize>().unwrap();
        }
    }
    println!("== {tag}");
    for (k, (c, d)) in m {
        if c + d > 60 {
            println!("  {k}: clean {c} dirty {d}");
        }
    }
}
fn main() {
    let c = &*bundles::retirement();
    println!("component {}", c.len());
    let dir = std::path::PathBuf::from("/tmp/zzcache");
    let others: Vec<Vec<u8>> = (0..10u8)
        .map(|n| hostile::with_section(c, "filler", &[n]))
        .collect();
    if std::env::args().nth(1).as_deref() == Some("warm") {
        let rt = Runtime::new(Limits::default(), Some(&dir)).unwrap();
        rt.load(c).unwrap();
        for o in &others {
            rt.load(o).unwrap();
        }
        return;
    }
    let rt = Runtime::new(Limits::default(), Some(&dir)).unwrap();
    let _first = rt.load(c).unwrap();
    smaps("one");
    let keep: Vec<_> = others.iter().map(|o| rt.load(o).unwrap()).collect();
    smaps("eleven");
    let e = {
        let l = Limits::default();
        let mut pool = wasmtime::PoolingAllocationConfig::new();
        pool.max_memory_size(l.memory_bytes)
            .table_elements(l.table_elements);
        let mut c = wasmtime::Config::new();
        c.allocation_strategy(wasmtime::InstanceAllocationStrategy::Pooling(pool))
            .max_wasm_stack(l.stack_bytes)
            .consume_fuel(true)
            .epoch_interruption(true)
            .cranelift_nan_canonicalization(true)
            .relaxed_simd_deterministic(true)
            .wasm_backtrace_max_frames(None)
            .generate_address_map(false)
            .native_unwind_info(false);
        if std::env::var("SMALL").is_ok() {
            c.cranelift_opt_level(wasmtime::OptLevel::SpeedAndSize);
        }
        wasmtime::Engine::new(&c).unwrap()
    };
    let s0 = Instant::now();
    let comp = wasmtime::component::Component::from_binary(&e, c).unwrap();
    println!("compile {:?}", s0.elapsed());
    let ser = comp.serialize().unwrap();
    println!("ser {}", ser.len());
    std::fs::write("/tmp/zz.cwasm", &ser).unwrap();
    t("deser+drop", || {
        std::hint::black_box(unsafe {
            wasmtime::component::Component::deserialize_file(&e, "/tmp/zz.cwasm").unwrap()
        });
    });
    let mut hold = Vec::new();
    t("deser", || {
        hold.push(unsafe {
            wasmtime::component::Component::deserialize_file(&e, "/tmp/zz.cwasm").unwrap()
        });
    });
    let mk = || {
        let mut s = std::fs::read_to_string("/proc/self/status").unwrap();
        let i = s.find("RssAnon").unwrap();
        s.split_off(i)
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    let r0 = mk();
    let mut hold2 = Vec::new();
    for _ in 0..50 {
        hold2.push(unsafe {
            wasmtime::component::Component::deserialize_file(&e, "/tmp/zz.cwasm").unwrap()
        });
    }
    println!("anon per component {} KiB", (mk() - r0) / 50);
    let j0 = serde_json::to_vec(&**keep[0].manifest()).unwrap();
    let r0 = mk();
    let m: Vec<_> = (0..50)
        .map(|_| serde_json::from_slice::<onething_contract::manifest::Manifest>(&j0).unwrap())
        .collect();
    println!("anon per manifest {} KiB", (mk() - r0) / 50);
    drop(m);
    smaps("components");
    t("inspect", || {
        std::hint::black_box(onething_runtime::inspect(c).unwrap());
    });
    t("manifest clone", || {
        std::hint::black_box((**keep[0].manifest()).clone());
    });
    let j = serde_json::to_vec(&**keep[0].manifest()).unwrap();
    println!("manifest json {}", j.len());
    t("manifest parse", || {
        std::hint::black_box(
            serde_json::from_slice::<onething_contract::manifest::Manifest>(&j).unwrap(),
        );
    });
    t("load", || {
        std::hint::black_box(rt.load(c).unwrap());
    });
    let b = &keep[0];
    t("instantiate", || {
        std::hint::black_box(b.instantiate().ok());
    });
}
