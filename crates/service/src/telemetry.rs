//! Logs to stderr, and traces and metrics over OTLP where an endpoint is set.

use std::io::IsTerminal;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use serde::Deserialize;
use tokio::task::JoinHandle;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::metrics::Page;
use crate::{Lifecycle, Settings, StartError, private};

/// The table `[telemetry]` of the settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TelemetrySettings {
    filter: String,
    format: Format,
    otlp_endpoint: String,
    sample_ratio: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Auto,
    Pretty,
    Json,
}

/// What was started; flushed at the very end of the process, however it ends.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    /// Answers probes and serves metrics for as long as the process lives.
    private: Option<JoinHandle<()>>,
}

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

impl Telemetry {
    /// Starts logging, and exporting where an endpoint is set. `service` is its name: "usher-contacts". Must be
    /// called inside the runtime, once a process.
    ///
    /// # Errors
    /// [`StartError::Settings`] when the filter or the endpoint is wrong; [`StartError::Failed`] where the private address is taken.
    pub fn start(
        settings: &Settings,
        service: &'static str,
        lifecycle: &Lifecycle,
    ) -> Result<Self, StartError> {
        let own: TelemetrySettings = settings.section("telemetry")?;
        if !(0.0..=1.0).contains(&own.sample_ratio) {
            return Err(StartError::settings(
                "[telemetry]: sample_ratio is between 0.0 and 1.0",
            ));
        }
        let filter = EnvFilter::try_new(&own.filter)
            .map_err(|error| StartError::settings(format!("[telemetry]: filter: {error}")))?;
        let mut layers = vec![log_layer(&own, settings).with_filter(filter).boxed()];
        let exported = !own.otlp_endpoint.is_empty();
        let traces = match exported {
            true => Some(traces(&own, service)?),
            false => None,
        };
        if exported {
            global::set_text_map_propagator(TraceContextPropagator::new());
        }
        let listen = settings.common.private_listen;
        let page = listen.map(|_| Page::default());
        let metrics = match exported || page.is_some() {
            true => Some(metrics(&own, service, page.as_ref())?),
            false => None,
        };
        if let Some(provider) = &traces {
            let filter = EnvFilter::new("info,h2=off,hyper=off,tonic=off,opentelemetry=off");
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(service));
            layers.push(layer.with_filter(filter).boxed());
        }
        if let Some(provider) = &metrics {
            global::set_meter_provider(provider.clone());
        }
        tracing_subscriber::registry()
            .with(layers)
            .try_init()
            .map_err(|error| StartError::failed("logging", &error))?;
        let private = match (listen, page, &metrics) {
            (Some(address), Some(page), Some(provider)) => Some(private::serve(
                address,
                lifecycle.clone(),
                page,
                provider.clone(),
            )?),
            _ => None,
        };
        Ok(Self {
            traces,
            metrics,
            private,
        })
    }

    /// Sends what is still held back.
    pub fn flush(self) {
        if let Some(private) = self.private {
            private.abort();
        }
        if let Some(Err(error)) = self.traces.map(|provider| provider.shutdown()) {
            tracing::debug!(%error, "traces were not flushed");
        }
        if let Some(Err(error)) = self.metrics.map(|provider| provider.shutdown()) {
            tracing::debug!(%error, "metrics were not flushed");
        }
    }
}

fn log_layer(own: &TelemetrySettings, settings: &Settings) -> Boxed {
    let json = match own.format {
        Format::Auto => !settings.common.is_development(),
        Format::Json => true,
        Format::Pretty => false,
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if json {
        layer.json().flatten_event(true).boxed()
    } else {
        layer
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .boxed()
    }
}

fn resource(service: &'static str) -> Resource {
    Resource::builder()
        .with_service_name(service)
        .with_attributes([
            KeyValue::new("service.namespace", "usher"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .build()
}

fn refused(error: &(dyn std::error::Error + 'static)) -> StartError {
    StartError::settings(format!(
        "[telemetry]: otlp_endpoint: {}",
        crate::error::chain(error)
    ))
}

fn traces(own: &TelemetrySettings, service: &'static str) -> Result<SdkTracerProvider, StartError> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(&own.otlp_endpoint)
        .build()
        .map_err(|error| refused(&error))?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(own.sample_ratio)));
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(resource(service))
        .build())
}

fn metrics(
    own: &TelemetrySettings,
    service: &'static str,
    page: Option<&Page>,
) -> Result<SdkMeterProvider, StartError> {
    let mut builder = SdkMeterProvider::builder().with_resource(resource(service));
    if !own.otlp_endpoint.is_empty() {
        let exporter = MetricExporter::builder()
            .with_tonic()
            .with_endpoint(&own.otlp_endpoint)
            .build()
            .map_err(|error| refused(&error))?;
        builder = builder.with_periodic_exporter(exporter);
    }
    if let Some(page) = page {
        builder = builder.with_reader(page.reader());
    }
    Ok(builder.build())
}
