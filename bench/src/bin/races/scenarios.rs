//! The scenarios, each a number of trials on keys of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::contenders::{Ask, Contender};

/// Callers of one key at a time.
pub const CALLERS: usize = 50;
/// How long a fill takes.
const FILL: Duration = Duration::from_millis(4);
/// Time for callers to have begun to wait.
const SETTLE: Duration = Duration::from_millis(1);
/// Whoever waits longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy)]
pub enum Scenario {
    InvalidatedDuringFill,
    LeaderCancelled,
    AlwaysFailing,
    Panicking,
}

/// An origin: a register whose value is its version, and a count of calls.
#[derive(Clone)]
struct Origin {
    version: Arc<AtomicU64>,
    calls: Arc<AtomicU64>,
    /// A permit for each call that has read the version.
    begun: Arc<Semaphore>,
}

#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Answers,
    Fails,
    PanicsAtFirst,
}

impl Origin {
    fn new() -> Self {
        Self {
            version: Arc::new(AtomicU64::new(1)),
            calls: Arc::default(),
            begun: Arc::new(Semaphore::new(0)),
        }
    }

    fn ask(&self, manner: Manner) -> Ask {
        let origin = self.clone();
        Box::new(move || {
            Box::pin(async move {
                let version = origin.version.load(Ordering::SeqCst);
                let call = origin.calls.fetch_add(1, Ordering::SeqCst);
                origin.begun.add_permits(1);
                sleep(FILL).await;
                match manner {
                    Manner::Fails => Err("the origin fails".to_owned()),
                    Manner::PanicsAtFirst if call == 0 => panic!("the origin panics"),
                    Manner::Answers | Manner::PanicsAtFirst => Ok(version),
                }
            })
        })
    }
}

impl Scenario {
    pub const ALL: [Self; 4] =
        [Self::InvalidatedDuringFill, Self::LeaderCancelled, Self::AlwaysFailing, Self::Panicking];

    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidatedDuringFill => "invalidated during a fill: served stale",
            Self::LeaderCancelled => "first caller cancelled: origin calls",
            Self::AlwaysFailing => "fill always fails: origin calls",
            Self::Panicking => "first fill panics: origin calls",
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Self::InvalidatedDuringFill => "of trials",
            _ => "a trial",
        }
    }

    /// The least that is possible.
    pub fn possible(self) -> f64 {
        match self {
            Self::InvalidatedDuringFill => 0.0,
            _ => 1.0,
        }
    }

    /// Stale answers in all, or origin calls a trial.
    pub async fn count(self, cache: &Contender, trials: usize) -> anyhow::Result<f64> {
        let mut counted = 0;
        for trial in 0..trials {
            let key = format!("{}:{trial}", self.name());
            counted += match self {
                Self::InvalidatedDuringFill => invalidated(cache, &key).await?,
                Self::LeaderCancelled => cancelled(cache, &key).await?,
                Self::AlwaysFailing => together(cache, &key, Manner::Fails).await?,
                Self::Panicking => together(cache, &key, Manner::PanicsAtFirst).await?,
            };
        }
        let each = if let Self::InvalidatedDuringFill = self { 1 } else { trials };
        Ok(counted as f64 / each as f64)
    }
}

/// 1 if a read that began after the invalidation had returned saw the old value, at once or when
/// the fill had ended.
async fn invalidated(cache: &Contender, key: &str) -> anyhow::Result<u64> {
    let origin = Origin::new();
    let early = {
        let (cache, key, ask) = (cache.clone(), key.to_owned(), origin.ask(Manner::Answers));
        tokio::spawn(async move { cache.fetch(&key, ask).await })
    };
    origin.begun.acquire().await?.forget();
    origin.version.store(2, Ordering::SeqCst);
    cache.invalidate(key).await?;
    let fetch = || cache.fetch(key, origin.ask(Manner::Answers));
    let at_once = timeout(PATIENCE, fetch()).await?.map_err(anyhow::Error::msg)?;
    early.await?.map_err(anyhow::Error::msg)?;
    let later = timeout(PATIENCE, fetch()).await?.map_err(anyhow::Error::msg)?;
    Ok(u64::from(at_once < 2 || later < 2))
}

async fn cancelled(cache: &Contender, key: &str) -> anyhow::Result<u64> {
    let origin = Origin::new();
    let call = || {
        let (cache, key, ask) = (cache.clone(), key.to_owned(), origin.ask(Manner::Answers));
        async move { cache.fetch(&key, ask).await }
    };
    let leader = tokio::spawn(call());
    origin.begun.acquire().await?.forget();
    let mut waiters = JoinSet::new();
    (0..CALLERS).for_each(|_| drop(waiters.spawn(call())));
    sleep(SETTLE).await;
    leader.abort();
    timeout(PATIENCE, waiters.join_all()).await.context("a waiter waits for ever")?;
    Ok(origin.calls.load(Ordering::SeqCst))
}

/// All callers at once; how they fare is their affair, but none may wait for ever.
async fn together(cache: &Contender, key: &str, manner: Manner) -> anyhow::Result<u64> {
    let origin = Origin::new();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (cache, key, ask) = (cache.clone(), key.to_owned(), origin.ask(manner));
        callers.spawn(async move { cache.fetch(&key, ask).await });
    }
    let all = async { while callers.join_next().await.is_some() {} };
    timeout(PATIENCE, all).await.context("a caller waits for ever")?;
    Ok(origin.calls.load(Ordering::SeqCst))
}
