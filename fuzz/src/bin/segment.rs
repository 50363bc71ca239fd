//! A segment file, record by record.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| spence::unstable::fuzzed::segment(bytes));
