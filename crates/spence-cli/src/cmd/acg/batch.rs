//! `spence acg batch`: a chart for each row of a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;
use csv::{ByteRecord, ReaderBuilder, StringRecord, Trim};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use spence_acg::{
    BodyRequest, Chart, LinesRequest, NatalRequest, OptionsRequest, Problem, Request,
};

use super::{drawn, place, refused};
use crate::args::Batch;
use crate::{files, render};

/// What a file may have; the others may be left out.
const COLUMNS: [&str; 4] = ["epoch", "id", "place", "bodies"];

pub(super) fn run(asked: &Batch) -> anyhow::Result<()> {
    if let Some(out) = &asked.out
        && out.as_os_str() != "-"
        && files::are_one(out, &asked.file)
    {
        return Err(refused("--out: expected another file than that of the charts"));
    }
    let text = read(&asked.file)?;
    let mut reader = ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(&*text);
    let named = |error: csv::Error| refused(format!("{}: {error}", asked.file.display()));
    let header = reader.headers().map_err(named)?.clone();
    let file = asked.file.display();
    columns(&header).map_err(|wrong| refused(format!("{file}, line 1: {wrong}")))?;
    let rows: Vec<ByteRecord> = reader.byte_records().collect::<Result<_, _>>().map_err(named)?;
    let mut lines = Lines { text: &text, at: 0, line: 1 };
    let rows: Vec<_> = rows.into_iter().map(|row| (lines.of(&row), row)).collect();
    let bar = ProgressBar::new(rows.len() as u64).with_style(
        ProgressStyle::with_template("{wide_bar} {pos}/{len}, {eta} left")
            .context("progress bar")?,
    );
    let mut failed = 0;
    let mut one = |(line, row): &(usize, ByteRecord)| {
        bar.inc(1);
        let column = |name| header.iter().position(|known| known == name);
        let cell = |name| column(name).and_then(|at| row.get(at)).filter(|cell| !cell.is_empty());
        let id = cell("id").map_or_else(|| line.to_string().into(), String::from_utf8_lossy);
        let of = |name: &'static str| {
            let text = cell(name).map(str::from_utf8).transpose();
            text.map_err(|error| refused(format!("{name}: expected UTF-8: {error}")))
        };
        let chart = match row.len() > header.len() {
            true => Err(refused(format!("{} cells, expected {}", row.len(), header.len()))),
            false => chart(asked, of),
        };
        match chart {
            Ok((chart, took_ms)) => {
                let mut told = format!("{{\"id\":{},\"response\":", json!(id));
                chart.write_geojson(&mut told, took_ms);
                told.push_str("}\n");
                told
            }
            Err(error) => {
                failed += 1;
                bar.suspend(|| render::note(&format!("line {line}: {error}"), true));
                format!("{}\n", json!({ "id": id, "error": error.to_string() }))
            }
        }
    };
    match &asked.out {
        Some(out) => files::write_parts(out, rows.iter().map(&mut one))?,
        None => rows.iter().try_for_each(|row| render::print(one(row).as_bytes()))?,
    }
    bar.finish_and_clear();
    render::note(&format!("{} charts, {failed} of them refused", rows.len()), false);
    match failed {
        0 => Ok(()),
        _ => Err(refused(format!("{failed} of {} charts were refused", rows.len()))),
    }
}

/// Whether those of `header` are known, and each there once.
fn columns(header: &StringRecord) -> Result<(), String> {
    if let Some(other) = header.iter().find(|name| !COLUMNS.contains(name)) {
        return Err(format!("column {other:?}: expected some of {}", COLUMNS.join(", ")));
    }
    for name in COLUMNS {
        match header.iter().filter(|known| *known == name).count() {
            0 if name == "epoch" => return Err("no column epoch".to_owned()),
            0 | 1 => {}
            _ => return Err(format!("column {name} is there twice")),
        }
    }
    Ok(())
}

/// Where rows begin. The reader's own count does not see the empty lines before a row.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of the next row.
    fn of(&mut self, row: &ByteRecord) -> usize {
        let start = row.position().map_or(0, csv::Position::byte);
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let rest = self.text.get(start..).unwrap_or_default();
        let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = self.text.get(self.at..start + empty).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.at = start + empty;
        self.line
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    let whole = match file.as_os_str() == "-" {
        true => io::stdin().lock().read_to_end(&mut text),
        false => File::open(file).and_then(|mut open| open.read_to_end(&mut text)),
    };
    whole.map_err(|error| refused(format!("read {}: {error}", file.display())))?;
    // A mark that some programs begin with.
    if let Some(rest) = text.strip_prefix(b"\xEF\xBB\xBF") {
        return Ok(rest.to_vec());
    }
    Ok(text)
}

/// The chart of a row, of which `cell` reads a column.
fn chart<'a>(
    asked: &Batch,
    cell: impl Fn(&'static str) -> anyhow::Result<Option<&'a str>>,
) -> anyhow::Result<(Chart, f64)> {
    let (epoch, bodies) = (cell("epoch")?.unwrap_or_default(), cell("bodies")?);
    let place = cell("place")?.map(|text| {
        let numbers: Vec<_> = text.split([' ', ',']).filter(|number| !number.is_empty()).collect();
        place("place", &numbers.join(","))
    });
    let place = place.transpose()?;
    let natal = place.map(|place| NatalRequest {
        birthplace_lat: Some(place.latitude()),
        birthplace_lon: Some(place.longitude()),
        ..NatalRequest::default()
    });
    let body = |id: &str| BodyRequest { id: id.to_owned(), kind: None, number: None };
    let request = Request::new(&LinesRequest {
        epoch: Some(epoch.to_owned()),
        bodies: bodies.map(|names| names.split_whitespace().map(body).collect()),
        options: OptionsRequest {
            aspects: asked.aspects.clone(),
            include_parans: Some(asked.parans),
            ..OptionsRequest::default()
        },
        natal,
        ..LinesRequest::default()
    })
    .map_err(|problems| refused(Problem::in_words(&problems)))?;
    drawn(request)
}
