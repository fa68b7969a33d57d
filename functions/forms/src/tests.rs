//! A small bundle that compiles, and each way to spoil it: the problem names file and line.

use crate::compile;
use onething_contract::manifest::{Origin, Source};
use std::path::PathBuf;

const ELEMENTS: &str = r#"
[AAC002]
label = { zh = "公民身份号码", en = "Citizen ID" }
type = "citizen-id"

[AAC003]
label = { zh = "姓名", en = "Name" }
type = "text"
max = 50

[kind]
label = { zh = "类别", en = "Kind" }
type = "enum"
values = [{ code = "a", zh = "甲", en = "A" }, { code = "12", zh = "乙", en = "B" }]

[career]
label = { zh = "简历", en = "Career" }
type = "table"
columns = [
    { name = "from", label = { zh = "起", en = "From" }, type = "month" },
    { name = "to", label = { zh = "止", en = "To" }, type = "month" },
]

[due]
label = { zh = "应退年月", en = "Month due" }
type = "month"
"#;

const FORM: &str = r#"
code = "A"
title = { zh = "审批表", en = "Approval" }
agency = "personnel"
basis = "示例"

[[field]]
no = "A01"
label = "号码"
element = "AAC002"

[[field]]
no = "A02"
label = "姓名"
element = "AAC003"

[[field]]
no = "A03"
label = "性别"
derive = "sex"
from = ["AAC002", "kind?"]
type = "text"

[[field]]
no = "A04"
label = "简历"
element = "career"
columns = ["to"]

[[field]]
no = "A05"
label = "应退年月"
element = "due"

[[field]]
no = "A06"
label = "证件"
constant = "居民身份证"

[[field]]
no = "A07"
label = "日期"
system = "filed-on"

[[box]]
no = "A08"
label = "意见"
step = "personnel"
shows = "opinion"
"#;

const MERGED: &str = r#"
title = { zh = "申请表", en = "Application" }

[[section]]
title = { zh = "本人", en = "Person" }

[[section.field]]
no = "M1"
element = "AAC002"
by = "clerk"

[[section.field]]
no = "M2"
element = "AAC003"
register = "population.name"
lock = "owner"

[[section.field]]
no = "M3"
element = "kind"
by = "clerk"
optional = true

[[section.field]]
no = "M4"
element = "career"
by = "clerk"

[[section.field]]
no = "M5"
element = "due"
derive = "due"
from = ["AAC002"]
"#;

const RULES: &str = "pub fn sex(f: &F, id: &I, kind: Option<&K>) -> Option<String> { None }\n\
                     pub fn due(f: &F, id: &I) -> Option<Month> { None }\n\
                     fn private(f: &F) {}\n";

fn matter() -> String {
    let text = r#"{ zh = "试", en = "test" }"#;
    let guide: String = [
        "name",
        "kind",
        "accepting-office",
        "deciding-office",
        "audience",
        "handling",
        "fee",
        "channels",
        "result",
        "result-delivery",
        "place-and-time",
        "enquiry",
        "complaint",
        "limits",
        "remedy",
    ]
    .iter()
    .map(|name| format!("{name} = {text}\n"))
    .collect();
    let figures = "{ matters = 1, forms = 1, fields = 7, materials = 0, steps = 1, days = 1, trips = 0, seals = 1 }";
    format!(
        r#"
contract = "onething:matter@0.1.0"
matter = "test"
version = "1.0.0"
title = {text}
valid = {{ since = 2025-01-01 }}
hears = ["registered"]
promise = {{ working-days = 2, before-working-days = 15 }}
office = [{{ function = "personnel", title = {text} }}]
grants.register = [{{ name = "population", title = {text}, key = "subject" }}]

[guide]
code = "1"
basis = []
joint-offices = []
conditions = []
process = []
legal-days = 20
promised-days = 2
trips = 0
faq = []
before = {figures}
after = {figures}
{guide}"#
    )
}

/// The bundle with `file` changed; its folder goes with the second value.
fn bundle(file: &str, old: &str, new: &str) -> (PathBuf, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("test");
    std::fs::create_dir_all(folder.join("forms")).unwrap();
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let matter = matter();
    for (name, text) in [
        ("../elements.toml", ELEMENTS),
        ("forms/approval.toml", FORM),
        ("forms/merged.toml", MERGED),
        ("matter.toml", &matter),
        ("src/rules.rs", RULES),
    ] {
        let mut text = text.to_owned();
        if name == file {
            assert!(text.contains(old), "{file} has no {old:?}");
            text = text.replacen(old, new, 1);
        }
        std::fs::write(folder.join(name), text).unwrap();
    }
    (folder, dir)
}

#[test]
fn a_good_bundle_compiles() {
    let (folder, _dir) = bundle("", "", "");
    let compiled = compile(&folder).unwrap();
    let manifest = compiled.manifest;
    let report = manifest.report();
    assert_eq!(
        (report.source_fields, report.merged_fields, report.typed),
        (7, 5, 3)
    );
    let fields = &manifest.source_forms[0].fields;
    assert!(matches!(&fields[2].from, Origin::Derived { function, .. } if function == "sex"));
    assert!(matches!(fields[6].from, Origin::FiledOn));
    let printed: Vec<&str> = fields[3]
        .shape
        .columns
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(printed, ["to"], "a form prints the columns that it names");
    let register = manifest.merged_form.fields().nth(1).unwrap();
    assert!(
        matches!(&register.source, Source::Register { register, .. } if register == "population")
    );
    assert_eq!(
        manifest.schema["required"],
        serde_json::json!(["AAC002", "career"])
    );
    assert_eq!(
        manifest.schema["properties"]["career"]["items"]["required"],
        serde_json::json!(["from", "to"])
    );
    let rust = compiled.rust;
    syn::parse_file(&rust).unwrap();
    for part in [
        "pub struct CareerRow",
        "V12,",
        "self.aac002.as_ref()?, self.kind.as_ref())",
    ] {
        assert!(rust.contains(part), "{part}\n{rust}");
    }
}

#[test]
fn every_way_to_spoil_it_names_file_and_line() {
    let mut wrong = Vec::new();
    for (file, old, new, place, says) in [
        (
            "forms/approval.toml",
            "element = \"AAC003\"",
            "",
            "approval.toml:12",
            "cannot be reproduced",
        ),
        (
            "forms/approval.toml",
            "element = \"AAC003\"",
            "element = \"AAC099\"",
            "approval.toml:12",
            "not in elements.toml",
        ),
        (
            "forms/merged.toml",
            "element = \"AAC003\"",
            "element = \"AAC099\"",
            "merged.toml:12",
            "not in elements.toml",
        ),
        (
            "forms/merged.toml",
            "element = \"AAC003\"\nregister = \"population.name\"\nlock = \"owner\"",
            "element = \"AAC002\"\nby = \"clerk\"",
            "merged.toml:12",
            "asked twice; first at line 7",
        ),
        (
            "forms/approval.toml",
            "element = \"due\"",
            "element = \"due\"\ntype = \"date\"",
            "approval.toml:30",
            "prints element `due` as date",
        ),
        (
            "forms/approval.toml",
            "derive = \"sex\"",
            "derive = \"gender\"",
            "approval.toml:17",
            "no `pub fn gender`",
        ),
        (
            "forms/approval.toml",
            "derive = \"sex\"",
            "derive = \"private\"",
            "approval.toml:17",
            "no `pub fn private`",
        ),
        (
            "forms/approval.toml",
            "from = [\"AAC002\", \"kind?\"]",
            "from = [\"AAC002\"]",
            "approval.toml:17",
            "takes 3 arguments",
        ),
        (
            "forms/approval.toml",
            "from = [\"AAC002\", \"kind?\"]",
            "from = [\"AAC002\", \"AAC099\"]",
            "approval.toml:17",
            "does not have element `AAC099`",
        ),
        (
            "forms/approval.toml",
            "element = \"career\"",
            "constant = \"无\"",
            "merged.toml:24",
            "no source form needs it",
        ),
        (
            "forms/approval.toml",
            "no = \"A08\"",
            "no = \"A07\"",
            "approval.toml:45",
            "stands twice",
        ),
        (
            "forms/approval.toml",
            "shows = \"opinion\"",
            "shows = \"mood\"",
            "approval.toml:45",
            "cannot be filled",
        ),
        (
            "forms/approval.toml",
            "agency = \"personnel\"",
            "agency = \"nobody\"",
            "approval.toml:4",
            "not an `[[office]]`",
        ),
        (
            "forms/approval.toml",
            "label = \"姓名\"",
            "label = ",
            "approval.toml:14",
            "",
        ),
        (
            "forms/approval.toml",
            "label = \"姓名\"",
            "lable = \"姓名\"",
            "approval.toml:",
            "lable",
        ),
        (
            "forms/merged.toml",
            "lock = \"owner\"",
            "",
            "merged.toml:12",
            "needs a `lock`",
        ),
        (
            "forms/merged.toml",
            "population.name",
            "police.name",
            "merged.toml:12",
            "not among the `[[grants.register]]`",
        ),
        (
            "forms/merged.toml",
            "by = \"clerk\"",
            "",
            "merged.toml:7",
            "exactly one of",
        ),
        (
            "forms/merged.toml",
            "derive = \"due\"\nfrom = [\"AAC002\"]",
            "derive = \"due\"\nfrom = [\"due\"]",
            "merged.toml",
            "in a circle",
        ),
        (
            "../elements.toml",
            "values = [",
            "columns = [] # [",
            "elements.toml:11",
            "an enum needs them",
        ),
        (
            "matter.toml",
            "@0.1.0",
            "@9.9.9",
            "matter.toml:2",
            "knows the contract",
        ),
        (
            "matter.toml",
            "hears = [\"registered\"]",
            "hears = [\"rumours\"]",
            "matter.toml:7",
            "not `rumours`",
        ),
        (
            "matter.toml",
            "since = 2025-01-01",
            "since = 08:00:00",
            "matter.toml:6",
            "is not a day",
        ),
        (
            "forms/approval.toml",
            "type = \"text\"",
            "type = \"table\"",
            "approval.toml:17",
            "a derived field says its `type`",
        ),
        (
            "forms/approval.toml",
            "columns = [\"to\"]",
            "columns = [\"end\"]",
            "approval.toml:24",
            "a column `end`",
        ),
        (
            "matter.toml",
            "[guide]",
            "[statistics]\ngroup-by = [\"region\"]\n[guide]",
            "matter.toml:",
            "does not have element `region`",
        ),
        (
            "../elements.toml",
            "type = \"month\" },\n]",
            "type = \"enum\" },\n]",
            "elements.toml:16",
            "cannot be of type enum",
        ),
        (
            "src/rules.rs",
            "pub fn sex",
            "pub fun sex",
            "rules.rs",
            "is not Rust",
        ),
    ] {
        let (folder, _dir) = bundle(file, old, new);
        let problems = compile(&folder).expect_err(&format!("{file}: {old} -> {new}"));
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        if !told
            .iter()
            .any(|line| line.contains(place) && line.contains(says))
        {
            wrong.push(format!(
                "{file}: {old} -> {new}\nwanted {place} … {says}, told {told:#?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_missing_file_is_named() {
    let (folder, _dir) = bundle("", "", "");
    std::fs::remove_file(folder.join("matter.toml")).unwrap();
    std::fs::remove_dir_all(folder.join("forms")).unwrap();
    let told: Vec<String> = compile(&folder)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told[0].contains("matter.toml: cannot be read"), "{told:#?}");
}
