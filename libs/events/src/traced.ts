import { SpanKind, context, propagation, trace, type Context, type Link } from '@opentelemetry/api';

import type { LogRecord } from './log.js';

type Chunk = { readonly service: string; readonly topic: string; readonly records: readonly LogRecord[] };

/** A span over the chunk: in the one trace that all its records are of, below the first of them; linked to the others, or to the first of many traces. */
export async function traced<T>({ service, topic, records }: Chunk, work: () => Promise<T>): Promise<T> {
  const parents = [...new Set(records.flatMap(({ headers }) => headers['traceparent'] ?? []))].slice(0, 32);
  if (parents.length === 0) return work();
  const contexts = parents.map((traceparent): Context => propagation.extract(context.active(), { traceparent }));
  const links = contexts.flatMap((one): Link[] => (trace.getSpanContext(one) ? [{ context: trace.getSpanContext(one)! }] : []));
  const traceIds = new Set(contexts.map((one) => trace.getSpanContext(one)?.traceId));
  const parent = traceIds.size === 1 ? contexts[0]! : context.active();
  const options = { ...(contexts.length > 1 && { links }), kind: SpanKind.CONSUMER, attributes: {
    'messaging.operation.name': 'process', 'messaging.destination.name': topic, 'messaging.consumer.group.name': `yunke.${service}`, 'messaging.batch.message_count': records.length,
  } };
  return trace.getTracer('yunke').startActiveSpan(`process ${topic}`, options, parent, async (span) => {
    try {
      return await work();
    } finally {
      span.end();
    }
  });
}
