//! A Redis server of a test's own: started on a free port, stopped when dropped.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// How long a server may take to start.
const START: Duration = Duration::from_secs(10);

/// A `redis-server` process with a directory of its own. Found on the path, or where the variable
/// `SPENCE_REDIS_SERVER` says (a Valkey server will do).
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    dir: TempDir,
    /// Words before all settings: a file of them, and the mode.
    leading: Vec<String>,
    settings: Vec<String>,
    process: Option<Child>,
}

impl RedisServer {
    /// A server that writes nothing to disk by itself.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&["--save", "", "--appendonly", "no"])
    }

    /// A server with these settings, as on its command line.
    ///
    /// # Panics
    /// When it does not start: it is not installed, or a setting is wrong.
    #[must_use]
    pub fn start_with(settings: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory for the server");
        Self::start_in(dir, Vec::new(), settings)
    }

    /// A sentinel that watches the server at a port, as `main`, with two others.
    pub(crate) fn start_sentinel(master: u16) -> Self {
        let dir = tempfile::tempdir().expect("a directory for the sentinel");
        let file = dir.path().join("sentinel.conf");
        let watch = format!(
            "sentinel monitor main 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds main 500\n\
             sentinel failover-timeout main 3000\n"
        );
        std::fs::write(&file, watch).expect("its settings are written");
        Self::start_in(dir, vec![file.display().to_string(), "--sentinel".to_owned()], &[])
    }

    pub(crate) fn start_in(dir: TempDir, leading: Vec<String>, settings: &[&str]) -> Self {
        let settings = settings.iter().map(ToString::to_string).collect();
        let mut server = Self { port: free_port(), dir, leading, settings, process: None };
        server.restart();
        server
    }

    /// Where it listens: `redis://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its port on the loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it (again), with what it has saved; waits until it answers.
    ///
    /// # Panics
    /// When it does not start.
    #[expect(clippy::disallowed_methods, reason = "it waits for another process")]
    pub fn restart(&mut self) {
        self.kill();
        let program = std::env::var("SPENCE_REDIS_SERVER");
        let process = Command::new(program.as_deref().unwrap_or("redis-server"))
            .args(&self.leading)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--daemonize", "no"])
            .arg("--dir")
            .arg(self.dir.path())
            .args(&self.settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed (apt-get install redis-server)");
        self.process = Some(process);
        let begun = spence::Clock::system().stopwatch();
        while self.try_command(&["PING"]).is_none_or(|answer| answer.contains("LOADING")) {
            assert!(begun.elapsed() < START, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills it (SIGKILL), if it runs.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            drop(process.kill());
            drop(process.wait());
        }
    }

    /// Deletes what it has saved. Only while it does not run.
    ///
    /// # Panics
    /// When it runs, or its files cannot be deleted.
    pub fn forget(&mut self) {
        assert!(self.process.is_none(), "the server runs");
        self.dir = tempfile::tempdir().expect("a directory for the server");
    }

    /// Stops it in its tracks (SIGSTOP); it keeps its connections and answers nothing.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// What it answers to a command, as it comes over the wire.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn command(&self, words: &[&str]) -> String {
        self.try_command(words).expect("the server answers")
    }

    fn try_command(&self, words: &[&str]) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(request.as_bytes()).ok()?;
        // It closes the connection after that, so that the answer has an end.
        stream.shutdown(Shutdown::Write).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer);
        Some(answer.trim_end().to_owned()).filter(|answer| !answer.is_empty())
    }

    fn signal(&self, signal: &str) {
        let Some(process) = &self.process else { return };
        let sent = Command::new("kill").args([signal, &process.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
