//! GET `/`: what is here, and the figures of the moment.

use axum::response::Html;

pub(crate) async fn page() -> Html<&'static str> {
    Html(include_str!("home.html"))
}
