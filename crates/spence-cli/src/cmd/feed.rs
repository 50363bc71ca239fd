//! `spence feed`

use spence_feed::FeedOptions;

use crate::args::Feed;
use crate::cmd::told_to_stop;
use crate::exit::{Code, Failure};
use crate::render;

pub(crate) async fn run(feed: Feed) -> anyhow::Result<()> {
    let Feed { listen, latency, rate, fault, page, symbols, seed, key } = feed;
    if !listen.ip().is_loopback() {
        let message = format!(
            "--listen {listen}: the feed is for this machine only; expected a loopback address"
        );
        return Err(Failure::error(Code::Refused, message));
    }
    let options = FeedOptions {
        latency: latency.0,
        calls_per_second: rate,
        faults: fault.clone(),
        page_rows: page.map(std::num::NonZeroUsize::get),
        symbols,
        seed,
        api_key: key,
        ..FeedOptions::default()
    };
    let running = spence_feed::Feed::start(listen, options).await.map_err(|error| {
        Failure::error(Code::Unavailable, format!("listen on {listen}: {error}"))
    })?;
    let url = running.base_url();
    let rate = rate.map_or("unlimited".to_owned(), |rate| format!("{rate} a second"));
    render::line(&format!(
        "spence feed serves {url}\n  latency {:?}, calls {rate}, seed {seed}\n\
         Try\n  \
         curl -s '{url}/v2/aggs/ticker/AAPL/range/1/day/2012-06-25/2012-06-29?adjusted=false'\n  \
         curl -s {url}/__feed/calls\n  \
         SPENCE__MARKET__BASE_URL={url} spence serve\n\
         Stop with Ctrl-C.",
        latency.0
    ))?;
    if !fault.is_empty() {
        let faults: Vec<_> = fault.iter().map(ToString::to_string).collect();
        render::note(&format!("with faults: {}", faults.join(" ")), true);
    }
    told_to_stop().await?;
    render::note(&format!("{} calls were made", running.calls().total()), false);
    Ok(())
}
