//! Logs to stderr, and traces, metrics and logs over OTLP where an endpoint is set.

mod export;
mod log;

use std::sync::mpsc;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde::Deserialize;
use tokio::task::JoinHandle;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::metrics::Page;
use crate::{Lifecycle, Settings, StartError, private};
use export::Exporters;

/// The table `[telemetry]` of the settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TelemetrySettings {
    filter: String,
    format: Format,
    otlp_endpoint: String,
    otlp_logs: bool,
    sample_ratio: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Auto,
    Pretty,
    Json,
}

impl TelemetrySettings {
    fn of(settings: &Settings) -> Result<Self, StartError> {
        let own: Self = settings.section("telemetry")?;
        if !(0.0..=1.0).contains(&own.sample_ratio) {
            return Err(StartError::settings(
                "[telemetry]: sample_ratio is between 0.0 and 1.0",
            ));
        }
        Ok(own)
    }

    /// Whether lines are objects, for a program that reads them, rather than for a person.
    fn is_json(&self, settings: &Settings) -> bool {
        match self.format {
            Format::Auto => !settings.common.is_development(),
            Format::Json => true,
            Format::Pretty => false,
        }
    }

    /// What is logged.
    fn filter(&self) -> Result<EnvFilter, StartError> {
        EnvFilter::try_new(&self.filter)
            .map_err(|error| StartError::settings(format!("[telemetry]: filter: {error}")))
    }
}

/// What was started; flushed at the very end of the process, however it ends.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    logs: Option<SdkLoggerProvider>,
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
        let own = TelemetrySettings::of(settings)?;
        let exporters = Exporters::of(&own, settings, service)?;
        let mut layers = vec![log::layer(&own, settings).with_filter(own.filter()?).boxed()];
        // Lines of the log carry the ids of a trace whether anybody collects traces or not; where nobody does, a request has one span
        // in each process, and none of them records anything.
        let (traces, deepest) = match &exporters {
            Some(exporters) => (Some(exporters.traces()?), LevelFilter::DEBUG),
            None if own.is_json(settings) => (Some(export::ids_alone()), LevelFilter::INFO),
            None => (None, LevelFilter::OFF),
        };
        if let Some(provider) = &traces {
            // Trace context alone: baggage of others is neither read nor passed on.
            global::set_text_map_propagator(TraceContextPropagator::new());
            layers.push(spans(provider, service, deepest));
        }
        let logs = exporters.as_ref().filter(|_| own.otlp_logs);
        let logs = logs.map(Exporters::logs).transpose()?;
        if let Some(provider) = &logs {
            // What sending logs logs would never end.
            let quiet = "h2=off,hyper=off,tonic=off,tower=off,opentelemetry=off";
            let quiet = quiet.split(',').filter_map(|directive| directive.parse().ok());
            let filter = quiet.fold(own.filter()?, EnvFilter::add_directive);
            layers.push(
                OpenTelemetryTracingBridge::new(provider)
                    .with_filter(filter)
                    .boxed(),
            );
        }
        let listen = settings.common.private_listen;
        let page = listen.map(|_| Page::default());
        let metrics = match exporters.is_some() || page.is_some() {
            true => Some(export::metrics(
                exporters.as_ref(),
                service,
                settings,
                page.as_ref(),
            )?),
            false => None,
        };
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
            logs,
            private,
        })
    }

    /// Sends what is still held back, all of it at once and for so long: a collector that is silent does not keep the process.
    pub fn flush(self, patience: Duration) {
        if let Some(private) = self.private {
            private.abort();
        }
        let (done, ends) = mpsc::channel::<()>();
        let flush = |what: &'static str, shutdown: Box<dyn FnOnce() -> OTelSdkResult + Send>| {
            let done = done.clone();
            // not joined: what the exporter waits for ends with the process
            std::thread::spawn(move || {
                if let Err(error) = shutdown() {
                    tracing::debug!(%error, "{what} were not flushed");
                }
                drop(done);
            });
        };
        if let Some(traces) = self.traces {
            flush("traces", Box::new(move || traces.shutdown_with_timeout(patience)));
        }
        if let Some(metrics) = self.metrics {
            flush(
                "metrics",
                Box::new(move || metrics.shutdown_with_timeout(patience)),
            );
        }
        if let Some(logs) = self.logs {
            flush("logs", Box::new(move || logs.shutdown_with_timeout(patience)));
        }
        drop(done);
        // an end without a message, once all are done
        let _ = ends.recv_timeout(patience);
    }
}

/// Our own spans of these levels, whatever is logged, with what is logged inside of them. Spans that only traces need are of the level
/// DEBUG, so that they cost nothing where nobody collects traces.
fn spans(provider: &SdkTracerProvider, service: &'static str, deepest: LevelFilter) -> Boxed {
    let ours = filter_fn(move |metadata| {
        let shown = if metadata.is_span() {
            deepest
        } else {
            LevelFilter::INFO
        };
        metadata.target().starts_with("usher") && *metadata.level() <= shown
    });
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(service))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(ours.with_max_level_hint(deepest))
        .boxed()
}
