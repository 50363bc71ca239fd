//! `spence set`

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use bytes::Bytes;
use serde_json::json;

use crate::args::{Common, Set};
use crate::client::{Client, encode, entry_path};
use crate::exit::{Code, Failure};
use crate::render;

pub(crate) async fn run(common: &Common, set: Set) -> anyhow::Result<()> {
    let Set { namespace, key, value, file, ttl, tags, content_type } = set;
    let value: Bytes = match (value, file) {
        (Some(value), _) => value.into(),
        (None, Some(file)) => read(&file)?.into(),
        (None, None) => Bytes::new(),
    };
    let mut path = entry_path(&namespace, &key)? + "?";
    if let Some(ttl) = ttl {
        let unit = if ttl.0.subsec_nanos() == 0 { "s" } else { "ms" };
        let count = if unit == "s" { u128::from(ttl.0.as_secs()) } else { ttl.0.as_millis() };
        path.push_str(&format!("ttl={count}{unit}&"));
    }
    if tags.iter().any(|tag| tag.trim().is_empty()) {
        return Err(Failure::error(Code::Refused, "tag: must not be empty"));
    }
    if let Some(comma) = tags.iter().find(|tag| tag.contains(',')) {
        return Err(Failure::error(
            Code::Refused,
            format!("tag {comma:?}: must not contain a comma"),
        ));
    }
    if !tags.is_empty() {
        path.push_str(&format!("tags={}", encode(&tags.join(","))));
    }
    let mut headers = HeaderMap::new();
    if let Some(content_type) = content_type {
        let value = HeaderValue::from_str(&content_type)
            .map_err(|_| Failure::error(Code::Refused, "content type: is no header value"))?;
        headers.insert(header::CONTENT_TYPE, value);
    }
    let bytes = value.len() as u64;
    let client = Client::connect(common).await?;
    if client.keeps_nothing() {
        client.close().await;
        let message = "disk.enabled is false and no server answers: nothing would keep the value";
        return Err(Failure::error(Code::Unavailable, message));
    }
    let answer = client.send(Method::PUT, &path, headers, value).await;
    client.close().await;
    let answer = answer?;
    if common.json {
        let etag = answer.header("etag");
        return render::json(
            &json!({ "namespace": namespace, "key": key, "bytes": bytes, "etag": etag }),
        );
    }
    render::line(&format!("put {} under {namespace}/{key}", render::size(bytes)))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut value = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut value).context("read standard input")?;
        return Ok(value);
    }
    std::fs::read(file)
        .map_err(|error| Failure::error(Code::Refused, format!("read {}: {error}", file.display())))
}
