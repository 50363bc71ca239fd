//! Figures about the economy, in the way of FRED (Federal Reserve Economic Data).

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::civil::Date;
use serde::Serialize;

use crate::desk::{Desk, Manner, Parameters, Refusal, number};
use crate::economy::{Figure, figures};

const MAX_LIMIT: usize = 100_000;

/// An answer of `/fred/series/observations`.
#[derive(Debug, Serialize)]
struct Observations {
    realtime_start: String,
    realtime_end: String,
    observation_start: String,
    observation_end: String,
    units: &'static str,
    output_type: u8,
    file_type: &'static str,
    order_by: &'static str,
    sort_order: &'static str,
    count: usize,
    offset: usize,
    limit: usize,
    observations: Vec<Observation>,
}

#[derive(Debug, Serialize)]
struct Observation {
    realtime_start: String,
    realtime_end: String,
    date: String,
    /// A number as text; a full stop where there is none.
    value: String,
}

pub(crate) async fn observations(
    State(desk): State<Arc<Desk>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let answer = |desk: &Desk| read(desk, &parameters);
    desk.answer_in(Manner::Fred, &parameters, &headers, answer).await
}

fn read(desk: &Desk, parameters: &Parameters) -> Result<Observations, Refusal> {
    let text = |name: &str| parameters.get(name).map(String::as_str);
    let date = |name: &str, default: Date| {
        let wrong = || Refusal::wrong(format!("Bad Request.  Variable {name} is not a date."));
        text(name).map_or(Ok(default), |text| text.parse().map_err(|_| wrong()))
    };
    if text("file_type") != Some("json") {
        return Err(Refusal::wrong("Bad Request.  This feed has file_type=json only."));
    }
    if text("units").is_some_and(|units| units != "lin") || text("frequency").is_some() {
        let what = "Bad Request.  This feed has figures as they are published only.";
        return Err(Refusal::wrong(what));
    }
    let today = desk.now().to_zoned(desk.new_york.clone()).date();
    let known_on = date("realtime_end", date("realtime_start", today)?)?.min(today);
    let (from, to) = (
        date("observation_start", Date::constant(1776, 7, 4))?,
        date("observation_end", Date::constant(9999, 12, 31))?,
    );
    let (limit, offset) = (
        number(parameters, "limit", MAX_LIMIT, 1..=MAX_LIMIT)?,
        number(parameters, "offset", 0, 0..=usize::MAX)?,
    );
    let no_such = || Refusal::wrong("Bad Request.  The series does not exist.");
    let series = text("series_id").unwrap_or_default();
    let figures = figures(desk.options.seed, series, known_on).ok_or_else(no_such)?;
    let mut figures: Vec<Figure> =
        figures.into_iter().filter(|figure| (from..=to).contains(&figure.date)).collect();
    let is_descending = text("sort_order") == Some("desc");
    if is_descending {
        figures.reverse();
    }
    let known_on = known_on.to_string();
    let page = desk.options.page_rows.unwrap_or(usize::MAX).min(limit);
    let row = |figure: &Figure| Observation {
        realtime_start: known_on.clone(),
        realtime_end: known_on.clone(),
        date: figure.date.to_string(),
        value: figure.value.map_or_else(|| ".".to_owned(), |value| value.to_string()),
    };
    Ok(Observations {
        observation_start: from.to_string(),
        observation_end: to.to_string(),
        units: "lin",
        output_type: 1,
        file_type: "json",
        order_by: "observation_date",
        sort_order: if is_descending { "desc" } else { "asc" },
        count: figures.len(),
        offset,
        limit,
        observations: figures.iter().skip(offset).take(page).map(row).collect(),
        realtime_start: known_on.clone(),
        realtime_end: known_on.clone(),
    })
}
