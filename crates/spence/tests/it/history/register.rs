//! The origin: a register for each key, asked over TCP by every node.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

type Versions = Arc<Mutex<HashMap<String, u64>>>;

/// The registers, served to the nodes.
pub(super) struct Register {
    versions: Versions,
    port: u16,
}

impl Register {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let versions = Versions::default();
        let served = Arc::clone(&versions);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, served) = (stream.unwrap(), Arc::clone(&served));
                std::thread::spawn(move || serve(stream, &served));
            }
        });
        Self { versions, port }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// How often a key was written.
    pub(super) fn version(&self, key: &str) -> u64 {
        self.versions.lock().get(key).copied().unwrap_or(0)
    }
}

/// Answers `R key` with its version, `W key` with the next one. A node may be killed at any time.
fn serve(mut stream: TcpStream, versions: &Versions) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        let Some((what, key)) = line.split_once(' ') else { return };
        let version = {
            let mut versions = versions.lock();
            let version = versions.entry(key.to_owned()).or_default();
            *version += u64::from(what == "W");
            *version
        };
        if stream.write_all(format!("{version}\n").as_bytes()).is_err() {
            return;
        }
    }
}

/// Asks from within a node.
pub(super) async fn ask(port: u16, what: &str, key: &str) -> std::io::Result<u64> {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("{what} {key}\n").as_bytes()).await?;
    let mut answer = String::new();
    tokio::io::BufReader::new(stream).read_line(&mut answer).await?;
    answer.trim().parse().map_err(std::io::Error::other)
}
