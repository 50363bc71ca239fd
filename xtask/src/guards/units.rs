//! Lines guarded by unit tests.

use super::Mutant;

pub(super) const LINES: &[Mutant] = &[Mutant {
    file: "ban/cover.rs",
    line: r"match after.map(|expiry| expiry.at_ms).min() {",
    instead: r"match after.map(|expiry| expiry.at_ms).max() {",
    test: "an_entry_expired_with_the_first_expiry_that_came_after_it",
}];
