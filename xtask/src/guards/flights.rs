//! Lines of the flight table, guarded by its exhaustive tests.

use super::Mutant;

pub(super) const LINES: &[Mutant] = &[
    Mutant {
        file: "flight.rs",
        line: r"            slot.doomed = slot.doomed.max(position);
",
        instead: "",
        test: "an_invalidation_passes_a_fill",
    },
    Mutant {
        file: "flight.rs",
        line: r"            slot.passed.extend(slot.joinable.take_if(|flight| flight.as_of() < position));
",
        instead: "",
        test: "a_passed_flight_is_nobodys_to_join",
    },
    Mutant {
        file: "flight.rs",
        line: r"        if slot.installs != self.installs {
            return Boarding::Changed;
        }
",
        instead: "",
        test: "callers_of_one_key_cause_one_call",
    },
    Mutant {
        file: "flight.rs",
        line: r"        if slot.passed.len() >= MAX_FLIGHTS
            && let Some(oldest) = slot.passed.first()
        {
            return Boarding::Full(oldest.landing());
        }
",
        instead: "",
        test: "a_third_flight_waits",
    },
];
