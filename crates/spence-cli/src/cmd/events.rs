//! `spence events`

use axum::http::Method;
use bytes::Bytes;
use serde_json::Value;

use crate::args::Common;
use crate::client::Client;
use crate::cmd::told_to_stop;
use crate::render;

pub(crate) async fn run(common: &Common) -> anyhow::Result<()> {
    let client = Client::server(common).await?;
    let json = common.json;
    let events = client.lines(Method::GET, "/api/v1/events", Bytes::new(), |line| {
        match line.strip_prefix("data: ") {
            Some(data) if json => render::line(data),
            Some(data) => render::line(&told(&serde_json::from_str(data)?)),
            None => Ok(()),
        }
    });
    tokio::select! {
        ended = events => ended,
        stopped = told_to_stop() => Ok(stopped?),
    }
}

fn told(event: &Value) -> String {
    let text = |field| event.get(field).and_then(Value::as_str).unwrap_or_default();
    let line = format!(
        "{}  {:<16} {:<16} {:<17} {}",
        text("at"),
        text("what"),
        text("cache"),
        text("key_hash"),
        text("detail")
    );
    line.trim_end().to_owned()
}
