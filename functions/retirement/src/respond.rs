use crate::answers::Answers;
use onething_sdk::{Case, contract::{Directive, Event}};
pub fn respond(_case: &Case<'_, Answers>, _event: &Event) -> Vec<Directive> { Vec::new() }
