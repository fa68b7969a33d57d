//! Who may call, and what each may do: a TOML file of callers, each known by the SHA-256 of a bearer
//! token. Every question of permission is answered here.
//!
//! The file never holds a token and nothing here prints one. It knows no routes and no sessions; a
//! caller is taken off or changed by editing the file and starting again.

use crate::limits::{CALLER_REQUESTS_MAX, CALLER_STREAMS_MAX};
use crate::problem::Problem;
use axum::http::StatusCode;
use onething_case::State;
use onething_contract::{Filer, Office};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A token's random part.
const TOKEN_BYTES: usize = 32;

/// What a caller is here for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// Hands in for anybody, and follows what it handed in.
    Platform,
    /// Hands in for its own unit.
    Clerk,
    /// Decides for its own office.
    Officer,
    /// Sees every case and lets parked ones go on; decides nothing.
    Operator,
    /// Deploys bundles and takes them back.
    Reformer,
    /// Reads matters and forms.
    Tester,
}

/// Everyone who may call. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct Callers {
    known: Arc<[Known]>,
}

/// A first file of callers and the tokens that go with it.
pub struct Sample {
    /// The text of the file; it holds no token.
    pub file: String,
    /// Name and token, to be told once.
    pub tokens: Vec<(String, String)>,
}

/// A caller in one request. It holds one of the caller's places until the request is answered.
#[derive(Debug)]
pub(crate) struct Caller {
    entry: Arc<Entry>,
    streams: Arc<Semaphore>,
    _place: OwnedSemaphorePermit,
}

/// Why nobody can be let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallersError {
    /// The file cannot be read.
    #[error("cannot read the callers in {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML of callers.
    #[error("{} is not a file of callers", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// An entry contradicts itself or another one.
    #[error("{}: caller `{name}` {wrong}", path.display())]
    Entry {
        /// Which file.
        path: PathBuf,
        /// The caller's name.
        name: String,
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// The system gives no random bytes for tokens.
    #[error("cannot make a token")]
    Random(#[source] getrandom::Error),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    caller: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Entry {
    name: String,
    token_sha256: String,
    /// Who stands behind it: what a decision names.
    person: String,
    /// A clerk's unit, by its social credit code.
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    office: Option<Office>,
    roles: BTreeSet<Role>,
}

#[derive(Debug)]
struct Known {
    entry: Arc<Entry>,
    token_sha256: [u8; 32],
    places: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Callers {
    /// Reads the file of callers.
    ///
    /// # Errors
    /// When it is not one, or an entry contradicts itself or another.
    pub fn load(path: &Path) -> Result<Self, CallersError> {
        let text = std::fs::read_to_string(path).map_err(|source| CallersError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// A first file for trying things out: a platform, an operator, a reformer, a tester, the clerk of a made-up
    /// unit, and an officer for each office function in the region.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn sample<'a>(
        region: &str,
        functions: impl IntoIterator<Item = &'a str>,
    ) -> Result<Sample, CallersError> {
        let mut sample = Sample {
            file: String::from(
                "# Who may call. A token is kept by whoever calls; here stands its SHA-256:\n\
                 #   printf %s \"$TOKEN\" | sha256sum\n",
            ),
            tokens: Vec::new(),
        };
        sample.add("platform", "platform", "")?;
        sample.add("operator", "operator", "")?;
        sample.add("reformer", "reformer", "")?;
        sample.add("tester", "tester", "")?;
        sample.add("clerk", "clerk", "unit = \"1233110000264001XG\"\n")?;
        for function in functions.into_iter().collect::<BTreeSet<_>>() {
            let office = format!("office = {{ function = {function:?}, region = {region:?} }}\n");
            sample.add(&format!("{function}-{region}"), "officer", &office)?;
        }
        Ok(sample)
    }

    /// The caller of a token, in one of its places.
    pub(crate) fn enter(&self, token: &str) -> Result<Caller, Problem> {
        let presented: [u8; 32] = Sha256::digest(token).into();
        // Every entry is compared in full: how long it takes says nothing of what is near.
        let mut found = None;
        for known in self.known.iter() {
            if is_same(&known.token_sha256, &presented) {
                found = Some(known);
            }
        }
        let known = found.ok_or_else(Problem::unauthenticated)?;
        match known.places.clone().try_acquire_owned() {
            Ok(place) => Ok(Caller {
                entry: known.entry.clone(),
                streams: known.streams.clone(),
                _place: place,
            }),
            Err(_) => Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-requests",
                format!("同一调用方同时最多 {CALLER_REQUESTS_MAX} 个请求，请稍后重试"),
                format!("a caller has at most {CALLER_REQUESTS_MAX} requests under way; try again"),
            )),
        }
    }

    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, CallersError> {
        let file: File = toml::from_str(text).map_err(|source| CallersError::Syntax {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let mut known: Vec<Known> = Vec::new();
        for entry in file.caller {
            let token_sha256 =
                token_sha256(&entry, &known).map_err(|wrong| CallersError::Entry {
                    path: path.to_owned(),
                    name: entry.name.clone(),
                    wrong,
                })?;
            known.push(Known {
                entry: Arc::new(entry),
                token_sha256,
                places: Arc::new(Semaphore::new(CALLER_REQUESTS_MAX)),
                streams: Arc::new(Semaphore::new(CALLER_STREAMS_MAX)),
            });
        }
        Ok(Self {
            known: known.into(),
        })
    }
}

impl Caller {
    /// What cases and idempotency keys know it by.
    pub(crate) fn name(&self) -> &str {
        &self.entry.name
    }

    /// For a stream, which goes on after the request: it takes a place of another kind.
    pub(crate) fn following(mut self) -> Result<Self, Problem> {
        let place = self.streams.clone().try_acquire_owned();
        self._place = place.map_err(|_| {
            Problem::full(
                "too-many-streams",
                format!("同一调用方同时最多跟踪 {CALLER_STREAMS_MAX} 个办件，请稍后重试"),
                format!("a caller follows at most {CALLER_STREAMS_MAX} cases at a time; try again"),
            )
        })?;
        Ok(self)
    }

    /// Who stands behind it.
    pub(crate) fn person(&self) -> &str {
        &self.entry.person
    }

    pub(crate) fn has(&self, role: Role) -> bool {
        self.entry.roles.contains(&role)
    }

    /// Lets in whoever has one of the roles.
    pub(crate) fn must_be(&self, any: &[Role]) -> Result<(), Problem> {
        if any.iter().any(|role| self.has(*role)) {
            return Ok(());
        }
        let roles: Vec<&str> = any.iter().map(|role| role.as_str()).collect();
        let roles = roles.join(", ");
        Err(Problem::forbidden(
            "role-needed",
            format!("此操作需要以下角色之一：{roles}"),
            format!("this needs one of the roles: {roles}"),
        ))
    }

    /// A platform hands in for anybody, a clerk for its own unit.
    pub(crate) fn must_file_for(&self, filer: &Filer) -> Result<(), Problem> {
        self.must_be(&[Role::Platform, Role::Clerk])?;
        let unit = filer.unit.as_ref().map(|unit| unit.identifier.as_str());
        if self.has(Role::Platform) || unit == self.entry.unit.as_deref() {
            return Ok(());
        }
        Err(Problem::forbidden(
            "other-unit",
            "经办人只能为本单位申报，请核对 filer.unit",
            "a clerk hands in for its own unit only; look at filer.unit",
        ))
    }

    /// The office that an officer decides for.
    pub(crate) fn office(&self) -> Result<&Office, Problem> {
        self.must_be(&[Role::Officer])?;
        // An officer without an office does not get past `Callers::parse`.
        self.entry.office.as_ref().ok_or_else(Problem::internal)
    }

    /// Whoever handed a case in, the officers of its steps and operators see it.
    pub(crate) fn sees(&self, case: &State) -> bool {
        let mine = |office: &Office| self.entry.office.as_ref() == Some(office);
        self.has(Role::Operator)
            || case.submitted_by == self.entry.name
            || (self.has(Role::Officer)
                && case
                    .plan()
                    .any(|record| mine(&record.step.office) || mine(record.office())))
    }

    /// What only the filer's side does: correct, supply, withdraw, rate.
    pub(crate) fn must_have_filed(&self, case: &State) -> Result<(), Problem> {
        self.must_be(&[Role::Platform, Role::Clerk])?;
        if case.submitted_by == self.entry.name {
            return Ok(());
        }
        Err(Problem::forbidden(
            "not-the-filer",
            "只有申报该办件的调用方可以进行此操作",
            "only the caller that handed the case in can do this",
        ))
    }
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Role::Platform => "platform",
            Role::Clerk => "clerk",
            Role::Officer => "officer",
            Role::Operator => "operator",
            Role::Reformer => "reformer",
            Role::Tester => "tester",
        }
    }
}

impl Sample {
    fn add(&mut self, name: &str, role: &str, more: &str) -> Result<(), CallersError> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(CallersError::Random)?;
        let token = hex::encode(bytes);
        let sha256 = hex::encode(Sha256::digest(&token));
        // Writing to a string cannot fail.
        let _ = write!(
            self.file,
            "\n[[caller]]\nname = {name:?}\ntoken-sha256 = \"{sha256}\"\nperson = {name:?}\nroles = [\"{role}\"]\n{more}"
        );
        self.tokens.push((name.to_owned(), token));
        Ok(())
    }
}

/// The hash of an entry that agrees with itself and with those before it.
fn token_sha256(entry: &Entry, known: &[Known]) -> Result<[u8; 32], &'static str> {
    let mut token_sha256 = [0; 32];
    hex::decode_to_slice(&entry.token_sha256, &mut token_sha256)
        .map_err(|_| "needs a `token-sha256` of 64 hex digits")?;
    if entry.name.is_empty() || entry.person.is_empty() {
        Err("needs a `name` and a `person`")
    } else if known.iter().any(|other| other.entry.name == entry.name) {
        Err("is there twice")
    } else if known.iter().any(|other| other.token_sha256 == token_sha256) {
        Err("has the token of another")
    } else if entry.roles.is_empty() {
        Err("needs at least one of the `roles`")
    } else if entry.roles.contains(&Role::Officer) && entry.office.is_none() {
        Err("is an officer and needs an `office`")
    } else if entry.roles.contains(&Role::Clerk) && entry.unit.is_none() {
        Err("is a clerk and needs a `unit`")
    } else {
        Ok(token_sha256)
    }
}

/// In the same time whatever the two are.
fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let differing = one.iter().zip(other).fold(0, |bits, (a, b)| bits | (a ^ b));
    std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(entries: &str) -> String {
        match Callers::parse(entries, Path::new("callers.toml")) {
            Ok(_) => String::new(),
            Err(CallersError::Syntax { source, .. }) => source.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_sample_is_a_file_that_lets_in_exactly_its_tokens() {
        let sample = Callers::sample("331102", ["personnel", "housing-fund", "personnel"]).unwrap();
        let callers = Callers::parse(&sample.file, Path::new("callers.toml")).unwrap();
        assert_eq!(sample.tokens.len(), 7);
        for (name, token) in &sample.tokens {
            assert_eq!(callers.enter(token).unwrap().name(), name);
            assert!(!sample.file.contains(token.as_str()));
            assert!(callers.enter(&token[1..]).is_err());
        }
        assert!(callers.enter("").is_err());
    }

    #[test]
    fn a_caller_has_so_many_places_and_gets_them_back() {
        let sample = Callers::sample("331102", []).unwrap();
        let callers = Callers::parse(&sample.file, Path::new("callers.toml")).unwrap();
        let token = &sample.tokens[0].1;
        let inside: Vec<Caller> = (0..CALLER_REQUESTS_MAX)
            .map(|_| callers.enter(token).unwrap())
            .collect();
        assert_eq!(callers.enter(token).unwrap_err().status(), 429);
        drop(inside);
        assert!(callers.enter(token).is_ok());
    }

    #[test]
    fn entries_that_contradict_themselves_are_named() {
        let entry = |name: &str, hash: &str, rest: &str| {
            format!(
                "[[caller]]\nname = \"{name}\"\nperson = \"p\"\ntoken-sha256 = \"{hash}\"\n{rest}\n"
            )
        };
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let operator = "roles = [\"operator\"]";
        let token = "roles = [\"operator\"]\ntoken = \"t\"";
        for (file, expected) in [
            (entry("x", "abc", operator), "64 hex digits"),
            (entry("x", &a, "roles = []"), "at least one of the `roles`"),
            (entry("x", &a, "roles = [\"officer\"]"), "needs an `office`"),
            (entry("x", &a, "roles = [\"clerk\"]"), "needs a `unit`"),
            (
                entry("x", &a, "roles = [\"king\"]"),
                "unknown variant `king`",
            ),
            (entry("x", &a, token), "unknown field `token`"),
            (entry("", &a, operator), "needs a `name`"),
            (
                entry("x", &a, operator) + &entry("x", &b, operator),
                "is there twice",
            ),
            (
                entry("x", &a, operator) + &entry("y", &a, operator),
                "token of another",
            ),
            (entry("x", &a, operator) + &entry("y", &b, operator), ""),
        ] {
            let told = wrong(&file);
            assert!(told.contains(expected), "{file}\n{told}");
            assert_eq!(told.is_empty(), expected.is_empty(), "{file}\n{told}");
        }
    }
}
