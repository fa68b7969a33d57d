//! What the API answers with, where it is not a record of the contract. JSON that cases keep as text
//! is shown as JSON.

use crate::clocks::ClockBody;
use crate::now;
use onething_case::{CommitmentCheck, Event, Recorded, State, Status, StepRecord};
use onething_contract::manifest::{
    Element, Manifest, MaterialRule, MergeReport, MergedForm, OfficeRule, PartyRule, Promise,
    Scenario, Validity,
};
use onething_contract::{
    Decision, EffectKind, EffectState, Ending, Finding, Lock, Objection, Office, Phase, Prefilled,
    Refusal, ReservationState, StepMode, StepStatus, Submission, Text, TimeLimit, Verdict,
};
use onething_engine::{Case, Engine};
use onething_runtime::Bundle;
use onething_store::{CaseRow, DocumentInfo, TaskRow};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Every version of every matter.
#[derive(Serialize, ToSchema)]
pub(crate) struct MatterList {
    /// By matter, the newest version first.
    pub(crate) matters: Vec<MatterEntry>,
}

/// A version of a matter.
#[derive(Serialize, ToSchema)]
pub(crate) struct MatterEntry {
    /// Its name in paths.
    matter: String,
    version: String,
    /// SHA-256 of the bundle, hex.
    digest: String,
    title: Text,
    valid: Validity,
    promise: Promise,
}

/// A version of a matter in full, but for its guide and form.
#[derive(Serialize, ToSchema)]
pub(crate) struct MatterBody {
    #[serde(flatten)]
    entry: MatterEntry,
    /// The element whose date picks the version; the filing day where there is none.
    legal_date: Option<String>,
    scenarios: Vec<Scenario>,
    materials: Vec<MaterialRule>,
    offices: Vec<OfficeRule>,
    /// Whoever must have signed.
    parties: Vec<PartyRule>,
    /// What the merge of the agencies' forms achieved.
    merge: MergeReport,
}

/// The one form that stands for the agencies' forms.
#[derive(Serialize, ToSchema)]
pub(crate) struct FormBody {
    matter: String,
    version: String,
    /// `form.digest` is what a submission names as `form_digest`.
    form: MergedForm,
    /// What its fields are.
    elements: Vec<Element>,
    /// JSON Schema (2020-12) of the answers.
    schema: Value,
}

/// What registers know.
#[derive(Serialize, ToSchema)]
pub(crate) struct PrefillBody {
    matter: String,
    version: String,
    /// Of the form that the values are for.
    form_digest: String,
    values: Vec<PrefilledValue>,
}

/// A value of the form before anybody typed.
#[derive(Serialize, ToSchema)]
pub(crate) struct PrefilledValue {
    element: String,
    /// Absent where the register is down or knows nothing.
    value: Option<Value>,
    /// The register and, where it names one, its own source.
    source: String,
    /// How old the value is.
    as_of: Option<String>,
    lock: Lock,
}

/// A page of cases.
#[derive(Serialize, ToSchema)]
pub(crate) struct CaseList {
    pub(crate) cases: Vec<CaseEntry>,
    /// Given as `after` it brings the next page; absent on the last.
    pub(crate) next: Option<String>,
}

/// A case in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct CaseEntry {
    id: String,
    matter: String,
    region: String,
    status: String,
    round: u32,
    /// A fault of the bundle holds it up until an operator resumes it.
    parked: bool,
    submitted_by: String,
    registered_at: String,
    ended_at: Option<String>,
}

/// A case as of its last event.
#[derive(Serialize, ToSchema)]
pub(crate) struct CaseBody {
    id: String,
    matter: String,
    version: String,
    /// Of the bundle that it is pinned to.
    digest: String,
    /// The date that picked the version.
    legal_date: String,
    /// `signing`, `acceptance`, `correction`, `examination`, or how it ended.
    status: String,
    ending: Option<Ending>,
    /// What a completed case came to.
    outcome: Option<Value>,
    /// 0 at first, one more at each correction.
    round: u32,
    last_event: u64,
    /// Received (收件).
    registered_at: String,
    /// The legal clock starts (受理).
    accepted_at: Option<String>,
    ended_at: Option<String>,
    /// The caller who handed it in.
    submitted_by: String,
    submission: Submission,
    /// Element code to value.
    answers: Value,
    scenario: String,
    /// The derived elements and their values.
    derived: Value,
    /// What the bundle remarked without refusing.
    findings: Vec<Finding>,
    /// While it waits for a correction: everything to correct, at once (一次性告知).
    corrections: Vec<Finding>,
    steps: Vec<StepBody>,
    /// From acceptance on.
    clocks: Vec<ClockBody>,
    effects: Vec<EffectBody>,
    /// Money that it holds or waits for.
    reservations: Vec<ReservationState>,
    /// To its public notices.
    objections: Vec<Objection>,
    /// Promised materials that did not come in by their day; one that came late stays here.
    overdue: Vec<String>,
    /// The filer's, 1 to 5.
    rating: Option<u8>,
    /// What a poor rating asks for.
    repair: Option<RepairBody>,
    /// Commitments that were checked after completion.
    checks: Vec<CommitmentCheck>,
    /// The case whose outcome this one goes over.
    appeal_of: Option<String>,
    /// The case that goes over the outcome of this one.
    appeal: Option<String>,
    parked: Option<ParkedBody>,
}

/// A step of the plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepBody {
    id: String,
    title: Text,
    /// Whose it is now.
    office: Office,
    /// As the directory calls it.
    office_name: Option<String>,
    role: String,
    phase: Phase,
    mode: StepMode,
    lead: bool,
    status: StepStatus,
    /// 0 before it opens.
    task_version: u32,
    opened_at: Option<String>,
    legal_limit: TimeLimit,
    promised_limit: TimeLimit,
    /// JSON Schema of what an approval must carry.
    payload_schema: Option<Value>,
    /// The decision that stands.
    decision: Option<DecisionBody>,
}

/// A decision of an office.
#[derive(Serialize, ToSchema)]
pub(crate) struct DecisionBody {
    round: u32,
    verdict: Verdict,
    reasons: Vec<Finding>,
    opinion: String,
    by: String,
    /// For whom a deputy decided.
    on_behalf_of: Option<String>,
    at: String,
    payload: Option<Value>,
}

/// An effect, and its outcome once it is carried out.
#[derive(Serialize, ToSchema)]
pub(crate) struct EffectBody {
    ticket: String,
    kind: EffectKind,
    outcome: Option<EffectOutcome>,
}

/// How an effect came out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EffectOutcome {
    /// Carried out.
    Done(Value),
    /// Refused for good.
    Refused(Refusal),
}

/// What a poor rating asks for (差评整改).
#[derive(Serialize, ToSchema)]
pub(crate) struct RepairBody {
    opened_at: String,
    /// What was done; absent where it waits for the leading office.
    text: Option<String>,
}

/// Why a case does not go on.
#[derive(Serialize, ToSchema)]
pub(crate) struct ParkedBody {
    /// The number of the event that the bundle could not answer.
    event: u64,
    function: String,
    fault: String,
    at: String,
}

/// A page of what happened.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventList {
    pub(crate) events: Vec<Recorded>,
    /// Given as `after` it brings the next page; absent on the last.
    pub(crate) next: Option<u64>,
}

/// That a case was received, and how far it is (收件凭证).
#[derive(Serialize, ToSchema)]
pub(crate) struct Receipt {
    case_id: String,
    matter: String,
    /// Absent where the bundle is gone from this host.
    title: Option<Text>,
    version: String,
    /// Of the bundle.
    digest: String,
    region: String,
    status: String,
    received_at: String,
    accepted_at: Option<String>,
    ended_at: Option<String>,
    promise: Option<Promise>,
    /// Of the current round, those that came in since included.
    materials: Vec<onething_contract::Material>,
    documents: Vec<DocumentBody>,
}

/// The agencies' forms as far as the case has come.
#[derive(Serialize, ToSchema)]
pub(crate) struct FilledFormList {
    pub(crate) forms: Vec<FilledFormBody>,
}

/// An agency's form.
#[derive(Serialize, ToSchema)]
pub(crate) struct FilledFormBody {
    pub(crate) form: String,
    pub(crate) title: Option<Text>,
    /// Whose form it is.
    pub(crate) office: Office,
    /// Printed box number to value; `null` where it is not known yet.
    pub(crate) values: Value,
}

/// The documents of a case.
#[derive(Serialize, ToSchema)]
pub(crate) struct DocumentList {
    pub(crate) documents: Vec<DocumentBody>,
}

/// A document that is kept byte for byte.
#[derive(Serialize, ToSchema)]
pub(crate) struct DocumentBody {
    name: String,
    /// The event as of which it was rendered.
    event: u64,
    /// Hex, of the bytes.
    sha256: String,
    /// Each with algorithm, owner, signature and public key.
    seals: Vec<Value>,
}

/// A file that is kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct MaterialBody {
    /// Hex, of the bytes: what a submission names as `supplied`.
    pub(crate) sha256: String,
    /// Bytes.
    pub(crate) size: usize,
}

/// A page of an office's open and held steps.
#[derive(Serialize, ToSchema)]
pub(crate) struct TaskList {
    pub(crate) tasks: Vec<TaskBody>,
    /// Given as `after` it brings the next page; absent on the last.
    pub(crate) next: Option<String>,
}

/// A step that waits for its office.
#[derive(Serialize, ToSchema)]
pub(crate) struct TaskBody {
    case_id: String,
    /// `@repair` where it is no step but what a poor rating asks for.
    step: String,
    office: Office,
    /// As the directory calls it.
    office_name: Option<String>,
    role: String,
    /// `open` or `held`.
    status: String,
    /// Given back with the decision it makes sure that this is what was looked at.
    task_version: u32,
    round: u32,
    opened_at: String,
    /// Of a step that publishes a notice: when it is over; absent where the working days of a year on
    /// the way are not published yet, or somebody has objected.
    notice_due: Option<String>,
}

impl MatterEntry {
    pub(crate) fn new(bundle: &Bundle) -> Self {
        let manifest = bundle.manifest();
        Self {
            matter: manifest.matter.clone(),
            version: manifest.version.clone(),
            digest: bundle.digest().to_owned(),
            title: manifest.title.clone(),
            valid: manifest.valid.clone(),
            promise: manifest.promise.clone(),
        }
    }
}

impl MatterBody {
    pub(crate) fn new(bundle: &Bundle) -> Self {
        let manifest = bundle.manifest();
        Self {
            entry: MatterEntry::new(bundle),
            legal_date: manifest.legal_date.clone(),
            scenarios: manifest.scenarios.clone(),
            materials: manifest.materials.clone(),
            offices: manifest.offices.clone(),
            parties: manifest.parties.clone(),
            merge: manifest.report(),
        }
    }
}

impl FormBody {
    pub(crate) fn new(manifest: &Manifest) -> Self {
        Self {
            matter: manifest.matter.clone(),
            version: manifest.version.clone(),
            form: manifest.merged_form.clone(),
            elements: manifest.elements.clone(),
            schema: manifest.schema.clone(),
        }
    }
}

impl PrefillBody {
    pub(crate) fn new(manifest: &Manifest, values: Vec<Prefilled>) -> Self {
        let values = values.into_iter().map(|prefilled| PrefilledValue {
            element: prefilled.element,
            value: prefilled.value.as_deref().map(json),
            source: prefilled.source,
            as_of: prefilled.as_of,
            lock: prefilled.lock,
        });
        Self {
            matter: manifest.matter.clone(),
            version: manifest.version.clone(),
            form_digest: manifest.merged_form.digest.clone(),
            values: values.collect(),
        }
    }
}

impl From<CaseRow> for CaseEntry {
    fn from(row: CaseRow) -> Self {
        Self {
            id: row.id,
            matter: row.matter,
            region: row.region,
            status: row.status,
            round: row.round,
            parked: row.parked,
            submitted_by: row.submitted_by,
            registered_at: row.registered_at,
            ended_at: row.ended_at,
        }
    }
}

impl CaseBody {
    pub(crate) fn new(Case { state, events }: Case, engine: &Engine) -> Self {
        let name = |record: &StepRecord| engine.office_name(record.office(), now());
        let view = state.view();
        let effects = view.effects.into_iter().map(EffectBody::from);
        Self {
            reservations: view.reservations,
            status: state.status.as_str().to_owned(),
            corrections: corrections(&state, &events),
            steps: state
                .plan()
                .map(|record| StepBody::new(record, state.standing(&record.step.id), name(record)))
                .collect(),
            clocks: engine
                .clocks(&state)
                .into_iter()
                .map(ClockBody::from)
                .collect(),
            effects: effects.collect(),
            round: state.round(),
            ending: match state.status {
                Status::Ended(ending) => Some(ending),
                _ => None,
            },
            outcome: state.outcome.as_deref().map(json),
            answers: json(&state.answers),
            derived: json(&state.assessment.derived),
            parked: state.parked.map(|parked| ParkedBody {
                event: parked.to,
                function: parked.function,
                fault: parked.fault,
                at: parked.at,
            }),
            id: state.id,
            matter: state.matter,
            version: state.version,
            digest: state.digest,
            legal_date: state.legal_date,
            last_event: state.last_event,
            registered_at: state.registered_at,
            accepted_at: state.accepted_at,
            ended_at: state.ended_at,
            submitted_by: state.submitted_by,
            submission: state.submission,
            scenario: state.assessment.scenario,
            findings: state.assessment.findings,
            objections: state.objections,
            overdue: state.overdue,
            rating: state.rating,
            repair: state.repair.map(|repair| RepairBody {
                opened_at: repair.opened_at,
                text: repair.done.map(|done| done.text),
            }),
            checks: state.checks,
            appeal_of: state.appeal_of,
            appeal: state.appeal.map(|appeal| appeal.case_id),
        }
    }
}

/// The notice that the filer has yet to answer.
fn corrections(state: &State, events: &[Recorded]) -> Vec<Finding> {
    let mut notices = events
        .iter()
        .rev()
        .filter_map(|recorded| match &recorded.event {
            Event::CorrectionRequested { findings, .. } => Some(findings.clone()),
            _ => None,
        });
    match state.status {
        Status::Correction => notices.next().unwrap_or_default(),
        _ => Vec::new(),
    }
}

impl StepBody {
    fn new(record: &StepRecord, decision: Option<&Decision>, office_name: Option<String>) -> Self {
        let step = &record.step;
        Self {
            id: step.id.clone(),
            title: step.title.clone(),
            office: record.office().clone(),
            office_name,
            role: step.role.clone(),
            phase: step.phase,
            mode: step.mode.clone(),
            lead: step.lead,
            status: record.status,
            task_version: record.task_version,
            opened_at: record.opened_at.clone(),
            legal_limit: step.legal_limit.clone(),
            promised_limit: step.promised_limit.clone(),
            payload_schema: step.payload_schema.as_deref().map(json),
            decision: decision.map(|decision| DecisionBody {
                round: decision.round,
                verdict: decision.verdict.clone(),
                reasons: decision.reasons.clone(),
                opinion: decision.opinion.clone(),
                by: decision.by.clone(),
                on_behalf_of: decision.on_behalf_of.clone(),
                at: decision.at.clone(),
                payload: decision.payload.as_deref().map(json),
            }),
        }
    }
}

impl From<EffectState> for EffectBody {
    fn from(effect: EffectState) -> Self {
        Self {
            ticket: effect.ticket,
            kind: effect.kind,
            outcome: effect.outcome.map(|outcome| match outcome {
                Ok(value) => EffectOutcome::Done(json(&value)),
                Err(refusal) => EffectOutcome::Refused(refusal),
            }),
        }
    }
}

impl Receipt {
    pub(crate) fn new(
        state: State,
        manifest: Option<&Manifest>,
        documents: Vec<DocumentInfo>,
    ) -> Self {
        Self {
            title: manifest.map(|manifest| manifest.title.clone()),
            promise: manifest.map(|manifest| manifest.promise.clone()),
            status: state.status.as_str().to_owned(),
            case_id: state.id,
            matter: state.matter,
            version: state.version,
            digest: state.digest,
            region: state.submission.region,
            received_at: state.registered_at,
            accepted_at: state.accepted_at,
            ended_at: state.ended_at,
            materials: state.submission.materials,
            documents: documents.into_iter().map(DocumentBody::from).collect(),
        }
    }
}

impl From<DocumentInfo> for DocumentBody {
    fn from(info: DocumentInfo) -> Self {
        Self {
            name: info.name,
            event: info.event,
            sha256: info.sha256,
            seals: info.seals,
        }
    }
}

impl TaskBody {
    pub(crate) fn new(row: TaskRow, office_name: Option<String>) -> Self {
        Self {
            case_id: row.case_id,
            step: row.step,
            office: row.office,
            office_name,
            role: row.role,
            status: row.status,
            task_version: row.version,
            round: row.round,
            opened_at: row.opened_at,
            notice_due: row
                .notice
                .filter(|row| !row.objected)
                .and_then(|row| row.due),
        }
    }
}

/// JSON that is kept as text. What is none, which only a damaged store could hold, is shown as it is.
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
