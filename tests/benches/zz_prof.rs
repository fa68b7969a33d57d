use sha2::{Digest, Sha256};
use std::time::Instant;
use onething_tests::hostile;
use onething_runtime::{Runtime, Limits};
fn t(name:&str, mut f: impl FnMut()) { let mut v: Vec<f64> = (0..200).map(|_| { let s=Instant::now(); f(); s.elapsed().as_secs_f64()*1e6}).collect(); v.sort_by(f64::total_cmp); println!("{name}: {:.1} us", v[100]); }
fn main() {
    let c = hostile::component();
    println!("component {}", c.len());
    let dir = tempfile::tempdir().unwrap();
    let rt = Runtime::new(Limits::default(), Some(dir.path())).unwrap();
    rt.load(c).unwrap();
    let p = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|e| e=="cwasm")).unwrap();
    let code = std::fs::read(&p).unwrap();
    println!("cwasm {}", code.len());
    t("sha component", || { std::hint::black_box(Sha256::digest(c)); });
    t("sha cwasm", || { std::hint::black_box(Sha256::digest(&code)); });
    t("read cwasm", || { std::hint::black_box(std::fs::read(&p).unwrap()); });
    t("inspect", || { std::hint::black_box(onething_runtime::inspect(c).unwrap()); });
    let e = wasmtime::Engine::default();
    t("compat hash", || { use std::hash::{Hash,Hasher}; let mut h = std::hash::DefaultHasher::new(); e.precompile_compatibility_hash().hash(&mut h); std::hint::black_box(h.finish()); });
    let b = rt.load(c).unwrap();
    t("instantiate", || { std::hint::black_box(b.instantiate().ok()); });
    t("load", || { std::hint::black_box(rt.load(c).unwrap()); });
    t("cache open+engine", || { std::hint::black_box(Runtime::new(Limits::default(), None).unwrap()); });
    let keep: Vec<_> = (0..0).map(|_| rt.load(c).unwrap()).collect(); drop(keep);
}
