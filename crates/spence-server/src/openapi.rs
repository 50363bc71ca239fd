//! GET `/openapi.json`: the API in the form that other programs read.

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::OpenApi;

use crate::routes::{
    acg, config, data, entries, explain, health, market, outdate, quality, scan, stats, warm,
};

/// The document; its parts stand at the handlers and the types of `wire.rs`.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "spence",
        description = "A cache for what is expensive to get: memory, then disk, then Redis, then the origin."
    ),
    paths(
        health::health,
        stats::metrics,
        stats::stats,
        entries::get,
        entries::put,
        entries::delete,
        outdate::invalidate,
        outdate::expire,
        explain::explain,
        explain::events,
        warm::warm,
        config::reload,
        acg::lines,
        acg::lines_of_query,
        acg::batch,
        acg::animate,
        acg::features,
        acg::schema,
        acg::status,
        market::bars,
        data::data,
        data::status,
        data::types,
        quality::quality,
        scan::scan,
    )
)]
struct Document;

/// The document as indented JSON.
pub(crate) fn text() -> String {
    Document::openapi().to_pretty_json().unwrap_or_default()
}

pub(crate) async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The API as it was last looked at. `SPENCE_WRITE_GOLDEN=1` writes it anew.
    #[test]
    fn the_document_is_the_golden_one_and_knows_every_path() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        if std::env::var_os("SPENCE_WRITE_GOLDEN").is_some() {
            std::fs::write(golden, text() + "\n").unwrap();
        }
        let told = std::fs::read_to_string(golden).unwrap();
        let now = text();
        let differs = now.lines().zip(told.lines()).find(|(now, then)| now != then);
        assert!(told.trim_end() == now, "the first line that differs: {differs:?}");
        for line in include_str!("router.rs").lines() {
            let Some(path) = line
                .trim()
                .strip_prefix(".route(\"")
                .or_else(|| line.trim().strip_prefix('"').filter(|line| line.starts_with("/api")))
            else {
                continue;
            };
            let path = path.split('"').next().unwrap_or_default().replace("{*", "{");
            let described = text().contains(&format!("\"{path}\": {{"));
            assert!(described || ["/", "/openapi.json"].contains(&path.as_str()), "{path}");
        }
    }
}
