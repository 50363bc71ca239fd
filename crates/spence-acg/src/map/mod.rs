//! A chart as a map of the world, to be looked at and printed: SVG.
//!
//! Plate carree: a degree is as wide as it is high, so meridians are upright and coordinates can
//! be read off.

mod labels;
mod land;

use std::fmt::Write;

use crate::chart::{Chart, Feature, Meaning};
use crate::lines::{Line, Point};
use crate::look::{color, look};
use labels::Labels;

/// Pixels of a degree, of the map and of what stands above and below it.
const DEGREE: f64 = 5.0;
const WIDTH: f64 = 360.0 * DEGREE;
const HEIGHT: f64 = 180.0 * DEGREE;
const TITLE: f64 = 56.0;
const LEGEND: f64 = 108.0;
/// From name to name in the legend.
const COLUMN: f64 = 148.0;
const COLUMNS: usize = 12;
/// Of more parans than these only the ends are drawn.
const PARANS: usize = 60;
/// How many degrees of longitude, at each edge.
const END: f64 = 4.0;
/// Degrees between the lines of the grid.
const GRID: i32 = 30;

/// Below the names of bodies.
const EXPLAINED: [&str; 2] = [
    "MC: culminates, AC: rises (solid). IC: opposite, DC: sets (dashed). Aspects: dotted. Local \
     space: thin, dashed, through the birthplace. Parans: dotted parallels; if many, marks at both \
     edges.",
    "True geocentric positions, no refraction. Coastlines: Natural Earth.",
];

const OCEAN: &str = "#eaf1f6";
const LAND: &str = "#f4efe3";
const COAST: &str = "#a79f8c";
const INK: &str = "#333333";

impl Chart {
    /// The chart as an SVG of 1,800 by 1,064 pixels: land, grid, the lines in the colours of their
    /// bodies with their names on them, a legend, the birthplace.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let mut out = String::with_capacity(600_000);
        let height = TITLE + HEIGHT + LEGEND;
        put(
            &mut out,
            format_args!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
                 font-family=\"Helvetica, Arial, sans-serif\" font-size=\"14\">\n\
                 <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
                 <rect y=\"{TITLE}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"{OCEAN}\"/>\n"
            ),
        );
        world(&mut out);
        let labels = self.lines(&mut out);
        self.birthplace(&mut out);
        for label in labels.placed {
            // Twice: white and broad below, so that it reads on any line.
            for (color, halo) in
                [("#ffffff", " stroke=\"#ffffff\" stroke-width=\"4\""), (label.color, "")]
            {
                put(
                    &mut out,
                    format_args!(
                        "<text x=\"{:.1}\" y=\"{:.1}\" textLength=\"{:.0}\" \
                         lengthAdjust=\"spacingAndGlyphs\" text-anchor=\"middle\" \
                         font-weight=\"bold\" fill=\"{color}\"{halo}>{}</text>\n",
                        label.at[0],
                        label.at[1] + 5.0,
                        label.width(),
                        label.text
                    ),
                );
            }
        }
        self.title(&mut out);
        self.legend(&mut out);
        out.push_str("</svg>\n");
        out
    }

    /// Below all others what is drawn dotted.
    fn lines(&self, out: &mut String) -> Labels {
        let mut features: Vec<&Feature> = self.features.iter().collect();
        features.sort_by_key(|feature| look(&feature.meaning).z_index);
        let parans = features.iter().filter(|one| matches!(one.meaning, Meaning::Paran(_)));
        let only_ends = parans.count() > PARANS;
        let mut labels = Labels::default();
        for feature in &features {
            let Some((body, _)) = self.positions.bodies.get(feature.of) else { continue };
            let (width, opacity) = match feature.meaning {
                Meaning::Angle(_) => (2.2, 0.95),
                Meaning::Aspect(..) | Meaning::LocalSpace(_) => (1.1, 0.8),
                Meaning::Paran(_) if only_ends => (1.0, 0.9),
                Meaning::Paran(_) => (0.7, 0.6),
            };
            let dashes = match look(&feature.meaning).style {
                _ if only_ends && matches!(feature.meaning, Meaning::Paran(_)) => "",
                "dashed" => " stroke-dasharray=\"9 6\"",
                "dotted" => " stroke-dasharray=\"2 4\"",
                _ => "",
            };
            out.push_str("<path d=\"");
            match feature.line {
                Line::Parallel(parallel) if only_ends => ends(out, parallel.latitude),
                line => course(out, &line),
            }
            put(
                out,
                format_args!(
                    "\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" \
                     opacity=\"{opacity}\"{dashes}/>\n",
                    color(*body)
                ),
            );
        }
        for feature in features.iter().rev() {
            let Some((body, _)) = self.positions.bodies.get(feature.of) else { continue };
            if let Meaning::Angle(event) = feature.meaning {
                let text = format!("{body} {}", event.name());
                labels.add(text, &feature.line, &feature.meaning, color(*body), on_map);
            }
        }
        labels
    }

    fn birthplace(&self, out: &mut String) {
        let Some(natal) = self.natal else { return };
        let [x, y] = on_map([natal.place.longitude(), natal.place.latitude()]);
        put(
            out,
            format_args!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\" fill=\"#ffffff\" stroke=\"{INK}\" \
                 stroke-width=\"2\"/><circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\" fill=\"{INK}\"/>\n"
            ),
        );
    }

    fn title(&self, out: &mut String) {
        let instant = self.positions.instant;
        put(
            out,
            format_args!(
                "<text x=\"16\" y=\"36\" font-size=\"24\" fill=\"{INK}\">Astrocartography, \
                 {instant}</text>\n"
            ),
        );
        if let Some(natal) = self.natal {
            put(
                out,
                format_args!(
                    "<text x=\"{:.0}\" y=\"36\" font-size=\"18\" text-anchor=\"end\" \
                     fill=\"{INK}\">birthplace {:.4}, {:.4}</text>\n",
                    WIDTH - 16.0,
                    natal.place.latitude(),
                    natal.place.longitude()
                ),
            );
        }
    }

    fn legend(&self, out: &mut String) {
        let top = TITLE + HEIGHT + 28.0;
        for (index, (body, _)) in self.positions.bodies.iter().enumerate() {
            let x = 16.0 + COLUMN * (index % COLUMNS) as f64;
            let y = top + 24.0 * (index / COLUMNS) as f64;
            put(
                out,
                format_args!(
                    "<line x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"{}\" \
                     stroke-width=\"4\"/><text x=\"{}\" y=\"{}\" fill=\"{INK}\">{body}</text>\n",
                    x + 28.0,
                    color(*body),
                    x + 36.0,
                    y + 5.0
                ),
            );
        }
        for (index, line) in EXPLAINED.iter().enumerate() {
            let y = top + 42.0 + 20.0 * index as f64;
            put(out, format_args!("<text x=\"16\" y=\"{y}\" fill=\"{INK}\">{line}</text>\n"));
        }
    }
}

fn world(out: &mut String) {
    put(out, format_args!("<path fill=\"{LAND}\" stroke=\"{COAST}\" stroke-width=\"0.7\" d=\""));
    for ring in land::rings() {
        follow(out, ring);
        out.push('z');
    }
    out.push_str("\"/>\n<path fill=\"none\" stroke=\"#7c8a96\" stroke-width=\"0.4\" d=\"");
    for longitude in (-180..=180).step_by(GRID as usize).map(f64::from) {
        follow(out, [[longitude, -90.0], [longitude, 90.0]].into_iter());
    }
    for latitude in (-60..=60).step_by(GRID as usize).map(f64::from) {
        follow(out, [[-180.0, latitude], [180.0, latitude]].into_iter());
    }
    out.push_str("\"/>\n");
}

/// A parallel, at the edges of the map.
fn ends(out: &mut String, latitude: f64) {
    for [from, to] in [[-180.0, -180.0 + END], [180.0 - END, 180.0]] {
        follow(out, [[from, latitude], [to, latitude]].into_iter());
    }
}

fn course(out: &mut String, line: &Line) {
    for part in line.path().parts() {
        follow(out, part.iter().copied());
    }
}

fn follow(out: &mut String, points: impl Iterator<Item = Point>) {
    for (index, point) in points.enumerate() {
        let [x, y] = on_map(point);
        put(out, format_args!("{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' }));
    }
}

fn on_map([longitude, latitude]: Point) -> Point {
    [(longitude + 180.0) * DEGREE, TITLE + (90.0 - latitude) * DEGREE]
}

/// A String takes everything.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).unwrap_or_default();
}
