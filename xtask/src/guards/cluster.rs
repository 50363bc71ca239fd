//! Lines of the shared tier, guarded by tests against real servers (`crates/spence/tests/it`).

use super::Mutant;

pub(super) const LINES: &[Mutant] = &[
    Mutant {
        file: "redis/script.rs",
        line: r"if holder ~= ARGV[1] then",
        instead: r"if false then",
        test: "a_fill_that_another_node_invalidates_is_installed_nowhere",
    },
    Mutant {
        file: "redis/script.rs",
        line: r"ARGV[1], 'NX', 'PX', ARGV[2]) then",
        instead: r"ARGV[1], 'PX', ARGV[2]) then",
        test: "one_node_of_the_cluster_fills_and_the_others_wait_for_it",
    },
    Mutant {
        file: "redis/script.rs",
        line: r#"let delete = "for i = 3, #KEYS do redis.call('DEL', KEYS[i]) end\n";"#,
        instead: r#"let delete = "";"#,
        test: "an_invalidation_reaches_every_node_and_what_joins_later",
    },
    Mutant {
        file: "redis/belief.rs",
        line: r"self.bans.verdict(&entry.namespace, || (&*entry.key).into(), tags, entry.as_of)",
        instead: r"{
            drop(tags);
            Verdict::Alive
        }",
        test: "c02_a_node_that_joins_after_the_log_was_trimmed_knows_the_bans",
    },
    Mutant {
        file: "redis/wire.rs",
        line: r"        Ok(Value::ServerError(error)) => Err(failure(error.into())),
",
        instead: "",
        test: "a_full_server_keeps_nothing_and_still_passes_invalidations_on",
    },
    Mutant {
        file: "redis/join.rs",
        line: r"        (cursor, Some(found.bans.clone()))",
        instead: r"        (cursor, None)",
        test: "c03_what_the_disk_has_kept_is_verified_if_nothing_was_missed_meanwhile",
    },
    Mutant {
        file: "redis/home.rs",
        line: r"        owed.into_iter().for_each(|notice| queue.push(notice));
",
        instead: r"        drop(owed);
",
        test: "c04_what_is_queued_is_told_even_if_the_process_ends_before_it",
    },
    Mutant {
        file: "redis/keeper.rs",
        line: r"            if next.is_empty() {
                return Ok(());
            }
            let stamp",
        instead: r"            if !next.is_empty() {
                self.shared.open(&self.link);
                return Ok(());
            }
            let stamp",
        test: "without_the_server_nodes_serve_and_queue_and_catch_up_when_it_returns",
    },
    Mutant {
        file: "share.rs",
        line: r"                shared.overtake_holder(wanted.hash, *turn);
",
        instead: r"                let _ = turn;
",
        test: "who_has_waited_for_two_lease_times_fills_for_itself_and_believes_nothing_older",
    },
    Mutant {
        file: "share.rs",
        line: r"clock.timeout(shared.renew_after(), &mut work)",
        instead: r"clock.timeout(shared.renew_after() * 1_000, &mut work)",
        test: "a_fill_of_four_lease_times_is_stored_and_the_others_wait_for_it",
    },
    Mutant {
        file: "lookup.rs",
        line: r"        if !namespace.is_verified(now) {
            return self.unverified_hit(key, entry, now);
        }
",
        instead: "",
        test: "without_the_server_nodes_serve_and_queue_and_catch_up_when_it_returns",
    },
    Mutant {
        file: "redis/join.rs",
        line: r"        if lost || (!is_same && link.is_cluster()) {
            self.owed.lock().tell_again();
        }
",
        instead: "",
        test: "what_a_restarted_server_has_lost_is_told_again",
    },
    Mutant {
        file: "redis/lease.rs",
        line: r"            belief.missed(hash, lease.turn, stamp);",
        instead: r"            belief.overtake(hash, lease.turn);",
        test: "of_two_inserts_at_the_same_time_one_counts_on_both_nodes",
    },
    Mutant {
        file: "share.rs",
        line: r"(put == Shelved::Refused && shared.has_later(id, &lease).await);",
        instead: r"put == Shelved::Refused;",
        test: "an_insert_whose_lease_the_server_has_evicted_is_heard_of",
    },
    Mutant {
        file: "to_the_end.rs",
        line: r"            self.spawner.spawn(Box::pin(async move { drop(work.await) }));",
        instead: r"            drop(work);",
        test: "an_invalidation_that_nobody_waits_for_any_more_reaches_all_the_same",
    },
    Mutant {
        file: "share.rs",
        line: r"                tier.announce(self.notice_of(text)).await;
",
        instead: "",
        test: "an_insert_is_heard_of_although_one_that_came_in_between_is_never_made",
    },
    Mutant {
        file: "redis/gather.rs",
        line: r"            self.spawner.spawn(Box::pin(Arc::clone(reads).send()));",
        instead: r"            Arc::clone(reads).send().await;",
        test: "a_read_that_nobody_polls_any_more_holds_up_no_other",
    },
    Mutant {
        file: "redis/gather.rs",
        line: r"(MOST_BYTES / typical).clamp(1, MOST_READS)",
        instead: r"MOST_READS.max(typical.min(1))",
        test: "no_more_is_asked_for_at_once_than_an_answer_should_hold",
    },
    Mutant {
        file: "share.rs",
        line: r"let fits = value.len() <= MAX_SHARED_BYTES && !life.hard.is_zero();",
        instead: r"let fits = !life.hard.is_zero();",
        test: "what_is_too_large_is_not_shared_and_holds_nobody_up",
    },
    Mutant {
        file: "share.rs",
        line: r"if stored.payload.len() > MAX_PAYLOAD_BYTES {",
        instead: r"if stored.payload.len() > usize::MAX - MAX_PAYLOAD_BYTES {",
        test: "what_is_too_large_is_not_shared_and_holds_nobody_up",
    },
    Mutant {
        file: "share.rs",
        line: r"            shared.release(id, &lease, true).await;
",
        instead: "",
        test: "what_is_too_large_is_not_shared_and_holds_nobody_up",
    },
    Mutant {
        file: "redis/keeper.rs",
        line: r"if self.link.is_cluster() && looked.elapsed() >= block {",
        instead: r"if self.link.is_cluster() && looked.elapsed() >= Duration::MAX {",
        test: "a_server_of_the_cluster_that_goes_back_is_noticed_without_a_call",
    },
    Mutant {
        file: "redis/number.rs",
        line: r"                    drop(wire.call_unlimited(self.release).await);
",
        instead: r"                    drop(self.release);
",
        test: "in_a_cluster_a_lease_that_cannot_be_numbered_is_given_back",
    },
    Mutant {
        file: "share.rs",
        line: r"                    shared.believe_successor(hash, stamp);
",
        instead: "",
        test: "in_a_cluster_of_two_inserts_at_the_same_time_no_two_count",
    },
    Mutant {
        file: "share.rs",
        line: r"            shared.until_free(self.id(wanted.text), left).await;",
        instead: r"            self.engine.clock.sleep(left.min(Duration::from_millis(15))).await;",
        test: "those_who_wait_for_many_keys_look_with_one_call",
    },
    Mutant {
        file: "redis/keeper.rs",
        line: r"match self.shared.failed.lock().take() {",
        instead: r"match self.shared.away.lock().clone().map(Failure::Away) {",
        test: "a_cluster_is_in_use_again_although_ever_more_is_owed",
    },
    Mutant {
        file: "redis/tell.rs",
        line: r"owed.is_being_paid().then(|| self.opened.notified())",
        instead: r"owed.is_being_paid().then(|| self.opened.notified()).filter(|_| false)",
        test: "a_cluster_is_in_use_again_although_ever_more_is_owed",
    },
    Mutant {
        file: "install.rs",
        line: r"            Keep::Lifted(..) => {}",
        instead: r"            Keep::Lifted(..) => shard.installed(hash, head.as_of),",
        test: "a_stale_value_that_others_hold_too_is_fetched_anew",
    },
    Mutant {
        file: "install.rs",
        line: r"            Keep::Lifted(..) => {}",
        instead: r"            Keep::Lifted(..) => shard.promoted(hash, head.as_of),",
        test: "a_stale_value_that_others_hold_too_stands_in_for_all_who_ask",
    },
    Mutant {
        file: "lookup.rs",
        line: r"            (Held::Nothing(_) | Held::Stale(..), Some(below @ Held::Stale(..))) => below,",
        instead: r"            (Held::Nothing(_), Some(below @ Held::Stale(..))) => below,",
        test: "a_stale_value_that_others_hold_too_is_fetched_anew",
    },
    Mutant {
        file: "lookup.rs",
        line: r"            Held::Stale(..) => self.engine.flights.lock(hash).is_joinable(hash),",
        instead: r"            Held::Stale(..) => false,",
        test: "who_looks_while_a_stale_value_is_fetched_anew_does_not_pass_it",
    },
    Mutant {
        file: "install.rs",
        line: r"            && ![lift.shown, lift.mark].contains(&shard.shown(hash))",
        instead: r"            && false",
        test: "c08_what_was_read_before_does_not_replace_what_has_been_shown",
    },
    Mutant {
        file: "refuse.rs",
        line: r"        displaced.0.extend(memory.remove(hash));
        self.remove_from_disk(text)
    }

    /// A value that a ban",
        instead: r"        Ack::done()
    }

    /// A value that a ban",
        test: "c08_of_two_that_were_read_at_once_the_older_does_not_come_last",
    },
    Mutant {
        file: "give_way.rs",
        line: r"            None => passed.landed,",
        instead: r"            None => engine.log.next(),",
        test: "who_gives_way_lets_what_has_begun_since_be_kept",
    },
    Mutant {
        file: "give_way.rs",
        line: r"            Held::Fresh(..) | Held::Stale(..) | Held::Nothing(_) => {",
        instead: r"            Held::Nothing(_) => {}
            Held::Fresh(..) | Held::Stale(..) => {",
        test: "c08_what_is_past_its_grace_does_not_come_back_after_what_was_shown",
    },
    Mutant {
        file: "give_way.rs",
        line: r"let error = out_of_time(deadline);",
        instead: r"let error = out_of_time(caller.policy.hard_deadline);",
        test: "c10_what_is_stale_stands_in_from_the_soft_deadline_on",
    },
    Mutant {
        file: "install.rs",
        line: r"if self.holds_later(hash, head.as_of, displaced) {",
        instead: r"if false && self.holds_later(hash, head.as_of, displaced) {",
        test: "c08_what_was_fetched_alone_does_not_replace_a_later_stale_value",
    },
];
