//! The lines that keep the promises, each with a test that turns red without it.

/// A guarding line, and what stands in its place when it is taken away.
#[derive(Debug)]
pub(crate) struct Mutant {
    /// Under `crates/spence/src`.
    pub(crate) file: &'static str,
    /// Stands there exactly once.
    pub(crate) line: &'static str,
    pub(crate) instead: &'static str,
    pub(crate) suite: Suite,
    /// Its name, without modules; turns red.
    pub(crate) test: &'static str,
}

/// Where a test is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suite {
    Units,
    Behaviour,
    Schedules,
}

pub(crate) const GUARDS: &[Mutant] = &[
    Mutant {
        file: "ban/cover.rs",
        line: r"match after.map(|expiry| expiry.at_ms).min() {",
        instead: r"match after.map(|expiry| expiry.at_ms).max() {",
        suite: Suite::Units,
        test: "an_entry_expired_with_the_first_expiry_that_came_after_it",
    },
    Mutant {
        file: "memory/pools.rs",
        line: r"budget.filter(|_| self.shared.budget() > 0)",
        instead: r"budget.filter(|_| false)",
        suite: Suite::Behaviour,
        test: "a_cache_with_a_budget_of_its_own_is_not_crowded_out",
    },
    Mutant {
        file: "disk/stage.rs",
        line: r"self.shared.compress && entry.compress",
        instead: r"self.shared.compress",
        suite: Suite::Behaviour,
        test: "a_policy_may_leave_its_values_uncompressed",
    },
    Mutant {
        file: "lookup.rs",
        line: r"unverified: stored.seq <= engine.disk.unverified_until(),",
        instead: r"unverified: false,",
        suite: Suite::Behaviour,
        test: "c01_after_a_power_cut_what_the_disk_holds_is_unverified_until_it_is_fetched_anew",
    },
    Mutant {
        file: "disk/rotate.rs",
        line: r"                victims.rev().for_each(|victim| self.sealed.push_front(victim));
                self.sealed.push_front(victim);
                return;",
        instead: r"                continue;",
        suite: Suite::Behaviour,
        test: "c01_c02_a_segment_that_cannot_be_deleted_keeps_what_buries_its_records",
    },
    Mutant {
        file: "install.rs",
        line: r"            Verdict::Dead { since } => {
                let ack = self.bury_older(shard, hash, text, head.as_of, &keep, displaced);
                return (Admission::Passed { at: since }, ack);
            }
",
        instead: r"            Verdict::Dead { .. } => {}
",
        suite: Suite::Behaviour,
        test: "c01_c02_ban_during_a_fill",
    },
    Mutant {
        file: "invalidate.rs",
        line: r"                shard.doom(self.hash, position);
",
        instead: r"                let _ = (&shard, position);
",
        suite: Suite::Behaviour,
        test: "c01_c02_invalidate_during_a_fill",
    },
    Mutant {
        file: "fetch.rs",
        line: r"Ok(Landing::Brought { passed: true, .. }) if ticket.as_of > flight.as_of => None,",
        instead: "",
        suite: Suite::Behaviour,
        test: "c01_two_bans_of_its_tag_during_one_fill_hide_it_from_whoever_came_between",
    },
    Mutant {
        file: "fetch.rs",
        line: r"            && ticket.admits(entry.head.as_of)
",
        instead: "",
        suite: Suite::Behaviour,
        test: "c01_what_was_invalidated_while_the_origin_failed_does_not_stand_in",
    },
    Mutant {
        file: "invalidate.rs",
        line: r"        self.events.tell(Some((&name, Some(&key))), what);
        ack.kept(&self.clock).await?;",
        instead: r"        self.events.tell(Some((&name, Some(&key))), what);
        drop(ack);",
        suite: Suite::Behaviour,
        test: "c04_what_could_not_be_recorded_is_an_error_and_holds_in_this_process",
    },
    Mutant {
        file: "disk/reader.rs",
        line: r"            _ if !self.breaker.is_closed() => return Read::NotAsked,
",
        instead: "",
        suite: Suite::Behaviour,
        test: "c05_a_device_that_fails_is_a_miss_and_left_alone_for_a_while",
    },
    Mutant {
        file: "disk/writer.rs",
        line: r"if full && made_room < MAX_DROPPED_FOR_ROOM && self.drop_oldest() {",
        instead: r"if full && made_room > MAX_DROPPED_FOR_ROOM && self.drop_oldest() {",
        suite: Suite::Behaviour,
        test: "c05_a_full_device_drops_what_is_oldest_and_takes_what_is_new",
    },
    Mutant {
        file: "disk/reader.rs",
        line: r"            None => self.breaker.failed(),",
        instead: r"            None => {}",
        suite: Suite::Behaviour,
        test: "c06_a_device_that_hangs_costs_its_deadline_a_few_times_and_then_nothing",
    },
    Mutant {
        file: "fetch.rs",
        line: r"            if self.may_stand_in(caller, ticket, entry) {
                self.tally_stale(&caller.text);",
        instead: r"            if false {
                self.tally_stale(&caller.text);",
        suite: Suite::Behaviour,
        test: "c06_at_the_soft_deadline_a_stale_value_is_served_and_the_fill_goes_on",
    },
    Mutant {
        file: "flight.rs",
        line: r"        slot.joinable = Some(Arc::clone(&flight) as Arc<dyn AnyFlight>);
",
        instead: "",
        suite: Suite::Behaviour,
        test: "c07_callers_of_one_key_share_one_fill",
    },
    Mutant {
        file: "disk/inbox.rs",
        line: r"            _ if state.closed => Known::Nothing,
",
        instead: "",
        suite: Suite::Behaviour,
        test: "c08_after_close_the_disk_holds_nothing_for_this_process",
    },
    Mutant {
        file: "install.rs",
        line: r"let lasting = !gone && !matches!(keep, Keep::Forget);",
        instead: r"let lasting = !gone;",
        suite: Suite::Behaviour,
        test: "c08_no_store_is_handed_out_and_kept_nowhere",
    },
    Mutant {
        file: "install.rs",
        line: r"let ack = self.bury_older(shard, hash, text, head.as_of, &keep, displaced);",
        instead: r"let ack = Ack::done();",
        suite: Suite::Behaviour,
        test: "c08_what_a_ban_forbids_is_newer_all_the_same",
    },
    Mutant {
        file: "lookup.rs",
        line: r"seed: jitter_seed(&stored.key),",
        instead: r"seed: 1,",
        suite: Suite::Behaviour,
        test: "c09_jitter_is_the_same_in_memory_on_disk_and_after_a_restart",
    },
    Mutant {
        file: "lookup.rs",
        line: r"engine.tick_of(stored.born_ms).map_or((now, true), |born| (born, false))",
        instead: r"engine.tick_of(stored.born_ms).map_or((now, true), |_| (now, false))",
        suite: Suite::Behaviour,
        test: "c09_life_is_counted_from_the_origins_answer_in_every_tier",
    },
    Mutant {
        file: "fetch.rs",
        line: r"Ok(self.cached(entry, Freshness::Stale(reason), source).because_of(error))",
        instead: r"{ let _ = reason; Ok(self.cached(entry, Freshness::Fresh, source).because_of(error)) }",
        suite: Suite::Behaviour,
        test: "c10_a_stale_value_stands_in_for_a_failing_origin_and_says_so",
    },
    Mutant {
        file: "policy.rs",
        line: r"self.stale == StaleUse::WithinGrace && stale_for < self.stale_while_revalidate",
        instead: r"false",
        suite: Suite::Behaviour,
        test: "c10_stale_while_revalidate_answers_at_once_and_fetches_once",
    },
    Mutant {
        file: "pilot.rs",
        line: r"            Admission::Granted { expired } => expired,",
        instead: r"            Admission::Granted { .. } => false,",
        suite: Suite::Behaviour,
        test: "c10_whoever_came_after_an_expiry_by_tag_is_not_told_that_it_is_fresh",
    },
    Mutant {
        file: "batch.rs",
        line: r"wanted.split_off(wanted.len().min(batch.chunk))",
        instead: r"wanted.split_off(wanted.len().min(usize::MAX - batch.chunk))",
        suite: Suite::Behaviour,
        test: "c11_only_the_misses_reach_the_origin_in_chunks_and_each_key_has_its_answer",
    },
    Mutant {
        file: "memory/quick.rs",
        line: r".weight_capacity(budget)",
        instead: r".weight_capacity(budget * 2)",
        suite: Suite::Behaviour,
        test: "c12_memory_stays_within_its_budget_whatever_the_sizes",
    },
    Mutant {
        file: "disk/log.rs",
        line: r"budget: options.budget.max(MIN_BUDGET),",
        instead: r"budget: options.budget.max(MIN_BUDGET) * 2,",
        suite: Suite::Behaviour,
        test: "c12_churn_of_five_times_the_budget_stays_within_it_and_says_nothing_wrong",
    },
    Mutant {
        file: "memory/pools.rs",
        line: r"        spence_heap::give_back();",
        instead: "",
        suite: Suite::Behaviour,
        test: "c12_resident_size_stays_within_the_budget",
    },
    Mutant {
        file: "lookup.rs",
        line: r"if stored.fingerprint != namespace.fingerprint || stored.codec != mark(codec) {",
        instead: r"if stored.codec != mark(codec) {",
        suite: Suite::Behaviour,
        test: "c13_a_value_of_another_schema_is_a_miss",
    },
    Mutant {
        file: "lifetime.rs",
        line: r"(None, true) => policy.negative_ttl,",
        instead: r"(None, true) => policy.ttl.during(phase),",
        suite: Suite::Behaviour,
        test: "c14_not_found_is_remembered_for_its_own_time_and_never_after_an_error",
    },
    Mutant {
        file: "namespace.rs",
        line: r"            // Only now: whoever sees the new world finds the new policy.
            namespace.next_world();",
        instead: "",
        suite: Suite::Behaviour,
        test: "c15_policies_change_under_live_data_and_back_exactly",
    },
    Mutant {
        file: "memory/lru.rs",
        line: r"self.lock().map.get(&hash).cloned()",
        instead: r"self.lock().map.peek(&hash).cloned()",
        suite: Suite::Behaviour,
        test: "lru_drops_what_was_used_longest_ago_exactly",
    },
    Mutant {
        file: "memory/lru.rs",
        line: r"        state.make_room(self.max_entries, &mut displaced);
",
        instead: "",
        suite: Suite::Behaviour,
        test: "lru_drops_what_was_used_longest_ago_exactly",
    },
    Mutant {
        file: "batch.rs",
        line: r"            drop(turn);
",
        instead: "",
        suite: Suite::Behaviour,
        test: "no_more_calls_at_a_time_than_allowed_even_if_nobody_waits_for_them",
    },
    Mutant {
        file: "memory/quick.rs",
        line: r"    max_entries.map_or(0, |most| budget / most.saturating_add(1) + 1)",
        instead: r"    0",
        suite: Suite::Behaviour,
        test: "no_more_entries_than_allowed_whatever_goes_first",
    },
    Mutant {
        file: "disk/rotate.rs",
        line: r"        self.carry_hot_records(&victims);
",
        instead: "",
        suite: Suite::Behaviour,
        test: "records_that_are_read_outlive_their_segment",
    },
    Mutant {
        file: "lifetime.rs",
        line: r"            fresh = fresh.min(Duration::from_millis(phase.until_ms.saturating_sub(life.born_ms)));",
        instead: r"            let _ = phase;",
        suite: Suite::Behaviour,
        test: "the_close_ends_the_freshness_of_a_session_ttl",
    },
    Mutant {
        file: "disk/owner.rs",
        line: r"(Durability::Power, State::Open) | (Durability::Process, _) => State::Open,
            (Durability::Power, State::Synced | State::Clean) => State::Synced,",
        instead: r"(Durability::Process, _) => State::Open,
            (Durability::Power, _) => State::Synced,",
        suite: Suite::Behaviour,
        test: "what_an_unsynced_owner_left_behind_is_not_taken_for_synced",
    },
    Mutant {
        file: "disk/writer.rs",
        line: r"            self.reclaim();
",
        instead: "",
        suite: Suite::Behaviour,
        test: "what_can_be_served_no_more_is_given_back_without_waiting_for_the_budget",
    },
    Mutant {
        file: "install.rs",
        line: r"            Verdict::Dead { since } => {
                let ack = self.bury_older(shard, hash, text, head.as_of, &keep, displaced);
                return (Admission::Passed { at: since }, ack);
            }
",
        instead: r"            Verdict::Dead { .. } => {}
",
        suite: Suite::Schedules,
        test: "ban_by_glob_during_fill",
    },
    Mutant {
        file: "lookup.rs",
        line: r"        match engine.verdict(&**entry) {
",
        instead: r"        match Verdict::Alive {
",
        suite: Suite::Schedules,
        test: "ban_by_namespace_during_fill",
    },
    Mutant {
        file: "invalidate.rs",
        line: r"                self.registry.all().iter().for_each(|namespace| namespace.next_world());
",
        instead: "",
        suite: Suite::Schedules,
        test: "ban_by_tag_during_fill",
    },
    Mutant {
        file: "ban/index.rs",
        line: r"self.newest.swap(u64::MAX, Ordering::SeqCst)",
        instead: r"self.newest.load(Ordering::SeqCst)",
        suite: Suite::Schedules,
        test: "ban_by_tag_during_renewal",
    },
    Mutant {
        file: "pilot.rs",
        line: r"alive(entry) && !entry.is_negative()",
        instead: r"{ let _ = &alive; !entry.is_negative() }",
        suite: Suite::Schedules,
        test: "ban_by_tag_during_renewal",
    },
    Mutant {
        file: "flight.rs",
        line: r"            Some(slot) if slot.floor > as_of => Admission::Passed { at: slot.floor },
",
        instead: "",
        suite: Suite::Schedules,
        test: "insert_during_fill",
    },
    Mutant {
        file: "invalidate.rs",
        line: r"                self.namespace.memory.remove(self.hash)
",
        instead: r"                None
",
        suite: Suite::Schedules,
        test: "invalidate_during_fill",
    },
    Mutant {
        file: "pilot.rs",
        line: r"alive(entry) && !entry.is_negative()",
        instead: r"{ let _ = &alive; !entry.is_negative() }",
        suite: Suite::Schedules,
        test: "invalidate_during_renewal",
    },
    Mutant {
        file: "flight.rs",
        line: r"        if slot.installs != self.installs {
            return Boarding::Changed;
        }
",
        instead: "",
        suite: Suite::Schedules,
        test: "one_call_for_all_callers",
    },
];
