//! Requests a second of a value that memory holds, through the whole service, beside a server of
//! the same libraries that answers a constant of the same size.

use std::process::Command;

use anyhow::{Context, ensure};
use axum::routing::get;
use clap::Parser;
use spence_benches::report::Row;
use spence_benches::rounds::{Contender, measure as take_turns};
use spence_benches::{Options, Report, Target};
use spence_config::{Layer, Sources};
use spence_server::App;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const VALUE_BYTES: usize = 1024;
const ENTRY: &str = "/api/v1/cache/entries/bench/key";

#[derive(Parser)]
#[command(about = "Measures the HTTP service against a constant answer, with wrk on loopback")]
struct Arguments {
    #[command(flatten)]
    options: Options,

    /// Connections that ask at the same time
    #[arg(long, value_name = "N", default_value_t = 16)]
    connections: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let options = &arguments.options;
    let known = Command::new("wrk").arg("--version").output();
    ensure!(known.is_ok(), "wrk is not installed: apt-get install wrk");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let dir = tempfile::tempdir()?;
    let (service, constant) = runtime.block_on(serve(dir.path()))?;
    let seconds = options.sized(2, 4);
    let connections = arguments.connections;
    let mut report = Report::new("http", options);
    report.set("value", format!("{VALUE_BYTES} bytes, held in memory"));
    report.set("load", format!("wrk, 1 thread, {connections} connections, {seconds} s a turn"));
    let turn = |url: &str| wrk(url, connections, seconds).expect("wrk answers");
    let mut contenders = [
        Contender::new("service", || turn(&service)),
        Contender::new("constant", || turn(&constant)),
    ];
    let measured = take_turns(options.rounds(), &mut contenders);
    report.row(
        Row::told("GET of an entry in memory", measured.median(0), "requests/s")
            .paired("axum, constant", &measured, 0, 1)
            .to_reach(Target::RatioAtLeast(0.8)),
    );
    report.print(options);
    Ok(())
}

/// Starts both servers; the addresses to ask.
async fn serve(dir: &std::path::Path) -> anyhow::Result<(String, String)> {
    let mut file = Layer::default();
    file.disk.dir = Some(dir.join("data"));
    let settings = Sources { file: Some(file), ..Sources::default() }.resolve()?;
    let app = App::start(settings).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let service = listener.local_addr()?;
    tokio::spawn(spence_server::serve(app, listener, std::future::pending()));
    put(service).await?;

    let constant = axum::Router::new().route(ENTRY, get(async || vec![b'x'; VALUE_BYTES]));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let plain = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, constant).into_future());
    Ok((format!("http://{service}{ENTRY}"), format!("http://{plain}{ENTRY}")))
}

/// Puts the value in, and sees that it comes from memory.
async fn put(service: std::net::SocketAddr) -> anyhow::Result<()> {
    let value = "x".repeat(VALUE_BYTES);
    let put = format!(
        "PUT {ENTRY} HTTP/1.1\r\nhost: {service}\r\ncontent-length: {VALUE_BYTES}\r\nconnection: \
         close\r\n\r\n{value}"
    );
    let answer = exchange(service, &put).await?;
    ensure!(answer.starts_with("HTTP/1.1 2"), "PUT: {answer}");
    let get = format!("GET {ENTRY} HTTP/1.1\r\nhost: {service}\r\nconnection: close\r\n\r\n");
    let answer = exchange(service, &get).await?;
    ensure!(answer.contains("x-spence-source: memory"), "GET: {answer}");
    Ok(())
}

async fn exchange(service: std::net::SocketAddr, request: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(service).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Requests a second.
fn wrk(url: &str, connections: usize, seconds: u32) -> anyhow::Result<f64> {
    let (connections, seconds) = (connections.to_string(), format!("{seconds}s"));
    let arguments = ["--threads", "1", "--connections", &connections, "--duration", &seconds, url];
    let output = Command::new("wrk").args(arguments).output().context("run wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(!text.contains("Non-2xx"), "{url}: {text}");
    let line = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    line.context("wrk prints Requests/sec")?.trim().parse().context("a number")
}
