import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { eventually } from '@yunke/testing';

/** One fault that happened, as the armed process wrote it down. */
export type Firing = { readonly process: string; readonly pid: number; readonly point: string; readonly hit: number; readonly act: string; readonly at: number };

/** Tells armed processes (arm.ts) when to die, stop or wait, and knows which of it happened. */
export class Armory {
  constructor(readonly directory: string) {
    mkdirSync(directory, { recursive: true });
  }

  /** From now on this process follows the plan; hits are counted anew. */
  arm(name: string, plan: string): void {
    const file = join(this.directory, name);
    writeFileSync(`${file}.new`, plan);
    renameSync(`${file}.new`, file);
  }

  disarm(...names: readonly string[]): void {
    for (const name of names) rmSync(join(this.directory, name), { force: true });
  }

  fired(): Firing[] {
    const text = readFileSync(join(this.directory, 'fired'), { encoding: 'utf8', flag: 'a+' });
    return text.split('\n').slice(0, -1).map((line) => JSON.parse(line) as Firing);
  }

  /** Arms them and waits until one has fired; the others are disarmed at once. */
  async hit(names: string | readonly string[], plan: string, withinMs = 30_000): Promise<Firing> {
    const armed = [names].flat();
    const before = this.fired().length;
    for (const name of armed) this.arm(name, plan);
    const firing = await eventually(() => {
      const found = this.fired().slice(before).find((one) => armed.includes(one.process));
      if (!found) throw new Error(`${armed.join(' or ')} did not come to ${plan}`);
      return found;
    }, withinMs);
    this.disarm(...armed.filter((name) => name !== firing.process));
    return firing;
  }
}
