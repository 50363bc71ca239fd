//! The `spence` command.

mod args;
mod client;
mod cmd;
mod dates;
mod exit;
mod files;
mod log;
mod render;
mod settings;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return exit::wrong_usage(&error),
    };
    log::start(args.log.as_deref());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = anyhow::Error::new(error).context("start the runtime");
            return exit::report(&error, args.common.json);
        }
    };
    let json = args.common.json;
    match runtime.block_on(run(args)) {
        Ok(()) => match render::flush() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => exit::report(&error, json),
        },
        Err(error) => exit::report(&error, json),
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let Args { common, command, .. } = args;
    match command {
        Command::Serve(serve) => cmd::serve::run(&common, serve).await,
        Command::Get(get) => cmd::get::run(&common, get).await,
        Command::Set(set) => cmd::set::run(&common, set).await,
        Command::Invalidate(target) => cmd::outdate::invalidate(&common, target).await,
        Command::Expire(target) => cmd::outdate::expire(&common, target).await,
        Command::Clear(clear) => cmd::outdate::clear(&common, clear).await,
        Command::Explain(get) => cmd::explain::run(&common, get).await,
        Command::Warm(warm) => cmd::warm::run(&common, warm).await,
        Command::Events => cmd::events::run(&common).await,
        Command::Config(config) => cmd::config::run(&common, config).await,
        Command::Stats => cmd::stats::run(&common).await,
        Command::Bars(bars) => cmd::bars::run(&common, bars).await,
        Command::Market(market) => cmd::market::run(&common, market).await,
        Command::Calendar(calendar) => cmd::calendar::run(&common, &calendar),
        Command::Scan(scan) => cmd::scan::run(&common, &scan).await,
        Command::Indicators(indicators) => cmd::indicators::run(&common, &indicators),
        Command::Acg(acg) => cmd::acg::run(&common, &acg),
        Command::Feed(feed) => cmd::feed::run(feed).await,
    }
}
