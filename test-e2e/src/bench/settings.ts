import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const USAGE = `npm run bench [-- options]

  --json FILE      write what was measured
  --events N       orders that are measured (100000)
  --warm-up N      orders before them that are not (twice as many, 300000 at most; with fewer than 200000 compilers are still at it)
  --all            six services and not only the four of the spine: stock and messages too
  --profile DIR    write a CPU profile of every service (and cost it some of its speed)

It reads /proc, so it runs on Linux only.
`;

export type Settings = {
  readonly json: string | undefined;
  readonly events: number;
  readonly warmUp: number;
  /** Of the naive twin. */
  readonly naiveEvents: number;
  readonly profile: string | undefined;
};

const LEAST = 1_000;
const MOST = 300_000;
const hundreds = (events: number): number => Math.ceil(events / 100) * 100;

/** @throws Error that says what is wrong with the arguments */
export function readSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args], options: { json: { type: 'string' }, events: { type: 'string', default: '100000' }, 'warm-up': { type: 'string' }, profile: { type: 'string' }, all: { type: 'boolean' } },
  });
  const events = count('--events', values.events);
  const warmUp = count('--warm-up', values['warm-up'] ?? String(Math.min(MOST, 2 * events)));
  if (values.profile) mkdirSync(values.profile, { recursive: true });
  return {
    json: values.json, events, warmUp, naiveEvents: hundreds(Math.min(3_000, events)),
    profile: values.profile && resolve(values.profile),
  };
}

function count(option: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < LEAST || number > MOST) throw new Error(`${option} must be a whole number from ${LEAST} to ${MOST}.`);
  return hundreds(number);
}
