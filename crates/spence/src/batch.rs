//! Many keys at once: `get_many` and `get_many_or_fetch`.
//!
//! Every key goes the way of a single one (look, board a flight, wait or fall back), so each keeps
//! every promise for itself; a single get is a batch of one. What a batch adds: the lower tiers
//! are read for several keys at a time, and the keys that nobody is fetching yet are handed to the
//! fill in chunks.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use tokio::sync::{Semaphore, watch};

use crate::cache::Cache;
use crate::cached::Cached;
use crate::caller::Caller;
use crate::covers::Covers;
use crate::error::{Error, ErrorKind};
use crate::fetch::{Next, Stale};
use crate::fill::FillCx;
use crate::fills::Fills;
use crate::flight::Ticket;
use crate::key::Key;
use crate::lookup::Looking;
use crate::policy::Policy;

/// How a batch is cut up for the origin.
///
/// ```
/// let batch = spence::Batch::chunks(100).parallel(8);
/// # let _ = batch;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    chunk: usize,
    parallel: usize,
}

impl Batch {
    /// At most `keys` keys (at least 1) for each call of the fill.
    #[must_use]
    pub fn chunks(keys: usize) -> Self {
        Self { chunk: keys.max(1), ..Self::default() }
    }

    /// At most `calls` calls (at least 1) of the fill at a time, for this batch.
    #[must_use]
    pub fn parallel(mut self, calls: usize) -> Self {
        self.parallel = calls.max(1);
        self
    }
}

impl Default for Batch {
    /// Chunks of 100 keys, four at a time.
    fn default() -> Self {
        Self { chunk: 100, parallel: 4 }
    }
}

/// The answer for a key, with its place among the keys asked for.
type Answer<V> = (usize, Result<Cached<V>, Error>);

/// A key without a fresh value.
struct Wanted<K: Key, V> {
    place: usize,
    caller: Caller<K, V>,
    ticket: Ticket,
    stale: Stale<K, V>,
}

/// A key that must be looked at again, maybe when something has landed.
struct Again<K: Key, V> {
    wanted: Wanted<K, V>,
    landing: Option<watch::Receiver<bool>>,
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// What any tier holds under each of `keys`, in their order; the origin is not asked.
    pub async fn get_many(&self, keys: &[K]) -> Vec<Option<Cached<V>>> {
        let mut found: Vec<Option<Cached<V>>> = Vec::with_capacity(keys.len());
        let mut cold = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            let hash = self.core.namespace.hasher.hash(key);
            let hit = self.memory_hit(hash, key);
            if hit.is_none() {
                cold.push((place, hash, key.clone()));
            }
            found.push(hit.flatten());
        }
        let looking = cold.iter().filter_map(|(place, hash, key)| {
            let text = self.text_of(key).ok()?;
            let ticket = self.engine.flights.ticket(*hash, &self.engine.log);
            Some((*place, Looking { ticket, key, text }))
        });
        let (places, looking): (Vec<_>, Vec<_>) = looking.unzip();
        let walked = self.walk_many(&looking).await;
        for ((place, held), looking) in places.into_iter().zip(walked).zip(&looking) {
            if let Some(empty) = found.get_mut(place) {
                *empty = self.serve_held(&looking.text, held);
            }
        }
        found
    }

    /// What a tier holds fresh under each of `keys`, or what `fill` brings for those that miss; in
    /// their order, each with its own answer.
    ///
    /// Keys that another caller is fetching already are waited for, not asked for again. The
    /// others reach `fill` in chunks, each in a task of its own: dropping the returned future
    /// stops no chunk that has begun, and begins no further one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), spence::Error> {
    /// use spence::{Batch, Error, Fill, FillCx, Fills, Spence};
    ///
    /// let spence = Spence::builder().build().await?;
    /// let squares = spence.cache::<u64, u64>("squares").build()?;
    /// let fetch = |missing: Vec<FillCx<u64, u64>>| async move {
    ///     let squared = |cx: &FillCx<u64, u64>| (*cx.key(), Fill::new(cx.key() * cx.key()));
    ///     Ok::<_, Error>(missing.iter().map(squared).collect::<Fills<_, _>>())
    /// };
    /// let answers = squares.get_many_or_fetch(&[1, 2, 3], Batch::chunks(2), fetch).await;
    /// let values: Vec<u64> = answers.into_iter().map(|answer| *answer.unwrap()).collect();
    /// assert_eq!(values, [1, 4, 9]);
    /// # Ok(()) }
    /// ```
    pub async fn get_many_or_fetch<F, R, E>(
        &self,
        keys: &[K],
        batch: Batch,
        fill: F,
    ) -> Vec<Result<Cached<V>, Error>>
    where
        F: Fn(Vec<FillCx<K, V>>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Fills<K, V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        self.answer_all(keys, batch, Covers::everything(), fill).await
    }

    /// [`Cache::get_many_or_fetch`] for values that grow, such as what is known of a year: a fresh
    /// one answers only if it `covers` what this call wants. For the others `fill` is called, and
    /// finds what is held in [`FillCx::stale`], to which it adds.
    ///
    /// Whoever joins a fill that another caller has begun gets what that one brings, which may not
    /// cover what it wants itself; ask again then. If the fill fails, what is held and fresh is
    /// served as stale with its cause, as far as the policy's grace goes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), spence::Error> {
    /// use spence::{Batch, Error, Fill, FillCx, Fills, Spence};
    ///
    /// let spence = Spence::builder().build().await?;
    /// let words = spence.cache::<u64, Vec<u32>>("words").build()?;
    /// for wanted in [2, 1, 3] {
    ///     let fetch = move |short: Vec<FillCx<u64, Vec<u32>>>| async move {
    ///         let extend = |cx: &FillCx<u64, Vec<u32>>| {
    ///             let mut held = cx.stale().map(|held| held.to_vec()).unwrap_or_default();
    ///             held.extend(held.len() as u32..wanted);
    ///             (*cx.key(), Fill::new(held))
    ///         };
    ///         Ok::<_, Error>(short.iter().map(extend).collect::<Fills<_, _>>())
    ///     };
    ///     let covers = move |_: &u64, held: &Vec<u32>| held.len() as u32 >= wanted;
    ///     let answers = words.get_many_or_extend(&[7], Batch::default(), covers, fetch).await;
    ///     assert!(answers[0].as_ref().unwrap().len() as u32 >= wanted);
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn get_many_or_extend<C, F, R, E>(
        &self,
        keys: &[K],
        batch: Batch,
        covers: C,
        fill: F,
    ) -> Vec<Result<Cached<V>, Error>>
    where
        C: Fn(&K, &V) -> bool + Send + Sync + 'static,
        F: Fn(Vec<FillCx<K, V>>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Fills<K, V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        self.answer_all(keys, batch, Covers::when(covers), fill).await
    }

    async fn answer_all<F, R, E>(
        &self,
        keys: &[K],
        batch: Batch,
        covers: Covers<K, V>,
        fill: F,
    ) -> Vec<Result<Cached<V>, Error>>
    where
        F: Fn(Vec<FillCx<K, V>>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Fills<K, V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        let (fill, policy) = (Arc::new(fill), Arc::new(self.policy()));
        let mut answers: Vec<Option<Result<Cached<V>, Error>>> = Vec::with_capacity(keys.len());
        answers.resize_with(keys.len(), || None);
        let mut put = |(place, answer): Answer<V>| {
            if let Some(empty) = answers.get_mut(place) {
                *empty = Some(answer);
            }
        };
        let (mut cold, mut wanted) = (Vec::new(), Vec::new());
        for (place, key) in keys.iter().enumerate() {
            let hash = self.core.namespace.hasher.hash(key);
            match self.memory_hit_if(hash, key, |entry| covers.is_enough(key, entry)) {
                Some(hit) => put((place, hit.ok_or_else(|| self.nothing_there()))),
                None => match self.caller(hash, key.clone(), &policy) {
                    Ok(caller) => cold.push((place, caller.content_with(&covers))),
                    Err(error) => put((place, Err(error))),
                },
            }
        }
        for looked in self.look_at_all(cold).await {
            match looked {
                Ok(missing) => wanted.push(missing),
                Err(answer) => put(answer),
            }
        }
        let mut chunks = Vec::new();
        while !wanted.is_empty() {
            let rest = wanted.split_off(wanted.len().min(batch.chunk));
            chunks.push(std::mem::replace(&mut wanted, rest));
        }
        let turns = Arc::new(Semaphore::new(batch.parallel));
        let mut landed = stream::iter(chunks)
            .map(|chunk| self.fetch_chunk(chunk, &turns, &policy, &fill))
            .buffer_unordered(batch.parallel);
        while let Some(chunk) = landed.next().await {
            chunk.into_iter().for_each(&mut put);
        }
        let unanswered = || Err(Error::new(ErrorKind::Closed, "the batch ended early"));
        answers.into_iter().map(|answer| answer.unwrap_or_else(unanswered)).collect()
    }

    /// Looks into the tiers for each: its answer (as `Err`), or that it is wanted.
    async fn look_at_all(
        &self,
        cold: Vec<(usize, Caller<K, V>)>,
    ) -> Vec<Result<Wanted<K, V>, Answer<V>>> {
        let looking = cold.iter().map(|(_, caller)| {
            let ticket = self.engine.flights.ticket(caller.hash, &self.engine.log);
            Looking { ticket, key: &caller.key, text: Arc::clone(&caller.text) }
        });
        let looking: Vec<_> = looking.collect();
        let walked = self.walk_many(&looking).await;
        let tickets: Vec<_> = looking.into_iter().map(|looking| looking.ticket).collect();
        let mut looked = Vec::with_capacity(cold.len());
        for (((place, mut caller), held), ticket) in cold.into_iter().zip(walked).zip(tickets) {
            looked.push(match self.looked(&mut caller, held) {
                Ok(stale) => Ok(Wanted { place, caller, ticket, stale }),
                Err(answer) => Err((place, answer)),
            });
        }
        looked
    }

    /// Looks into the tiers: the key's answer (as `Err`), or that it is wanted.
    async fn look_at(
        &self,
        place: usize,
        mut caller: Caller<K, V>,
    ) -> Result<Wanted<K, V>, Answer<V>> {
        let ticket = self.engine.flights.ticket(caller.hash, &self.engine.log);
        match self.look(&mut caller, &ticket).await {
            Ok(stale) => Ok(Wanted { place, caller, ticket, stale }),
            Err(answer) => Err((place, answer)),
        }
    }

    /// Answers a chunk of keys; those that nobody is fetching go to one call of the fill.
    async fn fetch_chunk<F, R, E>(
        &self,
        mut wanted: Vec<Wanted<K, V>>,
        turns: &Arc<Semaphore>,
        policy: &Arc<Policy>,
        fill: &Arc<F>,
    ) -> Vec<Answer<V>>
    where
        F: Fn(Vec<FillCx<K, V>>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Fills<K, V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        let mut answers = Vec::with_capacity(wanted.len());
        // The semaphore is never closed.
        let mut turn = Arc::clone(turns).acquire_owned().await.ok();
        // Their time begins with their turn.
        let clock = &self.engine.clock;
        wanted.iter_mut().for_each(|wanted| wanted.caller.restart(clock));
        while !wanted.is_empty() {
            let (mut waiting, mut again, mut pilots) = (Vec::new(), Vec::new(), Vec::new());
            for Wanted { place, mut caller, ticket, stale } in wanted.drain(..) {
                match self.board(&caller, &ticket, &stale) {
                    Next::Answer(answer) => answers.push((place, answer)),
                    Next::Look => {
                        let wanted = Wanted { place, caller, ticket, stale };
                        again.push(Again { wanted, landing: None });
                    }
                    Next::LookAfter(landing) => {
                        let wanted = Wanted { place, caller, ticket, stale };
                        again.push(Again { wanted, landing: Some(landing) });
                    }
                    Next::Wait(flight) => {
                        waiting.push((Wanted { place, caller, ticket, stale }, flight));
                    }
                    Next::Start(flight) => {
                        pilots.push(self.pilot(&ticket, &flight, &caller, stale.as_ref()));
                        caller.leads = true;
                        waiting.push((Wanted { place, caller, ticket, stale }, flight));
                    }
                }
            }
            // Given back when the call ends, whether or not anybody waits for it.
            self.take_off_together(pilots, turn.take(), policy, fill);
            // Who need not wait is served before anybody waits.
            waiting.retain(|(Wanted { place, caller, ticket, stale }, _)| {
                let served = self.meanwhile(caller, ticket, stale);
                let waits = served.is_none();
                answers.extend(served.map(|stale| (*place, Ok(stale))));
                waits
            });
            for (missing, flight) in waiting {
                let Wanted { place, caller, ticket, stale } = &missing;
                match self.land_with(caller, ticket, &flight, stale.clone()).await {
                    Some(answer) => answers.push((*place, answer)),
                    None => again.push(Again { wanted: missing, landing: None }),
                }
            }
            for Again { wanted: missing, landing } in again {
                let Wanted { place, caller, ticket, stale } = missing;
                if let Some(landing) = landing
                    && let Some(answer) = self.outwait(&caller, &ticket, landing, &stale).await
                {
                    answers.push((place, answer));
                    continue;
                }
                drop(ticket);
                match self.look_at(place, caller).await {
                    Ok(missing) => wanted.push(missing),
                    Err(answer) => answers.push(answer),
                }
            }
        }
        answers
    }
}
