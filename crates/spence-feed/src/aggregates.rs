//! Bars: of one symbol over a range of days, by day or within the day; or of all symbols on one
//! day.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::civil::{Date, time};

use crate::bar::Bar;
use crate::desk::{Desk, Parameters, Refusal, number};
use crate::intraday::Trades;
use crate::wire::{Aggregate, Aggregates};

const DEFAULT_LIMIT: usize = 5_000;
const MAX_LIMIT: usize = 50_000;

#[derive(Debug)]
struct Range {
    from: Date,
    to: Date,
    adjusted: bool,
    descending: bool,
    limit: usize,
    /// Rows that came before, on other pages.
    cursor: usize,
}

pub(crate) async fn range(
    State(desk): State<Arc<Desk>>,
    Path((ticker, multiplier, timespan, from, to)): Path<(String, String, String, String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let answer = |desk: &Desk| {
        let range = read_range(desk, &from, &to, &parameters)?;
        let minutes = match (multiplier.parse::<i64>(), timespan.as_str()) {
            (Ok(1), "day") => return Ok(page(desk, ticker, &range)),
            (Ok(minutes @ (1 | 5 | 15 | 30)), "minute") => minutes,
            (Ok(1), "hour") => 60,
            _ => {
                let what = "this feed has 1/day, 1/hour, and 1, 5, 15 or 30/minute";
                return Err(Refusal::wrong(format!("{what}, not {multiplier}/{timespan}")));
            }
        };
        Ok(page_within(desk, ticker, (minutes, &format!("{multiplier}/{timespan}")), &range))
    };
    desk.answer(&parameters, &headers, answer).await
}

pub(crate) async fn grouped(
    State(desk): State<Arc<Desk>>,
    Path(date): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let answer = |desk: &Desk| {
        let date = desk.date("date", &date)?;
        Ok(of_day(desk, date, is_adjusted(&parameters)))
    };
    desk.answer(&parameters, &headers, answer).await
}

fn is_adjusted(parameters: &Parameters) -> bool {
    parameters.get("adjusted").is_none_or(|adjusted| adjusted != "false")
}

fn read_range(
    desk: &Desk,
    from: &str,
    to: &str,
    parameters: &Parameters,
) -> Result<Range, Refusal> {
    let limit = number(parameters, "limit", DEFAULT_LIMIT, 1..=MAX_LIMIT)?;
    let cursor = match parameters.get("cursor").map(|cursor| cursor.parse::<usize>()) {
        None => 0,
        Some(Ok(cursor)) => cursor,
        Some(Err(_)) => return Err(Refusal::wrong("cursor is not one of ours")),
    };
    let (from, to) = (desk.date("from", from)?, desk.date("to", to)?);
    if to < from {
        let what = "The parameter 'to' cannot be a time that occurs before 'from'";
        return Err(Refusal::wrong(what));
    }
    let descending = parameters.get("sort").is_some_and(|sort| sort == "desc");
    Ok(Range { from, to, adjusted: is_adjusted(parameters), descending, limit, cursor })
}

fn page(desk: &Desk, ticker: String, range: &Range) -> Aggregates {
    let mut bars = desk.universe().bars(&ticker, range.from, range.to, range.adjusted);
    if range.descending {
        bars.reverse();
    }
    bars.truncate(range.limit);
    bars.drain(..range.cursor.min(bars.len()));
    let page = desk.options.page_rows.unwrap_or(usize::MAX).max(1);
    let next_url =
        (bars.len() > page).then(|| next_url(&ticker, "1/day", range, range.cursor + page));
    bars.truncate(page);
    // Of one symbol, bars are stamped with the midnight at which the day began.
    let row = |bar: &Bar| aggregate(bar, None, stamp(desk, bar.date, 0));
    let results = bars.iter().map(row).collect();
    aggregates(desk, Some(ticker), range.adjusted, results, next_url)
}

/// A page of bars of so many minutes. `limit` counts minutes, as the provider does, which it puts
/// together.
fn page_within(
    desk: &Desk,
    ticker: String,
    (minutes, span): (i64, &str),
    range: &Range,
) -> Aggregates {
    let mut trades = desk.universe().trades(&ticker, (range.from, range.to), minutes, desk.now());
    if range.descending {
        trades.reverse();
    }
    trades.drain(..range.cursor.min(trades.len()));
    let limit = range.limit / usize::try_from(minutes).unwrap_or(1);
    let page = desk.options.page_rows.unwrap_or(usize::MAX).min(limit).max(1);
    let next_url =
        (trades.len() > page).then(|| next_url(&ticker, span, range, range.cursor + page));
    trades.truncate(page);
    let ratio = |bar: &Bar| match range.adjusted {
        true => desk.universe().later_splits(&ticker, bar.date),
        false => 1.0,
    };
    let row = |one: &Trades| {
        aggregate(&one.bar.adjusted(ratio(&one.bar)), None, one.start.as_millisecond())
    };
    let results = trades.iter().map(row).collect();
    aggregates(desk, Some(ticker), range.adjusted, results, next_url)
}

fn of_day(desk: &Desk, date: Date, adjusted: bool) -> Aggregates {
    // Grouped bars carry their symbol, and the close at four as their time.
    let (universe, close) = (desk.universe(), stamp(desk, date, 16));
    let results = desk.listed.iter().filter_map(|symbol| {
        let bars = universe.bars(symbol, date, date, adjusted);
        Some(aggregate(bars.first()?, Some(symbol.clone()), close))
    });
    aggregates(desk, None, adjusted, results.collect(), None)
}

fn aggregates(
    desk: &Desk,
    ticker: Option<String>,
    adjusted: bool,
    results: Vec<Aggregate>,
    next_url: Option<String>,
) -> Aggregates {
    let count = results.len();
    Aggregates {
        ticker,
        query_count: count,
        results_count: count,
        adjusted,
        count,
        results,
        status: "OK",
        request_id: desk.request_id(),
        next_url,
    }
}

/// An hour of a day in New York, in milliseconds of Unix time.
fn stamp(desk: &Desk, date: Date, hour: i8) -> i64 {
    let moment = date.to_datetime(time(hour, 0, 0, 0)).to_zoned(desk.new_york.clone());
    moment.map_or(0, |moment| moment.timestamp().as_millisecond())
}

fn aggregate(bar: &Bar, symbol: Option<String>, t: i64) -> Aggregate {
    Aggregate {
        symbol,
        v: bar.volume,
        vw: ((bar.high + bar.low + bar.close) / 3.0 * 1e4).round() / 1e4,
        o: bar.open,
        c: bar.close,
        h: bar.high,
        l: bar.low,
        t,
        n: (bar.volume / 180.0) as u64 + 1,
    }
}

/// Where the next page is: as the provider gives it, with its own host and without the key.
fn next_url(ticker: &str, span: &str, range: &Range, cursor: usize) -> String {
    let Range { from, to, adjusted, limit, .. } = range;
    let sort = if range.descending { "desc" } else { "asc" };
    format!(
        "https://api.polygon.io/v2/aggs/ticker/{ticker}/range/{span}/{from}/{to}\
         ?adjusted={adjusted}&sort={sort}&limit={limit}&cursor={cursor}"
    )
}
