//! Raw values, statistics, and taking values out of service.

use reqwest::Method;
use serde_json::json;

use crate::{Service, header};

const NOTE: &str = "/api/v1/cache/entries/notes/a/b:1";

#[tokio::test]
async fn a_value_is_put_read_and_deleted_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    assert_eq!(service.get(NOTE).await.status(), 404);

    let url = format!("{}{NOTE}?ttl=1h&tags=x,%20y", service.base);
    let put = service.client.put(url).header("content-type", "text/markdown").body("# hi");
    let put = put.send().await.unwrap();
    assert_eq!(put.status(), 204);
    let etag = header(&put, "etag");

    let got = service.get(NOTE).await;
    assert_eq!(got.status(), 200);
    assert_eq!(header(&got, "content-type"), "text/markdown");
    assert_eq!(header(&got, "x-spence-source"), "memory");
    assert_eq!(header(&got, "x-spence-freshness"), "fresh");
    assert_eq!((header(&got, "etag"), header(&got, "age")), (etag.clone(), "0".into()));
    assert_eq!(got.text().await.unwrap(), "# hi");
    let url = format!("{}{NOTE}", service.base);
    let known = service.client.get(url).header("if-none-match", etag).send().await.unwrap();
    assert_eq!(known.status(), 304);
    service.stop().await;

    let service = Service::start(dir.path(), "{}").await;
    let got = service.get(NOTE).await;
    assert_eq!(header(&got, "x-spence-source"), "disk");
    assert_eq!(got.text().await.unwrap(), "# hi");
    let deleted = service.send(Method::DELETE, NOTE, "").await;
    let reached: serde_json::Value = deleted.json().await.unwrap();
    assert_eq!(
        reached,
        json!({ "scope": "node", "target": { "namespace": "notes", "key": "a/b:1" } })
    );
    assert_eq!(service.get(NOTE).await.status(), 404);
    service.stop().await;
}

/// A path without escapes is answered without the router: nobody must see a difference.
#[tokio::test]
async fn an_escaped_path_is_answered_as_the_plain_one_is() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let put = service.send(Method::PUT, "/api/v1/cache/entries/notes/key", "value").await;
    let etag = header(&put, "etag");
    let ask = async |path: &str, known: &str, host: &str| {
        let url = format!("{}/api/v1/cache/entries/{path}", service.base);
        let request = service.client.get(url).header("if-none-match", known);
        let answer = request.header("host", host).send().await.unwrap();
        let mut headers = answer.headers().clone();
        let status = answer.status();
        headers.remove("date");
        headers.remove("x-correlation-id");
        if status.is_client_error() {
            // It tells the path as it was asked for.
            headers.remove("content-length");
        }
        let body = answer.text().await.unwrap();
        (status, headers, body.split_once("\"status\"").map_or(body.clone(), |b| b.1.to_owned()))
    };
    let (here, unknown) = ("localhost", "\"?\"");
    for (plain, escaped, known, host, status) in [
        ("notes/key", "notes/%6Bey", unknown, here, 200),
        ("notes/key", "notes/%6Bey", &*etag, here, 304),
        ("notes/key", "notes/%6Bey", unknown, "evil.example", 403),
        ("notes/other", "notes/%6Fther", unknown, here, 404),
        ("nothing/key", "nothing/%6Bey", unknown, here, 404),
        ("no!tes/key", "no!te%73/key", unknown, here, 400),
        ("notes/key?of=note", "notes/%6Bey?of=note", unknown, here, 200),
    ] {
        let (plain, escaped) = (ask(plain, known, host).await, ask(escaped, known, host).await);
        assert_eq!(plain.0, status);
        let path = |body: &str| body.replace("%6B", "k").replace("%6F", "o").replace("%73", "s");
        assert_eq!((plain.0, plain.1, path(&plain.2)), (escaped.0, escaped.1, path(&escaped.2)));
    }
    for (odd, status) in [("notes", 404), ("notes/", 404), ("/key", 400)] {
        assert_eq!(ask(odd, unknown, here).await.0, status, "{odd}");
    }
    service.stop().await;
}

#[tokio::test]
async fn targets_reach_what_they_say() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let check = async |target: serde_json::Value, left: &[&str]| {
        for key in ["AAPL:1", "AAPL:2", "IBM:1"] {
            let tag = &key[..key.len() - 2];
            let path = format!("/api/v1/cache/entries/notes/{key}?tags={tag}");
            assert_eq!(service.send(Method::PUT, &path, "v").await.status(), 204);
        }
        let answer = service.post("/api/v1/cache/invalidate", &target.to_string()).await;
        assert_eq!(answer.status(), 200, "{target}");
        let mut held = Vec::new();
        for key in ["AAPL:1", "AAPL:2", "IBM:1"] {
            let path = format!("/api/v1/cache/entries/notes/{key}");
            if service.get(&path).await.status() == 200 {
                held.push(key);
            }
        }
        assert_eq!(held, left, "{target}");
    };
    check(json!({ "tag": "AAPL" }), &["IBM:1"]).await;
    check(json!({ "namespace": "notes", "prefix": "AAPL:" }), &["IBM:1"]).await;
    check(json!({ "namespace": "notes", "glob": "*:1" }), &["AAPL:2"]).await;
    check(json!({ "namespace": "notes", "key": "AAPL:2" }), &["AAPL:1", "IBM:1"]).await;
    check(json!({ "namespace": "notes" }), &[]).await;
    service.stop().await;
}

#[tokio::test]
async fn an_expired_value_is_stale_within_its_grace_and_then_gone() {
    let dir = tempfile::tempdir().unwrap();
    let yaml = "policies: { notes: { stale_if_error: 1h }, strict: { stale_if_error: 0s } }";
    let service = Service::start(dir.path(), yaml).await;
    for namespace in ["notes", "strict"] {
        let path = format!("/api/v1/cache/entries/{namespace}/a");
        service.send(Method::PUT, &path, "v").await;
        let body = json!({ "namespace": namespace, "key": "a" }).to_string();
        assert_eq!(service.post("/api/v1/cache/expire", &body).await.status(), 200);
    }
    let stale = service.get("/api/v1/cache/entries/notes/a").await;
    assert_eq!(
        (stale.status().as_u16(), header(&stale, "x-spence-freshness")),
        (200, "stale".into())
    );
    assert_eq!(header(&stale, "x-spence-stale-reason"), "not-refreshed");
    assert_eq!(service.get("/api/v1/cache/entries/strict/a").await.status(), 404);
    service.stop().await;
}

#[tokio::test]
async fn statistics_metrics_and_health_tell_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    service.send(Method::PUT, NOTE, "v").await;
    service.get(NOTE).await;
    service.get(NOTE).await;
    service.get("/api/v1/cache/entries/notes/none").await;
    let stats = service.json("/api/v1/cache/stats").await;
    let notes = &stats["caches"]["notes"];
    assert_eq!(
        (&notes["hits"], &notes["misses"], &notes["total"]),
        (&json!(2), &json!(1), &json!(3))
    );
    assert_eq!(stats["total"]["hits"], 2);
    assert!(notes["disk_bytes"].as_u64() > Some(0));
    let metrics = service.get("/metrics").await.text().await.unwrap();
    let line = r#"cache_gets_total{cache="notes",tier="memory",result="hit"} 2"#;
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
    let health = service.json("/health").await;
    assert_eq!(
        (&health["status"], &health["tiers"]["disk"]["enabled"]),
        (&json!("ok"), &json!(true))
    );
    assert_eq!(health["origins"]["market"]["kind"], "demo-feed");
    let home = service.get("/").await;
    assert!(header(&home, "content-type").starts_with("text/html"));
    service.stop().await;
}
