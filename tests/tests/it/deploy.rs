//! Bundles are deployed and rolled back under load, on two hosts over one store: no request fails,
//! and no case is made of two versions. What must not be deployed is refused with everything that is
//! wrong with it.

use crate::api::{Answer, Served};
use crate::cli::{onething, with_registers};
use crate::loading::{all_functions, matter};
use onething_case::{Event, Registration};
use onething_contract::{Office, Verdict};
use onething_engine::{Decide, Engine};
use onething_replay::Suite;
use onething_store::{CaseFilter, Masters, Store};
use onething_tests::hostile;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const CITIZEN: &str = "331102196501150019";
const SINCE: &str = "2025-01-01";
/// How often the new version is deployed and rolled back.
const TURNS: usize = 20;
/// Far more than another host needs; that it is within a second the bench tells.
const TAKEN_UP_TIME_MAX: Duration = Duration::from_secs(20);

/// A folder with a fixture of the hostile matter, as version `number` answers it.
fn fixtures(data: &Path, number: u8) -> PathBuf {
    let folder = data.join(format!("fixtures-{number}"));
    let case = folder.join("handed-in");
    std::fs::create_dir_all(&case).unwrap();
    let toml = format!(
        "title = \"Handed in\"\nmatter = \"hostile\"\n\
         [given.registers.population.\"{CITIZEN}\"]\nname = \"张建国\"\n\
         [submission]\nsubject = \"{CITIZEN}\"\nregion = \"331102\"\nfiler = \"331102198411050048\"\n\
         [submission.answers]\nAAC002 = \"{CITIZEN}\"\n\
         [[timeline]]\nat = 2026-03-02T09:00:00+08:00\nsubmit = {{}}\n"
    );
    std::fs::write(case.join("case.toml"), toml).unwrap();
    let runtime = onething_runtime::Runtime::new(Default::default(), None).unwrap();
    let mut bundles = onething_engine::Bundles::default();
    bundles.add(runtime.load(&hostile::version(number, SINCE)).unwrap());
    let parameters = onething_capabilities::Parameters::default();
    let checked = Suite::new(bundles, parameters).check(&case, true);
    assert!(checked.problem.is_none(), "{checked:?}");
    folder
}

fn upload(component: &[u8], files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let bundle = [("bundle.wasm", component)];
    for (name, bytes) in bundle.iter().chain(files) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        // As it stands there: the builder's own way refuses what a stranger's would not.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Version `number` with its fixture.
fn good(fixtures: &Path, component: &[u8]) -> Vec<u8> {
    let read = |name: &str| std::fs::read(fixtures.join("handed-in").join(name)).unwrap();
    let (case, expected) = (read("case.toml"), read("expected.json"));
    upload(
        component,
        &[
            ("fixtures/handed-in/case.toml", &case),
            ("fixtures/handed-in/expected.json", &expected),
        ],
    )
}

fn send(served: &Served, caller: &str, path: &str, body: &[u8]) -> Answer {
    let request = served.agent.post(format!("{}{path}", served.url));
    let request = request
        .header("authorization", served.bearer(caller))
        // Who is refused hears so before having sent everything.
        .header("expect", "100-continue");
    Answer::of(request.send(body).unwrap())
}

fn ask(served: &Served, path: &str, key: &str, body: &Value) -> Answer {
    let request = served.agent.post(format!("{}{path}", served.url));
    let request = request
        .header("authorization", served.bearer("platform"))
        .header("idempotency-key", key);
    Answer::of(request.send_json(body).unwrap())
}

/// The version that answers a prefill, and the form it belongs to.
fn prefill(served: &Served) -> Value {
    asked_to_prefill(served).json()
}

fn asked_to_prefill(served: &Served) -> Answer {
    let asked = json!({
        "subject": { "kind": "person", "identifier": CITIZEN },
        "filer": filer(),
        "region": "331102",
        "purpose": "申报",
    });
    ask(served, "/v1/matters/hostile/prefill", "-", &asked)
}

fn filer() -> Value {
    json!({
        "person": { "kind": "person", "identifier": "331102198411050048" },
        "unit": null,
        "capacity": "applicant",
    })
}

/// Hands in as a platform does; answers what is wrong, if anything is.
fn submit(served: &Served, key: &str) -> Option<String> {
    let form = prefill(served);
    let hand_in = json!({
        "subject": { "kind": "person", "identifier": CITIZEN },
        "filer": filer(),
        "region": "331102",
        "answers": { "AAC002": CITIZEN },
        "form_digest": form["form_digest"],
    });
    let answer = ask(served, "/v1/matters/hostile/cases", key, &hand_in);
    (answer.status != 201).then(|| format!("{} {}", answer.status, answer.text))
}

fn until_version(served: &Served, version: &str) {
    let started = Instant::now();
    let is_taken = || {
        let answer = asked_to_prefill(served);
        answer.status == 200 && answer.json()["version"] == version
    };
    while !is_taken() {
        assert!(started.elapsed() < TAKEN_UP_TIME_MAX, "still not {version}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Two hosts over one store, without a folder of bundles.
fn two(data: &Path) -> [Served; 2] {
    with_registers(data);
    let empty = data.join("bundles");
    std::fs::create_dir_all(&empty).unwrap();
    let more = ["--bundles", empty.to_str().unwrap()];
    let first = Served::start_with(data, &more, BTreeMap::new());
    let second = Served::start_with(data, &more, first.tokens.clone());
    [first, second]
}

#[test]
fn nothing_fails_and_nothing_is_mixed_while_versions_come_and_go() {
    let data = tempfile::tempdir().unwrap();
    let served = two(data.path());
    let versions = [0, 1].map(|number| hostile::version(number, SINCE));
    let uploads = [0, 1].map(|number: u8| {
        let folder = fixtures(data.path(), number);
        good(&folder, &versions[usize::from(number)])
    });
    let deployed = send(&served[0], "reformer", "/v1/bundles", &uploads[0]).json();
    assert_eq!(deployed["in_force"].as_array().unwrap().len(), 1);
    served
        .iter()
        .for_each(|served| until_version(served, "1.0.0"));

    let (stop, handed_in) = (AtomicBool::new(false), AtomicUsize::new(0));
    let wrong = std::thread::scope(|scope| {
        let client = |name: usize| {
            let (served, stop, handed_in) = (&served[name % 2], &stop, &handed_in);
            scope.spawn(move || {
                let mut wrong = Vec::new();
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return wrong;
                    }
                    match submit(served, &format!("{name}-{number}")) {
                        None => handed_in.fetch_add(1, Ordering::Relaxed),
                        Some(why) => {
                            wrong.push(why);
                            0
                        }
                    };
                }
                wrong
            })
        };
        let clients: Vec<_> = (0..4).map(client).collect();
        for turn in 0..TURNS {
            let [here, there] = [&served[turn % 2], &served[(turn + 1) % 2]];
            send(here, "reformer", "/v1/bundles", &uploads[1]).json();
            assert_eq!(prefill(here)["version"], "1.0.1", "once the call returned");
            until_version(there, "1.0.1");
            let back = send(here, "operator", "/v1/bundles/hostile/rollback", b"").json();
            assert_eq!(back["cancelled"]["version"], "1.0.1");
            assert_eq!(prefill(here)["version"], "1.0.0", "once the call returned");
            until_version(there, "1.0.0");
        }
        stop.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(wrong, Vec::<String>::new());
    let listed = served[1].get("tester", "/v1/bundles?matter=hostile").json();
    assert_eq!(listed["activations"].as_array().unwrap().len(), 1 + TURNS);
    served.into_iter().for_each(|served| drop(served.stop()));

    let counts = tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(count_by_version(data.path()));
    assert_eq!(counts.iter().sum::<usize>(), handed_in.into_inner());
    assert!(counts[0] > 0 && counts[1] > 0, "{counts:?}");
}

/// How many cases each version registered; each of them is of that one alone.
async fn count_by_version(data: &Path) -> [usize; 2] {
    let digests = [0, 1].map(|number| {
        let component = hostile::version(number, SINCE);
        onething_runtime::inspect(&component).unwrap().digest
    });
    let masters = Masters::open(&data.join("keys/master.toml")).unwrap();
    let store = Store::open(&data.join("onething.db"), &masters)
        .await
        .unwrap();
    let mut filter = CaseFilter::default();
    let mut counts = [0, 0];
    loop {
        let cases = store.cases(&filter, 500).await.unwrap();
        let Some(last) = cases.last() else {
            return counts;
        };
        filter.after = Some(last.id.clone());
        for case in &cases {
            let number = digests.iter().position(|digest| *digest == case.digest);
            let number = number.unwrap();
            counts[number] += 1;
            let events = store.load(&case.id).await.unwrap();
            let Event::Registered(registered) = &events[0].event else {
                panic!("{:?}", events[0]);
            };
            is_of_one_version(registered, number, &digests[number]);
            for entry in store.journal(&case.id).await.unwrap() {
                let journal: Value = serde_json::from_slice(&entry.body).unwrap();
                assert_eq!(journal["digest"], digests[number].as_str());
            }
        }
    }
}

fn is_of_one_version(registered: &Registration, number: usize, digest: &str) {
    let variant = hostile::variant(u8::try_from(number).unwrap());
    let round = &registered.round;
    assert_eq!(registered.digest, digest);
    assert_eq!(registered.version, format!("1.0.{number}"));
    assert_eq!(round.assessment.findings[0].code, variant, "assessed by it");
    assert_eq!(round.plan[0].title.en, variant, "planned by it");
}

#[test]
fn what_must_not_be_deployed_is_refused_with_everything_that_is_wrong() {
    let data = tempfile::tempdir().unwrap();
    let served = two(data.path());
    let component = hostile::version(1, SINCE);
    let folder = fixtures(data.path(), 1);
    let first = good(&folder, &component);
    let host = &served[0];
    let deploy = |caller: &str, body: &[u8]| send(host, caller, "/v1/bundles", body);
    deploy("tester", &first).problem(403, "role-needed");
    send(host, "reformer", "/v1/bundles/hostile/rollback", b"").problem(404, "unknown-matter");

    let manifest = serde_json::to_value(hostile::manifest()).unwrap();
    let wasi = r#"(import "wasi:clocks/wall-clock@0.2.0" (instance))"#;
    let endless =
        "(core module $t (func $s (loop br 0)) (start $s)) (core instance (instantiate $t))";
    let payroll =
        std::fs::read(onething_tests::bundles::root().join("fixtures/payroll/unchanged/case.toml"))
            .unwrap();
    let case = std::fs::read(folder.join("handed-in/case.toml")).unwrap();
    let other_matter = String::from_utf8_lossy(&case).replace("\"hostile\"", "\"payroll\"");
    let outside = format!(
        "extends = \"../../../../../../etc/passwd\"\n{}",
        String::from_utf8_lossy(&case)
    );
    let at = "fixtures/handed-in/case.toml";
    let long = format!("fixtures/{}/case.toml", "x".repeat(80));
    for (name, body, code, says) in [
        (
            "empty",
            Vec::new(),
            "not-an-upload",
            "bundle.wasm is missing",
        ),
        (
            "no tar",
            b"hello".repeat(200),
            "not-an-upload",
            "not a whole tar",
        ),
        (
            "cut",
            first[..first.len() / 2].to_vec(),
            "not-an-upload",
            "not a whole tar",
        ),
        (
            "path",
            upload(&component, &[("../x", b"x")]),
            "not-an-upload",
            "../x is not taken",
        ),
        (
            "root",
            upload(&component, &[("/etc/x", b"x")]),
            "not-an-upload",
            "/etc/x is not taken",
        ),
        (
            "stranger",
            upload(&component, &[("x/y/z", b"x")]),
            "not-an-upload",
            "x/y/z is not taken",
        ),
        (
            "twice",
            upload(&component, &[(at, b"x"), (at, b"y")]),
            "not-an-upload",
            "is not taken",
        ),
        (
            "no fixtures",
            upload(&component, &[]),
            "bundle-refused",
            "at least one",
        ),
        (
            "text",
            upload(b"(component)", &[(at, &case)]),
            "bundle-refused",
            "not WebAssembly",
        ),
        (
            "wasi",
            upload(&matter(&all_functions(), wasi, &manifest), &[(at, &case)]),
            "bundle-refused",
            "imports wasi:clocks",
        ),
        (
            "endless",
            upload(
                &matter(&all_functions(), endless, &manifest),
                &[(at, &case)],
            ),
            "bundle-refused",
            "no instance of the component can be made",
        ),
        (
            "guide",
            upload(&hostile::component(), &[(at, &case)]),
            "bundle-refused",
            "element 4 (Basis)",
        ),
        (
            "other matter",
            upload(&component, &[(at, other_matter.as_bytes())]),
            "bundle-refused",
            "is of the matter payroll",
        ),
        (
            "half a fixture",
            upload(&component, &[(&long, &payroll)]),
            "bundle-refused",
            "cannot read",
        ),
        (
            "outside",
            upload(&component, &[(at, outside.as_bytes())]),
            "bundle-refused",
            "not a file in this folder",
        ),
        (
            "unexpected",
            upload(&component, &[(at, &case)]),
            "bundle-refused",
            "no expected.json",
        ),
    ] {
        let problem = deploy("reformer", &body).problem(422, code);
        let told = problem.to_string();
        assert!(told.contains(says), "{name}: {told}");
        assert!(!told.contains("root:"), "{name}: {told}");
    }
    too_large(host);
    assert_eq!(
        host.get("operator", "/v1/bundles").json()["activations"],
        json!([])
    );

    deploy("reformer", &first).json();
    deploy("reformer", &first).json();
    let listed = host.get("operator", "/v1/bundles").json();
    assert_eq!(
        listed["activations"].as_array().unwrap().len(),
        1,
        "the same again is nothing new"
    );
    send(host, "reformer", "/v1/bundles/hostile/rollback", b"").problem(409, "nothing-earlier");
}

/// What is said to be too large is refused before it is sent.
fn too_large(served: &Served) {
    use std::io::{Read, Write};
    let address = served.url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let (bearer, bytes) = (served.bearer("reformer"), 100 << 20);
    write!(
        stream,
        "POST /v1/bundles HTTP/1.1\r\nhost: {address}\r\nauthorization: {bearer}\r\ncontent-length: {bytes}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 413") && answer.contains("body-too-large"),
        "{answer}"
    );
}

#[test]
fn the_command_line_deploys_to_a_host_and_to_a_store() {
    let data = tempfile::tempdir().unwrap();
    let [host, other] = two(data.path());
    let path = |name: &str| data.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("token"), &host.tokens["reformer"]).unwrap();
    for number in [1, 2] {
        fixtures(data.path(), number);
        let component = hostile::version(number, SINCE);
        std::fs::write(path(&format!("{number}.wasm")), component).unwrap();
    }
    let run = |arguments: &[&str]| {
        let output = onething(data.path())
            .args(["--bundles", &path("bundles"), "bundle"])
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        (output.status.success(), format!("{said}{errors}"))
    };
    let (first, second) = (path("1.wasm"), path("2.wasm"));
    let (of_first, of_second) = (path("fixtures-1"), path("fixtures-2"));
    let remote = [
        "--server",
        host.url.as_str(),
        "--token-file",
        &path("token"),
    ];

    let (good, said) = run(&["check", &first, "--fixtures", &of_second]);
    assert!(
        !good && said.contains("fixture-failed") && said.contains("hostile-variant2"),
        "{said}"
    );
    let (good, said) = run(&["check", &first, "--fixtures", &of_first]);
    assert!(
        good && said
            .contains("1 fixtures as expected, each run once more in an instance that stays"),
        "{said}"
    );

    let (good, said) = run(&[&["deploy", &first, "--fixtures", &of_first], &remote[..]].concat());
    assert!(good && said.contains("hostile 1.0.1"), "{said}");
    let later = ["--from", "2026-01-01", "--by", "li"];
    let (good, said) = run(&[&["deploy", &second, "--fixtures", &of_second], &later[..]].concat());
    assert!(good && said.contains("taken from 2026-01-01"), "{said}");
    for served in [&host, &other] {
        until_version(served, "1.0.2");
        let then = served
            .get("tester", "/v1/matters/hostile?on=2025-12-31")
            .json();
        assert_eq!(then["version"], "1.0.1", "the old law has the old version");
    }

    assert_eq!(submit(&host, "of-1.0.2"), None);
    let (good, said) = run(&[&["list", "hostile"], &remote[..]].concat());
    assert!(
        good && said.contains("by li  stands  1 open cases"),
        "{said}"
    );
    let (good, said) = run(&["rollback", "hostile", "--by", "li"]);
    assert!(
        good && said.contains("cancelled") && said.contains("hostile 1.0.1"),
        "{said}"
    );
    until_version(&other, "1.0.1");
    let (good, said) = run(&[&["rollback", "hostile"], &remote[..]].concat());
    assert!(!good && said.contains("nothing-earlier"), "{said}");
    let (good, said) = run(&["list"]);
    assert!(good && said.contains("by li  1 open cases"), "{said}");
}

/// A case goes on with the digest that it began with, on a host that has never loaded it.
#[tokio::test]
async fn an_open_case_finds_its_bundle_in_the_store() {
    let data = tempfile::tempdir().unwrap();
    let now = crate::engine::now();
    let open = async || -> Engine {
        let engine = crate::engine::deployed_in_store(data.path()).await;
        engine.refresh().await.unwrap();
        engine
    };
    let engine = open().await;
    let [first, second] = [1, 2].map(|number| hostile::version(number, SINCE));
    engine.deploy(first, None, "li", now).await.unwrap();
    let hand_in = serde_json::from_value(json!({
        "subject": { "kind": "person", "identifier": CITIZEN },
        "filer": filer(),
        "region": "331102",
        "answers": { "AAC002": CITIZEN },
    }));
    let submitted = engine.submit("hostile", hand_in.unwrap(), "platform", None, now);
    let onething_engine::Submitted::Registered { case_id, .. } = submitted.await.unwrap() else {
        panic!("refused");
    };
    engine.deploy(second, None, "li", now).await.unwrap();

    let other = open().await;
    let pinned = other.case(&case_id).await.unwrap().state.digest;
    assert!(
        other.bundles().pinned(&pinned).is_none(),
        "it is not in force any more"
    );
    let decide = Decide {
        round: 0,
        task_version: None,
        on_behalf_of: None,
        verdict: Verdict::Approve,
        reasons: Vec::new(),
        opinion: String::new(),
        payload: None,
    };
    let office = Office {
        function: "social-insurance".to_owned(),
        region: "331102".to_owned(),
    };
    let decided = other.decide(&case_id, "review", decide, "li", &office, now);
    let case = decided.await.unwrap();
    assert!(case.state.parked.is_none() && case.state.standing("review").is_some());
    other.forms(&case.state, now).await.unwrap();
    assert!(other.bundles().pinned(&pinned).is_some());
}
