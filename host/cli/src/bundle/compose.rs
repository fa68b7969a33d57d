//! Composes a bundle to run as a function app: the front, the adapter, and a component written here
//! that tells both what the bundle is. The graph is explicit: one adapter, shared by the front and
//! the bundle, and nothing left open but `wasi:*`.

use super::build::{Places, component, encode};
use anyhow::{Context, bail, ensure};
use onething_runtime::Inspection;
use onething_world::Granted;
use onething_world::wire::FUNCTIONS;
use std::path::Path;
use wac_graph::types::{Package, WorldId};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const ABOUT: &str = "onething:function/about@0.1.0";
const OUTREACH: &str = "onething:matter/outreach@0.1.0";
const PUBLICATION: &str = "onething:matter/publication@0.1.0";

/// What every bundle is composed with.
pub struct Parts {
    front: Vec<u8>,
    adapter: Vec<u8>,
    /// The contract and the front's interfaces.
    wit: Resolve,
    told: wit_parser::WorldId,
}

impl Parts {
    /// Builds them from the workspace that a bundle's folder lies in.
    pub fn build(folder: &Path) -> anyhow::Result<Self> {
        let workspace = Places::find(&folder.join("Cargo.toml"))?.workspace;
        let part = |name: &str| {
            let folder = workspace.join("functions").join(name);
            component(&folder).with_context(|| format!("the {name} of function apps"))
        };
        let mut wit = Resolve::default();
        wit.push_dir(workspace.join("wit"))?;
        let (package, _) = wit.push_dir(workspace.join("functions/front/wit"))?;
        let told = wit.select_world(&[package], Some("told"))?;
        Ok(Self {
            front: part("front")?,
            adapter: part("adapter")?,
            wit,
            told,
        })
    }

    /// The function app of a bundle, whose bytes are in it as they are.
    pub fn compose(&self, bundle: &[u8], inspection: &Inspection) -> anyhow::Result<Vec<u8>> {
        let told = self.told(inspection)?;
        let mut graph = Graph::default();
        let told = graph.add("onething:told", told, &[])?;
        let adapter = graph.add("onething:adapter", self.adapter.clone(), &[&told])?;
        let matter = graph.add("onething:bundle", bundle.to_vec(), &[&told, &adapter])?;
        // The adapter's stand-ins come last: where the bundle exports an interface, it is the bundle's.
        let sources = [&told, &matter, &adapter];
        let front = graph.add("onething:front", self.front.clone(), &sources)?;
        graph.finish(&front)
    }

    /// The component that tells the front and the adapter what the bundle is.
    fn told(&self, inspection: &Inspection) -> anyhow::Result<Vec<u8>> {
        let exports = |name| inspection.exports.iter().any(|export| export == name);
        let functions = FUNCTIONS.into_iter().filter(|function| match *function {
            "reach" => exports(OUTREACH),
            "check" => exports(PUBLICATION),
            _ => true,
        });
        let functions: Vec<&str> = functions.collect();
        let mut module = texts(&[
            ("digest", &inspection.digest),
            ("manifest", &serde_json::to_string(&inspection.manifest)?),
            (
                "granted",
                &serde_json::to_string(&Granted::from(&inspection.manifest))?,
            ),
            ("exports", &serde_json::to_string(&functions)?),
        ])?;
        embed_component_metadata(&mut module, &self.wit, self.told, StringEncoding::UTF8)?;
        encode(&module)
    }
}

/// A module whose functions, those of [`ABOUT`], each return a text that lies in its memory.
fn texts(texts: &[(&str, &str)]) -> anyhow::Result<Vec<u8>> {
    // First where each text lies, as a function returns it: address and length. Then the texts.
    let mut place = texts.len() * 8;
    let mut memory = Vec::new();
    for (_, text) in texts {
        memory.extend(u32::try_from(place)?.to_le_bytes());
        memory.extend(u32::try_from(text.len())?.to_le_bytes());
        place += text.len();
    }
    texts
        .iter()
        .for_each(|(_, text)| memory.extend(text.as_bytes()));

    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    for (number, (name, _)) in (0..).zip(texts) {
        functions.function(0);
        exports.export(&format!("{ABOUT}#{name}"), ExportKind::Func, number);
        let mut body = Function::new([]);
        body.instructions()
            .i32_const(i32::try_from(number * 8)?)
            .end();
        code.function(&body);
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: u64::try_from(memory.len().div_ceil(65_536))?,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(0), memory);

    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&memories)
        .section(&exports)
        .section(&code)
        .section(&data);
    Ok(module.finish())
}

/// A composition in the making.
#[derive(Default)]
struct Graph(CompositionGraph);

/// A component in it, instantiated once.
struct Instance {
    name: &'static str,
    node: NodeId,
    world: WorldId,
}

impl Graph {
    /// Adds an instance of a component. Each of its imports is the first of `sources` that exports it;
    /// one that none exports stays open, and must be the engine's.
    fn add(
        &mut self,
        name: &'static str,
        component: Vec<u8>,
        sources: &[&Instance],
    ) -> anyhow::Result<Instance> {
        let graph = &mut self.0;
        let package = Package::from_bytes(name, None, component, graph.types_mut())
            .with_context(|| format!("{name} is no component"))?;
        let world = package.ty();
        let package = graph.register_package(package)?;
        let node = graph.instantiate(package);
        let imports: Vec<String> = graph.types()[world].imports.keys().cloned().collect();
        for import in imports {
            let exports = |source: &&&Instance| {
                let exported = &graph.types()[source.world].exports;
                exported.contains_key(&import)
            };
            match sources.iter().find(exports) {
                Some(source) => {
                    let export = graph.alias_instance_export(source.node, &import)?;
                    graph
                        .set_instantiation_argument(node, &import, export)
                        .with_context(|| format!("{} does not fit {name}", source.name))?;
                }
                None => ensure!(
                    import.starts_with("wasi:"),
                    "{name} imports {import}, which no part of a function app exports"
                ),
            }
        }
        Ok(Instance { name, node, world })
    }

    /// The composition, which exports what `front` does.
    fn finish(mut self, front: &Instance) -> anyhow::Result<Vec<u8>> {
        let graph = &mut self.0;
        let exports: Vec<String> = graph.types()[front.world].exports.keys().cloned().collect();
        for name in exports {
            let export = graph.alias_instance_export(front.node, &name)?;
            graph.export(export, &name)?;
        }
        let composed = graph.encode(EncodeOptions::default())?;
        let open = open(&composed)?;
        if !open.is_empty() {
            bail!("the function app leaves open: {}", open.join(", "));
        }
        Ok(composed)
    }
}

/// The imports of a component that no engine for `wasi:http` has.
fn open(component: &[u8]) -> anyhow::Result<Vec<String>> {
    let mut types = wac_graph::types::Types::default();
    let package = Package::from_bytes("composed", None, component, &mut types)?;
    let imports = types[package.ty()].imports.keys();
    Ok(imports
        .filter(|name| !name.starts_with("wasi:"))
        .cloned()
        .collect())
}
