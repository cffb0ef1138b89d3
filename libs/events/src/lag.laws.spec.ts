import fc from 'fast-check';

import { lagOf } from './lag.js';

/** What happens to a topic of two partitions: a record comes, some are heard, time passes, somebody looks. */
const happening = fc.oneof(
  fc.record({ does: fc.constant('come' as const), partition: fc.nat(1), relayMs: fc.nat(500) }),
  fc.record({ does: fc.constant('hear' as const), partition: fc.nat(1), records: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ does: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 10_000 }) }),
  fc.record({ does: fc.constant('look' as const) }),
);
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

/** A partition as the oracle sees it: when each record was accepted and came, and how many were heard. */
const empty = () => ({ came: [] as { acceptedAt: number; at: number }[], heard: 0, emptySeenAt: 0 });

function live(happenings: readonly Happening[], looked: (seen: { reported: { records: number; ms: number }; partitions: ReturnType<typeof empty>[]; now: number }) => void): void {
  const partitions = [empty(), empty()];
  const emptyAt = new Map<string, number>();
  let now = 1_000_000;
  for (const one of [{ does: 'look' as const }, ...happenings, { does: 'look' as const }]) {
    if (one.does === 'come') {
      const { came } = partitions[one.partition]!;
      came.push({ acceptedAt: Math.max(came.at(-1)?.acceptedAt ?? 0, now - one.relayMs), at: now });
    } else if (one.does === 'hear') partitions[one.partition]!.heard = Math.min(partitions[one.partition]!.came.length, partitions[one.partition]!.heard + one.records);
    else if (one.does === 'pass') now += one.ms;
    else {
      for (const partition of partitions) if (partition.heard === partition.came.length) partition.emptySeenAt = now;
      const standings = new Map(partitions.map(({ came, heard }, index) => [`t/${index}`, { next: heard, through: came[heard - 1]?.acceptedAt ?? null }]));
      const reported = lagOf(new Map([['t', partitions.map(({ came }) => ({ low: 0, high: came.length }))]]), standings, { emptyAt, now }).get('t')!;
      looked({ reported, partitions, now });
    }
  }
}

describe('consumer lag', () => {
  const holds = (looked: Parameters<typeof live>[1]): void => fc.assert(fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => live(happenings, looked)), { numRuns: 2_000 });

  it('counts exactly the records that wait', () => holds(({ reported, partitions }) => {
    expect(reported.records).toBe(partitions.flatMap(({ came, heard }) => came.slice(heard)).length);
  }));

  it('never says that a record has waited for less than it has, and says nothing where none waits', () => holds(({ reported, partitions, now }) => {
    const waits = partitions.flatMap(({ came, heard }) => came.slice(heard)).map(({ at }) => now - at);
    if (waits.length === 0) expect(reported.ms).toBe(0);
    else expect(reported.ms).toBeGreaterThanOrEqual(Math.max(...waits));
  }));

  it('says no more than the time since a partition that waits was last seen empty', () => holds(({ reported, partitions, now }) => {
    const since = partitions.filter(({ came, heard }) => heard < came.length).map(({ emptySeenAt }) => now - emptySeenAt);
    expect(reported.ms).toBeLessThanOrEqual(Math.max(0, ...since));
  }));

  it('leaves out what the log no longer holds', () => {
    expect(lagOf(new Map([['t', [{ low: 40, high: 50 }]]]), new Map([['t/0', { next: 3, through: 5 }]]), { emptyAt: new Map(), now: 25 }).get('t')).toEqual({ records: 10, ms: 20 });
  });
});
