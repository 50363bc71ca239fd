//! Bad input gets one shape, with the reason; nothing is half-written.

use reqwest::Method;
use serde_json::Value;

use crate::{Service, header};

#[tokio::test]
async fn every_error_has_the_one_shape_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let check = async |method: Method, path: &str, body: &str, status: u16, expected: &str| {
        let response = service.send(method, path, body.to_owned()).await;
        assert_eq!(response.status(), status, "{path} {body}");
        assert_eq!(header(&response, "content-type"), "application/json", "{path}");
        let error: Value = response.json().await.unwrap();
        for field in ["timestamp", "error", "message", "path"] {
            assert!(error[field].is_string(), "{path}: {error}");
        }
        assert_eq!(error["status"], status);
        assert!(error["errors"].is_array());
        let told = format!("{} {}", error["message"], error["errors"]);
        assert!(told.contains(expected), "{path} {body}: {told}");
    };
    let entries = "/api/v1/cache/entries";
    let invalidate = "/api/v1/cache/invalidate";
    let bars = "/api/v1/market/bars";
    check(Method::GET, "/nothing", "", 404, "no such path").await;
    check(Method::POST, "/health", "", 405, "does not take that method").await;
    check(Method::GET, &format!("{entries}/nosuch/a"), "", 404, "nothing under").await;
    check(Method::GET, &format!("{entries}/no..te/a"), "", 400, r#""field":"namespace""#).await;
    check(Method::PUT, &format!("{entries}/no..te/a"), "v", 400, "two in a row").await;
    check(Method::PUT, &format!("{entries}/notes/a%00b"), "v", 400, r"contains '\\0'").await;
    check(Method::PUT, &format!("{entries}/notes/%FF"), "v", 400, r#""field":"key""#).await;
    check(Method::PUT, &format!("{entries}/notes/{}", "k".repeat(5000)), "v", 400, "5000 bytes")
        .await;
    check(Method::PUT, &format!("{entries}/notes/a?ttl=-5m"), "v", 400, "is not a duration").await;
    check(Method::PUT, &format!("{entries}/notes/a?ttl=5"), "v", 400, "has no unit").await;
    check(Method::PUT, &format!("{entries}/notes/a?tll=5m"), "v", 400, "unknown field `tll`").await;
    check(Method::PUT, &format!("{entries}/OHLCV/a"), "v", 409, "holds typed values").await;
    check(Method::GET, &format!("{entries}/OHLCV/a"), "", 409, "/api/v1/market/bars").await;
    check(Method::POST, invalidate, "{", 400, "EOF").await;
    check(Method::POST, invalidate, "{}", 400, "expected a tag, or a namespace").await;
    check(Method::POST, invalidate, r#"["notes"]"#, 400, "expected a JSON object").await;
    check(Method::POST, invalidate, "null", 400, r#""field":"body""#).await;
    check(Method::POST, invalidate, r#"{"tag": ""}"#, 400, r#""field":"tag""#).await;
    check(Method::POST, invalidate, r#"{"tag": 5}"#, 400, r#""field":"tag""#).await;
    check(Method::POST, invalidate, r#"{"tagg": "x"}"#, 400, "unknown field `tagg`").await;
    check(Method::POST, invalidate, r#"{"tag": "x"} x"#, 400, "trailing").await;
    let two = r#"{"namespace": "n", "key": "a", "glob": "b"}"#;
    check(Method::POST, invalidate, two, 400, "one of key, prefix and glob").await;
    let arity = r#"{"namespace": "OHLCV", "key": "AAPL"}"#;
    check(Method::POST, invalidate, arity, 400, "1 parts, expected 2").await;
    check(Method::GET, &format!("{bars}/AAPL?bars=0"), "", 400, r#""field":"bars""#).await;
    check(Method::GET, &format!("{bars}/AAPL?bars=50001"), "", 400, "expected 1 to 50000").await;
    check(Method::GET, &format!("{bars}/AAPL?bars=many"), "", 400, "is not a number").await;
    check(Method::GET, &format!("{bars}/AAPL?end=tomorrow"), "", 400, r#""field":"end""#).await;
    check(Method::GET, &format!("{bars}/AAPL?end=1950-01-01"), "", 400, "from 1970").await;
    check(Method::PUT, "/api/v1/cache/entries/n/a?tags=a%00b", "x", 400, "tag: contains").await;
    check(Method::GET, "/api/v1/cache/entries/n/a%zz", "", 400, "%zz is no escape").await;
    check(Method::GET, &format!("{bars}/AA%20PL"), "", 400, r#""field":"symbol""#).await;
    check(Method::GET, &format!("{bars}/AAPL?days=5"), "", 400, "unknown field `days`").await;
    check(Method::GET, &format!("{bars}/NOSUCH"), "", 404, "no bars of NOSUCH").await;
    let early = format!("{bars}/AAPL?end=1999-12-31");
    check(Method::GET, &early, "", 404, "no bars of AAPL up to 1999-12-31").await;
    service.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let path = "/api/v1/cache/entries/notes/big";
    // The server may close the connection before everything is sent.
    let url = format!("{}{path}", service.base);
    match service.client.put(url).body(vec![0_u8; 20_000_000]).send().await {
        Ok(response) => {
            assert_eq!(response.status(), 413);
            let body = response.text().await.unwrap();
            assert!(body.contains("larger than max_body"), "{body}");
        }
        Err(error) => assert!(error.is_request(), "{error}"),
    }
    assert_eq!(service.get(path).await.status(), 404);
    service.stop().await;
}

#[tokio::test]
async fn the_callers_correlation_id_is_echoed_and_one_is_made_without() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let with = async |id: &str| {
        let request = service.client.get(format!("{}/nothing", service.base));
        let response = request.header("x-correlation-id", id).send().await.unwrap();
        header(&response, "x-correlation-id")
    };
    assert_eq!(with("my-id-7").await, "my-id-7");
    assert_ne!(with("has space").await, "has space");
    assert_eq!(with(&"x".repeat(129)).await.len(), 16);
    let (one, two) = (service.get("/health").await, service.get("/health").await);
    assert_ne!(header(&one, "x-correlation-id"), header(&two, "x-correlation-id"));
    service.stop().await;
}

#[tokio::test]
async fn a_value_that_no_tier_would_keep_is_refused_not_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let yaml = "memory: { budget: 1MB }\ndisk: { budget: 4MB }";
    let service = Service::start(dir.path(), yaml).await;
    let put = async |bytes: usize| {
        let url = format!("{}/api/v1/cache/entries/notes/v{bytes}", service.base);
        // Nothing to compress.
        let value: Vec<u8> = (0..bytes as u64).map(|n| ((n * n * 31) >> 7) as u8).collect();
        let answer = service.client.put(url).body(value).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for bytes in [50_000, 200_000, 500_000] {
        assert_eq!(put(bytes).await.0, 204);
        let path = format!("/api/v1/cache/entries/notes/v{bytes}");
        assert_eq!(service.get(&path).await.status(), 200, "{bytes} bytes were accepted");
    }
    let (status, said) = put(2_000_000).await;
    assert_eq!(status, 413);
    assert!(said.contains("a tier keeps") && said.contains("disk.budget"), "{said}");
    service.stop().await;

    let off = "memory: { enabled: false }\ndisk: { enabled: false }";
    let service = Service::start(dir.path(), off).await;
    let url = format!("{}/api/v1/cache/entries/notes/a", service.base);
    let answer = service.client.put(url).body("a").send().await.unwrap();
    assert_eq!(answer.status(), 413);
    assert!(answer.text().await.unwrap().contains("nothing would keep it"));
    service.stop().await;
}

#[tokio::test]
async fn what_narrows_a_target_never_widens_it() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let url = format!("{}/api/v1/cache/invalidate", service.base);
    for body in [
        r#"{"namespace":"n","key":null}"#,
        r#"{"namespace":"n","prefix":null}"#,
        r#"{"namespace":"n","glob":"[^]*"}"#,
        r#"{"namespace":"n","glob":"*[^]"}"#,
        r#"{"namespace":"n","glob":"?*"}"#,
    ] {
        let request = service.client.post(&url).header("content-type", "application/json");
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{body}");
    }
    service.stop().await;
}
