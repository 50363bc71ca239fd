//! The command as a person at a shell uses it: real processes, real sockets, real files.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod acg;
mod commands;
mod configuration;
mod help;
mod market;
mod service;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A shell in a directory of its own, with its own port for the server.
struct Shell {
    dir: tempfile::TempDir,
    port: u16,
}

/// A process that runs until it is dropped or told to stop.
struct Running {
    child: Child,
    /// What it said first.
    banner: Vec<String>,
}

impl Shell {
    fn new(yaml: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("spence.yaml"), yaml).unwrap();
        // Free now, and not given out again soon.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { dir, port }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spence"));
        command.args(args).current_dir(self.dir.path()).env_clear();
        command.env("SPENCE__SERVER__LISTEN", format!("127.0.0.1:{}", self.port));
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must succeed; what it printed.
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail; its exit code and what it said.
    fn fails(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), stderr.trim_end().to_owned())
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(&[args, &["--json"]].concat())).unwrap()
    }

    fn start(&self, args: &[&str]) -> Running {
        Running::start(self.command(args))
    }

    fn cache_dir(&self) -> PathBuf {
        self.dir.path().join("data/cache")
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Running {
    /// Starts a process and waits until it has said how to stop it.
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut banner = Vec::new();
        for line in &mut lines {
            let line = line.unwrap();
            let last = line.contains("Ctrl-C");
            banner.push(line);
            if last {
                break;
            }
        }
        // Keeps the pipe open and empty.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, banner }
    }

    /// The URL in the first line.
    fn url(&self) -> String {
        let first = self.banner.first().unwrap();
        first[first.find("http").unwrap()..].to_owned()
    }

    /// SIGHUP, as an administrator sends it after a change.
    fn hang_up(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }

    /// SIGTERM, as an init system sends it; the exit code.
    fn terminate(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Gets a URL: status, headers and body.
fn get(url: &str) -> (u16, reqwest::header::HeaderMap, String) {
    spence_market::install_tls();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let response = reqwest::get(url).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, response.text().await.unwrap())
    })
}

fn wait(duration: Duration) {
    #[expect(clippy::disallowed_methods, reason = "other processes need the time")]
    std::thread::sleep(duration);
}

fn exists(path: &Path) -> bool {
    path.exists()
}
