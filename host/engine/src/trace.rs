//! How spans belong together: what a caller began goes on here, and everything that happens to one
//! case can be found again, months later and on another node.
//!
//! Every case has a trace of its own, whose id is computed from the case's id. A span that nobody
//! outside has begun belongs to it; one that a caller has begun is linked to it. Both carry the
//! attribute `onething.case`. Without an exporter all of this is nothing.

use onething_case::Command;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use sha2::{Digest, Sha256};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The attribute that names the case.
pub const CASE: &str = "onething.case";

/// Puts a span that was just made under what the caller began, by the header `traceparent` of W3C
/// Trace Context. False where the header is none.
pub fn take_over(span: &Span, traceparent: &str) -> bool {
    match parse(traceparent) {
        Some(context) => under(span, context),
        None => false,
    }
}

/// Puts a span that was just made under the case's own trace.
pub fn of_case(span: Span, case_id: &str) -> Span {
    span.record(CASE, case_id);
    under(&span, context(case_id));
    span
}

/// Links a span that has another trace to the case's own.
pub fn link_case(span: &Span, case_id: &str) {
    span.record(CASE, case_id);
    span.add_link(context(case_id));
}

fn under(span: &Span, context: SpanContext) -> bool {
    // There may be no exporter.
    span.set_parent(Context::new().with_remote_span_context(context))
        .is_ok()
}

/// The trace of a case: the same on every node.
fn context(case_id: &str) -> SpanContext {
    let digest: [u8; 32] = Sha256::digest(case_id).into();
    let (trace, rest) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
    let span = rest.first_chunk().unwrap_or(&[0; 8]);
    SpanContext::new(
        TraceId::from_bytes(*trace),
        SpanId::from_bytes(*span),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    )
}

/// A command in one word, for traces.
pub(crate) fn kind(command: &Command) -> &'static str {
    match command {
        Command::Register(_) => "register",
        Command::Decide { .. } => "decide",
        Command::Correct(_) => "correct",
        Command::Sign { .. } => "sign",
        Command::Unsign { .. } => "unsign",
        Command::Object { .. } => "object",
        Command::NoticeOver { .. } => "notice-over",
        Command::Reserve { .. } => "reserve",
        Command::Withdraw { .. } => "withdraw",
        Command::SupplyMaterial(_) => "supply-material",
        Command::React { .. } => "react",
        Command::Park { .. } => "park",
        Command::Resume { .. } => "resume",
        Command::Settle(_) => "settle",
        Command::Rate { .. } => "rate",
        Command::Lapse { .. } => "lapse",
        Command::MaterialOverdue { .. } => "material-overdue",
        Command::Reopen { .. } => "reopen",
        Command::SettleByHand { .. } => "settle-by-hand",
        Command::Repair { .. } => "repair",
        Command::CheckCommitment { .. } => "check-commitment",
        Command::Appeal { .. } => "appeal",
        Command::Ring { .. } => "ring",
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>`; a later version may add members.
fn parse(header: &str) -> Option<SpanContext> {
    let mut members = header.trim().split('-');
    let mut member = |digits: usize| {
        let member = members.next()?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (member.len() == digits && member.bytes().all(is_hex)).then_some(member)
    };
    let version = member(2).filter(|version| *version != "ff")?;
    let trace = TraceId::from_hex(member(32)?).ok()?;
    let span = SpanId::from_hex(member(16)?).ok()?;
    let flags = u8::from_str_radix(member(2)?, 16).ok()?;
    if version == "00" && members.next().is_some() {
        return None;
    }
    let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_has_one_trace() {
        let case = context("331102-2025-000001");
        assert!(case.is_valid() && case.is_sampled());
        assert_eq!(case, context("331102-2025-000001"));
        assert_ne!(case.trace_id(), context("331102-2025-000002").trace_id());
    }

    #[test]
    fn traceparents() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        for (header, is_one) in [
            (format!("00-{trace}-{span}-01"), true),
            (format!("00-{trace}-{span}-00"), true),
            (format!("01-{trace}-{span}-01-more"), true),
            (format!("00-{trace}-{span}-01-more"), false),
            (format!("ff-{trace}-{span}-01"), false),
            (format!("00-{}-{span}-01", "0".repeat(32)), false),
            (format!("00-{trace}-{}-01", "0".repeat(16)), false),
            (format!("00-{}-{span}-01", trace.to_uppercase()), false),
            (format!("00-{trace}-{span}"), false),
            (String::new(), false),
            ("张建国".to_owned(), false),
        ] {
            assert_eq!(parse(&header).is_some(), is_one, "{header}");
        }
    }
}
