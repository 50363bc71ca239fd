//! Who may call the service.
//!
//! With a token, whoever has it. Without one, this machine: the service then listens on loopback
//! only, and since every page in a browser can reach loopback too, requests made by a page of
//! another origin are refused, and so are those that call the machine by a foreign name (which is
//! how a page reaches it under its own origin).

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::app::App;
use crate::error::ApiError;
use crate::routes;

/// Refuses whoever may not call.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    match refusal(&app, request.headers(), request.uri()) {
        None => next.run(request).await,
        Some(refusal) => refusal,
    }
}

/// What a request is answered that may not come in.
pub(crate) fn refusal(app: &App, headers: &HeaderMap, uri: &Uri) -> Option<Response> {
    let error = may_call(app, headers, uri, uri.path() == "/health").err()?;
    let unauthorized = error.status() == StatusCode::UNAUTHORIZED;
    let mut response = error.into_response();
    if unauthorized {
        let bearer = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
    }
    Some(response)
}

/// `is_health`: whether it is asked for the health, which needs no token.
fn may_call(app: &App, headers: &HeaderMap, uri: &Uri, is_health: bool) -> Result<(), ApiError> {
    let server = &app.settings().server;
    if let Some(token) = &server.token {
        if is_health {
            return Ok(());
        }
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.split_once(' '));
        let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"));
        let given = given.map(|(_, token)| token);
        return match given {
            Some(given) if same(given.trim().as_bytes(), token.reveal().as_bytes()) => Ok(()),
            Some(_) => Err(ApiError::new(StatusCode::UNAUTHORIZED, "this is not the token")),
            None => Err(ApiError::new(
                StatusCode::UNAUTHORIZED,
                "a token is needed: Authorization: Bearer ...",
            )),
        };
    }
    // A request can name its server more than once. Browsers always do.
    let names = || {
        let hosts = headers.get_all(header::HOST).iter();
        let hosts = hosts.map(|name| name.to_str().unwrap_or_default());
        hosts.chain(uri.authority().map(Authority::as_str))
    };
    let host = names().next();
    if let Some(foreign) = names().find(|name| !is_this_machine(name)) {
        let message = format!("the service is not called {:?} here", brief(foreign));
        return Err(ApiError::new(StatusCode::FORBIDDEN, message));
    }
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    match origin {
        Some(origin)
            if !is_own(origin, host) && !server.allow_origins.iter().any(|o| o == origin) =>
        {
            let message = format!(
                "pages of {:?} may not call; server.allow_origins lists those that may",
                brief(origin)
            );
            Err(ApiError::new(StatusCode::FORBIDDEN, message))
        }
        _ => Ok(()),
    }
}

/// Whether a Host header names loopback.
fn is_this_machine(host: &str) -> bool {
    // As nearly everyone calls it.
    if let Some((name, port)) = host.split_once(':')
        && matches!(name, "127.0.0.1" | "localhost")
        && port.parse::<u16>().is_ok()
    {
        return true;
    }
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    match name.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

/// Whether a page of ours makes the request.
fn is_own(origin: &str, host: Option<&str>) -> bool {
    origin.strip_prefix("http://").is_some_and(|own| Some(own) == host)
}

/// Compares in a time that does not tell how much of it is right.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |odd, (a, b)| odd | (a ^ b)) == 0
}

fn brief(text: &str) -> String {
    text.chars().take(100).collect()
}

/// What browsers are told about calls from pages of other origins.
pub(crate) fn cors(app: &App) -> CorsLayer {
    let settings = app.settings();
    let allowed = settings.server.allow_origins.iter();
    let allowed: Vec<HeaderValue> = allowed.filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(allowed))
        .allow_methods([Method::GET, Method::PUT, Method::POST, Method::DELETE])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            header::IF_NONE_MATCH,
            crate::edge::CORRELATION_ID,
        ])
        .expose_headers([
            routes::X_SPENCE_SOURCE,
            routes::X_SPENCE_FRESHNESS,
            routes::X_SPENCE_STALE_REASON,
            routes::X_SPENCE_VERIFIED,
            routes::X_SPENCE_KEY,
            routes::X_SPENCE_ORIGIN,
            routes::acg::X_SPENCE_TAG,
            header::AGE,
            header::ETAG,
            crate::edge::CORRELATION_ID,
        ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_few_names() {
        for own in ["127.0.0.1:8321", "localhost", "LOCALHOST:1", "[::1]:8321", "127.3.4.5"] {
            assert!(is_this_machine(own), "{own}");
        }
        for foreign in ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:8321", "", "a b"] {
            assert!(!is_this_machine(foreign), "{foreign}");
        }
        assert!(is_own("http://127.0.0.1:8321", Some("127.0.0.1:8321")));
        assert!(!is_own("http://127.0.0.1:9", Some("127.0.0.1:8321")));
        assert!(same(b"abc", b"abc") && !same(b"abc", b"abd") && !same(b"abc", b"ab"));
    }
}
