//! Rows that are scored already: nothing is computed anew as long as the bars are the same.

use std::collections::HashMap;
use std::hash::Hasher;
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use rayon::prelude::*;
use spence::key::{Whole, feed_integer};
use spence::{Batch, Error, Fill, FillCx, Fills, Key, Weigh};
use twox_hash::XxHash3_64;

use crate::score::Score;
use crate::survey::{Survey, SurveyRow};
use crate::symbol::Symbol;

/// The name of the cache of scored rows, and of its policy. They stay in memory.
pub const ROWS_CACHE: &str = "SCAN";

/// The key of the score of a symbol.
///
/// Canonical text: `AAPL:corrected:250:15663`, with the last day since 1970-01-01.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RowKey {
    symbol: Symbol,
    profile: &'static str,
    sessions: usize,
    last: i32,
}

/// A score, and which bars it is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scored {
    version: u64,
    scored: Option<(Date, Score)>,
}

impl Weigh for Scored {
    fn heap_bytes(&self) -> usize {
        0
    }
}

impl Key for RowKey {
    type Kept = Whole<Self>;
    const ARITY: usize = 4;

    fn parts(&self, feed: &mut impl FnMut(&str)) {
        feed(self.symbol.as_str());
        feed(self.profile);
        feed_integer(u32::try_from(self.sessions).unwrap_or(u32::MAX), feed);
        feed_integer(self.last, feed);
    }
}

impl Survey {
    /// The rows of the symbols at these places, in their order. Those that the options do not want
    /// are left out, but not those of symbols without a score. Scores are computed on all cores,
    /// if they are not known from the same bars.
    pub async fn rows(self: &Arc<Self>, places: Range<usize>) -> Vec<SurveyRow> {
        if self.span().is_none() {
            return places.filter_map(|place| self.row(place, None)).collect();
        }
        let keys: Vec<RowKey> = places.clone().filter_map(|place| self.row_key(place)).collect();
        let of: Vec<(usize, u64)> = places.map(|place| (place, self.version(place))).collect();
        let wanted: HashMap<RowKey, (usize, u64)> = keys.iter().cloned().zip(of.clone()).collect();
        let wanted = Arc::new(wanted);
        let covers = {
            let wanted = Arc::clone(&wanted);
            move |key: &RowKey, held: &Scored| {
                wanted.get(key).is_none_or(|(_, version)| held.version == *version)
            }
        };
        let fill = {
            let (survey, wanted) = (Arc::clone(self), Arc::clone(&wanted));
            move |missing: Vec<FillCx<RowKey, Scored>>| {
                let (survey, wanted) = (Arc::clone(&survey), Arc::clone(&wanted));
                async move { Ok::<_, Error>(survey.score_all(&missing, &wanted)) }
            }
        };
        let batch = Batch::chunks(keys.len()).parallel(1);
        let scored = self.market.rows.get_many_or_extend(&keys, batch, covers, fill).await;
        let rows = of.into_iter().zip(scored).filter_map(|((place, version), scored)| {
            let scored = match scored {
                // Whoever has scored at the same time may have had other bars.
                Ok(scored) if scored.version == version => scored.scored,
                Ok(_) | Err(_) => self.score(place),
            };
            self.row(place, scored)
        });
        rows.filter(|row| self.wants(row)).collect()
    }

    fn row_key(&self, place: usize) -> Option<RowKey> {
        let (_, last) = self.span()?;
        let options = self.options();
        let (symbol, profile) = (self.symbol(place)?.clone(), options.profile.name());
        Some(RowKey { symbol, profile, sessions: options.bars, last })
    }

    /// Which bars and splits a symbol has.
    fn version(&self, place: usize) -> u64 {
        let (Some(series), Some((first, last))) = (self.series(place), self.span()) else {
            return 0;
        };
        let mut hasher = XxHash3_64::with_seed(series.fingerprint(first, last));
        for split in self.splits(place) {
            hasher.write_i32(split.day);
            hasher.write_u64(split.from.to_bits());
            hasher.write_u64(split.to.to_bits());
        }
        hasher.finish()
    }

    fn score_all(
        &self,
        missing: &[FillCx<RowKey, Scored>],
        wanted: &HashMap<RowKey, (usize, u64)>,
    ) -> Fills<RowKey, Scored> {
        let scored = missing.par_iter().filter_map(|cx| {
            let (place, version) = *wanted.get(cx.key())?;
            let fill = Fill::new(Scored { version, scored: self.score(place) });
            Some((cx.key().clone(), fill.tags([cx.key().symbol.as_str()])))
        });
        scored.collect::<Vec<_>>().into_iter().collect()
    }
}
