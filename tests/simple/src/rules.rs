//! The words by which a test chooses a life. And the one derivation.

use onething_sdk::Facts;

/// The opinion that the bundle fails over.
pub const TRAP: &str = "trap";
/// A remark that begins with this asks for the material `proof`.
pub const WITH_PROOF: &str = "proof";
/// The only budget.
pub const BUDGET: &str = "simple/relief";

/// How the applicant is addressed.
pub fn address(_: &Facts<'_>, name: &str) -> Option<String> {
    Some(format!("{name}您好"))
}
