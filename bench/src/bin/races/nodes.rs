//! Two nodes on one Redis server: in this process, or each in a process of its own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use multi_tier_cache::{
    CacheError, CacheManager, CacheStrategy, InvalidationConfig, L1Cache, L2Cache,
};
use spence::{Cache, Fill, Spence};
use spence_benches::peers::Peers;
use std::sync::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// How long a fill takes.
pub const FILL: Duration = Duration::from_millis(100);
/// Whoever takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is cached, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    Spence,
    MultiTier,
    Cashews,
    Aiocache,
    Dogpile,
    Bento,
}

impl Library {
    pub const PEERS: [Self; 5] =
        [Self::MultiTier, Self::Cashews, Self::Aiocache, Self::Dogpile, Self::Bento];

    pub fn name(self) -> &'static str {
        match self {
            Self::Spence => "Spence",
            Self::MultiTier => "multi-tier-cache",
            Self::Cashews => "cashews",
            Self::Aiocache => "aiocache",
            Self::Dogpile => "dogpile.cache",
            Self::Bento => "BentoCache",
        }
    }
}

/// The origin: a directory with a file for each key, which holds its version.
#[derive(Clone)]
pub struct Origin(pub PathBuf);

impl Origin {
    pub fn set(&self, key: &str, version: u64) -> anyhow::Result<()> {
        // At once, for whoever is reading it.
        let (file, next) = (self.0.join(key), self.0.join(format!("{key}.next")));
        std::fs::write(&next, version.to_string())?;
        Ok(std::fs::rename(next, file)?)
    }

    fn read(&self, key: &str) -> anyhow::Result<u64> {
        Ok(std::fs::read_to_string(self.0.join(key))?.trim().parse()?)
    }

    /// A fill: the origin is read at once, and answers later.
    async fn fill(self, key: String, begun: Option<oneshot::Sender<()>>) -> Result<u64, String> {
        let version = self.read(&key).map_err(|error| error.to_string())?;
        if let Some(begun) = begun {
            // Whoever asked may have given up.
            let _: Result<(), ()> = begun.send(());
        }
        sleep(FILL).await;
        Ok(version)
    }
}

/// A node.
#[derive(Clone)]
pub enum Node {
    Spence(Cache<String, u64>, Origin),
    MultiTier(Arc<CacheManager>, Origin),
    Process(Arc<Process>),
}

impl Node {
    pub async fn of(
        library: Library,
        url: &str,
        origin: &Origin,
        peers: &Peers,
    ) -> anyhow::Result<Self> {
        match library {
            Library::Spence => {
                let spence = Spence::builder().redis(url).build().await?;
                Ok(Self::Spence(spence.cache("races").build()?, origin.clone()))
            }
            Library::MultiTier => {
                let tiers = (L1Cache::new(Default::default())?, L2Cache::with_url(url).await?);
                let (l1, l2) = (Arc::new(tiers.0), Arc::new(tiers.1));
                let config = InvalidationConfig::default();
                let tiers = CacheManager::new_with_invalidation(l1, l2, url, config).await?;
                Ok(Self::MultiTier(Arc::new(tiers), origin.clone()))
            }
            Library::Bento => {
                let mut command = Command::new("node");
                command.arg(peers.node_program()?).arg("bentocache");
                Process::start(command, url, &origin.0).await
            }
            Library::Cashews | Library::Aiocache | Library::Dogpile => {
                let mut command = Command::new(peers.python("node-requirements.txt")?);
                let library = if library == Library::Dogpile { "dogpile" } else { library.name() };
                command.arg(peers.program("node.py")).arg(library);
                Process::start(command, url, &origin.0).await
            }
        }
    }

    /// What is cached under `key`, or what a fill brings; `begun` is told once that has read the
    /// origin.
    pub async fn fetch(
        &self,
        key: &str,
        begun: Option<oneshot::Sender<()>>,
    ) -> anyhow::Result<u64> {
        let fetching = async {
            match self {
                Self::Spence(cache, origin) => {
                    let (origin, text) = (origin.clone(), key.to_owned());
                    let fill = |_| async move { origin.fill(text, begun).await.map(Fill::new) };
                    Ok(*cache.get_or_fetch(&key.to_owned(), fill).await?)
                }
                Self::MultiTier(tiers, origin) => {
                    let (origin, text) = (origin.clone(), key.to_owned());
                    let fill = || async move {
                        let version = origin.fill(text, begun).await;
                        let version = version.map_err(CacheError::InternalError)?;
                        Ok(version.to_string().into_bytes().into())
                    };
                    let term = CacheStrategy::LongTerm;
                    let bytes = tiers.get_or_compute_with(key, term, fill).await?;
                    Ok(std::str::from_utf8(&bytes)?.parse()?)
                }
                Self::Process(process) => {
                    let said = process.ask("fetch", key, begun).await?;
                    said.parse().with_context(|| format!("not a version: {said}"))
                }
            }
        };
        timeout(PATIENCE, fetching).await.context("it does not answer")?
    }

    /// Deletes a key.
    pub async fn delete(&self, key: &str) -> anyhow::Result<()> {
        let deleting = async {
            match self {
                Self::Spence(cache, _) => drop(cache.invalidate(&key.to_owned()).await?),
                Self::MultiTier(tiers, _) => tiers.invalidate(key).await?,
                Self::Process(process) => drop(process.ask("delete", key, None).await?),
            }
            anyhow::Ok(())
        };
        timeout(PATIENCE, deleting).await.context("it does not answer")?
    }
}

/// Who waits for what a process says of a request.
struct Waiting {
    begun: Option<oneshot::Sender<()>>,
    done: oneshot::Sender<Result<String, String>>,
}

/// A node in a process of its own, driven by lines (`bench/peers`).
pub struct Process {
    input: tokio::sync::Mutex<ChildStdin>,
    waiting: Arc<Mutex<HashMap<u64, Waiting>>>,
    requests: AtomicU64,
    /// Ends with this.
    _child: Child,
}

impl Process {
    async fn start(mut command: Command, url: &str, origin: &Path) -> anyhow::Result<Node> {
        command.args([url, &origin.display().to_string(), &FILL.as_secs_f64().to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (input, output) = input.zip(output).context("its input and output")?;
        let mut lines = BufReader::new(output).lines();
        let ready = timeout(PATIENCE, lines.next_line()).await.context("it does not start")??;
        if ready.as_deref() != Some("0 ok ready") {
            bail!("it did not start: {ready:?}");
        }
        let waiting: Arc<Mutex<HashMap<u64, Waiting>>> = Arc::default();
        let told = Arc::clone(&waiting);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                hear(&told, &line);
            }
            // Nobody answers any more.
            told.lock().expect("no panic").clear();
        });
        let (input, requests) = (tokio::sync::Mutex::new(input), AtomicU64::new(1));
        Ok(Node::Process(Arc::new(Self { input, waiting, requests, _child: child })))
    }

    async fn ask(
        &self,
        what: &str,
        key: &str,
        begun: Option<oneshot::Sender<()>>,
    ) -> anyhow::Result<String> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let (done, answer) = oneshot::channel();
        self.waiting.lock().expect("no panic").insert(number, Waiting { begun, done });
        let line = format!("{number} {what} {key}\n");
        self.input.lock().await.write_all(line.as_bytes()).await?;
        answer.await.context("it has ended")?.map_err(|error| anyhow!(error))
    }
}

/// A line of a process: `number begun`, `number ok answer` or `number error text`.
fn hear(waiting: &Mutex<HashMap<u64, Waiting>>, line: &str) {
    let mut words = line.splitn(3, ' ');
    let Some(number) = words.next().and_then(|number| number.parse().ok()) else { return };
    let (what, rest) = (words.next(), words.next().unwrap_or_default().to_owned());
    let mut waiting = waiting.lock().expect("no panic");
    match what {
        Some("begun") => {
            if let Some(begun) = waiting.get_mut(&number).and_then(|waiting| waiting.begun.take()) {
                // Whoever asked may have given up.
                let _: Result<(), ()> = begun.send(());
            }
        }
        Some(what) => {
            if let Some(waiting) = waiting.remove(&number) {
                drop(waiting.done.send(if what == "ok" { Ok(rest) } else { Err(rest) }));
            }
        }
        None => {}
    }
}
