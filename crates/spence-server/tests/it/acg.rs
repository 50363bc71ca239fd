//! Charts over HTTP: computed once, whichever tier keeps them, and refused with the reason.

use std::collections::BTreeSet;
use std::io::Read;

use reqwest::header::{ACCEPT_ENCODING, ETAG, IF_NONE_MATCH};
use serde_json::{Value, json};
use spence_testkit::RedisServer;

use crate::ask::answer;
use crate::{Service, header};

const LINES: &str = "/api/v1/acg/lines";
const BATCH: &str = "/api/v1/acg/batch";
const ANIMATE: &str = "/api/v1/acg/animate";

fn chart() -> Value {
    json!({
        "epoch": "1990-06-15T12:00:00+02:00",
        "bodies": [{ "id": "Moon" }, { "id": "sun", "type": "planet", "number": 0 }],
        "options": { "aspects": ["trine"], "include_parans": false },
    })
}

async fn computed(service: &Service) -> u64 {
    let status: Value = service.get("/api/v1/acg/status").await.json().await.unwrap();
    status["computed"].as_u64().unwrap()
}

#[tokio::test]
async fn a_chart_is_geojson_and_computed_once_however_it_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let (status, body) = answer(&service, LINES, chart()).await;
    assert_eq!((status, &body["type"]), (200, &json!("FeatureCollection")));
    let features = body["features"].as_array().unwrap();
    assert_eq!(features.len(), 2 * (4 + 4));
    let sun = &features[0]["properties"];
    assert_eq!((&sun["id"], &sun["epoch"]), (&json!("Sun"), &json!("1990-06-15T10:00:00Z")));
    assert_eq!((&sun["ut1_source"], &sun["natal"]["sign"]), (&json!("utc"), &json!("Gemini")));
    // In other words: another zone, the bodies the other way round, defaults said.
    let same = json!({
        "epoch": "1990-06-15T10:00:00Z",
        "bodies": [{ "id": "Sun" }, { "id": "Moon" }, { "id": "Moon" }],
        "options": { "aspects": ["trine"], "include_parans": false, "precision": 5 },
    });
    let again = service.post(LINES, &same.to_string()).await;
    assert_eq!(header(&again, "x-spence-source"), "memory");
    assert_eq!(again.json::<Value>().await.unwrap(), body);
    let query = format!(
        "{LINES}?epoch=1990-06-15T10:00:00Z&bodies=Sun,Moon&aspects=trine&include_parans=false"
    );
    let asked = service.get(&query).await;
    assert_eq!(header(&asked, "x-spence-source"), "memory");
    let etag = asked.headers()[ETAG].clone();
    let known = service.client.get(format!("{}{query}", service.base));
    assert_eq!(known.header(IF_NONE_MATCH, etag).send().await.unwrap().status(), 304);
    assert_eq!(computed(&service).await, 1);
    service.stop().await;
}

#[tokio::test]
async fn a_body_goes_out_as_the_client_likes_it_and_is_compressed_once() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    // Else the client asks for gzip, and unpacks it.
    let client = reqwest::Client::builder().no_gzip().build().unwrap();
    let url = format!("{}{LINES}", service.base);
    let plain = client.post(&url).body(chart().to_string()).send().await.unwrap();
    let plain = plain.bytes().await.unwrap();
    for encoding in ["zstd", "br", "gzip"] {
        let ask = || client.post(&url).header(ACCEPT_ENCODING, encoding);
        for source in ["origin", "memory"] {
            let asked = ask().body(chart().to_string()).send().await.unwrap();
            assert_eq!(header(&asked, "content-encoding"), encoding);
            // It is what the others are made of.
            let source = if encoding == "zstd" { "memory" } else { source };
            assert_eq!(header(&asked, "x-spence-source"), source);
            let key = header(&asked, "x-spence-key");
            let explained = service.get(&format!("/api/v1/cache/explain/{key}")).await;
            let explained: Value = explained.json().await.unwrap();
            assert!(explained["memory"].is_object(), "{explained}");
            let body = asked.bytes().await.unwrap();
            assert!(body.len() < plain.len() / 2, "{encoding}: {}", body.len());
            if encoding == "gzip" {
                let mut text = Vec::new();
                flate2::read::GzDecoder::new(&*body).read_to_end(&mut text).unwrap();
                let of = |text: &[u8]| -> Value { serde_json::from_slice(text).unwrap() };
                assert_eq!(of(&text), of(&plain), "the same, with the same calculation_time_ms");
            }
        }
    }
    let many = json!({ "requests": [chart(), chart()] }).to_string();
    let batch = client.post(format!("{}{BATCH}", service.base)).body(many);
    let batch = batch.header(ACCEPT_ENCODING, "gzip").send().await.unwrap();
    assert_eq!(header(&batch, "content-encoding"), "gzip");
    let mut text = String::new();
    let body = batch.bytes().await.unwrap();
    flate2::read::GzDecoder::new(&*body).read_to_string(&mut text).unwrap();
    assert_eq!(text.matches("Feature\"").count(), 2 * 16);
    assert_eq!(computed(&service).await, 1, "plain; the others are made from it");
    for path in ["/api/v1/acg/features", "/api/v1/acg/schema", "/openapi.json"] {
        let asked = client.get(format!("{}{path}", service.base));
        let answer = asked.header(ACCEPT_ENCODING, "gzip").send().await.unwrap();
        assert_eq!(header(&answer, "content-encoding"), "gzip", "{path}");
    }
    service.stop().await;
}

#[tokio::test]
async fn batches_keep_their_order_and_one_bad_chart_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let mut requests = vec![
        json!({ "epoch": "2000-01-01T12:00:00Z", "correlation_id": "a" }),
        json!({ "epoch": "2000-01-01T12:00:00Z", "bodies": [{ "id": "Chiron" }] }),
        json!({ "epoch": "tomorrow", "correlation_id": 7 }),
        json!([1]),
        json!({ "epoch": "2000-01-01T12:00:00Z", "correlation_id": "x".repeat(2_000) }),
        json!({ "epoch": "2000-01-01T12:00:00Z", "options": { "precision": "5" } }),
    ];
    requests
        .extend((0..20).map(|minute| json!({ "epoch": format!("2001-01-01T12:{minute:02}Z") })));
    for _ in 0..2 {
        let (status, body) = answer(&service, BATCH, json!({ "requests": requests })).await;
        let results = body["results"].as_array().unwrap();
        assert_eq!((status, results.len()), (200, 26));
        assert_eq!(results[0]["correlation_id"], "a");
        assert_eq!(results[0]["response"]["features"].as_array().unwrap().len(), 44 + 330);
        assert_eq!(results[1]["error"]["status"], 404);
        assert_eq!(results[1]["error"]["errors"][0]["field"], "requests[1].bodies[0].id");
        assert_eq!(
            (&results[2]["correlation_id"], &results[2]["error"]["status"]),
            (&json!(7), &json!(400))
        );
        assert_eq!(
            (&results[3]["error"]["status"], &results[4]["error"]["status"]),
            (&json!(400), &json!(400))
        );
        assert_eq!(results[5]["error"]["errors"][0]["field"], "requests[5].options.precision");
        for (minute, result) in results[6..].iter().enumerate() {
            let epoch = &result["response"]["features"][0]["properties"]["epoch"];
            assert_eq!(epoch, &format!("2001-01-01T12:{minute:02}:00Z"));
        }
        assert_eq!(computed(&service).await, 21);
    }
    let status: Value = service.get("/api/v1/acg/status").await.json().await.unwrap();
    assert_eq!((&status["hits"], &status["hit_ratio"]), (&json!(21), &json!(0.5)));
    let frames = json!({
        "epoch_start": "2001-01-01T12:00:00Z",
        "epoch_end": "2001-01-01T12:40:00Z",
        "step_minutes": 10,
    });
    for _ in 0..2 {
        let (status, body) = answer(&service, ANIMATE, frames.clone()).await;
        let frames = body["frames"].as_array().unwrap();
        assert_eq!((status, frames.len()), (200, 5));
        assert_eq!(frames[4]["epoch"], "2001-01-01T12:40:00Z");
        assert_eq!(
            frames[4]["data"]["features"][0]["properties"]["jd"],
            frames[4]["jd"].as_f64().map(|jd| (jd * 1e6).round() / 1e6).unwrap()
        );
        assert_eq!(computed(&service).await, 24, "the first two are the batch's");
    }
    service.stop().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_status_field_and_reason() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let epoch = "2000-01-01T12:00:00Z";
    for (asked, status, field) in [
        (json!({}), 400, "epoch"),
        (json!({ "epoch": "1899-12-31T23:59:59Z" }), 400, "epoch"),
        (json!({ "epoch": epoch, "jd": -1.0 }), 400, "jd"),
        (json!({ "epoch": epoch, "bodies": [] }), 400, "bodies"),
        (json!({ "epoch": epoch, "bodies": vec![json!({ "id": "Sun" }); 65] }), 400, "bodies"),
        (json!({ "epoch": epoch, "bodies": [{ "id": "Eris" }] }), 404, "bodies[0].id"),
        (
            json!({ "epoch": epoch, "bodies": [{ "id": "Sun", "type": "sun" }] }),
            400,
            "bodies[0].type",
        ),
        (json!({ "epoch": epoch, "options": { "orb_deg": 5.1 } }), 400, "options.orb_deg"),
        (json!({ "epoch": epoch, "options": { "precision": 9 } }), 400, "options.precision"),
        (
            json!({ "epoch": epoch, "options": { "line_types": ["XX"] } }),
            400,
            "options.line_types[0]",
        ),
        (json!({ "epoch": epoch, "options": { "colour": 1 } }), 400, "options.colour"),
        (json!({ "epoch": epoch, "options": [null, null] }), 400, "options"),
        (json!({ "epoch": epoch, "natal": [1, 2] }), 400, "natal"),
        (json!({ "epoch": epoch, "bodies": [["Sun"]] }), 400, "bodies[0]"),
        (json!({ "epoch": epoch, "near": "Berlin" }), 400, "near"),
        (
            json!({ "epoch": epoch, "natal": { "birthplace_lat": 91, "birthplace_lon": 0 } }),
            400,
            "natal.birthplace_lat",
        ),
        (
            json!({ "epoch": epoch, "natal": { "houses_system": "koch" } }),
            400,
            "natal.houses_system",
        ),
    ] {
        let (found, body) = answer(&service, LINES, asked.clone()).await;
        assert_eq!(
            (found, &body["errors"][0]["field"]),
            (status, &json!(field)),
            "{asked}: {body}"
        );
    }
    for (asked, status, field) in [
        (json!({ "requests": [] }), 400, "requests"),
        (json!({ "requests": vec![json!({}); 10_001] }), 400, "requests"),
        (
            json!({ "epoch_start": epoch, "epoch_end": epoch, "step_minutes": 0 }),
            400,
            "step_minutes",
        ),
    ] {
        let path = if field == "requests" { BATCH } else { ANIMATE };
        let (found, body) = answer(&service, path, asked).await;
        assert_eq!((found, &body["errors"][0]["field"]), (status, &json!(field)), "{body}");
    }
    assert_eq!(computed(&service).await, 0);
    service.stop().await;
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    for (query, field) in [
        ("bodies=Sun", "epoch"),
        ("epoch=2000-01-01T12:00Z&colour=1", "colour"),
        ("epoch=2000-01-01T12:00Z&precision=x", "precision"),
        ("epoch=2000-01-01T12:00Z&precision=9", "precision"),
        ("epoch=2000-01-01T12:00Z&line_types=AC,XX", "line_types"),
        ("epoch=2000-01-01T12:00Z&birthplace=91,0", "birthplace"),
    ] {
        let asked = service.get(&format!("{LINES}?{query}")).await;
        assert_eq!(asked.status(), 400);
        let body: Value = asked.json().await.unwrap();
        assert_eq!(body["errors"][0]["field"], field, "{body}");
    }
    let all_wrong = json!({
        "epoch_start": "now", "epoch_end": "then", "step_minutes": 0, "near": "here",
    });
    let (_, body) = answer(&service, ANIMATE, all_wrong).await;
    let fields: Vec<_> = body["errors"].as_array().unwrap().iter().map(|e| &e["field"]).collect();
    assert_eq!(fields, ["epoch_start", "epoch_end", "step_minutes", "near"]);
    let lax = json!({ "epoch": "2000-01-01T12:00Z", "options": null, "natal": { "houses_system": "placidus" } });
    assert_eq!(answer(&service, LINES, lax).await.0, 200, "what has no effect does no harm");
    service.stop().await;
}

#[tokio::test]
async fn what_could_be_but_does_not_go_together_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let of = |more: Value| {
        let mut asked = json!({ "epoch": "2000-01-01T12:00:00Z" });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asked
    };
    let frames = |end: &str| json!({ "epoch_start": "2000-01-01T12:00:00Z", "epoch_end": end, "step_minutes": 1 });
    for (path, asked, field) in [
        (LINES, of(json!({ "jd": 2_451_546.0 })), "jd"),
        (LINES, of(json!({ "jd": 1e308 })), "jd"),
        (LINES, of(json!({ "bodies": [{ "id": "Sun", "type": "lot" }] })), "bodies[0].type"),
        (LINES, of(json!({ "bodies": [{ "id": "Sun", "number": 1 }] })), "bodies[0].number"),
        (LINES, of(json!({ "bodies": [{ "id": "Fortune" }] })), "natal"),
        (LINES, of(json!({ "options": { "local_space": true } })), "natal"),
        (LINES, of(json!({ "natal": { "birthplace_lat": 9 } })), "natal.birthplace_lon"),
        (ANIMATE, frames("1999-01-01T00:00:00Z"), "epoch_end"),
        (ANIMATE, frames("2099-01-01T00:00:00Z"), "step_minutes"),
    ] {
        let (status, body) = answer(&service, path, asked).await;
        let fields = body["errors"].as_array().unwrap();
        assert_eq!((status, fields.len(), &fields[0]["field"]), (409, 1, &json!(field)), "{body}");
    }
    service.stop().await;
}

/// The second of two equal calls of every kind computes nothing, and says so.
async fn all_twice(service: &Service, before: u64) {
    let natal = json!({ "birthplace_lat": 52.52, "birthplace_lon": 13.41 });
    let mut with_lots = chart();
    with_lots["natal"] = natal;
    with_lots["bodies"] = json!([{ "id": "Fortune" }, { "id": "Lilith" }]);
    let frames = json!({ "epoch_start": "2001-01-01T12:00Z", "epoch_end": "2001-01-01T13:00Z", "step_minutes": 30 });
    let calls = [
        (LINES, chart()),
        (LINES, with_lots.clone()),
        (BATCH, json!({ "requests": [chart(), with_lots] })),
        (ANIMATE, frames),
    ];
    let mut answers = Vec::new();
    for (path, body) in &calls {
        answers.push(answer(service, path, body.clone()).await);
    }
    let computed_once = computed(service).await;
    assert_eq!(computed_once, if before == 0 { 5 } else { 0 }, "two charts and three frames");
    for ((path, body), before) in calls.iter().zip(answers) {
        assert_eq!(answer(service, path, body.clone()).await, before);
    }
    assert_eq!(computed(service).await, computed_once);
}

#[tokio::test]
async fn nothing_is_computed_twice_by_memory_disk_or_redis() {
    let dirs = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let alone = Service::start(dirs[0].path(), "{ disk: { enabled: false } }").await;
    all_twice(&alone, 0).await;
    alone.stop().await;
    for before in [0, 5] {
        let service = Service::start(dirs[1].path(), "{}").await;
        all_twice(&service, before).await;
        service.stop().await;
    }
    let server = RedisServer::start();
    // Busy machines answer late; a call that passes its deadline is a miss.
    let redis = format!("{{ url: '{}', deadline: 5s }}", server.url());
    let yaml = format!("{{ disk: {{ enabled: false }}, redis: {redis} }}");
    let first = Service::start(dirs[2].path(), &yaml).await;
    all_twice(&first, 0).await;
    let second = Service::start(dirs[3].path(), &yaml).await;
    all_twice(&second, 5).await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn charts_are_forgotten_by_tag_and_nobody_sees_whose_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let asked = service.post(LINES, &chart().to_string()).await;
    let tag = header(&asked, "x-spence-tag");
    let key = header(&asked, "x-spence-key");
    for (hash, of) in [(&tag, "acg:"), (&key, "acg/")] {
        let digits = hash.strip_prefix(of).unwrap();
        let is_hash = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_hash, "{hash}");
    }
    let explained =
        service.get(&format!("/api/v1/cache/explain/{key}")).await.text().await.unwrap();
    assert!(!explained.contains("1990") && !explained.contains("645444000"), "{explained}");
    answer(&service, LINES, json!({ "epoch": "2000-01-01T12:00:00Z" })).await;
    let invalidate =
        async |target: Value| answer(&service, "/api/v1/cache/invalidate", target).await;
    assert_eq!(invalidate(json!({ "tag": tag })).await.0, 200);
    answer(&service, LINES, chart()).await;
    answer(&service, LINES, json!({ "epoch": "2000-01-01T12:00:00Z" })).await;
    assert_eq!(computed(&service).await, 3, "only that chart again");
    assert_eq!(invalidate(json!({ "tag": "acg" })).await.0, 200);
    answer(&service, LINES, json!({ "epoch": "2000-01-01T12:00:00Z" })).await;
    assert_eq!(computed(&service).await, 4);
    let (status, body) = invalidate(json!({ "namespace": "acg", "prefix": "1990" })).await;
    assert_eq!(status, 400);
    assert!(body["message"].as_str().unwrap().contains("private"), "{body}");
    let metrics = service.get("/metrics").await.text().await.unwrap();
    for line in [
        "calculation_time_count 4",
        "calculation_time_bucket{le=\"+Inf\"} 4",
        "cache_hits_total 1",
        "error_rate 0.0",
    ] {
        assert!(metrics.lines().any(|told| told == line), "{line}\n{metrics}");
    }
    service.stop().await;
}

#[tokio::test]
async fn charts_of_an_instant_share_its_positions() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    answer(&service, LINES, chart()).await;
    let mut other = chart();
    other["options"]["aspects"] = json!(["square"]);
    answer(&service, LINES, other).await;
    assert_eq!(computed(&service).await, 2);
    let stats: Value = service.get("/api/v1/cache/stats").await.json().await.unwrap();
    let positions = &stats["caches"]["acg_positions"];
    assert_eq!((&positions["origin_calls"], &positions["hits"]), (&json!(1), &json!(1)));
    service.stop().await;
}

#[tokio::test]
async fn the_policy_of_charts_is_that_of_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{ policies: { acg: { ttl: 7d } } }").await;
    for cache in ["acg", "acg_positions"] {
        let explained = service.get(&format!("/api/v1/cache/explain/{cache}/0")).await;
        let explained: Value = explained.json().await.unwrap();
        let policy = explained["policy"].as_array().unwrap();
        let ttl = policy.iter().find(|setting| setting["name"] == "ttl").unwrap();
        assert_eq!((&ttl["from"], &ttl["value"]), (&json!("policy"), &json!("168h")), "{cache}");
    }
    service.stop().await;
}

#[tokio::test]
async fn the_schema_names_what_features_have() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let schema: Value = service.get("/api/v1/acg/schema").await.json().await.unwrap();
    let mut asked = chart();
    asked["near"] = json!("52.52,13.41");
    let (_, body) = answer(&service, LINES, asked).await;
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    for feature in body["features"].as_array().unwrap() {
        let found = &feature["properties"];
        assert_eq!(keys(found), keys(&schema["properties"]));
        for part in ["coords", "natal", "line"] {
            let described = &schema["properties"][part];
            assert_eq!(keys(&found[part]), keys(&described["properties"]));
            for (name, value) in found[part].as_object().unwrap() {
                if let Some(words) = described["properties"][name]["enum"].as_array() {
                    assert!(words.contains(value), "{part}.{name}: {value}");
                }
            }
        }
        let custom = keys(&schema["properties"]["custom"]["properties"]);
        assert!(keys(&found["custom"]).is_subset(&custom));
    }
    let features: Value = service.get("/api/v1/acg/features").await.json().await.unwrap();
    assert_eq!(features["bodies"].as_array().unwrap().len(), 20);
    assert_eq!(features["metadata_keys"].as_array().unwrap().len(), 23);
    let url = format!("{}/api/v1/acg/schema", service.base);
    let etag = service.client.get(&url).send().await.unwrap().headers()[ETAG].clone();
    let known = service.client.get(&url).header(IF_NONE_MATCH, etag).send().await.unwrap();
    assert_eq!(known.status(), 304);
    let browser = service.get(&format!("{LINES}?epoch=1990-06-15T12:00:00+02:00&bodies=Sun")).await;
    assert_eq!(browser.status(), 200, "a plus that was not escaped");
    service.stop().await;
}
