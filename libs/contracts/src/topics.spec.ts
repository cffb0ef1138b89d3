import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMessage, personalFields, type Stream, streamOf, streams, topicOf } from './index.js';
import { proto } from './repository.fixture.js';

const table = Object.values<Stream>(streams);

describe('the table of streams', () => {
  it('carries orders and their shipments on one topic, so that they are heard in order', () => {
    expect(streams.orderObservations).toEqual({
      name: 'orderObservations',
      topic: 'yunke.ingestion.order-observations.v1',
      service: 'ingestion',
      key: 'orderId',
      partitions: 12,
      retentionHours: 168,
      compacted: false,
      opaqueKey: false,
      types: ['OrderObserved', 'ShipmentObserved'],
      personal: ['subject', 'identifiers.value', 'email', 'phone', 'trackingNumber'],
    });
  });

  it('keeps the current profiles for ever, keyed by the profile itself', () => {
    expect(streams.identityProfiles).toMatchObject({
      topic: 'yunke.identity.profiles.v1', key: 'profileId', compacted: true, retentionHours: 0, opaqueKey: true,
    });
  });

  it('says of every message what its contract says', () => {
    const contracts = streamOptions();

    expect(table.flatMap((stream) => stream.types).sort()).toEqual(contracts.map(({ type }) => type).sort());
    for (const { type, topic, key, partitions } of contracts) {
      expect(topicOf(type)).toBe(topic);
      expect(streamOf(type)).toMatchObject({ topic, key, partitions });
    }
  });

  it('gives every topic one owner, which its name tells, and one name', () => {
    for (const { topic, service } of table) expect(topic).toMatch(new RegExp(`^yunke\\.${service}\\.[a-z-]+\\.v1$`));
    expect(new Set(table.map((stream) => stream.topic)).size).toBe(table.length);
    for (const [name, stream] of Object.entries(streams)) expect(stream.name).toBe(name);
  });
});

describe('looking up a message', () => {
  it('knows which names travel on a topic and which do not', () => {
    expect(isMessage('OrderPlaced')).toBe(true);
    expect(isMessage('OrderState')).toBe(false);
    expect(isMessage('constructor')).toBe(false);
    expect(() => topicOf('OrderForgotten')).toThrow('OrderForgotten');
  });

  it('names the personal fields of a message, also inside what it contains', () => {
    expect(personalFields('OrderPlaced')).toEqual(['order.subject', 'order.formerSubjects']);
    expect(personalFields('ShipmentObserved')).toEqual(['trackingNumber']);
    expect(personalFields('SegmentEntered')).toEqual([]);
    expect(() => personalFields('toString')).toThrow('toString');
  });
});

/** Reads the stream options with regular expressions: shares nothing with the generator. */
function streamOptions() {
  const files = readdirSync(proto, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.proto'));
  const text = files.map((name) => readFileSync(join(proto, name), 'utf8')).join('\n');
  return [...text.matchAll(/message (\w+) \{\s+option \(yunke\.options\.v1\.stream\) = \{([^}]*)\}/g)].map(([, type, option]) => ({
    type,
    topic: /topic: "(.*)"/.exec(option)![1],
    key: /key: "(.*)"/.exec(option)![1].replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
    partitions: Number(/partitions: (\d+)/.exec(option)![1]),
  }));
}
