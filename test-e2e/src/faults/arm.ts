import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Loaded with `--import` before a service: arms the named fault points (libs/kernel/src/fault.ts) of that process.
 * `$YUNKE_FAULTS/<$YUNKE_PROCESS>` holds the plan, `<point>:<hit>=<act>[ <ms>]` apart by semicolons, and may change while the
 * process runs; hits are counted from then on. Acts: `kill` (-9, after ms), `stop` (SIGSTOP), `pause <ms>`, `throw` (an outage).
 * Each firing is on disk, in `$YUNKE_FAULTS/fired`, before it happens.
 */
const directory = process.env['YUNKE_FAULTS'];
const name = process.env['YUNKE_PROCESS'];

type Act = { readonly point: string; readonly hit: number; readonly act: string; readonly ms: number };

let plan: Act[] = [];
let seen = '';
const hits = new Map<string, number>();

if (directory && name) {
  (globalThis as { [key: symbol]: unknown })[Symbol.for('yunke.fault')] = (point: string): Promise<void> | undefined => {
    look(join(directory, name));
    const hit = (hits.get(point) ?? 0) + 1;
    hits.set(point, hit);
    const due = plan.find((one) => one.point === point && one.hit === hit);
    return due && fire(due, directory);
  };
}

function look(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  const stamp = found ? `${found.ino} ${found.mtimeMs}` : '';
  if (stamp === seen) return;
  seen = stamp;
  hits.clear();
  plan = found ? readFileSync(file, 'utf8').split(';').filter(Boolean).map(read) : [];
}

function read(text: string): Act {
  const [, point, hit, act, ms = '0'] = /^\s*([\w.-]+):(\d+)=(kill|stop|pause|throw)(?: (\d+))?\s*$/.exec(text) ?? [];
  if (!point || !act) throw new Error(`not a fault: ${text}`);
  return { point, hit: Number(hit), act, ms: Number(ms) };
}

function fire({ point, hit, act, ms }: Act, into: string): Promise<void> | undefined {
  record(join(into, 'fired'), { process: name, pid: process.pid, point, hit, act, at: Date.now() });
  if (act === 'pause') return pause(ms);
  if (act === 'throw') throw Object.assign(new Error('a fault'), { code: 'ECONNRESET' });
  if (act === 'stop') process.kill(process.pid, 'SIGSTOP');
  else if (ms > 0) return pause(ms).then(() => die());
  else die();
  return undefined;
}

const die = (): void => void process.kill(process.pid, 'SIGKILL');

function record(file: string, firing: object): void {
  const descriptor = openSync(file, 'a');
  writeSync(descriptor, `${JSON.stringify(firing)}\n`);
  fsyncSync(descriptor);
  closeSync(descriptor);
}
