// The first import of every main.ts: before pg, so that it can be watched. Does nothing unless an OTLP endpoint is set.
// Requests and chunks get their spans where they are handled.
const endpoint = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? process.env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];

if (endpoint) {
  process.env['OTEL_METRICS_EXPORTER'] ??= 'none'; // metrics are scraped from /metrics, logs from stdout
  process.env['OTEL_LOGS_EXPORTER'] ??= 'none';
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const { BatchSpanProcessor } = await import('@opentelemetry/sdk-trace');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const { PgInstrumentation } = await import('@opentelemetry/instrumentation-pg');
  const sdk = new NodeSDK({
    serviceName: process.env['OTEL_SERVICE_NAME'] ?? ['yunke', process.env['YUNKE_SERVICES']].filter(Boolean).join('-'),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
    instrumentations: [new PgInstrumentation({ requireParentSpan: true })],
  });
  sdk.start();
  process.once('beforeExit', () => void sdk.shutdown());
}

export {};
