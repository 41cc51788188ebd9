//! Metrics as text, for whoever scrapes them (the Prometheus text format).

use std::fmt::Write;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Histogram, Metric, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};

/// Scraping collects at once, so that the reader's own rhythm does not matter.
const SELDOM: Duration = Duration::from_secs(3600);

/// The newest values as text. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page(Arc<Mutex<String>>);

impl Page {
    /// A reader that writes the page whenever the provider is flushed.
    pub(crate) fn reader(&self) -> PeriodicReader<Self> {
        PeriodicReader::builder(self.clone())
            .with_interval(SELDOM)
            .build()
    }

    /// Collects now. Blocks for as long as callbacks of instruments take.
    pub(crate) fn scrape(&self, provider: &SdkMeterProvider) -> String {
        if let Err(error) = provider.force_flush() {
            tracing::debug!(%error, "metrics could not be collected");
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl PushMetricExporter for Page {
    fn export(&self, metrics: &ResourceMetrics) -> impl Future<Output = OTelSdkResult> + Send {
        let text = written(metrics);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
        std::future::ready(Ok(()))
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn written(metrics: &ResourceMetrics) -> String {
    let mut text = String::new();
    for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
        match metric.data() {
            AggregatedMetrics::F64(data) => write_metric(&mut text, metric, data),
            AggregatedMetrics::U64(data) => write_metric(&mut text, metric, data),
            AggregatedMetrics::I64(data) => write_metric(&mut text, metric, data),
        }
    }
    text
}

fn write_metric<T: Copy + std::fmt::Display>(text: &mut String, metric: &Metric, data: &MetricData<T>) {
    match data {
        MetricData::Gauge(gauge) => {
            let name = head(text, metric, "gauge", "");
            for point in gauge.data_points() {
                sample(text, &name, &labels(point.attributes(), None), point.value());
            }
        }
        MetricData::Sum(sum) => {
            let (kind, suffix) = if sum.is_monotonic() {
                ("counter", "_total")
            } else {
                ("gauge", "")
            };
            let name = head(text, metric, kind, suffix);
            for point in sum.data_points() {
                sample(text, &name, &labels(point.attributes(), None), point.value());
            }
        }
        MetricData::Histogram(histogram) => write_histogram(text, metric, histogram),
        // none of our instruments is one
        MetricData::ExponentialHistogram(_) => {}
    }
}

fn write_histogram<T: Copy + std::fmt::Display>(
    text: &mut String,
    metric: &Metric,
    histogram: &Histogram<T>,
) {
    let name = head(text, metric, "histogram", "");
    let bucket = format!("{name}_bucket");
    for point in histogram.data_points() {
        let attributes: Vec<&KeyValue> = point.attributes().collect();
        let mut below = 0;
        let bounds = point
            .bounds()
            .map(|bound| bound.to_string())
            .chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(point.bucket_counts()) {
            below += count;
            sample(
                text,
                &bucket,
                &labels(attributes.iter().copied(), Some(&bound)),
                below,
            );
        }
        let plain = labels(attributes.iter().copied(), None);
        sample(text, &format!("{name}_sum"), &plain, point.sum());
        sample(text, &format!("{name}_count"), &plain, point.count());
    }
}

/// Writes what the metric is, and gives its name: dots become underscores, the unit stands behind.
fn head(text: &mut String, metric: &Metric, kind: &str, suffix: &str) -> String {
    let unit = if metric.unit() == "s" { "_seconds" } else { "" };
    let name = format!("{}{unit}{suffix}", metric.name().replace(['.', '-'], "_"));
    let help = metric.description().replace('\\', "\\\\").replace('\n', "\\n");
    // writing to a String cannot fail
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    name
}

fn sample(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "{name}{labels} {value}");
}

fn labels<'a>(attributes: impl Iterator<Item = &'a KeyValue>, bound: Option<&str>) -> String {
    let mut labels: Vec<String> = attributes
        .map(|attribute| {
            let value = attribute.value.as_str();
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            format!("{}=\"{value}\"", attribute.key.as_str().replace(['.', '-'], "_"))
        })
        .collect();
    labels.sort_unstable();
    labels.extend(bound.map(|bound| format!("le=\"{bound}\"")));
    if labels.is_empty() {
        return String::new();
    }
    format!("{{{}}}", labels.join(","))
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider;

    use super::*;

    #[test]
    fn r4_metrics_are_written_as_prometheus_reads_them() {
        let page = Page::default();
        let provider = SdkMeterProvider::builder().with_reader(page.reader()).build();
        let meter = provider.meter("test");
        let counter = meter
            .u64_counter("usher.events.published")
            .with_description("Events")
            .build();
        counter.add(2, &[KeyValue::new("type", "a\"b")]);
        counter.add(1, &[KeyValue::new("type", "c")]);
        meter
            .i64_gauge("usher.batches.open")
            .with_description("Batches")
            .build()
            .record(3, &[KeyValue::new("state", "RUNNING")]);
        let histogram = meter
            .f64_histogram("usher.invitation.sent.duration")
            .with_unit("s")
            .with_boundaries(vec![1.0, 60.0]);
        let histogram = histogram.build();
        for seconds in [0.5, 30.0, 100.0] {
            histogram.record(seconds, &[]);
        }
        let text = page.scrape(&provider);
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "# HELP usher_batches_open Batches",
                "# HELP usher_events_published_total Events",
                "# HELP usher_invitation_sent_duration_seconds ",
                "# TYPE usher_batches_open gauge",
                "# TYPE usher_events_published_total counter",
                "# TYPE usher_invitation_sent_duration_seconds histogram",
                "usher_batches_open{state=\"RUNNING\"} 3",
                "usher_events_published_total{type=\"a\\\"b\"} 2",
                "usher_events_published_total{type=\"c\"} 1",
                "usher_invitation_sent_duration_seconds_bucket{le=\"+Inf\"} 3",
                "usher_invitation_sent_duration_seconds_bucket{le=\"1\"} 1",
                "usher_invitation_sent_duration_seconds_bucket{le=\"60\"} 2",
                "usher_invitation_sent_duration_seconds_count 3",
                "usher_invitation_sent_duration_seconds_sum 130.5",
            ]
        );
        // collected anew each time
        counter.add(1, &[KeyValue::new("type", "c")]);
        assert!(page.scrape(&provider).contains("{type=\"c\"} 2"));
    }
}
