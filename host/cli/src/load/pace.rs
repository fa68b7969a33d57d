//! The open loop: requests go out when they are due, whatever became of those before, and their latency
//! counts from then.

use super::api::{Api, Request};
use super::cases::{Seen, Taken};
use super::client::{ANSWER_TIME_MAX, Ask, Client};
use super::function::{self, Function};
use super::progress::Progress;
use super::schedule::{Arrival, Kind, Plan};
use super::tally::{Outcome, Tally};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Incoming;
use serde::Deserialize;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Cases that are followed at a time: a host keeps 128 streams for a caller.
const FOLLOWED_MAX: usize = 64;
/// What ends the stream of a case.
const END: &[u8] = b"event: end";

/// Whom requests go to.
pub enum Target {
    Api(Box<Api>),
    Function(Function),
}

/// A request that came out.
struct Done {
    kind: Kind,
    due: Duration,
    latency: Duration,
    outcome: Outcome,
    /// How its case stands now.
    seen: Option<Seen>,
    /// The step that it decided.
    taken: Option<Taken>,
    /// What is still to be read of a stream.
    stream: Option<Incoming>,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
}

/// A run that goes on.
struct Run<'a> {
    client: &'a Client,
    target: Target,
    start: Instant,
    in_flight_max: usize,
    tally: Tally,
    under_way: JoinSet<Done>,
    following: JoinSet<bool>,
}

/// Runs the plan, and answers what it came to and how long it took. Interrupted, it sends no more and
/// waits for what is under way.
pub async fn run(
    plan: &Plan,
    client: &Client,
    target: Target,
    in_flight_max: usize,
) -> anyhow::Result<(Tally, Duration)> {
    let mut run = Run {
        client,
        target,
        start: Instant::now(),
        in_flight_max,
        tally: Tally::new(plan.length)?,
        under_way: JoinSet::new(),
        following: JoinSet::new(),
    };
    let mut progress = Progress::new();
    let mut interrupted = Box::pin(tokio::signal::ctrl_c());
    let mut arrivals = plan.arrivals().fuse();
    let mut next = arrivals.next();
    while next.is_some() || !run.under_way.is_empty() {
        let due = next.map(|arrival| run.start + arrival.due);
        tokio::select! {
            Some(done) = run.under_way.join_next(), if !run.under_way.is_empty() => {
                run.done(done?)?;
            }
            Some(ended) = run.following.join_next(), if !run.following.is_empty() => {
                run.tally.followed_to_end += u64::from(ended?);
            }
            () = tokio::time::sleep_until(due.unwrap_or(run.start)), if due.is_some() => {
                if let Some(arrival) = next {
                    run.send(arrival)?;
                }
                next = arrivals.next();
            }
            () = progress.due() => progress.tell(&run.tally, run.start.elapsed(), run.under_way.len()),
            _ = &mut interrupted, if next.is_some() => next = None,
        }
    }
    let took = run.start.elapsed();
    progress.end(&run.tally, took);
    // Cases that have not ended are followed no longer.
    while let Some(ended) = run.following.try_join_next() {
        run.tally.followed_to_end += u64::from(ended?);
    }
    Ok((run.tally, took))
}

impl Run<'_> {
    fn send(&mut self, arrival: Arrival) -> anyhow::Result<()> {
        self.tally.arrived(arrival.due)?;
        if self.under_way.len() >= self.in_flight_max {
            self.tally.shed += 1;
            return Ok(());
        }
        let is_function = matches!(self.target, Target::Function(_));
        let may_follow = self.following.len() < FOLLOWED_MAX;
        let Request { kind, ask, taken } = match &mut self.target {
            Target::Api(api) => api.request(arrival, may_follow),
            Target::Function(function) => Request {
                kind: arrival.kind,
                ask: function.request(arrival.draw),
                taken: None,
            },
        };
        self.tally.sent(kind)?;
        let (client, at) = (self.client.clone(), self.start + arrival.due);
        self.under_way.spawn(async move {
            let (outcome, seen, stream) = match kind {
                Kind::Follow => follow(&client, ask).await,
                _ => asked(&client, ask, kind, is_function).await,
            };
            Done {
                kind,
                due: arrival.due,
                latency: at.elapsed(),
                outcome,
                seen,
                taken,
                stream,
            }
        });
        Ok(())
    }

    fn done(&mut self, done: Done) -> anyhow::Result<()> {
        if let Target::Api(api) = &mut self.target {
            api.answered(done.kind, done.seen, done.taken.as_ref());
        }
        match (done.kind, &done.outcome, done.stream) {
            (_, _, Some(stream)) => {
                self.following.spawn(to_the_end(stream));
            }
            // There is nothing more of the case.
            (Kind::Follow, Outcome::Answered(200..300), None) => self.tally.followed_to_end += 1,
            _ => {}
        }
        self.tally
            .done(done.kind, done.due, done.latency, done.outcome)
    }
}

type CameOut = (Outcome, Option<Seen>, Option<Incoming>);

async fn asked(client: &Client, ask: Ask, kind: Kind, is_function: bool) -> CameOut {
    let answer = match client.ask(ask).await {
        Ok(answer) => answer,
        Err(failure) => return (Outcome::Failed(failure.name()), None, None),
    };
    let status = answer.status.as_u16();
    if !answer.status.is_success() {
        return (refused(status, &answer.body), None, None);
    }
    if is_function {
        let outcome = match function::wrong(&answer.body) {
            Some(name) => Outcome::Wrong(status, name),
            None => Outcome::Answered(status),
        };
        return (outcome, None, None);
    }
    if !matches!(kind, Kind::Submit | Kind::Decide | Kind::Case) {
        return (Outcome::Answered(status), None, None);
    }
    match serde_json::from_slice(&answer.body) {
        Ok(seen) => (Outcome::Answered(status), Some(seen), None),
        Err(_) => (Outcome::Wrong(status, "not-an-answer"), None, None),
    }
}

/// 409 and 422 with the code of a reason are answers, and say what the host wants.
fn refused(status: u16, body: &[u8]) -> Outcome {
    let problem: Option<Problem> = serde_json::from_slice(body).ok();
    match (status, problem) {
        (409 | 422, Some(problem)) => Outcome::Refused(status, problem.code),
        _ => Outcome::Answered(status),
    }
}

/// Until the first event is there; the rest is left to [`to_the_end`].
async fn follow(client: &Client, ask: Ask) -> CameOut {
    let begun = async {
        let response = client.send(ask).await?;
        let (head, mut body) = response.into_parts();
        if head.status != StatusCode::OK {
            return Ok((head.status, None));
        }
        let first = next(&mut body).await;
        let is_over = first.is_none_or(|bytes| ends(&[], &bytes));
        Ok((head.status, (!is_over).then_some(body)))
    };
    match tokio::time::timeout(ANSWER_TIME_MAX, begun).await {
        Ok(Ok((status, body))) => (Outcome::Answered(status.as_u16()), None, body),
        Ok(Err(failure)) => {
            let failure: super::client::Failure = failure;
            (Outcome::Failed(failure.name()), None, None)
        }
        Err(_) => (
            Outcome::Failed(super::client::Failure::TimeOut.name()),
            None,
            None,
        ),
    }
}

/// Whether the case came to its end before the stream did.
async fn to_the_end(mut body: Incoming) -> bool {
    let mut before = Bytes::new();
    while let Some(bytes) = next(&mut body).await {
        if ends(&before, &bytes) {
            return true;
        }
        before = bytes;
    }
    false
}

/// The next bytes of a stream; `None` where there are no more.
async fn next(body: &mut Incoming) -> Option<Bytes> {
    loop {
        let frame = body.frame().await?.ok()?;
        if let Ok(bytes) = frame.into_data() {
            return Some(bytes);
        }
    }
}

/// Whether the end is in these bytes, or begins at the end of those before.
fn ends(before: &[u8], bytes: &[u8]) -> bool {
    let tail = &before[before.len().saturating_sub(END.len() - 1)..];
    let head = &bytes[..bytes.len().min(END.len() - 1)];
    let seam = [tail, head].concat();
    [bytes, &seam]
        .iter()
        .any(|part| part.windows(END.len()).any(|window| window == END))
}

#[cfg(test)]
mod tests {
    use super::ends;

    #[test]
    fn the_end_of_a_stream_is_seen_wherever_it_is_cut() {
        let text = b"id: 7\ndata: {}\n\nevent: end\ndata: completed\n\n";
        for cut in 0..text.len() {
            let (before, after) = text.split_at(cut);
            assert!(ends(before, after) || ends(&[], before), "{cut}");
        }
        assert!(!ends(b"event: e", b"nough"));
    }
}
