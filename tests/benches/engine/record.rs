//! What a submission and a decision come to, recorded once: as [`Commit`]s for other cases.

use crate::world::{MATTER, World, approve, office, submit};
use chrono::Utc;
use onething_case::Recorded;
use onething_contract::{Intent, Office};
use onething_engine::Engine;
use onething_store::{
    Boundary, CaseFilter, CaseRow, Commit, EffectRow, Error, JournalEntry, Keys, NewEffect,
    ROWS_MAX, Store, TaskRow, TimerRow,
};
use std::sync::Arc;

/// The step that is decided, and whose it is.
pub const STEP: (&str, &str) = ("fund-check", "housing-fund");

/// No reaction is begun: what a command alone comes to can be looked at.
struct Unanswered;

impl Boundary for Unanswered {
    fn reach(&self, name: &'static str) -> Result<(), Error> {
        match name {
            "react.before" => Err(Error::Damaged {
                what: "nothing: the bench looks at the case first".to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

/// A case as it stands in the store.
#[derive(Clone)]
pub struct Stand {
    case: CaseRow,
    tasks: Vec<TaskRow>,
    events: Vec<Recorded>,
    journal: Vec<JournalEntry>,
    effects: Vec<EffectRow>,
    timers: Vec<TimerRow>,
}

/// Writes of a case that was recorded, in their order.
#[derive(Clone)]
pub struct Commits {
    pub registered: Commit,
    pub answered: Commit,
    pub decided: Commit,
    pub answered_again: Commit,
}

/// Submits the sample and decides a step of it; `look` sees the case before each write and after the
/// last one.
pub async fn record<L>(world: &World, store: &Store, mut look: L) -> (String, Commits)
where
    L: AsyncFnMut(&str),
{
    let silent = world.engine(store.clone().with_boundary(Arc::new(Unanswered)));
    let engine = world.engine(store.clone());
    let id = submit(&silent, 0, world.hand_ins.of(0)).await;
    let mut stands = Vec::new();
    for write in 0..4 {
        match write {
            0 => {}
            2 => approve(&silent, &id, STEP.0, &office(STEP.1), None).await,
            _ => drop(engine.react(&id).await.unwrap()),
        }
        stands.push(Stand::of(&engine, &id).await);
        look(&id).await;
    }
    let commits = Commits {
        registered: Stand::between(None, &stands[0]),
        answered: Stand::between(Some(&stands[0]), &stands[1]),
        decided: Stand::between(Some(&stands[1]), &stands[2]),
        answered_again: Stand::between(Some(&stands[2]), &stands[3]),
    };
    (id, commits)
}

impl Stand {
    async fn of(engine: &Engine, id: &str) -> Stand {
        let store = engine.store();
        let filter = CaseFilter {
            id: Some(id.to_owned()),
            ..CaseFilter::default()
        };
        let mut tasks = Vec::new();
        let bundles = engine.bundles();
        for of_manifest in &bundles.newest(MATTER).unwrap().manifest().offices {
            let office: Office = office(&of_manifest.function);
            tasks.extend(store.tasks(&office, None, ROWS_MAX).await.unwrap());
        }
        Stand {
            case: store.cases(&filter, 1).await.unwrap().remove(0),
            tasks,
            events: store.load(id).await.unwrap(),
            journal: store.journal(id).await.unwrap(),
            effects: store.effects(id).await.unwrap(),
            timers: store.timers(id).await.unwrap(),
        }
    }

    fn between(before: Option<&Stand>, after: &Stand) -> Commit {
        let events = before.map_or(0, |before| before.events.len());
        let journal = before.map_or(0, |before| before.journal.len());
        let known =
            |effect: &&EffectRow| before.is_none_or(|before| !before.effects.contains(effect));
        Commit {
            case: after.case.clone(),
            tasks: after.tasks.clone(),
            events: after.events[events..].to_vec(),
            journal: after.journal[journal..].to_vec(),
            effects: after
                .effects
                .iter()
                .filter(known)
                .map(|effect| NewEffect {
                    event: effect.event,
                    intent: effect.intent.clone(),
                })
                .collect(),
            settled: Vec::new(),
            timers: after.timers.clone(),
            react_due: Some(crate::world::now().with_timezone(&Utc)),
            ledger: Vec::new(),
            groups: Vec::new(),
            keys: match before {
                None => Keys::Hold(Vec::new()),
                Some(_) => Keys::Keep,
            },
        }
    }
}

impl Commits {
    /// The same writes of another case, of another person.
    pub fn renamed(&self, id: &str, person: &str) -> Commits {
        Commits {
            registered: renamed(&self.registered, id, person),
            answered: renamed(&self.answered, id, person),
            decided: renamed(&self.decided, id, person),
            answered_again: renamed(&self.answered_again, id, person),
        }
    }
}

fn renamed(commit: &Commit, id: &str, person: &str) -> Commit {
    let old = commit.case.id.clone();
    let mut commit = commit.clone();
    commit.case.id = id.to_owned();
    commit.case.subject = person.to_owned();
    for task in &mut commit.tasks {
        task.case_id = id.to_owned();
    }
    for effect in &mut commit.effects {
        let intent = serde_json::to_string(&effect.intent).unwrap();
        let intent: Intent = serde_json::from_str(&intent.replace(&old, id)).unwrap();
        effect.intent = intent;
    }
    if let Keys::Hold(keys) = &mut commit.keys {
        *keys = vec![format!("{MATTER}/{person}")];
    }
    commit
}
