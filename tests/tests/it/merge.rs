//! The merge of the shipped bundles: what they import, and that nothing is lost on the way into the
//! agencies' forms and back, whatever the answers are.

use onething_contract::manifest::{Kind, Manifest, Origin, Shape, Source};
use onething_contract::{CaseView, FilledForm};
use onething_runtime::{Bundle, Call, Inputs, Limits, Output, Runtime};
use onething_tests::bundles::{MATTERS, bundle as shipped};
use onething_tests::given::{self, submission};
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

fn bundle(runtime: &Runtime, matter: &str) -> Bundle {
    runtime.load(&shipped(matter)).unwrap()
}

fn runtime() -> Runtime {
    Runtime::new(Limits::default(), None).unwrap()
}

/// What every bundle imports: the words, and what the SDK itself uses.
const COMMON: [&str; 8] = [
    "deliveries",
    "intake",
    "log",
    "notices",
    "parameters",
    "proceedings",
    "registers",
    "types",
];

#[test]
fn bundles_import_the_contract_and_nothing_else() {
    let runtime = runtime();
    for (matter, more) in [
        ("enterprise-startup", &["seals"][..]),
        ("payroll", &["payments", "seals"]),
        ("policy-redemption", &["clock", "payments", "seals"]),
        ("retirement", &["seals"]),
    ] {
        let mut imports = bundle(&runtime, matter).imports().to_vec();
        imports.sort();
        let mut expected: Vec<String> = COMMON
            .iter()
            .chain(more)
            .map(|name| format!("onething:matter/{name}@0.1.0"))
            .collect();
        expected.sort();
        assert_eq!(imports, expected, "{matter}");
    }
}

#[test]
fn bundles_export_what_they_are_for() {
    let runtime = runtime();
    for (matter, reaches_out, checks) in [
        ("enterprise-startup", false, false),
        ("payroll", false, false),
        ("policy-redemption", true, true),
        ("retirement", true, false),
    ] {
        let bundle = bundle(&runtime, matter);
        let is = (bundle.reaches_out(), bundle.checks_publications());
        assert_eq!(is, (reaches_out, checks), "{matter}");
    }
}

#[test]
fn so_many_fields_become_so_few() {
    for (matter, source, merged) in [
        ("enterprise-startup", (6, 190), (59, 51, 7, 1)),
        ("payroll", (4, 69), (17, 4, 9, 4)),
        ("policy-redemption", (4, 74), (18, 1, 13, 4)),
        ("retirement", (4, 148), (56, 10, 44, 2)),
    ] {
        let it = onething_tests::bundles::manifest(matter).report();
        assert_eq!((it.source_forms, it.source_fields), source, "{matter}");
        assert_eq!(
            (it.merged_fields, it.typed, it.from_registers, it.derived),
            merged,
            "{matter}"
        );
    }
}

#[test]
fn whatever_is_answered_can_be_read_back_from_the_forms() {
    let runtime = runtime();
    for matter in MATTERS {
        let bundle = bundle(&runtime, matter);
        let manifest = bundle.manifest().clone();
        let mut runner = TestRunner::new(Config::with_cases(64));
        runner
            .run(&answers(&manifest), |answers| {
                let forms = project(&bundle, &answers);
                for (element, columns, read) in read_back(&manifest, &forms) {
                    let mut fields = manifest.merged_form.fields();
                    let field = fields.find(|field| field.element == element).unwrap();
                    if !matches!(field.source, Source::Derived { .. }) {
                        let answered = answers.get(element).cloned().unwrap_or(Value::Null);
                        let answered = of_columns(answered, &columns);
                        prop_assert_eq!(&read, &answered, "{} {}", matter, element);
                    }
                }
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{matter}: {error}"));
    }
}

/// Of a table the columns that a form prints.
fn of_columns(value: Value, columns: &[&str]) -> Value {
    match value {
        Value::Array(rows) if !columns.is_empty() => {
            let cells = |row: Value| match row {
                Value::Object(mut cells) => {
                    cells.retain(|name, _| columns.contains(&name.as_str()));
                    Value::Object(cells)
                }
                other => other,
            };
            rows.into_iter().map(cells).collect()
        }
        value => value,
    }
}

#[test]
fn the_same_forms_byte_for_byte_from_fresh_and_warm_instances() {
    let bundle = bundle(&runtime(), "retirement");
    let mut runner = TestRunner::new(Config::with_cases(16));
    let manifest = bundle.manifest().clone();
    runner
        .run(&answers(&manifest), |answers| {
            let (call, inputs) = projecting(&answers);
            let digest = bundle.digest().to_owned();
            let journal = |run: onething_runtime::Run| run.outcome.unwrap().journal(1, &digest);
            let fresh = journal(bundle.invoke(&call, inputs.clone()));
            let again = journal(bundle.invoke(&call, inputs.clone()));
            let mut instance = bundle.instantiate().unwrap();
            let warm = journal(instance.call(&call, inputs.clone()));
            let warmer = journal(instance.call(&call, inputs));
            prop_assert!(fresh == again && again == warm && warm == warmer);
            Ok(())
        })
        .unwrap();
}

fn projecting(answers: &Map<String, Value>) -> (Call, Inputs) {
    let view = CaseView {
        id: "331102-2025-000001".to_owned(),
        submission: submission(),
        scenario: "statutory".to_owned(),
        derived: "{}".to_owned(),
        steps: Vec::new(),
        decisions: Vec::new(),
        effects: Vec::new(),
        reservations: Vec::new(),
    };
    let inputs = Inputs {
        answers: Value::Object(answers.clone()).to_string().into(),
        ..given::inputs(NothingPublished)
    };
    (Call::Project { view }, inputs)
}

fn project(bundle: &Bundle, answers: &Map<String, Value>) -> Vec<FilledForm> {
    let (call, inputs) = projecting(answers);
    match bundle.invoke(&call, inputs).outcome.unwrap().output {
        Output::Project(forms) => forms,
        other => panic!("{other:?}"),
    }
}

/// No parameter is published and no register has an entry: projections do not need any.
struct NothingPublished;

impl onething_runtime::Facts for NothingPublished {
    fn known(&self, lookup: &onething_contract::Lookup) -> Option<onething_contract::Found> {
        Some(match lookup {
            onething_contract::Lookup::Register { .. } => onething_contract::Found::Entry(None),
            onething_contract::Lookup::Parameter { .. } => {
                onething_contract::Found::Parameter(None)
            }
            onething_contract::Lookup::Family { .. } => onething_contract::Found::Names(Vec::new()),
        })
    }
    fn fetch(&self, _: &[onething_contract::Lookup]) -> Vec<onething_contract::Found> {
        Vec::new()
    }
}

/// Every value that the forms show of a merged element, with the columns it shows of a table.
fn read_back<'m>(
    manifest: &'m Manifest,
    forms: &[FilledForm],
) -> Vec<(&'m str, Vec<&'m str>, Value)> {
    let mut back = Vec::new();
    for form in &manifest.source_forms {
        let filled = forms
            .iter()
            .find(|filled| filled.form == form.name)
            .unwrap();
        let values: Value = serde_json::from_str(&filled.values).unwrap();
        for field in &form.fields {
            if let Origin::Element { element } = &field.from {
                let columns = field.shape.columns.iter();
                let columns = columns.map(|column| column.name.as_str()).collect();
                back.push((element.as_str(), columns, values[&field.no].clone()));
            }
        }
    }
    back
}

/// Answers of the right types, some left out.
fn answers(manifest: &Manifest) -> BoxedStrategy<Map<String, Value>> {
    let members: Vec<BoxedStrategy<(String, Option<Value>)>> = manifest
        .elements
        .iter()
        .map(|element| {
            let code = element.code.clone();
            prop::option::weighted(0.9, value(&element.shape))
                .prop_map(move |value| (code.clone(), value))
                .boxed()
        })
        .collect();
    members
        .prop_map(|members| {
            members
                .into_iter()
                .filter_map(|(code, value)| Some((code, value?)))
                .collect()
        })
        .boxed()
}

fn value(shape: &Shape) -> BoxedStrategy<Value> {
    let text = "[\\u{4e00}-\\u{4eff}\\u{20bb7}\\u{36c3}·🙂<&\"'a-z]{1,12}".prop_map(Value::from);
    let code = || {
        let codes: Vec<String> = shape
            .values
            .iter()
            .map(|value| value.code.clone())
            .collect();
        prop::sample::subsequence(codes.clone(), 1).prop_map(|codes| codes[0].clone())
    };
    match shape.kind {
        Kind::Text => text.boxed(),
        Kind::Int => (0..700_u32).prop_map(Value::from).boxed(),
        Kind::Decimal => (0..50_000_u32)
            .prop_map(|n| json!(format!("{}.{:04}", n / 10_000, n % 10_000)))
            .boxed(),
        Kind::Money => (0..90_000_000_u32)
            .prop_map(|n| json!(format!("{}.{:02}", n / 100, n % 100)))
            .boxed(),
        Kind::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Date => (1950..2040_u32, 1..=12_u32, 1..=28_u32)
            .prop_map(|(year, month, day)| json!(format!("{year}-{month:02}-{day:02}")))
            .boxed(),
        Kind::Month => (1950..2040_u32, 1..=12_u32)
            .prop_map(|(year, month)| json!(format!("{year}-{month:02}")))
            .boxed(),
        Kind::Enum => code().prop_map(Value::from).boxed(),
        Kind::EnumList => {
            let codes: Vec<String> = shape
                .values
                .iter()
                .map(|value| value.code.clone())
                .collect();
            let count = codes.len();
            prop::sample::subsequence(codes, 0..=count)
                .prop_map(Value::from)
                .boxed()
        }
        Kind::Phone => (0..99_999_999_u32)
            .prop_map(|n| json!(format!("139{n:08}")))
            .boxed(),
        Kind::CitizenId => prop::sample::select(vec![
            "331102196501150019",
            "331102197104150028",
            "331102197609200035",
            "331121197506300067",
        ])
        .prop_map(Value::from)
        .boxed(),
        Kind::Uscc => prop::sample::select(vec!["1133110000264001XK", "1233110000264001XG"])
            .prop_map(Value::from)
            .boxed(),
        Kind::Account => "[0-9]{16,19}".prop_map(Value::from).boxed(),
        Kind::Table => {
            let row: Vec<BoxedStrategy<(String, Option<Value>)>> = shape
                .columns
                .iter()
                .map(|column| {
                    let name = column.name.clone();
                    let cell = value(&column.shape);
                    let cell = if column.optional {
                        prop::option::of(cell).boxed()
                    } else {
                        cell.prop_map(Some).boxed()
                    };
                    cell.prop_map(move |cell| (name.clone(), cell)).boxed()
                })
                .collect();
            let row = row.prop_map(|cells| {
                let cells = cells
                    .into_iter()
                    .filter_map(|(name, cell)| Some((name, cell?)));
                Value::Object(cells.collect())
            });
            prop::collection::vec(row, 0..5)
                .prop_map(Value::from)
                .boxed()
        }
        Kind::Signature => text
            .prop_map(|name| json!({"name": name, "signed_at": "2025-01-06T08:40:00+08:00"}))
            .boxed(),
    }
}
