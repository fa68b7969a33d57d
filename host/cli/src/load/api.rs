//! What the API of a host is asked, as a platform and its offices ask it.

use super::cases::{Cases, Seen, Taken};
use super::client::{Ask, Client};
use super::filing::{self, Template};
use super::people::{self, Named};
use super::schedule::{Arrival, Kind};
use crate::deployment::now;
use crate::sample::Story;
use anyhow::{Context, ensure};
use hyper::header::HeaderValue;
use onething_contract::Office;
use onething_engine::HandIn;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The matter of everything but payrolls.
pub const RETIREMENT: &str = "retirement";
/// The matter of payrolls.
pub const PAYROLL: &str = "payroll";
/// The caller that hands in; a file with nothing but a token is its.
const PLATFORM: &str = "platform";

/// The tokens of callers, as `onething serve` tells them: a line each with name and token.
pub struct Tokens(BTreeMap<String, HeaderValue>);

/// How many there are of whom requests are about.
#[derive(Debug, Clone, Copy)]
pub struct Population {
    /// People who may retire.
    pub people: u32,
    /// Units with a payroll.
    pub units: u32,
    pub seed: u64,
}

/// A request that is made ready.
pub struct Request {
    /// What it came to be: where nothing is there to be decided or followed, something else is asked.
    pub kind: Kind,
    pub ask: Ask,
    /// The step that it decides.
    pub taken: Option<Taken>,
}

/// The API, and what is known of it.
pub struct Api {
    tokens: Tokens,
    platform: HeaderValue,
    /// The callers that decide for an office.
    officers: Vec<String>,
    population: Population,
    retirement: Filing,
    payroll: Option<Filing>,
    story: Story,
    cases: Cases,
}

/// A matter to be handed in.
struct Filing {
    prefill: Template,
    submission: Template,
    /// Submissions so far.
    submitted: u32,
}

impl Tokens {
    /// Reads lines of name and token; a single word is the platform's token.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut named = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                [token] => named.push((PLATFORM.to_owned(), token.to_owned())),
                [name, token] => named.push((name.to_owned(), token.to_owned())),
                // What else `serve` says is left where it stands.
                _ => {}
            }
        }
        Self::new(&named)
    }

    /// Of names and tokens.
    pub fn new(named: &[(String, String)]) -> anyhow::Result<Self> {
        let mut tokens = BTreeMap::new();
        for (name, token) in named {
            let bearer = HeaderValue::try_from(format!("Bearer {token}"))
                .with_context(|| format!("the token of {name} is none"))?;
            tokens.insert(name.clone(), bearer);
        }
        ensure!(
            tokens.contains_key(PLATFORM),
            "there is no token of a caller `{PLATFORM}`; give lines of name and token, as `onething serve` prints them"
        );
        Ok(Self(tokens))
    }
}

impl Api {
    /// Gets ready what will be handed in: the samples, filled in by the host from its registers.
    pub async fn prepare(
        client: &Client,
        tokens: Tokens,
        sample: &Path,
        population: Population,
    ) -> anyhow::Result<Self> {
        let platform = tokens.0[PLATFORM].clone();
        let seed = population.seed;
        let retirement = Filing::prepare(client, &platform, sample, RETIREMENT, seed).await?;
        let payroll = match population.units {
            0 => None,
            _ => Some(Filing::prepare(client, &platform, sample, PAYROLL, seed).await?),
        };
        let is_office = |name: &&String| {
            let region = name.rsplit('-').next().unwrap_or_default();
            region.len() == 6 && region.bytes().all(|byte| byte.is_ascii_digit())
        };
        Ok(Self {
            officers: tokens.0.keys().filter(is_office).cloned().collect(),
            platform,
            tokens,
            population,
            retirement,
            payroll,
            story: Story::read(sample, RETIREMENT)?,
            cases: Cases::default(),
        })
    }

    /// Takes in that a request was answered, and how its case stands.
    pub fn answered(&mut self, kind: Kind, seen: Option<Seen>, taken: Option<&Taken>) {
        match (kind, seen) {
            (Kind::Submit, Some(seen)) => self.cases.begin(seen),
            (_, Some(seen)) => self.cases.note(seen),
            (_, None) => {}
        }
        if let Some(taken) = taken {
            self.cases.give_back(taken);
        }
    }

    /// What an arrival asks. `may_follow`: there is room for one more stream.
    pub fn request(&mut self, arrival: Arrival, may_follow: bool) -> Request {
        let (mut kind, draw) = (arrival.kind, arrival.draw);
        if kind == Kind::Follow && !may_follow {
            kind = Kind::Case;
        }
        let only = |ask| (ask, None);
        let asked = match kind {
            Kind::Decide => self.decision().map(|(ask, taken)| (ask, Some(taken))),
            Kind::Case => self.of_a_case(draw, "").map(only),
            Kind::Follow => self.of_a_case(draw, "/stream").map(only),
            _ => None,
        };
        if let Some((ask, taken)) = asked {
            return Request { kind, ask, taken };
        }
        let kind = match kind {
            // An office that has nothing to decide finds that out from its tasks.
            Kind::Decide | Kind::Inbox if !self.officers.is_empty() => Kind::Inbox,
            Kind::Decide | Kind::Inbox | Kind::Case | Kind::Follow => Kind::Form,
            Kind::PayrollAssess | Kind::PayrollSubmit if self.payroll.is_none() => Kind::Form,
            kind => kind,
        };
        let ask = self.plain(kind, draw);
        Request {
            kind,
            ask,
            taken: None,
        }
    }

    /// What needs no case.
    fn plain(&mut self, kind: Kind, draw: u32) -> Ask {
        let person = draw.checked_rem(self.population.people).unwrap_or(0);
        let unit = draw.checked_rem(self.population.units).unwrap_or(0);
        let platform = &self.platform;
        match (kind, &mut self.payroll) {
            (Kind::Prefill, _) => self.retirement.prefill(RETIREMENT, person),
            (Kind::Assess, _) => self.retirement.assess(RETIREMENT, person),
            (Kind::Submit, _) => self.retirement.submit(RETIREMENT),
            (Kind::PayrollAssess, Some(payroll)) => payroll.assess(PAYROLL, unit),
            (Kind::PayrollSubmit, Some(payroll)) => payroll.submit(PAYROLL),
            (Kind::Guide, _) => Ask::get(format!("/v1/matters/{RETIREMENT}/guide")),
            (Kind::Inbox, _) => return self.inbox(draw),
            _ => Ask::get(format!("/v1/matters/{RETIREMENT}/form")),
        }
        .by(platform)
    }

    fn inbox(&self, draw: u32) -> Ask {
        let place = usize::try_from(draw).unwrap_or(0);
        let place = place.checked_rem(self.officers.len()).unwrap_or(0);
        let officer = self
            .officers
            .get(place)
            .and_then(|name| self.tokens.0.get(name));
        Ask::get("/v1/tasks").by(officer.unwrap_or(&self.platform))
    }

    fn of_a_case(&self, draw: u32, below: &str) -> Option<Ask> {
        let case = self.cases.any(draw)?;
        Some(Ask::get(format!("/v1/cases/{case}{below}")).by(&self.platform))
    }

    fn decision(&mut self) -> Option<(Ask, Taken)> {
        let name = |office: &Office| format!("{}-{}", office.function, office.region);
        let tokens = &self.tokens.0;
        let task = self
            .cases
            .take_step(|office| tokens.contains_key(&name(office)))?;
        let officer = tokens.get(&name(&task.step.office))?;
        let words = self.story.payload(&task.step.id).unwrap_or_default();
        let path = format!("/v1/cases/{}/steps/{}/decisions", task.case, task.step.id);
        let body = task.approval(words).to_string();
        let ask = Ask::post(path, body).by(officer);
        Some((ask, (task.case, task.step.id)))
    }
}

impl Filing {
    async fn prepare(
        client: &Client,
        platform: &HeaderValue,
        sample: &Path,
        matter: &str,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let mut hand_in = filing::read(sample, matter)?;
        if matter == PAYROLL {
            make_due(&mut hand_in);
        }
        let named = Named::of(&hand_in, seed);
        let asked = json!({
            "subject": hand_in.subject,
            "filer": hand_in.filer,
            "region": hand_in.region,
            "purpose": "load",
        });
        let prefill = Template::new(&asked, &named);
        let ask = Ask::post(format!("/v1/matters/{matter}/prefill"), prefill.of(0)).by(platform);
        let answer = client.ask(ask).await.context("the host does not answer")?;
        ensure!(
            answer.status.is_success(),
            "the host answers {} to a prefill of {matter}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        let prefilled: Value = serde_json::from_slice(&answer.body)?;
        let values = prefilled["values"].as_array().into_iter().flatten();
        let known = values.map(|value| {
            let element = value["element"].as_str().unwrap_or_default();
            (element.to_owned(), value["value"].clone())
        });
        filing::fill(&mut hand_in, known)?;
        hand_in.form_digest = prefilled["form_digest"].as_str().map(str::to_owned);
        // Registers name the made-up ones that were asked for: in a template stand the sample's.
        let submission = named.restored(&serde_json::to_string(&hand_in)?, 0);
        let submission: Value = serde_json::from_str(&submission)?;
        Ok(Self {
            submission: Template::new(&submission, &named),
            prefill,
            submitted: 0,
        })
    }

    fn prefill(&self, matter: &str, number: u32) -> Ask {
        Ask::post(
            format!("/v1/matters/{matter}/prefill"),
            self.prefill.of(number),
        )
    }

    fn assess(&self, matter: &str, number: u32) -> Ask {
        Ask::post(
            format!("/v1/matters/{matter}/assess"),
            self.submission.of(number),
        )
    }

    fn submit(&mut self, matter: &str) -> Ask {
        let number = self.submitted;
        self.submitted = self.submitted.saturating_add(1);
        let mut ask = Ask::post(
            format!("/v1/matters/{matter}/cases"),
            self.submission.of(number),
        );
        ask.key = Some(format!("load-{number}-{}", now().timestamp_micros()));
        ask
    }
}

/// The coming month's payroll, unchanged: what the sample changes is about a month long gone.
fn make_due(hand_in: &mut HandIn) {
    let (_, month) = people::payroll_months(now());
    hand_in.answers = json!({ "payroll-month": month });
    hand_in.materials.clear();
}

#[cfg(test)]
mod tests {
    use super::Tokens;

    #[test]
    fn tokens_are_read_as_serve_tells_them() {
        let told = "wrote data/callers.toml with sample callers; their tokens:\n  platform   a1\n  personnel-331102   b2\n\n";
        let tokens = Tokens::parse(told).unwrap();
        assert_eq!(tokens.0["personnel-331102"], "Bearer b2");
        assert_eq!(tokens.0["platform"], "Bearer a1");
        assert_eq!(tokens.0.len(), 2);
        assert_eq!(Tokens::parse("a1\n").unwrap().0["platform"], "Bearer a1");
        let told = Tokens::parse("personnel-331102 b2").err().unwrap();
        assert!(told.to_string().contains("no token of a caller"), "{told}");
        assert!(Tokens::parse("platform a\u{7f}").is_err());
    }
}
