//! The commands, one file each.

pub(crate) mod acg;
pub(crate) mod bars;
pub(crate) mod calendar;
pub(crate) mod config;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod feed;
pub(crate) mod get;
pub(crate) mod indicators;
pub(crate) mod market;
pub(crate) mod outdate;
pub(crate) mod scan;
pub(crate) mod serve;
pub(crate) mod set;
pub(crate) mod stats;
pub(crate) mod warm;

use crate::exit::{Code, Failure};

/// Completes when the process is told to stop: SIGTERM or Ctrl-C.
pub(crate) async fn told_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Does what can be stopped at any moment, since what it has fetched stays.
pub(crate) async fn until_told_to_stop<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done,
        stopped = told_to_stop() => {
            stopped?;
            Err(Failure::error(Code::Stopped, "stopped; what was fetched stays"))
        }
    }
}
