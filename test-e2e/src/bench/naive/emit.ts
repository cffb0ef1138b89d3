import type { ClientKafka } from '@nestjs/microservices';

/** Sends one event and waits until the broker has it. */
export function emit(kafka: ClientKafka, topic: string, event: { key: string; value: object }): Promise<void> {
  return new Promise((resolve, reject) => void kafka.emit(topic, event).subscribe({ complete: resolve, error: reject }));
}
