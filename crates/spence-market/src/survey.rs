//! The scan of many symbols whose bars come from the tiers and, for what they lack, from the
//! provider.

use std::time::Duration;

use jiff::civil::Date;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use spence::{Cached, Source};

use crate::gather::{Gathered, Limits, Progress, Tell, Window};
use crate::market::Market;
use crate::ohlcv::Columns;
use crate::plan::Plan;
use crate::scan::ScanOptions;
use crate::score::{Cell, Score, score};
use crate::series::{Series, date_of};
use crate::splits::{KnownSplits, Split};
use crate::symbol::Symbol;

/// Which symbols are scanned, and how.
#[derive(Debug, Clone)]
pub struct SurveyRequest {
    /// The symbols, each once.
    pub symbols: Vec<Symbol>,
    /// By which rules, over how many sessions, and what is wanted of it.
    pub options: ScanOptions,
    /// The last session that counts; none: the last that has begun.
    pub end: Option<Date>,
    /// Whether the provider may be called; if not, what is held is scanned.
    pub may_call: bool,
    /// How long calls for bars may be made; what has come until then is scanned.
    pub time_limit: Duration,
}

/// Whether a symbol's row says what is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Everything that there can be is known.
    Ok,
    /// Something is lacking, and could not be had.
    Stale,
    /// The provider has no bars of these sessions, or too few to score.
    NoData,
    /// Nothing is known.
    Failed,
}

impl Status {
    /// `ok`, `stale`, `no_data` or `failed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Stale => "stale",
            Status::NoData => "no_data",
            Status::Failed => "failed",
        }
    }
}

/// What a survey says of a symbol.
#[derive(Debug, Clone)]
pub struct SurveyRow {
    /// The symbol.
    pub symbol: Symbol,
    /// Whether it can be relied on.
    pub status: Status,
    /// Where its bars were found; `origin` if some were fetched just now.
    pub source: Option<Source>,
    /// Whether all sessions were settled, so that nothing can change.
    pub is_final: bool,
    /// Why it is stale or has failed.
    pub reason: Option<String>,
    /// The session of its last bar, and its score.
    pub scored: Option<(Date, Score)>,
}

/// Bars that have come together and wait to be scored.
pub struct Survey {
    pub(crate) market: Market,
    request: SurveyRequest,
    window: Window,
    gathered: Gathered,
    splits: KnownSplits,
    now_ms: u64,
}

impl Market {
    /// The calls that a survey would make now: those for sessions of all symbols, and those for all
    /// sessions of a symbol.
    pub async fn survey_plan(&self, request: &SurveyRequest) -> (usize, usize) {
        let window = Window::last(self, request.options.bars, request.end);
        let Plan { sessions, symbols } = self.plan(&request.symbols, &window).await;
        (sessions.len(), symbols.len())
    }

    /// Brings together what a survey needs; `tell` hears of every step. Dropping the future makes
    /// no further round of calls; what has come is kept.
    pub async fn survey(&self, request: SurveyRequest, tell: Tell) -> Survey {
        let window = Window::last(self, request.options.bars, request.end);
        let (may_call, since) = (request.may_call, self.clock.stopwatch());
        self.note_demand(&request.symbols);
        // First, since without them no price can be compared with another.
        let splits = self.splits(&window, may_call).await;
        let time_limit = request.time_limit.saturating_sub(since.elapsed());
        let limits = Limits { may_call, time_limit };
        let mut gathered = self.gather(&request.symbols, &window, limits, tell).await;
        gathered.progress.calls += splits.calls.total();
        let now_ms = self.now_ms();
        let market = self.clone();
        Survey { market, request, window, gathered, splits, now_ms }
    }
}

impl Survey {
    /// How many symbols there are.
    #[must_use]
    pub fn symbols(&self) -> usize {
        self.request.symbols.len()
    }

    /// How many calls were made.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.gathered.progress
    }

    /// How many symbols had all their bars from there; from the origin, those of whom some bars
    /// were fetched just now.
    #[must_use]
    pub fn symbols_from(&self, source: Source) -> usize {
        let series = self.gathered.series.iter().flatten();
        series.filter(|series| series.source() == source && self.knows_all_of(series)).count()
    }

    fn knows_all_of(&self, series: &Cached<Series>) -> bool {
        !series.freshness().is_stale() && self.window.is_known_in(series, self.now_ms)
    }

    pub(crate) fn options(&self) -> &ScanOptions {
        &self.request.options
    }

    pub(crate) fn symbol(&self, place: usize) -> Option<&Symbol> {
        self.request.symbols.get(place)
    }

    /// What is held of a symbol.
    pub(crate) fn series(&self, place: usize) -> Option<&Cached<Series>> {
        self.gathered.series.get(place)?.as_ref().ok()
    }

    pub(crate) fn splits(&self, place: usize) -> &[Split] {
        self.symbol(place).map(|symbol| self.splits.of(symbol)).unwrap_or_default()
    }

    /// The first and the last day; nothing if there are no sessions.
    pub(crate) fn span(&self) -> Option<(i32, i32)> {
        self.window.span()
    }

    /// Whether the options want a row.
    pub(crate) fn wants(&self, row: &SurveyRow) -> bool {
        row.scored.as_ref().is_none_or(|(_, score)| self.options().wants(score))
    }

    /// What there is to say of a symbol, given its score.
    pub(crate) fn row(&self, place: usize, scored: Option<(Date, Score)>) -> Option<SurveyRow> {
        let symbol = self.symbol(place)?.clone();
        let failed = |reason: String| SurveyRow {
            symbol: symbol.clone(),
            status: Status::Failed,
            source: None,
            is_final: false,
            reason: Some(reason),
            scored: None,
        };
        let series = match self.gathered.series.get(place)? {
            Ok(series) => series,
            Err(error) => return Some(failed(error.to_string())),
        };
        let Some((first, last)) = self.span() else {
            return Some(failed("there are no sessions".to_owned()));
        };
        let is_final = series.known().is_final_throughout(first, last);
        let is_whole = self.splits.lacking.is_none() && self.knows_all_of(series);
        let status = match (&scored, is_whole) {
            (Some(_), true) => Status::Ok,
            (Some(_), false) => Status::Stale,
            (None, true) => Status::NoData,
            (None, false) => Status::Failed,
        };
        let cause = || {
            let causes = self.gathered.causes.get(place).and_then(Option::as_ref);
            let cause = series.stale_cause().or(causes).or(self.gathered.trouble.as_ref());
            cause
                .map(ToString::to_string)
                .or_else(|| self.splits.lacking.clone())
                .unwrap_or_else(|| "sessions are lacking that were not asked for".to_owned())
        };
        let source = (status != Status::Failed).then(|| series.source());
        let reason = (!is_whole).then(cause);
        Some(SurveyRow { symbol, status, source, is_final: is_final && is_whole, reason, scored })
    }

    /// Scores the bars of a symbol, as if its splits had taken effect before all of them.
    pub(crate) fn score(&self, place: usize) -> Option<(Date, Score)> {
        let ((first, last), splits) = (self.span()?, self.splits(place));
        let (mut columns, mut newest) = (Columns::default(), None);
        self.series(place)?.each(first, last, |bar| {
            newest = Some(bar.day);
            let [open, high, low, close, volume] = bar.values;
            let later = splits.iter().filter(|split| bar.day < split.day && split.day <= last);
            let shares: f64 = later.map(|split| split.to / split.from).product();
            let [open, high, low, close] = [open, high, low, close].map(|price| price / shares);
            columns.push([open, high, low, close, volume * shares]);
        });
        Some((date_of(newest?)?, score(&columns.view(), self.options().profile)?))
    }
}

/// One JSON object: symbol, status, source, final, and if it is scored the session and all columns.
impl Serialize for SurveyRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("symbol", self.symbol.as_str())?;
        map.serialize_entry("status", self.status.as_str())?;
        map.serialize_entry("source", &self.source.map(Source::as_str))?;
        map.serialize_entry("final", &self.is_final)?;
        if let Some(reason) = &self.reason {
            map.serialize_entry("reason", reason)?;
        }
        if let Some((as_of, score)) = &self.scored {
            map.serialize_entry("as_of", &as_of.to_string())?;
            for (name, cell) in score.cells() {
                match cell {
                    // What is undefined is null.
                    Cell::Number(number) => map.serialize_entry(name, &number)?,
                    Cell::Text(word) => map.serialize_entry(name, word)?,
                }
            }
        }
        map.end()
    }
}
