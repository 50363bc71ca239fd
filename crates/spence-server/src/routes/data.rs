//! GET `/api/v1/market/data?data_type=CPI_INDEX&start=2020-01-01`, and which types there are.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use spence_market::{DataQuestion, DataType, Subject};

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::routes::{Json, about, of_origin, stale_reason};
use crate::wire::ErrorBody;
use crate::wire::data::{DataBody, RowBody, StatusBody, TypeBody};

#[utoipa::path(
    get,
    path = "/api/v1/market/data",
    tag = "market",
    summary = "Data of one type, from one day to another, oldest first",
    params(
        ("data_type" = String, Query, description = "such as OHLCV or CPI_INDEX; /api/v1/market/types lists them"),
        ("start" = Option<String>, Query, description = "the first day, YYYY-MM-DD; default a year before the last"),
        ("end" = Option<String>, Query, description = "the last day; default today, in New York"),
        ("ticker" = Option<String>, Query, description = "such as AAPL, for types that are about one"),
        ("frequency" = Option<String>, Query, description = "daily (default); of OHLCV also 1m, 5m, 15m, 30m, 1h"),
        ("method" = Option<String>, Query, description = "of TOTAL_RETURN simple (default), log or cumulative; of INFLATION_RATE yoy (default) or mom"),
        ("index" = Option<String>, Query, description = "of INFLATION_RATE: CPI_INDEX (default) or PCE_INDEX"),
        ("vintage" = Option<String>, Query, description = "of published figures: as they were known on this day"),
        ("offline" = Option<bool>, Query, description = "true: only what is held; no provider is called"),
    ),
    responses(
        (status = 200, body = DataBody),
        (status = 404, description = "the provider has none, or offline nothing is held", body = ErrorBody),
        (status = 409, description = "no provider serves the type", body = ErrorBody),
        (status = 502, description = "the provider failed", body = ErrorBody),
        (status = 504, description = "it took too long", body = ErrorBody),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
    ),
)]
pub(crate) async fn data(
    State(app): State<App>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> ApiResult<Response> {
    let Query(query) = query.map_err(|error| ApiError::field("query", error.body_text()))?;
    let Asked { question, offline } = Asked::read(&app, query)?;
    let answer = match offline {
        true => app.market().held_data(&question).await?,
        false => app.market().get_data(&question).await?,
    };
    let mut headers = of_origin(&app);
    headers.extend(about(&answer));
    let body = DataBody {
        data_type: question.data_type.as_str(),
        ticker: question.ticker.as_ref().map(ToString::to_string),
        start: question.start.to_string(),
        end: question.end.to_string(),
        frequency: question.frequency.to_string(),
        of: question.data_type.of(),
        is_final: answer.is_final(),
        known_on: answer.known_on().map(|day| day.to_string()),
        source: answer.source().as_str(),
        freshness: answer.freshness().as_str(),
        stale_reason: stale_reason(answer.freshness(), answer.stale_cause()),
        age_seconds: answer.age().as_secs(),
        count: answer.rows().len(),
        rows: RowBody::all(answer.rows()),
    };
    Ok((headers, Json(body)).into_response())
}

struct Asked {
    question: DataQuestion,
    offline: bool,
}

impl Asked {
    fn read(app: &App, query: Vec<(String, String)>) -> ApiResult<Self> {
        let (mut data_type, mut start, mut end, mut ticker) = (None, None, None, None);
        let (mut frequency, mut offline, mut params) = (None, None, Vec::new());
        for (name, value) in query {
            let place = match name.as_str() {
                "data_type" => &mut data_type,
                "start" => &mut start,
                "end" => &mut end,
                "ticker" => &mut ticker,
                "frequency" => &mut frequency,
                "offline" => &mut offline,
                _ if params.iter().any(|(given, _)| *given == name) => {
                    return Err(ApiError::field(&name, format!("{name}: is given twice")));
                }
                _ => {
                    params.push((name, value));
                    continue;
                }
            };
            if place.replace(value).is_some() {
                return Err(ApiError::field(&name, format!("{name}: is given twice")));
            }
        }
        let missing = || ApiError::field("data_type", "data_type: is missing, as in OHLCV");
        let offline = match offline.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(ApiError::field("offline", "offline: expected true or false")),
        };
        let (start, end) = span(app, start, end);
        let question = DataQuestion::new(
            &data_type.ok_or_else(missing)?,
            &start,
            &end,
            ticker.as_deref(),
            frequency.as_deref().unwrap_or("daily"),
            params.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        )?;
        Ok(Self { question, offline })
    }
}

/// The first and the last day: a year up to today, if they are not given.
pub(crate) fn span(app: &App, start: Option<String>, end: Option<String>) -> (String, String) {
    let end = end.unwrap_or_else(|| app.market().today().to_string());
    let a_year_before = || {
        let end = spence_market::parse_date(&end)?;
        Some(end.checked_sub(jiff::Span::new().years(1)).ok()?.to_string())
    };
    // If the end is no day, that is what will be said.
    let start = start.or_else(a_year_before).unwrap_or_else(|| end.clone());
    (start, end)
}

#[utoipa::path(
    get,
    path = "/api/v1/market/types",
    tag = "market",
    summary = "The types of data, and which providers serve them",
    responses((status = 200, body = Vec<TypeBody>)),
)]
pub(crate) async fn types(State(app): State<App>) -> Json<Vec<TypeBody>> {
    let body = |data_type: &DataType| TypeBody {
        data_type: data_type.as_str(),
        about: match data_type.subject() {
            Subject::Ticker => "ticker",
            Subject::Economy => "economy",
        },
        of: data_type.of(),
        computed: data_type.is_computed(),
        providers: app.market().providers().serving(*data_type).map(str::to_owned).collect(),
    };
    Json(DataType::ALL.iter().map(body).collect())
}

#[utoipa::path(
    get,
    path = "/api/v1/market/status",
    tag = "market",
    summary = "Whether New York trades, by the calendar and by the provider",
    responses((status = 200, body = StatusBody)),
)]
pub(crate) async fn status(State(app): State<App>) -> Json<StatusBody> {
    Json((&app.market().status().await).into())
}
