//! The calls of a bundle's functions that the forms name, and the order to make them in.

use onething_contract::manifest::Kind;

/// A call of a function of `rules.rs`.
#[derive(Debug, Clone, PartialEq)]
pub struct Derivation {
    pub function: String,
    /// The type it computes; the code it computes it for where that is an enum or a table.
    pub kind: Kind,
    /// Its arguments after the facts.
    pub from: Vec<Argument>,
    /// The merged element it computes, if it computes one.
    pub element: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    pub element: String,
    /// Passed even when it is absent (`chosen-month?`).
    pub optional: bool,
}

impl Argument {
    /// `chosen-month?`, as the forms write it.
    pub fn parse(text: &str) -> Self {
        match text.strip_suffix('?') {
            Some(element) => Self {
                element: element.to_owned(),
                optional: true,
            },
            None => Self {
                element: text.to_owned(),
                optional: false,
            },
        }
    }
}

/// Puts a derivation behind those whose elements it uses.
///
/// # Errors
/// The names of those that use each other in a circle.
pub fn in_order(mut left: Vec<Derivation>) -> Result<Vec<Derivation>, String> {
    let mut ordered: Vec<Derivation> = Vec::new();
    while !left.is_empty() {
        let waits = |one: &Derivation| {
            left.iter().any(|other| {
                let computed = other.element.as_deref();
                let mut arguments = one.from.iter();
                arguments.any(|argument| Some(argument.element.as_str()) == computed)
            })
        };
        let (later, now): (Vec<_>, Vec<_>) = left.iter().cloned().partition(waits);
        if now.is_empty() {
            let names: Vec<&str> = later.iter().map(|one| one.function.as_str()).collect();
            return Err(names.join(", "));
        }
        ordered.extend(now);
        left = later;
    }
    Ok(ordered)
}
