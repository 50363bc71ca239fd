//! Whether a server can be a shared tier, and which one it is.

use std::collections::BTreeSet;

use super::join::GREETING;
use super::script::Version;
use super::wire::{Failure, Wire};

/// Servers that can be a shared tier: one, or the masters of a cluster.
#[derive(Debug)]
pub(super) struct Fit {
    /// The lowest.
    pub(super) version: Version,
    /// Another one after a restart or a failover.
    pub(super) identity: String,
}

/// Asks those that are connected.
pub(super) async fn fit(wire: &Wire) -> Result<Fit, Failure> {
    Fit::of(&wire.info(GREETING).await?)
}

impl Fit {
    /// By what each server says of itself.
    fn of(infos: &[String]) -> Result<Self, Failure> {
        let (mut version, mut identities) = (None, BTreeSet::new());
        for info in infos {
            let field = |name: &str| {
                let mut lines = info.lines();
                lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
            };
            let its = field("redis_version").and_then(Version::parse);
            let Some(its) = its.filter(|version| *version >= Version::OLDEST) else {
                let it_is = field("redis_version").unwrap_or("unknown");
                return Err(Failure::Away(format!(
                    "its version is {it_is}, expected 6.2 or later"
                )));
            };
            if field("role").is_some_and(|role| role != "master") {
                let why = "it is a replica, which cannot be written to";
                return Err(Failure::Away(why.to_owned()));
            }
            version = Some(version.map_or(its, |version: Version| version.min(its)));
            let part = |name| field(name).unwrap_or_default();
            identities.insert(format!("{} {}", part("run_id"), part("master_replid")));
        }
        let version = version.ok_or_else(|| Failure::Away("no master answers".to_owned()))?;
        let identities: Vec<_> = identities.into_iter().collect();
        Ok(Self { version, identity: identities.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_too_old_or_a_replica_does_not_fit() {
        let check = |info: &str, expected: &str| {
            let Failure::Away(why) = Fit::of(&[info.to_owned()]).unwrap_err() else {
                panic!("{info}")
            };
            assert!(why.contains(expected), "{why}");
        };
        check("redis_version:6.0.16\r\nrole:master\r\n", "version is 6.0.16");
        check("", "version is unknown");
        check("redis_version:7.0.15\r\nrole:slave\r\n", "replica");
        assert!(Fit::of(&[]).is_err());
        let info = |version: &str, id: &str| {
            format!("redis_version:{version}\r\nrun_id:{id}\r\nmaster_replid:cd\r\n")
        };
        let fit = Fit::of(&[info("7.2.4", "b"), info("7.0.15", "a")]).unwrap();
        assert_eq!((fit.identity.as_str(), fit.version.minor), ("a cd, b cd", 0));
    }
}
