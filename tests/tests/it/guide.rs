//! The service guides of all matters, and each rule that a guide is held to.

use onething_contract::Text;
use onething_contract::guide::LINTS;
use onething_contract::manifest::Manifest;
use onething_tests::bundles;
use std::collections::BTreeSet;

fn manifests() -> Vec<Manifest> {
    bundles::MATTERS
        .into_iter()
        .map(bundles::manifest)
        .collect()
}

#[test]
fn every_guide_keeps_the_rules() {
    for manifest in manifests() {
        let found = manifest.lint_guide();
        assert!(found.is_empty(), "{}: {found:#?}", manifest.matter);
        let elements = manifest.guide_elements();
        let numbers: Vec<usize> = elements.iter().map(|element| element.number).collect();
        assert_eq!(numbers, (1..=25).collect::<Vec<_>>(), "{}", manifest.matter);
    }
}

#[test]
fn each_rule_is_told_when_it_is_broken() {
    let good = bundles::manifest("retirement");
    let words = |zh: &str| Text {
        zh: zh.to_owned(),
        en: zh.to_owned(),
    };
    let fee = |guide: &mut onething_contract::guide::Guide| {
        guide.fee = words("每件10元");
        guide.fee_item = Some(words("工本费"));
    };
    type Spoil<'a> = &'a dyn Fn(&mut Manifest);
    let cases: [(&str, Spoil<'_>); 15] = [
        ("element-empty", &|it| it.guide.audience = words(" ")),
        ("element-empty", &|it| it.guide.process.clear()),
        ("element-empty", &|it| it.guide.complaint.en.clear()),
        ("handling", &|it| it.guide.handling = words("即办件")),
        ("promise-over-law", &|it| it.guide.legal_days = 1),
        ("trips-reason", &|it| it.guide.trips = 1),
        ("by-post", &|it| it.guide.online = false),
        ("fee-basis", &|it| fee(&mut it.guide)),
        ("phones", &|it| {
            it.guide.enquiry = words("拨打 0578-2091234 或12345")
        }),
        ("promise-differs", &|it| it.promise.working_days = 3),
        ("figures", &|it| it.guide.before.fields += 1),
        ("figures", &|it| it.guide.before.forms -= 1),
        ("figures", &|it| it.guide.after.fields -= 1),
        ("figures", &|it| it.guide.after.days += 1),
        ("figures", &|it| {
            it.guide.after.trips = it.guide.before.trips + 1
        }),
    ];
    let mut told = BTreeSet::new();
    for (code, spoil) in cases {
        let mut manifest = good.clone();
        spoil(&mut manifest);
        let codes: BTreeSet<&str> = manifest.lint_guide().iter().map(|lint| lint.code).collect();
        assert!(codes.contains(code), "{code}: {codes:?}");
        told.insert(code);
    }
    assert_eq!(told, BTreeSet::from(LINTS), "every rule has its test");

    let mut manifest = good.clone();
    fee(&mut manifest.guide);
    manifest.guide.fee_basis = Some(words("发改价格〔2025〕1号"));
    manifest.guide.trips = 1;
    manifest.guide.trips_reason = Some(words("核验原件"));
    assert!(
        manifest.lint_guide().is_empty(),
        "what is given with its reason is good"
    );
}
