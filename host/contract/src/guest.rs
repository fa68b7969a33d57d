//! What wit-bindgen expects of the records of a component, where a component takes these instead of
//! having its own written: the names of `wit/`, and enums from their numbers.

pub use crate::*;

/// A calendar date, `2026-03-02`.
pub type Date = String;
/// A point in time with its offset (RFC 3339).
pub type Datetime = String;

/// Every variant of each enum in the order of the WIT, which is its number in the component ABI.
macro_rules! enums {
    ($($name:ident: $($variant:ident)+;)+) => {$(
        impl $name {
            const ALL: &[Self] = &[$(Self::$variant),+];

            /// From its number; the engine lets no other through.
            #[doc(hidden)]
            #[must_use]
            pub fn _lift(number: u8) -> Self {
                // A variant that the list lacks does not compile.
                match Self::ALL.get(usize::from(number)).unwrap_or(&Self::ALL[0]) {
                    $(Self::$variant => Self::$variant,)+
                }
            }
        }
    )+
    #[cfg(test)]
    mod tests {
        use super::*;

        /// The numbers are those of the declarations, which the runtime holds against the WIT.
        #[test]
        fn enums_are_numbered_as_they_are_declared() {
            $(for (number, value) in (0..).zip($name::ALL) {
                assert_eq!(*value as u8, number, "{value:?}");
                assert_eq!($name::_lift(number), *value);
            })+
        }
    }};
}

enums! {
    SubjectKind: Person Organisation Provisional;
    Capacity: Applicant UnitClerk Agent LegalRepresentative;
    Channel: Online Mobile Counter OtherPlatform Proactive;
    Severity: Error Warning;
    Phase: Acceptance Examination;
    Lock: Owner Disputable Free;
    WhenShort: Refuse Wait;
    ReservationStatus: Waiting Reserved Released;
    StepStatus: Waiting Open Held Decided Effective Gone;
    EffectKind: Seal Notice Delivery Payment;
    Level: Info Error;
}
