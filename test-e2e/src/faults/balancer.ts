import { createServer, request as ask, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const LOOK_EVERY_MS = 100;

/** What a client behind a proxy sees: round robin over what says it is ready; who does not listen any more is passed over. */
export class Balancer {
  /** Connections that broke off after a request had gone out: a client cannot know what became of it. */
  readonly resets: string[] = [];
  readonly #ready = new Set<string>();
  readonly #leaving = new Set<string>();
  readonly #server: Server = createServer((request, response) => void this.#pass(request, response));
  readonly #watching = setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
  #turn = 0;

  constructor(private readonly targets: readonly string[]) {}

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    await this.look();
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Asks every target whether it is ready. One that is slow to say stays what it was. */
  async look(): Promise<void> {
    await Promise.all(this.targets.map(async (target) => {
      const status = await fetch(`${target}/health/ready`, { signal: AbortSignal.timeout(2_000) }).then((response) => response.status, (error: Error) => (error.name === 'TimeoutError' ? undefined : 0));
      if (status === 200 && !this.#leaving.has(target)) this.#ready.add(target);
      else if (status !== undefined) this.#ready.delete(target);
    }));
  }

  /** Sends it nothing new, as an orchestrator sees to before it sends SIGTERM. What is under way goes on. */
  leave(target: string): void {
    this.#leaving.add(target);
    this.#ready.delete(target);
  }

  /** Takes it in again as soon as it says that it is ready. */
  join(target: string): void {
    this.#leaving.delete(target);
  }

  isReady(target: string): boolean {
    return this.#ready.has(target);
  }

  close(): void {
    clearInterval(this.#watching);
    this.#server.close(); // what is under way ends by itself
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(request);
    const ready = [...this.#ready];
    const first = (this.#turn += 1);
    for (const index of ready.keys()) {
      const target = ready[(first + index) % ready.length]!;
      const outcome = await forward(target, { request, body }, response);
      if (outcome === 'answered') return;
      if (outcome !== 'ECONNREFUSED') {
        this.resets.push(`${outcome} from ${target}`);
        break;
      }
      this.#ready.delete(target);
    }
    response.writeHead(502).end('{}');
  }
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** One connection a request, as proxies do by default. Returns `answered`, or the code of what went wrong. */
function forward(target: string, { request, body }: { request: IncomingMessage; body: Buffer }, response: ServerResponse): Promise<string> {
  return new Promise((resolve) => {
    const { host: _, connection: __, 'transfer-encoding': ___, ...headers } = request.headers;
    const out = ask(`${target}${request.url}`, { method: request.method!, agent: false, headers: { ...headers, 'content-length': body.length } }, (answer) => {
      const { connection: ____, 'keep-alive': _____, 'transfer-encoding': ______, ...rest } = answer.headers;
      read(answer).then((text) => {
        response.writeHead(answer.statusCode!, { ...rest, 'content-length': text.length }).end(text);
        resolve('answered');
      }, (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
    out.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    out.end(body);
  });
}
