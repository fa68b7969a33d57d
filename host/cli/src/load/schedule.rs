//! What arrives when: a Poisson process whose rate follows a profile. The same seed plans the same
//! arrivals and the same requests.

use super::profile::{Profile, Slot};
use super::seeded::Seeded;
use serde::Serialize;
use std::time::Duration;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A platform reads the guide of a matter.
    Guide,
    /// A platform reads the form of a matter.
    Form,
    /// A platform looks how a case of its own stands.
    Case,
    /// A platform has the form filled in from registers.
    Prefill,
    /// A platform asks what would be found of a submission.
    Assess,
    /// A platform hands in, for somebody new each time.
    Submit,
    /// An office looks at its tasks.
    Inbox,
    /// An office decides a step that is open.
    Decide,
    /// A platform follows a case of its own until it ends.
    Follow,
    /// A unit asks what would be found of its payroll.
    PayrollAssess,
    /// A unit hands in its payroll, another one each time.
    PayrollSubmit,
}

/// Of everything but payrolls. A retirement has eight decisions, so for each submission there are a few
/// more than eight; where nothing is open an office looks at its tasks.
const MIX: [(Kind, u32); 9] = [
    (Kind::Guide, 5),
    (Kind::Form, 7),
    (Kind::Case, 12),
    (Kind::Prefill, 8),
    (Kind::Assess, 12),
    (Kind::Submit, 4),
    (Kind::Inbox, 10),
    (Kind::Decide, 38),
    (Kind::Follow, 4),
];
/// Of payrolls: whoever hands one in has it assessed twice before.
const PAYROLL_MIX: [(Kind, u32); 2] = [(Kind::PayrollAssess, 2), (Kind::PayrollSubmit, 1)];
/// What a function app is asked.
const FUNCTION_MIX: [(Kind, u32); 1] = [(Kind::Assess, 1)];

/// Who is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// The whole API of a host.
    Api,
    /// A function app.
    Function,
}

/// A run as it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub loaded: Loaded,
    pub length: Duration,
    /// Mean arrivals a second.
    pub rate: u32,
    pub profile: Profile,
    pub seed: u64,
}

/// A request that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Since the beginning of the run.
    pub due: Duration,
    pub kind: Kind,
    /// Chance for whom or what it is about.
    pub draw: u32,
}

/// The arrivals of a plan, in their order.
pub struct Arrivals {
    plan: Plan,
    seeded: Seeded,
    slots: &'static [Slot],
    /// The piece of the time that it is in.
    slot: usize,
    /// Seconds since the beginning.
    at: f64,
    /// Seconds that a piece takes.
    slot_length: f64,
    /// Arrivals a second for each unit of weight.
    per_weight: f64,
}

impl Plan {
    /// Everything that arrives.
    pub fn arrivals(&self) -> Arrivals {
        let slots = self.profile.slots();
        let weights: f64 = slots.iter().map(|slot| f64::from(slot.weight())).sum();
        let count = slots.iter().map(|_| 1.0).sum::<f64>();
        Arrivals {
            plan: *self,
            seeded: Seeded::new(self.seed),
            slots,
            slot: 0,
            at: 0.0,
            slot_length: self.length.as_secs_f64() / count,
            per_weight: f64::from(self.rate) * count / weights,
        }
    }

    /// How many of a kind are to be expected of an API, rounded up, at most `max`: for what must be
    /// made ready for each.
    pub fn expected(&self, kind: Kind, max: u32) -> u32 {
        let share = |mix: &[(Kind, u32)]| {
            let of = |is: fn(Kind, Kind) -> bool| {
                let weights = mix.iter().filter(|(one, _)| is(*one, kind));
                f64::from(weights.map(|(_, weight)| weight).sum::<u32>())
            };
            of(|one, kind| one == kind) / of(|_, _| true)
        };
        let arrivals = self.arrivals();
        let each = arrivals.per_weight * arrivals.slot_length;
        let (other, payroll) = (share(&MIX), share(&PAYROLL_MIX));
        let expected: f64 = self
            .profile
            .slots()
            .iter()
            .map(|slot| f64::from(slot.others) * other + f64::from(slot.payroll) * payroll)
            .sum::<f64>()
            * each;
        // Whole numbers up to a bound, without a cast.
        (0..max)
            .find(|count| f64::from(*count) >= expected)
            .unwrap_or(max)
    }
}

impl Iterator for Arrivals {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let mut wait = self.seeded.wait();
        let slot = loop {
            let slot = self.slots.get(self.slot)?;
            let end = self.slots[..=self.slot]
                .iter()
                .map(|_| self.slot_length)
                .sum::<f64>();
            let rate = f64::from(slot.weight()) * self.per_weight;
            let room = rate * (end - self.at);
            if wait < room {
                self.at += wait / rate;
                break *slot;
            }
            wait -= room.max(0.0);
            self.at = end;
            self.slot += 1;
        };
        let kind = self.kind(slot);
        Some(Arrival {
            due: Duration::from_secs_f64(self.at),
            kind,
            draw: self.seeded.word(),
        })
    }
}

impl Arrivals {
    fn kind(&mut self, slot: Slot) -> Kind {
        let mix: &[(Kind, u32)] = match self.plan.loaded {
            Loaded::Function => &FUNCTION_MIX,
            Loaded::Api => match self.seeded.one_of([slot.others, slot.payroll].into_iter()) {
                0 => &MIX,
                _ => &PAYROLL_MIX,
            },
        };
        mix[self.seeded.one_of(mix.iter().map(|(_, weight)| *weight))].0
    }
}

impl Kind {
    /// As it is told.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Guide => "guide",
            Kind::Form => "form",
            Kind::Case => "case",
            Kind::Prefill => "prefill",
            Kind::Assess => "assess",
            Kind::Submit => "submit",
            Kind::Inbox => "inbox",
            Kind::Decide => "decide",
            Kind::Follow => "follow",
            Kind::PayrollAssess => "payroll-assess",
            Kind::PayrollSubmit => "payroll-submit",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(profile: Profile) -> Plan {
        Plan {
            loaded: Loaded::Api,
            length: Duration::from_secs(600),
            rate: 50,
            profile,
            seed: 1,
        }
    }

    #[test]
    fn the_same_seed_plans_the_same() {
        for profile in [Profile::Steady, Profile::Day, Profile::Month] {
            let plan = plan(profile);
            let planned: Vec<_> = plan.arrivals().collect();
            assert_eq!(planned, plan.arrivals().collect::<Vec<_>>());
            let other = Plan { seed: 2, ..plan };
            assert_ne!(planned, other.arrivals().collect::<Vec<_>>());
            assert!(planned.is_sorted_by_key(|arrival| arrival.due));
            assert!(planned.iter().all(|arrival| arrival.due < plan.length));
        }
    }

    /// Within four standard deviations of what is to be expected, which for these seeds is so for ever.
    #[track_caller]
    fn about(found: usize, expected: f64) {
        let found = f64::from(u32::try_from(found).unwrap());
        assert!(
            (found - expected).abs() <= 4.0 * expected.sqrt() + 1.0,
            "{found} where {expected} is expected"
        );
    }

    #[test]
    fn arrivals_follow_the_profile_and_the_mix() {
        for profile in [Profile::Steady, Profile::Day, Profile::Month] {
            let plan = plan(profile);
            let planned: Vec<_> = plan.arrivals().collect();
            about(planned.len(), 30_000.0);
            let arrivals = plan.arrivals();
            let mut from = 0.0;
            for slot in profile.slots() {
                let within = |due: &Duration| {
                    let due = due.as_secs_f64();
                    from <= due && due < from + arrivals.slot_length
                };
                let found = planned.iter().filter(|one| within(&one.due));
                let is_payroll = |kind| matches!(kind, Kind::PayrollAssess | Kind::PayrollSubmit);
                let (payroll, others) =
                    found.partition::<Vec<&Arrival>, _>(|one| is_payroll(one.kind));
                let each = arrivals.per_weight * arrivals.slot_length;
                about(others.len(), f64::from(slot.others) * each);
                about(payroll.len(), f64::from(slot.payroll) * each);
                from += arrivals.slot_length;
            }
        }
    }

    #[test]
    fn every_kind_comes_as_often_as_the_mix_says() {
        let plan = plan(Profile::Steady);
        let planned: Vec<_> = plan.arrivals().collect();
        for (kind, weight) in MIX {
            let found = planned.iter().filter(|one| one.kind == kind).count();
            about(found, f64::from(weight) * 300.0);
        }
        assert_eq!(plan.expected(Kind::Submit, 10_000), 1_200);
        assert_eq!(plan.expected(Kind::Submit, 100), 100);
        assert_eq!(plan.expected(Kind::PayrollSubmit, 100), 0);
        let function = Plan {
            loaded: Loaded::Function,
            ..plan
        };
        assert!(function.arrivals().all(|one| one.kind == Kind::Assess));
    }
}
