//! Signatures, public notices and the filer's own steps over HTTP.

use super::*;
use onething_contract::{Party, Phase, PublicNotice, StepMode, Subject, SubjectKind, Text};

const SIGNING: &str = "331102-2025-000002";
const PUBLISHING: &str = "331102-2025-000003";

#[tokio::test]
async fn parties_sign_through_the_platform_that_filed() {
    let host = Host::new().await;
    let mut registration = given::registration();
    registration.id = SIGNING.into();
    let party = json!({"kind": "person", "identifier": "331102197104150028"});
    registration.round.submission.parties = vec![Party {
        subject: Subject {
            kind: SubjectKind::Person,
            identifier: "331102197104150028".into(),
        },
        name: "李四".into(),
        role: "shareholder".into(),
        signed_at: None,
    }];
    let commit = given::commit(registration);
    host.engine
        .store()
        .register(&commit, None, None)
        .await
        .unwrap();

    let ask = async |caller: &str, path: &str, body: Value| {
        let line = format!("POST /v1/cases/{SIGNING}/{path}");
        host.ask(caller, &line, Some(body)).await
    };
    let sign = json!({"subject": party, "role": "shareholder", "round": 0});
    let revoke = json!({"subject": party, "role": "shareholder", "reason": "出资有变"});
    ask("clerk", "signatures", sign.clone())
        .await
        .problem(404, "unknown-case");
    ask("operator", "signatures", sign.clone())
        .await
        .problem(403, "role-needed");
    let mut other = sign.clone();
    other["role"] = "supervisor".into();
    ask("platform", "signatures", other)
        .await
        .problem(422, "not-a-party");
    let problem = ask("platform", "signatures/revoke", revoke.clone()).await;
    let problem = problem.problem(409, "not-signed");
    assert_eq!(problem["current"]["status"], "signing");
    let mut stale = sign.clone();
    stale["round"] = 1.into();
    ask("platform", "signatures", stale)
        .await
        .problem(409, "stale-round");
    let case = ask("platform", "signatures", sign.clone()).await.json();
    assert_eq!(case["status"], "acceptance");
    ask("platform", "signatures", sign)
        .await
        .problem(409, "nothing-to-sign");
    ask("platform", "signatures/revoke", revoke)
        .await
        .problem(409, "nothing-to-sign");
}

#[tokio::test]
async fn anybody_reads_a_notice_and_a_platform_objects_to_it() {
    let host = Host::new().await;
    let mut registration = given::registration();
    registration.id = PUBLISHING.into();
    registration.round.submitted_by = "another".into();
    let mut published = given::step("publish", "personnel", Phase::Acceptance);
    published.mode = StepMode::PublicNotice(PublicNotice {
        text: Text {
            zh: "拟拨付公示".into(),
            en: "To be paid".into(),
        },
        days: 5,
    });
    registration.round.plan.insert(1, published);
    registration.round.plan[1].lead = false;
    let commit = given::commit(registration);
    host.engine
        .store()
        .register(&commit, None, None)
        .await
        .unwrap();

    let page = host.ask("nobody", "GET /v1/public-notices", None).await;
    assert_eq!(
        page.json()["notices"],
        json!([{
            "case_id": PUBLISHING, "step": "publish", "days": 5, "objected": false,
            "text": {"zh": "拟拨付公示", "en": "To be paid"},
            "since": "2025-01-06T09:00:00+08:00", "due": "2025-01-14T00:00:00+08:00",
        }])
    );
    let object = async |caller: &str, place: &str, text: &str| {
        let line = format!("POST /v1/cases/{place}/objections");
        host.ask(caller, &line, Some(json!({"by": "赵六", "text": text})))
            .await
    };
    let place = format!("{PUBLISHING}/steps/publish");
    object("personnel-331102", &place, "不符")
        .await
        .problem(403, "role-needed");
    for elsewhere in [
        format!("{PUBLISHING}/steps/check"),
        "331102-2025-000009/steps/publish".to_owned(),
    ] {
        object("platform", &elsewhere, "不符")
            .await
            .problem(404, "unknown-notice");
    }
    object("platform", &place, " ").await.problem(422, "text");
    let objection = object("platform", &place, "去年欠缴社保").await;
    assert_eq!(objection.status, 201);
    assert_eq!(objection.json()["by"], "赵六");
    let page = host.ask("nobody", "GET /v1/public-notices", None).await;
    assert_eq!(page.json()["notices"][0]["objected"], true);
    host.ask("nobody", "GET /v1/public-notices?after=x", None)
        .await
        .problem(400, "malformed-query");
    // Whoever objects still does not see the case.
    let case = format!("GET /v1/cases/{PUBLISHING}");
    host.ask("platform", &case, None)
        .await
        .problem(404, "unknown-case");
}

#[tokio::test]
async fn a_step_of_the_filer_is_decided_by_whoever_handed_in() {
    let host = Host::new().await;
    let mut registration = given::registration();
    registration.id = SIGNING.into();
    registration.round.plan[0] = given::step("correct", "filer", Phase::Acceptance);
    let commit = given::commit(registration);
    host.engine
        .store()
        .register(&commit, None, None)
        .await
        .unwrap();
    let decide = async |caller: &str| {
        let line = format!("POST /v1/cases/{SIGNING}/steps/correct/decisions");
        let body = json!({"round": 0, "verdict": "approve"});
        host.ask(caller, &line, Some(body)).await
    };
    decide("clerk").await.problem(404, "unknown-case");
    decide("operator").await.problem(403, "role-needed");
    decide("housing-fund-331102")
        .await
        .problem(403, "role-needed");
    let case = decide("platform").await;
    assert_eq!(case.status, 200, "{}", case.json());
    assert_eq!(case.json()["steps"][0]["decision"]["by"], "platform");
}
