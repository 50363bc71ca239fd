//! The body of a stored record: entry, tombstone or ban.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| spence::unstable::fuzzed::body(bytes));
