//! From the `cache_config.yaml` of a financial data layer in Python to a `spence.yaml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::load::{ConfigError, parse};
use crate::model::Layer;
use crate::settings::{Settings, Sources};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CacheConfig {
    cache: Cache,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Cache {
    memory: Memory,
    disk: Disk,
    ttl_by_data_type: BTreeMap<String, Ttl>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Memory {
    enabled: Option<bool>,
    /// Entries.
    max_size: Option<u64>,
    default_ttl_hours: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Disk {
    enabled: Option<bool>,
    cache_dir: Option<String>,
    max_size_gb: Option<f64>,
    compression: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Ttl {
    Seconds(u64),
    Session(Session),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    market_hours: u64,
    after_hours: u64,
}

/// Makes a `spence.yaml` of a `cache_config.yaml`; `name` is what errors call the file.
///
/// ```
/// let theirs = "cache: { memory: { max_size: 1000 }, ttl_by_data_type: { CPI_INDEX: 86400 } }";
/// let ours = spence_config::import(theirs, "cache_config.yaml").unwrap();
/// assert!(ours.contains("max_entries: 1000") && ours.contains("CPI_INDEX: { ttl: 1day }"));
/// ```
///
/// # Errors
/// What is wrong, with the line and a caret; or that no `spence.yaml` can say it, and why.
pub fn import(text: &str, name: &str) -> Result<String, ConfigError> {
    let CacheConfig { cache: Cache { memory, disk, ttl_by_data_type } } = parse(text, name)?;
    let mut out = format!("# Made of {name} by `spence config import`.\n\nmemory:\n");
    if let Some(enabled) = memory.enabled {
        out.push_str(&format!("  enabled: {enabled}\n"));
    }
    out.push_str("  budget: 100MB         # bytes, which the original does not bound\n");
    out.push_str("  eviction: lru\n");
    if let Some(entries) = memory.max_size {
        out.push_str(&format!("  max_entries: {entries}\n"));
    }
    out.push_str("\ndisk:\n");
    if let Some(enabled) = disk.enabled {
        out.push_str(&format!("  enabled: {enabled}\n"));
    }
    if let Some(dir) = disk.cache_dir {
        out.push_str(&format!("  dir: '{}'\n", dir.replace('\'', "''")));
    }
    if let Some(gigabytes) = disk.max_size_gb {
        let bytes = bytes_of(gigabytes).ok_or_else(|| {
            ConfigError::new(format!("{name}: cache.disk.max_size_gb: {gigabytes} is no size"))
        })?;
        out.push_str(&format!("  budget: {bytes}B\n"));
    }
    if let Some(compression) = disk.compression {
        let word = if compression { "lz4" } else { "none" };
        out.push_str(&format!("  compression: {word}\n"));
    }
    if let Some(hours) = memory.default_ttl_hours {
        let seconds = (hours * 3600.0).round();
        if !(1.0..=1e10).contains(&seconds) {
            let what =
                format!("{name}: cache.memory.default_ttl_hours: {hours} is no time to live");
            return Err(ConfigError::new(what));
        }
        out.push_str(&format!("\ndefaults:\n  ttl: {}\n", span(seconds as u64)));
    }
    if !ttl_by_data_type.is_empty() {
        out.push_str(
            "\npolicies:\n  # Where the built-in policy of a type says more, as OHLCV's stale_if_error \
             does, that counts too;\n  # `spence config explain policies.OHLCV` shows it.\n",
        );
    }
    for (policy, ttl) in ttl_by_data_type {
        out.push_str(&match ttl {
            Ttl::Seconds(seconds) => format!("  {policy}: {{ ttl: {} }}\n", span(seconds)),
            Ttl::Session(Session { market_hours, after_hours }) => format!(
                "  {policy}: {{ ttl: {{ open: {}, closed: {} }}, calendar: XNYS }}\n",
                span(market_hours),
                span(after_hours)
            ),
        });
    }
    check(&out, name)?;
    Ok(out)
}

/// What was made must be a right configuration.
fn check(text: &str, name: &str) -> Result<Settings, ConfigError> {
    let file = Some(Layer::from_yaml(text, &format!("what {name} becomes"))?);
    Sources { file, ..Sources::default() }.resolve()
}

fn span(seconds: u64) -> String {
    humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string().replace(' ', "")
}

fn bytes_of(gigabytes: f64) -> Option<u64> {
    let bytes = (gigabytes * 1e9).round();
    (1.0..1e18).contains(&bytes).then_some(bytes as u64)
}
