//! `spence invalidate` and `spence expire`

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::args::{Common, Target};
use crate::client::Client;
use crate::render;

pub(crate) async fn invalidate(common: &Common, target: Target) -> anyhow::Result<()> {
    run(common, "invalidate", "invalidated", target).await
}

pub(crate) async fn expire(common: &Common, target: Target) -> anyhow::Result<()> {
    run(common, "expire", "expired", target).await
}

async fn run(common: &Common, verb: &str, done: &str, target: Target) -> anyhow::Result<()> {
    let what = describe(&target);
    let Target { namespace, key, tag, prefix, glob } = target;
    let given =
        [("namespace", namespace), ("key", key), ("tag", tag), ("prefix", prefix), ("glob", glob)];
    let body: Map<String, Value> = given
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
        .collect();
    let client = Client::connect(common).await?;
    let body = Bytes::from(serde_json::to_vec(&body)?);
    let path = format!("/api/v1/cache/{verb}");
    let answer = client.send(Method::POST, &path, HeaderMap::new(), body).await;
    client.close().await;
    let reached = answer?.json()?;
    if common.json {
        return render::json(&reached);
    }
    let scope = reached.get("scope").and_then(Value::as_str).unwrap_or("unknown");
    render::line(&format!("{done} {what} (scope: {scope})"))
}

fn describe(target: &Target) -> String {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    match target {
        Target { tag: Some(tag), .. } => format!("everything tagged {tag}"),
        Target { key: Some(key), .. } => format!("{namespace}/{key}"),
        Target { prefix: Some(prefix), .. } => {
            format!("all of {namespace} that begins with {prefix}")
        }
        Target { glob: Some(glob), .. } => format!("all of {namespace} that matches {glob}"),
        _ => format!("all of {namespace}"),
    }
}
