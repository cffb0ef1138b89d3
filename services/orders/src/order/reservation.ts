import type { Fact, OrderLinesRecorded, OrderedLine } from '@yunke/contracts';
import { iso, type Millis } from '@yunke/kernel';

import { viewOf, type Milestone, type Order, type View } from './order.js';
import { asked, type Wanted } from './saga.js';

/** What a change is said with. */
export type Saying = { readonly cause: string; readonly effectiveAt: Millis; readonly acceptedAt: Millis; readonly reason: OrderLinesRecorded['reason'] };

/** Whoever is seen so has left the shop; where nobody said that it was shipped, the first of these did. */
const GONE: readonly Milestone[] = ['shipped', 'inTransit', 'outForDelivery', 'delivered', 'completed'];

/** Units by SKU, in the order of the SKUs: what is there to be set aside and shipped. */
export function orderedLines({ lines }: Order): OrderedLine[] {
  const bySku = new Map<string, { quantity: number; category?: string }>();
  for (const [, [{ sku, quantity, category }]] of Object.entries(lines).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (quantity <= 0) continue;
    const held = bySku.get(sku);
    const known = held?.category ?? category;
    bySku.set(sku, { quantity: (held?.quantity ?? 0) + quantity, ...(known !== undefined && { category: known }) });
  }
  return [...bySku].map(([sku, { quantity, ...category }]) => ({ sku, quantity: String(quantity), ...category })).sort((a, b) => (a.sku < b.sku ? -1 : 1));
}

const shippedAt = (milestones: View['milestones']): Millis | undefined => GONE.map((milestone) => milestones[milestone]).find((at) => at !== undefined);

/** What a live, paid order wants of stock; undefined while it wants nothing and never did. */
export function wanted({ order, milestones, state }: View): Wanted | undefined {
  if (!order.live || milestones.paid === undefined) return undefined;
  if (shippedAt(milestones) !== undefined) return { wants: 'consume', because: 'shipped', lines: [] };
  if (milestones.cancelled !== undefined) return { wants: 'release', because: 'cancelled', lines: [] };
  if (state.status === 'refunded') return { wants: 'release', because: 'refunded', lines: [] };
  if (order.saga?.lapsed) return { wants: 'release', because: 'lapsed', lines: [] };
  const lines = orderedLines(order).map(({ sku, quantity }) => ({ sku, quantity }));
  return lines.length === 0 ? { wants: 'release', because: 'amended', lines } : { wants: 'reserve', because: 'paid', lines };
}

/** The order with its next ask, when it wants something else than it asked for. */
export function withAsk(view: View): View {
  const { order } = view;
  if (!order.live) return view;
  const saga = asked(order.saga, wanted(view));
  return saga === undefined || saga === order.saga ? view : viewOf({ ...order, saga });
}

/** What an order says to inventory: its lines whenever they, or whether they left the shop, changed; and its latest ask. */
export function toldInventory(was: View, is: View, saying: Saying): { order: Order; facts: Fact[] } {
  const { order } = is;
  const common = { orderId: order.id, effectiveAt: iso(saying.effectiveAt), acceptedAt: iso(saying.acceptedAt), reason: saying.reason, cause: saying.cause };
  const facts: Fact[] = [];
  const [before, after] = [recordOf(was), recordOf(is)];
  const isOther = JSON.stringify(before) !== JSON.stringify(after);
  const linesSeq = (order.linesSeq ?? 0) + 1;
  if (isOther) facts.push({ type: 'OrderLinesRecorded', body: { ...common, seq: String(linesSeq), lines: [], ...after } });
  const { saga } = order;
  if (saga && saga.ask !== was.order.saga?.ask) facts.push({ type: 'ReservationAsked', body: { ...common, ask: String(saga.ask), wants: saga.wants, because: saga.because, lines: [...saga.lines] } });
  return { order: isOther ? { ...order, linesSeq } : order, facts };
}

function recordOf({ order, milestones, state: { placedAt, cancelledAt } }: View): Partial<Pick<OrderLinesRecorded, 'lines' | 'placedAt' | 'shippedAt' | 'cancelledAt'>> | undefined {
  const lines = orderedLines(order);
  if (lines.length === 0 && order.linesSeq === undefined) return undefined;
  const left = shippedAt(milestones);
  return { lines, ...(placedAt !== undefined && { placedAt }), ...(left !== undefined && { shippedAt: iso(left) }), ...(cancelledAt !== undefined && { cancelledAt }) };
}
