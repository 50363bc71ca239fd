//! What people read: tables, sizes, a line about where a value came from.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};

use crate::client::Answer;
use crate::exit::complain;

/// Prints to standard output; a reader that has gone (`| head`) is no error.
pub(crate) fn print(bytes: &[u8]) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Makes sure that what was printed has been taken.
pub(crate) fn flush() -> anyhow::Result<()> {
    match io::stdout().lock().flush() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result.context("standard output")?),
    }
}

/// Prints a line to standard output.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    print(format!("{text}\n").as_bytes())
}

/// Prints JSON, indented.
pub(crate) fn json(value: &serde_json::Value) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// A figure in JSON; `null` where it is not defined.
pub(crate) fn number(figure: f64) -> serde_json::Value {
    serde_json::Number::from_f64(figure).map_or(serde_json::Value::Null, Into::into)
}

/// A value of JSON in a cell of a table; nothing for what is not there.
pub(crate) fn cell(value: Option<&serde_json::Value>) -> String {
    match value {
        Some(serde_json::Value::String(text)) => text.clone(),
        None | Some(serde_json::Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// A table whose first column is text and whose others are numbers.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header).add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for text in table.lines() {
        line(text.trim_end())?;
    }
    Ok(())
}

/// A table of words.
pub(crate) fn words(header: &[&str], rows: Vec<Vec<String>>) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header).add_rows(rows);
    table.lines().try_for_each(|text| line(text.trim_end()))
}

/// Bytes as people say them.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or_default();
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {name}") }
}

/// Says on standard error, for people, where an answer came from.
pub(crate) fn provenance(what: &str, answer: &Answer) {
    let source = answer.header("x-spence-source").unwrap_or("unknown");
    let freshness = answer.header("x-spence-freshness").unwrap_or("unknown");
    let age = answer.header("age").unwrap_or("0");
    note(&format!("{what} from {source}, {freshness}, {age} s old"), freshness != "fresh");
    if let Some(reason) = answer.header("x-spence-stale-reason") {
        note(reason, true);
    }
    if answer.header("x-spence-origin") == Some("demo-feed") {
        note(
            "market data: built-in demo feed; set market.base_url or market.api_key for a real one",
            true,
        );
    }
}

/// A line on standard error; a warning is yellow on a terminal.
pub(crate) fn note(text: &str, is_warning: bool) {
    let style =
        match is_warning && io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
            true => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
            false => Style::new(),
        };
    complain(&format!("{style}{text}{style:#}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_powers_of_a_thousand() {
        let said: Vec<_> = [0, 999, 1_000, 1_234_567, 1_000_000_000].map(size).into();
        assert_eq!(said, ["0 B", "999 B", "1.0 kB", "1.2 MB", "1.0 GB"]);
    }
}
