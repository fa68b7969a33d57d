//! What seeds share: the bundle, compiled once, the parameters, the keys of the offices, the registers.

use onething_capabilities::{Deliveries, Notices, Payments, Published, Registers, Seals};
use onething_engine::{Bundles, Engine, Folders};
use onething_runtime::{Limits, Runtime};
use onething_store::Store;
use onething_tests::bundles::root;
use std::path::{Path, PathBuf};

/// The subjects, whom the register knows.
pub const PEOPLE: [&str; 3] = [
    "331102196501150019",
    "331102198401010026",
    "331102199002020037",
];
/// Where they live.
pub const REGION: &str = "331102";

/// The stage of a process. A clone is the same one.
#[derive(Clone)]
pub struct Stage {
    bundles: Bundles,
    parameters: Published,
    shared: PathBuf,
}

/// Memory where there is such a folder: seeds write many small files and sync them.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let folder = tempfile::Builder::new().prefix("onething-").to_owned();
    match folder.tempdir_in(memory) {
        Ok(folder) => folder,
        Err(_) => folder.tempdir().unwrap(),
    }
}

impl Stage {
    /// `shared` outlives every seed.
    pub fn new(shared: &Path) -> Self {
        let runtime = Runtime::new(Limits::default(), None).unwrap();
        let path = root().join("bundles/test/simple.wasm");
        let component = std::fs::read(&path).unwrap_or_else(|error| {
            panic!("{}: {error}; run `make bundles` first", path.display())
        });
        let mut bundles = Bundles::default();
        bundles.add(runtime.load(&component).unwrap());
        let registers = shared.join("registers");
        std::fs::create_dir_all(&registers).unwrap();
        let mut people =
            "[meta]\ntitle = \"人口库\"\nsource = \"人口库\"\nas-of = 2025-01-05\n".to_owned();
        for (index, person) in PEOPLE.iter().enumerate() {
            people.push_str(&format!("[entries.\"{person}\"]\nname = \"第{index}人\"\n"));
        }
        std::fs::write(registers.join("simple.toml"), people).unwrap();
        Self {
            bundles,
            parameters: Published::open(&root().join("parameters")).unwrap(),
            shared: shared.to_owned(),
        }
    }

    /// A process over a store; the receivers' folders lie in `data`.
    pub fn node(&self, store: Store, data: &Path) -> Engine {
        let folders = Folders {
            registers: Registers::new(self.shared.join("registers")),
            seals: Seals::new(self.shared.join("keys")),
            notices: Notices::new(data.join("outbox")),
            deliveries: Deliveries::new(data.join("deliveries")),
            payments: Payments::new(data.join("bank/outgoing")),
        };
        Engine::new(
            store,
            self.bundles.clone(),
            self.parameters.clone(),
            folders,
        )
    }
}
