import { DAY, iso, type Millis } from '@yunke/kernel';

/** A call of the Segment-compatible API, as a shop's server sends it. */
export type Call = { readonly type: 'identify' | 'track' | 'page'; readonly messageId: string; readonly userId: string; readonly timestamp: string; readonly [more: string]: unknown };

/** What the storeroom tells, as `POST /v1/observations` takes it. */
export type StockSaid = { readonly type: 'StockObserved'; readonly messageId: string; readonly movementId: string; readonly occurredAt: string; readonly sku: string; readonly warehouse: string; readonly kind: 'receipt' | 'sale' | 'expected'; readonly quantity: number; readonly expectedAt?: string };

/** A number in [0, 1) per call, the same sequence for the same seed (mulberry32). */
export type Random = () => number;

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Shopper = { readonly id: string; readonly name: string; readonly everyDays: number; readonly basket: number; readonly returns: number; nextAt: Millis; orders: number; known: boolean };
type Due = { readonly at: Millis; readonly said: Call | StockSaid };

const NAMES = ['Ada', 'Bo', '陈晨', 'Dilnoza', 'Emre', 'Fatima', '高远', 'Hana', 'Ines', 'Jun', 'Kofi', '李娜', 'Mei', 'Noor', 'Olga', 'Priya', '秦岚', 'Rosa', 'Sven', '田甜'];
const GOODS = [['longjing', '龙井 Longjing', 128], ['teapot', 'Teapot', 360], ['cup', 'Cup', 42], ['biscuits', 'Biscuits', 18.5], ['kettle', 'Kettle', 899]] as const;
/** With so few left the storeroom orders as many again, which come days later: sometimes too late. */
const ORDERED_AT = 20;
const ORDERED = 120;
const DELIVERED_AFTER: Millis = 6 * DAY;

/** A shop whose shoppers browse, order, receive, return and fall silent, and whose storeroom runs low: what happens is a function of the seed and of time. */
export class DemoShop {
  readonly #shoppers: Shopper[];
  /** Of each kind what is there and what is on its way. */
  readonly #storeroom = new Map<string, number>();
  #due: Due[] = [];
  #serial = 0;

  constructor(private readonly random: Random, startAt: Millis, shoppers = 60) {
    this.#shoppers = Array.from({ length: shoppers }, (_, index): Shopper => ({
      id: `demo-${index + 1}`, name: NAMES[index % NAMES.length]!, everyDays: 3 + 60 * random() ** 2, basket: 1 + Math.floor(3 * random()), returns: 0.3 * random() ** 2,
      nextAt: startAt + 20 * DAY * random() ** 3, orders: 0, known: false,
    }));
    for (const [sku] of GOODS) this.#receive(sku, startAt);
  }

  /** What happens up to `now`, in order of time. */
  until(now: Millis): (Call | StockSaid)[] {
    for (const shopper of this.#shoppers) while (shopper.nextAt <= now) this.#visit(shopper);
    const ready = this.#due.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
    this.#due = this.#due.filter(({ at }) => at > now);
    return ready.map(({ said }) => said);
  }

  #visit(shopper: Shopper): void {
    const at = shopper.nextAt;
    const say = (later: Millis, type: Call['type'], more: object): void => void this.#due.push({ at: at + later, said: { type, messageId: this.#nextId(at), userId: shopper.id, timestamp: iso(at + later), ...more } });
    if (!shopper.known) say(0, 'identify', { traits: { name: shopper.name, email: `${shopper.id}@example.org` } });
    shopper.known = true;
    say(1_000, 'page', { name: 'Shop', properties: { path: '/' } });
    if (this.random() < 0.75) this.#order(shopper, say);
    shopper.nextAt = at + DAY * shopper.everyDays * (0.4 + 1.2 * this.random()) * (this.random() < 0.04 ? 12 : 1); // now and then somebody falls silent
  }

  #order(shopper: Shopper, say: (later: Millis, type: Call['type'], more: object) => void): void {
    shopper.orders += 1;
    const order_id = `${shopper.id}-${shopper.orders}`;
    const products = Array.from({ length: shopper.basket }, () => GOODS[Math.floor(this.random() * GOODS.length)]!).map(([product_id, name, price]) => ({ product_id, sku: product_id, name, price, quantity: 1 + Math.floor(2 * this.random()) }));
    const total = Math.round(products.reduce((sum, { price, quantity }) => sum + price * quantity, 0) * 100) / 100;
    const track = (later: Millis, event: string, more: object = {}): void => say(later, 'track', { event, properties: { order_id, currency: 'CNY', ...more } });
    track(60_000, 'Order Completed', { products, total });
    track(0.5 * DAY, 'Order Shipped', { shipment_id: `${order_id}-1`, carrier: 'SF' });
    for (const { sku, quantity } of products) this.#sell(sku, quantity, shopper.nextAt + 0.5 * DAY); // still the time of this visit
    track(2 * DAY, 'Order Delivered', { shipment_id: `${order_id}-1` });
    if (this.random() < shopper.returns) track(5 * DAY, 'Order Refunded', { total });
  }
  #sell(sku: string, quantity: number, at: Millis): void {
    const left = this.#storeroom.get(sku)! - quantity;
    this.#storeroom.set(sku, left);
    this.#tell({ kind: 'sale', sku, quantity: -quantity }, at);
    if (left > ORDERED_AT) return;
    this.#tell({ kind: 'expected', sku, quantity: ORDERED, expectedAt: iso(at + DELIVERED_AFTER) }, at);
    this.#receive(sku, at + DELIVERED_AFTER);
  }

  #receive(sku: string, at: Millis): void {
    this.#storeroom.set(sku, (this.#storeroom.get(sku) ?? 0) + ORDERED);
    this.#tell({ kind: 'receipt', sku, quantity: ORDERED }, at);
  }

  #tell(said: Pick<StockSaid, 'kind' | 'sku' | 'quantity' | 'expectedAt'>, at: Millis): void {
    const id = this.#nextId(at);
    this.#due.push({ at, said: { type: 'StockObserved', messageId: id, movementId: id, occurredAt: iso(at), warehouse: 'main', ...said } });
  }

  #nextId(at: Millis): string {
    return `demo-${(this.#serial += 1)}-${at}`;
  }
}
