//! What is run: each export of the retirement bundle once, on the sample of `fixtures/_sample`, with
//! every fact at hand.

use onething_capabilities::{Parameters, Registers};
use onething_contract::{
    CaseView, Channel, Event, Filer, Found, Lookup, Material, Party, StepState, StepStatus,
    Subject, Submission,
};
use onething_runtime::{Bundle, Call, Facts, Inputs, Outcome, Output};
use onething_tests::bundles::root;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

const NOW: &str = "2025-01-06T09:00:00+08:00";

#[derive(serde::Deserialize)]
struct Sample {
    subject: Subject,
    filer: Filer,
    parties: Vec<Party>,
    region: String,
    materials: Vec<Material>,
    answers: Map<String, Value>,
}

/// The exports in the order of a case, each with its inputs.
pub fn calls(bundle: &Bundle) -> Vec<(Call, Inputs)> {
    let text = std::fs::read(root().join("fixtures/_sample/retirement.json")).unwrap();
    let sample: Sample = serde_json::from_slice(&text).unwrap();
    let facts: Arc<dyn Facts> = Arc::new(Files {
        registers: Registers::new(root().join("fixtures/_sample/registers")),
        parameters: Parameters::load(&root().join("parameters")).unwrap(),
        region: sample.region.clone(),
    });
    let mut work = Work {
        bundle,
        facts,
        answers: "{}".into(),
        calls: Vec::new(),
    };

    let prefill = work.run(Call::Prefill {
        filer: sample.filer.clone(),
        subject: sample.subject.clone(),
        purpose: "retirement".to_owned(),
    });
    // The form as the filer hands it in: what was prefilled, and what was typed.
    let mut answers = Map::new();
    if let Output::Prefill(Ok(values)) = prefill.output {
        for prefilled in values {
            if let Some(value) = prefilled.value {
                answers.insert(prefilled.element, serde_json::from_str(&value).unwrap());
            }
        }
    }
    answers.extend(sample.answers);
    work.answers = Value::from(answers).to_string().into();

    let submission = Submission {
        subject: sample.subject,
        filer: sample.filer,
        parties: sample.parties,
        region: sample.region,
        channel: Channel::Online,
        filed_at: NOW.to_owned(),
        round: 0,
        form_digest: bundle.manifest().merged_form.digest.clone(),
        materials: sample.materials,
    };
    let assess = work.run(Call::Assess {
        submission: submission.clone(),
    });
    let Output::Assess(assessment) = assess.output else {
        unreachable!("assess gives an assessment");
    };
    assert_eq!(assessment.findings, [], "the sample is in order");
    let plan = work.run(Call::Plan {
        submission: submission.clone(),
        scenario: assessment.scenario.clone(),
    });
    let Output::Plan(steps) = plan.output else {
        unreachable!("plan gives steps");
    };
    let view = CaseView {
        id: "331102-2025-000001".to_owned(),
        submission,
        scenario: assessment.scenario,
        derived: assessment.derived,
        steps: steps
            .into_iter()
            .map(|step| StepState {
                step: step.id,
                office: step.office,
                status: StepStatus::Waiting,
            })
            .collect(),
        decisions: Vec::new(),
        effects: Vec::new(),
        reservations: Vec::new(),
    };
    work.run(Call::Project { view: view.clone() });
    work.run(Call::Respond {
        view,
        event: Event::Registered,
    });
    work.calls
}

struct Work<'a> {
    bundle: &'a Bundle,
    facts: Arc<dyn Facts>,
    answers: Arc<str>,
    calls: Vec<(Call, Inputs)>,
}

impl Work<'_> {
    /// Runs the call once with live facts, and keeps it with those that it asked for.
    fn run(&mut self, call: Call) -> Outcome {
        let inputs = Inputs {
            answers: Arc::clone(&self.answers),
            now: NOW.to_owned(),
            ticket_prefix: "331102-2025-000001-1".to_owned(),
            facts: Arc::clone(&self.facts),
        };
        let outcome = self.bundle.invoke(&call, inputs.clone()).outcome.unwrap();
        let facts: BTreeMap<_, _> = outcome.lookups.iter().cloned().collect();
        let facts = Arc::new(facts);
        self.calls.push((call, Inputs { facts, ..inputs }));
        outcome
    }
}

struct Files {
    registers: Registers,
    parameters: Parameters,
    region: String,
}

impl Facts for Files {
    fn known(&self, _: &Lookup) -> Option<Found> {
        None
    }

    fn fetch(&self, wanted: &[Lookup]) -> Vec<Found> {
        wanted
            .iter()
            .map(|lookup| match lookup {
                Lookup::Register { register, key } => {
                    self.registers.fetch(&[(register, key)]).remove(0)
                }
                Lookup::Parameter { name, on } => self.parameters.find(name, on, &self.region),
                Lookup::Family { name, on } => self.parameters.find_family(name, on, &self.region),
            })
            .collect()
    }
}
