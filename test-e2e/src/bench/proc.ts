import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const micros = (ticks: number): number => (ticks * 1_000_000) / TICKS_PER_SECOND;

/** CPU of a process so far, user and system, all its threads, in µs; `waitedFor` is that of its children which have ended. */
export function cpuOf(pid: number): { own: number; waitedFor: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [user, system, childUser, childSystem] = text.slice(text.lastIndexOf(')') + 2).split(' ').slice(11, 15).map(Number);
    return { own: micros(user! + system!), waitedFor: micros(childUser! + childSystem!) };
  } catch {
    return undefined; // it has ended
  }
}

/** What every process on this machine has used so far, in µs. */
export function cpuOfAll(): number {
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'latin1').slice(5, 200).trim().split(/\s+/).map(Number);
  return micros(user! + nice! + system! + irq! + softirq!);
}

/** A line of `/proc/<pid>/status`, in MB. */
export function memoryOf(pid: number, line: 'VmHWM' | 'RssAnon' | 'RssShmem'): number {
  try {
    return Number(new RegExp(`^${line}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1_024;
  } catch {
    return 0;
  }
}

export const childrenOf = (pid: number): number[] => readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);

export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
