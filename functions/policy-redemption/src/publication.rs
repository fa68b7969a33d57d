//! What must be true of a policy before it is published, every finding at once; and of the items
//! that policies speak of.

use crate::answers::Answers;
use crate::check::{self, COST_MAX, Wrong};
use crate::fields::{FIELDS, Fields};
use crate::matching::parse;
use crate::policy::{self, FAMILY, Mode, Policy};
use crate::range::{Case, constant, unreachable};
use cel::parser::Expression;
use chrono::NaiveDate;
use onething_sdk::contract::{Finding, Severity};
use onething_sdk::form::{Form, Json};
use onething_sdk::values::text;
use onething_sdk::{Facts, serde_json};
use std::collections::BTreeSet;

/// Characters of an expression.
const LENGTH_MAX: usize = 1_000;
/// Conditions, and tiers.
const PARTS_MAX: usize = 30;
/// Working days; a notice that runs longer holds the money for nothing.
const NOTICE_MAX: u16 = 30;

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn error(&mut self, path: &str, code: &str, zh: impl Into<String>, en: impl Into<String>) {
        self.note(Severity::Error, path, code, zh.into(), en.into());
    }

    fn warning(&mut self, path: &str, code: &str, zh: impl Into<String>, en: impl Into<String>) {
        self.note(Severity::Warning, path, code, zh.into(), en.into());
    }

    fn note(&mut self, severity: Severity, path: &str, code: &str, zh: String, en: String) {
        self.0.push(Finding {
            severity,
            path: path.to_owned(),
            code: code.to_owned(),
            message: text(zh, en),
            basis: None,
        });
    }
}

/// What is wrong with a value that shall be in force from `since`.
pub fn check(
    name: &str,
    value: &Json,
    since: NaiveDate,
    until: Option<NaiveDate>,
    facts: &Facts<'_>,
) -> Vec<Finding> {
    let mut found = Findings::default();
    if name == FIELDS {
        if let Err(error) = serde_json::from_value::<Fields>(value.clone()) {
            malformed(&mut found, &error.to_string());
        }
        return found.0;
    }
    if !name.starts_with(FAMILY) {
        return found.0;
    }
    if !policy::is_name(name) {
        found.error(
            "",
            "name",
            "政策编码只能用小写字母、数字和连字符",
            "a policy is named with small letters, digits and hyphens",
        );
    }
    let policy = match Policy::read(value) {
        Ok(policy) => policy,
        Err(error) => {
            malformed(&mut found, &error);
            return found.0;
        }
    };
    check_words(&policy, &mut found);
    check_window(&policy, since, until, &mut found);
    check_money(&policy, &mut found);
    check_order_of_work(&policy, &mut found);
    check_materials(&policy, &mut found);
    check_group(name, &policy, since, facts, &mut found);
    match Fields::in_force(facts, since) {
        Some(fields) => check_expressions(&policy, &fields, &mut found),
        None => found.error(
            "",
            "fields-missing",
            "参数 policy-fields 没有发布，条件无从核对",
            "the parameter `policy-fields` is not published: the conditions cannot be checked",
        ),
    }
    found.0
}

fn malformed(found: &mut Findings, error: &str) {
    found.error(
        "",
        "malformed",
        format!("格式不符：{error}"),
        format!("not of the format: {error}"),
    );
}

fn check_words(policy: &Policy, found: &mut Findings) {
    let texts = [
        ("/title/zh", &policy.title.zh),
        ("/title/en", &policy.title.en),
        ("/basis", &policy.basis),
        ("/field", &policy.field),
    ];
    let conditions = policy.qualifies.iter().enumerate().flat_map(|(place, it)| {
        let path = |language| format!("/qualifies/{place}/{language}");
        [(path("zh"), &it.zh), (path("en"), &it.en)]
    });
    let texts = texts.map(|(path, text)| (path.to_owned(), text));
    for (path, text) in texts.into_iter().chain(conditions) {
        if text.trim().is_empty() {
            found.error(&path, "empty", "不能为空", "must not be empty");
        }
    }
    let is_department = policy.department != "policy-department"
        && Answers::MATTER.office(&policy.department).is_some();
    if !is_department {
        found.error(
            "/department",
            "department-unknown",
            format!("没有部门“{}”", policy.department),
            format!("there is no department {:?}", policy.department),
        );
    }
}

fn check_window(policy: &Policy, since: NaiveDate, until: Option<NaiveDate>, found: &mut Findings) {
    let window = policy.window;
    if window.closes < window.opens {
        found.error(
            "/window",
            "window-order",
            format!("申报截止日{}早于开始日{}", window.closes, window.opens),
            format!(
                "it closes on {} before it opens on {}",
                window.closes, window.opens
            ),
        );
    } else if window.closes < since || until.is_some_and(|until| until <= window.opens) {
        found.error(
            "/window",
            "window-outside",
            "申报期限不在本版本的施行期限之内，没有一天可以申报",
            "the window lies outside the time that this version is in force: it could never be applied for",
        );
    }
}

fn check_money(policy: &Policy, found: &mut Findings) {
    if !policy::is_name(&policy.budget) {
        found.error(
            "/budget",
            "budget-name",
            "预算须写作 policy/…，如 policy/rd-2026",
            "a budget is named policy/…, like policy/rd-2026",
        );
    }
    if policy.cap <= 0 {
        found.error(
            "/cap",
            "cap",
            "上限应为大于零的整数分",
            "the cap is a whole number of fen above zero",
        );
    }
}

fn check_order_of_work(policy: &Policy, found: &mut Findings) {
    if policy.public_notice_days > NOTICE_MAX {
        found.error(
            "/public-notice-days",
            "notice-too-long",
            format!("公示不超过{NOTICE_MAX}个工作日"),
            format!("a public notice runs {NOTICE_MAX} working days at most"),
        );
    }
    if policy.mode == Mode::Instant && policy.public_notice_days > 0 {
        found.error(
            "/public-notice-days",
            "instant-with-notice",
            "即申即享的政策不能再公示；需要公示的，用申报兑现",
            "what is had at once is not published first; use `application`",
        );
    }
    if policy.mode == Mode::Proactive && !policy.materials.is_empty() {
        found.error(
            "/materials",
            "proactive-with-materials",
            "免申即享的政策不能要求材料",
            "what needs no application needs no materials",
        );
    }
}

fn check_materials(policy: &Policy, found: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (place, material) in policy.materials.iter().enumerate() {
        let path = format!("/materials/{place}");
        if Answers::MATTER.material(material).is_none() {
            found.error(
                &path,
                "material-unknown",
                format!("本事项没有材料“{material}”"),
                format!("the matter has no material {material:?}"),
            );
        }
        if !seen.insert(material) {
            found.error(
                &path,
                "material-twice",
                "材料重复",
                "the material stands twice",
            );
        }
    }
}

/// A group of one excludes nothing: most likely its name is mistyped. The first of a group is
/// published before the others, and so this only warns.
fn check_group(
    name: &str,
    policy: &Policy,
    since: NaiveDate,
    facts: &Facts<'_>,
    found: &mut Findings,
) {
    let Some(group) = &policy.group else { return };
    let is_kebab = policy::is_name(&format!("{FAMILY}/{group}"));
    if !is_kebab {
        found.error(
            "/group",
            "group-name",
            "互斥组只能用小写字母、数字和连字符",
            "a group is named with small letters, digits and hyphens",
        );
    }
    let has_others = facts
        .family(FAMILY, since)
        .iter()
        .filter(|other| *other != name)
        .filter_map(|other| Policy::in_force(other, facts, since))
        .any(|other| other.policy.group.as_ref() == Some(group));
    if is_kebab && !has_others {
        found.warning(
            "/group",
            "group-of-one",
            format!("互斥组“{group}”没有其他政策，请核对"),
            format!("no other policy is of the group {group:?}: check the name"),
        );
    }
}

fn check_expressions(policy: &Policy, fields: &Fields, found: &mut Findings) {
    if policy.qualifies.is_empty() || policy.tiers.is_empty() {
        found.error(
            "",
            "nothing-to-check",
            "至少要有一个条件和一档金额",
            "there is at least one condition and one tier",
        );
    }
    if policy.qualifies.len() > PARTS_MAX || policy.tiers.len() > PARTS_MAX {
        found.error(
            "",
            "too-many-parts",
            format!("条件和档次各不超过{PARTS_MAX}个"),
            format!("at most {PARTS_MAX} conditions and {PARTS_MAX} tiers"),
        );
        return;
    }
    let mut cost = 0;
    let mut read = |path: String, source: &str, kind: Checked, found: &mut Findings| {
        let expression = expression(&path, source, kind, fields, found)?;
        cost += check::cost(&expression, fields);
        Some(expression)
    };
    let conditions: Vec<Option<Expression>> = (0..)
        .zip(&policy.qualifies)
        .map(|(place, condition): (usize, _)| {
            let path = format!("/qualifies/{place}/when");
            read(path, &condition.when, check::condition, found)
        })
        .collect();
    let mut tiers = Vec::new();
    for (place, tier) in policy.tiers.iter().enumerate() {
        let when = tier.when.as_deref().map(|when| {
            read(
                format!("/tiers/{place}/when"),
                when,
                check::condition,
                found,
            )
        });
        let path = format!("/tiers/{place}/amount");
        if let Some(amount) = read(path.clone(), &tier.amount, check::amount, found) {
            check_amount(&path, &amount, policy.cap, found);
        }
        tiers.push(when);
    }
    if cost > COST_MAX {
        found.error(
            "",
            "too-costly",
            format!("条件和金额过于复杂：需要{cost}步，最多{COST_MAX}步"),
            format!("the expressions need {cost} steps; at most {COST_MAX} are allowed"),
        );
    }
    check_tiers(&conditions, &tiers, found);
}

type Checked = fn(&Expression, &Fields) -> Result<(), Wrong>;

fn expression(
    path: &str,
    source: &str,
    kind: Checked,
    fields: &Fields,
    found: &mut Findings,
) -> Option<Expression> {
    if source.chars().count() > LENGTH_MAX {
        found.error(
            path,
            "too-long",
            format!("表达式最多{LENGTH_MAX}字"),
            format!("an expression has at most {LENGTH_MAX} characters"),
        );
        return None;
    }
    match parse(source) {
        Err(error) => {
            found.error(
                path,
                "syntax",
                format!("表达式写法有误：{error}"),
                format!("not an expression: {error}"),
            );
            None
        }
        Ok(expression) => {
            if let Err(Wrong { code, message }) = kind(&expression, fields) {
                found.error(path, code, message.zh, message.en);
                return None;
            }
            Some(expression)
        }
    }
}

fn check_amount(path: &str, amount: &Expression, cap: i64, found: &mut Findings) {
    match constant(amount) {
        Some(fen) if fen <= 0 => found.error(
            path,
            "amount-nothing",
            "金额应大于零",
            "an amount is above zero",
        ),
        Some(fen) if cap > 0 && fen > cap => found.warning(
            path,
            "amount-over-cap",
            "金额大于上限，只会按上限兑现",
            "the amount is over the cap, which is what will be paid",
        ),
        _ => {}
    }
}

/// Once every condition can be read: whether anybody can qualify, and for which tiers.
fn check_tiers(
    conditions: &[Option<Expression>],
    tiers: &[Option<Option<Expression>>],
    found: &mut Findings,
) {
    let conditions: Option<Vec<&Expression>> = conditions.iter().map(Option::as_ref).collect();
    let Some(conditions) = conditions else { return };
    let given = conditions
        .into_iter()
        .fold(Case::always(), |case, condition| case.and(condition));
    if given.is_never() {
        found.error(
            "/qualifies",
            "nobody-qualifies",
            "各项条件互相矛盾，没有企业能够符合",
            "the conditions contradict each other: nobody can qualify",
        );
        return;
    }
    let mut read = Vec::new();
    for tier in tiers {
        match tier {
            None => read.push(None),
            Some(Some(when)) => read.push(Some(when)),
            Some(None) => return, // it is told already what is wrong with it
        }
    }
    for place in unreachable(&given, &read) {
        found.error(
            &format!("/tiers/{place}"),
            "tier-unreachable",
            format!("第{}档永远轮不到：前面的档次或者条件已经把它排除", place + 1),
            format!("tier {} is never reached: the conditions or the tiers before it leave nothing for it", place + 1),
        );
    }
}

#[cfg(test)]
mod tests;
