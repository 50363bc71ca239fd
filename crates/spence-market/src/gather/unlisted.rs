//! Of whom an answer about all symbols says nothing by leaving them out.
//!
//! Such answers are about what is listed. Who is listed and left out was not traded; of others,
//! such as shares that are sold over the counter, it means nothing, and they are asked for alone.
//! Unless they are known to be gone: whoever has had no bars lately has none today either.

use std::collections::HashSet;

use spence::Cached;

use crate::call::CallCount;
use crate::gather::Window;
use crate::market::Market;
use crate::series::Series;
use crate::symbol::Symbol;

/// Where nobody knows who is listed, so many symbols are asked for alone rather than asking that.
const FEW: usize = 5;
/// Days without a bar after which somebody is gone.
const GONE: i32 = 10;

impl Market {
    /// The places of the symbols that have to be asked for alone, of those that lack something.
    pub(crate) async fn unlisted(
        &self,
        (symbols, held): (&[Symbol], &[Option<Cached<Series>>]),
        lacking: &[Vec<usize>],
        window: &Window,
        may_call: bool,
        calls: &CallCount,
    ) -> HashSet<usize> {
        let places: Vec<usize> = (0..)
            .zip(lacking)
            .filter(|(_, lacks)| !lacks.is_empty())
            .map(|(place, _)| place)
            .collect();
        if places.is_empty() {
            return HashSet::new();
        }
        let listed = match self.held_listing().await {
            None if may_call && places.len() > FEW => self.listing(calls).await.ok(),
            held => held,
        };
        let Some(listed) = listed else {
            // Few are asked for alone; of many it is believed, since nobody can be asked who they
            // are.
            return if places.len() <= FEW { places.into_iter().collect() } else { HashSet::new() };
        };
        let listed: HashSet<&str> = listed.names().collect();
        let is_gone = |place: usize| {
            let series = held.get(place).and_then(Option::as_ref);
            series.is_some_and(|series| window.end().is_some_and(|end| is_gone(series, end)))
        };
        let is_listed =
            |place: usize| symbols.get(place).is_some_and(|one| listed.contains(one.as_str()));
        places.into_iter().filter(|place| !is_listed(*place) && !is_gone(*place)).collect()
    }
}

/// Whether it is known that there were no bars lately.
fn is_gone(series: &Series, end: i32) -> bool {
    let lately = end.saturating_sub(GONE);
    let is_known = series.known().days().touch(lately, end.saturating_sub(1));
    is_known && series.days_back().next().is_none_or(|newest| newest < lately)
}
