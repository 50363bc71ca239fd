//! Data of every type over HTTP.

use serde_json::{Value, json};
use spence_feed::{Feed, FeedOptions};

use crate::{Service, header};

async fn feed() -> Feed {
    Feed::start("127.0.0.1:0".parse().unwrap(), FeedOptions::default()).await.unwrap()
}

async fn answer(service: &Service, query: &str) -> (u16, String, Value) {
    let response = service.get(&format!("/api/v1/market/data?{query}")).await;
    let source = header(&response, "x-spence-source");
    (response.status().as_u16(), source, response.json().await.unwrap())
}

#[tokio::test]
async fn every_type_is_answered_by_whom_the_settings_name() {
    let feed = feed().await;
    let url = feed.base_url();
    let yaml = format!(
        "market: {{ base_url: '{url}' }}\nproviders:\n  fred: {{ kind: fred, base_url: '{url}', \
         series: {{ CPI_INDEX: CPILFESL }}, types: [CPI_INDEX, SOFR] }}"
    );
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), &yaml).await;
    let types = service.json("/api/v1/market/types").await;
    let of = |name: &str| {
        let types = types.as_array().unwrap();
        types.iter().find(|one| one["data_type"] == name).unwrap()["providers"].clone()
    };
    assert_eq!(of("OHLCV"), json!(["market"]));
    assert_eq!(of("SOFR"), json!(["fred"]));
    assert_eq!(of("TREASURY_3M"), json!([]));
    let health = service.json("/health").await;
    assert_eq!(health["origins"]["fred"]["kind"], "provider");

    let days = "start=2018-11-01&end=2018-11-30";
    let (status, source, body) = answer(&service, &format!("data_type=CPI_INDEX&{days}")).await;
    assert_eq!((status, source.as_str()), (200, "origin"));
    assert_eq!(body["rows"], json!([{ "date": "2018-11-01", "value": 259.481 }]));
    assert_eq!((&body["final"], &body["count"]), (&json!(false), &json!(1)));
    assert!(body["known_on"].as_str().unwrap() > "2026");
    let days = "start=2012-08-01&end=2012-08-31";
    let (_, _, body) = answer(&service, &format!("data_type=dividend&ticker=aapl&{days}")).await;
    assert_eq!(body["rows"], json!([{ "date": "2012-08-09", "cash": 2.635 }]));
    let one = "data_type=OHLCV&ticker=AAPL&start=2012-06-29&end=2012-06-29";
    let (_, _, body) = answer(&service, one).await;
    let last = json!({ "date": "2012-06-29", "open": 578.0, "high": 584.0, "low": 574.25, "close": 584.0, "volume": 15_053_600 });
    assert_eq!((&body["rows"], &body["final"]), (&json!([last]), &json!(true)));
    let (_, _, body) = answer(&service, &format!("{one}&frequency=30m")).await;
    assert_eq!(
        (&body["count"], &body["rows"][0]["time"]),
        (&json!(13), &json!("2012-06-29T13:30:00Z"))
    );
    assert_eq!(answer(&service, &format!("{one}&offline=true")).await.1, "memory");

    service.stop().await;
    let calls = feed.calls().total();
    let service = Service::start(dir.path(), &yaml).await;
    assert_eq!(answer(&service, one).await.1, "disk");
    assert_eq!(feed.calls().total(), calls);
    service.stop().await;
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_by_the_name_of_the_argument() {
    let feed = feed().await;
    let yaml = format!("market: {{ base_url: '{}' }}", feed.base_url());
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), &yaml).await;
    for (query, status, field) in [
        ("", 400, "data_type"),
        ("data_type=NOSUCH", 400, "data_type"),
        ("data_type=OHLCV", 400, "ticker"),
        ("data_type=OHLCV&ticker=A&ticker=B", 400, "ticker"),
        ("data_type=OHLCV&ticker=A&start=2012-02-30", 400, "start"),
        ("data_type=OHLCV&ticker=A&start=2012-03-01&end=2012-02-01", 400, "end"),
        ("data_type=OHLCV&ticker=A&end=2150-01-01", 400, "end"),
        ("data_type=OHLCV&ticker=A&frequency=2m", 400, "frequency"),
        ("data_type=OHLCV&ticker=A&colour=red", 400, "colour"),
        ("data_type=OHLCV&ticker=A&offline=yes", 400, "offline"),
        ("data_type=TOTAL_RETURN&ticker=A&method=yoy", 400, "method"),
        ("data_type=SOFR", 409, ""),
        ("data_type=INFLATION_RATE", 409, ""),
        ("data_type=OHLCV&ticker=ZZTOP", 404, ""),
        ("data_type=OHLCV&ticker=MSFT&offline=true", 404, ""),
    ] {
        let (got, _, body) = answer(&service, query).await;
        assert_eq!(got, status, "{query}: {body}");
        let named = body["errors"][0]["field"].as_str().unwrap_or_default();
        assert_eq!(named, field, "{query}: {body}");
    }
    service.stop().await;
}
