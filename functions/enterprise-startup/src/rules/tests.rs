use crate::testing::derived;
use onething_sdk::form::Json;
use onething_sdk::serde_json::json;

#[test]
fn what_the_forms_compute() {
    let (_, computed) = derived(&json!({}));
    for (function, expected) in [
        ("enterprise_name", json!("丽水市莲都区云和山舍软件有限公司")),
        ("company_type", json!("有限责任公司（自然人投资或控股）")),
        ("appointed_by", json!("股东会选举")),
        ("shareholder_count", json!(2)),
        ("last_contribution", json!("2030-03-03")),
        ("subscribed_total", json!("1000000.00")),
        ("percentage_total", json!("100")),
        ("natural_percentage", json!("100")),
        ("beneficial_owners", json!("陈明、林小燕")),
        ("main_business", json!("应用软件开发")),
        ("industry_code", json!("6513")),
        ("injury_class", json!(1)),
        ("injury_rate", json!("0.2")),
        ("term", json!("长期")),
        ("legal_rep_sex", json!("男")),
        ("director_count", json!(1)),
        ("seal_count", json!(3)),
        ("insured_count", json!(2)),
        ("insured_base", json!("10045.50")),
        ("fund_count", json!(2)),
        ("fund_base", json!("10045.50")),
        // 5230 × 8% = 418.40 → 418; 4815.50 × 8% = 385.24 → 385; each from both sides.
        ("fund_monthly", json!("1606.00")),
    ] {
        assert_eq!(computed.of(function), Some(&expected), "{function}");
    }
}

#[test]
fn kinds_of_companies() {
    let shareholder = |id: &str, code: &str| json!({"name": "某", id: code, "amount": "1.00", "percentage": "20", "way": "money", "due": "2030-03-03"});
    let person = || shareholder("citizen-id", "331102198604120014");
    let company = || shareholder("uscc", "91331100MA2E5RT21D");
    for (rows, expected, by) in [
        (vec![person()], "有限责任公司（自然人独资）", "股东委派"),
        (vec![company()], "有限责任公司（法人独资）", "股东委派"),
        (
            vec![person(), person()],
            "有限责任公司（自然人投资或控股）",
            "股东会选举",
        ),
        (vec![person(), company()], "其他有限责任公司", "股东会选举"),
    ] {
        let (_, computed) = derived(&json!({"shareholders": rows}));
        assert_eq!(computed.of("company_type"), Some(&json!(expected)));
        assert_eq!(computed.of("appointed_by"), Some(&json!(by)));
        assert_eq!(computed.of("beneficial_owners"), None, "20% is no quarter");
    }
}

#[test]
fn scope_as_the_licence_prints_it() {
    let printed = |codes: &[&str]| -> Option<Json> {
        let rows: Vec<Json> = codes
            .iter()
            .map(|code| json!({"code": code, "main": false}))
            .collect();
        derived(&json!({"business-scope": rows}))
            .1
            .of("scope_text")
            .cloned()
    };
    let general = "一般项目：软件开发；信息系统集成服务（除依法须经批准的项目外，凭营业执照依法自主开展经营活动）。";
    let licensed = "许可项目：餐饮服务（依法须经批准的项目，经相关部门批准后方可开展经营活动，具体经营项目以审批结果为准）。";
    assert_eq!(printed(&["I3006", "I3014"]), Some(json!(general)));
    assert_eq!(printed(&["H1001"]), Some(json!(licensed)));
    assert_eq!(
        printed(&["I3006", "H1001", "I3014"]),
        Some(json!(format!("{general}{licensed}")))
    );
    assert_eq!(printed(&["I3006", "Z9999"]), None);
    assert_eq!(printed(&[]), None);
}

#[test]
fn without_a_main_entry_there_is_no_trade() {
    let (_, computed) = derived(&json!({"/business-scope/1/main": true}));
    for function in [
        "main_business",
        "industry_code",
        "injury_class",
        "injury_rate",
    ] {
        assert_eq!(computed.of(function), None, "{function}");
    }
}

#[test]
fn a_limited_term() {
    let (_, computed) = derived(&json!({"term-years": 20}));
    assert_eq!(computed.of("term"), Some(&json!("20年")));
}
