//! Arguments of `spence acg`.

use std::path::PathBuf;

use clap::Subcommand;

/// What is asked of astrocartography.
#[derive(Debug, Subcommand)]
pub(crate) enum Acg {
    /// Draw where bodies rise, set, culminate: as GeoJSON, as a map.
    #[command(after_help = "Examples:\n  \
        spence acg lines --epoch 1990-06-15T12:00:00+02:00 --geojson chart.geojson\n  \
        spence acg lines --epoch '1990-06-15T12:00[Europe/Berlin]' --bodies Sun,Moon,Venus \\\n    \
        --place 52.52,13.41 --aspects trine,sextile --svg map.svg")]
    Lines(Lines),
    /// Draw a chart for each row of a CSV file; a line of JSON for each.
    #[command(after_help = "The file has a column epoch, and if you like id, place (latitude and \
        longitude, separated by a space) and bodies (separated by spaces). A row that is refused \
        fails alone; the exit code is 3 then.\n\nExample:\n  \
        printf 'id,epoch,place\\nann,1990-06-15T12:00:00+02:00,52.52 13.41\\n' > charts.csv\n  \
        spence acg batch charts.csv --out charts.ndjson")]
    Batch(Batch),
    /// Print where bodies are, and their lines by latitude.
    #[command(after_help = "Examples:\n  spence acg positions --ut1 2031-05-03T00:00:00Z\n  \
        spence acg positions --ut1 2031-05-03T00:00:00Z --delta-t-seconds 71.2 \\\n    \
        --place London=51.5074,-0.1278 --json")]
    Positions(Positions),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Lines {
    /// When: ISO 8601 with an offset, Z or a zone in brackets; without any of them UTC.
    #[arg(long, value_name = "INSTANT")]
    pub(crate) epoch: String,

    /// The birthplace, as latitude,longitude: for houses, lots and local space.
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true)]
    pub(crate) place: Option<String>,

    /// The bodies, as in Sun,Moon,MeanNode. Default: Sun to Pluto and the mean node.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) bodies: Option<Vec<String>>,

    /// The angles: AC, DC, MC, IC. Default: all.
    #[arg(long, value_name = "ANGLES", value_delimiter = ',')]
    pub(crate) line_types: Option<Vec<String>>,

    /// Aspects to AC and MC: conjunction, sextile, square, trine, opposition.
    #[arg(long, value_name = "ASPECTS", value_delimiter = ',')]
    pub(crate) aspects: Option<Vec<String>>,

    /// Aspects along the ecliptic (zodiaco) or the equator (mundo).
    #[arg(long, value_name = "METHOD")]
    pub(crate) method: Option<String>,

    /// Draw parans.
    #[arg(long)]
    pub(crate) parans: bool,

    /// Add the fixed stars.
    #[arg(long)]
    pub(crate) stars: bool,

    /// Draw great circles from the birthplace towards the bodies.
    #[arg(long)]
    pub(crate) local_space: bool,

    /// Tell how far each line is from here, in kilometres, nearest first.
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true)]
    pub(crate) near: Option<String>,

    /// How houses are cut: placidus, regiomontanus, campanus, porphyry, equal, whole_sign.
    #[arg(long, value_name = "SYSTEM", requires = "place")]
    pub(crate) houses: Option<String>,

    /// Decimals of coordinates, 3 to 8. Default: 5, about a metre.
    #[arg(long, value_name = "DECIMALS")]
    pub(crate) precision: Option<i64>,

    /// Write the lines to this file; - for standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) geojson: Option<PathBuf>,

    /// Draw a map of the world with the lines into this file; - for standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Batch {
    /// The file of charts; - for standard input.
    #[arg(value_name = "CHARTS.csv")]
    pub(crate) file: PathBuf,

    /// Write the charts to this file. Default: standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Aspects to AC and MC: conjunction, sextile, square, trine, opposition.
    #[arg(long, value_name = "ASPECTS", value_delimiter = ',')]
    pub(crate) aspects: Option<Vec<String>>,

    /// Draw parans.
    #[arg(long)]
    pub(crate) parans: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Positions {
    /// The instant in UT1, from 1900 to 2100; UTC does, to 0.9 s.
    #[arg(long, value_name = "INSTANT")]
    pub(crate) ut1: String,

    /// TT - UT1. Default: the model of the product.
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    pub(crate) delta_t_seconds: Option<f64>,

    /// A place whose ascendant and midheaven are printed; may be given several times.
    #[arg(long = "place", value_name = "NAME=LAT,LON")]
    pub(crate) places: Vec<String>,
}
