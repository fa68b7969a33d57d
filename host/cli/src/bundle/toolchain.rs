//! The three ways to the standard library of `wasm32-unknown-unknown`: where the toolchain has it,
//! by `rustup target add`, or built from Debian's sources with Debian's cargo.

use anyhow::{Context, bail};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What bundles are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The variable that forces one of the three.
const FORCE: &str = "ONETHING_WASM_STD";

const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src";

/// A cargo that can compile for [`TARGET`].
pub enum Toolchain {
    /// The default toolchain, which has the target.
    Default,
    /// Debian's cargo, which builds the target's std; the linker is the default toolchain's.
    Debian {
        /// `rust-lld`.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// The first way that is there; [`FORCE`] names one.
    pub fn choose() -> anyhow::Result<Self> {
        match std::env::var(FORCE).ok().as_deref() {
            None | Some("") => {
                if installed() || rustup() {
                    Ok(Self::Default)
                } else {
                    debian().context(
                        "no standard library for wasm32-unknown-unknown: run `rustup target add wasm32-unknown-unknown`, \
                         or on Debian `apt-get install rustc-web cargo-web rust-web-src`",
                    )
                }
            }
            Some("installed") if installed() => Ok(Self::Default),
            Some("installed") => bail!("{FORCE}=installed, but the toolchain has no {TARGET}"),
            Some("rustup") if rustup() => Ok(Self::Default),
            Some("rustup") => bail!("{FORCE}=rustup, but `rustup target add {TARGET}` failed"),
            Some("debian") => debian(),
            Some(other) => bail!("{FORCE} is installed, rustup or debian, not `{other}`"),
        }
    }

    /// The cargo, ready for arguments.
    pub fn cargo(&self) -> Command {
        match self {
            Self::Default => Command::new("cargo"),
            Self::Debian { linker } => {
                let mut cargo = Command::new(DEBIAN_CARGO);
                cargo
                    .env("PATH", "/usr/bin:/bin")
                    // Building std is for nightly toolchains only, unless one says so.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env_remove("CARGO")
                    .env_remove("RUSTC")
                    .arg("-Zbuild-std=std,panic_abort");
                cargo
            }
        }
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "cargo"),
            Self::Debian { .. } => write!(f, "Debian's cargo and std ({DEBIAN_CARGO})"),
        }
    }
}

fn installed() -> bool {
    let libraries = printed("rustc", &["--print", "target-libdir", "--target", TARGET]);
    libraries.is_some_and(|folder| {
        std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some())
    })
}

fn rustup() -> bool {
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    added.is_ok_and(|status| status.success()) && installed()
}

fn debian() -> anyhow::Result<Toolchain> {
    if !Path::new(DEBIAN_CARGO).exists() || !Path::new(DEBIAN_SOURCES).exists() {
        bail!("Debian's packages rustc-web, cargo-web and rust-web-src are not installed");
    }
    let sysroot = printed("rustc", &["--print", "sysroot"]).context("rustc does not answer")?;
    let host = printed("rustc", &["--print", "host-tuple"]).context("rustc does not answer")?;
    let linker = sysroot.join("lib/rustlib").join(host).join("bin/rust-lld");
    if !linker.exists() {
        bail!("the toolchain has no linker {}", linker.display());
    }
    Ok(Toolchain::Debian { linker })
}

fn printed(program: &str, arguments: &[&str]) -> Option<PathBuf> {
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| PathBuf::from(text.trim()))
}
