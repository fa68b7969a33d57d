//! How this bundle misbehaves: where others keep their rules.

#![expect(
    unsafe_code,
    reason = "strings that are not UTF-8 or point where they must not are made no other way"
)]

use crate::bindings::onething::matter::proceedings::Prefilled;
use crate::bindings::onething::matter::types::{LookupFailure, Subject};
use crate::bindings::onething::matter::{clock, parameters, registers};
use std::cell::Cell;
use std::mem::ManuallyDrop;

pub fn endless_loop() {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

pub fn memory_bomb() {
    let mut held = Vec::new();
    loop {
        held.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&held);
    }
}

#[expect(unconditional_recursion, reason = "that is the point")]
pub fn deep_recursion(depth: u64) -> u64 {
    std::hint::black_box(deep_recursion(std::hint::black_box(depth + 1))) + 1
}

/// Gigabytes for the host to copy out of one guest megabyte.
pub fn aliased_output() -> Vec<Prefilled> {
    aliases(4096, 1 << 20)
        .into_iter()
        .map(|text| crate::value("alias", text))
        .collect()
}

/// Many strings over the same bytes.
pub fn aliases(count: usize, bytes: usize) -> Vec<String> {
    let text = ManuallyDrop::new("1".repeat(bytes));
    (0..count).map(|_| alias(text.as_bytes(), bytes)).collect()
}

pub fn alias(bytes: &[u8], length: usize) -> String {
    // SAFETY: unsound on purpose; nobody frees it before the host has looked.
    unsafe { String::from_raw_parts(bytes.as_ptr().cast_mut(), length, length) }
}

pub fn not_granted(subject: &Subject) -> Vec<Prefilled> {
    let register = registers::lookup("tax", std::slice::from_ref(&subject.identifier)).map(drop);
    let parameter = parameters::in_force("tax-rate", &clock::today()).map(drop);
    [register, parameter]
        .into_iter()
        .map(|result| match result {
            Err(LookupFailure::NotGranted(refusal)) => refusal.code,
            Err(LookupFailure::Pending) => "pending".to_owned(),
            Err(LookupFailure::Unavailable(_)) => "unavailable".to_owned(),
            Ok(()) => "answered".to_owned(),
        })
        .map(|code| crate::value("refused", crate::quoted(&code)))
        .collect()
}

/// Asks one thing more each time that everything before was answered.
pub fn never_settles() {
    for number in 0.. {
        if registers::lookup("population", &[number.to_string()]).is_err() {
            return;
        }
    }
}

/// How often this instance was called.
pub fn remember() -> u32 {
    thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });
    CALLS.with(|calls| {
        calls.set(calls.get() + 1);
        calls.get()
    })
}

/// The bits of a NaN out of arithmetic, which processors choose differently.
pub fn nan_bits() -> u64 {
    let zero = std::hint::black_box(0.0_f64);
    (zero / -zero).to_bits()
}

/// What is no text.
pub fn invalid_utf8() -> String {
    // SAFETY: unsound on purpose; the host must not take it for text.
    unsafe { String::from_utf8_unchecked(vec![b'"', 0xC3, 0x28, b'"']) }
}
