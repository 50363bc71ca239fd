//! Where the shared tier is, and how long it may take.

use std::time::Duration;

use redis::{Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

use crate::error::Error;

const DEFAULT_PREFIX: &str = "spence";
const DEFAULT_DEADLINE: Duration = Duration::from_millis(20);
const DEFAULT_MAX_LAG: Duration = Duration::from_secs(2);
const DEFAULT_LEASE: Duration = Duration::from_secs(5);
const DEFAULT_SHADOW: f64 = 0.001;
/// The longest prefix, in bytes.
const MAX_PREFIX_BYTES: usize = 64;

/// A Redis (6.2 or later) or Valkey server that several nodes share, as a tier below memory and
/// disk. Given to [`crate::SpenceBuilder::redis`]; a URL alone will do.
///
/// ```
/// use std::time::Duration;
/// use spence::{Redis, Spence};
///
/// let shared = Redis::at("redis://127.0.0.1:6379/0").prefix("prod").deadline(Duration::from_millis(50));
/// let builder = Spence::builder().redis(shared);
/// # drop(builder);
/// ```
#[derive(Clone)]
pub struct Redis {
    url: String,
    prefix: String,
    pub(super) deadline: Duration,
    pub(super) max_lag: Duration,
    pub(super) lease: Duration,
    pub(super) shadow: f64,
}

impl Redis {
    /// The server at a URL: `redis://[user:password@]host[:port][/database]`, or
    /// `redis+unix:///path` for a socket.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: DEFAULT_PREFIX.to_owned(),
            deadline: DEFAULT_DEADLINE,
            max_lag: DEFAULT_MAX_LAG,
            lease: DEFAULT_LEASE,
            shadow: DEFAULT_SHADOW,
        }
    }

    /// What every key begins with, followed by `:`. Nodes share what has the same prefix. Letters,
    /// digits, `_`, `-`, `.` and `:`, at most 64 bytes. Default `spence`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long one call may take before the tier counts as away until it answers again.
    /// 1 millisecond to 10 seconds, default 20 milliseconds.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How far this node may be behind the others' invalidations before what it holds is labelled
    /// unverified. 100 milliseconds to 1 hour, default 2 seconds.
    #[must_use]
    pub fn max_lag(mut self, max_lag: Duration) -> Self {
        self.max_lag = max_lag;
        self
    }

    /// How long a node that has died keeps the others from filling a key that it was filling.
    /// 100 milliseconds to 1 hour, default 5 seconds; a node that lives renews its leases.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Which part of the hits in memory is compared, later and by the way, with what the server
    /// has, so that staleness is measured ([`crate::RedisStats::shadow_differed`]). 0 (none) to 1,
    /// rounded to a power of two; default 0.001.
    #[must_use]
    pub fn shadow(mut self, fraction: f64) -> Self {
        self.shadow = fraction;
        self
    }

    /// Checks the settings; nothing is connected.
    ///
    /// # Errors
    /// `InvalidArgument`: which one is outside its limits, and what was expected.
    pub fn check(&self) -> Result<(), Error> {
        self.client().map(drop)
    }

    /// A client for these settings, if they are within their limits.
    pub(super) fn client(&self) -> Result<Client, Error> {
        let check = |name: &str, value: Duration, least: Duration, most: Duration| {
            let fits = (least..=most).contains(&value);
            let message = || format!("redis.{name}: {value:?}, expected {least:?} to {most:?}");
            if fits { Ok(()) } else { Err(Error::invalid(message())) }
        };
        let (ms, hour) = (Duration::from_millis(1), Duration::from_secs(3600));
        check("deadline", self.deadline, ms, Duration::from_secs(10))?;
        check("max_lag", self.max_lag, 100 * ms, hour)?;
        check("lease", self.lease, 100 * ms, hour)?;
        if !(0.0..=1.0).contains(&self.shadow) {
            let message = format!("redis.shadow: {}, expected 0 to 1", self.shadow);
            return Err(Error::invalid(message));
        }
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        if self.prefix.is_empty()
            || self.prefix.len() > MAX_PREFIX_BYTES
            || !self.prefix.chars().all(fine)
        {
            return Err(Error::invalid(format!(
                "redis.prefix: {:?}, expected 1 to {MAX_PREFIX_BYTES} letters, digits, `_`, `-`, \
                 `.` and `:`",
                self.prefix
            )));
        }
        // What the library says of a URL may repeat the password in it.
        let expected = "expected redis://[user:password@]host[:port][/database]";
        let invalid = |_| Error::invalid(format!("redis.url: {expected}"));
        let info: ConnectionInfo = self.url.as_str().into_connection_info().map_err(invalid)?;
        let settings = info.redis_settings().clone();
        // The name of the library is one more command that a user would need the right to.
        let settings = settings.set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        Client::open(info.set_redis_settings(settings)).map_err(invalid)
    }

    pub(super) fn names(&self) -> super::names::Names {
        super::names::Names::new(&self.prefix)
    }
}

impl From<&str> for Redis {
    fn from(url: &str) -> Self {
        Self::at(url)
    }
}

impl From<String> for Redis {
    fn from(url: String) -> Self {
        Self::at(url)
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the URL: it may have a password in it.
        f.debug_struct("Redis").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_outside_their_limits_are_refused_and_never_tell_the_password() {
        let check = |redis: Redis, expected: &str| {
            let error = redis.client().unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("secret"), "{error}");
        };
        let at = || Redis::at("redis://127.0.0.1:1");
        check(Redis::at("http://user:secret@host"), "redis.url: expected redis://");
        check(Redis::at("redis://user:secret@host:99999999"), "url: expected redis://");
        check(at().prefix(""), "prefix: \"\"");
        check(at().prefix("a{b}"), "prefix: \"a{b}\"");
        check(at().deadline(Duration::ZERO), "redis.deadline: 0ns, expected 1ms to 10s");
        check(at().max_lag(Duration::from_millis(1)), "max_lag: 1ms");
        check(at().shadow(f64::NAN), "redis.shadow: NaN, expected 0 to 1");
        check(at().lease(Duration::from_secs(7200)), "lease: 7200s");
        assert!(at().prefix("prod:eu-1").client().is_ok());
        assert!(!format!("{:?}", Redis::at("redis://u:secret@h")).contains("secret"));
    }
}
