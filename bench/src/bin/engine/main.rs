//! The memory tier against quick_cache, moka and foyer: hits, allocations, space, hit ratios.

mod hits;
mod ratios;
mod space;

use std::path::PathBuf;

use clap::Parser;
use spence_benches::{Options, Report};

#[derive(Parser)]
#[command(about = "Measures the memory tier against quick_cache, moka and foyer, in the same run")]
struct Arguments {
    #[command(flatten)]
    options: Options,

    /// One part alone
    #[arg(long, value_name = "PART", value_parser = ["hits", "space", "ratios"])]
    only: Option<String>,

    /// Directory of request traces
    #[arg(long, value_name = "DIR", env = "SPENCE_TRACES", default_value = "../shared/traces")]
    traces: PathBuf,

    /// Measures the space of one cache in this process; for the bench itself
    #[arg(long, hide = true, num_args = 2.., value_names = ["WHAT", "NUMBER"])]
    hold: Option<Vec<String>>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(hold) = &arguments.hold {
        return space::hold(hold);
    }
    let options = &arguments.options;
    let mut report = Report::new("engine", options);
    let wanted = |part: &str| arguments.only.as_deref().is_none_or(|only| only == part);
    if wanted("hits") {
        hits::measure(&mut report, options)?;
    }
    if wanted("space") {
        space::measure(&mut report, options)?;
    }
    if wanted("ratios") && !arguments.traces.is_dir() {
        let dir = arguments.traces.display();
        report
            .set("traces", format!("none at {dir}; --traces DIR names some: hit ratios left out"));
    } else if wanted("ratios") {
        ratios::measure(&mut report, options, &arguments.traces)?;
    }
    report.print(options);
    Ok(())
}
