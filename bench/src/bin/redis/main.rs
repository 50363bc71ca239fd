//! The shared tier beside the library that it is built on, issued raw against the same server; and
//! what the server's troubles cost.

mod calls;
mod trouble;

use std::time::Duration;

use clap::Parser;
use redis::aio::MultiplexedConnection;
use spence::{Cache, Raw, Redis, Spence};
use spence_benches::{Options, Report};
use spence_testkit::RedisServer;

/// Bytes of a value.
const VALUE_BYTES: usize = 1024;
/// Keys that are read.
const KEYS: u32 = 1_000;

#[derive(Parser)]
#[command(about = "Measures the shared tier against raw calls to a redis-server of its own")]
struct Arguments {
    #[command(flatten)]
    options: Options,

    /// Only this part
    #[arg(long, value_enum)]
    only: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Calls,
    Trouble,
}

/// A node without memory, so that every read goes to the server, and the raw connection.
struct Bench {
    values: Cache<u32, bytes::Bytes>,
    spence: Spence,
    raw: MultiplexedConnection,
}

fn value() -> bytes::Bytes {
    // Random, so that nothing is won by compressing it.
    let mut bytes = vec![0; VALUE_BYTES];
    rand::RngCore::fill_bytes(&mut rand::rng(), &mut bytes);
    bytes.into()
}

/// The server on the same two cores takes its time now and then.
fn patient(server: &RedisServer) -> Redis {
    Redis::at(server.url()).deadline(Duration::from_secs(2))
}

async fn bench(server: &RedisServer) -> anyhow::Result<Bench> {
    let spence = Spence::builder().no_memory().redis(patient(server)).build().await?;
    let values = spence.cache("values").codec(Raw).build()?;
    for key in 0..KEYS {
        values.insert(key, value()).await?;
    }
    let client = redis::Client::open(server.url())?;
    // With the library's own limit on how long an answer may take.
    let raw = client.get_multiplexed_async_connection().await?;
    Ok(Bench { values, spence, raw })
}

fn main() -> anyhow::Result<()> {
    let Arguments { options, only } = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::new("redis", &options);
    report.set("value", format!("{VALUE_BYTES} bytes"));
    report.set("server", "redis-server on loopback, on the same cores; nothing on its disk");
    if only != Some(Part::Trouble) {
        let server = RedisServer::start();
        let bench = runtime.block_on(bench(&server))?;
        calls::rows(&runtime, &bench, &options, &mut report);
        drop(bench.spence);
    }
    if only != Some(Part::Calls) {
        runtime.block_on(trouble::rows(&options, &mut report))?;
    }
    report.print(&options);
    Ok(())
}
