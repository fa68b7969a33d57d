//! What callers ask: a submission and a decision as they come, and what is checked of them before
//! any bundle or case is asked.

use crate::error::Error;
use chrono::DateTime;
use onething_capabilities::Parameters;
use onething_case::State;
use onething_contract::manifest::Manifest;
use onething_contract::{
    Channel, Filer, Finding, Material, MaterialStatus, Party, Subject, Verdict,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters of a name, an identifier or a code.
pub(crate) const NAME_CHARS_MAX: usize = 100;
/// Characters of an opinion or a reason.
pub(crate) const TEXT_CHARS_MAX: usize = 4_000;
/// Parties, and materials.
const ITEMS_MAX: usize = 100;

/// What a platform hands in: once for a case, and once more per correction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HandIn {
    /// Whom the matter is about.
    pub subject: Subject,
    /// Who hands it in.
    pub filer: Filer,
    /// Those whose signature the matter needs.
    #[serde(default)]
    pub parties: Vec<Party>,
    /// Where it is handled, a GB/T 2260 code.
    pub region: String,
    /// How it comes in.
    #[serde(default = "online")]
    pub channel: Channel,
    /// The materials, by the codes of the manifest.
    #[serde(default)]
    pub materials: Vec<Material>,
    /// Element code to value.
    pub answers: Value,
    /// The digest of the form that was filled in, where the caller looked at one.
    #[serde(default)]
    pub form_digest: Option<String>,
}

fn online() -> Channel {
    Channel::Online
}

/// What an office says of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// The round that was looked at.
    pub round: u32,
    /// The version of the task that was looked at, where the caller looked.
    #[serde(default)]
    pub task_version: Option<u32>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, where it is not a plain yes.
    #[serde(default)]
    pub reasons: Vec<Finding>,
    /// In the office's own words.
    #[serde(default)]
    pub opinion: String,
    /// What an approval must carry.
    #[serde(default)]
    pub payload: Option<Value>,
    /// For whom a deputy decides (代办).
    #[serde(default)]
    pub on_behalf_of: Option<String>,
}

impl HandIn {
    /// Names are names and times are times, and there are not too many of them.
    fn check(&self) -> Result<(), Error> {
        if self.parties.len() > ITEMS_MAX || self.materials.len() > ITEMS_MAX {
            return Err(Error::refused(
                "too-many",
                format!("当事人和材料各不超过 {ITEMS_MAX} 项"),
                format!("at most {ITEMS_MAX} parties and {ITEMS_MAX} materials"),
            ));
        }
        check_text(
            "subject.identifier",
            &self.subject.identifier,
            NAME_CHARS_MAX,
        )?;
        check_text(
            "filer.person.identifier",
            &self.filer.person.identifier,
            NAME_CHARS_MAX,
        )?;
        if let Some(unit) = &self.filer.unit {
            check_text("filer.unit.identifier", &unit.identifier, NAME_CHARS_MAX)?;
        }
        for (index, party) in self.parties.iter().enumerate() {
            let mut earlier = self.parties.iter().take(index);
            if earlier.any(|other| (&other.subject, &other.role) == (&party.subject, &party.role)) {
                return Err(Error::refused(
                    "party-twice",
                    format!("当事人{}（{}）列了两次", party.name, party.role),
                    format!("the party {} ({}) is listed twice", party.name, party.role),
                ));
            }
            check_text("parties.name", &party.name, NAME_CHARS_MAX)?;
            check_text(
                "parties.subject.identifier",
                &party.subject.identifier,
                NAME_CHARS_MAX,
            )?;
            if let Some(signed_at) = &party.signed_at
                && DateTime::parse_from_rfc3339(signed_at).is_err()
            {
                return Err(Error::refused(
                    "signed-at",
                    "签名时间应形如 2025-01-06T09:00:00+08:00",
                    "parties.signed_at must be like 2025-01-06T09:00:00+08:00",
                ));
            }
        }
        for (index, material) in self.materials.iter().enumerate() {
            check_text("materials.code", &material.code, NAME_CHARS_MAX)?;
            let earlier = self.materials.iter().take(index);
            if earlier
                .into_iter()
                .any(|earlier| earlier.code == material.code)
            {
                return Err(Error::refused(
                    "material-twice",
                    format!("材料 {} 列了两次", material.code),
                    format!("material {} is listed twice", material.code),
                ));
            }
        }
        Ok(())
    }

    /// As the bundle sees it: the first round, or the next one of the case `before`. A correction
    /// does not move the day of filing, on which rights may depend.
    ///
    /// # Errors
    /// Where another form was filled in than the bundle's, or a member is not what it must be.
    pub fn submission(
        &self,
        manifest: &Manifest,
        before: Option<&State>,
        at: &str,
    ) -> Result<onething_contract::Submission, Error> {
        let digest = &manifest.merged_form.digest;
        if self
            .form_digest
            .as_ref()
            .is_some_and(|given| given != digest)
        {
            return Err(Error::refused(
                "form-out-of-date",
                "填写的表单不是现行版本，请重新获取表单",
                "another version of the form was filled in; get the form again",
            ));
        }
        self.check()?;
        if self.region.len() != 6 || !self.region.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::refused(
                "region",
                "办理地区应为 6 位行政区划代码，如 331102",
                "the region must be a GB/T 2260 code of six digits, 331102",
            ));
        }
        Ok(onething_contract::Submission {
            subject: self.subject.clone(),
            filer: self.filer.clone(),
            parties: self.parties.clone(),
            region: self.region.clone(),
            channel: self.channel,
            filed_at: before.map_or(at, |case| &case.registered_at).to_owned(),
            round: before.map_or(0, |case| case.round() + 1),
            form_digest: digest.clone(),
            materials: self.materials.clone(),
        })
    }
}

/// A promised material is proved as the manifest allows, and not by another promise.
pub(crate) fn check_proof(manifest: &Manifest, material: &Material) -> Result<(), Error> {
    let kind = match &material.status {
        MaterialStatus::Supplied(_) => return Ok(()),
        MaterialStatus::Licence(_) => "licence",
        MaterialStatus::Shared(_) => "shared",
        MaterialStatus::Promised(_) => "promised",
        MaterialStatus::Committed => "committed",
        MaterialStatus::NotApplicable => "not-applicable",
    };
    let rule = manifest
        .materials
        .iter()
        .find(|rule| rule.code == material.code);
    if kind != "promised"
        && rule.is_some_and(|rule| rule.accepts.iter().any(|accepted| accepted == kind))
    {
        return Ok(());
    }
    Err(Error::refused(
        "proof-not-accepted",
        format!("材料 {} 不能以 {kind} 方式提供，请上传文件", material.code),
        format!(
            "material {} is not proved by `{kind}`; hand in the file",
            material.code
        ),
    ))
}

/// A public notice runs to its end whatever is objected, and whoever overrules an objection says why.
///
/// # Errors
/// Refused before the period is over, or without an opinion.
pub fn check_notice(
    state: &State,
    step: &str,
    asked: &Decide,
    at: &str,
    parameters: &Parameters,
) -> Result<(), Error> {
    let passes = matches!(
        asked.verdict,
        Verdict::Approve | Verdict::NoObjection | Verdict::Hold
    );
    let mut notices = state.notices();
    let Some(notice) = notices.find(|running| passes && running.step.step.id == step) else {
        return Ok(());
    };
    let region = &notice.step.office().region;
    let due = crate::rows::due(notice.opened_at, notice.notice.days, region, parameters);
    if due.as_ref().is_none_or(|due| at < due.as_str()) {
        let due = due.unwrap_or_else(|| "?".to_owned());
        return Err(Error::refused(
            "notice-running",
            format!("环节{step}正在公示，{due}期满；期满前不能通过或者暂缓"),
            format!("step {step} is a public notice until {due}; it is not passed or held before"),
        ));
    }
    if notice.objected && asked.opinion.trim().is_empty() {
        return Err(Error::refused(
            "opinion-missing",
            "公示有异议的，通过时应写明核实情况",
            "somebody has objected: passing it needs an opinion that says what was found",
        ));
    }
    Ok(())
}

impl Decide {
    /// The words of a decision are words.
    pub(crate) fn check(&self, by: &str) -> Result<(), Error> {
        check_text("by", by, NAME_CHARS_MAX)?;
        if !self.opinion.is_empty() {
            check_text("opinion", &self.opinion, TEXT_CHARS_MAX)?;
        }
        for reason in &self.reasons {
            check_text("reasons.message", &reason.message.zh, TEXT_CHARS_MAX)?;
        }
        Ok(())
    }
}

/// No text of what came from outside has U+0000, wherever it stands: PostgreSQL keeps none, and what one
/// store refuses the other does not take either.
pub(crate) fn check_storable(asked: &impl Serialize) -> Result<(), Error> {
    match serde_json::to_value(asked) {
        Ok(value) if !has_nul(&value) => Ok(()),
        _ => Err(Error::refused(
            "text",
            "文本中有空字符（U+0000），请去掉后重试",
            "a text has the character U+0000: take it out",
        )),
    }
}

/// JSON within a text counts, since it becomes text later.
fn has_nul(value: &Value) -> bool {
    let within = |text: &str| {
        text.contains("\\u0000") && serde_json::from_str(text).is_ok_and(|inner| has_nul(&inner))
    };
    match value {
        Value::String(text) => text.contains('\0') || within(text),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// A text that is there, not too long, and can be printed.
pub(crate) fn check_text(member: &str, text: &str, chars_max: usize) -> Result<(), Error> {
    let printable = |letter: char| !letter.is_control() || letter == '\n';
    if !text.trim().is_empty() && text.chars().count() <= chars_max && text.chars().all(printable) {
        return Ok(());
    }
    Err(Error::refused(
        "text",
        format!("{member} 应为 1 至 {chars_max} 字的文本，不含控制字符"),
        format!(
            "{member} must be a text of 1 to {chars_max} characters without control characters"
        ),
    ))
}
