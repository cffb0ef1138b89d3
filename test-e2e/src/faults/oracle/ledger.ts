import { readOn, type Found } from './kafka-reader.js';

export const TOPICS = {
  orderObservations: 'yunke.ingestion.order-observations.v1', returnObservations: 'yunke.ingestion.return-observations.v1',
  ordersChanges: 'yunke.orders.changes.v1', ordersReturns: 'yunke.orders.returns.v1', segmentationChanges: 'yunke.segmentation.changes.v1',
  inventoryReservations: 'yunke.inventory.reservations.v1', notificationsDeliveries: 'yunke.notifications.deliveries.v1',
} as const;
export type TopicName = keyof typeof TOPICS;

const KEY: Record<TopicName, string> = { orderObservations: 'orderId', returnObservations: 'returnId', ordersChanges: 'orderId', ordersReturns: 'returnId', segmentationChanges: 'profileId', inventoryReservations: 'orderId', notificationsDeliveries: 'intentId' };

/** The first copy of an event, by the rules of the contract: its number is larger than any before it in its partition. */
export type First = { readonly partition: number; readonly id: string; readonly type: string; readonly messageId: string; readonly seq: number; readonly segment: string; readonly reason: string };

/** What every topic holds, read once: the first copies per key in order, how many copies there were, and what broke the rules. */
export class Ledger {
  readonly #offsets: Map<string, number[]>;
  readonly #largest = new Map<string, number>();
  readonly #ids = new Set<string>();
  readonly #firsts = new Map<TopicName, Map<string, First[]>>();
  /** Records that were sent again. */
  copies = 0;
  /** Events that lie behind a larger number of their partition: every reader drops them. */
  readonly overtaken: string[] = [];
  /** Events that lie there under two numbers: every reader takes them twice. */
  readonly renumbered: string[] = [];

  constructor(private readonly brokers: string, readonly names: readonly TopicName[]) {
    this.#offsets = new Map(names.map((name) => [TOPICS[name], []]));
    for (const name of names) this.#firsts.set(name, new Map());
  }

  /** Reads what has come since the last time. */
  async read(): Promise<void> {
    for (const found of await readOn(this.brokers, this.#offsets)) this.#take(found);
  }

  firsts(name: TopicName): ReadonlyMap<string, readonly First[]> {
    return this.#firsts.get(name) ?? new Map();
  }

  #take({ topic, partition, id, type, n, epoch, body }: Found): void {
    if (n === undefined || !body) return; // not one of ours: F27 puts it there
    const place = `${topic}/${partition}/${epoch}`;
    const event = `${topic} ${id}`;
    const isKnown = this.#ids.has(event);
    if (n <= (this.#largest.get(place) ?? 0)) {
      if (isKnown) this.copies += 1;
      else this.overtaken.push(event);
      return;
    }
    this.#largest.set(place, n);
    this.#ids.add(event);
    if (isKnown) this.renumbered.push(event);
    const name = this.names.find((one) => TOPICS[one] === topic)!;
    const key = String(body[KEY[name]]);
    const firsts = this.#firsts.get(name)!;
    const held = firsts.get(key) ?? firsts.set(key, []).get(key)!;
    held.push({ partition, id, type, messageId: String(body['messageId'] ?? ''), seq: Number(body['seq'] ?? 0), segment: String(body['segment'] ?? ''), reason: String(body['reason'] ?? '') });
  }
}
