//! The service over a real socket, as curl would see it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod access;
mod acg;
mod ask;
mod data;
mod entries;
mod errors;
mod market;
mod scan;

use std::path::Path;

use reqwest::{Method, Response};
use serde_json::Value;
use spence_config::{Layer, Settings, Sources};
use spence_server::App;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running service with its own directory.
struct Service {
    base: String,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
    client: reqwest::Client,
}

fn settings(dir: &Path, yaml: &str) -> Settings {
    let mut file = Layer::from_yaml(yaml, "test").unwrap();
    file.disk.dir = Some(dir.to_owned());
    Sources { file: Some(file), ..Sources::default() }.resolve().unwrap()
}

impl Service {
    async fn start(dir: &Path, yaml: &str) -> Self {
        let app = App::start(settings(dir, yaml)).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let until = async move { drop(stopped.await) };
        let ended = tokio::spawn(spence_server::serve(app, listener, until));
        Self { base, stop, ended, client: reqwest::Client::new() }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
    }

    async fn send(&self, method: Method, path: &str, body: impl Into<reqwest::Body>) -> Response {
        let url = format!("{}{path}", self.base);
        self.client.request(method, url).body(body).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, "").await
    }

    async fn post(&self, path: &str, body: &str) -> Response {
        self.send(Method::POST, path, body.to_owned()).await
    }

    async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}
