//! `cargo xtask market`: scans of 5,000 symbols through the cache against a feed that takes its time
//! and counts calls: from nothing, from memory, from disk, a session later; and what memory a
//! service needs that scans again and again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::Complaints;

const SYMBOLS: usize = 5_000;
/// Two sessions in a row.
const DAYS: [&str; 2] = ["2026-08-20", "2026-08-21"];
/// Of several of the same kind the best counts: others run on this machine, too.
const TRIES: usize = 5;
/// By how much a service may grow while it scans the same again.
const MOST_GROWTH: f64 = 1.05;

/// Builds the command, scans, and prints a table; complains of what misses its target.
pub(crate) fn run(rescans: usize) -> anyhow::Result<Complaints> {
    let build = ["build", "--release", "--quiet", "--package", "spence-cli"];
    ensure!(Command::new(env!("CARGO")).args(build).status()?.success(), "build: failed");
    let dir = std::env::temp_dir().join(format!("spence-market-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let outcome = measure(&dir, rescans);
    std::fs::remove_dir_all(&dir)?;
    outcome
}

/// Figures beside their targets.
#[derive(Default)]
struct Table(Complaints);

impl Table {
    fn row(&mut self, what: &str, got: f64, most: f64, unit: &str) {
        let verdict = if got <= most { "" } else { "  MISSED" };
        println!("{what:44} {got:9.3} {unit:6} (at most {most}){verdict}");
        if got > most {
            self.0.push(format!("{what}: {got:.3} {unit}, at most {most}"));
        }
    }
}

fn measure(dir: &Path, rescans: usize) -> anyhow::Result<Complaints> {
    let symbols = SYMBOLS.to_string();
    let feed = ["feed", "--listen", "127.0.0.1:0", "--latency", "50ms", "--rate", "100"];
    let feed = Running::start(dir, &[&feed[..], &["--symbols", &symbols]].concat(), "")?;
    let mut table = Table::default();

    // A process for each: a short window, a long one from nothing, and that again from disk.
    let scan = |cache: &str, bars: &str| -> anyhow::Result<(Value, f64)> {
        let started = now();
        let args = ["scan", "--local", "--symbols", &symbols, "--bars", bars, "--end", DAYS[0]];
        let output = spence(dir, cache, &feed.url).args(args).arg("--stream").output()?;
        let seconds = started.elapsed().as_secs_f64();
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "scan: {said}");
        Ok((summary_of(&String::from_utf8_lossy(&output.stdout))?, seconds))
    };
    let (short, _) = scan("short", "65")?;
    table.row("65 sessions from nothing", number(&short, "calls"), 75.0, "calls");
    let (cold, seconds) = scan("long", "250")?;
    table.row("250 sessions from nothing", number(&cold, "calls"), 260.0, "calls");
    table.row("250 sessions from nothing", seconds, 6.0, "s");
    let mut best = f64::INFINITY;
    for _ in 0..TRIES {
        let (held, seconds) = scan("long", "250")?;
        ensure!(number(&held, "calls") == 0.0, "from disk: {held}");
        best = best.min(seconds);
    }
    table.row("a new process, from disk", best, 0.5, "s");

    // One service: from nothing, again and again, and a session later.
    let serve = Running::start(dir, &["serve"], &feed.url)?;
    let ask = |day| serve.scan(&format!(r#"{{"limit":{SYMBOLS},"bars":250,"end":"{day}"}}"#));
    ask(DAYS[0])?;
    let warm: Vec<_> = (0..TRIES).map(|_| ask(DAYS[0])).collect::<anyhow::Result<_>>()?;
    let least =
        |name| warm.iter().map(|(held, _)| number(held, name)).fold(f64::INFINITY, f64::min);
    ensure!(warm.iter().all(|(held, _)| number(held, "calls") == 0.0), "warm: calls were made");
    let seconds = warm.iter().map(|(_, seconds)| *seconds).fold(f64::INFINITY, f64::min);
    table.row("again, from memory", seconds, 0.25, "s");
    table.row("again, from memory: processor time", least("cpu_seconds"), 0.15, "s");
    table.row("again, from memory: first row", least("first_row_ms"), 50.0, "ms");
    let (later, _) = ask(DAYS[1])?;
    table.row("a session later", number(&later, "calls"), 3.0, "calls");
    ask(DAYS[1])?;
    let before = serve.resident_mb()?;
    for _ in 0..rescans {
        ask(DAYS[1])?;
    }
    let after = serve.resident_mb()?;
    let what = format!("resident after {rescans} more, by before");
    table.row(&what, after / before, MOST_GROWTH, "");
    let stats = serve.get("/api/v1/cache/stats")?;
    let bars = |what| number(stats.pointer("/caches/OHLCV").unwrap_or(&Value::Null), what);
    // 250 sessions, and the one after them.
    let count = SYMBOLS as f64 * 251.0;
    table.row("on disk, a bar with all about it", bars("disk_bytes") / count, 8.0, "bytes");
    table.row("in memory, all bars", bars("memory_bytes") / 1e6, 100.0, "MB");
    table.row("resident", after, 300.0, "MB");
    Ok(table.0)
}

#[expect(clippy::disallowed_methods, reason = "what is measured are other processes")]
fn now() -> Instant {
    Instant::now()
}

fn number(summary: &Value, name: &str) -> f64 {
    summary.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN)
}

/// The last line of an answer.
fn summary_of(text: &str) -> anyhow::Result<Value> {
    let line = text.lines().rev().find(|line| line.contains(r#""type":"summary""#));
    Ok(serde_json::from_str(line.context("no summary in the answer")?)?)
}

/// The command, with a directory of its own and a feed.
fn spence(dir: &Path, cache: &str, feed: &str) -> Command {
    let mut command = Command::new("target/release/spence");
    command
        .env("SPENCE__MARKET__BASE_URL", feed)
        .env("SPENCE__DISK__DIR", dir.join(cache))
        .env("SPENCE__DISK__BUDGET", "1GB")
        .env("SPENCE__MEMORY__BUDGET", "100MB")
        .env("SPENCE__SERVER__LISTEN", "127.0.0.1:0");
    command
}

/// A server of ours; stopped when dropped.
struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start(dir: &Path, args: &[&str], feed: &str) -> anyhow::Result<Self> {
        let mut command = spence(dir, "serve", feed);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let out = child.stdout.take().context("no output")?;
        let running = |url| Self { child, url };
        for line in BufReader::new(out).lines() {
            let line = line?;
            if let Some(at) = line.find("http://") {
                let url = line.get(at..).and_then(|rest| rest.split_whitespace().next());
                return Ok(running(url.unwrap_or_default().trim_end_matches('/').to_owned()));
            }
        }
        bail!("{args:?} said nothing")
    }

    /// A scan over HTTP, and how long it took.
    fn scan(&self, body: &str) -> anyhow::Result<(Value, f64)> {
        let started = now();
        let length = body.len();
        let answer = self.ask(&format!(
            "POST /api/v1/market/scan HTTP/1.1\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\nHost: localhost\r\n\r\n{body}"
        ))?;
        let seconds = started.elapsed().as_secs_f64();
        Ok((summary_of(&answer)?, seconds))
    }

    /// A JSON answer.
    fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self
            .ask(&format!("GET {path} HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\n\r\n"))?;
        let (_, body) = answer.split_once("\r\n\r\n").context("no body")?;
        Ok(serde_json::from_str(body)?)
    }

    fn ask(&self, request: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://"))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn resident_mb(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.split_whitespace().nth(1).context("VmRSS")?.parse()?;
        Ok(kib * 1_024.0 / 1e6)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
