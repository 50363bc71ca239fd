//! Logging to standard error.

use std::io::IsTerminal;
use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::exit::complain;

/// Starts logging at what the flag says, else `$SPENCE_LOG`, else warnings.
pub(crate) fn start(flag: Option<&str>) {
    let variable = std::env::var("SPENCE_LOG").ok();
    let asked = flag.or(variable.as_deref()).unwrap_or("warn");
    let targets = Targets::from_str(asked).unwrap_or_else(|error| {
        complain(&format!("spence: log: {asked:?}: {error}; logging warnings"));
        Targets::new().with_default(LevelFilter::WARN)
    });
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(terminal);
    tracing_subscriber::registry().with(lines).with(targets).init();
}
