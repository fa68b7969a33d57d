//! What a matter may do besides: reach out to those it is for, and check what is published for it.

use crate::contract::{Finding, Offer, Subject};
use crate::facts::Facts;
use crate::glue::{Exported, Host, date, tell_panics};
use crate::outreach_bindings::exports::onething::matter::outreach;
use crate::publication_bindings::exports::onething::matter::publication;
use crate::values::Json;
use chrono::NaiveDate;

/// A matter that tells people what they are entitled to before they ask (政策找人).
pub trait Outreach {
    /// The offers of a batch of subjects, in their order; of `codes`, where there are any. The facts
    /// are as of the day asked about.
    fn reach(subjects: &[Subject], codes: &[String], facts: &Facts<'_>) -> Vec<Offer>;
}

impl<M: Outreach> outreach::Guest for Exported<M> {
    fn reach(subjects: Vec<Subject>, codes: Vec<String>, on: String) -> Vec<Offer> {
        tell_panics();
        M::reach(&subjects, &codes, &Facts::new(date(&on), &Host::default()))
    }
}

/// A matter that checks the parameters published for it.
pub trait Publication {
    /// What is wrong with a value that shall be in force from `since`. The facts are as of that day.
    fn check(
        name: &str,
        value: &Json,
        since: NaiveDate,
        until: Option<NaiveDate>,
        facts: &Facts<'_>,
    ) -> Vec<Finding>;
}

impl<M: Publication> publication::Guest for Exported<M> {
    fn check(name: String, value: String, since: String, until: Option<String>) -> Vec<Finding> {
        tell_panics();
        // The host hands over JSON; anything else is no value.
        let value = serde_json::from_str(&value).unwrap_or_default();
        let since = date(&since);
        let until = until.as_deref().map(date);
        M::check(
            &name,
            &value,
            since,
            until,
            &Facts::new(since, &Host::default()),
        )
    }
}
