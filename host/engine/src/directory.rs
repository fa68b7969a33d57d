//! The directory at work: plans name an agency's function in a region, the directory says which
//! office that is, and who decides there.

use crate::asked::{Decide, NAME_CHARS_MAX, check_text};
use crate::engine::{Engine, stamp};
use crate::error::Error;
use chrono::{DateTime, FixedOffset, NaiveDate};
use onething_capabilities::{Directory, LiveDirectory};
use onething_case::State;
use onething_contract::{Directive, FILER, Office, Step};
use std::sync::Arc;

impl Engine {
    /// The same host with a directory; without one it takes offices as plans name them.
    #[must_use]
    pub fn with_directory(mut self, directory: LiveDirectory) -> Self {
        self.directory = directory;
        self
    }

    /// The directory as it is now.
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.current()
    }

    /// What an office is called at a time.
    pub fn office_name(&self, office: &Office, now: DateTime<FixedOffset>) -> Option<String> {
        let on = day(&stamp(now))?;
        self.directory().name(office, on).map(str::to_owned)
    }

    /// Whether a person decides a step for its office; another office is refused by the case.
    ///
    /// # Errors
    /// As [`Engine::may_decide`].
    pub(crate) fn may_decide_step(
        &self,
        state: &State,
        step: &str,
        asked: &Decide,
        person: &str,
        office: &Office,
        at: &str,
    ) -> Result<(), Error> {
        let other = asked.on_behalf_of.as_deref();
        match state.step(step) {
            Some(record) if record.office() == office => {
                self.may_decide(person, other, office, &record.step.role, at)
            }
            _ => Ok(()),
        }
    }

    /// Whether a person decides in a role of an office at a time, RFC 3339.
    ///
    /// # Errors
    /// Refused as [`Directory::may_decide`], and where a name is none; a filer's step is the filer's.
    pub fn may_decide(
        &self,
        person: &str,
        on_behalf_of: Option<&str>,
        office: &Office,
        role: &str,
        at: &str,
    ) -> Result<(), Error> {
        check_text("by", person, NAME_CHARS_MAX)?;
        if let Some(other) = on_behalf_of {
            check_text("on_behalf_of", other, NAME_CHARS_MAX)?;
        }
        match day(at) {
            Some(on) if office.function != FILER => self
                .directory()
                .may_decide(person, on_behalf_of, office, role, on)
                .map_err(Error::Refused),
            _ => Ok(()),
        }
    }
}

/// The steps with the offices that are competent for them at that time; where the directory knows
/// none, the planned one stays.
pub(crate) fn resolve<'a>(
    directory: &Directory,
    steps: impl IntoIterator<Item = &'a mut Step>,
    at: &str,
) {
    let Some(on) = day(at) else {
        return;
    };
    for step in steps {
        let Office { function, region } = &step.office;
        if let Some(office) = directory.competent(function, region, on) {
            step.office = office;
        }
    }
}

/// The steps that directives add.
pub(crate) fn added(directives: &mut [Directive]) -> impl Iterator<Item = &mut Step> {
    directives
        .iter_mut()
        .filter_map(|directive| match directive {
            Directive::AddStep(step) => Some(step),
            _ => None,
        })
}

/// The day of a point in time, as cases keep it.
pub(crate) fn day(at: &str) -> Option<NaiveDate> {
    at.get(..10)?.parse().ok()
}
