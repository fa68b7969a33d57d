//! What a bundle may ask the host for, one file each: documents rendered, seals affixed, notices
//! and deliveries put where they can be read, payments put where the bank collects them, registers
//! and parameters looked up in files.
//!
//! Beside them what the host itself looks up: the calendar and the directory of offices.
//!
//! They know folders and bytes. They know no SQL, no HTTP, no sandbox, no clock, and not whether
//! the bundle was allowed to ask: grants are checked before anything gets here.
//!
//! An effect comes to an [`Outcome`], which may be a "no" that the bundle hears. An [`Error`] is no
//! outcome: nothing was settled, and the same may be tried again under the same ticket, which never
//! does it twice.

mod calendar;
mod deliveries;
mod directory;
pub mod documents;
mod files;
mod notices;
mod parameters;
mod payments;
mod registers;
mod seals;
pub mod tables;
mod watched;

pub use calendar::{Calendar, Pause, day_over, notice_over};
pub use deliveries::{Deliveries, Delivery};
pub use directory::{
    Deputy, Directory, DirectoryError, LiveDirectory, OfficeEntry, Period, Person,
};
pub use files::Error;
pub use notices::{Notice, Notices};
pub use parameters::{Addition, Parameters, ParametersError, PublicationError, Published};
pub use payments::answer::{Answered, AnsweredLine, BankAnswer, LineStatus};
pub use payments::{PaymentFile, Payments, is_cnaps};
pub use registers::Registers;
pub use seals::{SealError, Seals, Signature, verify};

use onething_contract::{Json, Refusal, Text};

/// How an effect came out: what the bundle hears as `settled`.
pub type Outcome = Result<Json, Refusal>;

fn refusal(code: &str, zh: String, en: String) -> Refusal {
    Refusal {
        code: code.to_owned(),
        message: Text { zh, en },
        basis: None,
    }
}
