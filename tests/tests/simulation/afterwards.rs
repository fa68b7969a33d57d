//! What is taken back, and what comes after a case's end.

use crate::acts::{LIVES, office};
use crate::world::{World, Wrong};
use onething_case::State;
use onething_contract::StepStatus;

impl World {
    /// An office takes a decision back, mostly one that waits to take effect.
    pub async fn reopen(&mut self, state: &State) {
        let mark = self.mark();
        let steps = ["check", "north", "east", "west", "final"];
        let step = *self.rng.pick(&steps).unwrap();
        let mut steps = state.steps.iter();
        let waiting = steps.find(|record| record.status == StepStatus::Decided);
        let step = waiting
            .map_or(step, |record| record.step.id.as_str())
            .to_owned();
        let whose = state.step(&step).map(|record| record.office().clone());
        let whose = whose.unwrap_or_else(|| office("intake"));
        let (node, engine) = self.node();
        let (now, by, reason) = (self.now, format!("clerk-{step}"), format!("看错了 {mark}"));
        let work = engine.reopen(&state.id, &step, &by, &whose, &reason, now);
        self.call(node, &mark, &format!("reopen {} {step}", state.id), work)
            .await;
    }

    pub async fn rate(&mut self, state: &State) {
        let mark = self.mark();
        let (node, engine) = self.node();
        let (now, comment) = (self.now, format!("评价 {mark}"));
        let score = if self.sweeping {
            5
        } else {
            u8::try_from(self.rng.below(7)).unwrap()
        };
        let work = engine.rate(&state.id, score, "applicant", Some(comment), now);
        self.call(node, &mark, &format!("rate {} {score}", state.id), work)
            .await;
    }

    pub async fn repair(&mut self, state: &State) {
        let mark = self.mark();
        let whose = state.repair_task().map(|task| task.office.clone());
        let whose = whose.unwrap_or_else(|| office("intake"));
        let (node, engine) = self.node();
        let (now, text) = (self.now, format!("已整改 {mark}"));
        let work = engine.repair(&state.id, "clerk-repair", &whose, &text, now);
        self.call(node, &mark, &format!("repair {}", state.id), work)
            .await;
    }

    /// An appeal is a submission: it may be sent again.
    pub async fn appeal(&mut self, state: &State) -> Result<(), Wrong> {
        let mark = self.mark();
        let person = state.submission.subject.identifier.clone();
        let life = *self.rng.pick(&LIVES).unwrap();
        let hand_in = self.hand_in(&mark, &person, life);
        self.keep(mark, hand_in, Some(state.id.clone()));
        self.send(self.sent.len() - 1).await
    }
}
