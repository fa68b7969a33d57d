use super::*;
use crate::testing::{answers_but, view};
use onething_sdk::contract::{EffectState, Office, Settlement, Severity, StepState};

fn decision_of(step: &str, verdict: Verdict, reasons: Vec<Finding>) -> Decision {
    Decision {
        step: step.to_owned(),
        round: 0,
        verdict,
        reasons,
        opinion: "意见".to_owned(),
        by: "p-1".to_owned(),
        on_behalf_of: None,
        at: "2025-01-07T09:00:00+08:00".to_owned(),
        payload: (step == PERSONNEL).then(|| json!({"approved_month": "2025-02"}).to_string()),
    }
}

fn reason(code: &str, basis: Option<&str>) -> Finding {
    Finding {
        severity: Severity::Error,
        path: String::new(),
        code: code.to_owned(),
        message: text(format!("{code}中"), code),
        basis: basis.map(str::to_owned),
    }
}

fn answer(view: &CaseView, event: &Event) -> Vec<Directive> {
    respond(&Case::new(view, |_| answers_but(&json!({}))), event)
}

#[test]
fn a_lead_who_refuses_ends_all() {
    for step in [SUPERVISING, PERSONNEL] {
        let reasons = vec![
            reason("a", Some("法一")),
            reason("b", None),
            reason("c", Some("法二")),
        ];
        let decision = decision_of(step, Verdict::Reject, reasons);
        let directives = answer(&view(), &Event::StepDecided(decision));
        let [Directive::Reject(refusal)] = directives.as_slice() else {
            panic!("{step}: {directives:?}");
        };
        assert_eq!(refusal.code, "a");
        assert_eq!(refusal.message, text("a中；b中；c中", "a; b; c"));
        assert_eq!(refusal.basis.as_deref(), Some("法一；法二"));
    }
    let approved = decision_of(PERSONNEL, Verdict::Approve, vec![]);
    assert_eq!(answer(&view(), &Event::StepDecided(approved)), []);
    // Before acceptance the host says what a refusal means.
    let check = decision_of("fund-check", Verdict::Reject, vec![reason("a", None)]);
    assert_eq!(answer(&view(), &Event::StepDecided(check)), []);
}

#[test]
fn one_list_of_everything_to_correct() {
    let listed = numbered(&[reason("a", Some("法一")), reason("b", None)]);
    assert_eq!(
        listed,
        json!({"zh": "1. a中（法一）；2. b中", "en": "1. a（法一）; 2. b"})
    );
}

/// Every placeholder of `matter.toml` has its value, in every notice of a case but the first and the
/// one of corrections, whose values stand where they are sent. Two more are of outreach.
#[test]
fn notices_have_their_values() {
    let mut view = view();
    let approve = |step: &str, payload: Json| Decision {
        payload: Some(payload.to_string()),
        ..decision_of(step, Verdict::Approve, vec![])
    };
    view.decisions = vec![
        approve(
            PERSONNEL,
            json!({"approved_month": "2025-12", "document_no": "莲人社〔2025〕1号"}),
        ),
        approve("pension", json!({"total_pension": "1.00"})),
        approve("fund", json!({"paid_amount": "1.00"})),
        approve("establishment", json!({"exit_date": "2026-01-01"})),
    ];
    let refusal = refusal(&decision_of(
        "fund",
        Verdict::Reject,
        vec![reason("a", None)],
    ));
    let office = PARTS[3].office_in("331102");
    let mut notices: Vec<(&str, Json)> = PARTS
        .iter()
        .filter_map(|part| effective_notice(&view, part))
        .collect();
    assert_eq!(notices.len(), 4);
    assert_eq!(notices[1].1["month"], "2026-01");
    notices.extend([
        ended_notice(&view, &Ending::Completed),
        ended_notice(&view, &Ending::Rejected(refusal.clone())),
        ended_notice(&view, &Ending::NotAccepted(refusal.clone())),
        ended_notice(&view, &Ending::NotCompetent(office)),
        ended_notice(&view, &Ending::Withdrawn),
        ("held", why("housing-fund", &refusal)),
        ("part-rejected", why("housing-fund", &refusal)),
        ("deferred", deferred("uplift-evidence", "2025-01-08")),
    ]);
    let matter: toml::Table = include_str!("../../matter.toml").parse().unwrap();
    let templates = matter["notice"].as_array().unwrap();
    assert_eq!(notices.len(), templates.len() - 4);
    for (code, values) in notices {
        let template = templates
            .iter()
            .find(|template| template["code"].as_str() == Some(code))
            .unwrap_or_else(|| panic!("no template {code}"));
        for language in ["zh", "en"] {
            let text = template["text"][language].as_str().unwrap();
            for placeholder in text
                .split('{')
                .skip(1)
                .map(|rest| rest.split('}').next().unwrap())
            {
                let value = match &values[placeholder] {
                    Json::Object(both) => &both[language],
                    value => value,
                };
                let common = ["case", "name"].contains(&placeholder);
                assert!(
                    common || value.is_string(),
                    "{code} {language} {placeholder}"
                );
            }
        }
    }
}

/// What happened in a case, as far as its end depends on it.
enum Fact {
    Effective(usize),
    Refused(usize),
    Asked(Vec<(EffectKind, String)>),
    Settled(String),
}

/// The view as of the last of these facts.
fn as_of(past: &[Fact]) -> CaseView {
    let mut view = view();
    view.steps = PARTS
        .iter()
        .map(|part| state(part.step, StepStatus::Open))
        .collect();
    for fact in past {
        match fact {
            Fact::Effective(part) => {
                view.steps[*part].status = StepStatus::Effective;
                view.decisions
                    .push(decision_of(PARTS[*part].step, Verdict::Approve, vec![]));
            }
            Fact::Refused(part) => {
                view.steps[*part].status = StepStatus::Decided;
                view.decisions
                    .push(decision_of(PARTS[*part].step, Verdict::Reject, vec![]));
            }
            Fact::Asked(effects) => {
                view.effects
                    .extend(effects.iter().map(|(kind, ticket)| EffectState {
                        ticket: ticket.clone(),
                        kind: *kind,
                        outcome: None,
                    }))
            }
            Fact::Settled(ticket) => {
                for effect in &mut view.effects {
                    if effect.ticket == *ticket {
                        effect.outcome = Some(Ok("{}".to_owned()));
                    }
                }
            }
        }
    }
    view
}

fn state(step: &str, status: StepStatus) -> StepState {
    StepState {
        step: step.to_owned(),
        office: Office {
            function: step.to_owned(),
            region: "331102".to_owned(),
        },
        status,
    }
}

/// Decisions, the bundle's answers and outcomes interleave as they will: answers lag behind events,
/// outcomes come in any order, any of the parts after the lead's may be refused. The case ends once,
/// when all is done.
#[test]
fn a_case_is_completed_once_in_every_order() {
    for seed in 0..2000_u64 {
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = |bound: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random >> 33).unwrap() % bound
        };
        let asked = |n: usize, kinds: &[EffectKind]| {
            let ticket = |(k, kind): (usize, &EffectKind)| (*kind, format!("t-{n}-{k}"));
            Fact::Asked(kinds.iter().enumerate().map(ticket).collect())
        };
        let mut history = vec![asked(0, &[EffectKind::Seal, EffectKind::Notice])];
        // Supervising and personnel one after the other, then the three others in any order.
        let mut to_decide: Vec<usize> = vec![0, 1];
        let mut others = vec![2, 3, 4];
        while !others.is_empty() {
            to_decide.push(others.remove(next(others.len())));
        }
        to_decide.reverse();
        let (mut answered, mut endings) = (1, 0);
        loop {
            let unsettled: Vec<String> = as_of(&history)
                .effects
                .into_iter()
                .filter(|effect| effect.outcome.is_none())
                .map(|effect| effect.ticket)
                .collect();
            let may_answer = answered < history.len();
            match next(3) {
                0 if !to_decide.is_empty() => {
                    let part = to_decide.pop().unwrap();
                    let refused = part > 1 && next(4) == 0;
                    history.push(if refused {
                        Fact::Refused(part)
                    } else {
                        Fact::Effective(part)
                    });
                }
                1 if !unsettled.is_empty() => {
                    let ticket = unsettled[next(unsettled.len())].clone();
                    history.push(Fact::Settled(ticket));
                }
                2 if may_answer => {
                    let then = as_of(&history[..=answered]);
                    let directives = match &history[answered] {
                        Fact::Asked(_) => vec![],
                        Fact::Refused(_) => completed(&then).into_iter().collect(),
                        Fact::Settled(ticket) => answer(
                            &then,
                            &Event::Settled(Settlement {
                                ticket: ticket.clone(),
                                outcome: Ok("{}".to_owned()),
                            }),
                        ),
                        Fact::Effective(part) => {
                            let kinds =
                                [EffectKind::Seal, EffectKind::Notice, EffectKind::Delivery];
                            let kinds = &kinds[..if *part == 0 { 2 } else { 3 }];
                            history.push(asked(answered, kinds));
                            vec![]
                        }
                    };
                    answered += 1;
                    for directive in directives {
                        assert!(matches!(directive, Directive::Complete(_)));
                        endings += 1;
                        let now = as_of(&history);
                        assert!(
                            to_decide.is_empty(),
                            "seed {seed}: ended before all decided"
                        );
                        assert!(
                            now.effects.iter().all(|effect| {
                                !must_be_carried_out(effect.kind) || effect.outcome.is_some()
                            }),
                            "seed {seed}: ended before all was carried out"
                        );
                    }
                }
                _ if to_decide.is_empty() && unsettled.is_empty() && !may_answer => break,
                _ => {}
            }
        }
        assert_eq!(endings, 1, "seed {seed}");
    }
}

#[test]
fn a_refused_seal_holds_the_end() {
    let mut view = view();
    view.steps = PARTS[1..]
        .iter()
        .map(|part| state(part.step, StepStatus::Effective))
        .collect();
    view.decisions = vec![decision_of(PERSONNEL, Verdict::Approve, vec![])];
    let effect = |n: usize, kind| EffectState {
        ticket: format!("t-{n}"),
        kind,
        outcome: Some(Ok("{}".to_owned())),
    };
    view.effects = (0..4)
        .flat_map(|n| {
            [
                effect(n, EffectKind::Seal),
                effect(n + 4, EffectKind::Delivery),
            ]
        })
        .collect();
    let Some(Directive::Complete(outcome)) = completed(&view) else {
        panic!("not completed");
    };
    let outcome: Json = serde_json::from_str(&outcome).unwrap();
    let all = json!({
        "personnel": "approved", "pension": "approved", "fund": "approved", "establishment": "approved",
    });
    assert_eq!(outcome, json!({"month": "2025-02", "parts": all}));
    view.effects[0].outcome = Some(Err(Refusal {
        code: "unknown-document".to_owned(),
        message: text("", ""),
        basis: None,
    }));
    assert!(completed(&view).is_none());
    // Whether a notice arrived does not matter to the end.
    view.effects[0] = EffectState {
        outcome: None,
        ..effect(0, EffectKind::Notice)
    };
    assert!(completed(&view).is_some());
}
