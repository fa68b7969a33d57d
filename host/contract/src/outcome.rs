//! How an outcome is written: `{"done": …}` or `{"refused": …}`. Histories are kept for ever and read
//! by others than Rust; in the component ABI an outcome stays a `result`.

use crate::{Json, Refusal};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An outcome as it is written.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Carried out: what came of it, JSON.
    Done(Json),
    /// Refused for good.
    Refused(Refusal),
}

struct Borrowed<'a>(&'a Result<Json, Refusal>);

impl Serialize for Borrowed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Ok(value) => serializer.serialize_newtype_variant("Outcome", 0, "done", value),
            Err(refusal) => serializer.serialize_newtype_variant("Outcome", 1, "refused", refusal),
        }
    }
}

impl From<Outcome> for Result<Json, Refusal> {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done(value) => Ok(value),
            Outcome::Refused(refusal) => Err(refusal),
        }
    }
}

pub(crate) fn serialize<S: Serializer>(
    outcome: &Result<Json, Refusal>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Borrowed(outcome).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Result<Json, Refusal>, D::Error> {
    Outcome::deserialize(deserializer).map(Into::into)
}

/// Of an effect that may not be carried out yet.
pub(crate) mod optional {
    use super::{Borrowed, Outcome};
    use crate::{Json, Refusal};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        outcome: &Option<Result<Json, Refusal>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        outcome.as_ref().map(Borrowed).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Result<Json, Refusal>>, D::Error> {
        Ok(Option::<Outcome>::deserialize(deserializer)?.map(Into::into))
    }
}

#[cfg(test)]
mod tests {
    use crate::{EffectKind, EffectState, Refusal, Settlement, Text};

    #[test]
    fn an_outcome_is_done_or_refused() {
        let refusal = Refusal {
            code: "no-key".into(),
            message: Text {
                zh: "无".into(),
                en: "no".into(),
            },
            basis: None,
        };
        let refused =
            r#"{"refused":{"code":"no-key","message":{"zh":"无","en":"no"},"basis":null}}"#;
        for (outcome, written) in [
            (Ok("{}".to_owned()), r#"{"done":"{}"}"#),
            (Err(refusal), refused),
        ] {
            let settlement = Settlement {
                ticket: "t".into(),
                outcome: outcome.clone(),
            };
            let json = format!(r#"{{"ticket":"t","outcome":{written}}}"#);
            assert_eq!(serde_json::to_string(&settlement).unwrap(), json);
            assert_eq!(
                serde_json::from_str::<Settlement>(&json).unwrap(),
                settlement
            );
            let effect = EffectState {
                ticket: "t".into(),
                kind: EffectKind::Seal,
                outcome: Some(outcome),
            };
            let json = format!(r#"{{"ticket":"t","kind":"seal","outcome":{written}}}"#);
            assert_eq!(serde_json::to_string(&effect).unwrap(), json);
            assert_eq!(serde_json::from_str::<EffectState>(&json).unwrap(), effect);
        }
        let pending = r#"{"ticket":"t","kind":"seal","outcome":null}"#;
        let effect: EffectState = serde_json::from_str(pending).unwrap();
        assert_eq!(serde_json::to_string(&effect).unwrap(), pending);
    }
}
