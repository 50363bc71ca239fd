//! The canonical text of keys: what can be read is written as it was read, and is within limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spence::Key;
use spence::key::{MAX_KEY_BYTES, check_text, parse_text};

fuzz_target!(|text: &str| {
    for arity in 1..=3 {
        let Ok(parts) = parse_text(text, arity) else { continue };
        assert!(check_text(text).is_ok() && text.len() <= MAX_KEY_BYTES);
        let part = |n: usize| parts[n].clone().into_owned();
        let again = match arity {
            1 => part(0).canonical(),
            2 => (part(0), part(1)).canonical(),
            _ => (part(0), part(1), part(2)).canonical(),
        };
        assert_eq!(parse_text(&again, arity).ok(), Some(parts), "{text:?} {again:?}");
    }
});
