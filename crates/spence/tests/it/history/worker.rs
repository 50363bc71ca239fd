//! A node: a process that reads and writes through an engine, and writes down what it did.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use spence::unstable::clock_ahead;
use spence::{Cache, Clock, Fill, Freshness, PolicyLayer, Redis, Scope, Spence, Target};

use super::dice::Dice;
use super::register::ask;
use super::servers::Way;
use super::{CHILD, KEYS, Kind, MAX_LAG, NODES, now};
use crate::notes;

/// Tasks of a node that read; one more writes, so that the writes of a key have an order.
const READERS: u32 = 4;
/// Values are padded, so that memory cannot hold them all.
const PADDING: usize = 2_000;

/// A node's process.
pub(super) struct Worker {
    process: Child,
    /// Its way to the server.
    pub(super) way: Way,
    start: String,
    /// How often it has been started.
    lives: u32,
}

impl Worker {
    /// Starts a node whose wall clock is ahead by that.
    pub(super) fn start(dir: &Path, node: usize, way: Way, register: u16, ahead: Duration) -> Self {
        let (redis, ahead) = (way.url(), ahead.as_millis());
        let start = format!("{}#{node}#{redis}#{register}#{ahead}", dir.display());
        Self { process: spawn(&start, 0), way, start, lives: 0 }
    }

    /// SIGKILL, then a new process.
    pub(super) fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.lives += 1;
        self.process = spawn(&self.start, self.lives);
    }

    pub(super) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn spawn(start: &str, life: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "history::child", "--nocapture"])
        .env(CHILD, format!("{start}#{life}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Runs until it is killed, or whoever has started it is.
pub(super) fn main(who: &str) {
    std::thread::spawn(|| {
        drop(std::io::stdin().read(&mut [0]));
        std::process::exit(0);
    });
    let words: Vec<_> = who.split('#').collect();
    let [dir, node, redis, register, ahead, life] = words.try_into().unwrap();
    let (dir, node) = (Path::new(dir), node.parse().unwrap());
    let (register, life) = (register.parse().unwrap(), life.parse().unwrap());
    let redis = Redis::at(redis);
    let clock = clock_ahead(ahead.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let node = Arc::new(Node::open(dir, (node, life), redis, register, clock).await);
        let readers = (0..READERS).map(|task| tokio::spawn(read(Arc::clone(&node), task)));
        let readers: Vec<_> = readers.collect();
        write(Arc::clone(&node)).await;
        for reader in readers {
            reader.await.unwrap();
        }
    });
}

struct Node {
    spence: Spence,
    long: Cache<String, (u64, Vec<u8>)>,
    short: Cache<String, (u64, Vec<u8>)>,
    register: u16,
    node: usize,
    life: u64,
    notes: Mutex<std::fs::File>,
}

impl Node {
    async fn open(
        dir: &Path,
        (node, life): (usize, u64),
        redis: Redis,
        register: u16,
        clock: Clock,
    ) -> Self {
        let shared = redis.max_lag(MAX_LAG).deadline(Duration::from_millis(100));
        let shared = shared.lease(Duration::from_secs(1));
        let short = PolicyLayer::new()
            .ttl(Duration::from_millis(300))
            .stale_while_revalidate(Duration::from_millis(500))
            .stale_if_error(Duration::from_secs(2));
        let builder = Spence::builder().clock(clock).memory(100_000);
        let mut builder = builder.redis(shared).policy("short", short);
        // Every other node keeps what it has across its lives.
        if node.is_multiple_of(2) {
            builder = builder.disk(dir.join(format!("disk-{node}")), 16_000_000);
        }
        let spence = builder.build().await.unwrap();
        let notes = notes::open(&dir.join(format!("notes-{node}")));
        Self {
            long: spence.cache("long").build().unwrap(),
            short: spence.cache("short").build().unwrap(),
            spence,
            register,
            node,
            life,
            notes: Mutex::new(notes),
        }
    }

    fn dice(&self, task: u32) -> Dice {
        Dice::new((self.node as u64) << 48 | self.life << 16 | u64::from(task))
    }

    /// One write, so that a kill hardly ever leaves a half.
    fn note(&self, what: &str, kind: Kind, key: u32, begun: u64, version: u64, word: &str) {
        let (life, kind) = (self.life, kind as u8);
        let note = format!("{what} {life} {kind} {key} {begun} {} {version} {word}\n", now());
        self.notes.lock().write_all(note.as_bytes()).unwrap();
    }

    fn cache(&self, kind: Kind) -> &Cache<String, (u64, Vec<u8>)> {
        match kind {
            Kind::Long => &self.long,
            Kind::Short => &self.short,
        }
    }
}

/// What a key is called, in the caches and as a register.
pub(super) fn names(kind: Kind, key: u32) -> (String, String) {
    let text = format!("g{}:{key}", key % 6);
    (text.clone(), format!("{kind:?}/{text}"))
}

fn any_kind(dice: &mut Dice) -> Kind {
    if dice.percent(70) { Kind::Long } else { Kind::Short }
}

fn any_key(dice: &mut Dice) -> u32 {
    u32::try_from(dice.within(0..=u64::from(KEYS) - 1)).unwrap()
}

async fn read(node: Arc<Node>, task: u32) {
    let mut dice = node.dice(task);
    loop {
        let (kind, key) = (any_kind(&mut dice), any_key(&mut dice));
        let (text, register) = names(kind, key);
        let slow = match dice.within(0..=99) {
            0 => 2_500,
            1..10 => 100,
            _ => dice.within(0..=9),
        };
        let port = node.register;
        let fill = move |_| async move {
            let version = ask(port, "R", &register).await?;
            Clock::system().sleep(Duration::from_millis(slow)).await;
            let group = key % 6;
            Ok::<_, std::io::Error>(
                Fill::new((version, vec![0; PADDING])).tags([format!("tag{group}")]),
            )
        };
        let begun = now();
        let hit = match dice.percent(30) {
            true => node.cache(kind).get(&text).await,
            false => node.cache(kind).get_or_fetch(&text, fill).await.ok(),
        };
        if let Some(hit) = hit {
            let label = match hit.freshness() {
                Freshness::Unverified => "unverified",
                freshness if freshness.is_stale() && !hit.is_verified() => "unverified-stale",
                freshness if freshness.is_stale() => "stale",
                _ => "fresh",
            };
            let label = format!("{label}-{}", hit.source().as_str());
            node.note("read", kind, key, begun, hit.0, &label);
        }
        Clock::system().sleep(Duration::from_millis(dice.within(0..=8))).await;
    }
}

/// Writes the keys that are its own: the register, then through the engine.
async fn write(node: Arc<Node>) {
    let mut dice = node.dice(READERS);
    loop {
        let (kind, key) = (any_kind(&mut dice), any_key(&mut dice));
        let key = key - key % NODES as u32 + node.node as u32;
        let (text, register) = names(kind, key);
        let Ok(version) = ask(node.register, "W", &register).await else { continue };
        let begun = now();
        let namespace = || node.cache(kind).name().to_owned();
        let group = key % 6;
        let target = match dice.within(0..=19) {
            0 => Target::Tag(format!("tag{group}")),
            1 => Target::Prefix { namespace: namespace(), prefix: format!("g{group}:") },
            2 => Target::Glob { namespace: namespace(), pattern: format!("?{group}*[^x]") },
            3 => Target::Namespace(namespace()),
            4..10 => {
                let fill = Fill::new((version, vec![0; PADDING])).tags([format!("tag{group}")]);
                if node.cache(kind).insert_fill(text, fill).await.is_ok() {
                    node.note("wrote", kind, key, begun, version, "insert");
                }
                continue;
            }
            _ => Target::Key { namespace: namespace(), key: text },
        };
        let word = match node.spence.invalidate(&target).await {
            Ok(Scope::Cluster) => "cluster",
            Ok(Scope::Queued { .. }) => "queued",
            Ok(_) => "node",
            Err(_) => continue,
        };
        node.note("wrote", kind, key, begun, version, word);
        Clock::system().sleep(Duration::from_millis(dice.within(0..=30))).await;
    }
}
