//! What the process tells of itself while it runs: a log on standard error, and traces to a collector
//! where `OTEL_EXPORTER_OTLP_ENDPOINT` names one.
//!
//! Traces go as OTLP over plain HTTP, sent by the exporter's own thread: a collector stands on the
//! same machine or in the same network, and there is no TLS in this program.

use anyhow::{Context, ensure};
use clap::ValueEnum;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use std::fmt;
use std::pin::Pin;
use std::time::Duration;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// How long the collector may take for a batch of spans.
const EXPORT_TIME_MAX: Duration = Duration::from_secs(10);
/// Of what the collector answers.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// What is told, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct Telemetry {
    /// How the log is written. What is logged `RUST_LOG` says; without it `info` while serving,
    /// else `warn`.
    #[arg(
        long,
        global = true,
        env = "ONETHING_LOG_FORMAT",
        default_value = "text"
    )]
    log_format: LogFormat,
    /// Where traces go, by OTLP over plain HTTP: `http://127.0.0.1:4318`. None are made without.
    #[arg(long, global = true, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Telemetry that has begun.
pub struct Begun(Option<SdkTracerProvider>);

impl Telemetry {
    /// Begins to tell.
    ///
    /// # Errors
    /// When there is no exporter for the endpoint.
    pub fn begin(&self, is_watched: bool) -> anyhow::Result<Begun> {
        let level = if is_watched { "info" } else { "warn" };
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| level.into());
        let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let log = match self.log_format {
            LogFormat::Text => log.boxed(),
            LogFormat::Json => log.json().boxed(),
        };
        let endpoint = self.otlp_endpoint.as_deref();
        let provider = endpoint
            .filter(|endpoint| !endpoint.is_empty())
            .map(provider)
            .transpose()?;
        let traces = provider.as_ref().map(|provider| {
            let tracer: SdkTracer = provider.tracer("onething");
            // Only what this program says itself: it is what no personal data gets into.
            let ours = Targets::new()
                .with_default(LevelFilter::OFF)
                .with_target("onething", LevelFilter::INFO);
            tracing_opentelemetry::layer()
                .with_tracer(tracer)
                .with_filter(ours)
        });
        tracing_subscriber::registry()
            .with(log.with_filter(filter))
            .with(traces)
            .init();
        Ok(Begun(provider))
    }
}

impl Begun {
    /// Sends what is left.
    pub fn end(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

fn provider(endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    ensure!(
        endpoint.starts_with("http://"),
        "{endpoint} cannot be sent to: traces go over plain HTTP, give http://host:4318 of a collector nearby"
    );
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_http_client(Collector::new())
        .build()
        .with_context(|| format!("cannot send traces to {endpoint}"))?;
    let resource = Resource::builder()
        .with_service_name("onething")
        .with_attribute(opentelemetry::KeyValue::new(
            "service.version",
            env!("CARGO_PKG_VERSION"),
        ))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

/// The way to the collector.
struct Collector(ureq::Agent);

impl Collector {
    fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(EXPORT_TIME_MAX))
            .build();
        Self(ureq::Agent::new_with_config(config))
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer = self.0.run(Request::from_parts(head, body.to_vec()))?;
        let (head, mut body) = answer.into_parts();
        let bytes = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Response::from_parts(head, bytes.into()))
    }
}

impl HttpClient for Collector {
    /// Blocks: the exporter has a thread of its own.
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move { self.send(request) })
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}
