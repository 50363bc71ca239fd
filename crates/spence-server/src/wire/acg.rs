//! What the chart endpoints take and tell, apart from charts themselves.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue as RawJson;
use spence_acg::asked::{integer, list, object, object_or_null, objects};
use spence_acg::lines::{Event, Method};
use spence_acg::{
    Aspect, Body, BodyRequest, Epoch, HouseSystem, LatitudeLongitude, LinesRequest, NatalRequest,
    OptionsRequest,
};
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, ApiResult};
use crate::wire::ErrorBody;

/// A chart by query, for a browser. Lists are separated by commas.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinesQuery {
    /// When: ISO 8601 with an offset, `Z` or a time zone in brackets.
    #[param(value_type = Epoch)]
    #[param(required)]
    epoch: Option<String>,
    /// The Julian day in its place, from which it may be a minute apart.
    #[param(value_type = Option<f64>, exclusive_minimum = 0)]
    jd: Option<String>,
    /// Bodies by name, such as Sun,Moon.
    #[param(value_type = Option<Vec<Body>>, style = Form, explode = false, min_items = 1)]
    bodies: Option<String>,
    /// AC, DC, MC, IC.
    #[param(value_type = Option<Vec<Event>>, style = Form, explode = false)]
    line_types: Option<String>,
    /// conjunction, sextile, square, trine, opposition.
    #[param(value_type = Option<Vec<Aspect>>, style = Form, explode = false)]
    aspects: Option<String>,
    /// true or false.
    #[param(value_type = Option<bool>)]
    include_parans: Option<String>,
    /// true or false.
    #[param(value_type = Option<bool>)]
    include_fixed_stars: Option<String>,
    /// Within how many degrees two bodies are said to be in aspect.
    #[param(value_type = Option<f64>, minimum = 0, maximum = 5)]
    orb_deg: Option<String>,
    /// Echoed; without effect.
    #[param(value_type = Option<i64>)]
    flags: Option<String>,
    /// zodiaco or mundo.
    #[param(value_type = Option<Method>)]
    method: Option<String>,
    /// 3 to 8 decimals.
    #[param(value_type = Option<u8>, minimum = 3, maximum = 8)]
    precision: Option<String>,
    /// The birthplace, as latitude,longitude.
    #[param(value_type = Option<LatitudeLongitude>)]
    birthplace: Option<String>,
    /// How its houses are cut.
    #[param(value_type = Option<HouseSystem>)]
    houses_system: Option<String>,
    /// true or false.
    #[param(value_type = Option<bool>)]
    local_space: Option<String>,
    /// latitude,longitude of a place whose distance from each line is told.
    #[param(value_type = Option<LatitudeLongitude>)]
    near: Option<String>,
}

impl LinesQuery {
    /// The same as a body asks it.
    pub(crate) fn read(self) -> ApiResult<LinesRequest> {
        let list = |text: Option<String>| {
            text.map(|text| match text.trim() {
                "" => Vec::new(),
                text => text.split(',').map(|name| name.trim().to_owned()).collect(),
            })
        };
        let bodies = list(self.bodies).map(|names| {
            let body = |id| BodyRequest { id, kind: None, number: None };
            names.into_iter().map(body).collect()
        });
        let options = OptionsRequest {
            line_types: list(self.line_types),
            aspects: list(self.aspects),
            include_parans: parsed("include_parans", self.include_parans)?,
            include_fixed_stars: parsed("include_fixed_stars", self.include_fixed_stars)?,
            orb_deg: parsed("orb_deg", self.orb_deg)?,
            flags: parsed("flags", self.flags)?,
            method: self.method,
            precision: parsed("precision", self.precision)?,
            local_space: parsed("local_space", self.local_space)?,
        };
        let (latitude, longitude) = match self.birthplace.as_deref().map(|at| at.split_once(',')) {
            None => (None, None),
            Some(Some((latitude, longitude))) => (Some(latitude.trim()), Some(longitude.trim())),
            Some(None) => {
                let message = "birthplace: expected latitude,longitude like 52.52,13.41";
                return Err(ApiError::field("birthplace", message));
            }
        };
        let natal = (latitude.is_some() || self.houses_system.is_some()).then_some(NatalRequest {
            birthplace_lat: parsed("birthplace", latitude)?,
            birthplace_lon: parsed("birthplace", longitude)?,
            birthplace_alt_m: None,
            houses_system: self.houses_system,
        });
        let (epoch, jd, near) = (self.epoch.map(with_plus), parsed("jd", self.jd)?, self.near);
        let nothing = LinesRequest::default();
        Ok(LinesRequest { epoch, jd, bodies, options, natal, near, ..nothing })
    }
}

/// For the names of the query.
impl LinesQuery {
    /// What the query calls a field of the body.
    pub(crate) fn field(of_body: &str) -> &str {
        match of_body {
            "natal.birthplace_lat" | "natal.birthplace_lon" | "natal" => "birthplace",
            "natal.houses_system" => "houses_system",
            field if field.starts_with("bodies[") => "bodies",
            field => {
                field.strip_prefix("options.").unwrap_or(field).split('[').next().unwrap_or(field)
            }
        }
    }
}

/// A plus that was not escaped arrives as a space: of an offset it is put back.
fn with_plus(epoch: String) -> String {
    match epoch.rsplit_once(' ') {
        Some((before, offset)) if before.contains('T') => format!("{before}+{offset}"),
        _ => epoch,
    }
}

fn parsed<T: std::str::FromStr>(
    field: &str,
    text: Option<impl AsRef<str>>,
) -> ApiResult<Option<T>> {
    let read = |text: &str| {
        let wrong = |_| {
            let text: String = text.chars().take(20).collect();
            ApiError::field(field, format!("{field}: {text:?} cannot be read"))
        };
        text.parse().map_err(wrong)
    };
    text.as_ref().map(|text| read(text.as_ref())).transpose()
}

/// Many charts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchBody {
    /// Lines requests, each with an optional `correlation_id`; 1 to 10,000.
    #[serde(deserialize_with = "list::<_, _, MOST>")]
    #[schema(value_type = Vec<Value>, min_items = 1, max_items = 10_000)]
    pub(crate) requests: Vec<Box<RawJson>>,
}

/// The most charts of a batch, or frames of an animation.
pub(crate) const MOST: usize = 10_000;

/// What tells the charts of a batch apart.
#[derive(Debug, Deserialize)]
pub(crate) struct Correlated {
    /// Any JSON, as it came.
    #[serde(default)]
    pub(crate) correlation_id: Option<Box<RawJson>>,
}

/// A chart at each step of time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnimateBody {
    /// The first instant.
    #[schema(value_type = Epoch, example = "2024-01-01T00:00:00Z")]
    pub(crate) epoch_start: String,
    /// Frames go on until it, and include it if a step falls on it.
    #[schema(value_type = Epoch, example = "2024-01-01T06:00:00Z")]
    pub(crate) epoch_end: String,
    /// Minutes from frame to frame.
    #[serde(deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 43_200)]
    pub(crate) step_minutes: i64,
    /// As for lines.
    #[serde(default, deserialize_with = "objects")]
    #[schema(min_items = 1, max_items = 64)]
    pub(crate) bodies: Option<Vec<BodyRequest>>,
    /// As for lines.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<OptionsRequest>)]
    pub(crate) options: OptionsRequest,
    /// As for lines.
    #[serde(default, deserialize_with = "object_or_null")]
    pub(crate) natal: Option<NatalRequest>,
    /// As for lines.
    #[schema(value_type = Option<LatitudeLongitude>)]
    pub(crate) near: Option<String>,
}

/// A GeoJSON FeatureCollection; `GET /api/v1/acg/schema` describes the properties of a feature.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FeatureCollection {
    /// FeatureCollection.
    r#type: String,
    /// Lines.
    features: Vec<Value>,
}

/// The charts of a batch, in the order asked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchAnswer {
    results: Vec<BatchResult>,
}

/// A chart, or why there is none.
#[derive(Debug, Serialize, ToSchema)]
struct BatchResult {
    /// That of the request.
    correlation_id: Option<Value>,
    /// The chart.
    #[schema(nullable = false)]
    response: Option<FeatureCollection>,
    /// Why there is none.
    #[schema(nullable = false)]
    error: Option<ErrorBody>,
}

/// Charts in the order of time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Animation {
    frames: Vec<Frame>,
}

/// A chart at an instant.
#[derive(Debug, Serialize, ToSchema)]
struct Frame {
    /// In UTC.
    epoch: String,
    /// The same as Julian day.
    jd: f64,
    /// The chart.
    #[schema(nullable = false)]
    data: Option<FeatureCollection>,
    /// Why there is none.
    #[schema(nullable = false)]
    error: Option<ErrorBody>,
}

/// What the charts have cost and saved since the start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChartStatus {
    /// Of all charts asked for, how many were held; null before the first.
    pub(crate) hit_ratio: Option<f64>,
    /// Charts that were held.
    pub(crate) hits: u64,
    /// Charts that were computed.
    pub(crate) computed: u64,
    /// The mean time of computing one, in milliseconds; null before the first.
    pub(crate) mean_calculation_ms: Option<f64>,
    /// The share of requests of the last five minutes that failed.
    pub(crate) error_rate: f64,
    /// Entries of finished charts and of positions in memory.
    pub(crate) entries: u64,
    /// Their bytes in memory.
    pub(crate) memory_bytes: u64,
    /// Their bytes on disk.
    pub(crate) disk_bytes: u64,
    /// What answers are computed by: another number, and what was kept is computed anew.
    pub(crate) algorithm: u32,
    /// The version of the ephemeris.
    pub(crate) ephemeris: &'static str,
}
