//! Of whom an answer about all symbols says nothing by leaving them out.
//!
//! Such answers are about what is listed. Who is listed and left out was not traded; of others,
//! such as shares that are sold over the counter, it means nothing, and they are asked for alone.
//! Unless they are known to be gone: whoever has had no bars lately has none today either.

use std::collections::HashSet;

use spence::{Cached, Error};

use crate::call::CallCount;
use crate::error::ProviderError;
use crate::gather::Window;
use crate::market::Market;
use crate::series::Series;
use crate::symbol::Symbol;

/// Where nobody knows who is listed, so many symbols are asked for alone rather than asking that.
const FEW: usize = 5;
/// The most that are asked for alone, lest a file of anything cost a call for each line.
const MOST_ALONE: usize = 100;
/// Days without a bar after which somebody is gone.
const GONE: i32 = 10;

/// Symbols that lack something and are not listed, by their places.
#[derive(Debug, Default)]
pub(crate) struct Unlisted {
    /// Those that are asked for alone.
    pub(crate) alone: HashSet<usize>,
    /// Those that are not asked for, since there are too many.
    pub(crate) unasked: HashSet<usize>,
    /// Why nobody knows who is listed.
    why: Option<Error>,
}

impl Unlisted {
    fn of(mut places: Vec<usize>) -> Self {
        let unasked = places.split_off(MOST_ALONE.min(places.len()));
        let (alone, unasked) = (places.into_iter().collect(), unasked.into_iter().collect());
        Self { alone, unasked, why: None }
    }

    /// Nobody knows who is listed. Whoever may not ask that is believed nevertheless.
    fn without_listing(places: Vec<usize>, why: Error) -> Self {
        let refusal = why.downcast_ref::<ProviderError>();
        let is_refused = match refusal {
            Some(ProviderError::Unauthorized(_)) => true,
            Some(ProviderError::Failed { status, .. }) => (400..500).contains(status),
            _ => false,
        };
        if is_refused {
            tracing::warn!("the provider does not say who is listed: absence is believed");
            return Self::default();
        }
        let (alone, unasked) = (HashSet::new(), places.into_iter().collect());
        Self { alone, unasked, why: Some(why) }
    }

    /// Takes away what is not asked for.
    pub(crate) fn leave_out(&self, lacking: &mut [Vec<usize>]) {
        for place in &self.unasked {
            if let Some(lacks) = lacking.get_mut(*place) {
                lacks.clear();
            }
        }
    }

    /// Why nothing is known of those that are not asked for.
    pub(crate) fn cause(&self) -> Error {
        if let Some(why) = &self.why {
            return why.clone();
        }
        let message = "is not listed, and as many as may be are asked for alone";
        Error::not_found(format!("{message} ({MOST_ALONE} a scan)"))
    }
}

impl Market {
    /// The symbols of whom it means nothing that a session's answer leaves them out, of those that
    /// lack something.
    pub(crate) async fn unlisted(
        &self,
        (symbols, held): (&[Symbol], &[Option<Cached<Series>>]),
        lacking: &[Vec<usize>],
        window: &Window,
        may_call: bool,
        calls: &CallCount,
    ) -> Unlisted {
        let places: Vec<usize> = (0..)
            .zip(lacking)
            .filter(|(_, lacks)| !lacks.is_empty())
            .map(|(place, _)| place)
            .collect();
        if places.is_empty() {
            return Unlisted::default();
        }
        let series = |place: usize| held.get(place).and_then(Option::as_ref);
        let is_gone = |place: &usize| {
            let lacks = lacking.get(*place).and_then(|lacks| lacks.first());
            let oldest = lacks.and_then(|lacked| window.day(*lacked));
            series(*place).zip(oldest).is_some_and(|(series, oldest)| is_gone(series, oldest))
        };
        let mut unlisted = places;
        unlisted.retain(|place| !is_gone(place));
        let held_listing = self.held_listing().await;
        let is_fresh = held_listing.as_ref().is_some_and(|listed| !listed.freshness().is_stale());
        let listed = match may_call && !is_fresh {
            false => held_listing,
            true if unlisted.len() <= FEW => return Unlisted::of(unlisted),
            true => match self.listing(calls).await {
                Ok(listed) => Some(listed),
                Err(error) => return Unlisted::without_listing(unlisted, error),
            },
        };
        let Some(listed) = listed else { return Unlisted::default() };
        let listed: HashSet<&str> = listed.names().collect();
        let is_listed =
            |place: &usize| symbols.get(*place).is_some_and(|one| listed.contains(one.as_str()));
        unlisted.retain(|place| !is_listed(place));
        // Those that nothing is known of come first, so that all have their turn.
        unlisted.sort_by_key(|place| series(*place).is_some());
        Unlisted::of(unlisted)
    }
}

/// Whether it is known for good that there were no bars lately, before a day.
fn is_gone(series: &Series, day: i32) -> bool {
    let lately = day.saturating_sub(GONE);
    series.known().is_final_throughout(lately, day.saturating_sub(1))
        && series.days_back().next().is_none_or(|newest| newest < lately)
}
