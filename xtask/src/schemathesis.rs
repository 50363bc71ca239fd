//! The OpenAPI document beside the server, by the Python package schemathesis: what the document
//! permits is sent, what it forbids too, and no answer may be another than it says.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

use crate::Complaints;
use crate::python::{installed, output};

/// MIT; installed from the package index into `target/`, never shipped.
const PACKAGE: &str = "schemathesis==4.32.5";
const ENVIRONMENT: &str = "target/schemathesis";
/// Which paths are tried, and with which further arguments. What the rest of the document says of
/// texts (dates, durations, names of keys) is in words, so that schemathesis, which cannot read
/// them, is not asked whether what they exclude is refused.
const PARTS: [(&str, &[&str]); 2] = [
    ("^/api/v1/acg/", &[]),
    (
        "^/(health|metrics|api/v1/(cache|config|market)/)",
        &["--exclude-checks", "positive_data_acceptance"],
    ),
];

pub(crate) fn check(examples: &str) -> anyhow::Result<Complaints> {
    let program = installed(ENVIRONMENT, PACKAGE)?.join("schemathesis");
    let build = ["build", "--release", "--package", "spence-cli"];
    output(Command::new(env!("CARGO")).args(build))?;
    let mut server = Server::start()?;
    let address = server.address()?;
    let mut complaints = Complaints::new();
    for (paths, more) in PARTS {
        // Where it keeps what it remembers of its runs.
        let ran = Command::new(std::path::absolute(&program)?)
            .current_dir(ENVIRONMENT)
            .arg("run")
            .arg(format!("{address}/openapi.json"))
            .args(["--checks", "all", "--max-examples", examples, "--no-color"])
            .args(["--include-path-regex", paths])
            .args(more)
            .status()
            .context("run schemathesis")?;
        if !ran.success() {
            complaints.push(format!("schemathesis of {paths}: {ran}"));
        }
    }
    Ok(complaints)
}

/// Stopped when it goes.
struct Server(Child);

impl Server {
    fn start() -> anyhow::Result<Server> {
        let mut command = Command::new("target/release/spence");
        command.args(["serve", "--listen", "127.0.0.1:0", "--set", "disk.enabled=false"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        Ok(Server(child.context("start the server")?))
    }

    /// As it tells it on its first line.
    fn address(&mut self) -> anyhow::Result<String> {
        let told = self.0.stdout.take().context("no output")?;
        for line in BufReader::new(told).lines() {
            if let Some((_, address)) = line?.split_once(" serves ") {
                return Ok(address.trim().to_owned());
            }
        }
        bail!("the server did not start")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            self.0.wait().map(|_| ()).unwrap_or_default();
        }
    }
}
