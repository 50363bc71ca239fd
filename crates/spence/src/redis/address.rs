//! Where the shared tier is: one server, the master that sentinels name, or a cluster.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    ProtocolVersion, RedisError, RedisResult, TlsCertificates,
};

use super::url::{Kind, Url};
use super::wire::Connection;

/// How long connecting may take.
pub(super) const CONNECT: Duration = Duration::from_millis(500);
/// How long a cluster's connection waits for an answer; every call has a limit of its own.
const CLUSTER_ANSWER: Duration = Duration::from_secs(60);
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const SENTINEL_PORT: &str = ":26379";

/// Where the servers are, and how to talk to them.
#[derive(Clone)]
pub(super) enum Address {
    Server(Client),
    /// The sentinels, the name of the master among what they watch, and how to talk to it (its
    /// address is theirs to say).
    Sentinels {
        sentinels: Vec<Client>,
        master: String,
        like: Client,
    },
    Cluster(ClusterClient),
}

/// What is to be connected to.
pub(super) enum Peer<'a> {
    Server(Box<Client>),
    Cluster(&'a ClusterClient),
}

impl Address {
    /// Of a URL; `ca` are certificates (PEM) to trust instead of the system's. Nothing is connected.
    pub(super) fn of(url: &Url<'_>, ca: Option<&[u8]>) -> RedisResult<Self> {
        let first = url.hosts.first().copied().unwrap_or_default();
        let one = |login, host: &str, database| {
            client(url.server(login, host, database).into_connection_info()?, ca)
        };
        match url.kind {
            Kind::Server { database } => Ok(Self::Server(one(url.login, first, database)?)),
            Kind::Socket { path } => {
                let login = socket_login(url.login);
                let info = format!("redis+unix://{path}{login}").into_connection_info()?;
                Ok(Self::Server(client(info, ca)?))
            }
            Kind::Sentinels { master, database } => {
                let sentinels = url.hosts.iter().map(|host| one("", &with_port(host), "0"));
                Ok(Self::Sentinels {
                    sentinels: sentinels.collect::<RedisResult<_>>()?,
                    master: master.to_owned(),
                    like: one(url.login, first, database)?,
                })
            }
            Kind::Cluster => cluster(url, ca),
        }
    }

    /// What to connect to at present.
    pub(super) async fn find(&self) -> RedisResult<Peer<'_>> {
        match self {
            Self::Server(client) => Ok(Peer::Server(Box::new(client.clone()))),
            Self::Cluster(client) => Ok(Peer::Cluster(client)),
            Self::Sentinels { sentinels, master, like } => {
                let mut why = None;
                for sentinel in sentinels {
                    match ask(sentinel, master).await {
                        Ok((host, port)) => {
                            return Ok(Peer::Server(Box::new(at(like, host, port)?)));
                        }
                        Err(error) => why = Some(error),
                    }
                }
                Err(why.unwrap_or_else(unknown_master))
            }
        }
    }
}

impl Peer<'_> {
    pub(super) async fn connect(&self) -> RedisResult<Connection> {
        match self {
            Self::Server(client) => Ok(Connection::Server(connect(client).await?)),
            Self::Cluster(client) => Ok(Connection::Cluster(client.get_async_connection().await?)),
        }
    }
}

/// A sentinel's host, with the port that sentinels have if it has none.
fn with_port(host: &str) -> String {
    let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
    format!("{host}{}", if has_port { "" } else { SENTINEL_PORT })
}

fn cluster(url: &Url<'_>, ca: Option<&[u8]>) -> RedisResult<Address> {
    let node = |host: &&str| url.server(url.login, host, "0").into_connection_info();
    let nodes = url.hosts.iter().map(node).collect::<RedisResult<Vec<_>>>()?;
    provide_crypto();
    let mut builder = ClusterClientBuilder::new(nodes)
        .use_protocol(ProtocolVersion::RESP3)
        .tcp_settings(tcp())
        .connection_timeout(CONNECT)
        .response_timeout(CLUSTER_ANSWER);
    if let Some(ca) = ca {
        builder = builder.certs(trusting(ca));
    }
    Ok(Address::Cluster(builder.build()?))
}

/// A login as the library takes it for a socket: in the query of its URL.
fn socket_login(login: &str) -> String {
    let own = login.trim_end_matches('@').replace('&', "%26").replace('+', "%2B");
    match own.split_once(':') {
        None => String::new(),
        Some(("", password)) => format!("?pass={password}"),
        Some((user, password)) => format!("?user={user}&pass={password}"),
    }
}

/// A client whose settings are those that are needed here.
fn client(info: ConnectionInfo, ca: Option<&[u8]>) -> RedisResult<Client> {
    // The name of the library is one more command that a user would need the right to.
    let settings = info.redis_settings().clone();
    let settings = settings.set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
    let info = info.set_redis_settings(settings).set_tcp_settings(tcp());
    if let ConnectionAddr::TcpTls { .. } = info.addr() {
        provide_crypto();
        if let Some(ca) = ca {
            return Client::build_with_tls(info, trusting(ca));
        }
    }
    Client::open(info)
}

/// What is small is sent at once.
fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn trusting(ca: &[u8]) -> TlsCertificates {
    TlsCertificates { client_tls: None, root_cert: Some(ca.to_vec()) }
}

/// Whether these can be trusted: certificates in PEM, at least one.
pub(super) fn are_certificates(pem: &[u8]) -> bool {
    let is_one = pem.windows(BEGIN.len()).any(|part| part == BEGIN);
    is_one && Client::build_with_tls("rediss://127.0.0.1", trusting(pem)).is_ok()
}

/// TLS needs to be told once in a process whose cryptography to use, unless the program has said so.
fn provide_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have been faster.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Asks a sentinel where the master is.
async fn ask(sentinel: &Client, master: &str) -> RedisResult<(String, u16)> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(CONNECT));
    let mut sentinel = sentinel.get_multiplexed_async_connection_with_config(&config).await?;
    let mut question = redis::cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let answer: Option<(String, u16)> = question.query_async(&mut sentinel).await?;
    answer.ok_or_else(unknown_master)
}

fn unknown_master() -> RedisError {
    (redis::ErrorKind::Client, "no sentinel knows a master of that name").into()
}

/// The same at another address.
fn at(like: &Client, host: String, port: u16) -> RedisResult<Client> {
    let info = like.get_connection_info();
    let addr = match info.addr().clone() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host, port, insecure, tls_params }
        }
        _ => ConnectionAddr::Tcp(host, port),
    };
    Client::open(info.clone().set_addr(addr))
}
