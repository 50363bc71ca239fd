//! The metrics of charts, under the names that their contract gives.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Charts;
use super::figures::BOUNDS;

/// `calculation_time`, `cache_hits` and `error_rate` at this time.
#[derive(Debug)]
pub(crate) struct ChartMetrics {
    pub(crate) charts: Arc<Charts>,
    pub(crate) now_ms: u64,
}

impl Collector for ChartMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let figures = &self.charts.figures;
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(figures.buckets()).collect();
        let help = "Seconds of computing a chart: positions and lines.";
        let kind = MetricType::Histogram;
        let mut histogram = encoder.encode_descriptor("calculation_time", help, None, kind)?;
        histogram.encode_histogram::<NoLabelSet>(
            figures.seconds(),
            figures.count(),
            &buckets,
            None,
        )?;
        let help = "Charts that were held.";
        let counter = encoder.encode_descriptor("cache_hits", help, None, MetricType::Counter)?;
        ConstCounter::new(figures.hits()).encode(counter)?;
        let help = "Share of chart requests of the last five minutes that failed.";
        let gauge = encoder.encode_descriptor("error_rate", help, None, MetricType::Gauge)?;
        ConstGauge::new(figures.error_rate(self.now_ms)).encode(gauge)
    }
}
