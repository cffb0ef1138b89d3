import { Counter, Gauge, Histogram } from 'prom-client';

const labelNames = ['service', 'topic'] as const;

export const metrics = {
  heard: new Counter({ name: 'yunke_records_heard_total', help: 'Records that took effect.', labelNames }),
  repeated: new Counter({ name: 'yunke_records_repeated_total', help: 'Copies dropped by their number.', labelNames }),
  parked: new Counter({ name: 'yunke_records_parked_total', help: 'Records parked.', labelNames: [...labelNames, 'code'] }),
  retries: new Counter({ name: 'yunke_chunk_retries_total', help: 'Chunks tried again after a transient error.', labelNames }),
  stopped: new Gauge({ name: 'yunke_partitions_stopped', help: 'Partitions that stand still and need somebody.', labelNames }),
  chunk: new Histogram({ name: 'yunke_chunk_seconds', help: 'Time of one transaction over a chunk.', labelNames, buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10] }),
  lag: new Gauge({ name: 'yunke_lag_seconds', help: 'Age, since acceptance, of the newest record that took effect, when it did.', labelNames }),
  lagRecords: new Gauge({ name: 'yunke_lag_records', help: 'Records in the partitions fetched that wait behind the position.', labelNames }),
  published: new Counter({ name: 'yunke_events_published_total', help: 'Events acknowledged by the log.', labelNames: ['service'] }),
  resent: new Counter({ name: 'yunke_events_resent_total', help: 'Events sent again after a failed send or a take-over.', labelNames: ['service'] }),
};
