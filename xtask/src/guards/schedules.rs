//! Lines guarded by schedule tests (`crates/spence/tests/schedules`).

use super::Mutant;

pub(super) const LINES: &[Mutant] = &[
    Mutant {
        file: "install.rs",
        line: r"            Verdict::Dead { since } => {
                let ack = self.bury_older(shard, hash, text, head.as_of, &keep, displaced);
                return (Admission::Passed { at: since }, ack);
            }
",
        instead: r"            Verdict::Dead { .. } => {}
",
        test: "ban_by_glob_during_fill",
    },
    Mutant {
        file: "lookup.rs",
        line: r"        match engine.verdict(&**entry) {
",
        instead: r"        match Verdict::Alive {
",
        test: "ban_by_glob_what_is_held",
    },
    Mutant {
        file: "invalidate.rs",
        line: r"            namespace.next_world();
            reaches = true;
",
        instead: r"            reaches = true;
",
        test: "ban_by_tag_what_is_held",
    },
    Mutant {
        file: "install.rs",
        line: r"        namespace.tags_seen.note(head.tags());
",
        instead: "",
        test: "ban_by_tag_what_is_held",
    },
    Mutant {
        file: "ban/index.rs",
        line: r"self.newest.swap(u64::MAX, Ordering::SeqCst)",
        instead: r"self.newest.load(Ordering::SeqCst)",
        test: "ban_by_tag_during_renewal",
    },
    Mutant {
        file: "pilot.rs",
        line: r"alive(entry) && !entry.is_negative()",
        instead: r"{ let _ = &alive; !entry.is_negative() }",
        test: "ban_by_tag_during_renewal",
    },
    Mutant {
        file: "flight.rs",
        line: r"            Some(slot) if slot.doomed > as_of => Admission::Passed { at: slot.doomed },
            Some(slot) if slot.floor > as_of => Admission::Overtaken,
",
        instead: "",
        test: "insert_during_fill",
    },
    Mutant {
        file: "invalidate.rs",
        line: r"                self.namespace.memory.remove(self.hash)
",
        instead: r"                None
",
        test: "invalidate_during_fill",
    },
    Mutant {
        file: "pilot.rs",
        line: r"alive(entry) && !entry.is_negative()",
        instead: r"{ let _ = &alive; !entry.is_negative() }",
        test: "invalidate_during_renewal",
    },
    Mutant {
        file: "flight.rs",
        line: r"        if slot.installs != self.installs {
            return Boarding::Changed;
        }
",
        instead: "",
        test: "one_call_for_all_callers",
    },
    Mutant {
        file: "install.rs",
        line: r"match engine.bans.verdict(&namespace.name, || (&**text).into(), head.tags(), head.as_of) {",
        instead: r"match engine.bans.verdict(&namespace.name, || (&**text).into(), head.tags().take(0), head.as_of) {",
        test: "ban_by_tag_during_fill",
    },
    Mutant {
        file: "flight.rs",
        line: r"Some(slot) => Admission::Granted { expired: slot.expired > as_of },",
        instead: r"Some(_) => Admission::Granted { expired: false },",
        test: "expire_during_fill",
    },
    Mutant {
        file: "invalidate.rs",
        line: r"                slot.head().expire(now);
",
        instead: r"                let _ = now;
",
        test: "expire_what_is_held",
    },
    Mutant {
        file: "namespace.rs",
        line: r"            namespace.next_world();
",
        instead: "",
        test: "policy_swap_while_it_is_read",
    },
    Mutant {
        file: "flight.rs",
        line: r"            slot.doomed = slot.doomed.max(position);
",
        instead: "",
        test: "invalidate_during_promotion",
    },
    Mutant {
        file: "fetch.rs",
        line: r"Some(self.give_way(caller, ticket, passed, (entry, source), stale).await)",
        instead: r"{
                    drop((passed, stale));
                    Some(self.serve_brought(caller, entry, source))
                }",
        test: "never_backwards_when_fills_are_passed",
    },
];
