//! The process in which Python computes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::peers::Peers;
use anyhow::Context;
use serde::Deserialize;

/// A program of `peers/` that computes on demand.
pub struct Python(RefCell<Running>);

struct Running {
    process: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What it has computed.
#[derive(Deserialize)]
pub struct Computed {
    pub seconds: f64,
    /// By which it shows that it has computed the same.
    pub sums: HashMap<String, f64>,
}

impl Python {
    /// `NAME.py` with `NAME-requirements.txt`.
    pub fn start(name: &str, arguments: &[&OsStr]) -> anyhow::Result<Self> {
        let peers = Peers::here();
        let mut command = Command::new(peers.python(&format!("{name}-requirements.txt"))?);
        command.arg(peers.program(&format!("{name}.py"))).args(arguments);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let asks = process.stdin.take().context("standard input")?;
        let answers = BufReader::new(process.stdout.take().context("standard output")?);
        Ok(Self(RefCell::new(Running { process, asks, answers })))
    }

    /// Has `count` of something computed by a library, or in a way.
    pub fn compute(&self, library: &str, count: usize) -> anyhow::Result<Computed> {
        let mut running = self.0.borrow_mut();
        writeln!(running.asks, "{library} {count}")?;
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
