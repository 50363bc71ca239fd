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
        let rows = symbols(desk, &parameters).into_iter().flat_map(|symbol| {
            let splits = universe.splits(symbol).into_iter();
            let rows = splits.filter(|split| days.have(split.date)).map(|split| SplitRow {
                execution_date: split.date.to_string(),
                split_from: 1.0,
                split_to: split.ratio,
                ticker: symbol.to_owned(),
            });
            rows.collect::<Vec<_>>()
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by(|a, b| a.execution_date.cmp(&b.execution_date));
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
        let rows = symbols(desk, &parameters).into_iter().flat_map(|symbol| {
            let dividends = universe.dividends(symbol, days.first, days.last).into_iter();
            let rows = dividends.map(|one| DividendRow {
                cash_amount: one.cash,
                dividend_type: "CD",
                ex_dividend_date: one.date.to_string(),
                frequency: 4,
                ticker: symbol.to_owned(),
            });
            rows.collect::<Vec<_>>()
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by(|a, b| a.ex_dividend_date.cmp(&b.ex_dividend_date));
        listing(desk, "dividends", &parameters, rows)
    };
    desk.answer(&parameters, &headers, answer).await
}

/// The symbol that is asked about, or all that are listed.
fn symbols<'a>(desk: &'a Desk, parameters: &'a Parameters) -> Vec<&'a str> {
    match parameters.get("ticker") {
        Some(symbol) => vec![symbol],
        None => desk.listed.iter().map(String::as_str).collect(),
    }
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
