//! Of whom an answer about all symbols says nothing by leaving them out.
//!
//! Such answers are about what is listed. Who is listed and left out was not traded; of others,
//! such as shares that are sold over the counter, it means nothing, and they are asked for alone.
//! Unless they are known to be gone: whoever has had no bars lately has none today either.

use std::collections::HashSet;

use spence::{Cached, Error};

use crate::call::CallCount;
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
}

impl Unlisted {
    fn of(mut places: Vec<usize>) -> Self {
        let unasked = places.split_off(MOST_ALONE.min(places.len()));
        Self { alone: places.into_iter().collect(), unasked: unasked.into_iter().collect() }
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
    pub(crate) fn cause() -> Error {
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
        let listed = match self.held_listing().await {
            None if may_call && places.len() > FEW => self.listing(calls).await.ok(),
            held => held,
        };
        let Some(listed) = listed else {
            // Few are asked for alone; of many it is believed, since nobody can be asked who they
            // are.
            return if places.len() <= FEW { Unlisted::of(places) } else { Unlisted::default() };
        };
        let listed: HashSet<&str> = listed.names().collect();
        let is_gone = |place: usize| {
            let series = held.get(place).and_then(Option::as_ref);
            series.is_some_and(|series| window.end().is_some_and(|end| is_gone(series, end)))
        };
        let is_listed =
            |place: usize| symbols.get(place).is_some_and(|one| listed.contains(one.as_str()));
        let unlisted = places.into_iter().filter(|place| !is_listed(*place) && !is_gone(*place));
        Unlisted::of(unlisted.collect())
    }
}

/// Whether it is known that there were no bars lately.
fn is_gone(series: &Series, end: i32) -> bool {
    let lately = end.saturating_sub(GONE);
    let is_known = series.known().days().touch(lately, end.saturating_sub(1));
    is_known && series.days_back().next().is_none_or(|newest| newest < lately)
}
