//! Bundles as function apps, over HTTP: a whole retirement, whatever may be wrong with a request, and
//! that an instance keeps nothing from one request to the next.

use onething_capabilities::{Parameters, Registers};
use onething_contract::{Found, Lookup};
use onething_test_spin::{Instances, Served};
use onething_tests::bundles::{MATTERS, bundle, function_app, root};
use onething_tests::hostile;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::LazyLock;

const NOW: &str = "2025-01-06T09:00:00+08:00";
const REGION: &str = "331102";
const CASE: &str = "331102-2025-000001";

/// What is shown in the README, request by request.
const SAMPLES: &str = "fixtures/_sample/spin";
/// Where this is set, the samples are written anew; look at what changes.
const UPDATE: &str = "ONETHING_UPDATE";

static REGISTERS: LazyLock<Registers> =
    LazyLock::new(|| Registers::new(root().join("fixtures/_sample/registers")));
static PARAMETERS: LazyLock<Parameters> =
    LazyLock::new(|| Parameters::load(&root().join("parameters")).unwrap());

fn served(instances: Instances) -> Served {
    Served::start(&root().join("bundles/spin"), instances).unwrap()
}

fn hostile_served(instances: Instances) -> Served {
    Served::start(&root().join("bundles/test/spin"), instances).unwrap()
}

/// Status, media type and body.
fn post(url: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent = ureq::Agent::new_with_config(config.build());
    let mut response = agent.post(url).send(body).unwrap();
    let media_type = response.headers().get("content-type");
    let media_type = media_type.map_or("", |value| value.to_str().unwrap());
    let media_type = media_type.to_owned();
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(64 << 20);
    (status, media_type, body.read_to_vec().unwrap())
}

fn asked(url: &str, body: &Value) -> Value {
    let (status, media_type, said) = post(url, body.to_string().as_bytes());
    let said = String::from_utf8(said).unwrap();
    assert_eq!(
        (status, media_type.as_str()),
        (200, "application/json"),
        "{said}"
    );
    serde_json::from_str(&said).unwrap()
}

/// What the registers and the parameters say, as a platform would look it up.
fn look_up(lookup: &Value) -> Value {
    let found = match serde_json::from_value(lookup.clone()).unwrap() {
        Lookup::Register { register, key } => REGISTERS.fetch(&[(&register, &key)]).remove(0),
        Lookup::Parameter { name, on } => PARAMETERS.find(&name, &on, REGION),
        Lookup::Family { name, on } => PARAMETERS.find_family(&name, &on, REGION),
    };
    assert!(!matches!(found, Found::Unavailable(_)), "{lookup}");
    serde_json::to_value(found).unwrap()
}

/// Asks until nothing is pending; the sample of the last request is the one of that name.
fn settled(base: &str, function: &str, sample: &str, mut body: Value) -> Value {
    let url = format!("{base}/retirement/{function}");
    for _ in 0..8 {
        let said = asked(&url, &body);
        let pending = said["pending"].as_array().unwrap();
        if pending.is_empty() {
            keep(sample, &body);
            assert_eq!(said["fault"], Value::Null);
            return said;
        }
        assert_eq!(
            said["output"],
            Value::Null,
            "void while something is pending"
        );
        let known = body["known"].as_array_mut().unwrap();
        known.extend(
            pending
                .iter()
                .map(|lookup| json!([lookup, look_up(lookup)])),
        );
    }
    panic!("{function} never settles");
}

/// Holds a request against its sample.
fn keep(sample: &str, body: &Value) {
    let path = root().join(SAMPLES).join(sample).with_extension("json");
    let written = serde_json::to_string_pretty(body).unwrap() + "\n";
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == written,
        "{}: write it with {UPDATE}=1",
        path.display()
    );
}

fn sample() -> Value {
    let path = root().join("fixtures/_sample/retirement.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn request(arguments: Value, answers: &Value) -> Value {
    json!({ "arguments": arguments, "answers": answers, "now": NOW, "known": [] })
}

fn prefill() -> Value {
    let sample = sample();
    let arguments = json!({
        "filer": sample["filer"],
        "subject": sample["subject"],
        "purpose": "退休",
    });
    json!({ "arguments": arguments, "now": NOW, "known": [] })
}

fn submission() -> Value {
    let sample = sample();
    json!({
        "subject": sample["subject"],
        "filer": sample["filer"],
        "parties": sample["parties"],
        "region": sample["region"],
        "channel": "online",
        "filed_at": NOW,
        "round": 0,
        "form_digest": "",
        "materials": sample["materials"],
    })
}

/// The merged form: what the registers know, and what was typed.
fn filled_in(prefilled: &Value) -> Value {
    let mut answers = sample()["answers"].take();
    for prefilled in prefilled.as_array().unwrap() {
        if let Some(value) = prefilled["value"].as_str() {
            let element = prefilled["element"].as_str().unwrap();
            answers[element] = serde_json::from_str(value).unwrap();
        }
    }
    answers
}

/// A platform without a host: prefill, assess, plan, fill the forms back in, respond.
fn retire(base: &str, digest: &str) {
    keep("prefill", &prefill());
    let prefilled = settled(base, "prefill", "prefill-answered", prefill());
    assert_eq!(prefilled["output"]["Ok"].as_array().map(Vec::len), Some(44));

    let answers = &filled_in(&prefilled["output"]["Ok"]);
    let submission = submission();
    let body = request(json!({ "submission": submission }), answers);
    let assessed = settled(base, "assess", "assess", body);
    let assessment = &assessed["output"];
    assert_eq!(assessment["findings"], json!([]));
    assert_eq!(assessment["scenario"], "statutory");
    assert_eq!(assessed["digest"], digest);
    assert!(!assessed["lookups"].as_array().unwrap().is_empty());

    let arguments = json!({ "submission": submission, "scenario": "statutory" });
    let planned = settled(base, "plan", "plan", request(arguments, answers));
    let steps = planned["output"].as_array().unwrap();
    assert_eq!(steps.len(), 9);

    let states = steps.iter().map(|step| {
        let status = if step["phase"] == "acceptance" {
            "open"
        } else {
            "waiting"
        };
        json!({ "step": step["id"], "office": step["office"], "status": status })
    });
    let view = json!({
        "id": CASE,
        "submission": submission,
        "scenario": "statutory",
        "derived": assessment["derived"],
        "steps": states.collect::<Vec<_>>(),
        "decisions": [],
        "effects": [],
        "reservations": [],
    });
    let body = request(json!({ "view": view }), answers);
    let projected = settled(base, "project", "project", body);
    let forms = projected["output"].as_array().unwrap();
    assert_eq!(forms.len(), 4);
    assert!(forms[0]["values"].as_str().unwrap().contains("张建国"));

    let mut body = request(json!({ "view": view, "event": "registered" }), answers);
    body["ticket_prefix"] = format!("{CASE}-1").into();
    let responded = settled(base, "respond", "respond", body);
    let intents = responded["intents"].as_array().unwrap();
    let kinds: Vec<&str> = intents
        .iter()
        .map(|intent| {
            intent["effect"]
                .as_object()
                .unwrap()
                .keys()
                .next()
                .unwrap()
                .as_str()
        })
        .collect();
    assert_eq!(kinds, ["seal", "notice", "notice"]);
    assert_eq!(intents[0]["ticket"], format!("{CASE}-1-1"));
}

#[test]
fn a_whole_retirement_by_http() {
    let digest = onething_runtime::digest(&bundle("retirement"));
    let here = served(Instances::Fresh);
    retire(&here.url(), &digest);
    // Where there is a `spin`, the same by Spin itself.
    if let Some(spin) = Served::by_spin(&root()).unwrap() {
        retire(&spin.url(), &digest);
    }

    let mut response = ureq::get(format!("{}/retirement", here.url()))
        .call()
        .unwrap();
    let told: Value = response.body_mut().read_json().unwrap();
    assert_eq!(told["digest"], digest);
    let functions = ["prefill", "assess", "plan", "project", "respond", "reach"];
    assert_eq!(told["exports"], json!(functions));
    let manifest = onething_tests::bundles::manifest("retirement");
    assert_eq!(told["manifest"], serde_json::to_value(manifest).unwrap());
}

#[test]
fn a_function_app_has_the_bundle_in_it_byte_for_byte() {
    for matter in MATTERS {
        let (bundle, app) = (bundle(matter), function_app(matter));
        let start = &bundle[..64];
        let found = (0..=app.len() - bundle.len())
            .filter(|&at| app[at..].starts_with(start))
            .any(|at| app[at..].starts_with(&bundle));
        assert!(found, "{matter}");
    }
}

#[test]
fn what_is_wrong_with_a_request_is_told() {
    let served = served(Instances::Reused);
    let base = served.url();
    let good = prefill();
    let without = |member: &str| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(member);
        body.to_string().into_bytes()
    };
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body.to_string().into_bytes()
    };
    let good = good.to_string().into_bytes();
    let deep = b"[".repeat(1_000_000);
    for (function, body, status, said) in [
        ("prefill", good.clone(), 200, ""),
        ("no-such", good.clone(), 404, "`no-such`"),
        // The bundle does not export `publication`.
        ("check", good.clone(), 404, "`check`"),
        ("", good.clone(), 404, "prefill"),
        ("prefill/", good, 404, "prefill"),
        ("prefill", Vec::new(), 400, "EOF while parsing"),
        ("prefill", b"{".to_vec(), 400, "EOF while parsing"),
        (
            "prefill",
            b"\xff\xfe".to_vec(),
            400,
            "not UTF-8 after 0 bytes",
        ),
        ("prefill", deep, 400, "EOF while parsing a list"),
        (
            "prefill",
            without("arguments"),
            400,
            "missing field `arguments`",
        ),
        ("prefill", without("now"), 400, "missing field `now`"),
        (
            "prefill",
            with("now", json!(1)),
            400,
            "invalid type: integer",
        ),
        ("prefill", with("now", json!("no time at all")), 200, ""),
        (
            "prefill",
            with("answers", json!("{}")),
            400,
            "answers: not one JSON object",
        ),
        (
            "prefill",
            with("known", json!([[{}, {}]])),
            400,
            "at line 1",
        ),
        (
            "prefill",
            with("arguments", json!({})),
            400,
            "arguments: missing field `filer`",
        ),
        (
            "prefill",
            with("unheard-of", json!({})),
            400,
            "unknown field `unheard-of`",
        ),
        ("prefill", vec![b' '; (64 << 20) + 1], 413, "67108864 bytes"),
    ] {
        let url = format!("{base}/retirement/{function}");
        let (answered, media_type, told) = post(&url, &body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        assert_eq!(answered, status, "{function} {shown}");
        let told: Value = serde_json::from_slice(&told).unwrap();
        if status == 200 {
            continue;
        }
        assert_eq!(media_type, "application/problem+json", "{function} {shown}");
        assert!(told["code"].is_string() && told["detail"].is_string());
        let detail = told["detail_en"].as_str().unwrap();
        assert!(detail.contains(said), "{function} {shown}: {detail}");
    }
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent = ureq::Agent::new_with_config(config.build());
    let put = agent
        .put(format!("{base}/retirement/prefill"))
        .send("{}")
        .unwrap();
    assert_eq!(
        (put.status().as_u16(), &put.headers()["allow"]),
        (405, &"GET, POST".parse().unwrap())
    );
}

/// `prefill` of the hostile bundle with that purpose.
fn misdeed(purpose: &str) -> Vec<u8> {
    let person = json!({ "kind": "person", "identifier": "331102196501150019" });
    let filer = json!({ "person": person, "unit": null, "capacity": "applicant" });
    let arguments = json!({ "filer": filer, "subject": person, "purpose": purpose });
    json!({ "arguments": arguments, "now": NOW })
        .to_string()
        .into_bytes()
}

#[test]
fn what_a_bundle_does_wrong_has_its_name_or_is_the_engines() {
    let served = hostile_served(Instances::Reused);
    let url = format!("{}/hostile/prefill", served.url());
    for (purpose, fault) in [
        ("key-flood", "too-many-host-calls"),
        ("output-flood", "output-too-large"),
        ("bad-json", "malformed-output"),
        ("lone-surrogate", "malformed-output"),
        ("deep-json", "malformed-output"),
        // What cannot be answered is the engine's bare 500, and the next request is none the worse.
        ("trap", ""),
        ("out-of-bounds", ""),
        ("call-flood", ""),
        ("reading-flood", ""),
        ("", "no fault"),
    ] {
        let (status, _, said) = post(&url, &misdeed(purpose));
        if fault.is_empty() {
            assert_eq!((status, said.len()), (500, 0), "{purpose}");
            continue;
        }
        let said: Value = serde_json::from_slice(&said).unwrap();
        let name = said["fault"]["name"].as_str().unwrap_or("no fault");
        assert_eq!((status, name), (200, fault), "{purpose}: {}", said["fault"]);
        assert_eq!(said["output"], Value::Null, "{purpose}");
    }
    let (_, _, said) = post(&url, &misdeed("log-flood"));
    let said: Value = serde_json::from_slice(&said).unwrap();
    assert_eq!(said["usage"]["log_cut"], true);
    let (_, _, said) = post(&url, &misdeed("effect-outside-respond"));
    assert!(String::from_utf8(said).unwrap().contains("not-here"));
}

/// How often the instance of the hostile bundle that answers was called.
fn calls(said: &[u8]) -> u64 {
    let said: Value = serde_json::from_slice(said).unwrap();
    let value = said["output"]["Ok"][0]["value"].as_str().unwrap();
    value.parse().unwrap()
}

#[test]
fn an_instance_answers_one_request_or_many_at_once() {
    let served = hostile_served(Instances::Fresh);
    let url = format!("{}/hostile/prefill", served.url());
    for _ in 0..3 {
        assert_eq!(calls(&post(&url, &misdeed("remembers")).2), 1);
    }

    let served = hostile_served(Instances::Reused);
    let base = served.url();
    let url = format!("{base}/hostile/prefill");
    assert_eq!(calls(&post(&url, &misdeed("remembers")).2), 1);
    // One request is handed over half; meanwhile the same instance answers another.
    let body = misdeed("remembers");
    let address = base.trim_start_matches("http://");
    let mut first = TcpStream::connect(address).unwrap();
    let (half, rest) = body.split_at(body.len() / 2);
    write!(
        first,
        "POST /hostile/prefill HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .unwrap();
    first.write_all(half).unwrap();
    let second = calls(&post(&url, &misdeed("remembers")).2);
    first.write_all(rest).unwrap();
    let mut answer = Vec::new();
    first.read_to_end(&mut answer).unwrap();
    let start = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    assert_eq!((second, calls(&answer[start + 4..])), (2, 3));
}

#[test]
fn an_instance_keeps_nothing_from_one_request_to_the_next() {
    let (fresh, reused) = (served(Instances::Fresh), served(Instances::Reused));
    let read = |name: &str| {
        let path = root().join(SAMPLES).join(name).with_extension("json");
        std::fs::read(path).unwrap()
    };
    let requests = [
        ("prefill", read("prefill")),
        ("respond", read("respond")),
        // Nothing of the case, its answers or what was known shows in the next.
        ("prefill", read("prefill")),
        ("prefill", b"{\"arguments\": {}".to_vec()),
        ("assess", read("assess")),
        ("prefill", read("prefill-answered")),
        ("plan", read("plan")),
        ("respond", read("respond")),
        ("project", read("project")),
    ];
    let ask = |served: &Served, (function, body): &(&str, Vec<u8>)| {
        post(&format!("{}/retirement/{function}", served.url()), body)
    };
    let expected: Vec<_> = requests
        .iter()
        .map(|request| ask(&fresh, request))
        .collect();
    for _ in 0..2 {
        for (request, expected) in requests.iter().zip(&expected) {
            assert!(ask(&reused, request) == *expected, "{}", request.0);
        }
    }
    // And when many come at once.
    std::thread::scope(|scope| {
        for turn in 0..4 {
            let (requests, expected, reused) = (&requests, &expected, &reused);
            scope.spawn(move || {
                for at in 0..requests.len() {
                    let at = (at + 2 * turn) % requests.len();
                    assert!(
                        ask(reused, &requests[at]) == expected[at],
                        "{}",
                        requests[at].0
                    );
                }
            });
        }
    });
}

#[test]
fn the_hostile_app_says_what_it_is() {
    let served = hostile_served(Instances::Fresh);
    let mut response = ureq::get(format!("{}/hostile/x", served.url()))
        .call()
        .unwrap();
    let told: Value = response.body_mut().read_json().unwrap();
    let digest = onething_runtime::digest(&hostile::component());
    assert_eq!(told["digest"], digest);
}
