import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const USAGE = `npm run bench [-- options]

  --json FILE      write what was measured
  --events N       orders that are measured (100000); 40 % as many before them are for warming up and not measured
  --profile DIR    write a CPU profile of every service (and cost it some of its speed)
`;

export type Settings = {
  readonly json: string | undefined;
  readonly events: number;
  readonly warmUp: number;
  /** Of the naive twin. */
  readonly naiveEvents: number;
  readonly doorEventsPerRound: number;
  readonly profile: string | undefined;
};

const LEAST = 2_000;
const hundreds = (events: number): number => Math.ceil(events / 100) * 100;

/** @throws Error that says what is wrong with the arguments */
export function readSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({ args: [...args], options: { json: { type: 'string' }, events: { type: 'string', default: '100000' }, profile: { type: 'string' } } });
  const events = Number(values.events);
  if (!Number.isInteger(events) || events < LEAST || events > 400_000) throw new Error(`--events must be a whole number from ${LEAST} to 400000.`);
  if (values.profile) mkdirSync(values.profile, { recursive: true });
  return {
    json: values.json, events: hundreds(events), warmUp: hundreds(events * 0.4), naiveEvents: hundreds(Math.min(3_000, events)), doorEventsPerRound: hundreds(Math.min(20_000, events / 5)),
    profile: values.profile && resolve(values.profile),
  };
}
