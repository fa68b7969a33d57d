//! Bundles in instances that stay, as engines that reuse theirs run them: nothing that one invocation
//! leaves may be found by the next.

use onething_engine::{Executor, Unavailable};
use onething_runtime::{Bundle, Call, Inputs, Instance, Run};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// One instance a bundle, for as long as it does not fail.
#[derive(Default)]
pub(crate) struct Warm(Mutex<BTreeMap<String, Instance>>);

impl Executor for Warm {
    fn run(&self, bundle: &Bundle, call: &Call, inputs: Inputs) -> Result<Run, Unavailable> {
        let mut instances = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let instance = match instances.remove(bundle.digest()) {
            Some(instance) => Ok(instance),
            None => bundle.instantiate().map(|mut instance| {
                // So that the first one counts as well.
                let _ = instance.call(call, inputs.clone());
                instance
            }),
        };
        let Ok(mut instance) = instance else {
            // It fails as it would anywhere, by its own name.
            return Ok(bundle.invoke(call, inputs));
        };
        let run = instance.call(call, inputs);
        if run.outcome.is_ok() {
            instances.insert(bundle.digest().to_owned(), instance);
        }
        Ok(run)
    }
}
