//! The scenarios of two nodes: how often an old value is served after its deletion had returned.

use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use spence_benches::peers::Peers;
use spence_testkit::RedisServer;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::nodes::{Library, Node, Origin};

/// Trials at a time.
const AT_ONCE: usize = 10;
/// How long everybody has to hear of a deletion. Spence promises 2 s.
const HEARD: Duration = Duration::from_secs(2);
/// How long after the server is back.
const BACK: Duration = Duration::from_secs(3);
const BEGINS: Duration = Duration::from_secs(10);

#[derive(Clone, Copy)]
pub enum Scenario {
    DeletedByTheOther,
    DeletedInAnOutage,
}

/// Two nodes of a library, and what they share.
struct Pair {
    first: Node,
    second: Node,
    origin: Origin,
    server: RedisServer,
    _dir: tempfile::TempDir,
}

impl Scenario {
    pub const ALL: [Self; 2] = [Self::DeletedByTheOther, Self::DeletedInAnOutage];

    pub fn name(self) -> &'static str {
        match self {
            Self::DeletedByTheOther => {
                "two nodes, deleted by the other during a fill: served stale"
            }
            Self::DeletedInAnOutage => "two nodes, deleted while Redis was down: served stale",
        }
    }

    /// Keys of which either node serves the old value.
    pub async fn count(
        self,
        library: Library,
        trials: usize,
        peers: &Peers,
    ) -> anyhow::Result<f64> {
        let pair = Pair::of(library, peers).await?;
        let keys: Vec<_> = (0..trials).map(|trial| format!("key{trial}")).collect();
        let stale = match self {
            Self::DeletedByTheOther => pair.deleted_by_the_other(&keys).await?,
            Self::DeletedInAnOutage => pair.deleted_in_an_outage(&keys).await?,
        };
        Ok(stale as f64)
    }
}

impl Pair {
    async fn of(library: Library, peers: &Peers) -> anyhow::Result<Self> {
        let server = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
        let dir = tempfile::tempdir()?;
        let origin = Origin(dir.path().to_owned());
        let url = server.url();
        let node = || Node::of(library, &url, &origin, peers);
        let (first, second) = (node().await?, node().await?);
        Ok(Self { first, second, origin, server, _dir: dir })
    }

    /// A node fills; meanwhile the other deletes.
    async fn deleted_by_the_other(&self, keys: &[String]) -> anyhow::Result<usize> {
        for keys in keys.chunks(AT_ONCE) {
            let passing = keys.iter().map(|key| async move {
                self.origin.set(key, 1)?;
                let (begun, beginning) = oneshot::channel();
                let (first, text) = (self.first.clone(), key.clone());
                let fill = tokio::spawn(async move { first.fetch(&text, Some(begun)).await });
                timeout(BEGINS, beginning).await.context("no fill begins")??;
                self.origin.set(key, 2)?;
                self.second.delete(key).await?;
                fill.await??;
                anyhow::Ok(())
            });
            join_all(passing).await.into_iter().collect::<anyhow::Result<()>>()?;
        }
        sleep(HEARD).await;
        Ok(self.stale(keys).await)
    }

    /// Both nodes hold a value; one deletes it while the server is down, which then comes back with
    /// all that it had.
    async fn deleted_in_an_outage(mut self, keys: &[String]) -> anyhow::Result<usize> {
        for keys in keys.chunks(AT_ONCE) {
            let held = keys.iter().map(|key| async {
                self.origin.set(key, 1)?;
                self.first.fetch(key, None).await?;
                self.second.fetch(key, None).await
            });
            join_all(held).await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        }
        self.server.kill();
        keys.iter().try_for_each(|key| self.origin.set(key, 2))?;
        for keys in keys.chunks(AT_ONCE) {
            // Some say that it failed, some that it succeeded; the caller can do no more.
            drop(join_all(keys.iter().map(|key| self.first.delete(key))).await);
        }
        self.server.restart();
        sleep(BACK).await;
        Ok(self.stale(keys).await)
    }

    /// How many keys either node serves an old value of. An error is no value.
    async fn stale(&self, keys: &[String]) -> usize {
        let mut stale = 0;
        for keys in keys.chunks(AT_ONCE) {
            let reads = keys.iter().map(|key| async {
                let first = self.first.fetch(key, None).await;
                let second = self.second.fetch(key, None).await;
                [first, second].into_iter().flatten().any(|version| version < 2)
            });
            stale += join_all(reads).await.into_iter().filter(|stale| *stale).count();
        }
        stale
    }
}
