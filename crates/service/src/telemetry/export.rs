//! What is sent over OTLP, and how it says who sends.

use opentelemetry::KeyValue;
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig};
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, InstrumentKind, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use uuid::Uuid;

use super::TelemetrySettings;
use crate::metrics::Page;
use crate::{Settings, StartError, Trust};

/// Bounds of how long calls take, in seconds, as the semantic conventions advise.
const DURATIONS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Where everything goes.
pub(super) struct Exporters {
    endpoint: String,
    tls: Option<ClientTlsConfig>,
    sample_ratio: f64,
    resource: Resource,
}

/// Traces that are only names: their ids travel and are logged, and nothing is recorded.
pub(super) fn ids_alone() -> SdkTracerProvider {
    SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .build()
}

impl Exporters {
    /// None without an endpoint.
    ///
    /// # Errors
    /// [`StartError::Settings`] where endpoint and authority do not go together.
    pub(super) fn of(
        own: &TelemetrySettings,
        settings: &Settings,
        service: &'static str,
    ) -> Result<Option<Self>, StartError> {
        let endpoint = own.otlp_endpoint.clone();
        if endpoint.is_empty() {
            return Ok(None);
        }
        let authorities = Trust::of(settings)?.otlp;
        let encrypted = endpoint.starts_with("https://");
        if authorities.is_some() && !encrypted {
            return Err(StartError::settings(
                "[tls]: otlp_ca: telemetry.otlp_endpoint must begin with https://",
            ));
        }
        let tls = encrypted.then(|| {
            let public = ClientTlsConfig::new().with_webpki_roots();
            match &authorities {
                Some(authorities) => public.ca_certificate(Certificate::from_pem(authorities.pem())),
                None => public,
            }
        });
        Ok(Some(Self {
            endpoint,
            tls,
            sample_ratio: own.sample_ratio,
            resource: resource(service, settings),
        }))
    }

    fn to<B: WithExportConfig + WithTonicConfig>(&self, builder: B) -> B {
        let builder = builder.with_endpoint(&self.endpoint);
        match &self.tls {
            Some(tls) => builder.with_tls_config(tls.clone()),
            None => builder,
        }
    }

    pub(super) fn traces(&self) -> Result<SdkTracerProvider, StartError> {
        let exporter = self.to(SpanExporter::builder().with_tonic()).build();
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(self.sample_ratio)));
        Ok(SdkTracerProvider::builder()
            .with_batch_exporter(exporter.map_err(|error| refused(&error))?)
            .with_sampler(sampler)
            .with_resource(self.resource.clone())
            .build())
    }

    pub(super) fn logs(&self) -> Result<SdkLoggerProvider, StartError> {
        let exporter = self.to(LogExporter::builder().with_tonic()).build();
        Ok(SdkLoggerProvider::builder()
            .with_batch_exporter(exporter.map_err(|error| refused(&error))?)
            .with_resource(self.resource.clone())
            .build())
    }
}

/// To the endpoint, to the page for whoever scrapes, or both.
pub(super) fn metrics(
    exporters: Option<&Exporters>,
    service: &'static str,
    settings: &Settings,
    page: Option<&Page>,
) -> Result<SdkMeterProvider, StartError> {
    let mut builder = SdkMeterProvider::builder().with_view(durations);
    builder = match exporters {
        Some(exporters) => {
            let exporter = exporters.to(MetricExporter::builder().with_tonic()).build();
            builder
                .with_periodic_exporter(exporter.map_err(|error| refused(&error))?)
                .with_resource(exporters.resource.clone())
        }
        None => builder.with_resource(resource(service, settings)),
    };
    if let Some(page) = page {
        builder = builder.with_reader(page.reader());
    }
    Ok(builder.build())
}

/// The bounds of the instruments that the conventions name; those of our own (`usher.`) bring theirs.
fn durations(instrument: &Instrument) -> Option<Stream> {
    let conventional = instrument.kind() == InstrumentKind::Histogram
        && instrument.name().ends_with(".duration")
        && !instrument.name().starts_with("usher.");
    let bounds = Aggregation::ExplicitBucketHistogram {
        boundaries: DURATIONS.to_vec(),
        record_min_max: false,
    };
    conventional
        .then(|| Stream::builder().with_aggregation(bounds).build().ok())
        .flatten()
}

/// Who sends. What the platform knows comes by `OTEL_RESOURCE_ATTRIBUTES`.
fn resource(service: &'static str, settings: &Settings) -> Resource {
    let environment = if settings.common.is_development() {
        "development"
    } else {
        "production"
    };
    Resource::builder()
        .with_service_name(service)
        .with_attributes([
            KeyValue::new("service.namespace", "usher"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", Uuid::new_v4().to_string()),
            KeyValue::new("deployment.environment.name", environment),
        ])
        .build()
}

fn refused(error: &(dyn std::error::Error + 'static)) -> StartError {
    StartError::settings(format!(
        "[telemetry]: otlp_endpoint: {}",
        crate::error::chain(error)
    ))
}
