//! What a component says of itself, read from its bytes: nothing is compiled and nothing runs.

use crate::imports::IMPORTS;
use crate::{Fault, Limits};
use onething_contract::manifest::{CONTRACT, Manifest, SECTION};
use serde::Serialize;
use sha2::{Digest, Sha256};
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

/// The interface that every bundle exports.
pub(crate) const EXPORT: &str = "onething:matter/matter@0.1.0";

/// What a bundle may export besides.
pub(crate) const OUTREACH: &str = "onething:matter/outreach@0.1.0";
pub(crate) const PUBLICATION: &str = "onething:matter/publication@0.1.0";

/// A bundle's own description.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// SHA-256 of the component with its manifest, hex: the bundle's name.
    pub digest: String,
    /// Of the same.
    pub size_bytes: usize,
    /// Interfaces, in the component's order.
    pub imports: Vec<String>,
    /// Likewise.
    pub exports: Vec<String>,
    /// What it is.
    pub manifest: Manifest,
}

/// Why bytes are not a bundle that this host runs, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message says it")]
pub enum LoadError {
    #[error(
        "the component has {size} bytes, over the limit of {limit}: build it with the `bundle` profile, or move tables into parameters"
    )]
    TooLarge { size: usize, limit: usize },
    #[error("not WebAssembly: a bundle is the component that `onething bundle build` writes")]
    NotWasm,
    #[error("a core module, not a component: wrap it with `onething bundle build`")]
    CoreModule,
    #[error("the component is malformed: build it anew, or copy it again")]
    BadComponent(#[source] wasmparser::BinaryReaderError),
    #[error("the component imports {}, which no bundle may: a bundle's whole world is onething:matter@0.1.0, without WASI", names.join(", "))]
    ForeignImports { names: Vec<String> },
    #[error("the component does not export {EXPORT}: implement the world `onething:matter/bundle`")]
    MissingExport,
    #[error(
        "the component's {interface} lacks the function `{name}`: rebuild it against {CONTRACT}"
    )]
    MissingFunction {
        interface: &'static str,
        name: &'static str,
    },
    #[error(
        "the component has no manifest (custom section `{SECTION}`): pack it with `onething bundle build`"
    )]
    NoManifest,
    #[error(
        "the component has more than one manifest (custom section `{SECTION}`): pack it anew with `onething bundle build`"
    )]
    ManyManifests,
    #[error("the manifest cannot be read: pack it anew with `onething bundle build`")]
    BadManifest(#[source] serde_json::Error),
    #[error(
        "the manifest is of the contract `{found}`, this host implements `{CONTRACT}`: rebuild the bundle against this contract"
    )]
    WrongContract { found: String },
    #[error("the component does not compile within the limits of this host")]
    Compile(#[source] wasmtime::Error),
    #[error(
        "the component's {what} do not have the types of {CONTRACT}: rebuild it against this contract"
    )]
    WrongTypes {
        what: &'static str,
        #[source]
        source: wasmtime::Error,
    },
    #[error("no instance of the component can be made")]
    Start(#[source] Fault),
}

/// Reads and validates a component.
///
/// # Errors
/// Whatever [`Runtime::load`](crate::Runtime::load) says of the same bytes, short of compiling them.
pub fn inspect(component: &[u8]) -> Result<Inspection, LoadError> {
    let outline = Outline::of(component, &Limits::default())?;
    Validator::new_with_features(WasmFeatures::default())
        .validate_all(component)
        .map_err(LoadError::BadComponent)?;
    let manifest = outline.manifest()?;
    Ok(outline.inspection(digest(component), manifest))
}

/// The name of a bundle: SHA-256 of its bytes, hex.
#[must_use]
pub fn digest(component: &[u8]) -> String {
    hex::encode(Sha256::digest(component))
}

/// A component without a look into its code, which whoever compiles it validates.
pub(crate) struct Outline<'a> {
    size_bytes: usize,
    imports: Vec<String>,
    exports: Vec<String>,
    manifest: &'a [u8],
}

impl<'a> Outline<'a> {
    pub fn of(component: &'a [u8], limits: &Limits) -> Result<Self, LoadError> {
        if component.len() > limits.module_bytes {
            return Err(LoadError::TooLarge {
                size: component.len(),
                limit: limits.module_bytes,
            });
        }
        if !component.starts_with(b"\0asm") {
            return Err(LoadError::NotWasm);
        }
        let Sections {
            imports,
            exports,
            manifests,
        } = sections(component)?;

        let foreign: Vec<_> = imports
            .iter()
            .filter(|name| !IMPORTS.contains(&name.as_str()))
            .cloned()
            .collect();
        if !foreign.is_empty() {
            return Err(LoadError::ForeignImports { names: foreign });
        }
        if !exports.iter().any(|name| name == EXPORT) {
            return Err(LoadError::MissingExport);
        }
        let manifest = match manifests[..] {
            [manifest] => manifest,
            [] => return Err(LoadError::NoManifest),
            _ => return Err(LoadError::ManyManifests),
        };
        Ok(Self {
            size_bytes: component.len(),
            imports,
            exports,
            manifest,
        })
    }

    pub fn manifest(&self) -> Result<Manifest, LoadError> {
        #[derive(serde::Deserialize)]
        struct Contract {
            contract: String,
        }
        let error = match serde_json::from_slice::<Manifest>(self.manifest) {
            Ok(manifest) if manifest.contract == CONTRACT => return Ok(manifest),
            Ok(Manifest { contract, .. }) => {
                return Err(LoadError::WrongContract { found: contract });
            }
            Err(error) => error,
        };
        // Another contract's manifest has other members; its name says more than their lack.
        match serde_json::from_slice::<Contract>(self.manifest) {
            Ok(Contract { contract }) if contract != CONTRACT => {
                Err(LoadError::WrongContract { found: contract })
            }
            _ => Err(LoadError::BadManifest(error)),
        }
    }

    pub fn inspection(self, digest: String, manifest: Manifest) -> Inspection {
        Inspection {
            digest,
            size_bytes: self.size_bytes,
            imports: self.imports,
            exports: self.exports,
            manifest,
        }
    }
}

/// The outermost sections that concern the host.
#[derive(Default)]
struct Sections<'a> {
    imports: Vec<String>,
    exports: Vec<String>,
    manifests: Vec<&'a [u8]>,
}

fn sections(component: &[u8]) -> Result<Sections<'_>, LoadError> {
    let mut sections = Sections::default();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(LoadError::BadComponent)? {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => {
                return Err(LoadError::CoreModule);
            }
            // Parts inside have sections and an end of their own.
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(reader) if depth == 0 => {
                for import in reader {
                    let import = import.map_err(LoadError::BadComponent)?;
                    sections.imports.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(reader) if depth == 0 => {
                for export in reader {
                    let export = export.map_err(LoadError::BadComponent)?;
                    sections.exports.push(export.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) if depth == 0 && section.name() == SECTION => {
                sections.manifests.push(section.data());
            }
            _ => {}
        }
    }
    Ok(sections)
}
