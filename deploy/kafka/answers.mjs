/** Functional readiness of a broker: an open port says little, a record that came back says enough. */
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { once } from 'node:events';

const require = createRequire(import.meta.url);
const { Kafka, logLevel } = require('kafkajs');

// kafkajs sets a timer of a negative delay (a warning from Node, and a thousand wake-ups a second): nothing pending, nothing to schedule.
const { prototype } = require('kafkajs/src/network/requestQueue');
const schedule = prototype.scheduleCheckPendingRequests;
prototype.scheduleCheckPendingRequests = function () {
  if (this.pending.length > 0) schedule.call(this);
};

/**
 * Returns when a record was produced (idempotently) and read back by a member of a group; topic and group are removed again.
 * So leaders, producer ids and the group coordinator work, which on a fresh broker come up after the port.
 *
 * @throws Error at once when nothing listens, within about 20 s when something else is wrong
 */
export async function answers(host, port) {
  await listens(host, port);
  const name = `yunke-ready-${randomUUID()}`;
  const kafka = new Kafka({
    clientId: name, brokers: [`${host}:${port}`], logLevel: logLevel.NOTHING, requestTimeout: 5000,
    retry: { initialRetryTime: 50, maxRetryTime: 400, retries: 20 },
  });
  const admin = kafka.admin();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false, createPartitioner: () => () => 0 });
  const consumer = kafka.consumer({ groupId: name, allowAutoTopicCreation: false, maxWaitTimeInMs: 100 });
  try {
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: name, numPartitions: 1, replicationFactor: 1 }] });
    await producer.connect();
    await producer.send({ topic: name, messages: [{ value: name }] });
    await heard(consumer, name);
  } finally {
    await Promise.allSettled([consumer.disconnect(), producer.disconnect()]);
    await Promise.allSettled([admin.deleteGroups([name]), admin.deleteTopics({ topics: [name] })]);
    await admin.disconnect().catch(() => {});
  }
}

async function heard(consumer, topic) {
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let late;
  try {
    await new Promise((resolve, reject) => {
      late = setTimeout(() => reject(new Error('the record did not come back within 20 s')), 20_000);
      consumer.run({ eachMessage: async () => resolve() }).catch(reject);
    });
  } finally {
    clearTimeout(late);
  }
}

async function listens(host, port) {
  const socket = connect(port, host);
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}
