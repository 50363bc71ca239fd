//! `spence explain`

use std::time::Duration;

use indicatif::HumanDuration;
use serde_json::Value;

use crate::args::{Common, Get};
use crate::client::{Client, segment};
use crate::exit::{Code, Failure};
use crate::render::{self, size};

pub(crate) async fn run(common: &Common, Get { namespace, key }: Get) -> anyhow::Result<()> {
    spence::key::check_text(&key)
        .map_err(|error| Failure::error(Code::Refused, error.to_string()))?;
    let path = format!("/api/v1/cache/explain/{}/{}", segment(&namespace)?, segment(&key)?);
    let client = Client::connect(common).await?;
    let answer = client.get(&path).await;
    client.close().await;
    let explanation = answer?.json()?;
    if common.json {
        return render::json(&explanation);
    }
    render::line(&format!("{namespace}/{key}"))?;
    // Few have a shared tier; whether it is away is for `/health` to say.
    let is_in_redis = explanation.get("redis").is_some_and(|held| !held.is_null());
    let tiers = ["memory", "disk", "redis"];
    for tier in tiers.into_iter().filter(|tier| is_in_redis || *tier != "redis") {
        render::line(&format!("  {tier:<8}{}", holding(explanation.get(tier))))?;
    }
    if let Some(ban) = explanation.get("banned_by").and_then(Value::as_str) {
        render::line(&format!("  banned  by {ban}"))?;
    }
    let miss = explanation.get("last_miss").filter(|miss| !miss.is_null());
    if let Some(miss) = miss {
        let text = |field| miss.get(field).and_then(Value::as_str).unwrap_or_default();
        render::line(&format!("  missed  last since it was {}, at {}", text("cause"), text("at")))?;
    }
    let settings = explanation.get("policy").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |setting: &Value, field| {
        setting.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    render::line("")?;
    let rows =
        settings.iter().map(|s| ["name", "value", "from"].map(|field| text(s, field)).into());
    render::words(&["policy", "value", "from"], rows.collect())
}

fn holding(holding: Option<&Value>) -> String {
    let Some(held) = holding.filter(|held| !held.is_null()) else { return "nothing".into() };
    let time = |field| {
        let seconds = held.get(field).and_then(Value::as_f64).unwrap_or(0.0);
        HumanDuration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
    };
    let state = held.get("state").and_then(Value::as_str).unwrap_or_default();
    let negative = held.get("negative").and_then(Value::as_bool) == Some(true);
    let bytes = held.get("size_bytes").and_then(Value::as_u64).unwrap_or(0);
    let tags = held.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
    let tags: Vec<_> = tags.iter().filter_map(Value::as_str).collect();
    let mut text = format!("{state}, {} old", time("age_seconds"));
    match state {
        "fresh" | "unverified" => {
            text.push_str(&format!(", fresh for {} more", time("fresh_for_seconds")));
        }
        "stale" => {
            text.push_str(&format!(", may stand in for {} more", time("gone_in_seconds")));
        }
        _ => {}
    }
    text.push_str(&format!(", {}", size(bytes)));
    if negative {
        text.push_str(", says that there is nothing");
    }
    if !tags.is_empty() {
        text.push_str(&format!(", tagged {}", tags.join(" ")));
    }
    text
}
