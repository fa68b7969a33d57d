//! The pages against committed ones. `UPDATE_GOLDEN=1` rewrites those; read the difference.

use super::*;
use serde_json::json;
use std::path::Path;

fn manifest() -> Manifest {
    serde_json::from_str(include_str!("golden/manifest.json")).unwrap()
}

fn values(values: Value) -> Map<String, Value> {
    values.as_object().unwrap().clone()
}

/// As a bundle projects them before the pension is decided. B08 is absent, as if never bound.
fn projected() -> Map<String, Value> {
    values(json!({
        "B01": "𠮷㛃·买买提 <script>alert('x')</script> & \"co\"",
        "B02": "1965-01-01",
        "B03": "civil-servant",
        "B04": [
            { "from": "1985-07", "to": "1999-12", "unit": "<b>一中</b>" },
            { "from": "2000-01", "unit": "教育局" },
        ],
        "B05": "6543.21",
        "B06": null,
        "B07": ["one-child", "model"],
        "B09": { "name": "买买提", "signed_at": "2025-01-06T10:00:00+08:00" },
        "B10": null,
        "B11": null,
        "B12": "2025-01-07",
        "B13": "(电子签章)",
    }))
}

fn step() -> Step {
    let limit = json!({ "working-days": 2 });
    serde_json::from_value(json!({
        "id": "pension",
        "office": { "function": "social-insurance", "region": "331102" },
        "role": "reviewer",
        "title": { "zh": "养老待遇核定", "en": "Assessment of the pension" },
        "lead": false,
        "after": [],
        "effective_after": ["personnel"],
        "legal_limit": limit,
        "promised_limit": limit,
        "mode": "manual",
        "phase": "examination",
        "reads": [],
        "payload_schema": r#"{"properties":{"total_pension":{"title":"养老金合计"}}}"#,
    }))
    .unwrap()
}

fn decision(verdict: Verdict, payload: Value) -> Decision {
    let text = |zh: &str| json!({ "zh": zh, "en": "-" });
    serde_json::from_value(json!({
        "step": "pension",
        "round": 0,
        "verdict": verdict,
        "reasons": [
            { "severity": "warning", "path": "/AAC006", "code": "x", "message": text("与证件不一致 <i>"), "basis": "中组发〔1988〕9号" },
            { "severity": "warning", "path": "", "code": "y", "message": text("无"), "basis": null },
        ],
        "opinion": "经审核 <script>，\n同意核定。",
        "by": "李审核",
        "on_behalf_of": null,
        "at": "2025-01-07T09:05:00+08:00",
        "payload": payload.to_string(),
    }))
    .unwrap()
}

fn form(values: &Map<String, Value>, decisions: &[Decision]) -> String {
    let manifest = manifest();
    let form = FormPage {
        manifest: &manifest,
        form: &manifest.source_forms[0],
        case_id: "331102-2025-000001",
        values,
        decisions,
    };
    form.render()
}

fn decided(decision: &Decision) -> String {
    let page = DecisionPage {
        manifest: &manifest(),
        case_id: "331102-2025-000001",
        step: &step(),
        decision,
    };
    page.render()
}

fn assert_golden(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/documents/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    assert_eq!(
        page,
        std::fs::read_to_string(&path).unwrap(),
        "{name} has changed"
    );
}

/// What stands in a box.
fn in_box<'p>(page: &'p str, no: &str) -> &'p str {
    let (_, after) = page.split_once(&format!("<td id=\"{no}\"")).expect(no);
    let (_, after) = after.split_once('>').unwrap();
    after.split_once("</td>").unwrap().0
}

#[test]
fn a_form_as_it_is_printed() {
    let page = form(&projected(), &[]);
    assert_golden("form.html", &page);
    assert_eq!(page, form(&projected(), &[]), "the same bytes twice");
    assert!(
        !page.contains("<script>") && !page.contains("<b>"),
        "markup is text"
    );
    for n in 1..=13 {
        let label = format!("<span class=\"no\">B{n:02}</span>");
        assert_eq!(page.matches(&label).count(), 1, "box {n} is printed once");
    }
    for (no, expected) in [
        ("B02", "1965年1月1日"),
        ("B03", "公务员"),
        ("B06", ""),
        ("B07", "独生子女父母、劳动模范"),
        ("B08", ""),
        ("B09", "买买提（电子签名 2025年1月6日）"),
        ("B10", ""),
        ("B12", "2025年1月7日"),
    ] {
        assert_eq!(in_box(&page, no), expected, "{no}");
    }
}

#[test]
fn an_estimate_is_one_until_it_is_decided() {
    let estimate = "6543.21元<span class=\"estimate\">※预估</span>";
    for (verdict, payload, expected) in [
        (
            Verdict::Approve,
            json!({ "total_pension": "6543.21" }),
            "6543.21元",
        ),
        (
            Verdict::NoObjection,
            json!({ "total_pension": "6543.21" }),
            "6543.21元",
        ),
        (
            Verdict::Reject,
            json!({ "total_pension": "6543.21" }),
            estimate,
        ),
        (Verdict::Approve, json!({ "total_pension": null }), estimate),
        (Verdict::Approve, json!("not an object"), estimate),
    ] {
        let page = form(&projected(), &[decision(verdict.clone(), payload)]);
        assert_eq!(in_box(&page, "B05"), expected, "{verdict:?}");
    }
    let other = Decision {
        step: "fund".into(),
        ..decision(Verdict::Approve, json!({ "total_pension": "1" }))
    };
    assert_eq!(in_box(&form(&projected(), &[other]), "B05"), estimate);
}

#[test]
fn a_form_of_which_nothing_is_known_is_empty() {
    let page = form(&Map::new(), &[]);
    assert!(
        (1..=13)
            .filter(|n| *n != 4)
            .all(|n| in_box(&page, &format!("B{n:02}")).is_empty())
    );
}

#[test]
fn a_decision_as_it_is_printed() {
    let payload = json!({ "total_pension": "6543.21", "from_month": "2025-02" });
    let page = decided(&decision(Verdict::Approve, payload));
    assert_golden("decision.html", &page);
    assert!(
        !page.contains("<script>") && !page.contains("<i>"),
        "markup is text"
    );
    let office = Office {
        function: "personnel".into(),
        region: "331100".into(),
    };
    for (verdict, words) in [
        (Verdict::NoObjection, "无异议"),
        (Verdict::Reject, "不同意"),
        (Verdict::ReturnForCorrection, "退回补正"),
        (Verdict::Hold, "暂缓"),
        (
            Verdict::NotCompetent(office.clone()),
            "应由人力资源和社会保障局（331100）办理",
        ),
        (
            Verdict::SendBack("personnel-check".into()),
            "退回复核（personnel-check）",
        ),
        (
            Verdict::Transfer(office),
            "移送人力资源和社会保障局（331100）",
        ),
    ] {
        assert!(
            decided(&decision(verdict, json!({}))).contains(words),
            "{words}"
        );
    }
}
