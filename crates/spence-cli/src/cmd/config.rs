//! `spence config`

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use serde_json::{Value, json};
use spence_config::{Explained, import};

use crate::args::{Common, Config};
use crate::client::Client;
use crate::exit::{Code, Failure};
use crate::render;
use crate::settings;

pub(crate) async fn run(common: &Common, config: Config) -> anyhow::Result<()> {
    match config {
        Config::Check => {
            settings::load(common)?;
            match common.json {
                true => render::json(&json!({ "ok": true })),
                false => render::line("the configuration is right"),
            }
        }
        Config::Explain { setting } => explain(common, setting.as_deref()),
        Config::Import { file } => {
            let text = std::fs::read_to_string(&file).map_err(|error| {
                Failure::error(Code::Refused, format!("read {}: {error}", file.display()))
            })?;
            render::print(import(&text, &file.display().to_string())?.as_bytes())
        }
        Config::Defaults => render::print(spence_config::DEFAULTS.as_bytes()),
        Config::Reload => reload(common).await,
    }
}

fn explain(common: &Common, setting: Option<&str>) -> anyhow::Result<()> {
    let asked = setting.unwrap_or_default();
    let all = settings::sources(common)?.explain()?;
    let covers = |name: &str| {
        name.strip_prefix(asked)
            .is_some_and(|rest| asked.is_empty() || rest.is_empty() || rest.starts_with('.'))
    };
    let found: Vec<&Explained> = all.iter().filter(|explained| covers(&explained.name)).collect();
    if found.is_empty() {
        let message = format!("no setting {asked}; `spence config explain` lists all");
        return Err(Failure::error(Code::NothingThere, message));
    }
    if common.json {
        let rows: Vec<_> = found
            .iter()
            .map(|e| json!({ "setting": e.name, "value": e.value, "from": e.from }))
            .collect();
        return render::json(&Value::Array(rows));
    }
    let rows = found.iter().map(|e| vec![e.name.clone(), e.value.clone(), e.from.clone()]);
    render::words(&["setting", "value", "from"], rows.collect())
}

async fn reload(common: &Common) -> anyhow::Result<()> {
    let client = Client::server(common).await?;
    let path = "/api/v1/config/reload";
    let answer = client.send(Method::POST, path, HeaderMap::new(), Bytes::new()).await?.json()?;
    if common.json {
        return render::json(&answer);
    }
    let changed = answer.get("changed").and_then(Value::as_array).cloned().unwrap_or_default();
    let changed: Vec<_> = changed.iter().filter_map(Value::as_str).collect();
    match changed.as_slice() {
        [] => render::line("nothing is different"),
        names => render::line(&format!("changed: {}", names.join(", "))),
    }
}
