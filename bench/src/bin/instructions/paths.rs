//! The paths, and the most that each may take.

use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::path::Path;

use anyhow::ensure;
use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use spence::{Cache, Fill, PolicyLayer, Raw, Spence};
use spence_benches::workload;
use spence_config::{Layer, Sources};
use spence_server::{App, Edge};
use tokio::runtime::Runtime;
use tower::ServiceExt;

pub const OPERATIONS: usize = 2_000;
const VALUE_BYTES: usize = 1024;
const ENTRY: &str = "/api/v1/cache/entries/bench/key";

/// A path, and how it is run.
pub struct Counted {
    pub name: &'static str,
    /// A tenth more than it took when this was last written down.
    pub most: f64,
    pub run: fn() -> anyhow::Result<()>,
}

pub const PATHS: &[Counted] = &[
    Counted { name: "peek, memory", most: 450.0, run: peek },
    Counted { name: "get_or_fetch, memory", most: 510.0, run: get_or_fetch },
    Counted { name: "insert, memory", most: 3_100.0, run: insert },
    Counted { name: "get of 1 KB, disk", most: 7_650.0, run: disk },
    Counted { name: "GET of 1 KB, service", most: 15_200.0, run: service },
];

/// What valgrind counts: everything that happens in here, on this thread.
#[inline(never)]
fn counted(runtime: &Runtime, work: impl Future<Output = ()>) {
    runtime.block_on(work);
}

/// A runtime, and a cache with the keys that are asked for.
struct Setting {
    runtime: Runtime,
    _spence: Spence,
    cache: Cache<String, Bytes>,
    keys: Vec<String>,
}

impl Setting {
    /// In memory; or, with a directory, on disk alone.
    fn new(dir: Option<&Path>) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let ttl = std::time::Duration::from_secs(86_400);
        let builder = Spence::builder().policy("bench", PolicyLayer::new().ttl(ttl));
        let builder = match dir {
            Some(dir) => builder.no_memory().disk(dir, 1_000_000_000).no_compression(),
            None => builder,
        };
        let spence = runtime.block_on(builder.build())?;
        let cache = spence.cache("bench").codec(Raw).build()?;
        Ok(Self { runtime, _spence: spence, cache, keys: workload::keys(OPERATIONS) })
    }

    fn filled(self) -> Self {
        self.runtime.block_on(async {
            for key in &self.keys {
                self.cache.insert(key.clone(), value()).await.expect("it is taken");
            }
        });
        self
    }
}

fn value() -> Bytes {
    vec![b'x'; VALUE_BYTES].into()
}

fn peek() -> anyhow::Result<()> {
    let Setting { runtime, cache, keys, .. } = &Setting::new(None)?.filled();
    counted(runtime, async {
        keys.iter().for_each(|key| drop(black_box(cache.peek(key).expect("it is held"))));
    });
    Ok(())
}

async fn fetch(cache: &Cache<String, Bytes>, key: &String) {
    let fill = |_| async { Ok::<_, Infallible>(Fill::new(Bytes::from_static(b"value"))) };
    black_box(cache.get_or_fetch(key, fill).await.expect("a value"));
}

fn get_or_fetch() -> anyhow::Result<()> {
    let Setting { runtime, cache, keys, .. } = &Setting::new(None)?.filled();
    counted(runtime, async {
        for key in keys {
            fetch(cache, key).await;
        }
    });
    Ok(())
}

fn insert() -> anyhow::Result<()> {
    let Setting { runtime, cache, keys, .. } = &Setting::new(None)?;
    counted(runtime, async {
        for key in keys {
            cache.insert(key.clone(), Bytes::from_static(b"value")).await.expect("it is taken");
        }
    });
    Ok(())
}

fn disk() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let Setting { runtime, cache, keys, .. } = &Setting::new(Some(dir.path()))?.filled();
    counted(runtime, async {
        for key in keys {
            black_box(cache.get(key).await.expect("it is held"));
        }
    });
    Ok(())
}

/// From the parsed request to the answer.
fn service() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let dir = tempfile::tempdir()?;
    let mut file = Layer::default();
    file.disk.dir = Some(dir.path().join("data"));
    let settings = Sources { file: Some(file), ..Sources::default() }.resolve()?;
    let app = runtime.block_on(App::start(settings))?;
    let edge = Edge::new(app);
    let ask = async |request: axum::http::request::Builder, body: Body| {
        let request = request.uri(ENTRY).header("host", "localhost").body(body);
        let Ok(answer) = edge.clone().oneshot(request.expect("a request")).await;
        answer.status().is_success()
    };
    let put = runtime.block_on(ask(Request::put(ENTRY), Body::from(value())));
    ensure!(put, "the value is refused");
    counted(&runtime, async {
        for _ in 0..OPERATIONS {
            assert!(ask(Request::get(ENTRY), Body::empty()).await, "it is held");
        }
    });
    Ok(())
}
