//! `spence serve`

use anyhow::Context;
use spence_config::{Address, ConfigError, Layer, Settings};
use spence_server::{App, Origin};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Common, Serve};
use crate::cmd::told_to_stop;
use crate::exit::{Code, Failure};
use crate::render;
use crate::settings;

pub(crate) async fn run(common: &Common, serve: Serve) -> anyhow::Result<()> {
    let mut flags = Layer::default();
    flags.server.listen = serve.listen.map(Address);
    let settings = settings::load_with(common, flags.clone())?;
    let listen = settings.server.listen;
    // Before the directory is opened: whoever has the address has the directory too.
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::error(Code::Unavailable, format!("listen on {listen}: {error}"))
    })?;
    let address = listener.local_addr().context("address of the listener")?;
    let again = (common.clone(), flags);
    let reloader = move || {
        let (common, flags) = &again;
        // Errors of ours are about the configuration, or about reading it.
        settings::load_with(common, flags.clone())
            .map_err(|error| ConfigError::new(format!("{error:#}")))
    };
    let app = App::start_with(settings.clone(), reloader).await?;
    tokio::spawn(reload_on_hangup(app.clone()));
    banner(&format!("http://{address}"), &app, &settings)?;
    let stop = async {
        if let Err(error) = told_to_stop().await {
            tracing::error!(%error, "signals: stopping");
        }
        render::note("stopping", false);
    };
    spence_server::serve(app, listener, stop).await.context("serve")
}

/// Reads the configuration again at each SIGHUP.
async fn reload_on_hangup(app: App) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    while hangup.recv().await.is_some() {
        match app.reload().await {
            Ok(changed) if changed.is_empty() => {
                render::note("reloaded: nothing is different", false)
            }
            Ok(changed) => render::note(&format!("reloaded: {}", changed.join(", ")), false),
            Err(error) => render::note(&format!("not reloaded: {error}"), true),
        }
    }
}

fn banner(url: &str, app: &App, settings: &Settings) -> anyhow::Result<()> {
    let memory = settings.memory.as_ref().map_or("off".into(), |m| render::size(m.budget));
    let disk = settings.disk.as_ref().map_or("off".into(), |disk| {
        format!("{} in {}", render::size(disk.budget), disk.dir.display())
    });
    let redis = match &settings.redis {
        None => "off: this node is alone".to_owned(),
        Some(redis) => match app.spence().stats().redis.and_then(|redis| redis.away) {
            None => format!("connected, prefix {}", redis.prefix),
            Some(why) => format!("away ({why}); served without it until it is there"),
        },
    };
    let market = match app.origin() {
        Origin::DemoFeed(_) => {
            "built-in demo feed (no provider is set: market.base_url, market.api_key or providers)"
                .to_owned()
        }
        Origin::Providers(those) => {
            let each: Vec<_> = those.iter().map(|(name, url)| format!("{name} {url}")).collect();
            each.join(", ")
        }
    };
    render::line(&format!(
        "spence {} serves {url}\n  memory  {memory}\n  disk    {disk}\n  redis   {redis}\n  market  {market}\n\
         Try\n  \
         curl -si '{url}/api/v1/market/bars/AAPL?bars=90&end=2012-06-29'\n  \
         curl -s {url}/api/v1/cache/stats\n  \
         curl -s {url}/api/v1/cache/expire -d '{{\"tag\": \"AAPL\"}}'\n\
         or open {url} in a browser. Stop with Ctrl-C.",
        env!("CARGO_PKG_VERSION")
    ))
}
