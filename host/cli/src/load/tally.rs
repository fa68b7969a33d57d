//! What a run came to: counts and latencies, overall, by kind, and over time.

use super::schedule::Kind;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

/// Latencies are kept in microseconds from 1 up to this; what took longer counts as this.
const LATENCY_US_MAX: u64 = 120_000_000;
/// Significant digits of a latency.
const DIGITS: u8 = 3;
/// The same over time, of which there are many.
const DIGITS_OVER_TIME: u8 = 2;
/// The time of a run is cut into at most so many pieces, none shorter than [`PIECE_MIN`].
const PIECES_MAX: u32 = 120;
const PIECE_MIN: Duration = Duration::from_secs(1);

/// How a request came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this status; 429 is counted by itself.
    Answered(u16),
    /// A refusal with this status and the code of its reason, which is an answer.
    Refused(u16, String),
    /// An answer with this status that says nothing, by what is wrong with it.
    Wrong(u16, &'static str),
    /// No answer, by its name.
    Failed(&'static str),
}

/// What goes on; made into a [`Summary`] at the end.
pub struct Tally {
    pub arrivals: u64,
    pub sent: u64,
    pub shed: u64,
    pub done: u64,
    /// Of streams that were followed: those that came to the end of their case.
    pub followed_to_end: u64,
    latency: Histogram<u64>,
    kinds: BTreeMap<Kind, Of>,
    classes: BTreeMap<String, u64>,
    refused: BTreeMap<String, u64>,
    limited: u64,
    errors: BTreeMap<String, u64>,
    error_count: u64,
    piece: Duration,
    pieces: Vec<Piece>,
}

struct Of {
    sent: u64,
    errors: u64,
    latency: Histogram<u64>,
}

/// A piece of the time.
struct Piece {
    arrivals: u32,
    done: u32,
    errors: u32,
    /// Of what was due in it.
    latency: Histogram<u32>,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

/// What a run came to.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// What was loaded and how, in one line.
    pub run: String,
    /// From the first moment to the last answer.
    pub duration_s: f64,
    /// Requests that were due.
    pub arrivals: u64,
    pub sent: u64,
    /// Due while too many were under way, and not sent.
    pub shed: u64,
    /// Sent and come to an end, errors included.
    pub done: u64,
    /// Done a second.
    pub throughput: f64,
    /// In milliseconds from when a request was due to its whole answer; errors are not counted.
    pub latency_ms: Latency,
    pub kinds: BTreeMap<&'static str, KindSummary>,
    /// Answers by class of status: `2xx`.
    pub answers: BTreeMap<String, u64>,
    /// Refusals with a reason, by its code: 409 and 422 among the answers.
    pub refused: BTreeMap<String, u64>,
    /// 429: the host was full; among the answers.
    pub limited: u64,
    pub followed_to_end: u64,
    /// How often, by name.
    pub errors: BTreeMap<String, u64>,
    /// Over time.
    pub series: Vec<Point>,
}

/// The same of a kind of request.
#[derive(Debug, Serialize)]
pub struct KindSummary {
    pub sent: u64,
    pub errors: u64,
    pub latency_ms: Latency,
}

/// A piece of the time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Its middle, since the beginning.
    pub at_s: f64,
    pub arrivals_per_s: f64,
    pub done_per_s: f64,
    /// Milliseconds of what was due in it; absent where nothing was answered.
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub errors: u32,
}

impl Tally {
    /// For a run of this length.
    pub fn new(length: Duration) -> anyhow::Result<Self> {
        Ok(Self {
            arrivals: 0,
            sent: 0,
            shed: 0,
            done: 0,
            followed_to_end: 0,
            latency: Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS)?,
            kinds: BTreeMap::new(),
            classes: BTreeMap::new(),
            refused: BTreeMap::new(),
            limited: 0,
            errors: BTreeMap::new(),
            error_count: 0,
            piece: PIECE_MIN.max(length / PIECES_MAX),
            pieces: Vec::new(),
        })
    }

    /// A request was due.
    pub fn arrived(&mut self, due: Duration) -> anyhow::Result<()> {
        self.arrivals += 1;
        self.piece_at(due)?.arrivals += 1;
        Ok(())
    }

    /// It was sent, as this kind.
    pub fn sent(&mut self, kind: Kind) -> anyhow::Result<()> {
        self.sent += 1;
        self.of(kind)?.sent += 1;
        Ok(())
    }

    /// It came out, `latency` after it was due.
    pub fn done(
        &mut self,
        kind: Kind,
        due: Duration,
        latency: Duration,
        outcome: Outcome,
    ) -> anyhow::Result<()> {
        self.done += 1;
        let ended = due + latency;
        self.piece_at(ended)?.done += 1;
        let is_limited = matches!(outcome, Outcome::Answered(429));
        let error = match outcome {
            Outcome::Failed(name) => Some(name.to_owned()),
            Outcome::Wrong(status, name) => {
                self.answered(status);
                Some(name.to_owned())
            }
            Outcome::Refused(status, code) => {
                self.answered(status);
                *self.refused.entry(code).or_default() += 1;
                None
            }
            Outcome::Answered(status) => {
                self.answered(status);
                self.limited += u64::from(status == 429);
                let is_answer = status == 429 || (200..300).contains(&status);
                (!is_answer).then(|| format!("status-{status}"))
            }
        };
        if let Some(name) = error {
            *self.errors.entry(name).or_default() += 1;
            self.error_count += 1;
            self.of(kind)?.errors += 1;
            self.piece_at(ended)?.errors += 1;
            return Ok(());
        }
        if is_limited {
            // Being told to come back is quick, and no service.
            return Ok(());
        }
        let latency_us = u64::try_from(latency.as_micros())
            .unwrap_or(u64::MAX)
            .max(1);
        self.latency.saturating_record(latency_us);
        self.of(kind)?.latency.saturating_record(latency_us);
        self.piece_at(due)?.latency.saturating_record(latency_us);
        Ok(())
    }

    fn answered(&mut self, status: u16) {
        *self
            .classes
            .entry(format!("{}xx", status / 100))
            .or_default() += 1;
    }

    /// How many were no answer.
    pub fn errors(&self) -> u64 {
        self.error_count
    }

    /// So far.
    pub fn latency(&self) -> Latency {
        latency(&self.latency)
    }

    fn of(&mut self, kind: Kind) -> anyhow::Result<&mut Of> {
        Ok(match self.kinds.entry(kind) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(Of {
                sent: 0,
                errors: 0,
                latency: Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS)?,
            }),
        })
    }

    fn piece_at(&mut self, at: Duration) -> anyhow::Result<&mut Piece> {
        let place = usize::try_from(at.as_millis() / self.piece.as_millis())?;
        while self.pieces.len() <= place {
            self.pieces.push(Piece {
                arrivals: 0,
                done: 0,
                errors: 0,
                latency: Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS_OVER_TIME)?,
            });
        }
        Ok(&mut self.pieces[place])
    }

    /// What it came to in this time.
    pub fn summary(self, run: String, took: Duration) -> Summary {
        let took_s = took.as_secs_f64().max(f64::MIN_POSITIVE);
        let kinds = self.kinds.iter().map(|(kind, of)| {
            let summary = KindSummary {
                sent: of.sent,
                errors: of.errors,
                latency_ms: latency(&of.latency),
            };
            (kind.name(), summary)
        });
        Summary {
            run,
            duration_s: rounded(took_s),
            arrivals: self.arrivals,
            sent: self.sent,
            shed: self.shed,
            done: self.done,
            throughput: rounded(float(self.done) / took_s),
            latency_ms: latency(&self.latency),
            kinds: kinds.collect(),
            refused: self.refused,
            limited: self.limited,
            followed_to_end: self.followed_to_end,
            series: series(&self.pieces, self.piece, took),
            answers: self.classes,
            errors: self.errors,
        }
    }
}

fn latency(histogram: &Histogram<u64>) -> Latency {
    if histogram.is_empty() {
        return Latency::default();
    }
    let at = |quantile| in_ms(histogram.value_at_quantile(quantile));
    Latency {
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        max: in_ms(histogram.max()),
    }
}

fn series(pieces: &[Piece], piece: Duration, took: Duration) -> Vec<Point> {
    let mut from = Duration::ZERO;
    let mut series = Vec::new();
    for one in pieces {
        // The last piece ends with the run; where that is at once, a rate would say nothing.
        let length = piece.min(took.saturating_sub(from)).max(piece / 2);
        let each = |count: u32| rounded(f64::from(count) / length.as_secs_f64());
        let at = |quantile| {
            let some = !one.latency.is_empty();
            some.then(|| in_ms(one.latency.value_at_quantile(quantile)))
        };
        series.push(Point {
            at_s: rounded((from + length / 2).as_secs_f64()),
            arrivals_per_s: each(one.arrivals),
            done_per_s: each(one.done),
            p50: at(0.5),
            p99: at(0.99),
            errors: one.errors,
        });
        from += piece;
    }
    series
}

fn in_ms(us: u64) -> f64 {
    rounded(float(us) / 1_000.0)
}

/// Two places: a hundredth of a millisecond is finer than the clock of the runtime.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// What counts stay below is exact.
fn float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

impl Summary {
    /// In words, for people.
    pub fn in_words(&self) -> String {
        let mut lines = vec![
            self.run.clone(),
            format!(
                "{:.1} s   {} arrivals, {} sent, {} shed, {} done: {:.1} a second",
                self.duration_s, self.arrivals, self.sent, self.shed, self.done, self.throughput
            ),
            String::new(),
            format!(
                "{:15}{:>8}{:>8}{:>10}{:>10}{:>10}{:>10}",
                "ms", "sent", "errors", "p50", "p90", "p99", "max"
            ),
        ];
        let row = |name: &str, sent: u64, errors: u64, latency: &Latency| {
            format!(
                "{name:15}{sent:>8}{errors:>8}{:>10.1}{:>10.1}{:>10.1}{:>10.1}",
                latency.p50, latency.p90, latency.p99, latency.max
            )
        };
        let errors = self.errors.values().sum();
        for (name, of) in &self.kinds {
            lines.push(row(name, of.sent, of.errors, &of.latency_ms));
        }
        lines.push(row("all", self.sent, errors, &self.latency_ms));
        lines.push(String::new());
        lines.push(format!(
            "answers   {}; {} told to come back (429); {} cases followed to their end",
            counts(&self.answers),
            self.limited,
            self.followed_to_end
        ));
        lines.push(format!("refused   {}", counts(&self.refused)));
        lines.push(format!("errors    {}", counts(&self.errors)));
        lines.join("\n")
    }
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    let each = counts.iter().map(|(name, count)| format!("{count} {name}"));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A run of three seconds: 100 answers a second apart by a millisecond each, then every other
    /// outcome once.
    pub fn summary() -> Summary {
        let mut tally = Tally::new(Duration::from_secs(3)).unwrap();
        let mut one = |kind, due: Duration, latency, outcome| {
            tally.arrived(due).unwrap();
            tally.sent(kind).unwrap();
            tally.done(kind, due, latency, outcome).unwrap();
        };
        for place in 1..=100 {
            one(Kind::Form, 5 * MS, place * MS, Outcome::Answered(200));
        }
        for (outcome, due) in [
            (Outcome::Refused(409, "key-taken".to_owned()), 1_000),
            (Outcome::Refused(422, "no-money".to_owned()), 1_001),
            (Outcome::Answered(429), 1_002),
            (Outcome::Answered(302), 1_003),
            (Outcome::Answered(404), 1_004),
            (Outcome::Answered(503), 1_005),
            (Outcome::Wrong(200, "pending"), 1_006),
            (Outcome::Failed("time-out"), 1_990),
        ] {
            one(Kind::Submit, due * MS, 20 * MS, outcome);
        }
        tally.arrived(2_500 * MS).unwrap();
        tally.shed += 1;
        tally.summary("a run".to_owned(), 4_000 * MS)
    }

    #[test]
    fn a_summary_adds_up() {
        let summary = summary();
        let errors: u64 = summary.errors.values().sum();
        assert_eq!(
            (summary.arrivals, summary.sent, summary.shed, summary.done),
            (109, 108, 1, 108)
        );
        assert_eq!(summary.throughput, 27.0);
        let answers: Vec<_> = summary
            .answers
            .iter()
            .map(|(a, b)| (a.as_str(), *b))
            .collect();
        assert_eq!(answers, [("2xx", 101), ("3xx", 1), ("4xx", 4), ("5xx", 1)]);
        assert_eq!((summary.limited, errors), (1, 5));
        assert!(summary.refused.keys().eq(["key-taken", "no-money"]));
        let names: Vec<_> = summary.errors.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "pending",
                "status-302",
                "status-404",
                "status-503",
                "time-out"
            ]
        );
        let form = summary.kinds["form"].latency_ms;
        // Three significant digits.
        let near = |found: f64, expected: f64| (found - expected).abs() <= expected / 500.0;
        assert!(
            near(form.p50, 50.0) && near(form.p99, 99.0) && near(form.max, 100.0),
            "{form:?}"
        );
        assert_eq!(summary.kinds["submit"].errors, 5);
        let series: Vec<_> = summary
            .series
            .iter()
            .map(|one| {
                (
                    one.at_s,
                    one.arrivals_per_s,
                    one.done_per_s,
                    one.errors,
                    one.p50.is_some(),
                )
            })
            .collect();
        assert_eq!(
            series,
            [
                (0.5, 100.0, 100.0, 0, true),
                (1.5, 8.0, 7.0, 4, true),
                (2.5, 1.0, 1.0, 1, false)
            ]
        );
        assert!(summary.in_words().contains("5xx"), "{}", summary.in_words());
    }
}
