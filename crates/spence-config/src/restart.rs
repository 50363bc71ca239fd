//! What cannot change while a process runs.

use crate::redis::RedisSettings;
use crate::settings::{DiskSettings, MarketSettings, MemorySettings, ServerSettings, Settings};

/// Names the fields in which two sections differ. Names every field, so that one that is added
/// does not compile until it is here.
macro_rules! compare {
    ($names:ident, $old:expr, $new:expr, $section:literal: $type:ident { $($field:ident),* $(; $other:ident)? }) => {{
        let $type { $($field,)* $($other: _)? } = $old;
        $(if *$field != $new.$field {
            $names.push(concat!($section, ".", stringify!($field)));
        })*
    }};
}

impl Settings {
    /// The settings in which `other` differs and that take a restart: all but `memory.budget` and
    /// policies. (Of these `memory_budget` does; the engine says so.)
    #[must_use]
    pub fn differing_until_restart(&self, other: &Self) -> Vec<&'static str> {
        let mut names = Vec::new();
        match (&self.memory, &other.memory) {
            (Some(old), Some(new)) => compare!(
                names, old, new, "memory": MemorySettings { eviction, max_entries; budget }
            ),
            (None, None) => {}
            _ => names.push("memory.enabled"),
        }
        match (&self.disk, &other.disk) {
            (Some(old), Some(new)) => compare!(
                names, old, new,
                "disk": DiskSettings { dir, budget, compression, durability, deadline }
            ),
            (None, None) => {}
            _ => names.push("disk.enabled"),
        }
        match (&self.redis, &other.redis) {
            (Some(old), Some(new)) => compare!(
                names, old, new,
                "redis": RedisSettings { url, ca, prefix, deadline, max_lag, lease, shadow }
            ),
            (None, None) => {}
            _ => names.push("redis.url"),
        }
        compare!(
            names, &self.server, &other.server,
            "server": ServerSettings { listen, token, allow_origins, max_body, rate_limit }
        );
        compare!(
            names, &self.market, &other.market,
            "market": MarketSettings {
                base_url, api_key, calls_per_minute, max_calls_per_day, refresh_ahead
            }
        );
        if self.providers != other.providers {
            names.push("providers");
        }
        names
    }
}
