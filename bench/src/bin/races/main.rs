//! What happens when things go wrong at the same time: an invalidation passes a running fill, the
//! caller who began a fill goes away, fills fail, a fill panics. Counts, not times: how often an
//! old value was served after its invalidation had returned, and how often the origin was asked.

mod contenders;
mod nodes;
mod scenarios;
mod shared;

use clap::Parser;
use contenders::Contender;
use nodes::Library;
use scenarios::{CALLERS, Scenario};
use spence_benches::peers::Peers;
use spence_benches::report::Row;
use spence_benches::{Options, Report, Target};

/// The most trials with two nodes: some peers wait for seconds when the server is away.
const MOST_OF_TWO: usize = 50;

#[derive(Parser)]
#[command(
    about = "Counts stale answers and origin calls when fills, invalidations, cancellations \
                   and failures meet: Spence, moka, foyer, quick_cache, multi-tier-cache"
)]
struct Arguments {
    #[command(flatten)]
    options: Options,

    /// Trials of each scenario with each cache, at most 50 on two nodes [default: 200, or 40 with
    /// --quick]
    #[arg(long, value_name = "N")]
    trials: Option<usize>,

    /// Only this part
    #[arg(long, value_enum)]
    only: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// One node
    One,
    /// Two nodes on a Redis server; installs peers by pip and npm
    Two,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let options = &arguments.options;
    let trials = arguments.trials.unwrap_or(options.sized(40, 200)).max(1);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // The panics of this bench are its own.
    std::panic::set_hook(Box::new(|_| {}));
    let mut report = Report::new("races", options);
    report.set("trials", trials);
    report.set("callers", CALLERS);
    if arguments.only != Some(Part::Two) {
        runtime.block_on(one_node(trials, &mut report))?;
    }
    if arguments.only != Some(Part::One) {
        let trials = trials.min(MOST_OF_TWO);
        report.set("trials of two nodes", trials);
        runtime.block_on(two_nodes(trials, &mut report))?;
    }
    report.print(options);
    Ok(())
}

async fn one_node(trials: usize, report: &mut Report) -> anyhow::Result<()> {
    for scenario in Scenario::ALL {
        let spence = scenario.count(&Contender::spence().await?, trials).await?;
        for peer in Contender::peers()? {
            let counted = scenario.count(&peer, trials).await?;
            let row = Row::told(scenario.name(), spence, scenario.unit());
            let target = Target::AtMost(scenario.possible());
            report.row(row.beside(peer.name(), counted).to_reach(target));
        }
    }
    Ok(())
}

async fn two_nodes(trials: usize, report: &mut Report) -> anyhow::Result<()> {
    let peers = Peers::here();
    for scenario in shared::Scenario::ALL {
        let spence = scenario.count(Library::Spence, trials, &peers).await?;
        for peer in Library::PEERS {
            let row = Row::told(scenario.name(), spence, "of trials");
            match scenario.count(peer, trials, &peers).await {
                Ok(counted) => {
                    report.row(row.beside(peer.name(), counted).to_reach(Target::AtMost(0.0)));
                }
                Err(error) => report.set(peer.name(), format!("not measured: {error:#}")),
            }
        }
    }
    Ok(())
}
