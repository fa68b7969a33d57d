//! Which tiers of a policy can ever apply: a tier that the ones before it leave nothing for is a
//! mistake of whoever wrote it. Ranges of single items are reasoned about, everything else is taken
//! as possible.

use crate::fields::unit;
use cel::common::ast::{Expr, LiteralValue, operators};
use cel::parser::Expression;
use std::collections::BTreeMap;

/// The value of an expression that names no item.
pub fn constant(expression: &Expression) -> Option<i64> {
    match &expression.expr {
        Expr::Literal(LiteralValue::Int(number)) => Some(*number.inner()),
        Expr::Ident(name) => unit(name),
        Expr::Call(call) => {
            let value = |place: usize| call.args.get(place).and_then(constant);
            match call.func_name.as_str() {
                operators::NEGATE => value(0)?.checked_neg(),
                operators::ADD => value(0)?.checked_add(value(1)?),
                operators::SUBSTRACT => value(0)?.checked_sub(value(1)?),
                operators::MULTIPLY => value(0)?.checked_mul(value(1)?),
                operators::DIVIDE => value(0)?.checked_div(value(1)?),
                _ => None,
            }
        }
        _ => None,
    }
}

/// From and to, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    low: i64,
    high: i64,
}

const ALL: Range = Range {
    low: i64::MIN,
    high: i64::MAX,
};
const NEVER: Range = Range { low: 1, high: 0 };

impl Range {
    fn is_empty(self) -> bool {
        self.low > self.high
    }

    fn and(self, other: Self) -> Self {
        Self {
            low: self.low.max(other.low),
            high: self.high.min(other.high),
        }
    }

    fn covers(self, other: Self) -> bool {
        other.is_empty() || self.low <= other.low && other.high <= self.high
    }
}

/// When a condition holds, as far as ranges tell: every item in its range, and, unless `exact`,
/// something more.
#[derive(Debug, Clone)]
pub struct Case {
    ranges: BTreeMap<String, Range>,
    never: bool,
    exact: bool,
}

impl Case {
    /// Always.
    pub fn always() -> Self {
        Self {
            ranges: BTreeMap::new(),
            never: false,
            exact: true,
        }
    }

    /// This, and the condition.
    #[must_use]
    pub fn and(mut self, condition: &Expression) -> Self {
        self.narrow(condition, true);
        self
    }

    /// It cannot be.
    pub fn is_never(&self) -> bool {
        self.never || self.ranges.values().any(|range| range.is_empty())
    }

    fn narrow(&mut self, condition: &Expression, truth: bool) {
        match &condition.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => self.never |= *value.inner() != truth,
            Expr::Ident(name) => self.limit(&flag(name), exactly(i64::from(truth))),
            Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
                (operators::LOGICAL_NOT, [inner]) => self.narrow(inner, !truth),
                (operators::LOGICAL_AND, [one, other]) if truth => {
                    self.narrow(one, true);
                    self.narrow(other, true);
                }
                (operators::LOGICAL_OR, [one, other]) if !truth => {
                    self.narrow(one, false);
                    self.narrow(other, false);
                }
                (operator, [one, other]) => match compared(operator, one, other, truth) {
                    Some((name, range)) => self.limit(name, range),
                    None => self.exact = false,
                },
                _ => self.exact = false,
            },
            _ => self.exact = false,
        }
    }

    fn limit(&mut self, name: &str, range: Range) {
        let known = self.ranges.entry(name.to_owned()).or_insert(ALL);
        *known = known.and(range);
    }

    /// Every enterprise of the other case is in this one.
    fn covers(&self, other: &Self) -> bool {
        self.exact
            && !self.is_never()
            && self.ranges.iter().all(|(name, range)| {
                let inner = other.ranges.get(name).copied().unwrap_or(whole(name));
                range.covers(inner)
            })
    }
}

fn exactly(value: i64) -> Range {
    Range {
        low: value,
        high: value,
    }
}

/// The mark of an item that is true or false, and so 1 or 0.
const FLAG: char = '?';

fn flag(name: &str) -> String {
    format!("{name}{FLAG}")
}

fn whole(name: &str) -> Range {
    match name.ends_with(FLAG) {
        true => Range { low: 0, high: 1 },
        false => ALL,
    }
}

/// An item compared with a constant, on whichever side.
fn compared<'e>(
    operator: &str,
    one: &'e Expression,
    other: &'e Expression,
    truth: bool,
) -> Option<(&'e str, Range)> {
    let (name, operator, value) = match (&one.expr, &other.expr) {
        (Expr::Ident(name), _) if unit(name).is_none() => (name, operator, constant(other)?),
        (_, Expr::Ident(name)) if unit(name).is_none() => {
            (name, mirrored(operator)?, constant(one)?)
        }
        _ => return None,
    };
    let operator = if truth { operator } else { negated(operator)? };
    let from = |low| Range { low, ..ALL };
    let to = |high| Range { high, ..ALL };
    let range = match operator {
        operators::EQUALS => exactly(value),
        operators::GREATER_EQUALS => from(value),
        operators::LESS_EQUALS => to(value),
        operators::GREATER => value.checked_add(1).map_or(NEVER, from),
        operators::LESS => value.checked_sub(1).map_or(NEVER, to),
        _ => return None,
    };
    Some((name, range))
}

fn mirrored(operator: &str) -> Option<&'static str> {
    Some(match operator {
        operators::GREATER => operators::LESS,
        operators::GREATER_EQUALS => operators::LESS_EQUALS,
        operators::LESS => operators::GREATER,
        operators::LESS_EQUALS => operators::GREATER_EQUALS,
        operators::EQUALS => operators::EQUALS,
        _ => return None,
    })
}

fn negated(operator: &str) -> Option<&'static str> {
    Some(match operator {
        operators::GREATER => operators::LESS_EQUALS,
        operators::GREATER_EQUALS => operators::LESS,
        operators::LESS => operators::GREATER_EQUALS,
        operators::LESS_EQUALS => operators::GREATER,
        operators::NOT_EQUALS => operators::EQUALS,
        _ => return None,
    })
}

/// The places of the tiers that never apply. `given` holds for every enterprise that comes so far.
pub fn unreachable(given: &Case, tiers: &[Option<&Expression>]) -> Vec<usize> {
    let from = |start: &Case, when: &Option<&Expression>| {
        let start = start.clone();
        match when {
            Some(when) => start.and(when),
            None => start,
        }
    };
    let always = Case::always();
    let own: Vec<Case> = tiers.iter().map(|when| from(&always, when)).collect();
    let never = |place: &usize| {
        let (case, before) = (&from(given, &tiers[*place]), &own[..*place]);
        let twice = || {
            let same = |earlier: &Option<&Expression>| written(*earlier) == written(tiers[*place]);
            tiers[..*place].iter().any(same)
        };
        case.is_never()
            || before.iter().any(|earlier| earlier.covers(case))
            || covered_together(case, before)
            || twice()
    };
    (0..tiers.len()).filter(never).collect()
}

/// Earlier cases that differ from this one in the range of one item alone leave nothing of it.
fn covered_together(case: &Case, before: &[Case]) -> bool {
    case.ranges
        .keys()
        .chain(before.iter().flat_map(|earlier| earlier.ranges.keys()))
        .any(|name| {
            let range = |case: &Case| case.ranges.get(name).copied().unwrap_or(whole(name));
            let whole = range(case);
            let mut parts: Vec<Range> = before
                .iter()
                .filter(|earlier| {
                    let mut wider = (*earlier).clone();
                    wider.ranges.remove(name);
                    wider.covers(case)
                })
                .map(range)
                .collect();
            parts.sort_by_key(|part| part.low);
            let mut left = whole.low;
            for part in parts {
                if part.low > left {
                    return false;
                }
                if part.high >= whole.high {
                    return true;
                }
                left = left.max(part.high.saturating_add(1));
            }
            false
        })
}

/// An expression without the numbers that the parser gives its parts.
fn written(expression: Option<&Expression>) -> String {
    fn write(expression: &Expression, out: &mut String) {
        match &expression.expr {
            Expr::Call(call) => {
                out.push_str(&call.func_name);
                out.push('(');
                for inner in call.target.as_deref().into_iter().chain(&call.args) {
                    write(inner, out);
                    out.push(',');
                }
                out.push(')');
            }
            Expr::List(list) => {
                out.push('[');
                for inner in &list.elements {
                    write(inner, out);
                    out.push(',');
                }
                out.push(']');
            }
            Expr::Ident(name) => out.push_str(name),
            other => out.push_str(&format!("{other:?}")),
        }
    }
    let mut out = String::new();
    if let Some(expression) = expression {
        write(expression, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::parse;

    #[test]
    fn tiers_that_never_apply() {
        let cases: &[(&str, &[&str], &[usize])] = &[
            ("true", &["a >= 100", "a >= 50", "true"], &[]),
            ("true", &["a >= 50", "a >= 100"], &[1]),
            ("true", &["a >= 50 && b", "a >= 100", "b && a > 60"], &[2]),
            ("true", &["true", "a > 1"], &[1]),
            ("true", &["false", "a > 1"], &[0]),
            ("true", &["a > 1 && a < 2", "b"], &[0]),
            ("true", &["c == 'x'", "c=='x'"], &[1]),
            ("true", &["c == 'x'", "c == 'y'"], &[]),
            ("true", &["a >= 10", "a < 10", "a == 3"], &[2]),
            ("true", &["a > 10", "a < 10", "a == 10", "true"], &[3]),
            ("true", &["a > 10", "a < 10", "true"], &[]),
            ("true", &["b", "!b", "true"], &[2]),
            ("a >= 20 * wan", &["a < 10 * wan", "true"], &[0]),
            ("a >= 20 * wan", &["20 * wan <= a", "true"], &[1]),
            ("a * 100 / b > 3", &["a >= 5", "a < 5", "true"], &[2]),
            ("true", &["a * 2 > 10", "a * 2 > 20"], &[]),
            ("true", &["!(a < 5 || b)", "a >= 7 && !b"], &[1]),
        ];
        for (given, tiers, expected) in cases {
            let parsed: Vec<Expression> = tiers.iter().map(|tier| parse(tier).unwrap()).collect();
            let tiers: Vec<Option<&Expression>> = parsed.iter().map(Some).collect();
            let given = Case::always().and(&parse(given).unwrap());
            assert_eq!(unreachable(&given, &tiers), *expected, "{parsed:?}");
        }
    }
}
