//! The reference: which symbols are listed, their splits and dividends. Lists in pages.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::civil::Date;
use serde::Serialize;

use crate::desk::{Desk, Parameters, Refusal, number};
use crate::wire::{DividendRow, Listing, SplitRow, Ticker};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

pub(crate) async fn tickers(
    State(desk): State<Arc<Desk>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let answer = |desk: &Desk| {
        let wanted = |symbol: &&String| parameters.get("ticker").is_none_or(|one| one == *symbol);
        let rows = desk.listed.iter().filter(wanted).map(|symbol| Ticker::of(symbol));
        listing(desk, "tickers", &parameters, rows.collect())
    };
    desk.answer(&parameters, &headers, answer).await
}

pub(crate) async fn splits(
    State(desk): State<Arc<Desk>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let answer = |desk: &Desk| {
        let (universe, days) = (desk.universe(), Days::of(desk, "execution_date", &parameters)?);
        let rows = of_symbols(desk, &parameters, |symbol| {
            let splits = universe.splits(symbol).into_iter();
            let splits = splits.filter(|split| days.have(split.date));
            splits.map(|split| (split.date, SplitRow::of(symbol, split))).collect()
        });
        listing(desk, "splits", &parameters, rows)
    };
    desk.answer(&parameters, &headers, answer).await
}

pub(crate) async fn dividends(
    State(desk): State<Arc<Desk>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let answer = |desk: &Desk| {
        let (universe, days) = (desk.universe(), Days::of(desk, "ex_dividend_date", &parameters)?);
        let rows = of_symbols(desk, &parameters, |symbol| {
            let dividends = universe.dividends(symbol, days.first, days.last).into_iter();
            dividends.map(|one| (one.date, DividendRow::of(symbol, one))).collect()
        });
        listing(desk, "dividends", &parameters, rows)
    };
    desk.answer(&parameters, &headers, answer).await
}

/// What there is of the symbol that is asked about, or of all that are listed, by day.
fn of_symbols<T>(
    desk: &Desk,
    parameters: &Parameters,
    rows: impl Fn(&str) -> Vec<(Date, T)>,
) -> Vec<T> {
    let mut rows: Vec<_> = match parameters.get("ticker") {
        Some(symbol) => rows(symbol),
        None => desk.listed.iter().flat_map(|symbol| rows(symbol)).collect(),
    };
    rows.sort_by_key(|(date, _)| *date);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// The days that are asked about.
struct Days {
    first: Date,
    last: Date,
}

impl Days {
    /// `NAME` for one day, `NAME.gte` and `NAME.lte` for a range.
    fn of(desk: &Desk, name: &str, parameters: &Parameters) -> Result<Self, Refusal> {
        let date = |suffix: &str, default: Date| match parameters.get(&format!("{name}{suffix}")) {
            Some(text) => desk.date(name, text),
            None => Ok(default),
        };
        let (first, last) = (date("", Date::MIN)?, date("", Date::MAX)?);
        Ok(Self { first: date(".gte", first)?, last: date(".lte", last)? })
    }

    fn have(&self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }
}

/// One page of rows.
fn listing<T: Serialize>(
    desk: &Desk,
    path: &str,
    parameters: &Parameters,
    mut rows: Vec<T>,
) -> Result<Listing<T>, Refusal> {
    let limit = number(parameters, "limit", DEFAULT_LIMIT, 1..=MAX_LIMIT)?;
    let before = number(parameters, "cursor", 0, 0..=usize::MAX)?;
    rows.drain(..before.min(rows.len()));
    let next = (rows.len() > limit).then(|| {
        let mut query = vec![format!("cursor={}", before + limit)];
        let others = parameters.iter().filter(|(name, _)| *name != "cursor" && *name != "apiKey");
        query.extend(others.map(|(name, value)| format!("{name}={value}")));
        query.sort();
        format!("https://api.polygon.io/v3/reference/{path}?{}", query.join("&"))
    });
    rows.truncate(limit);
    let count = rows.len();
    Ok(Listing {
        results: rows,
        status: "OK",
        request_id: desk.request_id(),
        count,
        next_url: next,
    })
}
