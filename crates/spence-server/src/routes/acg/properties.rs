//! What a feature says, as JSON Schema.

use serde_json::{Map, Value, json};
use spence_acg::lines::{Event, Method};
use spence_acg::{Aspect, Body, Dignity, HouseSystem, Kind, Sign};

/// Each property's name and schema.
pub(crate) fn properties() -> Map<String, Value> {
    let all = [of_chart(), of_body(), of_line()].into_iter().flatten();
    all.map(|(name, schema)| (name.to_owned(), schema)).collect()
}

type Properties = Vec<(&'static str, Value)>;

fn of_chart() -> Properties {
    vec![
        ("epoch", text("the instant in UTC")),
        ("jd", number("the same as Julian day")),
        ("gmst", degrees("Greenwich mean sidereal time")),
        ("gast", degrees("Greenwich apparent sidereal time, by which lines are drawn")),
        ("obliquity", degrees("of the true equator")),
        ("flags", json!({ "type": "integer", "description": "echoed; without effect" })),
        ("se_version", text("the version of the ephemeris")),
        ("source", text("spence")),
        (
            "ut1_source",
            text(
                "utc: taken for UT1, from which it differs by 0.9 s at most, 0.42 km at the equator",
            ),
        ),
        ("calculation_time_ms", number("of the computation that made the stored body")),
    ]
}

fn of_body() -> Properties {
    let number_of = "Swiss Ephemeris' number of a planet or point, Hipparcos' of a star";
    let pair = json!({ "type": "number" });
    vec![
        ("id", one_of(&Body::ALL.map(Body::name), "the body; of a paran the first")),
        ("type", one_of(&Kind::ALL.map(Kind::name), "what it is")),
        ("number", json!({ "type": ["integer", "null"], "description": number_of })),
        ("color", json!({ "type": "string", "pattern": "^#[0-9a-f]{6}$" })),
        ("coords", coords()),
        (
            "zenith",
            json!({
                "type": "array", "prefixItems": [pair, pair], "minItems": 2, "maxItems": 2,
                "description": "longitude and latitude of where the body stands in the zenith",
            }),
        ),
        ("natal", natal()),
    ]
}

fn of_line() -> Properties {
    let types = ["AC", "DC", "MC", "IC", "ASPECT", "PARAN", "LOCAL_SPACE"];
    let line = object(
        "which line it is",
        json!({
            "angle": or_null(&Event::ALL.map(Event::name), "of local space none"),
            "aspect": or_null(&Aspect::ALL.map(Aspect::name), "of an ASPECT"),
            "line_type": one_of(&types, "what it means"),
            "method": one_of(&Method::ALL.map(Method::name), "along the ecliptic or the equator"),
            "segment_id": text("no other line of the chart has it"),
            "orb": number("orb_deg, as asked"),
        }),
    );
    vec![
        ("line", line),
        ("style", one_of(&["solid", "dashed", "dotted"], "how it is drawn")),
        (
            "z_index",
            json!({ "type": "integer", "description": "the higher, the later it is drawn" }),
        ),
        ("hit_radius", json!({ "type": "integer", "description": "in pixels" })),
        ("custom", custom()),
        ("near_km", number("how far the place of near is from the line; only if near is given")),
    ]
}

fn coords() -> Value {
    let ecliptic = "of date, apparent, geocentric";
    let or_none = |meaning: &str| json!({ "type": ["number", "null"], "description": meaning });
    object(
        "where the body is",
        json!({
            "ra": degrees(&format!("right ascension {ecliptic}")),
            "dec": degrees(&format!("declination {ecliptic}")),
            "lambda": degrees(&format!("ecliptic longitude {ecliptic}")),
            "beta": degrees(&format!("ecliptic latitude {ecliptic}")),
            "distance": or_none("in au; null of what has none"),
            "speed": or_none("of lambda, in degrees a day; null of lots"),
        }),
    )
}

fn natal() -> Value {
    let signs: Vec<_> =
        (0..12).map(|sign| Sign::of(f64::from(30 * sign + 15).to_radians()).name()).collect();
    let aspect = object(
        "to another body of the chart within orb_deg",
        json!({
            "to": one_of(&Body::ALL.map(Body::name), "the other"),
            "aspect": one_of(&Aspect::ALL.map(Aspect::name), "which"),
            "orb": degrees("by how much it is off"),
        }),
    );
    object(
        "what its place in the zodiac says",
        json!({
            "sign": one_of(&signs, "tropical"),
            "element": one_of(&["fire", "earth", "air", "water"], "of the sign"),
            "modality": one_of(&["cardinal", "fixed", "mutable"], "of the sign"),
            "dignity": or_null(&Dignity::ALL.map(Dignity::name), "essential, of a planet"),
            "retrograde": { "type": "boolean" },
            "house": {
                "type": ["integer", "null"], "minimum": 1, "maximum": 12,
                "description": "null without a birthplace",
            },
            "aspects": { "type": "array", "items": aspect },
        }),
    )
}

/// Of which each line has what concerns it.
fn custom() -> Value {
    let angle = |meaning| one_of(&Event::ALL.map(Event::name), meaning);
    json!({
        "type": "object",
        "properties": {
            "degrees": number("of an aspect: ahead of the body"),
            "event1": angle("of a paran: the angle of id"),
            "body2": one_of(&Body::ALL.map(Body::name), "of a paran: the other body"),
            "event2": angle("of a paran: the angle of body2"),
            "latitude": degrees("of a paran"),
            "lst": degrees("of a paran: the local apparent sidereal time"),
            "azimuth": degrees("of local space: from north over east"),
            "houses_system": one_of(
                &HouseSystem::ALL.map(HouseSystem::name),
                "with a birthplace: by which houses are cut in the end",
            ),
        },
        "additionalProperties": false,
    })
}

/// With all of `properties`, and no others.
fn object(meaning: &str, properties: Value) -> Value {
    let names: Vec<_> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({
        "type": "object",
        "description": meaning,
        "required": names,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn text(meaning: &str) -> Value {
    json!({ "type": "string", "description": meaning })
}

fn number(meaning: &str) -> Value {
    json!({ "type": "number", "description": meaning })
}

fn degrees(meaning: &str) -> Value {
    json!({ "type": "number", "description": format!("{meaning}, in degrees") })
}

fn one_of(words: &[&str], meaning: &str) -> Value {
    json!({ "enum": words, "description": meaning })
}

fn or_null(words: &[&str], meaning: &str) -> Value {
    let words: Vec<_> = words.iter().copied().map(Some).chain([None]).collect();
    json!({ "enum": words, "description": meaning })
}
