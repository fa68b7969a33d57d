//! What `NOTES.md` says is what the forms are: every number and every sum.

use crate::answers::Answers;
use crate::check::COST_MAX;
use crate::testing::policies;
use onething_sdk::form::{Form, Origin, SourceRule};

const NOTES: &str = include_str!("../NOTES.md");

fn has(sentence: &str) {
    assert!(NOTES.contains(sentence), "{sentence}");
}

#[test]
fn the_sums_of_the_note() {
    let fields = || Answers::FORMS.iter().flat_map(|form| form.fields);
    let of_forms = |is: fn(&Origin) -> bool| fields().filter(|field| is(&field.origin)).count();
    let of_elements = |is: fn(&SourceRule) -> bool| {
        let elements = Answers::ELEMENTS.iter();
        elements.filter(|element| is(&element.source)).count()
    };
    let (total, merged) = (fields().count(), Answers::ELEMENTS.len());
    has(&format!("| **四张合计** | | **{total}** |"));
    has(&format!(
        "**{merged}** = 填报 {} + 共享数据 {} + 推算 {} |",
        of_elements(|source| matches!(source, SourceRule::Typed)),
        of_elements(|source| matches!(source, SourceRule::Register { .. })),
        of_elements(|source| matches!(source, SourceRule::Derived)),
    ));
    has(&format!(
        "原样抄用 {}，由规则推算 {}，常量 {}，取提交日期 {}。",
        of_forms(|origin| matches!(origin, Origin::Element(_))),
        of_forms(|origin| matches!(origin, Origin::Function { .. })),
        of_forms(|origin| matches!(origin, Origin::Constant(_))),
        of_forms(|origin| matches!(origin, Origin::FiledOn)),
    ));
    has(&format!("| 指标 | {total} | {merged} |"));
    for form in Answers::FORMS {
        has(&format!("`{}.toml` | {} |", form.name, form.fields.len()));
    }
    has(&format!("共{}项：", policies().len()));
    has(&format!("每项政策最多{COST_MAX}步"));
}

#[test]
fn the_figures_of_the_guide() {
    let matter: toml::Table = include_str!("../matter.toml").parse().unwrap();
    let figure = |when: &str, name: &str| matter["guide"][when][name].as_integer().unwrap();
    for (row, name) in [
        ("事项", "matters"),
        ("表单", "forms"),
        ("指标", "fields"),
        ("材料", "materials"),
        ("步骤", "steps"),
        ("时间（工作日）", "days"),
        ("跑动次数", "trips"),
        ("盖章次数", "seals"),
    ] {
        let (before, after) = (figure("before", name), figure("after", name));
        has(&format!("| {row} | {before} | {after} |"));
    }
}

#[test]
fn every_box_of_the_note() {
    for form in Answers::FORMS {
        for field in form.fields {
            let from = match &field.origin {
                Origin::Element(code) => {
                    let mut elements = Answers::ELEMENTS.iter();
                    let place = elements.position(|element| element.code == *code).unwrap();
                    format!("M{:02}", place + 1)
                }
                Origin::Function { name, .. } => format!("`{name}`"),
                Origin::Constant(constant) => format!("“{constant}”"),
                Origin::FiledOn => "提交日期".to_owned(),
            };
            let start = format!("| {} |", field.no);
            let row = NOTES.lines().find(|line| line.starts_with(&start));
            let ends = format!("| {from} |");
            assert!(
                row.is_some_and(|row| row.ends_with(&ends)),
                "{start} {ends}"
            );
        }
        for area in form.boxes {
            has(&format!("| {} |", area.no));
        }
    }
    for (place, element) in Answers::ELEMENTS.iter().enumerate() {
        let number = format!("| M{:02} |", place + 1);
        let row = NOTES.lines().find(|line| line.starts_with(&number));
        let code = format!("| {} |", element.code);
        assert!(
            row.is_some_and(|row| row.contains(&code)),
            "{number} {code}"
        );
    }
}
