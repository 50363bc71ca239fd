//! What the nodes share: one server, or a cluster.

use spence_testkit::{RedisCluster, RedisServer};

use super::proxy::Proxy;

/// What is acknowledged is kept.
const KEEPING: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

pub(super) enum Servers {
    One(RedisServer),
    Cluster(Box<RedisCluster>),
}

/// How a node reaches them.
pub(super) enum Way {
    Network(Proxy),
    /// The servers of a cluster tell their own addresses.
    Straight(String),
}

impl Servers {
    pub(super) fn one() -> Self {
        Self::One(RedisServer::start_with(&KEEPING))
    }

    pub(super) fn cluster() -> Self {
        Self::Cluster(Box::new(RedisCluster::start_with(&KEEPING)))
    }

    pub(super) fn way(&self) -> Way {
        match self {
            Self::One(server) => Way::Network(Proxy::to(server.port())),
            Self::Cluster(cluster) => Way::Straight(cluster.url()),
        }
    }

    /// One of them.
    pub(super) fn any(&mut self, number: u64) -> &mut RedisServer {
        match self {
            Self::One(server) => server,
            Self::Cluster(cluster) => {
                let nodes = cluster.nodes();
                let place = usize::try_from(number % nodes.len() as u64).unwrap();
                &mut nodes[place]
            }
        }
    }

    /// Waits until all serve.
    pub(super) fn wait(&self) {
        if let Self::Cluster(cluster) = self {
            cluster.wait();
        }
    }
}

impl Way {
    pub(super) fn url(&self) -> String {
        match self {
            Self::Network(proxy) => format!("redis://127.0.0.1:{}", proxy.port()),
            Self::Straight(url) => url.clone(),
        }
    }
}
