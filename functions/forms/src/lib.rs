//! The form compiler, run when a bundle is built.
//!
//! In go the source forms (one TOML file per agency form, as the agency prints it), the merged form,
//! `matter.toml` and the shared dictionary of data elements; out come the [`Manifest`] with its
//! JSON Schema, and the Rust code with the typed answers and the projections. The merge is lossless
//! by construction: a source field that the merged form cannot reproduce is a [`Problem`] with its
//! file and line, and so is a merged element that no source field needs.
//!
//! It knows no case, no host and no bundle.

mod derivation;
mod manifest;
mod matter;
mod merge;
mod read;
mod rules;
mod rust;
mod schema;
#[cfg(test)]
mod tests;

use onething_contract::manifest::Manifest;
use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong in the files, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// From 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// What is wrong and, where it is not plain, what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.message),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.message),
        }
    }
}

/// A bundle's forms, compiled.
#[derive(Debug)]
pub struct Compiled {
    /// What the bundle is.
    pub manifest: Manifest,
    /// The source of a Rust module: `Answers`, the enums and rows it uses, and their `Form`.
    pub rust: String,
    /// Every file that was read.
    pub files: Vec<PathBuf>,
}

/// Compiles the forms of the bundle in `dir`; the dictionary is `elements.toml` in the folder above.
///
/// # Errors
/// Every problem found, in the order of the files.
pub fn compile(dir: &Path) -> Result<Compiled, Vec<Problem>> {
    let sources = read::sources(dir)?;
    let merged = merge::merge(&sources)?;
    Ok(Compiled {
        rust: rust::module(&merged, &sources.matter.content),
        manifest: manifest::manifest(&sources, merged),
        files: sources.files,
    })
}

/// The whole `build.rs` of a bundle: compiles the forms of the package being built and writes
/// `forms.rs` to `OUT_DIR`. Problems become errors of the build.
///
/// # Panics
/// Where cargo's environment is missing or `OUT_DIR` cannot be written.
#[expect(
    clippy::print_stdout,
    reason = "a build script speaks to cargo on its standard output"
)]
#[expect(clippy::expect_used, reason = "a build script fails by panicking")]
pub fn build() {
    let dir = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("run by cargo"));
    println!("cargo::rerun-if-changed={}", dir.join("forms").display());
    match compile(&dir) {
        Ok(compiled) => {
            for file in &compiled.files {
                println!("cargo::rerun-if-changed={}", file.display());
            }
            let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("run by cargo"));
            std::fs::write(out.join("forms.rs"), compiled.rust).expect("OUT_DIR is writable");
        }
        Err(problems) => {
            for problem in problems {
                println!("cargo::rerun-if-changed={}", problem.file.display());
                println!("cargo::error={problem}");
            }
        }
    }
}
