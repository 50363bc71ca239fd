//! Counting without slowing a hit down: plain atomics, striped by thread, read as a snapshot.
//!
//! The engine knows no metrics library. Whoever wants metrics renders a [`Snapshot`].
//! Every read counts once: as a hit (fresh, from whichever tier), a stale hit or a miss.

use std::time::Duration;

use crate::outcome::{MissCause, Source};
use crate::stripe::{self, STRIPES};
use crate::sync::{AtomicU64, AtomicUsize, Ordering, Padded};

macro_rules! counters {
    ($($(#[$doc:meta])* $event:ident => $field:ident;)*) => {
        /// What is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Count {
            $($(#[$doc])* $event,)*
        }

        const EVENTS: usize = [$(Count::$event),*].len();

        /// The sums of a set of counters.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub(crate) struct Counts {
            $(pub(crate) $field: u64,)*
        }

        impl Counters {
            pub(crate) fn counts(&self) -> Counts {
                Counts { $($field: self.sum(Count::$event),)* }
            }
        }
    };
}

counters! {
    /// A fresh answer from memory.
    MemoryHit => memory_hits;
    /// A fresh answer from disk.
    DiskHit => disk_hits;
    /// A fresh answer from the shared tier.
    RedisHit => redis_hits;
    /// Of the hits, those that said "nothing there".
    NegativeHit => negative_hits;
    /// Of the hits, those labelled unverified.
    UnverifiedHit => unverified_hits;
    /// A stale value was served.
    StaleHit => stale_hits;
    /// No tier could answer.
    Miss => misses;
    /// Of the misses, those whose value's time was over.
    MissExpired => misses_expired;
    /// Of the misses, those under a ban.
    MissBanned => misses_banned;
    /// Of the misses, those of another schema, codec or origin.
    MissSchema => misses_schema;
    /// Of the misses, those that the disk failed.
    MissFailed => misses_failed;
    /// A fill was started.
    OriginCall => origin_calls;
    /// A fill failed, panicked or ran out of time.
    OriginError => origin_errors;
    /// Microseconds spent in fills.
    OriginMicros => origin_micros;
    /// Microseconds of origin time that hits did not spend again.
    SavedMicros => saved_micros;
    /// A value was put in by `insert`.
    Insert => inserts;
    /// A finished fill was not installed, since an invalidation had passed it.
    InstallRefused => installs_refused;
    /// Memory dropped an entry for room.
    Eviction => evictions;
    /// A key was invalidated or expired by name (wide ones are counted by the engine).
    Invalidation => invalidations;
}

/// A set of counters, each spread over stripes so that threads do not share cache lines.
#[derive(Debug)]
pub(crate) struct Counters {
    stripes: Box<[Padded<[AtomicU64; EVENTS]>]>,
}

impl Counters {
    pub(crate) fn new() -> Self {
        let stripe = || Padded(std::array::from_fn(|_| AtomicU64::new(0)));
        Self { stripes: (0..STRIPES).map(|_| stripe()).collect() }
    }

    #[inline]
    pub(crate) fn count(&self, event: Count) {
        self.add(event, 1);
    }

    /// Counts a hit in memory that spared `saved_micros` of origin time; how many there were, by
    /// this thread's counter.
    #[inline]
    pub(crate) fn memory_hit(&self, saved_micros: u32) -> u64 {
        self.add(Count::SavedMicros, u64::from(saved_micros));
        self.add(Count::MemoryHit, 1)
    }

    #[inline]
    pub(crate) fn add(&self, event: Count, amount: u64) -> u64 {
        let (stripe, own) = stripe::mine();
        let Some(counter) = self.stripes.get(stripe).and_then(|s| s.0.get(event as usize)) else {
            return 0;
        };
        if own {
            // Nobody else writes to it.
            let count = counter.load(Ordering::Relaxed).wrapping_add(amount);
            counter.store(count, Ordering::Relaxed);
            count
        } else {
            counter.fetch_add(amount, Ordering::Relaxed).wrapping_add(amount)
        }
    }

    /// Counts a fresh answer that spared `saved_micros` of origin time.
    #[inline]
    pub(crate) fn hit(&self, source: Source, saved_micros: u32) {
        match source {
            Source::Memory => self.count(Count::MemoryHit),
            Source::Disk => self.count(Count::DiskHit),
            Source::Redis => self.count(Count::RedisHit),
            Source::Origin => self.count(Count::Miss),
        }
        self.add(Count::SavedMicros, u64::from(saved_micros));
    }

    /// Counts a read that no tier could answer.
    pub(crate) fn miss(&self, cause: MissCause) {
        self.count(Count::Miss);
        match cause {
            MissCause::Absent | MissCause::Short => {}
            MissCause::Expired => self.count(Count::MissExpired),
            MissCause::Banned => self.count(Count::MissBanned),
            MissCause::Schema => self.count(Count::MissSchema),
            MissCause::Failed => self.count(Count::MissFailed),
        }
    }

    fn sum(&self, event: Count) -> u64 {
        let of = |s: &Padded<[AtomicU64; EVENTS]>| {
            s.0.get(event as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
        };
        self.stripes.iter().map(of).sum()
    }
}

/// What a cache holds in memory; kept by the pool as entries come and go.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    entries: AtomicUsize,
    bytes: AtomicU64,
}

impl Holdings {
    pub(crate) fn enter(&self, weight: u32) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(u64::from(weight), Ordering::Relaxed);
    }

    pub(crate) fn leave(&self, weight: u32) {
        self.entries.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(u64::from(weight), Ordering::Relaxed);
    }

    pub(crate) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed) as u64
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Counters of one cache, or their totals.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Reads answered with a fresh value (or a fresh "nothing there") from a tier.
    pub hits: u64,
    /// Of the hits, those answered from memory.
    pub memory_hits: u64,
    /// Of the hits, those answered from disk.
    pub disk_hits: u64,
    /// Of the hits, those answered from the shared tier.
    pub redis_hits: u64,
    /// Of the hits, those labelled unverified.
    pub unverified_hits: u64,
    /// Of the hits, those that said "nothing there".
    pub negative_hits: u64,
    /// Reads answered with a value labelled stale.
    pub stale_hits: u64,
    /// Reads that no tier could answer, those that waited for another caller's fill included.
    pub misses: u64,
    /// Of the misses, those whose value's time was over.
    pub misses_expired: u64,
    /// Of the misses, those of values invalidated by tag, prefix, glob or namespace.
    pub misses_banned: u64,
    /// Of the misses, those of values stored by another schema, codec or origin.
    pub misses_schema: u64,
    /// Of the misses, those that the disk or the shared tier failed, or answered too late.
    pub misses_failed: u64,
    /// `hits + stale_hits + misses`.
    pub total: u64,
    /// `hits / total`, a fraction of 1; 0 before the first read.
    pub hit_rate: f64,
    /// Entries in memory.
    pub cache_size: u64,
    /// Bytes that these entries take of the memory budget.
    pub memory_bytes: u64,
    /// Bytes on disk: of the cache's live records; in the totals, of all files.
    pub disk_bytes: u64,
    /// Fills started.
    pub origin_calls: u64,
    /// Fills that failed, panicked or ran out of time.
    pub origin_errors: u64,
    /// Seconds spent in fills.
    pub origin_seconds: f64,
    /// Seconds of origin time that hits did not spend again: the sum, over all hits, of how long
    /// the fill of that entry took.
    pub origin_seconds_saved: f64,
    /// Values put in by `insert`.
    pub inserts: u64,
    /// Fills that were not installed, since an invalidation had passed them.
    pub installs_refused: u64,
    /// Entries that memory dropped for room.
    pub evictions: u64,
    /// Invalidations and expiries of single keys.
    pub invalidations: u64,
}

impl CacheStats {
    pub(crate) fn new(counts: Counts, holdings: &Holdings, disk_bytes: u64) -> Self {
        let seconds = |micros| Duration::from_micros(micros).as_secs_f64();
        let hits = counts.memory_hits + counts.disk_hits + counts.redis_hits;
        let mut stats = Self {
            hits,
            memory_hits: counts.memory_hits,
            disk_hits: counts.disk_hits,
            redis_hits: counts.redis_hits,
            unverified_hits: counts.unverified_hits,
            negative_hits: counts.negative_hits,
            stale_hits: counts.stale_hits,
            misses: counts.misses,
            misses_expired: counts.misses_expired,
            misses_banned: counts.misses_banned,
            misses_schema: counts.misses_schema,
            misses_failed: counts.misses_failed,
            cache_size: holdings.entries(),
            memory_bytes: holdings.bytes(),
            disk_bytes,
            origin_calls: counts.origin_calls,
            origin_errors: counts.origin_errors,
            origin_seconds: seconds(counts.origin_micros),
            origin_seconds_saved: seconds(counts.saved_micros),
            inserts: counts.inserts,
            installs_refused: counts.installs_refused,
            evictions: counts.evictions,
            invalidations: counts.invalidations,
            ..Self::default()
        };
        stats.rate();
        stats
    }

    /// Adds another cache's figures.
    pub(crate) fn add(&mut self, other: &Self) {
        self.hits += other.hits;
        self.memory_hits += other.memory_hits;
        self.disk_hits += other.disk_hits;
        self.redis_hits += other.redis_hits;
        self.unverified_hits += other.unverified_hits;
        self.negative_hits += other.negative_hits;
        self.stale_hits += other.stale_hits;
        self.misses += other.misses;
        self.misses_expired += other.misses_expired;
        self.misses_banned += other.misses_banned;
        self.misses_schema += other.misses_schema;
        self.misses_failed += other.misses_failed;
        self.cache_size += other.cache_size;
        self.memory_bytes += other.memory_bytes;
        self.disk_bytes += other.disk_bytes;
        self.origin_calls += other.origin_calls;
        self.origin_errors += other.origin_errors;
        self.origin_seconds += other.origin_seconds;
        self.origin_seconds_saved += other.origin_seconds_saved;
        self.inserts += other.inserts;
        self.installs_refused += other.installs_refused;
        self.evictions += other.evictions;
        self.invalidations += other.invalidations;
        self.rate();
    }

    fn rate(&mut self) {
        self.total = self.hits + self.stale_hits + self.misses;
        self.hit_rate = if self.total == 0 { 0.0 } else { self.hits as f64 / self.total as f64 };
    }
}

/// The figures of an engine at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// By cache, in the order of their names; those of which only the disk knows too.
    pub caches: Vec<(String, CacheStats)>,
    /// The sums over all caches, but `disk_bytes` is what the disk directory takes in all.
    pub total: CacheStats,
    /// The memory budget in bytes; 0 when memory is off.
    pub memory_budget: u64,
    /// The disk budget in bytes; 0 when disk is off.
    pub disk_budget: u64,
    /// Times that the disk failed, or could not take or return a value.
    pub disk_errors: u64,
    /// Times that reads from disk were suspended for a second, since five in a row had failed or
    /// taken too long.
    pub disk_breaker_opened: u64,
    /// Keys that the disk holds values of.
    pub disk_entries: u64,
    /// The shared tier; `None` without one.
    pub redis: Option<RedisStats>,
    /// Invalidations and expiries made by tag, prefix, glob or namespace.
    pub bans: u64,
    /// Different tags, namespaces, prefixes and globs that are kept as banned.
    pub bans_in_force: u64,
}

/// The shared tier as a node sees it at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisStats {
    /// Why it is not used; `None` while it is.
    pub away: Option<String>,
    /// Why it refused the last value or question, as when its memory is full; `None` since it has
    /// taken one.
    pub refused: Option<String>,
    /// Whether it is certain that no other node's invalidation has been missing here for longer
    /// than `max_lag`. If not, hits are labelled unverified.
    pub verified: bool,
    /// Invalidations that it has yet to be told of.
    pub queued: u64,
    /// Calls that it did not answer, or refused.
    pub errors: u64,
    /// Hits in memory that were compared with what it had.
    pub shadow_checked: u64,
    /// Of these, those that it had another value for, which was newer by more than `max_lag`.
    pub shadow_differed: u64,
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn stripes_add_up_across_threads() {
        let counters = Counters::new();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..1000).for_each(|_| counters.hit(Source::Memory, 3)));
            }
        });
        let counts = counters.counts();
        assert_eq!((counts.memory_hits, counts.saved_micros), (8_000, 24_000));
    }

    #[test]
    fn the_rate_is_hits_over_all_reads() {
        let counters = Counters::new();
        counters.hit(Source::Memory, 0);
        counters.count(Count::StaleHit);
        counters.count(Count::Miss);
        counters.count(Count::Miss);
        let stats = CacheStats::new(counters.counts(), &Holdings::default(), 0);
        assert_eq!((stats.total, stats.hit_rate), (4, 0.25));
        assert_eq!(CacheStats::default().hit_rate, 0.0);
    }
}
