import { DAY, iso, type Millis } from '@yunke/kernel';

/** What decides every order: any process can make the order of any index, and always makes the same. */
export type Workload = {
  readonly seed: number;
  readonly customers: number;
  /**
   * Orders below this index lie in the past, up to a year; from it on they are placed now. The first half of them is of as many
   * other customers, who are silent ever after: so there can be more to warm up with, and the others still have as much to become.
   */
  readonly warmUp: number;
  /** From this index on every {@link FRESH_EVERY}th order is somebody's whom nobody knew. */
  readonly freshFrom: number;
  /** When the run began. */
  readonly base: Millis;
};

export type Line = { readonly sku: string; readonly quantity: number; readonly unitMinor: number };
export type Order = { readonly index: number; readonly customer: string; readonly phone: string; readonly placedAt: Millis; readonly lines: readonly Line[] };

export const CURRENCY = 'CNY';
export const LINES = 3;
export const EVENTS_PER_REQUEST = 100;
/** Seldom, as while the maximum is measured: half of another load would be no half. Not always at the same place of a request. */
export const FRESH_EVERY = 101;
const PRODUCTS = 5_000;
const PHONES = { s: '137', f: '138', c: '139' };
const GOODS = ['Oolong', 'Longjing', 'Pu-erh', 'Keemun', 'Jasmine', 'Tieguanyin', 'Biluochun'];

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The order of an index: one of the customers of the day, each as likely as the next, buys three lines. */
export function orderAt(workload: Workload, index: number): Order {
  const random = randomOf(Math.imul(workload.seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const below = (limit: number): number => Math.floor(random() * limit);
  const known = below(workload.customers);
  const customer = index < workload.warmUp / 2 ? `s${known}` : index >= workload.freshFrom && index % FRESH_EVERY === 0 ? `f${index}` : `c${known}`;
  const lines = Array.from({ length: LINES }, (): Line => ({ sku: `TEA-${below(PRODUCTS)}`, quantity: 1 + below(3), unitMinor: 500 + below(11_500) }));
  return {
    index, lines, customer, phone: `${PHONES[customer[0] as keyof typeof PHONES]}${customer.slice(1).padStart(8, '0')}`,
    placedAt: placedAt(workload, index, below),
  };
}

/** Half a day from every threshold of the shipped segments, so that none is crossed by time during the run; later, a millisecond an order. */
function placedAt({ warmUp, base }: Workload, index: number, below: (limit: number) => number): Millis {
  return index < warmUp ? base - below(349) * DAY - DAY / 2 : base - 600_000 + (index - warmUp);
}

export const orderIdOf = (index: number): string => `B-${index}`;
export const messageIdOf = (index: number): string => `bench-${index}`;

/** The order as `POST /v1/observations` takes it. */
export function observationOf({ index, customer, phone, placedAt: at, lines }: Order): object {
  const when = iso(at);
  return {
    type: 'OrderObserved', messageId: messageIdOf(index), occurredAt: when, orderId: orderIdOf(index), subject: `account:${customer}`, currency: CURRENCY, placedAt: when,
    email: `${customer}@example.com`, phone, country: 'CN',
    lines: lines.map(({ sku, quantity, unitMinor }, at) => ({ lineId: String(at + 1), sku, name: `${GOODS[sku.length % GOODS.length]} tea, ${sku}`, quantity, unitPrice: (unitMinor / 100).toFixed(2) })),
  };
}

/** The bodies of the requests that send orders `from` to `to`. */
export function bodiesOf(workload: Workload, from: number, to: number): string[] {
  const bodies: string[] = [];
  for (let at = from; at < to; at += EVENTS_PER_REQUEST) {
    const observations = Array.from({ length: Math.min(EVENTS_PER_REQUEST, to - at) }, (_, place) => observationOf(orderAt(workload, at + place)));
    bodies.push(JSON.stringify({ observations }));
  }
  return bodies;
}
