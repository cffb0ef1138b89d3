import { fork, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ours = new Set<number>();
const folders = new Set<string>();

process.on('exit', () => {
  for (const pid of ours) kill(pid, 'SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

/** Ends a process with this one, however this one ends (but for SIGKILL). */
export function endWithUs(pid: number): void {
  ours.add(pid);
}

/** A folder that goes when this process ends. */
export function goesWithUs(folder: string): void {
  folders.add(folder);
}

export function isGone(pid: number): void {
  ours.delete(pid);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it was faster
  }
}

type Answer = { readonly id: number; readonly answer?: unknown; readonly error?: string };

/** A process of the bench's own that does one thing after the other, as it is asked. Module paths are beside this file. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>();
  #last = 0;

  constructor(readonly module: string, env: Record<string, string> = {}) {
    this.#child = fork(fileURLToPath(new URL(module, import.meta.url)), { env: { PATH: process.env['PATH'], KAFKAJS_NO_PARTITIONER_WARNING: '1', ...env }, execArgv: ['--disable-warning=TimeoutNegativeWarning'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    endWithUs(this.pid);
    this.#child.on('message', ({ id, answer, error }: Answer) => {
      const { resolve, reject } = this.#asked.get(id)!;
      this.#asked.delete(id);
      if (error === undefined) resolve(answer as never);
      else reject(new Error(`${module}: ${error}`));
    });
    this.#child.once('exit', (code) => {
      isGone(this.pid);
      for (const { reject } of this.#asked.values()) reject(new Error(`${module} ended with ${code}`));
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** @throws Error with what the process says went wrong */
  ask<A>(question: object): Promise<A> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#child.send({ id, question });
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await ended;
  }
}

/** The other end: called once in a worker's module. */
export function answerWith<Q>(work: (question: Q) => Promise<unknown>): void {
  process.on('message', ({ id, question }: { id: number; question: Q }) => {
    work(question).then(
      (answer) => process.send!({ id, answer } satisfies Answer),
      (error: Error) => process.send!({ id, error: error.stack ?? error.message } satisfies Answer),
    );
  });
  process.on('disconnect', () => process.exit(0));
}
