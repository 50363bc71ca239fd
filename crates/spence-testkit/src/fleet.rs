//! Several Redis servers that know each other: a cluster, or a master with a replica and sentinels.

use std::time::Duration;

use crate::server::RedisServer;

/// How long they may take to agree.
const AGREE: Duration = Duration::from_secs(20);
const SLOTS: u32 = 16_384;

/// A cluster of three masters.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: [RedisServer; 3],
}

impl RedisCluster {
    /// Starts it, and waits until every slot is served.
    ///
    /// # Panics
    /// When that takes more than 20 seconds.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&["--save", ""])
    }

    /// [`RedisCluster::start`] with these settings for each node, as on its command line.
    ///
    /// # Panics
    /// When that takes more than 20 seconds, or a setting is wrong.
    #[must_use]
    pub fn start_with(settings: &[&str]) -> Self {
        let clustered = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
        let settings = [&clustered, settings].concat();
        let nodes = [0, 1, 2].map(|n| {
            let node = RedisServer::start_with(&settings);
            let (from, to) = (first_slot(n).to_string(), (first_slot(n + 1) - 1).to_string());
            assert_eq!(node.command(&["CLUSTER", "ADDSLOTSRANGE", &from, &to]), "+OK");
            node
        });
        let [first, others @ ..] = &nodes;
        for other in others {
            first.command(&["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string()]);
        }
        let cluster = Self { nodes };
        cluster.wait();
        cluster
    }

    /// Waits until every slot is served, as each node says.
    ///
    /// # Panics
    /// When that takes more than 20 seconds.
    pub fn wait(&self) {
        agree("a cluster", || {
            self.nodes.iter().all(|node| {
                let info = node.command(&["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            })
        });
    }

    /// Where it is; one node is named, the others are found.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{}", self.nodes[0].port())
    }

    /// All of them.
    pub fn nodes(&mut self) -> &mut [RedisServer] {
        &mut self.nodes
    }

    /// Does something with each node.
    pub fn each(&self, what: impl FnMut(&RedisServer)) {
        self.nodes.iter().for_each(what);
    }

    /// The node that serves the slot of a key.
    ///
    /// # Panics
    /// When the nodes do not answer.
    pub fn node_of(&mut self, key: &str) -> &mut RedisServer {
        let answer = self.nodes[0].command(&["CLUSTER", "KEYSLOT", key]);
        let slot: u32 = answer.trim_start_matches(':').parse().expect("a slot");
        let mut nodes = self.nodes.iter_mut().zip(1..);
        let node = nodes.find(|(_, next)| slot < first_slot(*next));
        node.expect("a slot below 16384").0
    }
}

/// The first slot of a node.
fn first_slot(node: u32) -> u32 {
    node * SLOTS / 3
}

/// A master, its replica, and three sentinels that watch them under the name `main`.
#[derive(Debug)]
pub struct RedisSentinels {
    /// The first master.
    pub master: RedisServer,
    /// Its replica.
    pub replica: RedisServer,
    sentinels: Vec<RedisServer>,
}

impl RedisSentinels {
    /// Starts all, and waits until they know each other.
    ///
    /// # Panics
    /// When that takes more than 20 seconds.
    #[must_use]
    pub fn start() -> Self {
        let settings = ["--save", "", "--repl-diskless-sync-delay", "0"];
        let master = RedisServer::start_with(&settings);
        let replica = RedisServer::start_with(&settings);
        replica.command(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
        agree("a replica", || {
            replica.command(&["INFO", "replication"]).contains("master_link_status:up")
        });
        let port = master.port();
        let sentinels: Vec<_> = (0..3).map(|_| RedisServer::start_sentinel(port)).collect();
        agree("sentinels", || {
            sentinels.iter().all(|sentinel| {
                let info = sentinel.command(&["INFO", "sentinel"]);
                info.contains("slaves=1,sentinels=3")
            })
        });
        Self { master, replica, sentinels }
    }

    /// Where the sentinels are.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts = self.sentinels.iter().map(|one| format!("127.0.0.1:{}", one.port()));
        format!("redis+sentinel://{}/main", hosts.collect::<Vec<_>>().join(","))
    }
}

#[expect(clippy::disallowed_methods, reason = "it waits for other processes")]
fn agree(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = spence::Clock::system().stopwatch();
    while !holds() {
        assert!(begun.elapsed() < AGREE, "{what}: they do not agree");
        std::thread::sleep(Duration::from_millis(20));
    }
}
