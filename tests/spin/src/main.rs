//! Serves a folder of function apps until it is killed: `onething-test-spin bundles/spin`.

use onething_test_spin::{Instances, Served};
use std::path::Path;

#[expect(clippy::print_stdout, reason = "this is a command")]
fn main() -> wasmtime::Result<()> {
    let folder = std::env::args().nth(1);
    let folder = folder.unwrap_or_else(|| "bundles/spin".to_owned());
    let served = Served::start(Path::new(&folder), Instances::Reused)?;
    println!("{}", served.url());
    loop {
        std::thread::park();
    }
}
