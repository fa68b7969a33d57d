//! The types and the cost of expressions, which CEL itself does not check: an expression that passes
//! has a value of its type for every enterprise whose items are known, but for a division by zero or
//! an overflow, and needs no more steps than its cost says. Units count: yuan are compared with
//! yuan, dates with dates. Nothing loops, so that the cost is known before anything runs.

use crate::fields::{Fields, Kind, LIST_MAX, date, unit};
use crate::range::constant;
use cel::common::ast::{CallExpr, Expr, ListExpr, LiteralValue, operators};
use cel::parser::Expression;
use onething_sdk::contract::Text;
use onething_sdk::values::text;

/// The steps that all expressions of a policy may need together.
pub const COST_MAX: usize = 2_000;
/// What comparing two texts counts for.
const COST_TEXT: usize = 2;

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Wrong {
    /// For machines.
    pub code: &'static str,
    /// For people.
    pub message: Text,
}

fn wrong<T>(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong {
        code,
        message: text(zh, en),
    })
}

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Of(Kind),
    /// A whole number as it stands there: an amount in fen, a date or a count, as it is used.
    Number(i64),
}

/// A condition is a `bool`.
///
/// # Errors
/// What is wrong first.
pub fn condition(expression: &Expression, fields: &Fields) -> Result<(), Wrong> {
    match type_of(expression, fields)? {
        Type::Of(Kind::Bool) => Ok(()),
        other => wrong(
            "not-a-condition",
            format!("条件应为真或假，现为{}", other.zh()),
            format!("a condition is true or false; this is {}", other.en()),
        ),
    }
}

/// An amount is money, or a whole number of fen.
///
/// # Errors
/// What is wrong first.
pub fn amount(expression: &Expression, fields: &Fields) -> Result<(), Wrong> {
    match type_of(expression, fields)? {
        Type::Of(Kind::Money | Kind::Int) | Type::Number(_) => Ok(()),
        other => wrong(
            "not-an-amount",
            format!("金额应为整数分，现为{}", other.zh()),
            format!("an amount is a whole number of fen; this is {}", other.en()),
        ),
    }
}

/// The most steps that it needs.
pub fn cost(expression: &Expression, fields: &Fields) -> usize {
    let inner = |expressions: &[Expression]| -> usize {
        expressions.iter().map(|inner| cost(inner, fields)).sum()
    };
    1 + match &expression.expr {
        Expr::Call(call) => {
            let own = match call.func_name.as_str() {
                operators::IN => list_length(call, fields) * COST_TEXT,
                operators::EQUALS | operators::NOT_EQUALS | "startsWith" => COST_TEXT,
                _ => 0,
            };
            let target = call.target.as_deref();
            own + inner(&call.args) + target.map_or(0, |target| cost(target, fields))
        }
        Expr::List(list) => inner(&list.elements),
        _ => 0,
    }
}

fn list_length(call: &CallExpr, fields: &Fields) -> usize {
    match call.args.get(1).map(|list| &list.expr) {
        Some(Expr::List(list)) => list.elements.len(),
        Some(Expr::Ident(name)) if fields.get(name).is_some() => LIST_MAX,
        _ => 0,
    }
}

fn type_of(expression: &Expression, fields: &Fields) -> Result<Type, Wrong> {
    match &expression.expr {
        Expr::Literal(literal) => of_literal(literal),
        Expr::Ident(name) => of_name(name, fields),
        Expr::Call(call) => of_call(call, fields),
        Expr::List(_) => wrong(
            "list-out-of-place",
            "列表只能写在 in 的右边",
            "a list stands on the right of `in` only",
        ),
        Expr::Comprehension(_) => wrong(
            "no-loops",
            "不允许 all、exists、map、filter 等循环",
            "loops (all, exists, map, filter) are not allowed",
        ),
        _ => wrong(
            "not-allowed",
            "不允许这种写法：只能用已声明的数据项、整数、文本、列表和运算符",
            "only declared items, whole numbers, texts, lists and operators are allowed",
        ),
    }
}

fn of_literal(literal: &LiteralValue) -> Result<Type, Wrong> {
    match literal {
        LiteralValue::Boolean(_) => Ok(Type::Of(Kind::Bool)),
        LiteralValue::Int(number) => Ok(Type::Number(*number.inner())),
        LiteralValue::String(_) => Ok(Type::Of(Kind::Text)),
        LiteralValue::Double(_) => wrong(
            "no-doubles",
            "不允许小数：金额用整数分，比例写成 * 3 / 100",
            "no fractions: amounts are whole fen, a rate is written * 3 / 100",
        ),
        LiteralValue::Bytes(_) | LiteralValue::Null | LiteralValue::UInt(_) => wrong(
            "not-allowed",
            "不允许这种常量：只能用 true、false、整数和文本",
            "constants are true, false, whole numbers and texts",
        ),
    }
}

fn of_name(name: &str, fields: &Fields) -> Result<Type, Wrong> {
    match (unit(name), fields.get(name)) {
        (Some(_), _) => Ok(Type::Of(Kind::Money)),
        (None, Some(field)) => Ok(Type::Of(field.kind)),
        (None, None) => wrong(
            "unknown-field",
            format!("没有声明过数据项“{name}”"),
            format!("no item {name:?} is declared"),
        ),
    }
}

fn of_call(call: &CallExpr, fields: &Fields) -> Result<Type, Wrong> {
    use Kind::{Bool, Date, Int, List, Money, Text};
    let name = call.func_name.as_str();
    let arguments: Vec<&Expression> = call
        .target
        .as_deref()
        .into_iter()
        .chain(&call.args)
        .collect();
    match (name, arguments.as_slice()) {
        (operators::IN, [item, list]) => of_in(item, list, fields),
        (operators::CONDITIONAL, [when, then, otherwise]) => {
            condition(when, fields)?;
            same(name, type_of(then, fields)?, type_of(otherwise, fields)?)
        }
        (operators::LOGICAL_NOT, [one]) => condition(one, fields).map(|()| Type::Of(Bool)),
        (operators::NEGATE, [one]) => match type_of(one, fields)? {
            Type::Number(number) => Ok(Type::Number(number.saturating_neg())),
            number @ Type::Of(Int | Money) => Ok(number),
            other => no_operator(name, other, other),
        },
        ("size", [list]) => match type_of(list, fields)? {
            Type::Of(List) => Ok(Type::Of(Int)),
            other => no_operator(name, other, other),
        },
        ("startsWith", [whole, start]) => {
            match (type_of(whole, fields)?, type_of(start, fields)?) {
                (Type::Of(Text), Type::Of(Text)) => Ok(Type::Of(Bool)),
                (one, other) => no_operator(name, one, other),
            }
        }
        (operators::LOGICAL_AND | operators::LOGICAL_OR, [one, other]) => {
            condition(one, fields)?;
            condition(other, fields)?;
            Ok(Type::Of(Bool))
        }
        (_, [one, other]) => {
            let (left, right) = (type_of(one, fields)?, type_of(other, fields)?);
            match name {
                operators::EQUALS | operators::NOT_EQUALS => match same(name, left, right)? {
                    Type::Of(List) => no_operator(name, left, right),
                    _ => Ok(Type::Of(Bool)),
                },
                operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS => match same(name, left, right)? {
                    Type::Of(Int | Money | Date) | Type::Number(_) => Ok(Type::Of(Bool)),
                    Type::Of(_) => no_operator(name, left, right),
                },
                operators::ADD | operators::SUBSTRACT => match same(name, left, right)? {
                    sum @ (Type::Of(Int | Money) | Type::Number(_)) => Ok(sum),
                    Type::Of(_) => no_operator(name, left, right),
                },
                operators::MULTIPLY => product(name, left, right),
                operators::DIVIDE | operators::MODULO if constant(other) == Some(0) => {
                    wrong("divides-by-zero", "除数为零", "divides by zero")
                }
                operators::DIVIDE => quotient(name, left, right),
                operators::MODULO => match (left, right) {
                    (Type::Of(Int) | Type::Number(_), Type::Of(Int) | Type::Number(_)) => {
                        Ok(Type::Of(Int))
                    }
                    _ => no_operator(name, left, right),
                },
                _ => unknown_function(name),
            }
        }
        _ => unknown_function(name),
    }
}

fn unknown_function(name: &str) -> Result<Type, Wrong> {
    wrong(
        "unknown-function",
        format!("不允许“{name}”；可用的只有 in、startsWith、size 和运算符"),
        format!("{name:?} is not allowed; there are `in`, `startsWith`, `size` and the operators"),
    )
}

/// An item in a list of constants, or a code in an item that is a list.
fn of_in(item: &Expression, list: &Expression, fields: &Fields) -> Result<Type, Wrong> {
    let item = type_of(item, fields)?;
    match &list.expr {
        Expr::List(ListExpr { elements, .. }) => {
            for element in elements {
                if !matches!(element.expr, Expr::Literal(_)) {
                    return wrong(
                        "not-a-constant",
                        "in 右边的列表只能由常量组成",
                        "the list of `in` has constants only",
                    );
                }
                same(operators::IN, item, type_of(element, fields)?)?;
            }
        }
        _ => match (item, type_of(list, fields)?) {
            (Type::Of(Kind::Text), Type::Of(Kind::List)) => {}
            (item, list) => return no_operator(operators::IN, item, list),
        },
    }
    Ok(Type::Of(Kind::Bool))
}

/// The type that two have in common: a bare number is whatever the other is.
fn same(name: &str, one: Type, other: Type) -> Result<Type, Wrong> {
    match (one, other) {
        (Type::Number(_), Type::Number(_)) => Ok(Type::Of(Kind::Int)),
        (Type::Of(Kind::Date), Type::Number(number))
        | (Type::Number(number), Type::Of(Kind::Date))
            if date(number).is_none() =>
        {
            wrong(
                "not-a-date",
                format!("{number}不是存在的日期，应写作 20260302"),
                format!("{number} is no date; write 20260302"),
            )
        }
        (Type::Number(_), typed @ Type::Of(Kind::Int | Kind::Money | Kind::Date))
        | (typed @ Type::Of(Kind::Int | Kind::Money | Kind::Date), Type::Number(_)) => Ok(typed),
        (one, other) if one == other => Ok(one),
        _ => no_operator(name, one, other),
    }
}

/// Money times a count is money; money times money is nothing.
fn product(name: &str, one: Type, other: Type) -> Result<Type, Wrong> {
    use Kind::{Int, Money};
    match (one, other) {
        (Type::Of(Int) | Type::Number(_), Type::Of(Int) | Type::Number(_)) => Ok(Type::Of(Int)),
        (Type::Of(Money), Type::Of(Int) | Type::Number(_))
        | (Type::Of(Int) | Type::Number(_), Type::Of(Money)) => Ok(Type::Of(Money)),
        _ => no_operator(name, one, other),
    }
}

/// Money by money is a plain number, money by a count is money.
fn quotient(name: &str, one: Type, other: Type) -> Result<Type, Wrong> {
    use Kind::{Int, Money};
    match (one, other) {
        (Type::Of(Int) | Type::Number(_), Type::Of(Int) | Type::Number(_))
        | (Type::Of(Money), Type::Of(Money)) => Ok(Type::Of(Int)),
        (Type::Of(Money), Type::Of(Int) | Type::Number(_)) => Ok(Type::Of(Money)),
        _ => no_operator(name, one, other),
    }
}

fn no_operator<T>(name: &str, one: Type, other: Type) -> Result<T, Wrong> {
    let name = name.trim_matches(['_', '@']);
    let (mut zh, mut en) = (one.zh().to_owned(), one.en().to_owned());
    if one != other {
        zh = format!("{zh}和{}", other.zh());
        en = format!("{en} and {}", other.en());
    }
    wrong(
        "types-differ",
        format!("“{name}”不能用于{zh}"),
        format!("{name:?} does not take {en}"),
    )
}

impl Type {
    fn zh(self) -> &'static str {
        match self {
            Self::Of(Kind::Bool) => "真假值",
            Self::Of(Kind::Int) | Self::Number(_) => "整数",
            Self::Of(Kind::Money) => "金额",
            Self::Of(Kind::Date) => "日期",
            Self::Of(Kind::Text) => "文本",
            Self::Of(Kind::List) => "列表",
        }
    }

    fn en(self) -> &'static str {
        match self {
            Self::Of(Kind::Bool) => "a truth",
            Self::Of(Kind::Int) | Self::Number(_) => "a whole number",
            Self::Of(Kind::Money) => "money",
            Self::Of(Kind::Date) => "a date",
            Self::Of(Kind::Text) => "a text",
            Self::Of(Kind::List) => "a list",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::parse;
    use onething_sdk::serde_json::json;

    fn fields() -> Fields {
        let field = |kind: &str| json!({"type": kind, "zh": "项", "en": "item", "owner": "tax"});
        let declared = json!({
            "revenue": field("money"), "rd_spending": field("money"), "staff": field("int"),
            "high_tech": field("bool"), "founded_on": field("date"), "industry": field("text"),
            "titles": field("list"),
        });
        onething_sdk::serde_json::from_value(declared).unwrap()
    }

    #[test]
    fn conditions() {
        for (source, code) in [
            ("high_tech", None),
            ("revenue >= 2000 * wan", None),
            ("revenue >= 200000000", None),
            ("rd_spending * 100 / revenue >= 3", None),
            ("staff > 10 && (high_tech || !(industry == 'C39'))", None),
            (
                "industry.startsWith('C') || industry in ['I65', 'M73']",
                None,
            ),
            ("'little-giant' in titles && size(titles) > 1", None),
            ("founded_on >= 20230101", None),
            ("staff in [1, 2]", None),
            ("(high_tech ? 5 : 3) < staff", None),
            ("staff", Some("not-a-condition")),
            ("turnover > 0", Some("unknown-field")),
            ("revenue > staff", Some("types-differ")),
            ("revenue * revenue > 0", Some("types-differ")),
            ("staff / revenue > 0", Some("types-differ")),
            ("founded_on - founded_on > 365", Some("types-differ")),
            ("founded_on >= 2023", Some("not-a-date")),
            ("high_tech > false", Some("types-differ")),
            ("industry < 'D'", Some("types-differ")),
            ("industry == 5", Some("types-differ")),
            ("staff > 1.5", Some("no-doubles")),
            ("staff > 1u", Some("not-allowed")),
            ("revenue / 0 > 1 * wan", Some("divides-by-zero")),
            ("revenue / (2 - 2) > 1 * wan", Some("divides-by-zero")),
            ("titles.exists(t, t == 'a')", Some("no-loops")),
            ("titles == ['a']", Some("list-out-of-place")),
            ("titles[0] == 'a'", Some("unknown-function")),
            ("industry in [industry]", Some("not-a-constant")),
            (
                "industry in titles && staff in titles",
                Some("types-differ"),
            ),
            ("industry.matches('.*')", Some("unknown-function")),
            ("duration('1h') == staff", Some("unknown-function")),
            ("high_tech ? 'a' : 1", Some("types-differ")),
            ("enterprise.staff > 1", Some("not-allowed")),
        ] {
            let found = condition(&parse(source).unwrap(), &fields());
            let found = found.err().map(|wrong| wrong.code);
            assert_eq!(found, code, "{source}");
        }
    }

    #[test]
    fn amounts() {
        for (source, code) in [
            ("20 * wan", None),
            ("2000000", None),
            ("staff * 1000 * yuan", None),
            ("rd_spending * 10 / 100", None),
            ("high_tech ? 20 * wan : 10 * wan", None),
            ("high_tech", Some("not-an-amount")),
            ("'20'", Some("not-an-amount")),
            ("rd_spending * 0.1", Some("no-doubles")),
        ] {
            let found = amount(&parse(source).unwrap(), &fields());
            assert_eq!(found.err().map(|wrong| wrong.code), code, "{source}");
        }
    }

    #[test]
    fn the_cost_counts_what_is_compared() {
        for (source, expected) in [
            ("staff > 1", 3),
            ("industry == 'a'", 3 + COST_TEXT),
            ("industry in ['a', 'b']", 5 + 2 * COST_TEXT),
            ("'a' in titles", 3 + LIST_MAX * COST_TEXT),
        ] {
            assert_eq!(
                cost(&parse(source).unwrap(), &fields()),
                expected,
                "{source}"
            );
        }
    }
}
