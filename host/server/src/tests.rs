//! The API without a bundle: who is let in, what is refused and how, limits, and a case that was put
//! into the store by hand. The main job over a real socket is tested with the built bundles.

mod effects;
mod given;
mod live;
mod money;
mod outreach;
mod parties;
mod stopping;

use crate::callers::Callers;
use crate::limits::{BODY_BYTES_MAX, MATERIAL_BYTES_MAX};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use given::{CASE, case, hand_in};
use onething_capabilities::Published;
use onething_engine::{Bundles, Engine, Folders};
use onething_store::Store;
use serde_json::{Value, json};
use std::path::Path;
use tower::ServiceExt;

struct Host {
    engine: Engine,
    callers: Callers,
    router: Router,
    tokens: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Host {
    /// No bundles, and one case of the platform's with the steps `check` and `review`.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::in_memory().await.unwrap();
        store.register(&case(), None, None).await.unwrap();
        let engine = Engine::new(
            store,
            Bundles::default(),
            Published::open(folder.path()).unwrap(),
            Folders::within(folder.path()),
        );
        let sample = Callers::sample("331102", ["personnel", "housing-fund", "tax"]).unwrap();
        let callers = Callers::parse(&sample.file, Path::new("callers.toml")).unwrap();
        Self {
            router: crate::router(engine.clone(), callers.clone()),
            engine,
            callers,
            tokens: sample.tokens,
            folder,
        }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            bytes: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// An answer whose body is not read.
    async fn open(&self, caller: &str, line: &str) -> Response {
        let request = self.request(caller, line, None);
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// `"POST /v1/cases"` by a caller of the sample.
    async fn ask(&self, caller: &str, line: &str, body: Option<Value>) -> Answer {
        self.send(self.request(caller, line, body)).await
    }

    fn request(&self, caller: &str, line: &str, body: Option<Value>) -> Request<Body> {
        let (method, path) = line.split_once(' ').unwrap();
        let known = self.tokens.iter().find(|(name, _)| name == caller);
        let token = known.map_or("wrong", |(_, token)| token.as_str());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", "k-1");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        request.body(body).unwrap()
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// A problem in full, under this code.
    #[track_caller]
    fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.json();
        assert_eq!(
            (self.status.as_u16(), &problem["code"]),
            (status, &json!(code)),
            "{problem}"
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:onething:problem:{code}"));
        for member in ["title", "detail", "detail_en"] {
            assert!(
                problem[member]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{problem}"
            );
        }
        problem
    }
}

#[tokio::test]
async fn every_operation_says_whom_it_lets_in_and_asks_for_a_token() {
    let host = Host::new().await;
    let api = serde_json::to_value(crate::openapi()).unwrap();
    let mut asked = 0;
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{} {path}", method.to_uppercase());
            let told = operation["description"].as_str().unwrap_or_default();
            assert!(told.contains("Lets in: "), "{name}: {told}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let problem = &response["content"]["application/problem+json"];
                assert_eq!(
                    problem.is_object(),
                    status.as_str() >= "400",
                    "{name} {status}"
                );
            }
            let line = name.replace("{id}", CASE).replace(['{', '}'], "");
            let answer = host.ask("nobody", &line, None).await;
            if operation["security"] == json!([{}]) {
                // Nothing can be handed in without bundles.
                let expected = if path == "/readyz" { 503 } else { 200 };
                assert_eq!(answer.status, expected, "{name}");
                continue;
            }
            answer.problem(401, "unauthenticated");
            assert_eq!(
                answer.header("www-authenticate"),
                "Bearer realm=\"onething\""
            );
            asked += 1;
        }
    }
    assert_eq!(asked, 49);
}

#[test]
fn the_committed_description_is_the_one_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let mut described = serde_json::to_string_pretty(&crate::openapi()).unwrap();
    let schemas = serde_json::to_value(&crate::openapi().components).unwrap();
    for name in described.split("#/components/schemas/").skip(1) {
        let name = name.split('"').next().unwrap();
        assert!(
            schemas["schemas"][name].is_object(),
            "{name} is nowhere described"
        );
    }
    described.push('\n');
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &described).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == described,
        "{} is out of date: read the difference that UPDATE_OPENAPI=1 makes, and commit it",
        path.display()
    );
}

#[tokio::test]
async fn whoever_has_another_role_is_told_which_is_needed() {
    let host = Host::new().await;
    let step = &format!("POST /v1/cases/{CASE}/steps/check/decisions");
    let withdraw = &format!("POST /v1/cases/{CASE}/withdrawal");
    let resume = &format!("POST /v1/cases/{CASE}/resume");
    let decide = json!({"round": 0, "verdict": "approve"});
    let reason = json!({"reason": "filed by mistake"});
    for (caller, line, body, code) in [
        (
            "tester",
            "POST /v1/matters/x/cases",
            hand_in(),
            "role-needed",
        ),
        (
            "operator",
            "POST /v1/matters/x/cases",
            hand_in(),
            "role-needed",
        ),
        ("clerk", "POST /v1/matters/x/cases", hand_in(), "other-unit"),
        ("tester", "PUT /v1/materials", json!(1), "role-needed"),
        ("tester", "GET /v1/cases", json!(null), "role-needed"),
        ("platform", "GET /v1/tasks", json!(null), "role-needed"),
        (
            "tax-331102",
            "GET /v1/tasks?function=personnel&region=331102",
            json!(null),
            "other-office",
        ),
        ("platform", step, decide.clone(), "role-needed"),
        ("operator", step, decide.clone(), "role-needed"),
        ("housing-fund-331102", step, decide, "wrong-office"),
        ("operator", withdraw, reason.clone(), "role-needed"),
        ("personnel-331102", withdraw, reason, "role-needed"),
        ("platform", resume, json!(null), "role-needed"),
        ("platform", "GET /v1/budgets", json!(null), "role-needed"),
        ("platform", "GET /v1/payments", json!(null), "role-needed"),
        (
            "platform",
            "POST /v1/budgets/x/funds",
            json!({"amount": "1.00"}),
            "role-needed",
        ),
        (
            "platform",
            "POST /v1/payments/x/answer",
            json!({"lines": []}),
            "role-needed",
        ),
    ] {
        let problem = host.ask(caller, line, Some(body)).await.problem(403, code);
        if code == "role-needed" {
            assert!(
                problem["detail_en"]
                    .as_str()
                    .unwrap()
                    .contains("one of the roles: ")
            );
        }
    }
}

#[tokio::test]
async fn a_case_is_seen_by_its_filer_its_offices_and_operators_only() {
    let host = Host::new().await;
    for part in ["", "/events", "/documents", "/receipt"] {
        let line = format!("GET /v1/cases/{CASE}{part}");
        for caller in [
            "platform",
            "personnel-331102",
            "housing-fund-331102",
            "operator",
        ] {
            assert_eq!(
                host.ask(caller, &line, None).await.status,
                200,
                "{caller} {line}"
            );
        }
        for caller in ["clerk", "tester", "tax-331102"] {
            host.ask(caller, &line, None)
                .await
                .problem(404, "unknown-case");
        }
    }
    let listed = |answer: Answer| answer.json()["cases"].as_array().unwrap().len();
    assert_eq!(listed(host.ask("platform", "GET /v1/cases", None).await), 1);
    assert_eq!(
        listed(
            host.ask("operator", "GET /v1/cases?status=acceptance", None)
                .await
        ),
        1
    );
    assert_eq!(
        listed(
            host.ask("operator", "GET /v1/cases?status=completed", None)
                .await
        ),
        0
    );
    assert_eq!(listed(host.ask("clerk", "GET /v1/cases", None).await), 0);
    let page = host
        .ask("operator", "GET /v1/cases?limit=1", None)
        .await
        .json();
    assert_eq!(page["next"], CASE);
}

#[tokio::test]
async fn an_office_decides_once_and_a_late_decision_is_told_how_the_case_stands() {
    let host = Host::new().await;
    let tasks = host
        .ask("personnel-331102", "GET /v1/tasks", None)
        .await
        .json();
    let task = &tasks["tasks"][0];
    assert_eq!(
        (&task["case_id"], &task["step"]),
        (&json!(CASE), &json!("check"))
    );
    assert_eq!(tasks["next"], json!(null));
    let tasks = "GET /v1/tasks?function=personnel&region=331102";
    assert_eq!(
        host.ask("operator", tasks, None).await.json()["tasks"][0],
        *task
    );

    let decide = |step: &str, body: Value| {
        let line = format!("POST /v1/cases/{CASE}/steps/{step}/decisions");
        let host = &host;
        async move { host.ask("personnel-331102", &line, Some(body)).await }
    };
    let stale = json!({"round": 0, "task_version": 9, "verdict": "approve"});
    let problem = decide("check", stale).await.problem(409, "stale-task");
    assert_eq!(
        problem["current"]["tasks"][0]["task_version"],
        task["task_version"]
    );
    decide("check", json!({"round": 1, "verdict": "approve"}))
        .await
        .problem(409, "stale-round");
    decide("check", json!({"round": 0, "verdict": "reject"}))
        .await
        .problem(422, "reasons-missing");
    decide("nowhere", json!({"round": 0, "verdict": "approve"}))
        .await
        .problem(404, "unknown-step");

    let approve = json!({"round": 0, "task_version": task["task_version"], "verdict": "approve", "opinion": "同意"});
    let case = decide("check", approve.clone()).await;
    assert_eq!(case.status, 200);
    let case = case.json();
    assert_eq!(case["status"], "examination");
    assert_eq!(case["steps"][0]["decision"]["by"], "personnel-331102");
    let problem = decide("check", approve)
        .await
        .problem(409, "already-decided");
    assert_eq!(problem["current"]["status"], "examination");
    assert_eq!(problem["current"]["tasks"][0]["step"], "review");
}

#[tokio::test]
async fn the_filer_supplies_withdraws_and_rates_when_the_case_allows_it() {
    let host = Host::new().await;
    let supply = format!("POST /v1/cases/{CASE}/materials");
    let absent = json!({"code": "archive", "status": {"supplied": "ab"}});
    host.ask("platform", &supply, Some(absent))
        .await
        .problem(422, "material-not-stored");
    let store = host.engine.store();
    let sha256 = store
        .put_material("档案".as_bytes(), "text/plain", "2025-01-06T09:00:00+08:00")
        .await
        .unwrap();
    let file = json!({"code": "archive", "status": {"supplied": sha256}});
    let case = host.ask("platform", &supply, Some(file.clone())).await;
    assert_eq!(case.json()["submission"]["materials"][0], file);
    host.ask("platform", &supply, Some(file))
        .await
        .problem(409, "already-supplied");

    let rate = format!("POST /v1/cases/{CASE}/rating");
    let rating = Some(json!({"score": 5}));
    host.ask("platform", &rate, rating)
        .await
        .problem(409, "not-completed");
    let resume = format!("POST /v1/cases/{CASE}/resume");
    host.ask("operator", &resume, None)
        .await
        .problem(409, "not-parked");
    let withdraw = format!("POST /v1/cases/{CASE}/withdrawal");
    let reason = Some(json!({"reason": "filed by mistake"}));
    let case = host.ask("platform", &withdraw, reason.clone()).await.json();
    assert_eq!(
        (&case["status"], &case["ending"]),
        (&json!("withdrawn"), &json!("withdrawn"))
    );
    host.ask("platform", &withdraw, reason)
        .await
        .problem(409, "case-ended");

    let events = format!("GET /v1/cases/{CASE}/events?limit=2");
    let page = host.ask("platform", &events, None).await.json();
    assert_eq!(
        (&page["events"][0]["event"]["type"], &page["next"]),
        (&json!("registered"), &json!(2))
    );
    let rest = host
        .ask(
            "platform",
            &format!("GET /v1/cases/{CASE}/events?after=2"),
            None,
        )
        .await
        .json();
    assert_eq!(
        (&rest["events"][0]["n"], &rest["next"]),
        (&json!(3), &json!(null))
    );
}

#[tokio::test]
async fn a_request_that_is_not_well_formed_is_told_where() {
    let host = Host::new().await;
    let send = |line: &'static str, kind: &'static str, key: &'static str, body: String| {
        let token = host.tokens[0].1.clone();
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("bearer {token}"));
        for (name, value) in [("content-type", kind), ("idempotency-key", key)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        let request = request.body(Body::from(body)).unwrap();
        let host = &host;
        async move { host.send(request).await }
    };
    let submit = "POST /v1/matters/retirement/cases";
    let json = "application/json";

    let mut wrong = hand_in();
    wrong["filer"]["capacity"] = "king".into();
    let problem = send(submit, json, "k", wrong.to_string())
        .await
        .problem(400, "malformed-body");
    let detail = problem["detail_en"].as_str().unwrap();
    assert!(
        detail.contains("filer.capacity") && detail.contains("line 1 column"),
        "{detail}"
    );
    let mut more = hand_in();
    more["extra"] = 1.into();
    for body in [
        String::new(),
        "{".into(),
        "[".repeat(100_000),
        more.to_string(),
    ] {
        send(submit, json, "k", body)
            .await
            .problem(400, "malformed-body");
    }
    send(submit, "", "k", hand_in().to_string())
        .await
        .problem(415, "not-json");
    send(submit, json, "", hand_in().to_string())
        .await
        .problem(400, "idempotency-key");
    send(submit, json, "k", hand_in().to_string())
        .await
        .problem(404, "unknown-matter");
    send("GET /v1/cases?colour=red", "", "", String::new())
        .await
        .problem(400, "malformed-query");
    send("GET /v1/matters/%ff", "", "", String::new())
        .await
        .problem(400, "malformed-path");
    send("GET /v1/matters/x?on=2025-02-30", "", "", String::new())
        .await
        .problem(400, "malformed-query");
    send("GET /v1/matters/x", "", "", String::new())
        .await
        .problem(404, "unknown-matter");
    send("GET /v2", "", "", String::new())
        .await
        .problem(404, "unknown-path");
    let answer = send("DELETE /v1/materials", "", "", String::new()).await;
    answer.problem(405, "unknown-method");
    assert_eq!(answer.header("allow"), "PUT");
}

#[tokio::test]
async fn bytes_have_their_limits_and_materials_come_back_as_they_went() {
    let host = Host::new().await;
    let token = &host.tokens[0].1;
    let send = |line: &str, headers: &[(&str, &str)], bytes: Vec<u8>| {
        let (method, path) = line.split_once(' ').unwrap();
        let bearer = format!("Bearer {token}");
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", bearer);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(bytes)).unwrap();
        let host = &host;
        async move { host.send(request).await }
    };
    let pdf = [("content-type", "application/pdf")];
    let json = [
        ("content-type", "application/json"),
        ("idempotency-key", "k"),
    ];
    let submit = "POST /v1/matters/x/cases";
    send(submit, &json, vec![b' '; BODY_BYTES_MAX + 1])
        .await
        .problem(413, "body-too-large");
    send("PUT /v1/materials", &pdf, vec![1; MATERIAL_BYTES_MAX + 1])
        .await
        .problem(413, "body-too-large");
    send("PUT /v1/materials", &pdf, Vec::new())
        .await
        .problem(422, "material-empty");
    send("PUT /v1/materials", &[], vec![1])
        .await
        .problem(415, "media-type-missing");
    let long = "x".repeat(20_000);
    send("GET /v1/matters", &[("x-long", &long)], Vec::new())
        .await
        .problem(431, "head-too-large");

    let bytes = vec![7; MATERIAL_BYTES_MAX];
    let kept = send("PUT /v1/materials", &pdf, bytes.clone()).await;
    assert_eq!(
        (kept.status.as_u16(), &kept.json()["size"]),
        (201, &bytes.len().into())
    );
    let back = send(&format!("GET {}", kept.header("location")), &[], Vec::new()).await;
    assert!(back.bytes == bytes);
    assert_eq!(back.header("content-type"), "application/pdf");
    assert_eq!(back.header("content-disposition"), "attachment");
    assert_eq!(back.header("x-content-type-options"), "nosniff");
    send("GET /v1/materials/ab", &[], Vec::new())
        .await
        .problem(404, "unknown-material");
}
