//! The disk tier against heed (LMDB) and fjall: reads, writes, and what only a cache must do:
//! stay within a budget, reopen fast, forget many keys at once.

mod budget;
mod forget;
mod reopen;
mod stores;
mod throughput;

use clap::Parser;
use spence_benches::{Options, Report};

#[derive(Parser)]
#[command(about = "Measures the disk tier against heed and fjall, in the same run")]
struct Arguments {
    #[command(flatten)]
    options: Options,

    /// One part alone
    #[arg(long, value_name = "PART", value_parser = ["throughput", "budget", "reopen", "forget"])]
    only: Option<String>,

    /// Measures one store in this process; for the bench itself
    #[arg(long, hide = true, num_args = 2.., value_names = ["DIR", "NUMBER"])]
    reopen: Option<Vec<String>>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(reopen) = &arguments.reopen {
        return reopen::in_child(reopen);
    }
    let options = &arguments.options;
    let mut report = Report::new("disk", options);
    report.set("durability", "process: no fdatasync, as for heed (NO_SYNC) and fjall (buffered)");
    let wanted = |part: &str| arguments.only.as_deref().is_none_or(|only| only == part);
    if wanted("throughput") {
        throughput::measure(&mut report, options)?;
    }
    if wanted("budget") {
        budget::measure(&mut report, options)?;
    }
    if wanted("reopen") {
        reopen::measure(&mut report, options)?;
    }
    if wanted("forget") {
        forget::measure(&mut report, options)?;
    }
    report.print(options);
    Ok(())
}
