import { Counter, Histogram } from 'prom-client';

const labelNames = ['service', 'topic'] as const;
const OF_SERVICE = ['service'] as const;

/** What the delivery does, counted where it is done: once a chunk, once a batch of the relay. What there is at the moment: see backlog.ts. */
export const metrics = {
  heard: new Counter({ name: 'yunke_records_heard_total', help: 'Records that took effect.', labelNames }),
  repeated: new Counter({ name: 'yunke_records_repeated_total', help: 'Copies dropped by their number.', labelNames }),
  parked: new Counter({ name: 'yunke_records_parked_total', help: 'Records parked because of themselves, by the reason.', labelNames: [...labelNames, 'code'] }),
  retries: new Counter({ name: 'yunke_chunk_retries_total', help: 'Chunks tried again after a transient error.', labelNames }),
  endToEnd: new Histogram({
    name: 'yunke_event_end_to_end_seconds', help: 'From the acceptance of an event to its effect here: the newest of each chunk.', labelNames,
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800],
  }),
  published: new Counter({ name: 'yunke_events_published_total', help: 'Events acknowledged by the log.', labelNames: OF_SERVICE }),
  resent: new Counter({ name: 'yunke_events_resent_total', help: 'Events sent again after a failed send or a take-over.', labelNames: OF_SERVICE }),
  batches: new Counter({ name: 'yunke_relay_batches_total', help: 'Batches of the relay acknowledged by the log.', labelNames: OF_SERVICE }),
  resends: new Counter({ name: 'yunke_relay_batches_resent_total', help: 'Batches of the relay sent again after a failed send or a take-over.', labelNames: OF_SERVICE }),
  relayFailures: new Counter({ name: 'yunke_relay_failures_total', help: 'Steps of the relay that failed and were tried again.', labelNames: OF_SERVICE }),
  send: new Histogram({
    name: 'yunke_relay_send_duration_seconds', help: 'Time until the log acknowledged a batch of the relay.', labelNames: OF_SERVICE,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  }),
};

const handlers = new Histogram({
  name: 'yunke_handler_duration_seconds', labelNames: ['service', 'handler', 'result'],
  help: 'Time of one transaction of a handler, which is a topic or timer:<kind>; result is ok or error.',
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
});

/** Rate, errors and duration of a handler's transactions: times `work` and passes on what it returns or throws. */
export async function measured<T>(about: { readonly service: string; readonly handler: string }, work: () => Promise<T>): Promise<T> {
  const finished = handlers.startTimer(about);
  try {
    const result = await work();
    finished({ result: 'ok' });
    return result;
  } catch (error) {
    finished({ result: 'error' });
    throw error;
  }
}
