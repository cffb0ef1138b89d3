import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { sum } from './figures.js';
import { bodiesOf, EVENTS_PER_REQUEST, type Workload } from './workload.js';
import { answerWith } from './worker.js';

/** Where orders go. */
export type Target = { readonly url: string; readonly key: string };
export type Question =
  | { readonly kind: 'prepare'; readonly workload: Workload; readonly from: number; readonly to: number }
  | ({ readonly kind: 'send'; readonly inFlight: number } & Target)
  | ({ readonly kind: 'pace'; readonly perSecond: number } & Target);

/** Instants are milliseconds since 1970 with fractions. */
export type Sent = { readonly accepted: number; readonly startedAt: number; readonly endedAt: number };
export type Paced = Sent & { readonly everyMs: number; readonly latestMs: number };

const agent = new Agent({ keepAlive: true, maxSockets: 256 });
let bodies: Buffer[] = [];

const now = (): number => performance.timeOrigin + performance.now();

/** The load: a process of its own. Bodies are made before the clock runs. */
answerWith<Question>(async (question) => {
  if (question.kind === 'prepare') {
    bodies = bodiesOf(question.workload, question.from, question.to).map((text) => Buffer.from(text));
    return { requests: bodies.length };
  }
  return question.kind === 'send' ? send(question, question.inFlight) : pace(question, question.perSecond);
});

/** Closed loop: so many requests in flight, each followed by the next. */
async function send(target: Target, inFlight: number): Promise<Sent> {
  const startedAt = now();
  const answers: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let body = bodies[next++]; body; body = bodies[next++]) answers.push(await post(target, body));
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { accepted: sum(answers), startedAt, endedAt: now() };
}

/** Open loop: request n leaves at `startedAt + n × everyMs`, whatever became of those before. */
async function pace(target: Target, perSecond: number): Promise<Paced> {
  const everyMs = (EVENTS_PER_REQUEST / perSecond) * 1_000;
  const startedAt = now() + 100;
  let latestMs = 0;
  const answers: Promise<number>[] = [];
  for (const [n, body] of bodies.entries()) {
    const due = startedAt + n * everyMs;
    if (due > now()) await pause(due - now());
    latestMs = Math.max(latestMs, now() - due);
    const answer = post(target, body);
    answer.catch(() => undefined); // awaited below
    answers.push(answer);
  }
  const accepted = sum(await Promise.all(answers));
  return { accepted, startedAt, endedAt: now(), everyMs, latestMs };
}

/** How many of a batch were accepted. @throws Error when the answer is not 202 */
function post({ url, key }: Target, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'content-length': body.length };
    request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('error', reject).on('data', (chunk: string) => (text += chunk)).on('end', () => {
        if (response.statusCode !== 202) reject(new Error(`${url} answered ${response.statusCode}: ${text.slice(0, 500)}`));
        else resolve((JSON.parse(text) as { accepted: number }).accepted);
      });
    }).on('error', reject).end(body);
  });
}
