use super::*;
use std::fs;

const CITY: &str = r#"
[[office]]
function = "fund"
region = "331100"
name = "市公积金中心"
since = 2024-01-01
covers = ["33", "3311"]

[[person]]
name = "甲"
office = { function = "fund", region = "331100" }
roles = ["reviewer"]
since = 2024-01-01
until = 2026-01-01

[[person]]
name = "乙"
office = { function = "fund", region = "331100" }
roles = ["reviewer", "supervising-leader"]
since = 2024-01-01

[[deputy]]
person = "甲"
deputy = "丙"
office = { function = "fund", region = "331100" }
since = 2025-02-01
until = 2025-03-01
"#;

const COUNTY: &str = r#"
[[office]]
function = "fund"
region = "331121"
name = "县公积金分中心"
since = 2025-01-01
until = 2026-01-01
"#;

fn load(files: &[(&str, &str)]) -> Result<Directory, DirectoryError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    Directory::load(folder.path())
}

fn directory() -> Directory {
    load(&[
        ("city.toml", CITY),
        ("county.toml", COUNTY),
        ("notes.md", "#"),
    ])
    .unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn fund(region: &str) -> Office {
    Office {
        function: "fund".into(),
        region: region.into(),
    }
}

#[test]
fn an_office_decides_for_itself_or_for_what_it_covers() {
    let directory = directory();
    for (function, region, on, expected) in [
        ("fund", "331100", "2025-06-01", Some("331100")),
        ("fund", "331102", "2025-06-01", Some("331100")),
        ("fund", "331121", "2025-06-01", Some("331121")),
        // Before and after the county has its own.
        ("fund", "331121", "2024-12-31", Some("331100")),
        ("fund", "331121", "2026-01-01", Some("331100")),
        ("fund", "330106", "2025-06-01", Some("331100")),
        ("fund", "320100", "2025-06-01", None),
        ("fund", "331100", "2023-06-01", None),
        ("tax", "331100", "2025-06-01", None),
    ] {
        let found = directory.competent(function, region, day(on));
        let expected = expected.map(fund);
        assert_eq!(found, expected, "{function} {region} {on}");
    }
    let name = |region, on| directory.name(&fund(region), day(on)).map(str::to_owned);
    assert_eq!(
        name("331121", "2025-06-01").as_deref(),
        Some("县公积金分中心")
    );
    assert_eq!(name("331121", "2026-06-01"), None);
}

#[test]
fn who_has_the_role_decides_or_who_stands_in() {
    let directory = directory();
    for (person, on_behalf_of, region, role, on, expected) in [
        ("甲", None, "331100", "reviewer", "2025-12-31", ""),
        (
            "甲",
            None,
            "331100",
            "reviewer",
            "2026-01-01",
            "not-in-role",
        ),
        ("甲", None, "331100", "head", "2025-06-01", "not-in-role"),
        (
            "丁",
            None,
            "331100",
            "reviewer",
            "2025-06-01",
            "not-in-role",
        ),
        (
            "丙",
            None,
            "331100",
            "reviewer",
            "2025-02-10",
            "not-in-role",
        ),
        ("丙", Some("甲"), "331100", "reviewer", "2025-02-10", ""),
        (
            "丙",
            Some("甲"),
            "331100",
            "head",
            "2025-02-10",
            "not-in-role",
        ),
        (
            "丙",
            Some("甲"),
            "331100",
            "reviewer",
            "2025-03-01",
            "not-a-deputy",
        ),
        (
            "丙",
            Some("乙"),
            "331100",
            "reviewer",
            "2025-02-10",
            "not-a-deputy",
        ),
        // An office without people, and one that nobody entered.
        ("丁", None, "331121", "reviewer", "2025-06-01", ""),
        ("丁", Some("戊"), "331199", "reviewer", "2025-06-01", ""),
    ] {
        let office = fund(region);
        let decided = directory.may_decide(person, on_behalf_of, &office, role, day(on));
        let code = decided
            .err()
            .map(|refusal| refusal.code)
            .unwrap_or_default();
        assert_eq!(
            code, expected,
            "{person} {on_behalf_of:?} {region} {role} {on}"
        );
    }
    assert!(
        Directory::empty()
            .may_decide("丁", None, &fund("331100"), "x", day("2025-06-01"))
            .is_ok()
    );
}

#[test]
fn what_is_overdue_goes_up_until_somebody_is_there() {
    let directory = directory();
    for (to, on, expected) in [
        ("reviewer", "2025-06-01", "甲 乙"),
        ("reviewer", "2025-02-10", "甲 乙 丙"),
        ("reviewer", "2026-06-01", "乙"),
        ("head", "2025-06-01", "乙"),
        ("supervising-leader", "2025-06-01", "乙"),
        ("principal-leader", "2025-06-01", ""),
        ("clerk", "2025-06-01", "乙"),
        ("reviewer", "2023-06-01", ""),
    ] {
        let told = directory.escalate_to(&fund("331100"), to, day(on));
        assert_eq!(told.join(" "), expected, "{to} {on}");
    }
}

#[test]
fn a_mistake_names_file_line_and_entry() {
    for (from, to, line, says) in [
        (
            "function = \"fund\"\nregion = \"331100\"\nname",
            "function = \" \"\nregion = \"331100\"\nname",
            2,
            "function must not",
        ),
        (
            "region = \"331100\"\nname",
            "region = \"3311\"\nname",
            2,
            "office fund 3311: region",
        ),
        (
            "name = \"市公积金中心\"",
            "name = \"\"",
            2,
            "office fund 331100: name",
        ),
        (
            "covers = [\"33\", \"3311\"]",
            "covers = [\"市\"]",
            2,
            "GB/T 2260",
        ),
        ("covers = ", "cover = ", 7, "unknown field"),
        (
            "until = 2026-01-01",
            "until = 2024-01-01",
            9,
            "person 甲: until 2024-01-01 is not after",
        ),
        (
            "until = 2026-01-01",
            "until = 2026-01-01T00:00:00Z",
            14,
            "not a plain date",
        ),
        (
            "roles = [\"reviewer\"]",
            "roles = []",
            9,
            "person 甲: roles",
        ),
        (
            "office = { function = \"fund\", region = \"331100\" }",
            "office = { function = \"tax\", region = \"331100\" }",
            9,
            "no office tax 331100",
        ),
        (
            "deputy = \"丙\"",
            "deputy = \"甲\"",
            22,
            "stands in for themselves",
        ),
        (
            "person = \"甲\"",
            "person = \"戊\"",
            22,
            "deputy 丙 of 戊: 戊 does not work",
        ),
        ("[[deputy]]", "[[deputy", 22, ""),
    ] {
        assert!(CITY.contains(from), "{from}");
        let error = load(&[("city.toml", &CITY.replacen(from, to, 1))]).unwrap_err();
        let DirectoryError::Entry {
            path,
            line: found,
            message,
        } = &error
        else {
            panic!("{error:?}");
        };
        assert!(path.ends_with("city.toml"));
        assert_eq!(*found, line, "{to}: {message}");
        assert!(message.contains(says), "{to}: {message}");
    }
}

#[test]
fn two_offices_never_decide_the_same() {
    for (from, to, says) in [
        (
            "2025-01-01\nuntil = 2026-01-01",
            "2025-01-01\ncovers = [\"3311\"]",
            "covers 3311, and so does fund 331100",
        ),
        ("region = \"331121\"", "region = \"331100\"", "there twice"),
    ] {
        assert!(COUNTY.contains(from), "{from}");
        let county = COUNTY.replacen(from, to, 1);
        let error = load(&[("city.toml", CITY), ("county.toml", &county)]).unwrap_err();
        assert!(error.to_string().contains("county.toml, line 2"), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    let once = COUNTY
        .replace("331121", "331100")
        .replace("2025-01-01", "2023-01-01");
    let before = once.replace("until = 2026", "until = 2024");
    assert!(load(&[("city.toml", CITY), ("county.toml", &before)]).is_ok());
}

#[test]
fn the_sample_is_a_directory() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/_sample/directory");
    let directory = Directory::load(&folder).unwrap();
    let on = day("2026-02-10");
    let fund = directory.competent("housing-fund", "331102", on).unwrap();
    assert_eq!(fund.region, "331100");
    let heads = directory.escalate_to(&fund, "head", on);
    assert_eq!(heads, ["公积金中心麻主任"]);
}

#[test]
fn a_folder_that_changes_is_read_again_and_one_that_is_not_there_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory");
    let live = LiveDirectory::open(&path).unwrap();
    assert!(live.current().offices().is_empty());
    fs::create_dir(&path).unwrap();
    fs::write(path.join("county.toml"), COUNTY).unwrap();
    live.watched.as_ref().unwrap().look();
    assert_eq!(live.current().offices().len(), 1);
    fs::write(path.join("city.toml"), "nonsense").unwrap();
    live.watched.as_ref().unwrap().look();
    assert_eq!(live.current().offices().len(), 1);
}
