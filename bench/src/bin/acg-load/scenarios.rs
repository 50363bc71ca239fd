//! One client, one chart after another: computed, from memory, from disk after a restart, from
//! Redis on another node.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use spence_benches::report::Row;
use spence_benches::rounds::quantile_micros;
use spence_benches::{Report, Target};
use spence_testkit::RedisServer;

use crate::client::{Client, Service};

/// Charts, each asked for once in a scenario.
const CHARTS: u32 = 400;

pub(crate) async fn run(report: &mut Report) -> anyhow::Result<()> {
    let dirs = [tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?];
    let [alone, first, second] = dirs.each_ref().map(tempfile::TempDir::path);

    let service = Service::start(alone, "{}").await?;
    let mut cold = all(service.address, "origin").await?;
    let mut warm = all(service.address, "memory").await?;
    service.stop().await?;
    let service = Service::start(alone, "{}").await?;
    let mut disk = all(service.address, "disk").await?;
    service.stop().await?;

    let server = RedisServer::start();
    // A busy machine answers late; a call that passes its deadline is a miss.
    let shared = format!("{{ redis: {{ url: '{}', deadline: 1s }} }}", server.url());
    let node = Service::start(first, &shared).await?;
    all(node.address, "origin").await?;
    let other = Service::start(second, &shared).await?;
    let mut redis = all(other.address, "redis").await?;
    node.stop().await?;
    other.stop().await?;

    let rate =
        |took: &[Duration]| f64::from(CHARTS) / took.iter().map(Duration::as_secs_f64).sum::<f64>();
    let faster = rate(&warm) / rate(&cold);
    for (name, took) in [
        ("one client, computed", &mut cold),
        ("one client, from disk after a restart", &mut disk),
        ("one client, from Redis on another node", &mut redis),
    ] {
        report.row(Row::told(format!("{name}, p50"), quantile_micros(took, 0.5) / 1e3, "ms"));
    }
    let hit =
        Row::told("one client, from memory, p50", quantile_micros(&mut warm, 0.5) / 1e3, "ms");
    report.row(hit.to_reach(Target::AtMost(0.3)));
    let faster = Row::told("requests a second from memory, beside computed", faster, "times");
    report.row(faster.to_reach(Target::AtLeast(10.0)));
    Ok(())
}

/// What each chart took, all of which must come from `source`.
async fn all(address: SocketAddr, source: &str) -> anyhow::Result<Vec<Duration>> {
    let mut client = Client::connect(address).await?;
    let mut took = Vec::new();
    for chart in 0..CHARTS {
        let answer = client.ask(chart).await?;
        ensure!(answer.source == source, "chart {chart}: {}, expected {source}", answer.source);
        took.push(answer.took);
    }
    Ok(took)
}
