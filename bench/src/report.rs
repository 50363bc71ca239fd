//! What a bench answers with: a table for people, or one JSON object.

use comfy_table::presets;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::rounds::Measured;
use crate::{Options, machine};

/// A measured figure, with a peer's beside it, and what it is to reach.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    pub peer: Option<String>,
    pub peer_value: Option<f64>,
    /// `value / peer_value`; of figures taken turn by turn, the median of the rounds' ratios.
    pub ratio: Option<f64>,
    /// Such as `ratio >= 0.8` or `value <= 40`; absent for a figure that is only told.
    pub target: Option<String>,
    pub holds: Option<bool>,
}

/// What a row is to reach.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    RatioAtLeast(f64),
    RatioAtMost(f64),
    AtLeast(f64),
    AtMost(f64),
    /// `value` is at least the peer's less this.
    PeerLess(f64),
}

#[derive(Debug, Serialize)]
pub struct Report {
    bench: &'static str,
    /// When it was made, UTC.
    date: String,
    machine: String,
    settings: serde_json::Map<String, serde_json::Value>,
    rows: Vec<Row>,
    /// Whether every row with a target reaches it.
    holds: bool,
}

impl Row {
    pub fn told(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        let name = name.into();
        Self {
            name,
            value,
            unit,
            peer: None,
            peer_value: None,
            ratio: None,
            target: None,
            holds: None,
        }
    }

    pub fn beside(mut self, peer: impl Into<String>, value: f64) -> Self {
        self.peer = Some(peer.into());
        self.peer_value = Some(value);
        self.ratio = Some(self.value / value);
        self
    }

    /// Beside a contender of the same rounds.
    pub fn paired(
        mut self,
        peer: impl Into<String>,
        measured: &Measured,
        which: usize,
        to: usize,
    ) -> Self {
        self.peer = Some(peer.into());
        self.peer_value = Some(measured.median(to));
        self.ratio = Some(measured.ratio(which, to));
        self
    }

    pub fn to_reach(mut self, target: Target) -> Self {
        let ratio = self.ratio.unwrap_or(f64::NAN);
        let (text, holds) = match target {
            Target::RatioAtLeast(least) => (format!("ratio >= {least}"), ratio >= least),
            Target::RatioAtMost(most) => (format!("ratio <= {most}"), ratio <= most),
            Target::AtLeast(least) => (format!("value >= {least}"), self.value >= least),
            Target::AtMost(most) => (format!("value <= {most}"), self.value <= most),
            Target::PeerLess(less) => (
                format!("value >= peer - {less}"),
                self.peer_value.is_some_and(|peer| self.value >= peer - less),
            ),
        };
        self.target = Some(text);
        self.holds = Some(holds);
        self
    }
}

impl Report {
    pub fn new(bench: &'static str, options: &Options) -> Self {
        let now = jiff::Timestamp::now().round(jiff::Unit::Second);
        let mut report = Self {
            bench,
            date: now.map(|now| now.to_string()).unwrap_or_default(),
            machine: machine::describe(),
            settings: serde_json::Map::new(),
            rows: Vec::new(),
            holds: true,
        };
        report.set("rounds", options.rounds());
        report.set("seed", options.seed);
        report.set("quick", options.quick);
        report
    }

    /// States under what settings the figures were measured.
    pub fn set(&mut self, name: &str, value: impl Into<serde_json::Value>) {
        self.settings.insert(name.to_owned(), value.into());
    }

    pub fn row(&mut self, row: Row) {
        self.holds &= row.holds.unwrap_or(true);
        self.rows.push(row);
    }

    /// Prints it.
    /// Whether every target is reached.
    pub fn holds(&self) -> bool {
        self.holds
    }

    pub fn print(&self, options: &Options) {
        if options.json {
            let text = serde_json::to_string_pretty(self).expect("figures and texts are JSON");
            println!("{text}");
            return;
        }
        println!("{} bench, {}\n{}", self.bench, self.date, self.machine);
        for (name, value) in &self.settings {
            println!("  {name}: {}", value.as_str().map_or(value.to_string(), str::to_owned));
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header(["", "Spence", "unit", "peer", "peer's", "ratio", "target", "holds"]);
        for row in &self.rows {
            table.add_row([
                row.name.clone(),
                figure(row.value),
                row.unit.to_owned(),
                row.peer.clone().unwrap_or_default(),
                row.peer_value.map_or_else(String::new, figure),
                row.ratio.map_or_else(String::new, figure),
                row.target.clone().unwrap_or_default(),
                row.holds.map_or("", |holds| if holds { "yes" } else { "NO" }).to_owned(),
            ]);
        }
        for column in [1, 4, 5] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        println!("{table}");
        let verdict =
            if self.holds { "Every target is reached." } else { "Not every target is reached." };
        println!("{verdict}");
    }
}

/// Three significant digits, or all before the point.
fn figure(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => "-".to_owned(),
        0.0 => "0".to_owned(),
        size if size < 0.1 => format!("{value:.4}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
