//! Sees which functions a bundle's `rules.rs` offers. Knows their names and how many arguments they
//! take; their types are for rustc.

use crate::read::Wrong;
use std::collections::BTreeMap;

/// Public functions by name, with the number of their arguments.
#[derive(Debug)]
pub struct Functions(BTreeMap<String, usize>);

impl Functions {
    pub fn arguments(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }
}

pub fn functions(text: &str) -> Result<Functions, Wrong> {
    let file = syn::parse_file(text).map_err(|error| (format!("is not Rust: {error}"), 0))?;
    let functions = file.items.iter().filter_map(|item| match item {
        syn::Item::Fn(function) if matches!(function.vis, syn::Visibility::Public(_)) => {
            Some((function.sig.ident.to_string(), function.sig.inputs.len()))
        }
        _ => None,
    });
    Ok(Functions(functions.collect()))
}
