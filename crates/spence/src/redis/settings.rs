//! Where the shared tier is, and how long it may take.

use std::time::Duration;

use super::address::{Address, are_certificates};
use super::url::{EXPECTED, Url};
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
    ca: Option<Vec<u8>>,
    prefix: String,
    pub(super) deadline: Duration,
    pub(super) max_lag: Duration,
    pub(super) lease: Duration,
    pub(super) shadow: f64,
}

impl Redis {
    /// The server at a URL: `redis://[user:password@]host[:port][/database]`, or
    /// `redis+unix://[user:password@]/path` for a socket (database 0). Or the master that
    /// sentinels name: `redis+sentinel://[user:password@]host[:port],../master[/database]` (hosts
    /// and ports, by default 26379, are the sentinels', user and password the master's). Or a
    /// cluster, of which some nodes are named: `redis+cluster://[user:password@]host[:port],..`.
    /// With `rediss` instead of `redis` over TLS.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ca: None,
            prefix: DEFAULT_PREFIX.to_owned(),
            deadline: DEFAULT_DEADLINE,
            max_lag: DEFAULT_MAX_LAG,
            lease: DEFAULT_LEASE,
            shadow: DEFAULT_SHADOW,
        }
    }

    /// The certificates (PEM) of the authorities to trust for TLS, instead of the system's.
    #[must_use]
    pub fn ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(pem.into());
        self
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
    /// rounded to a power of two, and 64 a second at most; default 0.001.
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
        self.address().map(drop)
    }

    /// Where that is, if the settings are within their limits.
    pub(super) fn address(&self) -> Result<Address, Error> {
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
        let invalid = |why: &str| Error::invalid(format!("redis.url: {why}; {EXPECTED}"));
        let url = Url::parse(&self.url).map_err(invalid)?;
        if let Some(pem) = &self.ca {
            if !are_certificates(pem) {
                return Err(Error::invalid("redis.ca: expected certificates in PEM".to_owned()));
            }
            if !url.is_tls {
                let message =
                    "redis.ca: nothing is checked without TLS; expected rediss in redis.url";
                return Err(Error::invalid(message.to_owned()));
            }
        }
        // What the library says of a URL may repeat the password in it.
        Address::of(&url, self.ca.as_deref()).map_err(|_| invalid("it cannot be read"))
    }

    /// The same in words, without the login.
    pub(super) fn place(&self) -> String {
        Url::parse(&self.url).map(|url| url.place()).unwrap_or_default()
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
            let error = redis.check().unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("secret"), "{error}");
        };
        let at = || Redis::at("redis://127.0.0.1:1");
        check(Redis::at("http://user:secret@host"), "redis.url: its scheme is another; expected");
        check(Redis::at("redis://user:secret@host:99999999"), "a port is not a number from 1 to");
        check(at().ca("-----BEGIN NOTHING-----"), "redis.ca: expected certificates");
        for url in [
            "redis+unix:///run/redis.sock",
            "rediss://user:p@host:6380/2",
            "redis+sentinel://user:p@one,two:26380,[::1]:5/main/3",
            "rediss+cluster://user:p@one,two:7001/",
        ] {
            assert!(Redis::at(url).check().is_ok(), "{url}");
        }
        check(at().prefix(""), "prefix: \"\"");
        check(at().prefix("a{b}"), "prefix: \"a{b}\"");
        check(at().deadline(Duration::ZERO), "redis.deadline: 0ns, expected 1ms to 10s");
        check(at().max_lag(Duration::from_millis(1)), "max_lag: 1ms");
        check(at().shadow(f64::NAN), "redis.shadow: NaN, expected 0 to 1");
        check(at().lease(Duration::from_secs(7200)), "lease: 7200s");
        assert!(at().prefix("prod:eu-1").address().is_ok());
        assert!(!format!("{:?}", Redis::at("redis://u:secret@h")).contains("secret"));
    }
}
