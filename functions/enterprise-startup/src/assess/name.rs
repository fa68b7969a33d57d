//! The enterprise's name: its parts, its words, and that nobody else has it.

use super::{Filed, check_is_up, not_checked};
use onething_sdk::Assessing;
use onething_sdk::form::Json;
use onething_sdk::values;

/// 企业名称登记管理规定 第八条: a trade name of at least two Chinese characters.
const MARK_CHARACTERS_MIN: usize = 2;

pub fn check(case: &Filed<'_>, out: &mut Assessing) {
    check_words(case, out);
    let Some(name) = &case.answers.enterprise_name else {
        return;
    };
    let key = format!("{}/{name}", case.submission.region);
    out.unique(format!("enterprise-name/{key}"));
    let Some(taken) = case.facts.entry("enterprise-names", &key) else {
        check_is_up(
            case,
            out,
            "enterprise-names",
            "名称是否已由他人使用",
            "whether somebody else has the name",
        );
        return;
    };
    let of = |member: &str| taken.get(member).and_then(Json::as_str);
    if of("holder") == Some(case.submission.subject.identifier.as_str()) {
        return;
    }
    let reserved_until = of("reserved-until").and_then(values::day);
    match reserved_until {
        Some(until) if until < case.facts.filed_on() => {}
        Some(until) => out.error(
            "/name-mark",
            "name-reserved",
            format!("名称“{name}”已由他人申报保留至{until}，请更换字号"),
            format!(
                "the name “{name}” is reserved for somebody else until {until}; choose another"
            ),
            "企业名称登记管理规定第十八条",
        ),
        None => out.error(
            "/name-mark",
            "name-taken",
            format!("名称“{name}”已有企业登记，请更换字号"),
            format!("an enterprise with the name “{name}” is registered already; choose another"),
            "企业名称登记管理规定第十七条",
        ),
    }
}

fn check_words(case: &Filed<'_>, out: &mut Assessing) {
    let answers = case.answers;
    let rules = case
        .facts
        .parameter("enterprise-name-rules", case.facts.filed_on());
    let words = |list: &str| -> Vec<&str> {
        let list = rules
            .as_ref()
            .and_then(|rules| rules.value.get(list)?.as_array());
        list.into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect()
    };
    if rules.is_none() {
        not_checked(out, "/name-mark", "企业名称", "the name");
    }
    let divisions = words("divisions");
    if let Some(division) = answers.name_division.as_deref()
        && rules.is_some()
        && !divisions.contains(&division)
    {
        out.error(
            "/name-division",
            "name-division",
            format!(
                "名称中的行政区划应为{}之一，现为{division}",
                divisions.join("、")
            ),
            format!(
                "the region in the name is one of {}, not {division}",
                divisions.join(", ")
            ),
            "企业名称登记管理规定第七条",
        );
    }
    if let Some(mark) = answers.name_mark.as_deref() {
        let max = rules
            .as_ref()
            .and_then(|rules| rules.value.get("mark-characters-max")?.as_u64());
        check_mark(mark, max, &divisions, out);
    }
    for (path, part) in [
        ("/name-mark", &answers.name_mark),
        ("/name-trade", &answers.name_trade),
    ] {
        let Some(part) = part.as_deref() else {
            continue;
        };
        if let Some(word) = words("forbidden")
            .into_iter()
            .find(|word| part.contains(word))
        {
            out.error(
                path,
                "name-forbidden-word",
                format!("“{part}”含有企业名称不得使用的“{word}”"),
                format!("“{part}” has “{word}”, which no name may have"),
                "企业名称登记管理规定第十一条",
            );
        } else if let Some(word) = words("approval")
            .into_iter()
            .find(|word| part.contains(word))
        {
            out.error(
                path,
                "name-needs-approval",
                format!("“{part}”含有“{word}”，须经国务院批准，不在本事项内办理"),
                format!(
                    "“{part}” has “{word}”, which the State Council approves: not handled here"
                ),
                "企业名称登记管理规定第十二条",
            );
        }
    }
}

fn check_mark(mark: &str, max: Option<u64>, divisions: &[&str], out: &mut Assessing) {
    const BASIS: &str = "企业名称登记管理规定第八条";
    let length = mark.chars().count();
    let too_long = max
        .and_then(|max| usize::try_from(max).ok())
        .filter(|&max| length > max);
    if length < MARK_CHARACTERS_MIN || !mark.chars().all(is_chinese) {
        out.error(
            "/name-mark",
            "name-mark",
            format!("字号“{mark}”应由两个以上汉字组成"),
            format!("the trade name “{mark}” has two Chinese characters or more, and nothing else"),
            BASIS,
        );
    } else if let Some(max) = too_long {
        out.error(
            "/name-mark",
            "name-mark-long",
            format!("字号“{mark}”有{length}字，最多{max}字"),
            format!("the trade name “{mark}” has {length} characters, at most {max}"),
            BASIS,
        );
    } else if divisions.contains(&mark) {
        out.error(
            "/name-mark",
            "name-mark-is-region",
            format!("行政区划名称“{mark}”不得作为字号"),
            format!("“{mark}” is a region and cannot be the trade name"),
            BASIS,
        );
    }
}

/// 通用规范汉字表 lies in these blocks.
fn is_chinese(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{2ebe0}')
}
