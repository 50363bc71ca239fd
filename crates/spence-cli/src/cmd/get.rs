//! `spence get`

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::args::{Common, Get};
use crate::client::{Client, entry_path};
use crate::render;

pub(crate) async fn run(common: &Common, Get { namespace, key }: Get) -> anyhow::Result<()> {
    let path = entry_path(&namespace, &key)?;
    let client = Client::connect(common).await?;
    let answer = client.get(&path).await;
    client.close().await;
    let answer = answer?;
    if !common.json {
        if answer.header("x-spence-freshness") != Some("fresh") {
            render::provenance(&format!("{namespace}/{key}"), &answer);
        }
        return render::print(&answer.body);
    }
    let (field, value) = match std::str::from_utf8(&answer.body) {
        Ok(text) => ("value", text.to_owned()),
        Err(_) => ("value_base64", STANDARD.encode(&answer.body)),
    };
    render::json(&json!({
        "namespace": namespace,
        "key": key,
        "source": answer.header("x-spence-source"),
        "freshness": answer.header("x-spence-freshness"),
        "age_seconds": answer.header("age").and_then(|age| age.parse::<u64>().ok()),
        "content_type": answer.header("content-type"),
        field: value,
    }))
}
