//! Who may call the service.

use reqwest::Method;
use spence_config::{Layer, Sources};

use crate::{Service, header};

const STATS: &str = "/api/v1/cache/stats";

impl Service {
    async fn status(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(r#"{"namespace": "notes"}"#).send().await.unwrap();
        assert!(header(&response, "server").starts_with("spence/"));
        response.status().as_u16()
    }
}

#[tokio::test]
async fn with_a_token_everything_but_health_needs_it() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "server: { token: open-sesame }").await;
    let status = async |path, headers: &[_]| service.status(Method::GET, path, headers).await;
    assert_eq!(status("/health", &[]).await, 200);
    for path in [STATS, "/", "/metrics", "/api/v1/cache/entries/a/b", "/nothing"] {
        assert_eq!(status(path, &[]).await, 401, "{path}");
        assert_eq!(status(path, &[("authorization", "Bearer open-sesam")]).await, 401);
        assert_eq!(status(path, &[("authorization", "Basic open-sesame")]).await, 401);
    }
    assert_eq!(status(STATS, &[("authorization", "Bearer open-sesame")]).await, 200);
    assert_eq!(status(STATS, &[("authorization", "bearer open-sesame")]).await, 200);
    let refused = service.get(STATS).await;
    assert_eq!(header(&refused, "www-authenticate"), "Bearer");
    assert_eq!(header(&refused, "content-type"), "application/json");
    service.stop().await;
}

#[tokio::test]
async fn without_a_token_pages_of_others_may_not_call() {
    let dir = tempfile::tempdir().unwrap();
    let yaml = "server: { allow_origins: ['https://charts.example'] }";
    let service = Service::start(dir.path(), yaml).await;
    let invalidate = "/api/v1/cache/invalidate";
    let status = async |headers: &[_]| service.status(Method::POST, invalidate, headers).await;
    assert_eq!(status(&[]).await, 200);
    assert_eq!(status(&[("host", "evil.example")]).await, 403, "a name that leads here");
    let twice = [("host", "localhost"), ("host", "evil.example")];
    assert_eq!(status(&twice).await, 403, "or another beside it");
    assert_eq!(status(&[("origin", "http://evil.example")]).await, 403);
    assert_eq!(status(&[("origin", "null")]).await, 403);
    assert_eq!(status(&[("origin", "https://charts.example")]).await, 200);
    assert_eq!(status(&[("origin", &service.base)]).await, 200, "its own page");

    let asked = |origin| {
        let url = format!("{}{STATS}", service.base);
        let request = service.client.request(Method::OPTIONS, url).header("origin", origin);
        request.header("access-control-request-method", "GET").send()
    };
    let allowed = asked("https://charts.example").await.unwrap();
    assert_eq!(header(&allowed, "access-control-allow-origin"), "https://charts.example");
    let refused = asked("https://evil.example").await.unwrap();
    assert_eq!(header(&refused, "access-control-allow-origin"), "");
    service.stop().await;
}

#[test]
fn other_machines_are_served_only_with_a_token() {
    let resolve = |yaml| {
        let file = Some(Layer::from_yaml(yaml, "test").unwrap());
        Sources { file, ..Sources::default() }.resolve()
    };
    assert!(resolve("server: { listen: 0.0.0.0:8321 }").is_err());
    assert!(resolve("server: { listen: 0.0.0.0:8321, token: t }").is_ok());
}

#[tokio::test]
async fn an_address_makes_as_many_requests_as_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "server: { rate_limit: 2 }").await;
    let mut refused = None;
    for _ in 0..50 {
        let answer = service.get("/health").await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("50 requests take less than 24 seconds");
    assert_eq!(header(&refused, "retry-after"), "1");
    let body: serde_json::Value = refused.json().await.unwrap();
    assert!(body["message"].as_str().unwrap().starts_with("2 requests a second"), "{body}");
    service.stop().await;
}
