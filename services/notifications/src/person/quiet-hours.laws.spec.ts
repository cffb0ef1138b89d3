import { jest } from '@jest/globals';
import fc from 'fast-check';

import { isZone, quietUntil, type QuietHours } from './quiet-hours.js';

const MINUTE = 60_000;

/** The wall clock by another way than the code under test: the text of the sv-SE locale is ISO 8601. */
const clocks = new Map<string, Intl.DateTimeFormat>();
const clock = (at: number, zone: string): string => {
  if (!clocks.has(zone)) clocks.set(zone, new Intl.DateTimeFormat('sv-SE', { timeZone: zone, hour: '2-digit', minute: '2-digit' }));
  return clocks.get(zone)!.format(at);
};
const isQuiet = (at: number, { from, to }: QuietHours, zone: string): boolean => {
  const now = clock(at, zone);
  return from <= to ? from <= now && now < to : from <= now || now < to;
};

/** The first whole minute after `at` at which it is not quiet, by looking at every one. */
const oracle = (at: number, hours: QuietHours, zone: string): number | undefined => {
  if (!isQuiet(at, hours, zone)) return undefined;
  for (let minute = (Math.floor(at / MINUTE) + 1) * MINUTE; minute < at + 26 * 60 * MINUTE; minute += MINUTE) if (!isQuiet(minute, hours, zone)) return minute;
  return NaN;
};

const zones = fc.constantFrom('Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Chatham', 'UTC');
const times = fc.tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom(0, 1, 15, 30, 59)).map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`);
const windows = fc.oneof(fc.constant({ from: '21:00', to: '09:00' }), fc.record({ from: times, to: times }).filter(({ from, to }) => from !== to));
/** Around the changes of clocks in 2026 (Europe, America, Australia), and anywhere. */
const changes = fc.constantFrom('2026-03-29T01:00:00Z', '2026-10-25T01:00:00Z', '2026-03-08T07:00:00Z', '2026-11-01T06:00:00Z', '2026-04-04T15:00:00Z', '2026-10-03T15:30:00Z', '2026-09-26T14:00:00Z').map(Date.parse);
const instants = fc.oneof(fc.tuple(changes, fc.integer({ min: -26 * 3_600_000, max: 26 * 3_600_000 })).map(([at, by]) => at + by), fc.integer({ min: Date.parse('2026-01-01'), max: Date.parse('2027-01-01') }));

describe('quiet hours', () => {
  it('end at the first minute outside of the window on the person\'s own clock, whatever clocks do that night', () =>
    fc.assert(fc.property(instants, windows, zones, (at, hours, zone) => {
      expect(quietUntil(at, hours, zone)).toBe(oracle(at, hours, zone));
    }), { numRuns: 1_500 }), 60_000);

  it('hold a message of half past ten in the evening until nine the next morning, in the person\'s zone', () => {
    expect(quietUntil(Date.parse('2026-03-01T22:30:10+08:00'), { from: '21:00', to: '09:00' }, 'Asia/Shanghai')).toBe(Date.parse('2026-03-02T09:00:00+08:00'));
    expect(quietUntil(Date.parse('2026-03-01T22:30:10+08:00'), { from: '21:00', to: '09:00' }, 'Europe/Berlin')).toBeUndefined();
  });

  it('keep no clock for each of the endless ways to write a zone', () => {
    const spellings = Array.from({ length: 2_048 }, (_, n) => [...'asia/shanghai'].map((letter, at) => ((n >> at) & 1 ? letter.toUpperCase() : letter)).join(''));
    expect(new Set(spellings.filter(isZone)).size).toBeGreaterThan(1_000);

    const made = jest.spyOn(Intl, 'DateTimeFormat');
    for (const zone of new Set(spellings)) isZone(zone);
    expect(made).toHaveBeenCalled(); // the first of them were forgotten
    made.mockRestore();
  });
});
