//! Publishing parameters apart from bundles: the bundles that rest on them are asked first.

use crate::drive::Drive;
use crate::engine::{Engine, stamp};
use crate::error::Error;
use chrono::{DateTime, FixedOffset, NaiveDate};
use onething_capabilities::{Addition, PublicationError};
use onething_contract::manifest::covers;
use onething_contract::{Finding, Severity};
use std::path::PathBuf;

/// What publishing a parameter comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Periods that are new, or end otherwise than was known.
    pub additions: Vec<Addition>,
    /// What the bundles say of them, each with the matter that says it.
    pub findings: Vec<(String, Finding)>,
}

impl Publication {
    /// Nobody has an error against it.
    pub fn is_good(&self) -> bool {
        let errors = |(_, finding): &(_, Finding)| finding.severity == Severity::Error;
        !self.findings.iter().any(errors)
    }
}

impl Engine {
    /// What publishing this text would come to, without publishing it.
    ///
    /// # Errors
    /// Where it is no parameter or would change what is in force, or a bundle fails.
    pub async fn check_publication(
        &self,
        name: &str,
        text: &str,
        region: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<Publication, Error> {
        let at = stamp(now);
        let today: NaiveDate = now.date_naive();
        let additions = self
            .parameters
            .additions(name, text, today)
            .map_err(refused)?;
        let mut findings = Vec::new();
        let bundles = self.bundles();
        for bundle in bundles.all_newest() {
            let manifest = bundle.manifest();
            let mut grants = manifest.grants.parameters.iter();
            if !bundle.checks_publications() || !grants.any(|grant| covers(grant, name)) {
                continue;
            }
            for addition in &additions {
                let region = match addition.region.len() {
                    6 => addition.region.as_str(),
                    _ => region,
                };
                let drive = self.drive(bundle.clone(), region);
                let (name, parameter, at) =
                    (name.to_owned(), addition.parameter.clone(), at.clone());
                let check = move |drive: Drive| drive.check(name, parameter, &at);
                let found = self.in_turn(drive, check).await??;
                let matter = &manifest.matter;
                findings.extend(found.into_iter().map(|finding| (matter.clone(), finding)));
            }
        }
        Ok(Publication {
            additions,
            findings,
        })
    }

    /// Publishes where nothing is wrong; the path is absent where something is.
    ///
    /// # Errors
    /// As [`Engine::check_publication`], and where it cannot be written.
    pub async fn publish(
        &self,
        name: &str,
        text: &str,
        region: &str,
        now: DateTime<FixedOffset>,
    ) -> Result<(Publication, Option<PathBuf>), Error> {
        let publication = self.check_publication(name, text, region, now).await?;
        if !publication.is_good() {
            return Ok((publication, None));
        }
        let path = self.parameters.write(name, text).map_err(refused)?;
        Ok((publication, Some(path)))
    }
}

fn refused(error: PublicationError) -> Error {
    let (code, zh) = match &error {
        PublicationError::Malformed(_) => ("not-a-parameter", "不是合格的参数文件"),
        PublicationError::InForce { .. } => ("in-force", "已生效的参数不能改动"),
        _ => ("not-published", "参数未能发布"),
    };
    Error::refused(code, format!("{zh}：{error}"), error.to_string())
}
