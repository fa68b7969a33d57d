//! Builds a bundle: the form compiler's manifest, cargo's core module, wit-component's component,
//! one file.

use super::compose::Parts;
use super::toolchain::Toolchain;
use crate::{say, tell};
use anyhow::{Context, bail, ensure};
use onething_contract::manifest::SECTION;
use onething_runtime::{digest, inspect};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wasm_encoder::{ComponentSection, CustomSection};
use wit_component::ComponentEncoder;

/// The folder of function apps, inside that of the bundles.
const SPIN: &str = "spin";

/// Builds the bundle of each folder into `out`; for Spin, its function app beside it.
pub fn build(folders: &[PathBuf], out: &Path, spin: bool) -> anyhow::Result<()> {
    let parts = match folders.first() {
        Some(folder) if spin => Some(Parts::build(folder)?),
        _ => None,
    };
    for folder in folders {
        let bundle = bundle(folder)?;
        let inspection = inspect(&bundle)?;
        let file = Path::new(&inspection.manifest.matter).with_extension("wasm");
        write(&out.join(&file), &bundle)?;
        if let Some(parts) = &parts {
            let app = parts.compose(&bundle, &inspection)?;
            write(&out.join(SPIN).join(&file), &app)?;
        }
    }
    Ok(())
}

/// The bundle of `folder`.
fn bundle(folder: &Path) -> anyhow::Result<Vec<u8>> {
    let compiled = onething_forms::compile(folder).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the forms do not compile:\n{}", lines.join("\n"))
    })?;
    let mut bundle = component(folder)?;
    let manifest = serde_json::to_vec(&compiled.manifest)?;
    let manifest = CustomSection {
        name: SECTION.into(),
        data: manifest.into(),
    };
    manifest.append_to_component(&mut bundle);
    Ok(bundle)
}

/// Compiles the package in `folder` to a component.
pub fn component(folder: &Path) -> anyhow::Result<Vec<u8>> {
    let core = core_module(folder)?;
    encode(&std::fs::read(&core).with_context(|| format!("cannot read {}", core.display()))?)
}

/// Wraps a core module as a component.
pub fn encode(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| encoder.encode())
        .context("the module cannot be wrapped as a component")
}

/// Compiles the package in `folder` and answers where its core module is.
fn core_module(folder: &Path) -> anyhow::Result<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    ensure!(manifest.exists(), "there is no {}", manifest.display());
    let places = Places::find(&manifest)?;
    let toolchain = Toolchain::choose()?;
    tell(&format!("building {} with {toolchain}", folder.display()));
    let mut cargo = toolchain.cargo();
    cargo
        .args([
            "build",
            "--profile",
            "bundle",
            "--target",
            super::toolchain::TARGET,
        ])
        .args([
            "--message-format",
            "json-render-diagnostics",
            "--manifest-path",
        ])
        .arg(&manifest)
        .env("CARGO_TARGET_DIR", places.target.join("guest"))
        // The same sources give the same bytes wherever they lie.
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            [
                format!(
                    "--remap-path-prefix={}=/project",
                    places.workspace.display()
                ),
                format!("--remap-path-prefix={}=/cargo", cargo_home().display()),
            ]
            .join("\u{1f}"),
        )
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = cargo
        .output()
        .with_context(|| format!("cannot start {toolchain}"))?;
    ensure!(
        output.status.success(),
        "{} does not compile; see above",
        folder.display()
    );
    let artifact = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|name| name.as_str().map(PathBuf::from))
        .rfind(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wasm")
        });
    match artifact {
        Some(path) => Ok(path),
        None => bail!(
            "{} makes no module: its crate-type needs `cdylib`",
            folder.display()
        ),
    }
}

/// Where cargo has things.
pub struct Places {
    /// The folder of the workspace.
    pub workspace: PathBuf,
    target: PathBuf,
}

impl Places {
    /// Of the package with that manifest.
    pub fn find(manifest: &Path) -> anyhow::Result<Self> {
        let output = Command::new("cargo")
            .args([
                "metadata",
                "--no-deps",
                "--format-version",
                "1",
                "--manifest-path",
            ])
            .arg(manifest)
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start cargo: install Rust with rustup")?;
        ensure!(
            output.status.success(),
            "cargo does not read {}",
            manifest.display()
        );
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let path = |name: &str| metadata[name].as_str().map(PathBuf::from);
        match (path("workspace_root"), path("target_directory")) {
            (Some(workspace), Some(target)) => Ok(Self { workspace, target }),
            _ => bail!("cargo metadata does not tell where things lie"),
        }
    }
}

fn cargo_home() -> PathBuf {
    match (std::env::var_os("CARGO_HOME"), std::env::var_os("HOME")) {
        (Some(home), _) => home.into(),
        (None, home) => PathBuf::from(home.unwrap_or_default()).join(".cargo"),
    }
}

/// Writes a component and says what it is. Whoever reads the file sees the old one or the new one.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&beside, bytes)
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| format!("cannot write {}", path.display()))?;
    say(&format!(
        "{}  {} bytes  sha256:{}",
        path.display(),
        bytes.len(),
        digest(bytes)
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::SPIN;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use std::path::Path;

    /// `spin.toml` lists every bundle, from where the build writes it, and nothing else.
    #[test]
    fn spin_is_told_of_every_bundle() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folders = std::fs::read_dir(root.join("functions")).unwrap();
        let matters: BTreeSet<String> = folders
            .map(|folder| folder.unwrap())
            .filter(|folder| folder.path().join("matter.toml").exists())
            .map(|folder| folder.file_name().into_string().unwrap())
            .collect();
        let manifest = std::fs::read_to_string(root.join("spin.toml")).unwrap();
        let manifest: Value = toml::from_str(&manifest).unwrap();

        let routes = manifest["trigger"]["http"].as_array().unwrap();
        let routed: BTreeSet<String> = routes
            .iter()
            .map(|route| {
                let matter = route["component"].as_str().unwrap();
                let expected = json!({ "route": format!("/{matter}/..."), "component": matter });
                assert_eq!(route, &expected);
                matter.to_owned()
            })
            .collect();
        assert_eq!((routed, routes.len()), (matters.clone(), matters.len()));
        let components = manifest["component"].as_object().unwrap();
        assert_eq!(components.keys().cloned().collect::<BTreeSet<_>>(), matters);
        for (matter, component) in components {
            assert_eq!(component["source"], format!("bundles/{SPIN}/{matter}.wasm"));
            assert_eq!(
                component["build"]["command"],
                format!("cargo run --package onething -- bundle build --spin functions/{matter}")
            );
            let members: Vec<&str> = component
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            for member in members {
                assert!(
                    ["build", "description", "source"].contains(&member),
                    "{member}"
                );
            }
        }
    }
}
