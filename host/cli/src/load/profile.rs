//! How the rate of arrivals goes over the time of a run, as data. Shapes are assumed from how offices
//! work, none is measured; only the proportions within a table count.

/// The shape of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// The same rate all the time.
    Steady,
    /// The 24 hours of a working day.
    Day,
    /// The 30 days of a month, the first a Monday.
    Month,
}

/// A piece of the time, as long as every other.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// The weight of everything but payrolls.
    pub others: u32,
    /// The weight of payrolls (工资统发).
    pub payroll: u32,
}

const STEADY: [Slot; 1] = [others(1)];

/// A working day, by the hour. Service halls and offices are open 8:30 to 12:00 and 14:00 to 17:30:
/// a peak in the middle of each half, a dip at noon, some online in the evening, next to nothing by
/// night.
const DAY: [Slot; 24] = [
    others(1),
    others(1),
    others(0),
    others(0),
    others(0),
    others(1),
    others(3),
    others(10),
    others(55), // 8:00, doors open at half past
    others(100),
    others(95),
    others(60),
    others(15), // 12:00, lunch
    others(25),
    others(75), // 14:00
    others(90),
    others(80),
    others(40), // 17:00, doors close at half past
    others(12),
    others(8),
    others(8),
    others(6),
    others(3),
    others(2),
];

/// A month, by the day. Other matters are as many on every working day; units hand in the coming
/// month's payroll at the end of this one, most on its last two working days.
const MONTH: [Slot; 30] = [
    slot(40, 1), // a Monday
    slot(40, 1),
    slot(40, 1),
    slot(40, 0),
    slot(40, 0),
    slot(2, 0), // a Saturday
    slot(2, 0),
    slot(40, 0),
    slot(40, 0),
    slot(40, 0),
    slot(40, 0),
    slot(40, 0),
    slot(2, 0),
    slot(2, 0),
    slot(40, 0),
    slot(40, 0),
    slot(40, 1),
    slot(40, 1),
    slot(40, 2),
    slot(2, 0),
    slot(2, 0),
    slot(40, 3),
    slot(40, 5),
    slot(40, 8),
    slot(40, 14),
    slot(40, 26),
    slot(2, 2),
    slot(2, 2),
    slot(40, 60), // the last Monday
    slot(40, 75),
];

const fn others(others: u32) -> Slot {
    slot(others, 0)
}

const fn slot(others: u32, payroll: u32) -> Slot {
    Slot { others, payroll }
}

impl Profile {
    /// The pieces of the time.
    pub fn slots(self) -> &'static [Slot] {
        match self {
            Profile::Steady => &STEADY,
            Profile::Day => &DAY,
            Profile::Month => &MONTH,
        }
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Steady => "steady",
            Profile::Day => "day",
            Profile::Month => "month",
        }
    }
}

impl Slot {
    /// Of everything.
    pub fn weight(self) -> u32 {
        self.others + self.payroll
    }
}
