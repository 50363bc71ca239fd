//! The commands, one file each.

pub(crate) mod bars;
pub(crate) mod calendar;
pub(crate) mod config;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod feed;
pub(crate) mod get;
pub(crate) mod indicators;
pub(crate) mod outdate;
pub(crate) mod scan;
pub(crate) mod serve;
pub(crate) mod set;
pub(crate) mod stats;
pub(crate) mod warm;

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
