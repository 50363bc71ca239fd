//! The settings of the shared tier.

use std::path::Path;
use std::time::Duration;

use crate::load::ConfigError;
use crate::model::Redis;
use crate::secret::Secret;
use crate::settings::{not_empty, required};

/// The shared tier.
#[derive(Debug, Clone, PartialEq)]
pub struct RedisSettings {
    /// Where the server is; may have a password in it.
    pub url: Secret,
    /// The certificates (PEM) of the authorities that are trusted for TLS; `None`: the system's.
    pub ca: Option<Vec<u8>>,
    /// What every key begins with.
    pub prefix: String,
    /// A call that takes longer is a miss.
    pub deadline: Duration,
    /// What is held is unverified if this node is further behind the others than that.
    pub max_lag: Duration,
    /// How long a node that has died keeps others from filling a key.
    pub lease: Duration,
    /// Which part of the hits in memory is compared with what the server has.
    pub shadow: f64,
}

impl RedisSettings {
    pub(crate) fn tier(&self) -> spence::Redis {
        let redis = spence::Redis::at(self.url.reveal())
            .prefix(&self.prefix)
            .deadline(self.deadline)
            .max_lag(self.max_lag)
            .lease(self.lease)
            .shadow(self.shadow);
        match &self.ca {
            Some(pem) => redis.ca(pem.as_slice()),
            None => redis,
        }
    }

    /// Checked; `None` without a URL.
    pub(crate) fn of(redis: Redis) -> Result<Option<Self>, ConfigError> {
        let url = not_empty("redis.url", redis.url.map(|url| url.0))?;
        let settings = Self {
            url: Secret::new(url.clone().unwrap_or_else(|| "redis://127.0.0.1".to_owned())),
            ca: redis.ca.map(|path| certificates(&path)).transpose()?,
            prefix: required("redis.prefix", redis.prefix)?,
            deadline: required("redis.deadline", redis.deadline)?.0,
            max_lag: required("redis.max_lag", redis.max_lag)?.0,
            lease: required("redis.lease", redis.lease)?.0,
            shadow: required("redis.shadow", redis.shadow)?,
        };
        settings.tier().check().map_err(|error| ConfigError::new(error.to_string()))?;
        Ok(url.map(|_| settings))
    }
}

fn certificates(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let wrong = |what: &str| ConfigError::new(format!("redis.ca: {}: {what}", path.display()));
    if path.as_os_str().is_empty() {
        return Err(ConfigError::new("redis.ca: is empty; give it a value"));
    }
    let pem = std::fs::read(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    let checked = spence::Redis::at("rediss://127.0.0.1").ca(pem.as_slice()).check();
    checked.map_err(|_| wrong("expected certificates in PEM"))?;
    Ok(pem)
}
