//! `spence serve`

use anyhow::Context;
use spence_config::{Address, Layer, Settings};
use spence_server::{App, Origin};
use tokio::net::TcpListener;

use crate::args::{Common, Serve};
use crate::cmd::told_to_stop;
use crate::exit::{Code, Failure};
use crate::render;
use crate::settings;

pub(crate) async fn run(common: &Common, serve: Serve) -> anyhow::Result<()> {
    let mut flags = Layer::default();
    flags.server.listen = serve.listen.map(Address);
    let settings = settings::load_with(common, flags)?;
    let listen = settings.server.listen;
    // Before the directory is opened: whoever has the address has the directory too.
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::error(Code::Unavailable, format!("listen on {listen}: {error}"))
    })?;
    let address = listener.local_addr().context("address of the listener")?;
    let app = App::start(settings.clone()).await?;
    banner(&format!("http://{address}"), &app, &settings)?;
    let stop = async {
        if let Err(error) = told_to_stop().await {
            tracing::error!(%error, "signals: stopping");
        }
        render::note("stopping", false);
    };
    spence_server::serve(app, listener, stop).await.context("serve")
}

fn banner(url: &str, app: &App, settings: &Settings) -> anyhow::Result<()> {
    let memory = settings.memory.as_ref().map_or("off".into(), |m| render::size(m.budget));
    let disk = settings.disk.as_ref().map_or("off".into(), |disk| {
        format!("{} in {}", render::size(disk.budget), disk.dir.display())
    });
    let market = match app.origin() {
        Origin::DemoFeed(_) => {
            "built-in demo feed (neither market.base_url nor market.api_key is set)".to_owned()
        }
        Origin::Provider(url) => url.clone(),
    };
    render::line(&format!(
        "spence {} serves {url}\n  memory  {memory}\n  disk    {disk}\n  market  {market}\n\
         Try\n  \
         curl -si '{url}/api/v1/market/bars/AAPL?bars=90&end=2012-06-29'\n  \
         curl -s {url}/api/v1/cache/stats\n  \
         curl -s {url}/api/v1/cache/expire -d '{{\"tag\": \"AAPL\"}}'\n\
         or open {url} in a browser. Stop with Ctrl-C.",
        env!("CARGO_PKG_VERSION")
    ))
}
