import { streams, type CustomerObserved, type OrderObserved } from '@yunke/contracts';
import { Batch, giveVoice } from '@yunke/events';
import { iso } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { migrationsOf } from '@yunke/service';
import { SECRET, throwAwayDatabase } from '@yunke/testing';
import { identity } from './identity.module.js';
import { ObservationHandlers } from './observation/observation.handlers.js';
import { fold } from './observation/observation.js';

const T = Date.UTC(2026, 0, 1);
const customer = (n: number, at: number): CustomerObserved => ({ source: 'shop', subject: `shop:account:${n}`, messageId: `c${n}-${at}`, occurredAt: iso(T + at), acceptedAt: iso(T + at + 50), history: false, verified: true, identifiers: [], name: `Name ${n}`, email: `user${n}@example.com`, phone: `138${String(n).padStart(8, '0')}`, marketingConsent: true });
const order = (n: number, at: number): OrderObserved => ({ source: 'shop', subject: `shop:account:${n}`, messageId: `o${n}-${at}`, occurredAt: iso(T + at), acceptedAt: iso(T + at + 50), history: false, verified: true, identifiers: [], orderId: `shop:${n}-${at}`, lines: [], email: `user${n}@example.com`, phone: `138${String(n).padStart(8, '0')}` });
const heard = (type: string, body: any, id: string) => ({ type, body, id, key: body.subject, acceptedAt: Date.parse(body.acceptedAt) }) as never;

it('measures', async () => {
  const db = await Db.open({ url: await throwAwayDatabase({ name: 'identity', migrations: migrationsOf(identity) }), applicationName: 'bench', migrations: [] });
  giveVoice(db, { service: 'identity', secret: SECRET, partitions: 12, epoch: 'e', wake: () => undefined });
  const handlers = new ObservationHandlers();
  const out: string[] = [];
  const time = async (name: string, chunks: number, make: (chunk: number) => any, hear: (batch: any, tx: any) => Promise<void>) => {
    const times: number[] = [];
    for (let c = 0; c < chunks; c++) { const batch = make(c); const t = performance.now(); await db.tx((tx) => hear(batch, tx)); times.push((performance.now() - t) * 1000 / batch.records.length); }
    times.sort((a, b) => a - b);
    out.push(`${name}: median ${times[chunks >> 1]!.toFixed(1)} µs, min ${times[0]!.toFixed(1)}, max ${times.at(-1)!.toFixed(1)}`);
  };
  const CH = Number(process.env.CH ?? 60);
  await time('new accounts', CH, (c) => new Batch(Array.from({ length: 1000 }, (_, i) => heard('CustomerObserved', customer(c * 1000 + i, 0), `r${c}-${i}`))), (b, tx) => handlers.customers(b, tx));
  await time('known orders', CH, (c) => new Batch(Array.from({ length: 1000 }, (_, i) => { const n = (i * 7919 + c * 13) % (CH * 1000); return heard('OrderObserved', order(n, 1000 + c), `o${c}-${i}`); })), (b, tx) => handlers.orders(b, tx));
  await time('same customers again, newer', 20, (c) => new Batch(Array.from({ length: 1000 }, (_, i) => { const n = (i * 7919 + c * 13) % (CH * 1000); return heard('CustomerObserved', customer(n, 5000 + c), `q${c}-${i}`); })), (b, tx) => handlers.customers(b, tx));
  await time('accounts of a second shop with the same phone and e-mail', 20, (c) => new Batch(Array.from({ length: 1000 }, (_, i) => { const n = c * 1000 + i; return heard('CustomerObserved', { ...customer(n, 9000 + c), source: 'pos', subject: `pos:account:${n}` }, `p${c}-${i}`); })), (b, tx) => handlers.customers(b, tx));
  const recs = Array.from({ length: 1000 }, (_, i) => heard('OrderObserved', order(i, 1000), `o${i}`));
  let t = performance.now(); for (let i = 0; i < 100; i++) fold(recs as never); out.push(`fold alone: ${((performance.now() - t) / 100).toFixed(1)} µs`);
  if (process.env.PROFILE) { }
  console.log(out.join('\n'));
  await db.close();
}, 600_000);
