//! The process in which Python computes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::Context;
use serde::Deserialize;
use spence_benches::peers::Peers;

pub(crate) struct Python(RefCell<Running>);

struct Running {
    process: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What it has computed.
#[derive(Deserialize)]
pub(crate) struct Computed {
    pub(crate) seconds: f64,
    /// Of the last value of each indicator, over all symbols.
    pub(crate) sums: HashMap<String, f64>,
}

impl Python {
    pub(crate) fn start(peers: &Peers, bars: &Path, count: usize) -> anyhow::Result<Self> {
        let mut command = Command::new(peers.python("scan-requirements.txt")?);
        command.arg(peers.program("scan.py")).arg(bars).arg(count.to_string());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let asks = process.stdin.take().context("standard input")?;
        let answers = BufReader::new(process.stdout.take().context("standard output")?);
        Ok(Self(RefCell::new(Running { process, asks, answers })))
    }

    /// Has the first `symbols` computed by a library.
    pub(crate) fn compute(&self, library: &str, symbols: usize) -> anyhow::Result<Computed> {
        let mut running = self.0.borrow_mut();
        writeln!(running.asks, "{library} {symbols}")?;
        let mut line = String::new();
        running.answers.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("{library} answered {line:?}"))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let running = self.0.get_mut();
        drop(running.process.kill());
        drop(running.process.wait());
    }
}
