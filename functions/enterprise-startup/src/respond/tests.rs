use super::*;
use crate::testing::{answers_but, view};
use onething_sdk::contract::Finding;
use onething_sdk::contract::{EffectState, Settlement, Severity, StepState};
use onething_sdk::serde_json;

fn decision_of(step: &str, verdict: Verdict, payload: Option<Json>) -> Decision {
    Decision {
        step: step.to_owned(),
        round: 0,
        verdict,
        reasons: vec![Finding {
            severity: Severity::Error,
            path: String::new(),
            code: "a".to_owned(),
            message: text("中", "en"),
            basis: Some("法一".to_owned()),
        }],
        opinion: "意见".to_owned(),
        by: "p-1".to_owned(),
        on_behalf_of: None,
        at: "2025-03-04T09:00:00+08:00".to_owned(),
        payload: payload.map(|payload| payload.to_string()),
    }
}

/// Registered, the tax office has refused, the others are done, everything is carried out.
fn with_tax_refused(remedy: Option<Decision>) -> CaseView {
    let mut view = view();
    let state = |step: &str, function: &str, status| StepState {
        step: step.to_owned(),
        office: Office {
            function: function.to_owned(),
            region: "331102".to_owned(),
        },
        status,
    };
    view.steps = LINKS
        .iter()
        .filter(|link| link.step != "bank")
        .map(|link| match link.step {
            "tax" => state("tax", "tax", StepStatus::Decided),
            step => state(step, link.office, StepStatus::Effective),
        })
        .collect();
    view.decisions = vec![
        decision_of(
            LICENCE,
            Verdict::Approve,
            Some(json!({"uscc": "91331102MA2E1KX035"})),
        ),
        decision_of("tax", Verdict::Reject, None),
    ];
    if let Some(decision) = remedy {
        view.steps
            .push(state(&decision.step, "filer", StepStatus::Effective));
        view.decisions.push(decision);
    }
    let effect = |(number, kind)| EffectState {
        ticket: format!("t-{number}"),
        kind,
        outcome: Some(Ok("{}".to_owned())),
    };
    let kinds = [EffectKind::Seal; 4]
        .into_iter()
        .chain([EffectKind::Delivery; 5]);
    view.effects = kinds.enumerate().map(effect).collect();
    view
}

fn answer(view: &CaseView, event: &Event) -> Vec<Directive> {
    respond(&Case::new(view, |_| answers_but(&json!({}))), event)
}

fn settled(view: &CaseView) -> Vec<Directive> {
    let settlement = Settlement {
        ticket: "t-0".to_owned(),
        outcome: Ok("{}".to_owned()),
    };
    answer(view, &Event::Settled(settlement))
}

#[test]
fn without_the_licence_there_is_no_company() {
    let directives = answer(
        &view(),
        &Event::StepDecided(decision_of(LICENCE, Verdict::Reject, None)),
    );
    let [Directive::Reject(refusal)] = directives.as_slice() else {
        panic!("{directives:?}");
    };
    assert_eq!(
        (refusal.code.as_str(), refusal.basis.as_deref()),
        ("a", Some("法一"))
    );
    let check = decision_of("licence-check", Verdict::Reject, None);
    assert_eq!(answer(&view(), &Event::StepDecided(check)), []);
}

#[test]
fn a_refused_link_is_the_filers_to_resume_or_leave() {
    assert_eq!(
        settled(&with_tax_refused(None)),
        [],
        "the filer has not spoken"
    );
    let explained = decision_of(
        "tax-remedy",
        Verdict::Approve,
        Some(json!({"explanation": "地址已更正"})),
    );
    assert!(!gives_up(&explained));
    assert_eq!(
        settled(&with_tax_refused(Some(explained))),
        [],
        "the office has it again"
    );

    for left in [
        decision_of(
            "tax-remedy",
            Verdict::Approve,
            Some(json!({"give_up": true})),
        ),
        decision_of("tax-remedy", Verdict::Reject, None),
    ] {
        let view = with_tax_refused(Some(left.clone()));
        for directives in [settled(&view), answer(&view, &Event::StepDecided(left))] {
            let [Directive::Complete(outcome)] = directives.as_slice() else {
                panic!("{directives:?}");
            };
            let outcome: Json = serde_json::from_str(outcome).unwrap();
            assert_eq!(outcome["uscc"], "91331102MA2E1KX035");
            assert_eq!(
                outcome["links"],
                json!({"licence": "done", "seal": "done", "tax": "open", "social": "done", "fund": "done"})
            );
        }
        let (template, values) = ended_notice(&view, &Ending::Completed);
        assert_eq!(template, "completed-in-part");
        assert_eq!(values["open"]["zh"], "税务信息确认与发票申领");
    }
}

#[test]
fn what_is_not_carried_out_keeps_the_case_open() {
    let left = || Some(decision_of("tax-remedy", Verdict::Reject, None));
    let mut view = with_tax_refused(left());
    view.effects[8].outcome = None;
    assert_eq!(settled(&view), [], "a form is not delivered");
    let mut view = with_tax_refused(left());
    view.effects.remove(3);
    assert_eq!(settled(&view), [], "a link has not asked for its seal yet");
}

/// Every placeholder of `matter.toml` has its value.
#[test]
fn notices_have_their_values() {
    let refusal = refusal(&decision_of("tax", Verdict::Reject, None));
    let [licence, .., bank] = &LINKS;
    let own = json!({"record_no": "1", "account": "1"});
    let view = with_tax_refused(Some(decision_of("tax-remedy", Verdict::Reject, None)));
    let clean = with_tax_refused(None);
    let notices = [
        ("registered", json!({"days": 1})),
        ("correction", json!({"findings": numbered(&[])})),
        ("licence-effective", json!({"uscc": "1", "licence": "1"})),
        (
            "link-effective",
            json!({"link": title(bank), "result": result(bank, &own)}),
        ),
        ("link-refused", why(bank, &refusal)),
        ("link-resumed", json!({"link": title(bank)})),
        ("held", why(bank, &refusal)),
        ended_notice(&clean, &Ending::Completed),
        ended_notice(&view, &Ending::Completed),
        ended_notice(&view, &Ending::Rejected(refusal.clone())),
        ended_notice(&view, &Ending::NotAccepted(refusal.clone())),
        ended_notice(&view, &Ending::NotCompetent(licence.office_in("331102"))),
        ended_notice(&view, &Ending::Withdrawn),
    ];
    let matter: toml::Table = include_str!("../../matter.toml").parse().unwrap();
    let templates = matter["notice"].as_array().unwrap();
    assert_eq!(notices.len(), templates.len());
    for template in templates {
        let code = template["code"].as_str().unwrap();
        let (_, values) = notices
            .iter()
            .find(|(known, _)| *known == code)
            .unwrap_or_else(|| panic!("{code}"));
        for language in ["zh", "en"] {
            let text = template["text"][language].as_str().unwrap();
            for rest in text.split('{').skip(1) {
                let placeholder = rest.split('}').next().unwrap();
                let known = ["case", "name"].contains(&placeholder)
                    || values
                        .get(placeholder)
                        .is_some_and(|value| !value.is_null());
                assert!(known, "{code}: {placeholder}");
            }
        }
    }
}
