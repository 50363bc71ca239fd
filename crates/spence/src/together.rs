//! One fill for several flights: it is started for all of them, and each lands with its part.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use tokio::sync::OwnedSemaphorePermit;

use crate::cache::Cache;
use crate::error::{Error, ErrorKind};
use crate::events::Happening;
use crate::fetch::within;
use crate::fill::{self, FillCx};
use crate::fills::Fills;
use crate::key::{Identity, Key};
use crate::pilot::Pilot;
use crate::policy::Policy;
use crate::share::Permit;
use crate::stats::Count;

/// Calls of the shared tier that one fill has under way at a time.
const SHARED_CALLS: usize = 256;
/// Keys that become free within this time are asked for together.
const ABOUT_THE_SAME_MOMENT: Duration = Duration::from_millis(20);

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// Starts one fill for several flights, in a task of its own.
    pub(crate) fn take_off_together<F, R, E>(
        &self,
        pilots: Vec<Pilot<K, V>>,
        turn: Option<OwnedSemaphorePermit>,
        policy: &Arc<Policy>,
        fill: &Arc<F>,
    ) where
        F: Fn(Vec<FillCx<K, V>>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Fills<K, V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        if pilots.is_empty() {
            return;
        }
        let (cache, policy, fill) = (self.clone(), Arc::clone(policy), Arc::clone(fill));
        self.engine.spawner.spawn(Box::pin(async move {
            let attempts: Vec<_> =
                pilots.iter().map(|pilot| pilot.try_to_secure().boxed()).collect();
            let attempts: Vec<_> = stream::iter(attempts).buffered(SHARED_CALLS).collect().await;
            let (mut flown, mut waiting) = (Vec::new(), Vec::new());
            for (pilot, secured) in pilots.into_iter().zip(attempts) {
                match pilot.take(secured) {
                    Ok(secured) => flown.push(secured),
                    Err(waits) => waiting.extend(waits),
                }
            }
            cache.fly_when_free(waiting, &policy, &fill);
            if !flown.is_empty() {
                cache.fly_together(flown, policy.hard_deadline, &*fill).await;
            }
            drop(turn);
        }));
    }

    /// Keys that other nodes are filling: each is asked for when it is free, those that are free at
    /// about the same moment together.
    fn fly_when_free<F, R, E>(&self, waiting: Vec<Pilot<K, V>>, policy: &Arc<Policy>, fill: &Arc<F>)
    where
        F: Fn(Vec<FillCx<K, V>>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Fills<K, V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        if waiting.is_empty() {
            return;
        }
        let (cache, deadline, fill) = (self.clone(), policy.hard_deadline, Arc::clone(fill));
        self.engine.spawner.spawn(Box::pin(async move {
            let mut free: FuturesUnordered<_> =
                waiting.into_iter().map(|pilot| pilot.secure(deadline)).collect();
            while let Some(first) = free.next().await {
                cache.engine.clock.sleep(ABOUT_THE_SAME_MOMENT).await;
                let mut flown: Vec<_> = first.into_iter().collect();
                while let Some(Some(next)) = free.next().now_or_never() {
                    flown.extend(next);
                }
                if !flown.is_empty() {
                    let (cache, fill) = (cache.clone(), Arc::clone(&fill));
                    cache.engine.spawner.clone().spawn(Box::pin(async move {
                        cache.fly_together(flown, deadline, &*fill).await;
                    }));
                }
            }
        }));
    }

    /// One fill for several flights.
    async fn fly_together<F, R, E>(
        &self,
        flown: Vec<(Pilot<K, V>, Permit)>,
        deadline: Duration,
        fill: &F,
    ) where
        F: Fn(Vec<FillCx<K, V>>) -> R,
        R: Future<Output = Result<Fills<K, V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        let (clock, counters) = (&self.engine.clock, &self.core.namespace.counters);
        let contexts: Vec<_> = flown.iter().map(|(pilot, _)| pilot.context(deadline)).collect();
        flown.iter().for_each(|(pilot, _)| pilot.tell(Happening::FillStarted));
        counters.count(Count::OriginCall);
        let took = clock.stopwatch();
        let filling = fill(contexts);
        let work = fill::run(async move { filling.await.map_err(Error::origin) });
        let leases = flown.iter().map(|(pilot, permit)| (pilot.text(), permit)).collect();
        let work = self.renewing(leases, work);
        let result = within(clock, deadline, work).await;
        // Each key took its share of the call.
        let share = took.elapsed() / u32::try_from(flown.len()).unwrap_or(u32::MAX);
        if !self.land_together(flown, result, share).await {
            counters.count(Count::OriginError);
        }
    }

    /// Lands every flight with its part of what came; whether all of them came down well.
    async fn land_together(
        &self,
        flown: Vec<(Pilot<K, V>, Permit)>,
        result: Result<Fills<K, V>, Error>,
        share: Duration,
    ) -> bool {
        let mut landing = Vec::with_capacity(flown.len());
        let mut by_hash: HashMap<u64, (Pilot<K, V>, Permit), Identity> = HashMap::default();
        by_hash.extend(flown.into_iter().map(|flown| (flown.0.hash(), flown)));
        let unanswered = match result {
            Ok(fills) => {
                for (key, result) in fills.0 {
                    let hash = self.core.namespace.hasher.hash(&key);
                    let flown = by_hash.remove(&hash).filter(|(pilot, _)| *pilot.key() == key);
                    landing.extend(flown.map(|(pilot, permit)| pilot.land(result, share, permit)));
                }
                Error::new(ErrorKind::Origin, "origin failed: no answer for this key")
            }
            Err(error) => error,
        };
        for (_, (pilot, permit)) in by_hash {
            landing.push(pilot.land(Err(unanswered.clone()), share, permit));
        }
        let landed = stream::iter(landing).map(FutureExt::boxed).buffer_unordered(SHARED_CALLS);
        landed.fold(true, |all, well| async move { all && well }).await
    }
}
