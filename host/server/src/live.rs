//! A case as it goes on: its events as Server-Sent Events, on whichever host they are committed.
//!
//! One task asks the store twice a second how far the followed cases are, all in one query, and only
//! while there are any; this host's own commits wake at once. What is sent is read from the store.

use crate::App;
use crate::callers::Caller;
use crate::cases::{CasePath, seen};
use crate::extract::Checked;
use crate::limits::{STREAM_LOOK_EVERY, STREAM_SILENCE_MAX, STREAMS_MAX};
use crate::problem::Problem;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use onething_case::{Recorded, Status};
use onething_engine::Case;
use serde::Deserialize;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use utoipa::IntoParams;

/// Every case that somebody follows.
#[derive(Debug)]
pub(crate) struct Live {
    /// The last event that is known of each.
    followed: Mutex<HashMap<String, watch::Sender<u64>>>,
    places: Arc<Semaphore>,
}

/// From where on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FromWhere {
    /// Events after this number. The header `Last-Event-ID`, which a browser sends when it connects
    /// again, goes before it.
    #[serde(default)]
    after: u64,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            followed: Mutex::default(),
            places: Arc::new(Semaphore::new(STREAMS_MAX)),
        }
    }

    /// Streams that are open.
    pub(crate) fn streams(&self) -> usize {
        STREAMS_MAX.saturating_sub(self.places.available_permits())
    }

    fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.places.clone().try_acquire_owned().map_err(|_| {
            Problem::full(
                "streams-full",
                format!("同时最多跟踪 {STREAMS_MAX} 个办件，请稍后重试"),
                format!("at most {STREAMS_MAX} streams are open at a time; try again"),
            )
        })
    }

    fn follow(&self, case_id: &str) -> watch::Receiver<u64> {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let case = followed.entry(case_id.to_owned());
        case.or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    fn note(&self, case_id: &str, version: u64) {
        let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = followed.get(case_id) {
            known.send_if_modified(|known| {
                let is_news = version > *known;
                *known = version.max(*known);
                is_news
            });
        }
    }

    /// The cases that somebody still follows.
    fn followed(&self) -> Vec<String> {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        followed.retain(|_, known| known.receiver_count() > 0);
        followed.keys().cloned().collect()
    }
}

/// Tells the streams what is committed here and elsewhere, until the host stops.
pub(crate) async fn watch(app: App) {
    let mut commits = app.engine.commits();
    let mut stopping = app.stopping.subscribe();
    let mut look = tokio::time::interval(STREAM_LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            committed = commits.recv() => match committed {
                Ok(committed) => app.live.note(&committed.case_id, committed.version),
                Err(RecvError::Lagged(_)) => {} // the next look finds it
                Err(RecvError::Closed) => return,
            },
            _ = look.tick() => look_up(&app).await,
            () = stop(&mut stopping) => return,
        }
    }
}

async fn stop(stopping: &mut watch::Receiver<bool>) {
    // An error says that the host is gone altogether.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

async fn look_up(app: &App) {
    let followed = app.live.followed();
    match app.engine.store().versions(&followed).await {
        Ok(versions) => {
            for (case_id, version) in versions {
                app.live.note(&case_id, version);
            }
        }
        Err(error) => tracing::error!(%error, "the followed cases could not be looked up"),
    }
}

/// Every event of a case as it happens, as Server-Sent Events: `id` is the number of the event, `data`
/// the same JSON as under `events`.
///
/// When the case has ended and its effects are settled, the last event is of the type `end` and the
/// stream closes; who connects again to a case of which there is nothing more is answered 204, at
/// which a browser stays away. A host that stops closes with a comment: connect again, to any host.
///
/// Lets in: the caller that handed it in, officers of its steps, an operator.
#[utoipa::path(
    get,
    path = "/v1/cases/{id}/stream",
    tag = "cases",
    params(
        CasePath,
        FromWhere,
        ("Last-Event-ID" = Option<u64>, Header, description = "The number of the last event that was seen."),
    ),
    responses(
        (status = 200, description = "Events, and a comment every 15 seconds without one.", body = Recorded, content_type = "text/event-stream"),
        (status = 204, description = "The case is over and everything was seen."),
        (status = 404, description = "There is no such case, or it is not the caller's to see."),
    ),
)]
pub(crate) async fn stream(
    State(app): State<App>,
    caller: Caller,
    Checked(Path(path)): Checked<Path<CasePath>>,
    Checked(Query(from)): Checked<Query<FromWhere>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = last_event_id(&headers)?.unwrap_or(from.after);
    let case = seen(&app, &caller, &path.id).await?;
    if case.state.last_event <= after && is_over(&app, &case).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let following = Following {
        caller: caller.following()?,
        place: app.live.enter()?,
        news: app.live.follow(&path.id),
        stopping: app.stopping.subscribe(),
        app,
        id: path.id,
        after,
        ready: VecDeque::new(),
        is_last: false,
    };
    let events = unfold(Some(following), |following| async {
        let (event, following) = following?.next().await?;
        Some((Ok::<_, Infallible>(event), following))
    });
    let alive = KeepAlive::new().interval(STREAM_SILENCE_MAX);
    Ok(Sse::new(events).keep_alive(alive).into_response())
}

/// A caller who follows a case.
struct Following {
    place: OwnedSemaphorePermit,
    news: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    app: App,
    caller: Caller,
    id: String,
    /// The last event that was made ready.
    after: u64,
    ready: VecDeque<Event>,
    /// Nothing comes after what is ready.
    is_last: bool,
}

impl Following {
    /// The next event and who goes on after it; `None` where the case can no longer be read.
    async fn next(mut self) -> Option<(Event, Option<Self>)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                let goes_on = !(self.is_last && self.ready.is_empty());
                return Some((event, goes_on.then_some(self)));
            }
            self.news.borrow_and_update();
            // What was to be seen a month ago may not be any more.
            let case = seen(&self.app, &self.caller, &self.id).await.ok()?;
            self.make_ready(&case).await?;
            if !self.ready.is_empty() {
                continue;
            }
            tokio::select! {
                changed = self.news.changed() => changed.ok()?,
                () = stop(&mut self.stopping) => {
                    drop(self.place);
                    return Some((Event::default().comment("the host is stopping"), None));
                }
            }
        }
    }

    async fn make_ready(&mut self, case: &Case) -> Option<()> {
        for recorded in case.events.iter().filter(|event| event.n > self.after) {
            let event = Event::default().id(recorded.n.to_string());
            self.ready.push_back(event.json_data(recorded).ok()?);
        }
        self.after = self.after.max(case.state.last_event);
        if is_over(&self.app, case).await.ok()? {
            let status = case.state.status.as_str();
            let end = Event::default().event("end").data(status);
            self.ready.push_back(end);
            self.is_last = true;
        }
        Some(())
    }
}

/// Nothing more happens by itself: no effect is left, or none that can still run.
async fn is_over(app: &App, case: &Case) -> Result<bool, Problem> {
    let state = &case.state;
    let is_ended = matches!(state.status, Status::Ended(_)) && state.parked.is_none();
    if !is_ended || state.next_reaction().is_some() {
        return Ok(false);
    }
    let mut effects = state.view().effects.into_iter();
    if effects.all(|effect| effect.outcome.is_some()) {
        return Ok(true);
    }
    let store = app.engine.store();
    if store.effects_run(&state.id).await? {
        return Ok(false);
    }
    // The last one may have been settled since the case was read: that is yet to be sent.
    let versions = store.versions(std::slice::from_ref(&state.id)).await?;
    Ok(versions
        .iter()
        .all(|(_, version)| *version == state.last_event))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(id) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let number = id.to_str().ok().and_then(|id| id.parse().ok());
    number.map(Some).ok_or_else(|| {
        Problem::malformed(
            "last-event-id",
            "Last-Event-ID 请求头应为事件编号",
            "the header Last-Event-ID is not the number of an event",
        )
    })
}
