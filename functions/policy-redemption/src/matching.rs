//! Which policies an enterprise qualifies for and what they come to: policies are compiled once,
//! then asked for any number of enterprises. Knows no case and no host.

use crate::fields::Enterprise;
use crate::policy::{Policy, Tier};
use cel::common::types::{CelBool, CelInt};
use cel::parser::{Expression, PrattParser};
use cel::{Context, Env, ExecutionError, Value};
use onething_sdk::form::Json;
use std::sync::Arc;

/// How deep an expression nests.
const DEPTH_MAX: u16 = 24;

/// Parses an expression.
///
/// # Errors
/// What the parser says.
pub fn parse(source: &str) -> Result<Expression, String> {
    PrattParser::new()
        .max_recursion_depth(DEPTH_MAX)
        .parse(source)
        .map_err(|errors| errors.to_string())
}

/// Policies that can be asked.
pub struct Policies {
    /// In the order they were given.
    pub compiled: Vec<Compiled>,
    env: Arc<Env>,
}

/// A policy whose expressions are parsed.
pub struct Compiled {
    /// `policy/…`.
    pub name: String,
    /// What it says.
    pub policy: Policy,
    conditions: Vec<Expression>,
    tiers: Vec<(Option<Expression>, Expression)>,
}

/// An enterprise that policies are asked about.
pub struct Candidate<'v>(Context<'v, 'v>);

/// What a policy says of an enterprise.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// So many fen, the cap applied.
    Qualifies(i64),
    /// The places of the conditions that are not met.
    Lacks(Vec<usize>),
    /// Every condition is met, and no tier has an amount.
    Nothing,
    /// An item that is not known, by its name.
    Unknown(String),
    /// An expression that has no value for this enterprise: a division by zero, an overflow.
    Incomputable(String),
}

impl Policies {
    /// Compiles the values of parameters. Those that are not policies are left out: publication
    /// refused them.
    pub fn compile<'a>(values: impl IntoIterator<Item = (&'a str, &'a Json)>) -> Self {
        let compiled = values.into_iter().filter_map(|(name, value)| {
            let policy = Policy::read(value).ok()?;
            Compiled::new(name, policy).ok()
        });
        Self {
            compiled: compiled.collect(),
            env: Arc::new(Env::stdlib()),
        }
    }

    /// Of one policy.
    ///
    /// # Errors
    /// What the parser says of its expressions.
    pub fn of(name: &str, policy: Policy) -> Result<Self, String> {
        Ok(Self {
            compiled: vec![Compiled::new(name, policy)?],
            env: Arc::new(Env::stdlib()),
        })
    }

    /// An enterprise, ready to be asked about.
    pub fn candidate<'v>(&self, enterprise: &'v Enterprise) -> Candidate<'v> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.set_variable_resolver(enterprise);
        Candidate(context)
    }
}

impl Compiled {
    fn new(name: &str, policy: Policy) -> Result<Self, String> {
        let conditions = policy
            .qualifies
            .iter()
            .map(|condition| parse(&condition.when));
        let conditions = conditions.collect::<Result<_, _>>()?;
        let tier = |tier: &Tier| -> Result<_, String> {
            let when = tier.when.as_deref().map(parse).transpose()?;
            Ok((when, parse(&tier.amount)?))
        };
        let tiers = policy.tiers.iter().map(tier).collect::<Result<_, _>>()?;
        Ok(Self {
            name: name.to_owned(),
            policy,
            conditions,
            tiers,
        })
    }

    /// What it comes to, in fen; the first condition that is not met, or cannot be told, ends it.
    pub fn qualify(&self, candidate: &Candidate<'_>) -> Option<i64> {
        for condition in &self.conditions {
            if !holds(condition, candidate).ok()? {
                return None;
            }
        }
        self.amount(candidate).ok().flatten()
    }

    /// What it comes to, or everything that speaks against it.
    pub fn judge(&self, candidate: &Candidate<'_>) -> Judgement {
        let mut lacks = Vec::new();
        for (place, condition) in self.conditions.iter().enumerate() {
            match holds(condition, candidate) {
                Ok(true) => {}
                Ok(false) => lacks.push(place),
                Err(error) => return without_value(&error),
            }
        }
        if !lacks.is_empty() {
            return Judgement::Lacks(lacks);
        }
        match self.amount(candidate) {
            Ok(Some(fen)) => Judgement::Qualifies(fen),
            Ok(None) => Judgement::Nothing,
            Err(error) => without_value(&error),
        }
    }

    fn amount(&self, candidate: &Candidate<'_>) -> Result<Option<i64>, ExecutionError> {
        for (when, amount) in &self.tiers {
            let applies = match when {
                Some(when) => holds(when, candidate)?,
                None => true,
            };
            if applies {
                let value = Value::resolve_val(amount, &candidate.0)?;
                let fen = value.downcast_ref::<CelInt>().map(|fen| *fen.inner());
                return Ok(fen
                    .filter(|&fen| fen > 0)
                    .map(|fen| fen.min(self.policy.cap)));
            }
        }
        Ok(None)
    }
}

/// A value that is no truth is none: the check of types refuses such conditions.
fn holds(condition: &Expression, candidate: &Candidate<'_>) -> Result<bool, ExecutionError> {
    let value = Value::resolve_val(condition, &candidate.0)?;
    Ok(value
        .downcast_ref::<CelBool>()
        .is_some_and(|truth| *truth.inner()))
}

fn without_value(error: &ExecutionError) -> Judgement {
    match error {
        ExecutionError::UndeclaredReference(name) => Judgement::Unknown(name.to_string()),
        error => Judgement::Incomputable(error.to_string()),
    }
}
