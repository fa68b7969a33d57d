//! A bundle that does not load, in a folder and in the store: it comes into force nowhere, and keeps
//! no other waiting.

use super::*;
use onething_runtime::{Limits, Runtime, inspect};
use onething_store::{BundleRow, NewActivation};
use sha2::{Digest, Sha256};

const SIMPLE: &str = "../../bundles/test/simple.wasm";

fn simple() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(SIMPLE)).unwrap()
}

async fn host(runtime: &Runtime) -> (Engine, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let parameters = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../parameters");
    let engine = Engine::deployed(
        Store::in_memory().await.unwrap(),
        runtime.clone(),
        Published::open(&parameters).unwrap(),
        Folders::within(folder.path()),
    );
    (engine, folder)
}

/// As another host does that could load it.
async fn activate(engine: &Engine, component: &[u8], matter: &str) {
    let mut writer = engine.store.write_blob(u64::MAX, AT).await.unwrap();
    writer.write(component).await.unwrap();
    let digest = writer.finish(None, "application/wasm", AT).await.unwrap();
    let row = BundleRow {
        digest,
        matter: matter.into(),
        version: "2".into(),
        since: "2020-01-01".into(),
        until: None,
        deployed_at: AT.into(),
        deployed_by: "elsewhere".into(),
    };
    let new = NewActivation {
        from_day: "2020-01-01".into(),
        at: AT.into(),
        by: "elsewhere".into(),
    };
    assert!(engine.store.activate(&row, &new).await.unwrap());
}

#[tokio::test]
async fn a_bundle_that_does_not_load_keeps_no_other_waiting() {
    let runtime = Runtime::new(Limits::default(), None).unwrap();
    let (engine, _folder) = host(&runtime).await;
    let good = simple();
    let matter = inspect(&good).unwrap().manifest.matter;
    let digest = hex::encode(Sha256::digest(&good));
    activate(&engine, b"nor this", "another").await;
    engine.deploy(good, None, "x", at(AT)).await.unwrap();
    let in_force = || {
        let bundles = engine.bundles();
        let newest = |matter: &str| bundles.newest(matter).map(|one| one.digest().to_owned());
        (newest(&matter), newest("another"))
    };
    assert_eq!(in_force(), (Some(digest.clone()), None));
    // The matter itself is given one that does not load: it stays as it was.
    activate(&engine, b"no bundle", &matter).await;
    assert!(engine.refresh().await.unwrap());
    assert_eq!(in_force(), (Some(digest.clone()), None));
    assert!(!engine.refresh().await.unwrap(), "it is tried once");
    engine.roll_back(&matter, "x", at(AT)).await.unwrap();
    assert_eq!(in_force(), (Some(digest), None));
}

#[tokio::test]
async fn a_folders_bundle_that_does_not_load_comes_into_force_nowhere() {
    // Whole, and more than this host gives it.
    let limits = Limits {
        memory_bytes: 1 << 10,
        ..Limits::default()
    };
    let (engine, folder) = host(&Runtime::new(limits, None).unwrap()).await;
    assert!(inspect(&simple()).is_ok());
    fs::write(folder.path().join("large.wasm"), simple()).unwrap();
    let refused = engine.take_folder(folder.path(), at(AT)).await.unwrap_err();
    assert!(refused.to_string().contains("large.wasm"), "{refused}");
    assert!(engine.store.standing(None).await.unwrap().is_empty());
}
