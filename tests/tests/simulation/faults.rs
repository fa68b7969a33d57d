//! What goes wrong, and where: the boundaries of the store and of the engine, each crossing counted,
//! one of them ending in an error, in the end of the process, or in a pause.

use onething_store::{Boundary, Error};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// How a crossing goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The call there fails. After `store.committed` this is a reply that is lost.
    Error,
    /// The process is gone: it crosses no boundary any more, and nothing of it is heard again.
    Death,
    /// It stands still until it is let go on.
    Pause,
}

/// Places where a process holds neither a transaction nor a connection, and may stand still.
const RESTING: [&str; 4] = [
    "submit.assessed",
    "react.before",
    "effect.before",
    "effect.applied",
];

#[derive(Default)]
struct Inner {
    /// The crossing that goes wrong, counted down, and how.
    armed: Option<(u32, Kind)>,
    /// Where a pause is told, and how it ends.
    pause: Option<(oneshot::Sender<&'static str>, Receiver<()>)>,
    dead: bool,
    /// Where the armed fault struck.
    struck: Option<&'static str>,
    crossings: u32,
    /// Of them those where one may stand still.
    rested: u32,
    /// By place and kind, over the life of this.
    injected: BTreeMap<(&'static str, &'static str), u64>,
}

/// Told when an effect was carried out and nobody knows it yet.
pub type Watch = Box<dyn Fn() + Send + Sync>;

/// One for all nodes of a world: one of them runs at a time.
pub struct Faults {
    inner: Mutex<Inner>,
    watch: Watch,
}

/// A pause that was ordered.
pub struct Pausing {
    /// Told the place once it stands still.
    pub stands: oneshot::Receiver<&'static str>,
    /// Lets it go on.
    pub go_on: Sender<()>,
}

impl Faults {
    pub fn new(watch: Watch) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::default(),
            watch,
        })
    }

    /// The `nth` crossing from now on goes wrong, counted from 1.
    pub fn arm(&self, nth: u32, kind: Kind) {
        let mut inner = self.inner.lock().unwrap();
        inner.armed = Some((nth, kind));
        inner.struck = None;
    }

    /// The `nth` crossing of a place where one may stand still does.
    pub fn arm_pause(&self, nth: u32) -> Pausing {
        let (told, stands) = oneshot::channel();
        let (go_on, wait) = channel();
        self.arm(nth, Kind::Pause);
        self.inner.lock().unwrap().pause = Some((told, wait));
        Pausing { stands, go_on }
    }

    /// Nothing goes wrong any more. Answers where something did.
    pub fn disarm(&self) -> Option<&'static str> {
        let mut inner = self.inner.lock().unwrap();
        inner.armed = None;
        inner.pause = None;
        inner.struck.take()
    }

    /// Where the armed fault has struck since this was last asked.
    pub fn struck(&self) -> Option<&'static str> {
        self.inner.lock().unwrap().struck.take()
    }

    /// A new process in place of the one that is gone.
    pub fn revive(&self) {
        self.inner.lock().unwrap().dead = false;
    }

    pub fn is_dead(&self) -> bool {
        self.inner.lock().unwrap().dead
    }

    /// How many boundaries were crossed since the last time this was asked.
    pub fn crossings(&self) -> u32 {
        std::mem::take(&mut self.inner.lock().unwrap().crossings)
    }

    /// How many places where one may stand still were crossed, ever.
    pub fn rested(&self) -> u32 {
        self.inner.lock().unwrap().rested
    }

    pub fn injected(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.inner.lock().unwrap().injected.clone()
    }
}

impl Boundary for Faults {
    fn reach(&self, name: &'static str) -> Result<(), Error> {
        let mut inner = self.inner.lock().unwrap();
        if inner.dead {
            return Err(injected(name));
        }
        inner.crossings += 1;
        inner.rested += u32::from(RESTING.contains(&name));
        if name == "effect.applied" {
            (self.watch)();
        }
        let Some((left, kind)) = inner.armed else {
            return Ok(());
        };
        if kind == Kind::Pause && !RESTING.contains(&name) {
            return Ok(());
        }
        if left > 1 {
            inner.armed = Some((left - 1, kind));
            return Ok(());
        }
        inner.armed = None;
        inner.struck = Some(name);
        *inner.injected.entry((kind.word(), name)).or_default() += 1;
        match kind {
            Kind::Error => Err(injected(name)),
            Kind::Death => {
                inner.dead = true;
                Err(injected(name))
            }
            Kind::Pause => {
                let pause = inner.pause.take();
                drop(inner);
                if let Some((told, wait)) = pause {
                    let _ = told.send(name);
                    let _ = wait.recv();
                }
                Ok(())
            }
        }
    }
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Error => "error",
            Kind::Death => "death",
            Kind::Pause => "pause",
        }
    }
}

fn injected(name: &str) -> Error {
    Error::Damaged {
        what: format!("nothing: the test lets {name} fail"),
    }
}
