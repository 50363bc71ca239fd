//! Prometheus metrics, rendered from the engine's figures at each scrape.
//!
//! All names are here and in docs/metrics.md. Keys are never labels.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use spence::{CacheStats, RedisStats, Snapshot};

/// The text of GET /metrics.
pub(crate) fn render(snapshot: Snapshot, others: impl Collector) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Figures(snapshot)));
    registry.register_collector(Box::new(others));
    let mut out = String::new();
    // Writing into a string cannot fail.
    text::encode(&mut out, &registry).unwrap_or(());
    out
}

#[derive(Debug)]
struct Figures(Snapshot);

/// How a cache's figure is found, and its labels beside the cache.
type Gets = (&'static str, &'static str, fn(&CacheStats) -> u64);

const GETS: [Gets; 5] = [
    ("memory", "hit", |s| s.memory_hits),
    ("disk", "hit", |s| s.disk_hits),
    ("redis", "hit", |s| s.redis_hits),
    ("any", "stale_hit", |s| s.stale_hits),
    ("any", "miss", |s| s.misses),
];

/// A cause of misses, and how many it had.
type Cause = (&'static str, fn(&CacheStats) -> u64);

const CAUSES: [Cause; 5] = [
    ("absent", |s| {
        s.misses - s.misses_expired - s.misses_banned - s.misses_schema - s.misses_failed
    }),
    ("expired", |s| s.misses_expired),
    ("banned", |s| s.misses_banned),
    ("schema", |s| s.misses_schema),
    ("failed", |s| s.misses_failed),
];

/// Name without `_total`, help, value.
type Count = (&'static str, &'static str, fn(&CacheStats) -> u64);

const COUNTS: [Count; 9] = [
    ("spence_stale_served", "Reads answered with a value labelled stale.", |s| s.stale_hits),
    ("spence_unverified_served", "Hits labelled unverified.", |s| s.unverified_hits),
    ("spence_negative_hits", "Hits that said that there is nothing.", |s| s.negative_hits),
    ("spence_origin_calls", "Fills started.", |s| s.origin_calls),
    ("spence_origin_errors", "Fills that failed.", |s| s.origin_errors),
    ("spence_inserts", "Values put in by hand.", |s| s.inserts),
    ("spence_installs_refused", "Fills passed by an invalidation.", |s| s.installs_refused),
    ("spence_evictions", "Entries dropped from memory for room.", |s| s.evictions),
    ("spence_invalidations", "Invalidations and expiries of single keys.", |s| s.invalidations),
];

/// As [`Count`], in seconds.
type Time = (&'static str, &'static str, fn(&CacheStats) -> f64);

const SECONDS: [Time; 2] = [
    ("spence_origin_seconds", "Time spent in fills.", |s| s.origin_seconds),
    ("spence_origin_seconds_saved", "Origin time that hits did not spend again.", |s| {
        s.origin_seconds_saved
    }),
];

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Self(snapshot) = self;
        let gets = snapshot.caches.iter().flat_map(|(cache, stats)| {
            GETS.iter().map(move |(tier, result, of)| {
                ([("cache", cache.as_str()), ("tier", tier), ("result", result)], of(stats))
            })
        });
        counters(&mut encoder, "cache_gets", "Reads by tier and result.", gets)?;
        let causes = snapshot.caches.iter().flat_map(|(cache, stats)| {
            CAUSES
                .iter()
                .map(move |(cause, of)| ([("cache", cache.as_str()), ("cause", cause)], of(stats)))
        });
        counters(&mut encoder, "spence_misses", "Misses by their cause.", causes)?;
        for (name, help, of) in COUNTS {
            let rows =
                snapshot.caches.iter().map(|(c, stats)| ([("cache", c.as_str())], of(stats)));
            counters(&mut encoder, name, help, rows)?;
        }
        for (name, help, of) in SECONDS {
            let rows =
                snapshot.caches.iter().map(|(c, stats)| ([("cache", c.as_str())], of(stats)));
            counters(&mut encoder, name, help, rows)?;
        }
        let sizes = snapshot
            .caches
            .iter()
            .map(|(c, stats)| ([("cache", c.as_str()), ("tier", "memory")], stats.cache_size));
        gauges(&mut encoder, "spence_entries", "Entries held.", sizes)?;
        let bytes = snapshot.caches.iter().flat_map(|(cache, stats)| {
            let row = |tier, bytes| ([("cache", cache.as_str()), ("tier", tier)], bytes);
            [row("memory", stats.memory_bytes), row("disk", stats.disk_bytes)]
        });
        gauges(&mut encoder, "spence_bytes", "Bytes held, by cache.", bytes)?;
        let budgets = [
            ([("tier", "memory")], snapshot.memory_budget),
            ([("tier", "disk")], snapshot.disk_budget),
        ];
        gauges(&mut encoder, "spence_budget_bytes", "Budget of a tier.", budgets.into_iter())?;
        let used = [
            ([("tier", "memory")], snapshot.total.memory_bytes),
            ([("tier", "disk")], snapshot.total.disk_bytes),
        ];
        gauges(&mut encoder, "spence_used_bytes", "Bytes of a tier in use.", used.into_iter())?;
        let none: [(&str, &str); 0] = [];
        let alone = |value| std::iter::once((none, value));
        counters(&mut encoder, "spence_bans", "Wide invalidations made.", alone(snapshot.bans))?;
        let errors = snapshot.disk_errors;
        counters(&mut encoder, "spence_disk_errors", "Times that the disk failed.", alone(errors))?;
        let opened = alone(snapshot.disk_breaker_opened);
        counters(&mut encoder, "spence_breaker_opened", "Times that disk reads paused.", opened)?;
        match &snapshot.redis {
            Some(redis) => encode_redis(&mut encoder, redis),
            None => Ok(()),
        }
    }
}

/// The figures of the shared tier.
fn encode_redis(
    encoder: &mut DescriptorEncoder<'_>,
    redis: &RedisStats,
) -> Result<(), std::fmt::Error> {
    let none: [(&str, &str); 0] = [];
    let alone = |value| std::iter::once((none, value));
    let connected = alone(u64::from(redis.away.is_none()));
    gauges(encoder, "spence_redis_connected", "Whether the shared tier is in use.", connected)?;
    let verified = alone(u64::from(redis.verified));
    let help = "Whether this node is certain to be up to date with the others.";
    gauges(encoder, "spence_redis_verified", help, verified)?;
    let help = "Invalidations that the shared tier has yet to be told of.";
    gauges(encoder, "spence_redis_queued", help, alone(redis.queued))?;
    let help = "Calls that the shared tier did not answer, or refused.";
    counters(encoder, "spence_redis_errors", help, alone(redis.errors))?;
    let compared = [
        ([("result", "same")], redis.shadow_checked - redis.shadow_differed),
        ([("result", "differed")], redis.shadow_differed),
    ];
    let help = "Hits in memory compared with what the shared tier had.";
    counters(encoder, "spence_shadow_checks", help, compared.into_iter())
}

fn counters<'a, const N: usize, T>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    rows: impl Iterator<Item = ([(&'static str, &'a str); N], T)>,
) -> Result<(), std::fmt::Error>
where
    ConstCounter<T>: EncodeMetric,
{
    let rows = rows.map(|(labels, value)| (labels, ConstCounter::new(value)));
    family(encoder, name, help, rows)
}

fn gauges<'a, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    rows: impl Iterator<Item = ([(&'static str, &'a str); N], u64)>,
) -> Result<(), std::fmt::Error> {
    let signed = |value| i64::try_from(value).unwrap_or(i64::MAX);
    let rows = rows.map(|(labels, value)| (labels, ConstGauge::new(signed(value))));
    family(encoder, name, help, rows)
}

fn family<'a, const N: usize, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    rows: impl Iterator<Item = ([(&'static str, &'a str); N], M)>,
) -> Result<(), std::fmt::Error> {
    let mut rows = rows.peekable();
    let Some((labels, first)) = rows.peek() else { return Ok(()) };
    let mut family = encoder.encode_descriptor(name, help, None, first.metric_type())?;
    if labels.is_empty() {
        return first.encode(family);
    }
    for (labels, metric) in rows {
        metric.encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_rendered_with_their_labels() {
        let mut stats = CacheStats::default();
        (stats.memory_hits, stats.misses, stats.origin_seconds_saved) = (3, 2, 1.5);
        let mut snapshot = Snapshot::default();
        snapshot.caches = vec![("OHLCV".into(), stats)];
        snapshot.memory_budget = 100;
        let text = render(snapshot, Figures(Snapshot::default()));
        for line in [
            r#"cache_gets_total{cache="OHLCV",tier="memory",result="hit"} 3"#,
            r#"cache_gets_total{cache="OHLCV",tier="any",result="miss"} 2"#,
            r#"spence_misses_total{cache="OHLCV",cause="absent"} 2"#,
            r#"spence_origin_seconds_saved_total{cache="OHLCV"} 1.5"#,
            r#"spence_budget_bytes{tier="memory"} 100"#,
            "spence_bans_total 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
