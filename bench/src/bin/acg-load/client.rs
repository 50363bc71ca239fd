//! A service of charts, and a client that keeps its connection.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use spence_config::{Layer, Sources};
use spence_server::App;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// In this process, on a port of its own.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
}

impl Service {
    /// With `more` settings, its disk in `dir`.
    pub(crate) async fn start(dir: &Path, more: &str) -> anyhow::Result<Service> {
        let mut file = Layer::from_yaml(more, "bench")?;
        file.disk.dir = Some(dir.to_owned());
        let app = App::start(Sources { file: Some(file), ..Sources::default() }.resolve()?).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let until = async move { drop(stopped.await) };
        let ended = tokio::spawn(spence_server::serve(app, listener, until));
        Ok(Service { address, stop, ended })
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        // It has stopped already if nobody listens.
        self.stop.send(()).unwrap_or_default();
        Ok(self.ended.await??)
    }
}

/// An answer: where the chart came from, and when its last byte was there.
pub(crate) struct Answer {
    pub(crate) source: String,
    pub(crate) took: Duration,
}

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Client> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Client { stream: BufReader::new(stream), line: String::new(), body: Vec::new() })
    }

    /// The chart of this number, of 11 bodies and 4 angles, in gzip; no 200 is an error.
    pub(crate) async fn ask(&mut self, chart: u32) -> anyhow::Result<Answer> {
        let (year, day) = (1940 + chart % 60, 1 + chart / 60 % 28);
        let (month, hour) = (1 + chart / 1_680 % 12, chart % 24);
        let body = format!(
            r#"{{"epoch":"{year}-{month:02}-{day:02}T{hour:02}:{:02}:00Z","options":{{"include_parans":false}}}}"#,
            chart % 59
        );
        let request = format!(
            "POST /api/v1/acg/lines HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let started = Instant::now();
        self.stream.write_all(request.as_bytes()).await?;
        let (mut length, mut is_first, mut source) = (0, true, String::new());
        loop {
            self.line.clear();
            let read = self.stream.read_line(&mut self.line).await?;
            ensure!(read > 0, "the connection was closed");
            let text = self.line.trim_end().to_ascii_lowercase();
            if is_first {
                ensure!(text.ends_with("200 ok"), "{text}");
            }
            is_first = false;
            if let Some(value) = text.strip_prefix("content-length: ") {
                length = value.parse().context("content-length")?;
            }
            if let Some(value) = text.strip_prefix("x-spence-source: ") {
                value.clone_into(&mut source);
            }
            if text.is_empty() {
                break;
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).await?;
        Ok(Answer { source, took: started.elapsed() })
    }
}
