//! Lines guarded by tests of behaviour (`crates/spence/tests/it`).

use super::Mutant;

pub(super) const LINES: &[Mutant] = &[
    Mutant {
        file: "fetch.rs",
        line: r"
                && caller.is_content_with(entry)",
        instead: "",
        test: "what_is_short_stands_in_for_an_origin_that_fails_and_says_so",
    },
    Mutant {
        file: "pilot.rs",
        line: r"(Standing::Fresh, Verdict::Alive) =>",
        instead: r"(Standing::Fresh, _) =>",
        test: "c03_what_is_expired_on_the_way_to_the_fill_is_given_to_it_as_stale",
    },
    Mutant {
        file: "pilot.rs",
        line: r"                    self.stale = Some((entry, Source::Redis));
",
        instead: "",
        test: "what_another_node_has_let_grow_is_taken_from_the_shared_tier",
    },
    Mutant {
        file: "share.rs",
        line: r" if covers.is_enough(wanted.key, &entry)",
        instead: "",
        test: "what_another_node_has_let_grow_is_taken_from_the_shared_tier",
    },
    Mutant {
        file: "memory/pools.rs",
        line: r"budget.filter(|_| self.shared.budget() > 0)",
        instead: r"budget.filter(|_| false)",
        test: "a_cache_with_a_budget_of_its_own_is_not_crowded_out",
    },
    Mutant {
        file: "disk/stage.rs",
        line: r"self.shared.compress && entry.compress",
        instead: r"self.shared.compress",
        test: "a_policy_may_leave_its_values_uncompressed",
    },
    Mutant {
        file: "promote.rs",
        line: r"unverified: source == Source::Disk && may_be_lost,",
        instead: r"unverified: false,",
        test: "c01_after_a_power_cut_what_the_disk_holds_is_unverified_until_it_is_fetched_anew",
    },
    Mutant {
        file: "disk/rotate.rs",
        line: r"                victims.rev().for_each(|victim| self.sealed.push_front(victim));
                self.sealed.push_front(victim);
                return;",
        instead: r"                continue;",
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
        test: "c01_c02_ban_during_a_fill",
    },
    Mutant {
        file: "invalidate.rs",
        line: r"                shard.doom(self.hash, position);
",
        instead: r"                let _ = (&shard, position);
",
        test: "c01_c02_invalidate_during_a_fill",
    },
    Mutant {
        file: "fetch.rs",
        line: r"Ok(Landing::Brought { passed: Some(_), .. }) if ticket.as_of > flight.as_of => None,",
        instead: "",
        test: "c01_two_bans_of_its_tag_during_one_fill_hide_it_from_whoever_came_between",
    },
    Mutant {
        file: "fetch.rs",
        line: r"            && ticket.admits(entry.head.as_of)
",
        instead: "",
        test: "c01_what_was_invalidated_while_the_origin_failed_does_not_stand_in",
    },
    Mutant {
        file: "invalidate.rs",
        line: r"            ack.kept(&self.clock).await?;
            return Ok(Scope::Node);
        };
        let engine = Arc::clone(self);
        let telling = async move {
            let about",
        instead: r"            drop(ack);
            return Ok(Scope::Node);
        };
        let engine = Arc::clone(self);
        let telling = async move {
            let about",
        test: "c04_what_could_not_be_recorded_is_an_error_and_holds_in_this_process",
    },
    Mutant {
        file: "disk/reader.rs",
        line: r"        if !self.breaker.is_closed() {
            return Read::NotAsked;
        }
",
        instead: "",
        test: "c05_a_device_that_fails_is_a_miss_and_left_alone_for_a_while",
    },
    Mutant {
        file: "disk/writer.rs",
        line: r"if full && made_room < MAX_DROPPED_FOR_ROOM && self.drop_oldest() {",
        instead: r"if full && made_room > MAX_DROPPED_FOR_ROOM && self.drop_oldest() {",
        test: "c05_a_full_device_drops_what_is_oldest_and_takes_what_is_new",
    },
    Mutant {
        file: "disk/reader.rs",
        line: r"            None => self.breaker.failed(),",
        instead: r"            None => {}",
        test: "c06_a_device_that_hangs_costs_its_deadline_a_few_times_and_then_nothing",
    },
    Mutant {
        file: "fetch.rs",
        line: r"            if self.may_stand_in(caller, ticket, entry) {
                self.tally_stale(&caller.text);",
        instead: r"            if false {
                self.tally_stale(&caller.text);",
        test: "c06_at_the_soft_deadline_a_stale_value_is_served_and_the_fill_goes_on",
    },
    Mutant {
        file: "flight.rs",
        line: r"        slot.joinable = Some(Arc::clone(&flight) as Arc<dyn AnyFlight>);
",
        instead: "",
        test: "c07_callers_of_one_key_share_one_fill",
    },
    Mutant {
        file: "disk/inbox.rs",
        line: r"            _ if state.closed => Known::Nothing,
",
        instead: "",
        test: "c08_after_close_the_disk_holds_nothing_for_this_process",
    },
    Mutant {
        file: "install.rs",
        line: r"let lasting = standing != Standing::Gone && !matches!(keep, Keep::Forget);",
        instead: r"let lasting = standing != Standing::Gone;",
        test: "c08_no_store_is_handed_out_and_kept_nowhere",
    },
    Mutant {
        file: "install.rs",
        line: r"let ack = self.bury_older(shard, hash, text, head.as_of, &keep, displaced);",
        instead: r"let ack = Ack::done();",
        test: "c08_what_a_ban_forbids_is_newer_all_the_same",
    },
    Mutant {
        file: "promote.rs",
        line: r"seed: jitter_seed(&stored.key),",
        instead: r"seed: 1,",
        test: "c09_jitter_is_the_same_in_memory_on_disk_and_after_a_restart",
    },
    Mutant {
        file: "promote.rs",
        line: r"engine.tick_of(stored.born_ms).map_or((now, true), |born| (born, false))",
        instead: r"engine.tick_of(stored.born_ms).map_or((now, true), |_| (now, false))",
        test: "c09_life_is_counted_from_the_origins_answer_in_every_tier",
    },
    Mutant {
        file: "fetch.rs",
        line: r"Ok(self.cached(entry, Freshness::Stale(reason), source).because_of(error))",
        instead: r"{ let _ = reason; Ok(self.cached(entry, Freshness::Fresh, source).because_of(error)) }",
        test: "c10_a_stale_value_stands_in_for_a_failing_origin_and_says_so",
    },
    Mutant {
        file: "policy.rs",
        line: r"self.stale == StaleUse::WithinGrace && stale_for < self.stale_while_revalidate",
        instead: r"false",
        test: "c10_stale_while_revalidate_answers_at_once_and_fetches_once",
    },
    Mutant {
        file: "pilot.rs",
        line: r"            Admission::Granted { expired: true } => Some(self.passed(true)),",
        instead: r"            Admission::Granted { expired: true } => None,",
        test: "c10_whoever_came_after_an_expiry_by_tag_is_not_told_that_it_is_fresh",
    },
    Mutant {
        file: "batch.rs",
        line: r"wanted.split_off(wanted.len().min(batch.chunk))",
        instead: r"wanted.split_off(wanted.len().min(usize::MAX - batch.chunk))",
        test: "c11_only_the_misses_reach_the_origin_in_chunks_and_each_key_has_its_answer",
    },
    Mutant {
        file: "disk/log.rs",
        line: r"budget: options.budget.max(LEAST_LOG_BYTES),",
        instead: r"budget: options.budget.max(MIN_BUDGET) * 2,",
        test: "c12_churn_of_five_times_the_budget_stays_within_it_and_says_nothing_wrong",
    },
    Mutant {
        file: "memory/pools.rs",
        line: r"        spence_heap::give_back();",
        instead: "",
        test: "c12_resident_size_stays_within_the_budget",
    },
    Mutant {
        file: "promote.rs",
        line: r"if stored.fingerprint != namespace.fingerprint || stored.codec != mark(codec) {",
        instead: r"if stored.codec != mark(codec) {",
        test: "c13_a_value_of_another_schema_is_a_miss",
    },
    Mutant {
        file: "lifetime.rs",
        line: r"(None, true) => policy.negative_ttl,",
        instead: r"(None, true) => policy.ttl.during(phase),",
        test: "c14_not_found_is_remembered_for_its_own_time_and_never_after_an_error",
    },
    Mutant {
        file: "namespace.rs",
        line: r"            // Only now: whoever sees the new world finds the new policy.
            namespace.next_world();",
        instead: "",
        test: "c15_policies_change_under_live_data_and_back_exactly",
    },
    Mutant {
        file: "memory/pools.rs",
        line: r"        self.all().iter().for_each(|pool| pool.renew(pool.budget()));
",
        instead: "",
        test: "an_engine_that_is_dropped_drops_what_it_holds",
    },
    Mutant {
        file: "memory/lru.rs",
        line: r"self.lock().map.get(&hash).filter(",
        instead: r"self.lock().map.peek(&hash).filter(",
        test: "lru_drops_what_was_used_longest_ago_exactly",
    },
    Mutant {
        file: "memory/lru.rs",
        line: r"        state.make_room(self.max_entries, &mut displaced);
",
        instead: "",
        test: "lru_drops_what_was_used_longest_ago_exactly",
    },
    Mutant {
        file: "together.rs",
        line: r"            drop(turn);
",
        instead: "",
        test: "no_more_calls_at_a_time_than_allowed_even_if_nobody_waits_for_them",
    },
    Mutant {
        file: "disk/rotate.rs",
        line: r"        self.carry_hot_records(&victims);
",
        instead: "",
        test: "records_that_are_read_outlive_their_segment",
    },
    Mutant {
        file: "lifetime.rs",
        line: r"            fresh = fresh.min(Duration::from_millis(phase.until_ms.saturating_sub(life.born_ms)));",
        instead: r"            let _ = phase;",
        test: "the_close_ends_the_freshness_of_a_session_ttl",
    },
    Mutant {
        file: "disk/owner.rs",
        line: r"(Durability::Power, State::Open) | (Durability::Process, _) => State::Open,
            (Durability::Power, State::Synced | State::Clean) => State::Synced,",
        instead: r"(Durability::Process, _) => State::Open,
            (Durability::Power, _) => State::Synced,",
        test: "what_an_unsynced_owner_left_behind_is_not_taken_for_synced",
    },
    Mutant {
        file: "disk/writer.rs",
        line: r"            self.reclaim();
",
        instead: "",
        test: "what_can_be_served_no_more_is_given_back_without_waiting_for_the_budget",
    },
    Mutant {
        file: "memory/s3fifo.rs",
        line: r"self.evict_until(self.budget - weight, self.most_entries - 1)",
        instead: r"Vec::new()",
        test: "c12_memory_stays_within_its_budget_whatever_the_sizes",
    },
    Mutant {
        file: "memory/s3fifo.rs",
        line: r"self.weight() > weight || self.index.len() > entries",
        instead: r"self.weight() > weight || entries == 0",
        test: "no_more_entries_than_allowed_whatever_goes_first",
    },
    Mutant {
        file: "memory/s3fifo.rs",
        line: r"            if head.was_used() {",
        instead: r"            if head.was_used() && false {",
        test: "what_is_used_survives_what_is_asked_for_once",
    },
    Mutant {
        file: "memory/s3fifo.rs",
        line: r"self.ghosts.take(hash) || ",
        instead: "",
        test: "what_comes_back_soon_after_it_left_is_not_taken_for_new",
    },
    Mutant {
        file: "memory/s3fifo.rs",
        line: r"                queue.places.retain(taken);
",
        instead: r"                let _ = taken;
",
        test: "entries_that_come_and_go_leave_nothing_behind",
    },
    Mutant {
        file: "fetch.rs",
        line: r"if self.engine.is_due_early(&*entry)",
        instead: r"if false",
        test: "c09_a_read_shortly_before_the_expiry_starts_the_next_fill_and_does_not_wait",
    },
    Mutant {
        file: "fetch.rs",
        line: r"        if let Some(hit) = self.still_fresh(caller, ticket, &stale) {
            return Ok(hit);
        }
",
        instead: "",
        test: "a_failing_eager_fill_is_nobodys_error",
    },
    Mutant {
        file: "pilot.rs",
        line: r"caller.runs_on.spawn(",
        instead: r"self.engine.spawner.spawn(",
        test: "what_is_not_async_may_wait_on_the_only_thread_of_the_engine",
    },
    Mutant {
        file: "macros.rs",
        line: r"match owner.place == place && owner.of == of {",
        instead: r"match owner.place == place || owner.of != of {",
        test: "a_name_is_a_cache_on_the_process_wide_engine",
    },
    Mutant {
        file: "macros.rs",
        line: r".filter(|_| built.of == of)",
        instead: "",
        test: "a_name_is_a_cache_on_the_process_wide_engine",
    },
    Mutant {
        file: "install.rs",
        line: r"if !is_held && shard.younger(hash, &(head.as_of..u64::MAX)).is_some() {",
        instead: r"if !is_held && shard.younger(hash, &(head.as_of..head.as_of)).is_some() {",
        test: "expire_during_a_fill_lets_it_install_as_stale_unless_another_is_under_way",
    },
    Mutant {
        file: "give_way.rs",
        line: r"                self.forget_older(caller.hash, &caller.text, &passed);
",
        instead: "",
        test: "c08_what_has_expired_since_it_came_is_not_shown_after_what_is_newer",
    },
    Mutant {
        file: "flight.rs",
        line: r" && as_of >= least",
        instead: "",
        test: "c08_a_younger_fill_that_was_passed_too_is_not_waited_for",
    },
    Mutant {
        file: "share.rs",
        line: r"                    match self.lift(wanted, before, value) {",
        instead: r"                    match self.lift(wanted, self.before(wanted), value) {",
        test: "what_another_node_has_let_grow_is_taken_from_the_shared_tier",
    },
    Mutant {
        file: "share.rs",
        line: r"            true => before,",
        instead: r"            true => Before { as_of, ..before },",
        test: "what_has_passed_a_fill_is_what_it_finds",
    },
    Mutant {
        file: "give_way.rs",
        line: r"(passed.kept && entry.head.as_of <= as_of)",
        instead: r"entry.head.as_of <= as_of",
        test: "c08_what_is_older_than_what_was_shown_is_held_no_longer",
    },
    Mutant {
        file: "give_way.rs",
        line: r"                true => caller.policy.soft_deadline,",
        instead: r"                true => caller.policy.hard_deadline,",
        test: "c10_what_is_stale_stands_in_from_the_soft_deadline_on",
    },
    Mutant {
        file: "install.rs",
        line: r"            head.expire(engine.tick_of(at_ms).unwrap_or(0));",
        instead: "",
        test: "c02_what_has_expired_on_disk_is_not_fresh_while_it_is_fetched_anew",
    },
];
