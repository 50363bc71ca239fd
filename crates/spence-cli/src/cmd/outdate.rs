//! `spence invalidate` and `spence expire`

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::args::{Clear, Common, Target};
use crate::client::Client;
use crate::exit::{Code, Failure};
use crate::render;

pub(crate) async fn invalidate(common: &Common, target: Target) -> anyhow::Result<()> {
    run(common, "invalidate", "invalidated", target).await
}

pub(crate) async fn expire(common: &Common, target: Target) -> anyhow::Result<()> {
    run(common, "expire", "expired", target).await
}

pub(crate) async fn clear(common: &Common, Clear { dry_run, yes }: Clear) -> anyhow::Result<()> {
    let mut body = Map::new();
    body.insert("everything".into(), true.into());
    flag(&mut body, "dry_run", dry_run);
    flag(&mut body, "yes", yes);
    send(common, "invalidate", "cleared", "everything in all namespaces", body).await
}

async fn run(common: &Common, verb: &str, done: &str, target: Target) -> anyhow::Result<()> {
    let what = describe(&target);
    let Target { namespace, key, tag, prefix, glob, dry_run, yes } = target;
    let given =
        [("namespace", namespace), ("key", key), ("tag", tag), ("prefix", prefix), ("glob", glob)];
    let mut body: Map<String, Value> = given
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
        .collect();
    flag(&mut body, "dry_run", dry_run);
    flag(&mut body, "yes", yes);
    send(common, verb, done, &what, body).await
}

fn flag(body: &mut Map<String, Value>, name: &str, set: bool) {
    if set {
        body.insert(name.into(), true.into());
    }
}

async fn send(
    common: &Common,
    verb: &str,
    done: &str,
    what: &str,
    body: Map<String, Value>,
) -> anyhow::Result<()> {
    let client = Client::connect(common).await?;
    let body = Bytes::from(serde_json::to_vec(&body)?);
    let path = format!("/api/v1/cache/{verb}");
    let answer = client.send(Method::POST, &path, HeaderMap::new(), body).await;
    let keeps_nothing = client.keeps_nothing();
    client.close().await;
    let reached = answer?.json()?;
    let durable = reached.get("durable").and_then(Value::as_bool);
    if keeps_nothing && durable == Some(false) {
        let message = "redis is away, disk.enabled is false and no server answers: \
                       nobody would be told of it";
        return Err(Failure::error(Code::Unavailable, message));
    }
    if common.json {
        return render::json(&reached);
    }
    if let Some(reach) = reached.get("would_reach") {
        let count = |field| reach.get(field).and_then(Value::as_u64).unwrap_or(0);
        let exact = reach.get("exact").and_then(Value::as_bool) == Some(true);
        let about = if exact { "" } else { "about " };
        return render::line(&format!(
            "would reach {what}: {} in memory, {about}{} on disk",
            count("memory_entries"),
            count("disk_entries")
        ));
    }
    let scope = reached.get("scope").and_then(Value::as_str).unwrap_or("unknown");
    let place = match durable {
        Some(true) => ", on disk",
        Some(false) => ", in the server's memory",
        None => "",
    };
    render::line(&format!("{done} {what} (scope: {scope}{place})"))
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
