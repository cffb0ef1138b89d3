import { eachFetch, type Append, type Consumption, type EventLog, type Fetch, type LogRecord, type TopicSpec, type Verdict } from './log.js';

export type OpenLog = {
  readonly log: EventLog;
  /** Another handle on the same records, as another process would have it. */
  readonly reopen: () => Promise<EventLog>;
  readonly close: () => Promise<void>;
};

type Heard = LogRecord & { readonly partition: number };
type Decide = (fetch: Fetch) => Verdict | undefined;

/** What every log promises, whoever implements it. Each test has topics and groups of its own, so the log may be an old one. */
export function logSuite(name: string, open: () => Promise<OpenLog>): void {
  describe(`the event log: ${name}`, () => {
    let opened: OpenLog;
    let log: EventLog;
    const listening: Ear[] = [];

    beforeAll(async () => {
      opened = await open();
      log = opened.log;
    }, 60_000);

    afterEach(async () => {
      const ears = listening.splice(0);
      await Promise.all(ears.map((ear) => ear.stop()));
      expect(ears.flatMap(({ failures }) => failures)).toEqual([]);
    });

    afterAll(() => opened.close(), 60_000);

    async function topicOf(partitions: number, spec: Partial<TopicSpec> = {}): Promise<string> {
      const topic = `suite-${crypto.randomUUID()}`;
      await log.createTopics([{ topic, partitions, retentionHours: 1, compacted: false, ...spec }]);
      return topic;
    }

    async function listen(topics: string[], given: { on?: EventLog; group?: string; positions?: Positions; decide?: Decide } = {}): Promise<Ear> {
      const ear = new Ear(given.positions ?? new Map(), given.decide);
      listening.push(ear);
      await ear.listen(given.on ?? log, given.group ?? `suite-${crypto.randomUUID()}`, topics);
      return ear;
    }

    describe('keeping records', () => {
      it('keeps the order of each partition and counts its offsets from 0', async () => {
        const topic = await topicOf(3);
        for (const from of [0, 5, 10]) {
          await log.append([0, 1, 2].map((partition) => ({ topic, partition, records: numbered(from, from + 5) })));
        }

        const ear = await listen([topic]);

        await eventually(() => expect(ear.heard).toHaveLength(45));
        for (const partition of [0, 1, 2]) {
          expect(ear.valuesOf(partition)).toEqual(valuesOf(numbered(0, 15)));
          expect(ear.offsetsOf(partition)).toEqual(upTo(15));
        }
      });

      it('takes one partition named twice in a batch as one list', async () => {
        const topic = await topicOf(2);
        await log.append([
          { topic, partition: 0, records: numbered(0, 3) },
          { topic, partition: 1, records: numbered(0, 1) },
          { topic, partition: 0, records: numbered(3, 5) },
          { topic, partition: 1, records: [] },
        ]);
        await log.append([]);

        const ear = await listen([topic]);

        await eventually(() => expect(ear.heard).toHaveLength(6));
        expect(ear.valuesOf(0)).toEqual(valuesOf(numbered(0, 5)));
      });

      it('loses, doubles and reorders nothing when two write to one partition at once', async () => {
        const topic = await topicOf(1);
        const other = await opened.reopen();
        const write = (to: EventLog, who: string) =>
          Promise.all(upTo(20).map((turn) => to.append([{ topic, partition: 0, records: numbered(turn * 10, turn * 10 + 10, who) }])));
        await Promise.all([write(log, 'a'), write(other, 'b')]);
        await other.close();

        const ear = await listen([topic]);

        await eventually(() => expect(ear.heard).toHaveLength(400));
        expect(ear.offsetsOf(0)).toEqual(upTo(400));
        for (const who of ['a', 'b']) {
          expect(ear.valuesOf(0).filter((value) => value?.startsWith(who))).toEqual(valuesOf(numbered(0, 200, who)));
        }
      });

      it('gives back what it was given: null and empty values, no headers, every script', async () => {
        const topic = await topicOf(1);
        const records: Append['records'] = [
          { key: 'erased', value: null, headers: {} },
          { key: null, value: '', headers: { empty: '' } },
          { key: '顾客', value: '{"name":"云客 🛍️ naïve \\u0000 \u2028"}', headers: { ce_subject: 'Zoë – 客', 'content-type': 'application/json' } },
          { key: 'k'.repeat(300), value: 'x'.repeat(20_000), headers: Object.fromEntries(upTo(20).map((n) => [`h${n}`, 'v'.repeat(n * 20)])) },
        ];
        await log.append([{ topic, partition: 0, records }]);

        const ear = await listen([topic]);

        await eventually(() => expect(ear.heard).toHaveLength(4));
        expect(ear.heard.map(({ key, value, headers }) => ({ key, value, headers }))).toEqual(records);
      });

      it('takes a batch that is larger than any one request', async () => {
        const topic = await topicOf(2);
        const large = numbered(0, 150).map((record) => ({ ...record, headers: { filling: 'f'.repeat(20_000) } }));
        await log.append([{ topic, partition: 0, records: large }, { topic, partition: 1, records: numbered(0, 2) }]);

        const ear = await listen([topic]);

        await eventually(() => expect(ear.heard).toHaveLength(152));
        expect(ear.valuesOf(0)).toEqual(valuesOf(large));
      });

      it('says so when a partition does not exist, and goes on afterwards', async () => {
        const topic = await topicOf(1);
        await expect(log.append([{ topic, partition: 7, records: numbered(0, 1) }])).rejects.toMatchObject({ code: 'topic.not_found' });

        await log.append([{ topic, partition: 0, records: numbered(0, 2) }]);

        expect(await log.watermarks([topic])).toEqual(new Map([[topic, [{ low: 0, high: 2 }]]]));
      });

      it('tells the first and the next offset of every partition', async () => {
        const [some, none] = [await topicOf(3), await topicOf(2, { compacted: true })];
        await log.append([{ topic: some, partition: 1, records: numbered(0, 4) }, { topic: some, partition: 2, records: numbered(0, 1) }]);

        const other = await opened.reopen();

        expect(await other.watermarks([none, some])).toEqual(new Map([
          [none, [{ low: 0, high: 0 }, { low: 0, high: 0 }]],
          [some, [{ low: 0, high: 0 }, { low: 0, high: 4 }, { low: 0, high: 1 }]],
        ]));
        await other.close();
      });

      it('creates a topic once, and refuses another number of partitions', async () => {
        const [topic, fresh] = [await topicOf(3), `suite-${crypto.randomUUID()}`];
        const spec = (name: string, partitions: number): TopicSpec => ({ topic: name, partitions, retentionHours: 1, compacted: false });
        await log.append([{ topic, partition: 0, records: numbered(0, 1) }]);

        await Promise.all([log.createTopics([spec(topic, 3), spec(fresh, 2)]), log.createTopics([spec(fresh, 2), spec(topic, 3)])]);

        await expect(log.createTopics([spec(topic, 4)])).rejects.toMatchObject({ kind: 'conflict', code: 'topic.partitions_differ' });
        expect((await log.watermarks([topic])).get(topic)).toEqual([{ low: 0, high: 1 }, { low: 0, high: 0 }, { low: 0, high: 0 }]);
      });
    });

    describe('hearing them', () => {
      it('hears within a second what comes to a topic that was empty', async () => {
        const topic = await topicOf(2);
        const ear = await listen([topic]);
        await eventually(() => expect(ear.assigned).toHaveLength(2));
        for (const round of [1, 2, 3]) {
          await sleep(150);
          await log.append([{ topic, partition: 1, records: numbered(round, round + 1) }]);
          const appended = performance.now();

          await eventually(() => expect(ear.heard).toHaveLength(round));
          expect(performance.now() - appended).toBeLessThan(1_000);
        }
      });

      it('joins fetches without a gap, and hears several topics', async () => {
        const [one, two] = [await topicOf(1), await topicOf(1)];
        const ear = await listen([one, two]);
        for (const turn of upTo(10)) {
          await log.append([{ topic: one, partition: 0, records: numbered(turn * 3, turn * 3 + 3) }, { topic: two, partition: 0, records: numbered(turn, turn + 1) }]);
        }

        await eventually(() => expect(ear.heard).toHaveLength(40));
        for (const fetches of [ear.fetches.filter(({ topic }) => topic === one), ear.fetches.filter(({ topic }) => topic === two)]) {
          expect(fetches.slice(1).map(({ from }) => from)).toEqual(fetches.slice(0, -1).map(({ next }) => next));
        }
      });

      it('goes to whatever offset the listener names: back, and forth into the middle', async () => {
        const topic = await topicOf(1);
        await log.append([{ topic, partition: 0, records: numbered(0, 10) }]);
        const jumps = [3, 8, 0];
        const ear = await listen([topic], { decide: ({ next }) => (next < 10 ? undefined : { kind: 'continue', at: jumps.shift() ?? next }) });

        await eventually(() => expect(ear.offsetsOf(0)).toEqual([...upTo(10), 3, 4, 5, 6, 7, 8, 9, 8, 9, ...upTo(10)]));
        expect(ear.fetches.map(({ from }) => from)).toEqual(expect.arrayContaining([0, 3, 8]));
      });

      it('brings the same again after a retry, not too early, and does not hold up the others', async () => {
        const topic = await topicOf(2);
        const tries: { at: number; first: number | undefined }[] = [];
        const ear = await listen([topic], {
          decide: ({ partition, from, records }) => {
            if (partition !== 0 || from !== 0) return undefined;
            tries.push({ at: performance.now(), first: records[0]?.offset });
            return tries.length < 3 ? { kind: 'retry', at: 0, afterMs: 700 } : undefined;
          },
        });
        await eventually(() => expect(ear.assigned).toHaveLength(2));
        await log.append([{ topic, partition: 0, records: numbered(0, 3) }]);
        await eventually(() => expect(tries).toHaveLength(1));
        const before = performance.now();
        await log.append([{ topic, partition: 1, records: numbered(0, 3) }]);
        await log.append([{ topic, partition: 0, records: numbered(3, 5) }]);

        await eventually(() => expect(ear.valuesOf(1)).toEqual(valuesOf(numbered(0, 3))));
        expect(performance.now() - before).toBeLessThan(500);
        await eventually(() => expect(tries).toHaveLength(3));
        await eventually(() => expect(ear.valuesOf(0).slice(-5)).toEqual(valuesOf(numbered(0, 5))));
        expect(tries.map(({ first }) => first)).toEqual([0, 0, 0]);
        // Timers may be a millisecond early.
        expect(Math.min(tries[1]!.at - tries[0]!.at, tries[2]!.at - tries[1]!.at)).toBeGreaterThanOrEqual(695);
      });

      it('leaves a stopped partition alone while the others flow', async () => {
        const topic = await topicOf(2);
        const ear = await listen([topic], { decide: ({ partition }) => (partition === 0 ? { kind: 'stop', code: 'test.stopped' } : undefined) });
        await log.append([{ topic, partition: 0, records: numbered(0, 1) }]);
        await eventually(() => expect(ear.valuesOf(0)).toHaveLength(1));

        for (const round of upTo(4)) {
          await log.append([0, 1].map((partition) => ({ topic, partition, records: numbered(round + 1, round + 2) })));
          await eventually(() => expect(ear.valuesOf(1)).toHaveLength(round + 1));
        }

        await sleep(500);
        expect(ear.valuesOf(0)).toEqual(valuesOf(numbered(0, 1)));
      });

      it('waits for the chunk in hand when it is stopped', async () => {
        const topic = await topicOf(1);
        let finished = false;
        const slow = Promise.withResolvers<void>();
        const consumption = await log.consume({
          group: `suite-${crypto.randomUUID()}`, topics: [topic], assigned: () => undefined, failed: (error) => slow.reject(error),
          heard: eachFetch(async (fetch, beat) => {
            slow.resolve();
            await sleep(300);
            await beat();
            finished = true;
            return { kind: 'continue', at: fetch.next };
          }),
        });
        await log.append([{ topic, partition: 0, records: numbered(0, 1) }]);
        await slow.promise;

        await consumption.stop();

        expect(finished).toBe(true);
      });
    });

    describe('a group', () => {
      it('shares the partitions, and gives those of one that leaves to the other', async () => {
        const topic = await topicOf(4);
        const group = `suite-${crypto.randomUUID()}`;
        const positions: Positions = new Map();
        const [first, second] = [await listen([topic], { group, positions }), await listen([topic], { group, positions })];
        const all = () => [...first.heard, ...second.heard];
        let round = 0;
        const say = () => log.append(upTo(4).map((partition) => ({ topic, partition, records: numbered(round++, round) })));

        await eventually(async () => {
          const before = [first.heard.length, second.heard.length];
          await say();
          await eventually(() => expect(all()).toHaveLength(round));
          expect([first.heard.length - before[0]!, second.heard.length - before[1]!]).toEqual([2, 2]);
        }, 20_000);
        second.assigned.length = 0;
        await first.stop();
        await say();

        await eventually(() => expect(all()).toHaveLength(round), 20_000);
        expect(new Set(second.heard.slice(-4).map(({ partition }) => partition))).toEqual(new Set([0, 1, 2, 3]));
        const taken = new Set(first.heard.slice(-2).map(({ partition }) => `${topic}/${partition}`));
        expect(second.assigned).toEqual(expect.arrayContaining([...taken]));
      });

      it('hears a stopped partition again when it went away and came back', async () => {
        const topic = await topicOf(2);
        const group = `suite-${crypto.randomUUID()}`;
        const positions: Positions = new Map();
        let standing = true;
        const first = await listen([topic], { group, positions, decide: () => (standing ? { kind: 'stop', code: 'test.stopped' } : undefined) });
        await log.append([0, 1].map((partition) => ({ topic, partition, records: numbered(0, 1) })));
        await eventually(() => expect(first.heard).toHaveLength(2));
        standing = false;

        const second = await listen([topic], { group, positions });
        await eventually(() => expect(second.heard.length).toBeGreaterThan(0), 20_000);
        const [{ partition }] = second.heard as [Heard];
        await second.stop();
        await log.append([{ topic, partition, records: numbered(1, 2) }]);

        await eventually(() => expect(first.valuesOf(partition)).toEqual(valuesOf(numbered(0, 2))), 20_000);
      });

      it('hears everything, whatever other groups heard', async () => {
        const topic = await topicOf(1);
        await log.append([{ topic, partition: 0, records: numbered(0, 5) }]);
        const [one, two] = [await listen([topic]), await listen([topic])];

        await eventually(() => expect([one.heard.length, two.heard.length]).toEqual([5, 5]));
      });
    });
  });
}

/** Where a service's database says each partition stands; members of one group have it in common. */
type Positions = Map<string, number>;

/** A listener as services have it: its own position is the truth, and a fetch that starts elsewhere is sent there. */
class Ear {
  readonly heard: Heard[] = [];
  readonly fetches: Fetch[] = [];
  readonly assigned: string[] = [];
  readonly failures: unknown[] = [];
  #consumption: Consumption | undefined;

  constructor(private readonly positions: Positions, private readonly decide: Decide = () => undefined) {}

  async listen(log: EventLog, group: string, topics: string[]): Promise<void> {
    this.#consumption = await log.consume({
      group, topics,
      assigned: (topic, partition) => this.assigned.push(`${topic}/${partition}`),
      failed: (error) => this.failures.push(error),
      heard: eachFetch(async (fetch, beat) => {
        await beat();
        return this.#hear(fetch);
      }),
    });
  }

  #hear(fetch: Fetch): Verdict {
    const place = `${fetch.topic}/${fetch.partition}`;
    const expected = this.positions.get(place) ?? 0;
    if (fetch.from !== expected) return { kind: 'continue', at: expected };
    this.fetches.push(fetch);
    this.heard.push(...fetch.records.map((record) => ({ ...record, partition: fetch.partition })));
    const verdict = this.decide(fetch) ?? { kind: 'continue', at: fetch.next };
    if (verdict.kind !== 'stop') this.positions.set(place, verdict.at);
    return verdict;
  }

  valuesOf = (partition: number): (string | null)[] => this.#of(partition).map(({ value }) => value);
  offsetsOf = (partition: number): number[] => this.#of(partition).map(({ offset }) => offset);
  #of = (partition: number): Heard[] => this.heard.filter((record) => record.partition === partition);

  async stop(): Promise<void> {
    await this.#consumption?.stop();
  }
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const numbered = (from: number, to: number, who = ''): Append['records'][number][] =>
  upTo(to - from).map((i) => ({ key: `key-${(from + i) % 7}`, value: `${who}${from + i}`, headers: { n: String(from + i) } }));

const valuesOf = (records: Append['records']): (string | null)[] => records.map(({ value }) => value);

async function eventually(check: () => void | Promise<void>, withinMs = 10_000): Promise<void> {
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > until) throw error;
      await sleep(20);
    }
  }
}
