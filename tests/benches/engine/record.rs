//! What a submission and a decision come to, recorded once: as [`Commit`]s for other cases.

use crate::world::{MATTER, World, approve, at_once, idempotency, now, office, submit};
use chrono::Utc;
use onething_case::Recorded;
use onething_engine::Engine;
use onething_store::{
    Boundary, CaseFilter, CaseRow, Commit, EffectRow, Error, JournalEntry, Keys, NewEffect,
    ROWS_MAX, Registered, Store, TaskRow, TimerRow,
};
use serde::{Serialize, de::DeserializeOwned};
use std::ops::Range;
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
struct Stand {
    case: CaseRow,
    tasks: Vec<TaskRow>,
    events: Vec<Recorded>,
    journal: Vec<JournalEntry>,
    effects: Vec<EffectRow>,
    timers: Vec<TimerRow>,
    groups: Vec<(String, String)>,
}

/// Writes of a case that was recorded, in their order.
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

/// Registers the recorded case for other people, as the cases of such ids. One in `unanswered_every`
/// is still without its bundle's answer.
pub async fn register(
    store: &Store,
    commits: Commits,
    numbers: Range<usize>,
    id: fn(usize) -> String,
    unanswered_every: usize,
) {
    let (store, commits, first) = (store.clone(), Arc::new(commits), numbers.start);
    at_once(numbers.len(), 64, move |job| {
        let (store, commits, number) = (store.clone(), commits.clone(), first + job);
        async move {
            let person = format!("made-up-{number:07}");
            let commits = commits.of(&id(number), &person);
            let request = idempotency(&person);
            let registered = store.register(&commits.registered, Some(&request), None);
            assert_eq!(registered.await.unwrap(), Registered::New);
            if !number.is_multiple_of(unanswered_every) {
                store.append(&commits.answered).await.unwrap();
            }
        }
    })
    .await;
}

impl Stand {
    async fn of(engine: &Engine, id: &str) -> Stand {
        let store = engine.store();
        let filter = CaseFilter {
            id: Some(id.to_owned()),
            ..CaseFilter::default()
        };
        let bundles = engine.bundles();
        let manifest = bundles.newest(MATTER).unwrap().manifest();
        let mut tasks = Vec::new();
        for named in &manifest.offices {
            let office = office(&named.function);
            tasks.extend(store.tasks(&office, None, ROWS_MAX).await.unwrap());
        }
        let counted_by = manifest.statistics.group_by.iter();
        Stand {
            case: store.cases(&filter, 1).await.unwrap().remove(0),
            tasks,
            events: store.load(id).await.unwrap(),
            journal: store.journal(id).await.unwrap(),
            effects: store.effects(id).await.unwrap(),
            timers: store.timers(id).await.unwrap(),
            groups: counted_by
                .map(|name| (name.clone(), "some".to_owned()))
                .collect(),
        }
    }

    fn between(before: Option<&Stand>, after: &Stand) -> Commit {
        let events = before.map_or(0, |before| before.events.len());
        let journal = before.map_or(0, |before| before.journal.len());
        let is_new =
            |effect: &&EffectRow| before.is_none_or(|before| !before.effects.contains(effect));
        let new_effect = |effect: &EffectRow| NewEffect {
            event: effect.event,
            intent: effect.intent.clone(),
        };
        let (groups, keys) = match before {
            None => (after.groups.clone(), Keys::Hold(Vec::new())),
            Some(_) => (Vec::new(), Keys::Keep),
        };
        Commit {
            case: after.case.clone(),
            tasks: after.tasks.clone(),
            events: after.events[events..].to_vec(),
            journal: after.journal[journal..].to_vec(),
            materials: Vec::new(),
            effects: after
                .effects
                .iter()
                .filter(is_new)
                .map(new_effect)
                .collect(),
            settled: Vec::new(),
            timers: after.timers.clone(),
            react_due: Some(now().with_timezone(&Utc)),
            ledger: Vec::new(),
            groups,
            keys,
        }
    }
}

impl Commits {
    /// The same writes of another case, of another person.
    pub fn of(&self, id: &str, person: &str) -> Commits {
        Commits {
            registered: of(&self.registered, id, person),
            answered: of(&self.answered, id, person),
            decided: of(&self.decided, id, person),
            answered_again: of(&self.answered_again, id, person),
        }
    }
}

fn of(commit: &Commit, id: &str, person: &str) -> Commit {
    let words = [(&*commit.case.id, id), (&*commit.case.subject, person)];
    let mut commit = commit.clone();
    for event in &mut commit.events {
        event.event = reworded(&event.event, &words);
    }
    for effect in &mut commit.effects {
        effect.intent = reworded(&effect.intent, &words);
    }
    for task in &mut commit.tasks {
        task.case_id = id.to_owned();
    }
    commit.case.id = id.to_owned();
    commit.case.subject = person.to_owned();
    if let Keys::Hold(keys) = &mut commit.keys {
        *keys = vec![format!("{MATTER}/{person}")];
    }
    commit
}

fn reworded<T: Serialize + DeserializeOwned>(value: &T, words: &[(&str, &str)]) -> T {
    let text = serde_json::to_string(value).unwrap();
    serde_json::from_str(&replaced(&text, words)).unwrap()
}

pub fn replaced(text: &str, words: &[(&str, &str)]) -> String {
    let replace = |text: String, (old, new): &(&str, &str)| text.replace(old, new);
    words.iter().fold(text.to_owned(), replace)
}
